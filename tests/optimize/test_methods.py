"""A method is an object: made from a name or an optimiser, with options that it checks itself."""

from __future__ import annotations

import dataclasses
import inspect
import subprocess
import sys
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops
from support import Reusable, near, noise, says

import neuralstyle as ns
from neuralstyle.optimize.methods.methods import METHODS, as_method, parse_method

PIXELS = Reusable()


def muted(seed: int = 0) -> np.ndarray:
    return 0.2 + 0.6 * noise(seed=seed)


def run(method: Any, **options: Any) -> ns.StyleResult:
    options = {"maxiter": 8, **options}
    return ns.minimize(near(muted()), PIXELS, muted(1), method=method, **options)


# Objects


def test_lists_of_methods_need_neither_keras_nor_tensorflow() -> None:
    code = (
        "import sys\n"
        "from neuralstyle.optimize.methods.methods import METHODS, as_method, parse_method\n"
        "assert as_method('L-BFGS') == parse_method('l-bfgs:maxcor=10')\n"
        "print(*METHODS, *sorted({'keras', 'tensorflow', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == list(METHODS)


@pytest.mark.parametrize("name", METHODS)
def test_a_name_in_any_case_stands_for_a_method_with_its_defaults(name: str) -> None:
    assert as_method(name) == as_method(name.upper()) == METHODS[name]() == parse_method(name)
    assert hash(as_method(name)) == hash(METHODS[name]())
    assert as_method(name).name == str(as_method(name)) == name


def test_methods_are_equal_if_their_options_are() -> None:
    assert ns.LBFGS(maxcor=20) == ns.LBFGS(20) != ns.LBFGS()
    assert ns.LBFGS() != ns.LBFGSB()
    slow, again, fast = (ns.KerasMethod(keras.optimizers.SGD(rate)) for rate in (0.1, 0.1, 0.2))
    assert slow == again != fast and slow != as_method("adam")
    assert slow.name == again.name == "sgd"  # though Keras numbers them
    assert METHODS["adam"]() != METHODS["adam"](scale_gradients=False)


@pytest.mark.parametrize("method", [ns.LBFGSB(), ns.LBFGS(), as_method("adam")])
def test_a_method_is_frozen(method: Any) -> None:
    for field in dataclasses.fields(method):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(method, field.name, 5)


def test_a_method_is_shown_as_it_is_made() -> None:
    assert repr(ns.LBFGSB()) == "LBFGSB(maxcor=10, maxls=20)"
    assert str(ns.LBFGS(maxcor=50)) == "l-bfgs:maxcor=50"
    assert repr(ns.LBFGS(pairs="bfloat16")) == "LBFGS(maxcor=10, maxls=20, pairs='bfloat16')"
    sgd = ns.KerasMethod(keras.optimizers.SGD(0.25, nesterov=True), scale_gradients=False)
    assert repr(sgd) == str(sgd)
    assert repr(sgd) == "KerasMethod(SGD(learning_rate=0.25, nesterov=True), scale_gradients=False)"


@pytest.mark.parametrize("kind", [ns.LBFGS, ns.LBFGSB])
@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"maxcor": 0}, ValueError),
        ({"maxcor": 1.5}, TypeError),
        ({"maxls": 0}, ValueError),
        ({"maxls": "many"}, TypeError),
        ({"maxls": True}, TypeError),
    ],
)
def test_options_are_checked_when_a_method_is_made(
    kind: Any, options: dict[str, Any], error: type[Exception]
) -> None:
    with says(error, f"{next(iter(options))}: expected"):
        kind(**options)


def test_a_keras_method_takes_an_optimizer_of_keras_and_a_bool() -> None:
    with says(TypeError, "optimizer: expected an optimizer of Keras, received 'adam'"):
        ns.KerasMethod("adam")  # type: ignore[arg-type]
    with says(TypeError, "scale_gradients: expected True or False, received 1"):
        ns.KerasMethod(keras.optimizers.SGD(), 1)  # type: ignore[arg-type]


def test_what_the_class_of_this_name_took_in_0_1_is_refused_with_the_new_name() -> None:
    bowl = np.zeros(3, np.float32)
    with says(TypeError, "ManualLBFGS"):
        ns.LBFGS(lambda x: (0.0, x), bowl, 0.0, bowl)  # type: ignore[call-arg, arg-type]


