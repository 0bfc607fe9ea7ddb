"""What tests of the command line share: a working folder, and a short run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import painting
import pytest

import neuralstyle as ns
from neuralstyle.cli.main import main
from neuralstyle.transfer import frames, stylize
from neuralstyle.transfer.comparing import contact_sheet
from neuralstyle.transfer.recipes import RECIPES

Run: TypeAlias = Callable[..., int]


@pytest.fixture
def folder(
    tmp_path: Path, pictures: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A working folder with content.png and style.png."""
    for name, picture in zip(("content.png", "style.png"), pictures, strict=True):
        ns.save_image(tmp_path / name, picture)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    """Call the command line for two iterations, unless told otherwise, from this folder."""

    def called(*options: str, inputs: str = "content.png style.png", out: str = "out.png") -> int:
        short = () if "--iterations" in options else ("--iterations", "2")
        return main([*inputs.split(), "-o", out, *short, *options])

    return called


@pytest.fixture
def shallow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the default recipe look at the first layer alone, where it does not matter at which."""
    monkeypatch.setitem(RECIPES, "default", painting.shallow)


@pytest.fixture
def made(folder: Path) -> Callable[[], list[str]]:
    """Return what was made in this folder."""
    given = set(folder.iterdir())
    return lambda: sorted(path.name for path in folder.iterdir() if path not in given)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """Put spies in the place of what paints; each call's arguments come into the list."""
    seen: list[dict[str, Any]] = []

    def many(contents: Any, style: Any, **options: Any) -> Iterator[Any]:
        seen.append({**options, "contents": list(contents), "style": style})
        return iter(())

    def one(content: Any, style: Any, **options: Any) -> ns.StyleResult:
        seen.append({**options, "contents": [content], "style": style})
        image = np.zeros((4, 4, 3), np.float32)
        return ns.StyleResult(image, 0.0, {}, (), 0, 1, 0.0, True, ns.Status.LIMIT, "", {})

    def film(contents: Any, style: Any, flows: Any, **options: Any) -> Iterator[Any]:
        seen.append({**options, "contents": list(contents), "style": style, "flows": list(flows)})
        return iter(())

    def sheet(content: Any, style: Any, vary: Any, **options: Any) -> Any:
        seen.append({**options, "contents": [content], "style": style, "vary": vary})
        return np.zeros((4, 4, 3), np.float32)

    monkeypatch.setattr(stylize, "stylize_many", many)
    monkeypatch.setattr(stylize, "stylize", one)
    monkeypatch.setattr(frames, "stylize_frames", film)
    monkeypatch.setattr(contact_sheet, "contact_sheet", sheet)
    yield seen
