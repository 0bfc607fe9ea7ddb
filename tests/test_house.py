"""The plan of the house: which wing imports from which, what files may name, how long they are."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LIBRARY = ROOT / "neuralstyle"

FLOORS = (
    ("_types", "_checks", "_files", "_archives", "_warnings", "_lazy"),
    ("_kernels", "images"),
    ("features", "losses"),
    ("optimize",),
    ("transfer",),
    ("color", "statistics", "parametrizations", "recipes", "testing"),
    ("cli",),
    ("__main__",),
)
"""From the ground up: a wing imports from lower floors and from itself."""

FLOOR = {wing: floor for floor, wings in enumerate(FLOORS) for wing in wings}
GROUND = set(FLOORS[0])

NAMING_TENSORFLOW = {
    f"optimize/evaluation/{name}.py"
    for name in (
        *("evaluator", "compiled", "gradient_norms", "graphs", "reading", "addends", "passes"),
        "tiled",
    )
}
"""Beside all of ``_kernels``."""

FILES = sorted(path.relative_to(LIBRARY).as_posix() for path in LIBRARY.rglob("*.py"))
STUBS = sorted(path.relative_to(LIBRARY).as_posix() for path in LIBRARY.rglob("*/*.pyi"))
TESTS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("*.py"))

every_file = pytest.mark.parametrize("file", FILES)


@cache
def tree_of(file: str) -> ast.Module:
    return ast.parse((LIBRARY / file).read_text())


def wing_of(module: str) -> str:
    """Return the wing of ``neuralstyle.wing.file``, or of ``wing/file.py``."""
    parts = module.removesuffix(".py").removesuffix(".pyi").replace("/", ".").split(".")
    return parts[1] if parts[0] == "neuralstyle" else parts[0]


@cache
def homes(package: str) -> dict[str, str]:
    """Return where the names of a lazy package come from, by its stub."""
    stub = LIBRARY.joinpath(*package.split(".")[1:], "__init__.pyi")
    nodes = ast.parse(stub.read_text()).body if stub.exists() else []
    return {
        alias.name: f"{node.module}.{alias.name}"
        for node in nodes
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


def imported(file: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the dotted name of all that a file imports from the library.

    Imports within functions and for type checkers count too. ``import neuralstyle`` and its
    ``__version__`` are free, but what is taken from it by name comes from that name's home.
    """
    itself = set()
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name == "neuralstyle":
                    itself.add(alias.asname or alias.name)
                elif alias.name.startswith("neuralstyle."):
                    yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}, line {node.lineno}: write the import in full"
            if node.module and node.module.split(".")[0] == "neuralstyle":
                for alias in node.names:
                    name = f"{node.module}.{alias.name}"
                    if name != "neuralstyle.__version__":
                        yield node.lineno, homes(node.module).get(alias.name, name)
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id in itself and node.attr in homes("neuralstyle"):
                yield node.lineno, homes("neuralstyle")[node.attr]


def file_of(module: str) -> str:
    """Return the file that a dotted name lies in."""
    parts = module.split(".")[1:]
    while parts:
        for path in ("/".join(parts) + ".py", "/".join([*parts, "__init__.py"])):
            if path in FILES:
                return path
        parts = parts[:-1]
    return "__init__.py"


def test_every_wing_has_its_floor() -> None:
    found = {wing_of(file) for file in FILES} - {"__init__"}
    assert found == set(FLOOR), "a new wing, or a file beside them, needs a place in FLOORS"


@pytest.mark.parametrize("file", [f for f in [*FILES, *STUBS] if f != "__init__.py"])
def test_nothing_imports_upwards(file: str) -> None:
    own = wing_of(file)
    for line, module in imported(file):
        wing = wing_of(module)
        if wing == own or {wing, own} <= GROUND:
            continue
        below = ", ".join(name for name in FLOOR if FLOOR[name] < FLOOR[own])
        assert FLOOR[wing] < FLOOR[own], (
            f"neuralstyle/{file}, line {line}: {own} imports {module}, but may touch only what is "
            f"below it: {below}. Move what is needed down, or take it as an argument."
        )


def test_no_files_import_each_other_in_a_circle() -> None:
    graph = {file: {file_of(module) for _, module in imported(file)} - {file} for file in FILES}
    check_straight(graph, "files import each other: {}. Move what they share to a file below both.")


