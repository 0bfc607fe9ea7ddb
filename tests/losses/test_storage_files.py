"""Files of losses: plain arrays, whole or not at all, and what is no such file."""

from __future__ import annotations

import gc
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from losses.examples import (
    EXAMPLES,
    TARGET,
    EdgeLoss,
)
from losses.saving import Everything, saved_and_loaded
from support import (
    Array,
    random_map,
)

import neuralstyle as ns
from neuralstyle.losses.storage import FORMAT


class Trap:
    """Leaves a trace where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def with_contents(path: Path, contents: str, **arrays: Array) -> None:
    np.savez(path, neuralstyle=np.array(contents), **arrays)


def truncated(path: Path) -> None:
    ns.save_loss(path, ns.StyleLoss(TARGET, "first"))
    path.write_bytes(path.read_bytes()[:-40])


def damaged(path: Path) -> None:
    ns.save_loss(path, ns.ContentLoss(TARGET, "first"))
    data = path.read_bytes()
    numbers = np.ascontiguousarray(TARGET["first"]).tobytes()
    assert data.count(numbers) == 1
    path.write_bytes(data.replace(numbers, numbers[::-1]))


def plain_array(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.ones(3))


def target(seed: int, height: int = 5, width: int = 6) -> dict[str, Array]:
    """Features whose size grows with the seed."""
    maps = {"a": random_map(seed, height, width, 3), "b": random_map(seed + 50, 3, 4, 4)}
    return {layer: (1 + seed) * array for layer, array in maps.items()}


def test_the_file_has_the_name_given(tmp_path: Path) -> None:
    for name in ("style.npz", "style", "style.loss"):
        ns.save_loss(str(tmp_path / name), ns.TotalVariationLoss())
        assert isinstance(ns.load_loss(str(tmp_path / name)), ns.TotalVariationLoss)
    assert sorted(os.listdir(tmp_path)) == ["style", "style.loss", "style.npz"]


def test_there_are_only_plain_arrays_in_the_file(path: Path) -> None:
    losses = [example.make(TARGET) for example in EXAMPLES.values()]
    ns.save_loss(path, ns.StyleObjective(*losses, Everything(TARGET)))
    with np.load(path, allow_pickle=False) as file:
        assert all(file[name].dtype.kind in "fiUb" for name in file.files)
        assert len(file.files) > 20
    for name in zipfile.ZipFile(path).namelist():
        assert name.endswith(".npy")


@pytest.mark.parametrize("where", ["neuralstyle", "0"])
def test_a_file_with_pickled_objects_is_refused_and_not_run(where: str, path: Path) -> None:
    trap = np.array([Trap(path.with_name("caught"))], object)
    contents = {"format": FORMAT, "loss": {"loss": ["EdgeLoss", {"edges": {"array": 0}}]}}
    np.savez(path, **{"neuralstyle": np.array(json.dumps(contents)), where: trap})
    with pytest.raises(ValueError, match="expected a file written by save_loss$"):
        ns.load_loss(path, classes=[EdgeLoss])
    assert not path.with_name("caught").exists()


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_text("hello"),
        lambda path: path.write_bytes(b"PK\x03\x04"),
        truncated,
        damaged,
        plain_array,
        lambda path: np.savez(path, a=np.ones(3)),
        lambda path: with_contents(path, "no json"),
        lambda path: with_contents(path, "[1, 2]"),
        lambda path: with_contents(path, "{}"),
        lambda path: with_contents(path, '{"format": 1, "loss": null}', other=np.ones(3)),
    ],
    ids=[
        "empty",
        "text",
        "start of an archive",
        "truncated",
        "damaged",
        "one array",
        "other arrays",
        "no json",
        "a list",
        "nothing",
        "arrays of other names",
    ],
)
# NumPy leaves a broken archive open until it is collected.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_file_that_is_something_else_is_refused_by_name(
    write: Callable[[Path], object], path: Path
) -> None:
    write(path)
    try:
        ns.load_loss(path)
    except ValueError as error:
        message = str(error)
    gc.collect(1)  # what is young: all that is here takes seconds
    assert message == f"cannot read {str(path)!r}: expected a file written by save_loss"


def test_a_file_of_a_later_format_is_refused(path: Path) -> None:
    with_contents(path, json.dumps({"format": FORMAT + 1, "loss": None, "more": "than is known"}))
    with pytest.raises(ValueError) as caught:
        ns.load_loss(path)
    assert "later version of this library" in str(caught.value)
    assert repr(str(path)) in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"cannot read '.*style\.npz': No such file"):
        ns.load_loss(path)
    with pytest.raises(IsADirectoryError, match="^cannot read '.*': Is a directory"):
        ns.load_loss(path.parent)


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("nowhere/style.npz", FileNotFoundError),
        ("", IsADirectoryError),
        ("file/style.npz", NotADirectoryError),
    ],
)
def test_a_file_that_cannot_be_written_is_named(
    place: str, kind: type[OSError], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(kind, match="^cannot write '"):
        ns.save_loss(tmp_path / place, ns.TotalVariationLoss())


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_writing_that_fails_leaves_an_old_file_as_it_was(
    error: BaseException, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ns.save_loss(path, ns.StyleLoss(TARGET, "first"))
    before = path.read_bytes()

    def fail(file: Any, **arrays: Any) -> None:
        file.write(b"half of it")
        file.flush()
        raise error

    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(type(error)) as caught:
        ns.save_loss(path, ns.ContentLoss(TARGET, "second"))
    if isinstance(error, OSError):
        assert str(caught.value) == f"cannot write {str(path)!r}: No space left on device"
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_a_file_is_replaced_when_it_is_whole(path: Path) -> None:
    ns.save_loss(path, ns.ContentLoss(TARGET, "first"))
    assert repr(saved_and_loaded(path, ns.TotalVariationLoss(3))) == repr(ns.TotalVariationLoss(3))


@pytest.mark.parametrize(
    "contents",
    [
        '{"format": "x", "loss": 7}',
        '{"format": 1, "loss": {"loss": ["StyleLoss"]}}',
        '{"format": 1, "loss": {"array": 5}}',
        '{"format": 1, "loss": {"nonsense": []}}',
        '{"format": 1, "loss": 7}',
    ],
)
def test_a_file_with_damaged_contents_is_refused(tmp_path: Path, contents: str) -> None:
    path = tmp_path / "damaged.npz"
    np.savez(path, neuralstyle=np.array(contents))
    with pytest.raises(ValueError, match=r"damaged\.npz"):
        ns.load_loss(path)
