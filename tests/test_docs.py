"""The README and the pages of docs/ run, and leave nothing public out."""

from __future__ import annotations

import fnmatch
import functools
import importlib
import inspect
import logging
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import neuralstyle as ns
from neuralstyle.cli.main import COMMANDS
from neuralstyle.features.architectures import VGG16
from neuralstyle.transfer.options.options import options
from neuralstyle.transfer.recipes import RECIPES

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
EXAMPLES = DOCS / "examples"
PRINTED = sorted(
    {*EXAMPLES.glob("*.py"), *EXAMPLES.glob("ports/*.py")} - {*EXAMPLES.glob("make_*")}
)
API = sorted((DOCS / "api").glob("*.md"))
LONG = (
    *("large", "choosing", "stylize", "masks", "report", "composing", "finding", "networks"),
    *("own-losses", "methods", "films", "runs"),
)
"""Pages whose blocks take longer than the others' together."""

PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md")), *API]


def code_blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Take back what a page sets up for the whole process."""
    loggers = [logging.getLogger(), logging.getLogger("neuralstyle")]
    before = [(one.level, [*one.handlers]) for one in loggers]
    yield
    for one, (level, handlers) in zip(loggers, before, strict=True):
        one.setLevel(level)
        one.handlers[:] = handlers


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(
            page,
            id=page.relative_to(ROOT).as_posix(),
            marks=[pytest.mark.slow] if page.stem in LONG else [],
        )
        for page in PAGES
        if code_blocks(page)
    ],
)
def test_python_blocks_of_a_page_run_one_after_another(
    page: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Blocks name the example pictures as seen from the root, and write beside them.
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    monkeypatch.chdir(tmp_path)
    scope: dict[str, object] = {"__name__": "__main__"}
    for number, block in enumerate(code_blocks(page), start=1):
        exec(compile(block, f"{page.name}, block {number}", "exec"), scope)
    ignored = [
        line[1:] for line in (ROOT / ".gitignore").read_text().splitlines() if line[0] == "/"
    ]
    for made in {path.name for path in tmp_path.iterdir()} - {"docs"}:
        assert any(fnmatch.fnmatch(made, pattern) for pattern in ignored), f".gitignore: add {made}"


@pytest.mark.slow
def test_the_script_of_the_page_on_processes_runs(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "processes.md").read_text()
    (script,) = re.findall(r"^```py\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    (tmp_path / "script.py").write_text(script)
    done = subprocess.run(
        [sys.executable, "script.py"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.stdout.split() == ["first.png", "second.png"], done.stderr
    for name in done.stdout.split():
        assert max(ns.load_image(tmp_path / name).shape[:2]) == 64


@functools.cache
def api_page() -> str:
    """Return the pages of the API, with what stands for the library's lists written out."""
    conf = runpy.run_path(str(DOCS / "conf.py"))
    page = "\n".join(path.read_text() for path in API)
    return re.sub(
        r"^\.\. every:: (\w+)$", lambda m: "\n".join(conf["every"](m[1])), page, flags=re.M
    )


@pytest.mark.parametrize("name", ns.__all__)
def test_every_public_name_has_an_entry_in_the_api(name: str) -> None:
    entry = rf"^\.\. (auto|py:)\w+:: (neuralstyle\.)?(\w+\.)*{name}\b"
    assert re.search(entry, api_page(), re.MULTILINE), "add an entry to a page of docs/api/"


@pytest.mark.parametrize("name", options())
def test_every_option_of_stylize_has_a_row_in_its_table(name: str) -> None:
    rows = re.findall(r"^\| (`.*?) \|", (DOCS / "stylize.md").read_text(), re.MULTILINE)
    assert f"`{name}`" in ", ".join(rows).split(", "), "add a row to docs/stylize.md, Every option"


def test_the_table_of_options_names_no_other() -> None:
    page = (DOCS / "stylize.md").read_text().partition("## Every option")[2].partition("\n## ")[0]
    rows = ", ".join(re.findall(r"^\| (`.*?) \|", page, re.MULTILINE))
    assert {*re.findall(r"`(\w+)`", rows)} == {*options()}


