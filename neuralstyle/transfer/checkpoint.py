"""Checkpoints: the file from which the same call goes on."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, final

import numpy as np

from neuralstyle._archives import load
from neuralstyle._files import check_place, quoted, reason, replacing
from neuralstyle._types import Image, PathLike
from neuralstyle.images.arrays import check_image
from neuralstyle.images.opacity import seen
from neuralstyle.optimize.result import Callback, Iteration, Progress, Status, StyleResult
from neuralstyle.transfer.identity import difference, digest
from neuralstyle.transfer.lock import locked
from neuralstyle.transfer.scales import Scales

logger: logging.Logger = logging.getLogger(__name__)

EVERY = 60.0
"""Seconds from one writing within a scale to the next, at the least."""

SHARE = 0.05
"""Of the time may go into writing within scales, at the most."""

_NOTHING = np.empty((0, 0, 3), np.float32)
"""Stands for the pictures of scales that were gone on from."""

_CALLED = {"neuralstyle": "version of neuralstyle", "": "options"}
"""What differs, where it has another name than the option."""

_STATE = "state_"
"""What the names of the arrays of a state begin with."""


@final
class Checkpoint:
    """The file of one run of `stylize`, locked meanwhile; or none, and then it does nothing.

    Parameters
    ----------
    path : str or path-like, or None
    about : callable
        Returns what the run is, in the types of JSON: a file of another is refused.

    Notes
    -----
    The file is an archive of arrays as `numpy.savez` makes it, one of which is text in JSON.
    Nothing in it is unpickled. It holds what the finished scales reported and the picture of the
    last of them; within a scale the optimiser's state too.
    """

    def __init__(self, path: PathLike | None, about: Callable[[], Mapping[str, Any]]) -> None:
        self._path = None if path is None else Path(os.path.abspath(path))
        self._about = {} if path is None else dict(about())
        self._held = ExitStack()
        self._results: list[StyleResult] = []
        self._begun: list[float] = []
        self._within: dict[str, Any] = {}  # state and history of a scale that was broken off
        self._next = time.monotonic() + EVERY

    def __enter__(self) -> Checkpoint:
        """Lock the file, and read it if it is there."""
        if self._path is None:
            return self
        check_place(self._path)
        with ExitStack() as held:
            held.enter_context(locked(Path(os.path.realpath(self._path))))
            if self._path.exists():
                self._load(self._path)
            self._held = held.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        """Let go of the file."""
        self._held.close()

    def resume(self, run: Scales, resumes: bool) -> None:
        """Take up what is done, and tell of it; `resumes` is of the method."""
        if self._path is None:
            return
        if not resumes:
            logger.info(
                "%s: the method keeps no state, so a run goes on at boundaries of scales",
                self._path.name,
            )
        if not self._begun:
            return
        run.results[:], run.begun[:] = self._results, self._begun
        history = self._within.get("history", ())
        latest = history[-1].seconds if history else 0.0
        done = latest if self._within else self._results[-1].seconds
        run.started -= run.begun[-1] + done
        if len(run.results) == len(run.shapes):
            logger.info("%s: the picture is finished", self._path.name)
        else:
            height, width = run.shapes[len(run.results)]
            after = sum(result.nit for result in run.results) + len(history)
            logger.info(
                "%s: going on at %d x %d, after %d iterations",
                self._path.name,
                width,
                height,
                after,
            )

    def of_scale(self) -> dict[str, Any]:
        """Return what `minimize` goes on from in the scale that was broken off: once."""
        within, self._within = self._within, {}
        return within

    def watching(self, run: Scales, history: Sequence[Iteration], told: Any) -> Callback | None:
        """Return a callback that tells of a scale, and writes now and then."""
        if self._path is None:
            return told  # type: ignore[no-any-return]
        noted = list(history)

        def watch(now: Progress) -> object:
            noted.append(now._iteration())
            if time.monotonic() >= self._next:
                state = now._state()
                if state is not None:
                    self._write(run.results, run.begun, state, noted)
            return None if told is None else told(now)

        return watch

    def keep(self, run: Scales, broken: bool = False) -> None:
        """Write what is done; of a last scale that was broken off, what to go on from."""
        if self._path is None:
            return
        if not broken:
            self._write(run.results, run.begun)
        elif run.results[-1].state is not None:
            last = run.results[-1]
            self._write(run.results[:-1], run.begun, last.state, last.history)

    def _write(
        self,
        results: Sequence[StyleResult],
        begun: Sequence[float],
        state: Mapping[str, Any] | None = None,
        history: Sequence[Iteration] = (),
    ) -> None:
        assert self._path is not None
        started = time.monotonic()
        text = {
            "run": self._about,
            "results": [_of_result(result) for result in results],
            "begun": list(begun),
            "history": _of_history(history),
        }
        arrays = {
            f"{_STATE}{name}": np.asarray(value, order="C") for name, value in (state or {}).items()
        }
        if results:
            arrays["image"] = results[-1].image
        arrays["text"] = np.frombuffer(json.dumps(text, default=str).encode(), np.uint8)
        try:
            with replacing(self._path) as file:
                np.savez(file, allow_pickle=False, **arrays)
        except OSError as error:  # the picture can still be finished
            logger.warning("%s; the run goes on without", reason(error))
        now = time.monotonic()
        self._next = now + max(EVERY, (now - started) / SHARE)

    def _load(self, path: Path) -> None:
        name = quoted(path.name)
        try:
            arrays = load(path)
            if not isinstance(arrays, dict):
                raise ValueError("it holds one array alone")
            text = json.loads(arrays.pop("text").tobytes().decode())
            about = dict(text["run"])
            results = [_to_result(of) for of in text["results"]]
            begun = [float(seconds) for seconds in text["begun"]]
            history = _to_history(text["history"])
            if results:
                image: Image = check_image(arrays.pop("image"), "image").copy()
                results[-1] = dataclasses.replace(results[-1], image=image)
            state = {key.removeprefix(_STATE): array for key, array in arrays.items()}
            if len(begun) != len(results) + bool(state) or not begun:
                raise ValueError("it does not say when its scales began")
        except OSError as error:
            raise type(error)(f"cannot read {quoted(path)}: {reason(error)}") from error
        except Exception as error:  # a file may be wrong in any way
            raise ValueError(
                f"checkpoint: expected one of neuralstyle, received {name}, which is damaged or "
                "something else; delete it to begin anew, or name another"
            ) from error
        found = difference(self._about, about)
        if found is not None:
            what, ours, theirs = found
            kind = _CALLED.get(what, re.split(r"[.\[]", what)[0])
            raise ValueError(
                f"checkpoint: expected one of this run, received {name} of a run that differs in "
                f"its {kind} ({what or 'options'} {_short(theirs)}, here {_short(ours)}); give "
                "this run a file or a folder of its own, or delete that one to begin anew"
            )
        self._results, self._begun = results, begun
        if state:
            self._within = {"state": state, "history": history}


def of_content(content: Any) -> str:
    """Return a name for the checkpoint of a content, which is the same in any order of them."""
    if content is None:
        return "texture"
    image, alpha = seen(content, "content")
    return digest(image if alpha is None else np.dstack([image, alpha]))[-17:-1]


def in_folder(
    folder: PathLike | None, name: Callable[[Any], str] = str
) -> Callable[[Any], Path | None]:
    """Return what gives each of several pictures its checkpoint, in a folder, made if needed.

    Parameters
    ----------
    folder : str or path-like, or None
        None gives none.
    name : callable
        Makes a name of what a picture is told by.

    Returns
    -------
    callable

    Raises
    ------
    OSError
        If it is no folder, or cannot be made.
    """
    if folder is None:
        return lambda picture: None
    made = Path(os.path.abspath(folder))
    try:
        made.mkdir(exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(
            f"checkpoint: expected a folder for those of several pictures, received "
            f"{quoted(folder)}, which is a file"
        ) from None
    except OSError as error:
        raise type(error)(f"cannot make the folder {quoted(folder)}: {reason(error)}") from error
    return lambda picture: made / f"{name(picture)}.npz"


_KINDS: dict[str, Callable[[Any], Any]] = {
    "fun": float,
    "nit": int,
    "nfev": int,
    "seconds": float,
    "success": bool,
    "status": int,
    "message": str,
    "losses": dict,
    "parts": dict,
    "settings": dict,
}
"""What is kept of a result beside its picture and its history, and of which kind."""


def _of_result(result: StyleResult) -> dict[str, Any]:
    kept = {name: kind(getattr(result, name)) for name, kind in _KINDS.items()}
    return {**kept, "history": _of_history(result.history)}


def _to_result(kept: Mapping[str, Any]) -> StyleResult:
    kept = {"parts": {}, **kept}  # earlier versions have none
    read = {name: kind(kept[name]) for name, kind in _KINDS.items()}
    read["status"] = Status(read["status"])
    # JSON has no tuples, and settings of `minimize` no lists.
    read["settings"] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in read["settings"].items()
    }
    return StyleResult(image=_NOTHING, history=_to_history(kept["history"]), **read)


def _of_history(history: Iterable[Iteration]) -> list[list[Any]]:
    return [[of.nit, of.nfev, of.fun, of.losses, of.seconds, of.parts] for of in history]


def _to_history(rows: Iterable[Any]) -> tuple[Iteration, ...]:
    return tuple(
        Iteration(
            int(nit),
            int(nfev),
            float(fun),
            dict(losses),
            float(seconds),
            parts=dict(*parts),  # earlier versions have none
        )
        for nit, nfev, fun, losses, seconds, *parts in rows
    )


def _short(value: Any) -> str:
    text = re.sub(r"\b([0-9a-f]{8})[0-9a-f]{24}\b", r"\1", str(value))  # digests
    return text if len(text) <= 80 else f"{text[:77]}..."
