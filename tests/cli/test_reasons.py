"""What the command line says of faults around it: the reason in a sentence, no traceback."""

from __future__ import annotations

import builtins
import sys
from pathlib import Path
from typing import Any

import pytest

from neuralstyle.cli import inputs
from neuralstyle.cli.main import main

FORMS = [
    "content.png style.png -o out.png",
    "content.png style.png -o out.png --auto",
    "content.png style.png -o out.png --sheet style",
    "film content.png --style style.png -o frames",
    "texture style.png -o out.png",
    "score content.png content.png style.png --network compact",
    "slim --network vgg16 --images . --widths 2,2,2,2,2 -o out.npz",
    "doctor",
]
"""Calls of all that imports Keras."""


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            ImportError("no jax"),
            "Keras cannot be imported with KERAS_BACKEND=jax: ImportError: no jax",
        ),
        (MemoryError(), "there is not enough memory (MemoryError); a smaller --size takes less"),
    ],
)
def test_what_cannot_be_imported_is_told(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    form: str,
    error: Exception,
    said: str,
) -> None:
    imported = builtins.__import__

    def broken(name: str, *args: Any, **options: Any) -> Any:
        asking = sys._getframe(1).f_globals["__name__"]
        if name in HEAVY and asking.startswith("neuralstyle.cli"):
            raise error
        return imported(name, *args, **options)

    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setattr(builtins, "__import__", broken)
    assert main(form.split()) == 1
    monkeypatch.undo()
    assert capsys.readouterr().err == f"neuralstyle: {said}\n"


HEAVY = {
    "neuralstyle.transfer.stylize",
    "neuralstyle.transfer.comparing.contact_sheet",
    "neuralstyle.transfer.comparing.explore",
    "neuralstyle.transfer.frames",
    "neuralstyle.transfer.doctor",
    "neuralstyle.features.vgg.vgg",
    "neuralstyle.features.slim",
}
"""What the commands import after TensorFlow has been asked to be silent."""


@pytest.mark.parametrize("form", [form for form in FORMS if "out.npz" not in form][:-1])
def test_too_little_memory_for_the_pictures_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    def large(*args: Any, **options: Any) -> Any:
        raise MemoryError("Unable to allocate 9 TiB")

    monkeypatch.setattr(inputs, "read_picture", large)
    assert main(form.split()) == 1
    assert capsys.readouterr().err == (
        "neuralstyle: there is not enough memory (Unable to allocate 9 TiB); "
        "a smaller --size takes less\n"
    )


def test_standard_input_that_is_closed_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert main("- style.png -o out.png".split()) == 2
    assert capsys.readouterr().err == "neuralstyle: cannot read standard input: it is closed\n"