@pytest.mark.parametrize(
    "name", [n for n in ns.__all__ if n.endswith("Loss") and n not in ("Loss", "LayerLoss")]
)
def test_every_loss_has_a_row_in_the_table_of_losses(name: str) -> None:
    page = (ROOT / "docs" / "losses.md").read_text()
    assert f"| `{name}` |" in page, "add a row to the first table of docs/losses.md"


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_has_a_row_in_the_table_of_recipes(name: str) -> None:
    page = (DOCS / "recipes.md").read_text()
    assert f"| `{name}` |" in page, "add a row to the first table of docs/recipes.md"


def keywords_told(name: str) -> dict[str, tuple[float, set[str]]]:
    """Return the weights of a recipe on the page: their defaults, and the terms that they weigh."""
    page = (DOCS / "recipes.md").read_text()
    if name in ("default", "fast"):
        rows = re.findall(r"^\| `(\w+)` \| `(\w+_weight)` \| (\S+) \|", page, re.MULTILINE)
        return {keyword: (float(default), {term}) for term, keyword, default in rows}
    (row,) = re.findall(rf"^\| `{name}` \| (`\w+=.*) \|$", page, re.MULTILINE)
    told = re.findall(r"`(\w+)=([^`]+)`:((?:,? `\w+`)*)", row)
    return {
        keyword: (float(Fraction(default)), {*re.findall(r"\w+", terms)})
        for keyword, default, terms in told
    }


@pytest.mark.parametrize("name", RECIPES)
def test_the_keywords_of_a_recipe_are_told_with_the_terms_that_they_weigh(name: str) -> None:
    parameters = inspect.signature(RECIPES[name]).parameters
    picture = np.random.default_rng(0).uniform(size=(1, 8, 8, 3)).astype(np.float32)
    features = dict.fromkeys(("input", *VGG16.layers), picture)
    usual = RECIPES[name]()(features, features).weights
    found = {}
    for keyword in (keyword for keyword in parameters if keyword.endswith("_weight")):
        default = parameters[keyword].default
        more = RECIPES[name](**{keyword: 2 * default or 1})(features, features).weights
        found[keyword] = default, {term for term in more if more[term] != usual.get(term)}
    assert found == keywords_told(name), "mend the tables of docs/recipes.md, Terms and keywords"
    page = (DOCS / "recipes.md").read_text()
    assert all(f"`{keyword}" in page for keyword in parameters)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_row_in_the_table_of_commands(name: str) -> None:
    page = (ROOT / "docs" / "command-line.md").read_text()
    assert re.search(rf"^\| `neuralstyle \[?{name}\b", page, re.MULTILINE), (
        "add a row to the first table of docs/command-line.md"
    )


@pytest.mark.parametrize("name", ns.color.TREATMENTS)
def test_every_treatment_of_colour_is_in_the_table_of_choosing(name: str) -> None:
    rows = re.findall(r"^\| (`\".*)$", (DOCS / "choosing.md").read_text(), re.MULTILINE)
    assert f'`"{name}"`' in " ".join(rows), "add a row to the table of docs/choosing.md, Colour"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_examples_use_public_names_only(page: Path) -> None:
    code = "\n".join(code_blocks(page))
    used = set(re.findall(r"\bns\.(\w+)", code))
    used |= {
        name
        for line in re.findall(r"from neuralstyle import (.+)", code)
        for name in re.findall(r"(\w+)(?: as \w+)?", line)
    }
    assert used <= {*ns.__all__, "__version__"}
    assert not re.search(r"\bneuralstyle\.\w", code), "import neuralstyle as ns, and use ns.name"


def test_what_the_api_page_names_is_there() -> None:
    page = api_page()
    module = "neuralstyle"
    named = re.findall(r"^\.\. (currentmodule|auto\w+):: (\S+)$", page, re.MULTILINE)
    assert named
    for directive, name in named:
        if directive == "currentmodule":
            module = name
            continue
        full = name if name.startswith("neuralstyle.") else f"{module}.{name}"
        if directive == "automodule":
            importlib.import_module(full)
        else:
            functools.reduce(getattr, full.split(".")[1:], ns)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_every_page_is_in_the_contents() -> None:
    contents = [DOCS / "index.md", DOCS / "api.md"]
    trees = re.findall(
        r"^```\{toctree\}\n(.*?)^```",
        "\n".join(p.read_text() for p in contents),
        re.MULTILINE | re.DOTALL,
    )
    named = [line for tree in trees for line in tree.splitlines() if line and line[0] != ":"]
    there = [p.relative_to(DOCS).with_suffix("").as_posix() for p in PAGES[1:]]
    assert {*there} - {"index"} <= {*named}
    assert len(named) == len({*named})  # no page twice


