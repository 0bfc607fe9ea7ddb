"""What asks TensorFlow itself: graphs that are being built, and leaving them."""

from __future__ import annotations

import threading

import tensorflow as tf

from neuralstyle._kernels.device import TRACING, building_graph, has_gpu, outside_graph


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
