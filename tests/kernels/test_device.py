"""What asks TensorFlow itself: graphs that are being built, and leaving them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import neuralstyle as ns
from neuralstyle._kernels import device
from neuralstyle._kernels.device import (
    TRACING,
    building_graph,
    check_process,
    has_gpu,
    outside_graph,
    shape_traced,
)


def test_a_graph_is_being_built_while_a_function_is_traced_and_not_when_it_runs() -> None:
    seen: list[bool] = []

    @tf.function
    def function(x: tf.Tensor) -> tf.Tensor:
        seen.append(building_graph())
        return x + 1

    assert not building_graph()
    function(tf.constant(1.0))
    function(tf.constant(2.0))
    assert seen == [True]


def test_outside_the_graph_tensors_have_values() -> None:
    made: list[tf.Tensor] = []

    @tf.function
    def function(x: tf.Tensor) -> tf.Tensor:
        with outside_graph():
            assert not building_graph()
            made.append(tf.constant(3.0) * 2)
        assert building_graph()
        return x * made[0]

    assert float(function(tf.constant(0.5))) == 3.0
    assert float(made[0]) == 6.0
    with outside_graph():
        assert float(tf.constant(1.0)) == 1.0


def test_one_thread_at_a_time_traces_and_may_begin_again_within() -> None:
    others: list[bool] = []
    with TRACING, TRACING:
        thread = threading.Thread(target=lambda: others.append(TRACING.acquire(blocking=False)))
        thread.start()
        thread.join()
    assert others == [False]
    assert TRACING.acquire(blocking=False)
    TRACING.release()


def test_a_gpu_is_what_tensorflow_lists() -> None:
    assert has_gpu() == bool(tf.config.list_physical_devices("GPU"))


FIRST_USES: dict[str, Callable[[], Any]] = {
    "a network": lambda: ns.VGG16Features("compact"),
    "a model": lambda: ns.KerasFeatures(keras.Sequential([keras.Input((None, None, 3))])),
    "a network of Keras": lambda: ns.KerasFeatures.from_application("MobileNet", None),
    "an evaluator": lambda: ns.Evaluator(ns.TotalVariationLoss(), lambda x: {"input": x}, (2, 2)),
    "a picture": lambda: ns.stylize(
        np.zeros((8, 8, 3)), np.zeros((8, 8, 3)), network=lambda x: {"input": x}
    ),
}


@pytest.mark.parametrize("use", FIRST_USES)
def test_the_first_use_says_that_keras_runs_on_another_backend(
    use: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(RuntimeError, match="backend tensorflow, it runs on jax .*KERAS_BACKEND"):
        FIRST_USES[use]()


@pytest.mark.parametrize("use", FIRST_USES)
def test_the_first_use_says_that_functions_are_run_eagerly(use: str) -> None:
    tf.config.run_functions_eagerly(True)
    try:
        with pytest.raises(RuntimeError, match=r"run_functions_eagerly\(False\)"):
            FIRST_USES[use]()
    finally:
        tf.config.run_functions_eagerly(False)


@pytest.mark.parametrize("use", FIRST_USES)
def test_the_first_use_says_that_eager_mode_is_off(
    use: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tf.compat.v1, "executing_eagerly_outside_functions", lambda: False)
    with pytest.raises(RuntimeError, match="eager mode.*disable_eager_execution"):
        FIRST_USES[use]()


@pytest.mark.parametrize("use", FIRST_USES)
def test_the_first_use_says_that_the_process_is_a_fork_of_one_that_computed(
    use: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "_process", os.getppid())
    with pytest.raises(RuntimeError, match='forked.*"spawn".*multiprocessing.get_context'):
        FIRST_USES[use]()


def test_what_was_made_before_a_fork_says_so_too(
    vgg: ns.VGG16Features, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = np.full((16, 16, 3), 0.5, np.float32)
    features, loss = vgg(image), ns.TotalVariationLoss()
    evaluator = ns.Evaluator(loss, vgg, image.shape)
    monkeypatch.setattr(device, "_process", os.getppid())
    uses: list[Callable[[], Any]] = [
        lambda: evaluator(image),
        lambda: evaluator.at(tf.constant(image[None])),
        lambda: features["block1_conv1"],
        lambda: vgg(image),
        lambda: loss({"input": image[None]}),
        lambda: ns.gradient_norms(loss, vgg, image),
    ]
    for use in uses:
        with pytest.raises(RuntimeError, match="forked"):
            use()


def test_the_process_that_computes_is_remembered_and_no_fork_here() -> None:
    check_process()
    assert device._process == os.getpid()
    assert not device._started_by_parent()


def test_a_shape_is_traced_without_computing_anything() -> None:
    ran: list[bool] = []

    def function(image: Any) -> Any:
        ran.append(tf.executing_eagerly())
        return image[:, ::2, 1:]

    assert shape_traced(function, (1, 10**6, 10**6, 3), "float32") == [1, 500_000, 999_999, 3]
    assert ran == [False]
