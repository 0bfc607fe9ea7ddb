"""What is no checkpoint of a run is refused by name, and never written over."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from painting import Noted, of_pixels
from support import Reusable, noise, says

import neuralstyle as ns
from neuralstyle.transfer.identity import described, described_network
from neuralstyle.transfer.lock import locked
from neuralstyle.transfer.recipes import RECIPES


def called(name: str, value: Any) -> Any:
    """Give something the name by which checkpoints tell it."""
    value.checkpoint_name = name
    return value


PIXELS, OTHER = called("pixels", Reusable()), called("other pixels", Reusable())
OBJECTIVE = called("noted", Noted())
CONTENT, STYLE = noise(32, 40), noise(32, 32, 1)
MASK = np.ones((32, 40))


def paint(
    content: Any = CONTENT, style: Any = STYLE, file: Any = "run.npz", **options: Any
) -> ns.StyleResult:
    given = {"network": PIXELS, "objective": OBJECTIVE, "maxiter": 2, "checkpoint": file, **options}
    return ns.stylize(content, style, **given)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    file = tmp_path_factory.mktemp("finished") / "run.npz"
    paint(file=file)
    return file.read_bytes()


@pytest.fixture(autouse=True)
def there(finished: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("run.npz").write_bytes(finished)


# Another run


@pytest.mark.parametrize(
    ("changed", "another", "theirs", "ours"),
    [
        (
            {"content": noise(32, 40, 5)},
            "content",
            r"content \(32, 40, 3\) \(",
            r"\(32, 40, 3\) \(",
        ),
        (
            {"style": noise(32, 30, 1)},
            "style",
            r"style\[0\].style \(32, 32, 3",
            r"\(32, 30, 3\) \(",
        ),
        ({"size": 24, "content": noise(24, 30)}, "size", "size None", "24"),
        ({"style": [STYLE, STYLE]}, "style", r"style \[", r"\["),
        ({"maxiter": 3}, "maxiter", r"maxiter\[0\] 2", "3"),
        ({"xtol": 0.5}, "xtol", "xtol 0.0", "0.5"),
        ({"method": "adam"}, "method", r"method LBFGS\(maxcor=10", "KerasMethod"),
        ({"method": ns.LBFGS(maxcor=9)}, "method", "method .*maxcor=10", ".*maxcor=9"),
        ({"color": "match"}, "color", "color", ""),
        ({"init": noise(32, 40)}, "init", "init None", r"\(32, 40, 3\) \("),
        ({"seed": 1}, "seed", "seed 0", "1"),
        ({"network": OTHER}, "network", "network pixels", "other pixels"),
        ({"network": "compact"}, "network", "network pixels", "compact"),
        ({"objective": called("b", Noted())}, "objective", "objective noted", "b"),
        ({"objective": None, "recipe": "default"}, "recipe", "recipe None", ""),
        (
            {"objective": None, "recipe": "gatys2016", "regions": [ns.Region(MASK, STYLE)]},
            "regions",
            "regions",
            "",
        ),
    ],
)
def test_the_checkpoint_of_another_run_is_refused_by_what_differs(
    changed: dict[str, Any], another: str, theirs: str, ours: str, finished: bytes
) -> None:
    told = rf"received 'run.npz' .* differs in its {another} \({theirs}.*, here {ours}.*\); give "
    with says(ValueError, "checkpoint: expected one of this run, ", told):
        paint(**changed)
    assert Path("run.npz").read_bytes() == finished


def test_one_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ns, "__version__", "99.0")
    with says(ValueError, "checkpoint: .* received 'run.npz' .* in its version of .*, here 99.0"):
        paint()


def test_options_that_change_no_picture_may_differ(tmp_path: Path) -> None:
    paint(callback=lambda progress: None, progress=True, file=tmp_path / "run.npz")


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_are_told_by_every_keyword(name: str) -> None:
    make = RECIPES[name]
    usual = described("recipe", make())
    assert described("recipe", make()) == usual
    others = [of for of in RECIPES if of != name]
    assert all(described("recipe", RECIPES[of]()) != usual for of in others)
    signature = inspect.signature(make).parameters
    keywords = {of: parameter.default for of, parameter in signature.items()}
    for keyword, default in keywords.items():
        other = {"block1_conv1": 0.3} if not isinstance(default, int | float) else default + 0.5
        assert described("recipe", make(**{keyword: other})) != usual, keyword


def test_masks_and_weights_of_regions_are_told_apart() -> None:
    left = np.arange(40) < np.full((32, 1), 20)
    regions = [
        ns.Region(MASK, STYLE),
        ns.Region(left, STYLE),
        ns.Region(ns.Mask(left, "inside"), STYLE),
        ns.Region(left, 1 - STYLE),
        ns.Region(left, STYLE, np.ones((32, 32))),
        ns.Region(left, STYLE, weight=2),
    ]
    told = [str(described("region", region)) for region in regions]
    assert len(set(told)) == len(regions)


def test_a_file_of_weights_is_told_by_its_content(narrow: Any) -> None:
    np.savez("a.npz", **{f"{k}/{i}": a for k, v in narrow.items() for i, a in enumerate(v)})
    Path("b.npz").write_bytes(Path("a.npz").read_bytes())
    Path("c.npz").write_bytes(Path("a.npz").read_bytes() + b"\n")
    told = [described_network(f"{name}.npz") for name in "abc"]
    assert told[0] == told[1] != told[2]


@pytest.mark.parametrize(
    ("option", "value", "what"),
    [
        ("objective", Noted(), "objective"),
        ("network", Reusable(), "network"),
        ("recipe", of_pixels([]), r"recipe\.content"),
        ("color", ns.color.ColorTreatment(after=lambda picture, content: picture), r"color\.after"),
        ("method", type("Own", (ns.Method,), {"run": lambda self, run, state: None})(), "method"),
    ],
)
def test_what_no_file_can_tell_again_is_refused_unless_it_is_named(
    option: str, value: Any, what: str
) -> None:
    objective = {"objective": None} if option == "recipe" else {}
    with says(ValueError, "checkpoint: expected an attribute checkpoint_name of " + what):
        paint(file="new.npz", **{**objective, option: value})
    assert not Path("new.npz").exists()


# No checkpoint at all


def refused(content: bytes, file: str = "run.npz") -> None:
    Path(file).write_bytes(content)
    with pytest.raises((ValueError, OSError), match=file) as caught:
        paint(file=file)
    text = str(caught.value)
    assert "pickle" not in text and "trust" not in text and "\n" not in text
    assert Path(file).read_bytes() == content
    assert not Path(f"{file}.lock").exists()


def test_a_checkpoint_that_is_cut_off_is_refused(finished: bytes) -> None:
    lengths = np.random.default_rng(0).integers(0, len(finished), 40)
    for length in (0, 1, len(finished) - 1, *lengths.tolist()):
        refused(finished[:length])


def test_a_checkpoint_with_any_bit_changed_is_refused_or_the_same(finished: bytes) -> None:
    random = np.random.default_rng(1)
    count = 0
    for place in random.integers(0, len(finished), 60).tolist():
        changed = bytearray(finished)
        changed[place] ^= 1 << int(random.integers(8))
        try:
            refused(bytes(changed))
            count += 1
        except pytest.fail.Exception:  # padding, times and the like: nothing that is read
            assert paint(file="run.npz").nit == 2
    assert count > 50


def saved(**arrays: Any) -> Callable[[Path], None]:
    return lambda path: np.savez(path, **arrays)


def compressed(path: Path) -> None:
    np.savez_compressed(path, text=np.zeros(10**6, np.uint8))


def promising(path: Path) -> None:
    """Write a header that promises more than there is."""
    with zipfile.ZipFile(path, "w") as archive, archive.open("text.npy", "w") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (2**50,)}
        np.lib.format.write_array_header_1_0(file, header)


def text(content: str) -> Any:
    return np.frombuffer(content.encode(), np.uint8)


@pytest.mark.parametrize(
    "write",
    [
        lambda path: ns.save_image(path, CONTENT, format="png"),
        saved(a=np.zeros(3)),
        saved(text=np.array([{}, None], object)),
        saved(text=text("[]")),
        saved(text=text("{}")),
        saved(text=text('{"run": {}, "results": [{}], "begun": [], "history": []}')),
        saved(text=text('{"run": {}, "results": [], "begun": [], "history": []}')),
        saved(text=text('{"run": 3, "results": 4, "begun": null, "history": [[1]]}')),
        saved(text=np.zeros(9)),
        saved(text=text("[" * 100_000)),
        lambda path: path.write_bytes(np.random.default_rng(0).bytes(1000)),
        compressed,
        promising,
    ],
)
def test_another_file_is_refused_and_left(write: Callable[[Path], None]) -> None:
    write(Path("other.npz"))
    refused(Path("other.npz").read_bytes())


def test_places_where_no_file_can_be_are_refused_before_the_run() -> None:
    Path("folder").mkdir()
    with says(IsADirectoryError, "cannot write .*folder'"):
        paint(file="folder")
    with says(FileNotFoundError, "cannot write", "nowhere"):
        paint(file="nowhere/run.npz")
    with says(NotADirectoryError, "checkpoint: expected a folder .* received 'run.npz'"):
        ns.stylize_many([CONTENT], STYLE, network=PIXELS, checkpoint="run.npz")
    with says(FileNotFoundError, "cannot make the folder 'nowhere/folder'"):
        ns.stylize_frames([CONTENT], STYLE, [], network=PIXELS, checkpoint="nowhere/folder")


# Two at once


def test_a_second_run_is_refused_and_told_the_process_of_the_first() -> None:
    import os

    with (
        locked(Path("run.npz").absolute()),
        says(
            ValueError, "checkpoint: expected .* no other run uses, .* process " + str(os.getpid())
        ),
    ):
        paint()
    assert paint().nit == 2


def test_a_link_to_the_file_is_the_file() -> None:
    Path("link.npz").symlink_to("run.npz")
    with locked(Path("run.npz").absolute()), says(ValueError, "no other run uses"):
        paint(file="link.npz")


def test_a_run_within_itself_is_refused() -> None:
    seen: list[str] = []

    def again(progress: ns.Progress) -> None:
        with says(ValueError, "no other run uses"):
            paint(file="new.npz")
        seen.append("refused")

    paint(file="new.npz", callback=again)
    assert seen == ["refused"] * 2


@pytest.mark.skipif(os.name == "nt", reason="names of processes are not asked for there")
def test_the_lock_of_a_killed_process_does_not_stand_in_the_way() -> None:
    program = (
        "from pathlib import Path\n"
        "from neuralstyle.transfer.lock import locked\n"
        "import time\n"
        "with locked(Path('run.npz').absolute()):\n"
        "    Path('held').touch()\n"
        "    time.sleep(600)\n"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(ns.__file__).parents[1])}
    process = subprocess.Popen([sys.executable, "-c", program], env=env)
    while not Path("held").exists():
        assert process.poll() is None
        time.sleep(0.02)
    with says(ValueError, f"which the process {process.pid} does"):
        paint()
    process.kill()
    process.wait()
    assert Path("run.npz.lock").exists()
    assert paint().nit == 2
    assert not Path("run.npz.lock").exists()
