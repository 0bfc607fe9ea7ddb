"""What tests of transfers share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from painting import Call, Look, Maps, Runs, Scene
from support import Array

import neuralstyle as ns
from neuralstyle.transfer import painter


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Every call of `minimize`."""
    calls: Runs = []
    minimize = ns.minimize

    def noted(objective: Any, extractor: Any, init: Any, **options: Any) -> ns.StyleResult:
        calls.append(Call(objective, extractor, np.array(init), options))
        return minimize(objective, extractor, init, **options)

    monkeypatch.setattr(painter, "minimize", noted)
    return calls


@pytest.fixture(scope="session")
def see() -> Look:
    """Look at a picture through the compact network, in float64."""
    networks = {
        pooling: ns.VGG16Features(weights="compact", pooling=pooling, dtype="float64")
        for pooling in ("max", "avg")
    }

    def look(picture: Array, pooling: str) -> Maps:
        features = networks[pooling](picture)
        return {layer: features[layer].numpy() for layer in features}

    return look


@pytest.fixture(scope="session")
def scene(see: Look, pictures: tuple[Array, Array]) -> Scene:
    """Give features of content, of a style of its size and of another, and of a picture."""
    content, style = pictures
    resized = np.clip(ns.resize(style, content.shape[:2]), 0, 1).astype(np.float32)
    noise = np.random.default_rng(1).uniform(size=content.shape)
    generated = (0.4 * content + 0.4 * resized + 0.2 * noise).astype(np.float32)
    seen: dict[str, tuple[Maps, Maps, Maps, Maps]] = {}

    def features(pooling: str) -> tuple[Maps, Maps, Maps, Maps]:
        if pooling not in seen:
            a, b, c, d = (see(picture, pooling) for picture in (content, resized, style, generated))
            seen[pooling] = a, b, c, d
        return seen[pooling]

    return features
