"""The film of the making: frames of every so many iterations, of one size, in bounded memory."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow
from support import noise, picture, pixels

import neuralstyle as ns
from neuralstyle.images.moving import RATE


def progress(nit: int, image: Any) -> ns.Progress:
    """Make what a callback gets."""
    return ns.Progress(nit, nit, 1.0, {}, 0.1, image.shape, 9, 0.0, _image=lambda: image)


def grey(level: float, shape: tuple[int, int] = (6, 8)) -> Any:
    return np.full((*shape, 3), level, np.float32)


def filmed(count: int, step: int = 1, **options: Any) -> ns.MakingOf:
    """Film pictures that grow brighter by so many grey levels each."""
    film = ns.MakingOf(**options)
    for nit in range(count):
        film(progress(nit + 1, grey(nit * step / 255)))
    return film


def levels(path: Path) -> list[int]:
    """Return the grey level of every frame."""
    with Pillow.open(path) as file:
        found = []
        for number in range(getattr(file, "n_frames", 1)):
            file.seek(number)
            found.append(int(np.asarray(file.convert("RGB")).mean().round()))
    return found


@pytest.mark.parametrize("count", [1, 7, 8, 9, 16, 17, 100])
def test_frames_are_evenly_spaced_and_no_more_than_asked_for(count: int, tmp_path: Path) -> None:
    film = filmed(count, frames=8)
    film.save(tmp_path / "a.gif")
    found = levels(tmp_path / "a.gif")
    assert len(found) <= 8 and found[0] == 0
    assert len(set(np.diff(found))) <= 1
    every = 1 if count <= 8 else found[1]
    assert f"{len(found)} frames, of every {'iteration' if every == 1 else every}" in repr(film)
    assert found == list(range(0, count, every))


@pytest.mark.parametrize("suffix", ["gif", "webp"])
def test_film_ends_with_the_result_and_stays_there(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    filmed(20, step=12).save(path, last=grey(1.0), seconds=2.1, hold=3)
    assert levels(path)[-1] == 255
    with Pillow.open(path) as file:
        assert file.is_animated and file.info["loop"] == 0 and file.n_frames == 21
        file.seek(5)
        file.load()
        assert file.info["duration"] == 100
        file.seek(20)
        file.load()
        assert file.info["duration"] == 3000


def test_coarse_frames_are_enlarged_and_large_ones_made_smaller(tmp_path: Path) -> None:
    film = ns.MakingOf(size=30)
    for shape in ((10, 15), (20, 30), (40, 60)):
        film(progress(1, picture(0, shape)))
    film.save(tmp_path / "a.gif")
    with Pillow.open(tmp_path / "a.gif") as file:
        assert file.size == (30, 20) and file.n_frames == 3


def test_film_of_a_run_shows_its_iterations(tmp_path: Path) -> None:
    film = ns.MakingOf()
    run = {"extractor": pixels, "init": noise(12, 12), "maxiter": 4, "callback": film}
    result = ns.minimize(ns.TotalVariationLoss(), **run)
    assert "MakingOf(4 frames" in repr(film) and result.nit == 4
    film.save(tmp_path / "a.gif", last=result)
    with Pillow.open(tmp_path / "a.gif") as file:
        file.seek(file.n_frames - 1)
        shown = np.asarray(file.convert("RGB"), float)
    assert np.abs(shown - ns.to_uint8(result.image)).mean() < 12


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seconds": 0}, "^seconds: "),
        ({"hold": -1}, "^hold: "),
        ({"last": "gone.png"}, "^last: "),
        ({"target": "a.avi"}, "^target: expected a suffix among gif, webp, mp4, received 'a.avi'"),
        ({"target": 3}, "^target: expected a path, received int"),
        ({"target": "gone/a.gif"}, "the folder 'gone' does not exist"),
    ],
)
def test_wrong_arguments_are_named(
    options: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = {"target": "a.gif", **options}
    with pytest.raises((TypeError, ValueError, OSError), match=message):
        filmed(2).save(given.pop("target"), **given)
    assert list(tmp_path.iterdir()) == []


def test_a_film_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="^last: expected a picture, as there was no iteration"):
        ns.MakingOf().save(tmp_path / "a.gif")
    with pytest.raises(ValueError, match="^frames: expected at least 2, received 1"):
        ns.MakingOf(frames=1)


# Films by ffmpeg


@pytest.fixture
def ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a program that keeps what it is given in the place of ffmpeg."""
    program = tmp_path / "bin" / "ffmpeg"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "$@" > "$0.said"\nfor last; do :; done\ncat > "$last"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return program


def test_ffmpeg_gets_every_frame_as_long_as_it_is_shown(ffmpeg: Path, tmp_path: Path) -> None:
    film = ns.MakingOf()
    for nit in range(10):
        film(progress(nit + 1, grey(nit / 9, (7, 9))))
    film.save(tmp_path / "a.mp4", seconds=2, hold=1)
    said = Path(f"{ffmpeg}.said").read_text()
    assert f"-pix_fmt rgb24 -s 8x6 -r {RATE} -i -" in said and "yuv420p" in said
    data = np.frombuffer((tmp_path / "a.mp4").read_bytes(), np.uint8).reshape(-1, 6, 8, 3)
    assert len(data) == round((9 * 0.2 + 1) * RATE)
    assert data[0].mean() == 0 and data[-1].mean() == 255


@pytest.mark.parametrize("ending", ["cat > /dev/null", ":"])
def test_what_ffmpeg_says_is_told(ending: str, ffmpeg: Path, tmp_path: Path) -> None:
    ffmpeg.write_text(f"#!/bin/sh\n{ending}\necho first >&2\necho no such codec >&2\nexit 1\n")
    with pytest.raises(OSError, match="^ffmpeg failed: no such codec$"):
        filmed(3).save(tmp_path / "a.mp4")
    assert not (tmp_path / "a.mp4").exists()


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_a_film_by_ffmpeg_shows_the_frames_in_their_colours(tmp_path: Path) -> None:
    colours = [(0.9, 0.1, 0.1), (0.1, 0.8, 0.2), (0.2, 0.1, 0.9)]
    film = ns.MakingOf()
    for nit, colour in enumerate(colours):
        film(progress(nit + 1, np.broadcast_to(np.float32(colour), (65, 97, 3))))
    film.save(tmp_path / "a.mp4", seconds=2, hold=1)
    read = f"ffmpeg -v error -i {tmp_path / 'a.mp4'} -f rawvideo -pix_fmt rgb24 -"
    data = subprocess.run(read.split(), capture_output=True, check=True).stdout
    frames = np.frombuffer(data, np.uint8).reshape(-1, 64, 96, 3)
    assert len(frames) == 2 * RATE
    for frame, colour in zip(frames[[0, 3 * RATE // 4, -1]], colours, strict=True):
        np.testing.assert_allclose(frame.mean((0, 1)) / 255, colour, atol=0.02)
    said = subprocess.run(
        ["ffmpeg", "-i", str(tmp_path / "a.mp4")], capture_output=True, check=False
    ).stderr
    assert b"bt709" in said


def test_without_ffmpeg_it_is_told_what_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match=r"^target: expected \.gif or \.webp, or ffmpeg on the"):
        filmed(3).save(tmp_path / "a.mp4")
