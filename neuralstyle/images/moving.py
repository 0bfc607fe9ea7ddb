"""Pictures that move: GIF and WebP by Pillow, MP4 by ffmpeg where it is installed."""

from __future__ import annotations

import io
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from neuralstyle._files import check_place, quoted, write_to
from neuralstyle._types import PathLike

FORMATS = ("gif", "webp", "mp4")
"""Suffixes of files of moving pictures."""

RATE = 25
"""Frames a second of MP4, in which those that stay longer are repeated."""

COLOURS = (
    "-vf scale=out_color_matrix=bt709:out_range=limited "
    "-color_range tv -colorspace bt709 -color_primaries bt709 -color_trc bt709"
)
"""What ffmpeg makes of colours, and says so: where nothing is said players guess, by the size."""


def check_moving(target: PathLike) -> None:
    """Check, before any long work, that a moving picture can be written to a file.

    Parameters
    ----------
    target : str or path-like

    Raises
    ------
    TypeError, ValueError, OSError
        If its suffix is none of those known, if ffmpeg is needed and not there, or if no file can
        be written there.

    Examples
    --------
    >>> check_moving("film.mov")
    Traceback (most recent call last):
    ValueError: target: expected a suffix among gif, webp, mp4, received 'film.mov'
    """
    if not isinstance(target, str | os.PathLike):
        raise TypeError(f"target: expected a path, received {type(target).__name__}")
    if _suffix(target) not in FORMATS:
        raise ValueError(
            f"target: expected a suffix among {', '.join(FORMATS)}, received {quoted(target)}"
        )
    if _suffix(target) == "mp4":
        _ffmpeg()
    check_place(target)


def save_moving(
    target: PathLike, frames: Iterator[NDArray[np.uint8]], durations: Sequence[float]
) -> None:
    """Write a moving picture, which begins again at its end if the format can say so.

    Parameters
    ----------
    target : str or path-like
        With the suffix of one of `FORMATS`. The file appears whole or not at all.
    frames : iterator of arrays, shape (H, W, 3), uint8
        All of one size. They are taken one at a time.
    durations : sequence of float
        Seconds of every frame.

    Raises
    ------
    TypeError, ValueError, OSError
        As by `check_moving`; if ffmpeg fails.
    """
    check_moving(target)
    suffix = _suffix(target)
    if suffix == "mp4":
        data = _mp4(frames, durations)
    else:
        pictures: Iterator[Image.Image] = map(Image.fromarray, frames)
        if suffix == "gif":  # each frame has a palette of its own
            pictures = (picture.quantize(256) for picture in pictures)
        file = io.BytesIO()
        next(pictures).save(
            file,
            suffix.upper(),
            append_images=pictures,
            save_all=True,
            loop=0,
            duration=[max(20, 10 * round(100 * seconds)) for seconds in durations],
            **({"quality": 85} if suffix == "webp" else {}),
        )
        data = file.getvalue()
    write_to(target, data)


def _suffix(target: PathLike) -> str:
    return Path(target).suffix[1:].lower()


def _ffmpeg() -> str:
    found = shutil.which("ffmpeg")
    if found is None:
        raise ValueError(
            "target: expected .gif or .webp, or ffmpeg on the path for .mp4, and there is none"
        )
    return found


def _mp4(frames: Iterator[NDArray[np.uint8]], durations: Sequence[float]) -> bytes:
    """Encode a film: H.264, in the colours that all players know."""
    first = next(frames)
    height, width = (side - side % 2 for side in first.shape[:2])  # colours have half the size
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as said:
        place = os.path.join(folder, "film.mp4")
        given = f"-f rawvideo -pix_fmt rgb24 -s {width}x{height} -r {RATE} -i -".split()
        made = f"{COLOURS} -c:v libx264 -crf 18 -pix_fmt yuv420p -movflags +faststart".split()
        command = [_ffmpeg(), "-v", "error", "-y", *given, *made, place]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said
        )
        assert process.stdin is not None
        try:
            # Where it has ended before the frames have, it says why.
            with suppress(BrokenPipeError), process.stdin as pipe:
                at = 0.0
                for frame, seconds in zip(itertools.chain([first], frames), durations, strict=True):
                    count = round((at + seconds) * RATE) - round(at * RATE)
                    at += seconds
                    data = np.ascontiguousarray(frame[:height, :width]).tobytes()
                    for _ in range(count):
                        pipe.write(data)
        except BaseException:
            process.kill()
            raise
        finally:
            code = process.wait()
        if code or not os.path.exists(place):
            said.seek(0)
            why = said.read().decode(errors="replace").strip().splitlines()
            raise OSError(f"ffmpeg failed: {why[-1] if why else f'exit code {code}'}")
        return Path(place).read_bytes()