# What stands for a method


@pytest.mark.parametrize(
    ("method", "kind"),
    [("newton", ValueError), ("", ValueError), (None, TypeError), (3, TypeError)],
)
def test_a_method_that_does_not_exist_is_refused_with_those_that_do(
    method: Any, kind: type[Exception]
) -> None:
    names = ", ".join(map(repr, METHODS))
    with says(kind, f"method: expected {names}, a Method or an optim"):
        run(method)


def test_a_text_may_have_options_as_settings_record_them() -> None:
    assert as_method("L-BFGS:maxcor=5") == ns.LBFGS(maxcor=5)
    with says(ValueError, "method: expected maxcor, maxls, restart or pairs as options of l-bfgs"):
        run("l-bfgs:momentum=1")


KERAS = [
    name
    for name, kind in vars(keras.optimizers).items()
    if isinstance(kind, type) and issubclass(kind, keras.optimizers.Optimizer)
    if not {"optimizer_map", "inner_optimizer"} & inspect.signature(kind).parameters.keys()
    and kind is not keras.optimizers.Optimizer
]


@pytest.mark.parametrize("name", KERAS)
@pytest.mark.parametrize("scaled", [True, False])
def test_any_optimiser_of_keras_moves_the_pixels(name: str, scaled: bool) -> None:
    optimizer = getattr(keras.optimizers, name)(learning_rate=1e-3)
    result = run(ns.KerasMethod(optimizer, scale_gradients=scaled), maxiter=2)
    assert result.nfev >= 2 and not np.array_equal(result.history[0].fun, result.history[1].fun)


def test_a_class_in_place_of_a_method_is_refused_with_the_hint_to_call_it() -> None:
    with says(TypeError, "method: expected", r"; call it: LBFGS\(\)"):
        run(ns.LBFGS)


@pytest.mark.parametrize(
    ("text", "method"),
    [
        ("L-BFGS", ns.LBFGS()),
        ("l-bfgs:maxcor=50", ns.LBFGS(maxcor=50)),
        ("l-bfgs:pairs=bfloat16", ns.LBFGS(pairs="bfloat16")),
        ("l-bfgs-b: maxls=5, maxcor=3", ns.LBFGSB(maxcor=3, maxls=5)),
        ("adam:scale_gradients=false", METHODS["adam"](scale_gradients=False)),
        ("adam:learning_rate=5e-2,beta_1=0.5", METHODS["adam"](learning_rate=0.05, beta_1=0.5)),
    ],
)
def test_text_gives_a_method_with_options(text: str, method: ns.Method) -> None:
    assert parse_method(text) == method


