"""What the command line leaves behind: pictures, a log, a line about each picture."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuralstyle import __version__
from neuralstyle._files import replacing
from neuralstyle.cli.messages import Failure, sentence, tell
from neuralstyle.images.arrays import resize
from neuralstyle.images.save import save_image
from neuralstyle.optimize.interruption import held

if TYPE_CHECKING:
    from neuralstyle._types import Floats
    from neuralstyle.optimize.result import Progress, StyleResult

STANDARD = Path("-")
"""Stands for standard input and output."""


def sheet_beside(path: Path) -> Path:
    """Return where the sheet goes from which a picture was chosen.

    Examples
    --------
    >>> sheet_beside(Path("made/out.jpg")).as_posix()
    'made/out_sheet.jpg'
    """
    return path.with_name(f"{path.stem}_sheet{path.suffix}")


class Output:
    """What a run leaves behind: pictures, the log, and a line on standard error."""

    def __init__(self, args: argparse.Namespace, command: str, several: bool) -> None:
        self.args = args
        self.command = command
        self.several = several
        self.logs: list[dict[str, Any]] = []
        self.code = 0
        self.saved = 0

    def begin(self, path: Path, alpha: Floats | None) -> None:
        """Turn to the next picture."""
        self.path = path
        self.sheet: Path | None = None
        self.alpha = None if path.suffix.lower() in (".jpg", ".jpeg") else alpha

    def fail(self, error: Exception) -> None:
        """Tell of a picture that could not be made, among several."""
        tell(sentence(error))
        self.code = 1

    def interrupted(self) -> int:
        """Tell what was saved before a signal came between two pictures; return the exit code."""
        if not self.saved:
            raise KeyboardInterrupt
        if self.several:
            plural = " was" if self.saved == 1 else "s were"
            tell(f"interrupted after {self.saved} picture{plural} saved")
        self.code = 130
        return self.code

    @held
    def snapshot(self, now: Progress) -> None:
        """Save the picture so far, if it is its turn."""
        if now.nit % self.args.save_every == 0:
            name = f"{self.path.stem}_{now.nit:04d}{self.path.suffix}"
            self._write(self.path.with_name(name), now.image, {}, self.alpha)

    def finish(self, result: StyleResult) -> None:
        """Save the result and the log, and note how it ended."""
        from neuralstyle.optimize.result import Status

        about: dict[str, Any] = {
            "neuralstyle": __version__,
            "command": self.command,
            "status": result.status.name.lower(),
            "message": result.message,
            "iterations": result.nit,
            "evaluations": result.nfev,
            "seconds": result.seconds,
            "loss": result.fun,
            "losses": result.losses,
            "settings": result.settings,
        }
        try:
            self.save(result.image, about)
            if self.args.json:
                sheet = {} if self.sheet is None else {"sheet": str(self.sheet)}
                print(_json({**about, "output": str(self.path), **sheet}), flush=True)
            if self.args.log is not None:
                history = [dataclasses.asdict(iteration) for iteration in result.history]
                self.logs.append({**about, "history": history})
                with replacing(self.args.log) as file:
                    log = _json(self.logs if self.several else self.logs[0], indent=1)
                    file.write(log.encode(errors="replace") + b"\n")
        except (OSError, ValueError) as error:
            raise Failure(sentence(error), 1) from error
        codes = {Status.INTERRUPTED: 130, Status.NONFINITE: 1}
        code = codes.get(result.status, 0)
        self.code = code or self.code
        if code == 1 or not self.args.quiet:
            tell(self._summary(result), prefix="")

    def save(self, image: Floats, about: dict[str, Any]) -> None:
        """Save a picture and what there is to say about it."""
        self._write(self.path, image, about, self.alpha)

    def save_beside(self, sheet: Floats, about: dict[str, Any]) -> Path:
        """Save the sheet from which the picture is chosen; return its place."""
        self.sheet = sheet_beside(self.path)
        self._write(self.sheet, sheet, about, None)
        return self.sheet

    def _write(
        self, path: Path, image: Floats, about: dict[str, Any], alpha: Floats | None
    ) -> None:
        alpha = None if alpha is None else resize(alpha, image.shape[:2])
        metadata = {"neuralstyle": _json(about)} if about else None
        options: dict[str, Any] = {"alpha": alpha, "quality": self.args.quality}
        if path == STANDARD:
            save_image(sys.stdout.buffer, image, format="png", metadata=metadata, **options)
            sys.stdout.buffer.flush()
        else:
            save_image(path, image, metadata=metadata, **options)

    def _summary(self, result: StyleResult) -> str:
        height, width, _ = result.image.shape
        losses = ", ".join(f"{name} {value:.3g}" for name, value in result.losses.items())
        line = (
            f"{self.path}: {width} x {height}, {result.nit} iterations, {result.nfev} evaluations, "
            f"{result.seconds:.1f} s, loss {result.fun:.4g} ({losses})"
        )
        return line if result.status.value < 2 else f"{line}; {result.message}"


def _json(content: Any, indent: int | None = None) -> str:
    return json.dumps(content, indent=indent, ensure_ascii=False, default=str)
