"""The ports of published programs begin with the loss that these programs have."""

from __future__ import annotations

import runpy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import neuralstyle as ns

ROOT = Path(__file__).parent.parent.parent
PORTS = sorted((ROOT / "docs" / "examples" / "ports").glob("*.py"))

STYLE = [f"block{i}_conv1" for i in range(1, 6)]

MEAN = [103.939, 116.779, 123.68]


def preprocessed(image: Any, scale: int = 255) -> Any:
    """Turn a picture into what Caffe's networks see: BGR, less the means."""
    return scale * np.asarray(image, np.float64)[..., ::-1] - MEAN


def seen(network: ns.VGG16Features, pixels: Any) -> Mapping[str, Any]:
    """Return rows of positions, (H W, C), of every layer, by Keras' own model."""
    outputs = {name: network.model.get_layer(name).output for name in network.layers[:15]}
    model = keras.Model(network.model.input, outputs)
    features = model(pixels[None].astype(np.float32))
    return {
        name: np.asarray(values, np.float64).reshape(-1, values.shape[-1])
        for name, values in features.items()
    }


def gram(rows: Any) -> Any:
    return rows.T @ rows


def keras_io(port: Mapping[str, Any]) -> float:
    pixels = preprocessed(port["content"])
    x, s = seen(port["vgg"], pixels), seen(port["vgg"], preprocessed(port["style"]))
    height, width, _ = pixels.shape
    # The content loss is a sum of squares, and 0 as the picture is the content.
    style = sum(
        ((gram(s[name]) - gram(x[name])) ** 2).sum() / (4.0 * 3**2 * (height * width) ** 2)
        for name in STYLE
    )
    down = (pixels[:-1, :-1] - pixels[1:, :-1]) ** 2
    across = (pixels[:-1, :-1] - pixels[:-1, 1:]) ** 2
    return float(1e-6 / 5 * style + 1e-6 * ((down + across) ** 1.25).sum())


def variation(pixels: Any) -> float:
    return float(np.abs(np.diff(pixels, axis=0)).sum() + np.abs(np.diff(pixels, axis=1)).sum())


def mean_grams(x: Mapping[str, Any], s: Mapping[str, Any]) -> list[float]:
    """Return the mean squared differences of Gram matrices over positions, layer by layer."""
    return [
        ((gram(x[name]) / len(x[name]) - gram(s[name]) / len(s[name])) ** 2).mean()
        for name in STYLE
    ]


def tensorflow_tutorial(port: Mapping[str, Any]) -> float:
    content, style = port["content"], port["style"]
    x, s = seen(port["vgg"], preprocessed(content)), seen(port["vgg"], preprocessed(style))
    return 1e-2 / 5 * sum(mean_grams(x, s)) + 30 * variation(np.float64(content))


def gatys_notebook(port: Mapping[str, Any]) -> float:
    """Follow the second pass, where the picture is not the content."""
    x, c = (seen(port["vgg"], preprocessed(port[name])) for name in ("start", "content"))
    style = ns.load_image(ROOT / "docs/examples/style.png", shorter=min(port["content"].shape[:2]))
    s = seen(port["vgg"], preprocessed(style))
    counts = [s[name].shape[1] for name in STYLE]  # 64, 128, 256, 512, 512 in a whole VGG19
    parts = [1e3 / n**2 * mean for n, mean in zip(counts, mean_grams(x, s), strict=True)]
    return float(sum(parts) + ((x["block4_conv2"] - c["block4_conv2"]) ** 2).mean())


def neural_style_pt(port: Mapping[str, Any]) -> float:
    style = ns.load_image(ROOT / "docs/examples/style.png", max_size=max(port["content"].shape))
    pictures = port["start"], port["content"], style
    pixels = [preprocessed(picture, 256) for picture in pictures]
    x, c, s = (seen(port["network"], each) for each in pixels)
    total = 5 * ((x["block4_conv2"] - c["block4_conv2"]) ** 2).mean()
    for name in STYLE:
        here, there = gram(x[name]) / x[name].size, gram(s[name]) / s[name].size
        total += 1e2 * ((here - there) ** 2).mean()
    return float(total + 1e-3 * variation(pixels[0]))


FIRST = {f.__name__: f for f in (keras_io, tensorflow_tutorial, gatys_notebook, neural_style_pt)}


@pytest.mark.parametrize("name", [path.stem for path in PORTS])
@pytest.mark.slow
def test_a_port_begins_with_the_originals_loss(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    port = runpy.run_path(str(ROOT / "docs" / "examples" / "ports" / f"{name}.py"))
    start = port.get("start", port["content"])
    evaluator = ns.Evaluator(port["objective"], port["vgg"], start.shape)
    first, _ = evaluator.value_and_gradient(start)
    assert first == pytest.approx(FIRST[name](port), rel=1e-6)
    assert port["result"].fun < first
    assert ns.load_image(f"{name}.png").shape == start.shape


@pytest.mark.parametrize("path", PORTS, ids=lambda path: path.stem)
def test_a_port_has_less_than_twenty_lines_of_code(path: Path) -> None:
    _, _, code = path.read_text().split('"""')
    lines = [line for line in code.splitlines() if line and not line.lstrip().startswith("#")]
    assert len(lines) < 20