@pytest.mark.parametrize("method", [ns.LBFGS(), ns.LBFGS(50, 7, 3, "bfloat16"), ns.LBFGSB(maxls=3)])
def test_settings_record_a_method_such_that_it_can_be_read_again(method: ns.Method) -> None:
    assert parse_method(run(method, maxiter=1).settings["method"]) == method


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("newton", ValueError, f"^method: expected {', '.join(METHODS)}, received 'newton'$"),
        ("", ValueError, f"^method: expected {', '.join(METHODS)}, received ''$"),
        (
            "l-bfgs:momentum=1",
            ValueError,
            "restart or pairs as options of l-bfgs.* 'momentum'$",
        ),
        (
            "l-bfgs:",
            ValueError,
            "^method: expected maxcor, maxls, restart or pairs as options of l-bfgs",
        ),
        ("l-bfgs:maxcor", ValueError, "^method: expected one value for maxcor, received none$"),
        ("l-bfgs:maxcor=1,maxcor=2", ValueError, "one value for maxcor, received it twice$"),
        ("l-bfgs:maxcor=0", ValueError, "^maxcor: expected at least 1, received 0$"),
        ("l-bfgs:maxcor=many", TypeError, "^maxcor: expected a whole number, received 'many'$"),
        (
            "l-bfgs:pairs=half",
            ValueError,
            '^pairs: expected "float32", "bfloat16" or "disk", received',
        ),
        ("adam:learning_rate=0", ValueError, "^learning_rate: expected a number above 0"),
        ("adam:beta_2=1.5", ValueError, "^beta_2: expected a number of at least 0 and at most 1"),
        ("adam:scale_gradients=2", TypeError, "^scale_gradients: expected True or False"),
    ],
)
def test_text_that_gives_no_method_is_refused_by_option(
    text: str, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        parse_method(text)


# L-BFGS


def test_the_own_lbfgs_takes_the_path_of_scipys() -> None:
    ours, scipys = (run(method, maxiter=6) for method in (ns.LBFGS(), ns.LBFGSB()))
    # SciPy's first step is longer or shorter by up to the root of 2: its unit is a power of 2.
    np.testing.assert_allclose(
        [r.fun for r in ours.history[1:]], [r.fun for r in scipys.history[1:]], rtol=0.05
    )


@pytest.mark.parametrize("kind", [ns.LBFGS, ns.LBFGSB])
def test_maxcor_and_maxls_arrive(kind: Any) -> None:
    usual, short, hasty = (
        run(kind(**options), maxiter=30) for options in ({}, {"maxcor": 1}, {"maxls": 1})
    )
    values = [[record.fun for record in result.history] for result in (usual, short, hasty)]
    np.testing.assert_allclose(values[0][:2], values[1][:2], rtol=1e-5)
    assert values[0][:20] != pytest.approx(values[1][:20], rel=1e-3)
    assert values[0] != values[2]


def test_both_lbfgs_reach_the_same_minimum_of_a_style_objective(
    vgg: ns.VGG16Features, pictures: tuple[np.ndarray, np.ndarray]
) -> None:
    content, style = map(vgg, pictures)
    layers = ("block1_conv1", "block2_conv1", "block3_conv1")
    objective = ns.ContentLoss(content, "block2_conv2") + ns.StyleLoss(style, layers)
    ours, scipys = (
        ns.minimize(objective, vgg, pictures[0], method=method, maxiter=150)
        for method in ("l-bfgs", "l-bfgs-b")
    )
    # What is minimised: `fun` is of the pixels that can be shown, which the last steps leave.
    assert ours.history[-1].fun == pytest.approx(scipys.history[-1].fun, rel=0.02)
    assert ours.nfev <= 1.1 * scipys.nfev


# Optimisers of Keras


def test_an_optimiser_of_keras_is_left_as_it_was() -> None:
    adam = keras.optimizers.Adam(0.02)
    run(adam, maxiter=3)
    assert not adam.built
    assert int(adam.iterations.numpy()) == 0


def test_a_keras_method_keeps_the_settings_that_its_optimiser_had() -> None:
    optimizer = keras.optimizers.SGD(0.01)
    method = ns.KerasMethod(optimizer)
    expected = run(method)
    optimizer.learning_rate = 0.5
    np.testing.assert_array_equal(run(method).image, expected.image)


def test_adam_has_the_settings_of_style_transfer_pytorch() -> None:
    config = as_method("adam").optimizer.get_config()  # type: ignore[attr-defined]
    assert config["learning_rate"] == pytest.approx(0.02)
    assert (config["beta_1"], config["beta_2"]) == (0.9, 0.99)


def test_without_scaling_an_optimiser_has_the_bare_gradient() -> None:
    rate = 0.125
    method = ns.KerasMethod(keras.optimizers.SGD(rate), scale_gradients=False)
    evaluator = ns.Evaluator(near(muted()), PIXELS, (8, 12))
    _, gradient = evaluator(muted(1))
    expected = muted(1) - rate * gradient.reshape(8, 12, 3)
    np.testing.assert_allclose(run(method, maxiter=1).image, expected, atol=1e-6)


def test_scaled_gradients_have_a_root_mean_square_of_one_at_the_start() -> None:
    method = ns.KerasMethod(keras.optimizers.SGD(0.01))
    moved = run(method, maxiter=1).image - muted(1)
    assert np.sqrt(np.mean(np.square(moved))) == pytest.approx(0.01, rel=1e-3)


def test_the_result_of_a_noisy_path_is_its_average() -> None:
    target = muted()
    steps = keras.optimizers.SGD(0.9)  # of gradients around 1: to and fro
    sharp = ns.loss(lambda f: ops.mean(ops.abs(f["input"] - target[None]) ** 1.05))
    result = ns.minimize(sharp, PIXELS, muted(1), method=steps, maxiter=200)
    assert result.fun < 0.9 * min(record.fun for record in result.history)
