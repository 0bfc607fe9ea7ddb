"""Mistakes that type checkers find: each line has one, and is no longer ignored once they do not.

As ``uses.py``, it is given to mypy and pyright by `.ci/run`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import neuralstyle as ns

Picture = NDArray[np.float32]


def options(photo: Picture, painting: Picture) -> None:
    ns.stylize(photo, painting, maxitre=3)  # type: ignore[call-arg]
    ns.stylize(photo, painting, size="large")  # type: ignore[arg-type]
    ns.stylize(photo, painting, pooling="mean")  # type: ignore[arg-type]
    ns.stylize(photo, painting, padding="same")  # type: ignore[arg-type]
    ns.stylize(photo, painting, style_fit="stretch")  # type: ignore[arg-type]
    ns.stylize(photo, painting, alpha=True)  # type: ignore[arg-type]
    ns.stylize(photo, painting, init="black")  # type: ignore[arg-type]
    ns.stylize(photo, painting, init={"white": 1.0})  # type: ignore[dict-item]
    ns.stylize(photo, painting, recipe=ns.recipes.default)  # type: ignore[arg-type]
    ns.stylize(photo, painting, network=ns.VGG19Features)  # type: ignore[arg-type]
    ns.stylize(photo, painting, callback=lambda: None)  # type: ignore[arg-type,misc]
    ns.stylize(photo, painting, regions=[(photo, painting)])  # type: ignore[list-item]
    ns.stylize(photo, painting, bounds=1)  # type: ignore[arg-type]
    ns.stylize(photo, painting, balance={"style": "much"})  # type: ignore[dict-item]
    ns.stylize_many([photo], painting, size="large")  # type: ignore[arg-type]
    ns.stylize_frames([photo], painting, [], temporal_wieght=2)  # type: ignore[call-arg]
    ns.recipes.default(content_wieght=2)  # type: ignore[call-arg]


def pictures(photo: Picture) -> None:
    ns.stylize(photo, None)  # type: ignore[arg-type]
    ns.stylize(photo, 3)  # type: ignore[arg-type]
    ns.stylize(photo, [photo, None])  # type: ignore[list-item]
    ns.stylize(photo)  # type: ignore[call-arg]
    ns.stylize_many(3, photo)  # type: ignore[arg-type]
    ns.Region(None, photo)  # type: ignore[arg-type]
    ns.resize(photo, 64)  # type: ignore[arg-type]
    ns.resize(photo, (64, 64), "cubic")  # type: ignore[arg-type]
    ns.as_image(None)  # type: ignore[arg-type]
    ns.as_image(photo, channels="middle")  # type: ignore[arg-type]
    ns.Mask(photo, "outside")  # type: ignore[arg-type]
    print(ns.stylize(photo, photo).picture)  # type: ignore[attr-defined]
    ns.stylise(photo, photo)  # type: ignore[attr-defined]


def algebra(style: ns.StyleLoss, features: ns.Features, photo: Picture) -> None:
    "2" * style  # type: ignore[operator]
    style * "2"  # type: ignore[operator]
    style / style  # type: ignore[operator]
    style**style  # type: ignore[operator]
    style + "content"  # type: ignore[operator]
    photo * style  # type: ignore[operator]
    style.weights["style"] = 2.0  # type: ignore[index]
    (2 * style)["style"] = style  # type: ignore[index]
    (2 * style)[0]  # type: ignore[index]
    (2 * style).with_weights(style="much")  # type: ignore[arg-type]
    ns.StyleLoss("style.jpg")  # type: ignore[arg-type]
    ns.StyleLoss(features, normalize="sum")  # type: ignore[arg-type]
    ns.StyleLoss(features, layer="block1_conv1")  # type: ignore[call-arg]
    ns.LayerLoss(features)  # type: ignore[abstract]
    ns.loss("contrast")  # type: ignore[call-overload]
    ns.schedule(0.5)  # type: ignore[arg-type]
    ns.recipes.default() + "style"  # type: ignore[operator]
    print(ns.load_loss("style.npz").layers)  # type: ignore[union-attr]
    ns.save_loss(style, Path("style.npz"))  # type: ignore[arg-type]


@ns.loss  # type: ignore[arg-type]
def of_two(features: Mapping[str, Any], more: int) -> Any:
    return features["input"] * more


def running(objective: ns.StyleObjective, vgg: ns.VGG16Features, photo: Picture) -> None:
    ns.minimize(objective, vgg, photo, maxitre=3)  # type: ignore[call-arg]
    ns.minimize(objective, vgg, "content")  # type: ignore[arg-type]
    ns.minimize(objective, "vgg16", photo)  # type: ignore[arg-type]
    ns.minimize([objective], vgg, photo)  # type: ignore[arg-type]
    ns.minimize(objective, vgg, photo).fun = 0.0  # type: ignore[misc]
    ns.Evaluator(objective, vgg, photo.shape).weights["style"] = "much"  # type: ignore[assignment]
    ns.sweep(objective, vgg, photo, vary={"style": [1]}, maxitre=3)  # type: ignore[call-arg]
    ns.sweep(objective, vgg, photo, vary={"style": ["much"]})  # type: ignore[list-item]
    ns.stylize_sweep(photo, photo, {"seed": [1]}, maxitre=3)  # type: ignore[call-overload]
    ns.contact_sheet(photo, photo, {"seed": [1]}, sise=64)  # type: ignore[call-overload]
    ns.explore(photo, photo, checkpoint="run.npz")  # type: ignore[call-overload]
