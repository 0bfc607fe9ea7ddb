"""Too little of what the system gives: room for files, and memory."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hostile.test_loaders import weights, write_checkpoint
from support import Reusable, noise, pixels, two_layers

import neuralstyle as ns
from neuralstyle.cli.main import main
from neuralstyle.transfer import stylize

resource = pytest.importorskip("resource", reason="limits are set on Unix")

ROOT = Path(__file__).parents[2]

IMAGE = noise(16, 20)


@contextmanager
def room(most: int) -> Iterator[None]:
    """Let no file grow above some bytes, as on a disk that is soon full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def keep(content: Any, *styles: Any) -> ns.Loss:
    return ns.ContentLoss(content, "input")


def save_slim(path: Path) -> None:
    arrays = weights()
    channels = {name: np.arange(bias.size) for name, (_, bias) in arrays.items()}
    ns.Slimmed("vgg16", arrays, channels, {}, {}, 0, "a card").save(path)


WRITERS: dict[str, Callable[[Path], object]] = {
    "a.png": lambda path: ns.save_image(path, IMAGE),
    "a.jpg": lambda path: ns.save_image(path, IMAGE),
    "a.tif": lambda path: ns.save_image(path, IMAGE),
    "a.webp": lambda path: ns.save_image(path, IMAGE),
    "losses.npz": lambda path: ns.save_loss(path, keep({"input": IMAGE[None]})),
    "slim.npz": save_slim,
    "training.npz": write_checkpoint,
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("share", [0, 0.9])
def test_what_finds_no_room_is_an_error_and_leaves_the_file_that_was_there(
    name: str, share: float, tmp_path: Path
) -> None:
    path = tmp_path / name
    WRITERS[name](path)
    size = path.stat().st_size
    beside = {other.name for other in tmp_path.iterdir()}
    path.write_bytes(b"an old file")
    with room(int(share * size)), pytest.raises(OSError, match=f"{name}.*: File too large"):
        WRITERS[name](path)
    assert path.read_bytes() == b"an old file"
    assert {other.name for other in tmp_path.iterdir()} == beside


def test_a_run_goes_on_where_its_checkpoint_finds_no_room(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    options: dict[str, Any] = {"network": Reusable(two_layers), "objective": keep, "maxiter": 2}
    expected = ns.stylize(IMAGE, IMAGE, **options, scales=1)
    options["network"].checkpoint_name = keep.checkpoint_name = "of a test"  # type: ignore[attr-defined]
    path = tmp_path / "run.npz"
    with room(100), caplog.at_level(logging.WARNING):
        result = ns.stylize(IMAGE, IMAGE, **options, scales=1, checkpoint=path)
    np.testing.assert_array_equal(result.image, expected.image)
    assert "File too large" in caplog.text
    assert not list(tmp_path.glob("*.npz*"))


def test_the_command_line_tells_that_there_is_room_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("content.png", "style.png"):
        ns.save_image(tmp_path / name, IMAGE)
    monkeypatch.chdir(tmp_path)

    def painted(contents: Any, style: Any, **options: Any) -> Iterator[ns.StyleResult]:
        for _ in contents:
            yield ns.minimize(keep(pixels(IMAGE)), pixels, IMAGE, maxiter=1)

    monkeypatch.setattr(stylize, "stylize_many", painted)
    with room(100):
        code = main("content.png style.png -o out.png --log log.json --quiet".split())
    told = capsys.readouterr().err
    assert code == 1 and "out.png': File too large" in told
    assert "there is no place where the picture could be saved" in told
    assert {path.name for path in tmp_path.iterdir()} == {"content.png", "style.png"}


LIMITED = """
import re
import resource
import sys

{imports}


def used():
    with open("/proc/self/status") as file:
        return 1024 * int(re.search(r"VmSize:\\s+(\\d+)", file.read())[1])


limit = used() + {more}
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
{program}
"""

on_linux = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="memory is limited on Linux"
)


def limited(
    imports: str, program: str, more: int, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run a program that may take so many bytes more than what it imports."""
    code = LIMITED.format(imports=imports, program=program, more=more)
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        timeout=600,
    )


@on_linux
def test_a_picture_without_the_memory_for_it_is_a_memory_error(tmp_path: Path) -> None:
    paths = [str(tmp_path / f"large.{suffix}") for suffix in ("tif", "jpg")]
    for path in paths:
        ns.save_image(path, np.zeros((1500, 2000, 3), np.float32))
    program = """
for path in sys.argv[1:]:
    try:
        load_image(path)
    except MemoryError:
        print("no memory")
print(load_image(sys.argv[2], max_size=64).shape)  # it goes on
"""
    done = limited("from neuralstyle.images.load import load_image", program, 2**24, *paths)
    assert done.stdout.split("\n")[:3] == ["no memory"] * 2 + ["(48, 64, 3)"], done