def test_no_rooms_of_a_wing_import_each_other_in_a_circle() -> None:
    """What several rooms share lies beside them, in the wing itself."""
    graph: dict[str, set[str]] = {}
    for file in FILES:
        room = room_of(file)
        others = {room_of(file_of(module)) for _, module in imported(file)}
        if "/" in room:
            graph.setdefault(room, set()).update(o for o in others - {room} if "/" in o)
    check_straight(graph, "rooms import each other: {}. Move what they share beside them.")


def room_of(file: str) -> str:
    return "/".join(file.split("/")[:-1][:2])


def check_straight(graph: dict[str, set[str]], otherwise: str) -> None:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(otherwise.format(" <- ".join(error.args[1])))


@every_file
def test_tensorflow_is_named_where_it_may_be(file: str) -> None:
    if wing_of(file) == "_kernels" or file in NAMING_TENSORFLOW:
        return
    for node in ast.walk(tree_of(file)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names = [node.value] if " " not in node.value else []  # import_module("tensorflow")
        assert not any(name.split(".")[0] == "tensorflow" for name in names), (
            f"neuralstyle/{file}, line {node.lineno}: names TensorFlow. Write it with keras.ops, "
            "or put what needs TensorFlow into neuralstyle/_kernels."
        )


@pytest.mark.parametrize(
    ("file", "most"),
    [*((f"neuralstyle/{file}", 350) for file in FILES), *((file, 400) for file in TESTS)],
)
def test_no_file_is_long_without_a_reason(file: str, most: int) -> None:
    text = (ROOT / file).read_text()
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    first = next((t.string for t in tokens if t.type == tokenize.COMMENT), "")
    count = text.count("\n")
    assert count <= most or first.startswith("# Long because "), (
        f"{file}: {count} lines, more than {most}. Split it, or let its first comment be the "
        "reason: # Long because ..."
    )


SIZE = re.compile(r"\{([^{}]+)\} x \{([^{}]+)\}")
"""A size in a message."""


@every_file
def test_sizes_are_told_as_width_x_height(file: str) -> None:
    """As pictures are spoken of; shapes of arrays are tuples, height first."""
    text = (LIBRARY / file).read_text()
    for first, second in SIZE.findall(text):
        right = first.endswith(("width", "[1]")) and second.endswith(("height", "[0]"))
        assert first == second or right or (first, second) == ("1", "0"), (
            f"neuralstyle/{file}: {{{first}}} x {{{second}}}: use describe of "
            "neuralstyle/_checks.py, which takes a shape and tells the width first"
        )
    assert not re.search(r"""["'] x ["']\.join""", text), (
        f"neuralstyle/{file}: the shape of an array is told as a tuple"
    )


@pytest.mark.parametrize("folder", sorted({file.rpartition("/")[0] for file in FILES}))
def test_every_folder_says_what_lives_there_and_what_it_may_touch(folder: str) -> None:
    place = f"neuralstyle/{folder}".rstrip("/")
    file = f"{folder}/__init__.py".lstrip("/")
    assert file in FILES, f"{place} has no __init__.py"
    text = ast.get_docstring(tree_of(file)) or ""
    summary, *rest = text.split("\n\n")
    assert summary.endswith("."), f"{place}/__init__.py: say in a sentence what lives there"
    assert any(word in text for word in ("may touch", "touches only", "imports only from")), (
        f"{place}/__init__.py: say what of the house it may touch"
    )


def test_tests_lie_in_the_folders_of_what_they_test() -> None:
    wings = {wing.lstrip("_") for wing in FLOOR if (LIBRARY / wing).is_dir()}
    folders = {Path(file).parts[1] for file in TESTS if len(Path(file).parts) > 2}
    assert folders - {"benchmarks", "docs", "downstream", "hostile"} <= wings


@every_file
def test_a_warning_points_at_the_users_line(file: str) -> None:
    """A warning that shows a line of the library's says nothing to the user."""
    names = {ast.unparse(n.func) for n in ast.walk(tree_of(file)) if isinstance(n, ast.Call)}
    taken = {
        alias.name
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.ImportFrom) and node.module == "warnings"
        for alias in node.names
    }
    assert file == "_warnings.py" or not ({"warnings.warn"} & names or {"warn"} & taken), (
        "use warn of neuralstyle/_warnings.py, which finds the line of the user"
    )
