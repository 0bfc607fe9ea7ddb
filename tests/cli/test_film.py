"""``neuralstyle film``: frames along the flow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import neuralstyle as ns
from neuralstyle.cli.main import main

pytestmark = pytest.mark.usefixtures("shallow")

FRAMES = "film frame0.png frame1.png frame2.png --style style.png --flows flow1.npy flow2.npz"


@pytest.fixture
def flow(folder: Path) -> np.ndarray:
    """Three frames in this folder, and the flow between them."""
    picture = ns.load_image("content.png")
    flow, mask = np.full((48, 56, 2), [4.0, 0.0], np.float32), np.ones((48, 56), np.float32)
    for k in range(3):
        ns.save_image(f"frame{k}.png", picture[:, 4 * k : 4 * k + 56])
    np.save("flow1.npy", flow)
    np.savez("flow2.npz", flow=flow, mask=mask)
    return flow


@pytest.mark.slow
def test_frames_are_painted_along_the_flow(run: Callable[..., int], flow: np.ndarray) -> None:
    assert run("--temporal-weight", "2", inputs=FRAMES, out="film") == 0
    frames = [ns.load_image(f"frame{k}.png") for k in range(3)]
    style, mask = ns.load_image("style.png"), np.ones((48, 56), np.float32)
    options: dict[str, Any] = {"maxiter": 2, "temporal_weight": 2}
    expected = ns.stylize_frames(frames, style, [flow, (flow, mask)], **options)
    for k, result in enumerate(expected):
        made = ns.load_image(f"film/frame{k}.png")
        np.testing.assert_allclose(made, result.image, atol=0.5 / 255 + 1e-6)


def test_flows_and_weight_arrive(
    run: Callable[..., int], flow: np.ndarray, calls: list[dict[str, Any]]
) -> None:
    assert run("--temporal-weight", "0.37", inputs=FRAMES, out="film") == 0
    assert run(inputs=FRAMES, out="film") == 0
    given, usual = calls
    assert given["temporal_weight"] == 0.37
    assert "temporal_weight" not in usual
    assert len(given["contents"]) == 3
    first, (second, mask) = given["flows"]
    np.testing.assert_array_equal(first, flow)
    np.testing.assert_array_equal(second, flow)
    np.testing.assert_array_equal(mask, np.ones((48, 56)))


def test_flows_of_frames_that_are_made_smaller_are_taken(
    run: Callable[..., int], flow: np.ndarray
) -> None:
    assert run("--size", "40", "--iterations", "1", inputs=FRAMES, out="film/") == 0


@pytest.mark.parametrize("wrong", ["shape", "damage"])
def test_flow_that_is_none_ends_the_film(
    run: Callable[..., int], flow: np.ndarray, capsys: pytest.CaptureFixture[str], wrong: str
) -> None:
    if wrong == "shape":
        np.save("flow1.npy", flow[:20])
    else:
        Path("flow1.npy").write_bytes(Path("flow1.npy").read_bytes()[:-1])
    assert run("--iterations", "1", inputs=FRAMES, out="film/") == 2
    assert "flow" in capsys.readouterr().err.splitlines()[-1]
    assert [path.name for path in Path("film").iterdir()] == ["frame0.png"]


def test_an_animation_is_taken_apart_first(
    run: Callable[..., int], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    red, blue = (Image.new("RGB", (48, 36), colour) for colour in ("red", "blue"))
    red.save("film.gif", save_all=True, append_images=[blue])
    assert main(["film", "film.gif", "--style", "style.png", "-o", "film/"]) == 2
    assert capsys.readouterr().err == (
        "neuralstyle: FRAME: expected a picture for each frame, received the animation "
        "'film.gif'; take it apart first, by ffmpeg, say\n"
    )
    assert not Path("film").exists()