def test_every_picture_of_the_pages_is_shown_and_every_sheet_has_its_maker() -> None:
    text = "\n".join(page.read_text() for page in PAGES)
    pictures = [*(DOCS / "explained").iterdir(), *(DOCS / "gallery").iterdir()]
    shown = {*re.findall(r"(?:explained|gallery)/\w+\.jpg", text)}
    assert {f"{path.parent.name}/{path.name}" for path in pictures} == shown
    maker = (DOCS / "examples" / "make_explained.py").read_text()
    for path in (DOCS / "explained").iterdir():
        assert f"def {path.stem}() -> Picture:" in maker


def test_every_photograph_and_painting_is_credited() -> None:
    credits_ = (DOCS / "credits.md").read_text()
    for path in (*(DOCS / "pictures").iterdir(), *(DOCS / "examples").glob("*.png")):
        place = path.relative_to(DOCS).as_posix()
        assert f"]({place})" in credits_, "say in docs/credits.md who made it"


def test_the_check_of_built_pages_finds_what_leads_nowhere_or_outside(tmp_path: Path) -> None:
    faults = runpy.run_path(str(DOCS / "check_links.py"))["faults"]
    (tmp_path / "a.html").write_text('<p id="here"><a href="b.html#there"></a><a href="#here"></a>')
    (tmp_path / "b.html").write_text('<a id="there" href="https://example.org"></a>')
    assert faults(tmp_path) == []
    (tmp_path / "c.html").write_text(
        '<a href="a.html#there"></a><img src="no.png"><script src="https://example.org/x.js">'
    )
    assert faults(tmp_path) == [
        "c.html: a.html#there leads to no place in that page",
        "c.html: https://example.org/x.js is from outside",
        "c.html: no.png leads nowhere",
    ]


@pytest.mark.parametrize("path", PRINTED, ids=lambda path: path.stem)
def test_every_program_is_printed(path: Path) -> None:
    named = path.relative_to(DOCS).as_posix()
    assert f"{{literalinclude}} {named}\n" in (DOCS / "listings.md").read_text()


def test_nothing_of_this_project_is_installed_from_an_index() -> None:
    """It is not published, and the project that has its name there is another one."""
    programs = (path for path in EXAMPLES.rglob("*") if path.suffix in (".py", ".ipynb"))
    for path in (*PAGES, *programs, *(ROOT / "neuralstyle").rglob("*.py")):
        assert not re.search(r"pip install [^\n`'&]*neuralstyle", path.read_text()), path


def reliability() -> list[tuple[str, str]]:
    """Return the faults of docs/reliability.md, and what is said of their tests."""
    lines = (ROOT / "docs" / "reliability.md").read_text().splitlines()
    rows = [re.split(r" *\| +| +\| *", line)[1:-1] for line in lines if line.startswith("| ")]
    return [(fault, tests) for fault, _, tests in rows if fault != "fault"]


def test_every_fault_has_one_row_and_tests_that_are_there() -> None:
    rows = reliability()
    faults = [fault for fault, _ in rows]
    assert sorted(faults) == sorted({*faults})
    for fault, tests in rows:
        named = re.findall(r"`(tests/[^`]+)`", tests)
        assert named, fault
        for name in named:
            assert (ROOT / name).is_file(), f"{fault}: {name} is not there"


def test_every_hostile_test_holds_a_promise() -> None:
    named = {name for _, tests in reliability() for name in re.findall(r"`(tests/[^`]+)`", tests)}
    there = {p.relative_to(ROOT).as_posix() for p in (ROOT / "tests/hostile").glob("test_*.py")}
    assert there <= named, "add what it holds to docs/reliability.md"
