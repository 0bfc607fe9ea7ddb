"""Random weights: drawn from a seed, standardised, and of full rank."""

from __future__ import annotations

import dataclasses
import functools
import random as standard_random
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from support import NARROW, assert_same_weights

import neuralstyle as ns
from neuralstyle.features.architectures import (
    NETWORKS,
    VGG16,
    VGG19,
    Architecture,
    Pooling,
    Weights,
)
from neuralstyle.features.vgg import plain
from neuralstyle.features.vgg import weights as sources
from neuralstyle.features.vgg.plain import build, preprocess, random_weights


def test_the_same_seed_draws_the_same_weights(narrow: Weights) -> None:
    assert_same_weights(random_weights(VGG19, 0, widths=NARROW), narrow)


def test_another_seed_draws_other_weights_in_every_layer(narrow: Weights) -> None:
    other = random_weights(VGG19, 1, widths=NARROW)
    for name in VGG19.convolutions:
        for ours, theirs in zip(other[name], narrow[name], strict=True):
            assert not np.isclose(ours, theirs).any(axis=-1).all(), name


def test_without_weights_the_extractor_draws_them_from_its_seed(
    monkeypatch: pytest.MonkeyPatch, narrow: Weights
) -> None:
    monkeypatch.setattr(sources, "random_weights", functools.partial(random_weights, widths=NARROW))
    seventh = random_weights(VGG19, 7, widths=NARROW)
    for options, expected in (({}, narrow), ({"seed": 7}, seventh)):
        model = ns.VGG19Features(weights=None, **options).model
        kernel, bias = model.get_layer("block5_conv4").get_weights()
        np.testing.assert_array_equal(kernel, expected["block5_conv4"][0])
        np.testing.assert_array_equal(bias, expected["block5_conv4"][1])


def test_random_weights_have_the_full_networks_widths_by_default() -> None:
    for network in NETWORKS.values():
        assert network.widths == (64, 128, 256, 512, 512)
    cut_short = dataclasses.replace(VGG16, blocks=(2, 1), widths=VGG16.widths[:2])
    weights = random_weights(cut_short, size=16)
    assert [kernel.shape[-1] for kernel, _ in weights.values()] == [64, 64, 128]


def test_kernels_with_more_inputs_than_outputs_have_orthogonal_columns(
    narrow: Weights,
) -> None:
    for name, (kernel, _) in narrow.items():
        columns = kernel.reshape(-1, kernel.shape[-1]).astype(np.float64)
        assert columns.shape[0] >= columns.shape[1]
        columns /= np.linalg.norm(columns, axis=0)
        np.testing.assert_allclose(
            columns.T @ columns, np.eye(columns.shape[1]), atol=1e-5, err_msg=name
        )


def test_kernels_with_more_outputs_than_inputs_have_orthogonal_rows_up_to_a_scale_per_channel() -> (
    None
):
    kernel, _ = random_weights(VGG19, widths=(40, 8, 8, 8, 8), size=32)["block1_conv1"]
    matrix = kernel.reshape(27, 40).astype(np.float64)
    # Channel by channel the squares of the scales solve M diag(s) M^T = I, which has far more
    # equations than unknowns.
    products = np.einsum("ic,jc->ijc", matrix, matrix).reshape(27 * 27, 40)
    scales, *_ = np.linalg.lstsq(products, np.eye(27).ravel(), rcond=None)
    assert (scales > 0).all()
    np.testing.assert_allclose(products @ scales, np.eye(27).ravel(), atol=1e-4)


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
@pytest.mark.parametrize("pooling", ["max", "avg"])
def test_pre_activations_are_standardised_over_the_noise_picture(
    pooling: Pooling, network: Architecture
) -> None:
    narrow = random_weights(network, 0, pooling, NARROW)
    picture = plain._pink_noise(np.random.default_rng(0), 128)
    assert picture.min() >= 0 and picture.max() <= 1
    features = ns.KerasFeatures(build(network, narrow, pooling), preprocess)(picture)
    below = ops.convert_to_tensor(preprocess(picture[None]))
    for layer in features:
        if layer in narrow:
            kernel, bias = narrow[layer]
            response = np.asarray(ops.conv(below, kernel, padding="same")) + bias
            np.testing.assert_allclose(response.mean(axis=(0, 1, 2)), 0, atol=2e-3)
            np.testing.assert_allclose(response.std(axis=(0, 1, 2)), 1, atol=2e-3)
        if layer != "input":
            below = features[layer]


def he_normal(seed: int, widths: tuple[int, ...]) -> Weights:
    """The weights that are merely well scaled, without biases."""
    random, channels, weights = np.random.default_rng(seed), 3, {}
    for block, (count, width) in enumerate(zip(VGG19.blocks, widths, strict=True), start=1):
        for index in range(1, count + 1):
            kernel = random.standard_normal((3, 3, channels, width)) * np.sqrt(2 / (9 * channels))
            bias = np.zeros(width, np.float32)
            weights[f"block{block}_conv{index}"] = (kernel.astype(np.float32), bias)
            channels = width
    return weights


def share_of_the_first_direction(weights: Weights, image: np.ndarray) -> float:
    """How much of the deepest Gram matrix is of rank one."""
    features = ns.KerasFeatures(build(VGG19, weights, "avg"), preprocess)(image)
    flat = np.asarray(features["block5_conv1"], np.float64).reshape(-1, weights_width(weights))
    values = np.linalg.eigvalsh(flat.T @ flat)
    return float(values[-1] / values.sum())


def weights_width(weights: Weights) -> int:
    return weights["block5_conv1"][0].shape[-1]


def test_deep_gram_matrices_do_not_collapse_to_rank_one_as_those_of_plain_random_weights_do() -> (
    None
):
    widths = (16, 16, 32, 32, 32)
    image = plain._pink_noise(np.random.default_rng(99), 128)[:, :96]
    ours = [
        share_of_the_first_direction(random_weights(VGG19, seed, "avg", widths), image)
        for seed in range(3)
    ]
    unscaled = [share_of_the_first_direction(he_normal(seed, widths), image) for seed in range(3)]
    assert max(ours) < 0.5
    assert np.mean(unscaled) > np.mean(ours) + 0.2


def test_drawing_and_building_leave_global_random_states_alone() -> None:
    def numbers() -> list[Any]:
        return [
            float(keras.random.uniform(())),
            float(tf.random.uniform(())),
            float(np.random.uniform()),  # noqa: NPY002
            standard_random.random(),
        ]

    def start() -> None:
        keras.utils.clear_session()  # early versions of Keras go on with what was drawn before
        keras.utils.set_random_seed(5)

    start()
    expected = numbers()
    start()
    build(VGG19, random_weights(VGG19, widths=NARROW))
    assert numbers() == expected


@pytest.mark.slow  # Decomposing the full network's kernels takes up to a minute and a half.
@pytest.mark.parametrize("pooling", ["avg", "max"])
def test_the_full_network_with_random_weights_does_not_collapse_with_either_pooling(
    pooling: Pooling,
) -> None:
    extractor = ns.VGG19Features(None, pooling, seed=3)
    image = plain._pink_noise(np.random.default_rng(99), 128)
    values = np.linalg.svd(
        np.asarray(extractor(image)["block5_conv1"]).reshape(-1, 512), compute_uv=False
    )
    assert values[0] ** 2 < 0.6 * (values**2).sum()
