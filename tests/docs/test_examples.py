"""The programs of docs/examples run as they are, and write what they say."""

from __future__ import annotations

import ast
import csv
import io
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

import neuralstyle as ns

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "docs" / "examples"

WRITTEN = {
    "sweep": ["sweep.csv", "sweep.png"],
    "own_losses": ["own_losses.png"],
    "other_optimizer": ["other_optimizer.png"],
    "other_network": ["other_network.png"],
    "typed": ["typed.png"],
    "batch": ["painted/content.png", "painted/style.png", "painted/stylized.png"],
    "ports/tensorflow_tutorial": ["tensorflow_tutorial.png"],
}
"""What each writes into the current folder."""

NOTEBOOK = json.loads((EXAMPLES / "notebook.ipynb").read_text())
CELLS = ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty current folder: programs find their pictures from anywhere."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITTEN)
def test_a_program_runs_and_writes_what_it_says(
    name: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    script = str(EXAMPLES / f"{name}.py")
    monkeypatch.setattr(sys, "argv", [script])
    runpy.run_path(script, run_name="__main__")
    assert capsys.readouterr().out
    written = [
        path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.[cp][sn][vg]"))
    ]
    assert written == WRITTEN[name]
    for path in written:
        if path.endswith(".csv"):
            with open(path, newline="") as file:
                losses = [float(row["losses.content"]) for row in csv.DictReader(file)]
            assert len({*losses}) == 6
        else:
            assert min(ns.load_image(path).shape[:2]) >= 42


@pytest.mark.slow
def test_a_batch_leaves_out_what_cannot_be_read_and_goes_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "photos").mkdir()
    photograph = (EXAMPLES / "content.png").read_bytes()
    for name, data in {
        "a.jpg": b"no picture",
        "b.png": photograph[:999],
        "c.PNG": photograph,
    }.items():
        (folder / "photos" / name).write_bytes(data)
    (folder / "photos" / "notes.txt").write_text("no picture either")
    monkeypatch.setattr(sys, "argv", ["batch.py", "photos", "out"])
    seen = []
    for _ in range(2):
        runpy.run_path(str(EXAMPLES / "batch.py"))
        seen.append((capsys.readouterr().out, (folder / "out" / "c.png").read_bytes()))
    lines = seen[0][0].splitlines()
    assert [line.split()[0] for line in lines] == ["left", "left", "c.png"]
    assert "a.jpg" in lines[0]
    assert "b.png" in lines[1]
    assert seen[0] == seen[1]
    assert len(list(folder.glob("out/checkpoints_*/*.npz"))) == 1


@pytest.mark.slow
def test_notebook_runs_from_top_to_bottom_and_shows_what_its_cells_end_with(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nbclient = pytest.importorskip("nbclient", reason="there is no nbclient to run it with")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel", reason="there is no kernel to run it in")
    for name in ("notebook.ipynb", "content.png", "style.png"):
        shutil.copy(EXAMPLES / name, folder)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(folder / "notebook.ipynb", as_version=4)
    options = {
        "timeout": 300,
        "kernel_name": "python3",
        "resources": {"metadata": {"path": folder}},
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of asyncio's and Jupyter's own
        nbclient.NotebookClient(notebook, **options).execute()
    said = re.search(r"brightness ([\d.]+) before, ([\d.]+) after", json.dumps(notebook))
    assert said and float(said[1]) + 0.05 < float(said[2]) < 0.75  # towards what its loss asks for
    shown = 0
    for cell in (cell for cell in notebook.cells if cell["cell_type"] == "code"):
        *_, last = ast.parse(cell["source"].replace("%matplotlib inline", "")).body
        if isinstance(last, ast.Expr) and isinstance(last.value, ast.Name | ast.Call):
            kinds = {kind for output in cell["outputs"] for kind in output.get("data", ())}
            silent = any(call in cell["source"] for call in ("save_report(", "print("))
            assert silent or kinds & {"image/png", "text/html"}, cell["source"]
            shown += not silent
    assert shown == 9
    assert {path.name for path in folder.iterdir()} >= {"painted.png", "painted.html"}


def test_notebook_begins_with_what_a_reader_may_change() -> None:
    names = [target.id for line in ast.parse(CELLS[0]).body for target in line.targets]  # type: ignore
    assert names == [name.upper() for name in names]
    for name in names:
        assert any(re.search(rf"\b{name}\b", cell) for cell in CELLS[1:]), name


def test_the_notebook_has_no_outputs() -> None:
    assert not any(cell.get("outputs") for cell in NOTEBOOK["cells"])


@pytest.fixture
def service(folder: Path) -> Iterator[str]:
    """Start the service, and return its address."""
    process = subprocess.Popen(
        [sys.executable, EXAMPLES / "service.py", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    with process:
        yield process.stdout.readline().strip()
        process.terminate()


@pytest.mark.slow
def test_the_service_paints_what_is_posted_and_refuses_what_is_no_picture(service: str) -> None:
    photograph = (EXAMPLES / "content.png").read_bytes()
    with urllib.request.urlopen(service, photograph, timeout=60) as answer:
        assert answer.headers["Content-Type"] == "image/png"
        assert answer.headers["X-Message"] == "made 40 iterations at 2 scales"
        painting = answer.read()
    assert ns.load_image(io.BytesIO(painting)).shape == (86, 128, 3)
    assert ns.load_metadata(io.BytesIO(painting)).options["maxiter"] == [20]
    with pytest.raises(urllib.error.HTTPError, match="400") as refused:
        urllib.request.urlopen(service, b"no picture", timeout=60)
    assert "it is no picture" in refused.value.read().decode()
    refused.value.close()


PROGRAMS = sorted(
    {*EXAMPLES.glob("*.py"), *EXAMPLES.glob("ports/*.py")} - {*EXAMPLES.glob("make_*")}
)


def test_every_program_is_run_and_has_a_sentence_in_the_documentation() -> None:
    page = (ROOT / "docs" / "programs.md").read_text()
    named = [path.relative_to(EXAMPLES).with_suffix("").as_posix() for path in PROGRAMS]
    of_ports = {name for name in named if name.startswith("ports/")}  # see test_ports.py
    assert {*named} - of_ports == {*WRITTEN, "service"} - of_ports
    for name in [f"{name}.py" for name in named] + ["notebook.ipynb"]:
        assert f"](examples/{name})" in page, f"add {name} to docs/programs.md"


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_programs_use_public_names_only(path: Path) -> None:
    code = path.read_text()
    assert {*re.findall(r"\bns\.(\w+)", code)} <= {*ns.__all__}
    imports = re.findall(r"^(?:import|from) .*neuralstyle.*", code, re.MULTILINE)
    assert imports == ["import neuralstyle as ns"]
