"""What the command line leaves behind: pictures, a log, a line about each picture."""

from __future__ import annotations

import argparse
import dataclasses
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuralstyle import __version__
from neuralstyle._checks import describe
from neuralstyle._files import quoted, replacing, write_all
from neuralstyle.cli.messages import Failure, out, refusing, sentence, tell
from neuralstyle.cli.paths import STANDARD, Snapshots, beside_result, sheet_beside
from neuralstyle.cli.rescue import FAILED, elsewhere
from neuralstyle.images.arrays import resize
from neuralstyle.images.metadata import KEY
from neuralstyle.images.save import save_image
from neuralstyle.optimize.about import about_of, in_json
from neuralstyle.optimize.interruption import held

if TYPE_CHECKING:
    from neuralstyle._types import Floats
    from neuralstyle.optimize.result import Progress, StyleResult
    from neuralstyle.optimize.showing.live_page import LivePage
    from neuralstyle.optimize.showing.making_of import MakingOf


class Output:
    """What a run leaves behind: pictures, the log, and a line on standard error."""

    def __init__(self, args: argparse.Namespace, command: str, several: bool) -> None:
        self.args = args
        self.made_by: dict[str, Any] = {"neuralstyle": __version__, "command": command}
        self.several = several
        self.logs: list[dict[str, Any]] = []
        self.code: int = 0
        self._told = False
        self.saved = 0
        self.page: LivePage | None = None

    def begin(self, path: Path, alpha: Floats | None) -> None:
        """Turn to the next picture."""
        self.path: Path = path
        self.sheet: Path | None = None
        self.film: MakingOf | None = None
        self.alpha: Floats | None = None if path.suffix.lower() in (".jpg", ".jpeg") else alpha

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Serve the page of --web, if it is asked for, for as long as this takes."""
        if getattr(self.args, "web", None) is None:
            yield
            return
        from neuralstyle.optimize.showing.live_page import LivePage

        standard = self.args.output == str(STANDARD)
        title = None if standard else Path(self.args.output).name
        with refusing():
            page = LivePage(self.args.web, save=None if standard else self._save_now, title=title)
        with page:
            self.page = page
            tell(f"the picture grows at {page.url}")
            yield

    def _save_now(self, now: Progress) -> str:
        """Save the picture so far beside the result; return where."""
        path = Snapshots(self.path, 1, False).place(now.nit)
        about = {**self._about(now), "status": "running", "message": f"iteration {now.nit}"}
        self._write(path, now.image, about, self.alpha)
        return path.name

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
    def __call__(self, now: Progress) -> None:
        """Be called back after an iteration: save the picture so far, if it is its turn."""
        if self.args.making_of:
            if self.film is None:
                from neuralstyle.optimize.showing.making_of import MakingOf

                self.film = MakingOf()
            self.film(now)
        if self.args.save_every and now.nit % self.args.save_every == 0:
            snapshots = Snapshots(self.path, self.args.save_every, self.several)
            self._save_so_far(snapshots.place(now.nit), now, f"iteration {now.nit}")
        if self.page is not None:
            self.page(now)

    @held
    def after_scale(self, so_far: StyleResult) -> None:
        """Save the picture of a scale at the place of the result: an end may come unforeseen."""
        if self.path != STANDARD:
            self._save_so_far(self.path, so_far, "a scale is finished, and others are to come")

    def _save_so_far(self, path: Path, now: Progress | StyleResult, message: str) -> None:
        """Save a picture on the way; the run goes on without it where that fails."""
        about = {**self._about(now), "status": "running", "message": message}
        try:
            self._write(path, now.image, about, self.alpha)
        except FAILED as error:
            self.code = 1
            if not self._told:  # the next ones will mostly fail for the same reason
                self._told = True
                tell(f"{sentence(error)}; the run goes on")

    def finish(self, result: StyleResult) -> None:
        """Save the result and the log, and note how it ended."""
        from neuralstyle.optimize.result import Status

        about = self._about(result)
        painted = self.path
        self.save(result.image, about)
        self._tell_how(result, painted)
        try:
            if self.args.json:
                sheet = {} if self.sheet is None else {"sheet": str(self.sheet)}
                told = {**about, "output": str(self.path), **sheet}
                out(f"{json.dumps(told, default=str)}\n")  # ASCII: in any encoding it is JSON
            if self.args.log is not None:
                history = [dataclasses.asdict(iteration) for iteration in result.history]
                self.logs.append({**about, "history": history})
                with replacing(self.args.log) as file:
                    log = in_json(self.logs if self.several else self.logs[0], indent=1)
                    write_all(file, log.encode(errors="replace") + b"\n")
        except (Failure, *FAILED) as error:
            self.fail(error)
        codes = {Status.INTERRUPTED: 130, Status.NONFINITE: 1}
        code = codes.get(result.status, 0)
        self.code = code or self.code
        if code == 1 or not self.args.quiet:
            tell(self._summary(result), prefix="")

    def _tell_how(self, result: StyleResult, painted: Path) -> None:
        """Write the page about a picture, and the film of its making, where they are asked for."""

        def report(place: Path) -> None:
            name = "" if painted == STANDARD else painted.name
            result.save_report(place, command=self.made_by["command"], title=name or None)

        def film(place: Path) -> None:
            if self.film is not None:  # else there was no iteration
                self.film.save(place, last=result)

        for given, write in ((self.args.report, report), (self.args.making_of, film)):
            try:
                if given:
                    write(beside_result(given, painted, self.several))
            except FAILED as error:
                self.fail(error)

    def save(self, image: Floats, about: dict[str, Any]) -> None:
        """Save a picture and what there is to say about it."""
        self.path = self._keep(self.path, image, about, self.alpha)

    def save_beside(self, sheet: Floats, about: dict[str, Any]) -> Path:
        """Save the sheet from which the picture is chosen; return its place."""
        self.sheet = self._keep(sheet_beside(self.path), sheet, about, None)
        return self.sheet

    def _keep(self, path: Path, image: Floats, about: dict[str, Any], alpha: Floats | None) -> Path:
        """Save what is finished, at another place if need be; return where it is."""
        try:
            self._write(path, image, about, alpha)
            return path
        except (Failure, *FAILED) as error:
            self.fail(error)
        if path == STANDARD:
            path = Path("neuralstyle.png")
        else:
            with suppress(*FAILED):
                self._write(path, image, {}, alpha)
                tell(f"{path} was saved without its settings")
                return path
        path = elsewhere(path, lambda place: self._write(place, image, about, alpha))
        tell(f"the picture was saved as {quoted(path)}")
        return path

    def _about(self, now: Progress | StyleResult) -> dict[str, Any]:
        """Return what there is to say about a picture, on the way or in the end."""
        return {**self.made_by, **about_of(now)}

    def _write(
        self, path: Path, image: Floats, about: Mapping[str, Any], alpha: Floats | None
    ) -> None:
        alpha = None if alpha is None else resize(alpha, image.shape[:2])
        options: dict[str, Any] = {
            "alpha": alpha,
            "quality": self.args.quality,
            "metadata": {KEY: in_json(about)} if about else None,
        }
        if path == STANDARD:
            file = io.BytesIO()
            save_image(file, image, format="png", **options)
            out(file.getvalue())
        else:
            save_image(path, image, **options)

    def _summary(self, result: StyleResult) -> str:
        size = describe(result.image.shape)
        losses = ", ".join(f"{name} {value:.3g}" for name, value in result.losses.items())
        line = (
            f"{self.path}: {size}, {result.nit} iterations, {result.nfev} evaluations, "
            f"{result.seconds:.1f} s, loss {result.fun:.4g} ({losses})"
        )
        return line if result.status.value < 2 else f"{line}; {result.message}"
