"""Users' own losses over layers: they write a statistic, and have what the library's have."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras import ops
from losses.examples import GENERATED, LAYERS, PART, TARGET
from support import Reusable, noise, says, two_layers, value

import neuralstyle as ns
from neuralstyle.optimize.testing import check_loss


class GramLoss(ns.LayerLoss):
    """The library's Gram loss, as a user writes it."""

    reuse = True

    def statistic(self, features: Any, mask: Any) -> Any:
        return ns.statistics.gram_matrix(features, mask)


class SumLoss(ns.LayerLoss):
    """Two statistics, an option, a distance of its own, and a constructor."""

    def __init__(self, target: Any, layers: Any = "first", *, power: int = 2, **options: Any):
        self.power = power
        super().__init__(target, layers, **options)

    def statistic(self, features: Any, mask: Any) -> Any:
        if mask is not None:
            features = ns.statistics.guided(features, mask)
        return [ops.mean(features, axis=(1, 2)), ops.mean(ops.square(features), axis=(1, 2))]

    def distance(self, statistic: Any, target: Any) -> Any:
        pairs = zip(statistic, target, strict=True)
        return sum(ops.mean(ops.abs(a - b) ** self.power) for a, b in pairs)


class PlaceLoss(ns.LayerLoss):
    """A statistic that depends on the size."""

    def statistic(self, features: Any, mask: Any) -> Any:
        return features


@pytest.mark.parametrize("normalize", ["relative", "mean"])
@pytest.mark.parametrize("options", [{}, {"mask": PART, "target_mask": PART}], ids=["", "mask"])
@pytest.mark.parametrize("layers", [LAYERS, {"first": 2.0, "second": 0.5}], ids=repr)
def test_the_librarys_loss_written_again_is_that_loss(
    normalize: Any, options: Any, layers: Any
) -> None:
    ours = GramLoss(TARGET, layers, normalize=normalize, **options)
    theirs = ns.StyleLoss(TARGET, layers, normalize=normalize, **options)
    assert value(ours, GENERATED) == pytest.approx(value(theirs, GENERATED), rel=1e-12)


def test_it_passes_what_losses_of_the_library_pass() -> None:
    check_loss(GramLoss, LAYERS)
    check_loss(SumLoss, power=4, name="sums", normalize="mean")


def test_it_is_named_and_described() -> None:
    assert repr(GramLoss(TARGET, LAYERS)) == f"GramLoss(layers={LAYERS})"
    loss = SumLoss(TARGET, power=4, mask=PART)
    assert repr(loss) == "SumLoss(layers='first', power=4, mask=Mask(shape=(8, 6)))"
    assert loss.weights == {"sum": 1.0}
    assert (3 * SumLoss(TARGET, name="mine")).weights == {"mine": 3.0}


def test_relative_is_one_where_the_statistic_is_zero() -> None:
    zeros = {layer: np.zeros_like(array) for layer, array in TARGET.items()}
    for kind in (GramLoss, SumLoss):
        assert value(kind(TARGET, LAYERS), zeros) == pytest.approx(1)
        assert value(kind(zeros, LAYERS), zeros) == 0


def test_a_promise_is_kept(compiled_for: list[Any]) -> None:
    network = Reusable(two_layers)
    for seed in (0, 1):
        target = two_layers(noise(8, 6, seed))
        shared = ns.Evaluator(GramLoss(target, LAYERS, mask=PART), network, (8, 6))
        alone = ns.Evaluator(GramLoss(target, LAYERS, mask=PART), two_layers, (8, 6))
        assert shared(noise(8, 6, 3))[0] == pytest.approx(alone(noise(8, 6, 3))[0], rel=1e-6)
    assert len(compiled_for) == 1 + 2


@pytest.fixture
def compiled_for(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    from neuralstyle.optimize.evaluation import compiled

    made: list[Any] = []
    compile_ = compiled._compile
    monkeypatch.setattr(compiled, "_compile", lambda *a: (made.append(a[0]), compile_(*a))[1])
    return made


def test_what_does_not_fit_is_refused() -> None:
    with says(KeyError, "layers: there is no layer 'third'"):
        GramLoss(TARGET, "third")
    with says(ValueError, "normalize: expected"):
        GramLoss(TARGET, LAYERS, normalize="sum")  # type: ignore[arg-type]
    with says(TypeError, "name: expected text"):
        GramLoss(TARGET, LAYERS, name=3)  # type: ignore[arg-type]
    wider = {layer: np.repeat(array, 2, axis=-1) for layer, array in GENERATED.items()}
    with says(ValueError, "loss 'gram': expected 4 channels at layer 'first'"):
        GramLoss(TARGET, LAYERS)(wider)
    larger = {layer: np.repeat(array, 2, axis=1) for layer, array in GENERATED.items()}
    with says(ValueError, "loss 'place': expected statistics of the target's shape", "one size"):
        PlaceLoss(TARGET, LAYERS)(larger)

    class Wrong(GramLoss):
        def statistic(self, features: Any, mask: Any) -> Any:
            return None

    with says(TypeError, r"loss 'wrong': expected a tensor .* from statistic\(\), received None"):
        Wrong(TARGET, LAYERS)

    class Clash(GramLoss):
        def __init__(self, target: Any) -> None:
            self.target = target  # type: ignore[method-assign, assignment]

    with says(AttributeError, "target: expected another name"):
        Clash(TARGET)


def test_it_is_abstract_without_a_statistic() -> None:
    with pytest.raises(TypeError, match="statistic"):
        ns.LayerLoss(TARGET, LAYERS)  # type: ignore[abstract]


# What check_loss finds


def broken(**methods: Any) -> type[ns.Loss]:
    """Make a loss of the image, as a user writes it, with something wrong."""

    class Mine(ns.Loss):
        def __init__(self, target: Any) -> None:
            self.wanted = ops.convert_to_tensor(target["input"])
            self.calls = 0

        def __call__(self, features: Mapping[str, Any]) -> Any:
            return ops.mean(ops.square(features["input"] - self.wanted))

    for name, method in methods.items():
        setattr(Mine, name, method)
    return Mine


def counted(self: Any, features: Any) -> Any:
    self.calls += 1
    return self.calls * ops.mean(ops.square(features["input"] - self.wanted))


def not_its_gradient(self: Any, features: Any) -> Any:
    difference = features["input"] - self.wanted
    return ops.mean(ops.square(difference) + ops.stop_gradient(difference) ** 2)


def distance(self: Any, features: Any) -> Any:
    return ops.sqrt(ops.square(ops.mean(features["input"]) - ops.mean(self.wanted)))


def keeps_a_function(self: Any, target: Any) -> None:
    self.wanted, self.calls = ops.convert_to_tensor(target["input"]), len


def sets_a_class_attribute(self: Any, target: Any) -> None:
    self.wanted = ops.convert_to_tensor(target["input"])
    type(self).strength = round(float(ops.mean(self.wanted)), 5)


def reads_it(self: Any, features: Any) -> Any:
    return self.strength * ops.mean(ops.square(features["input"] - self.wanted))


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        ({"__call__": counted}, "a second call: expected"),
        ({"__call__": not_its_gradient}, "the gradient along a direction: expected"),
        ({"__repr__": object.__repr__}, "its repr: expected one line"),
        ({"__call__": lambda self, f: ops.mean(f["input"])}, "at the target: expected 0"),
        ({"__call__": lambda self, f: -ops.mean((f["input"] - self.wanted) ** 2)}, "elsewhere"),
        ({"__call__": lambda self, f: ops.log(-ops.mean(f["input"]))}, "the value: expected a fin"),
        ({"__call__": distance}, "the gradient at the target: expected finite numbers"),
        ({"__deepcopy__": lambda self, memo: ns.TotalVariationLoss()}, "a copy: expected"),
        ({"__init__": keeps_a_function}, "saved and loaded: expected a loss, received: loss"),
        (
            {"__init__": sets_a_class_attribute, "__call__": reads_it, "reuse": True},
            "with code compiled for another target, as reuse = True promises: expected",
        ),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_a_fault_is_found(methods: dict[str, Any], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_loss(broken(**methods))


def test_what_is_sound_passes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        check_loss(broken())
        check_loss(lambda target: ns.TotalVariationLoss(), zero=False)
        check_loss(lambda target: ns.StyleLoss(target) * ns.ContentLoss(target, "anything") ** 2)
        check_loss(ns.MomentLoss, "somewhere")
    assert not caplog.records


def own(function: Any, **attributes: Any) -> type[ns.LayerLoss]:
    """Make a loss over layers with a statistic."""
    return type("Own", (ns.LayerLoss,), {"statistic": function, **attributes})


def root_of_mean_square(self: Any, features: Any, mask: Any) -> Any:
    f = features**2 if mask is None else features**2 * mask[..., None]
    return ops.sqrt(ops.mean(f, axis=(1, 2)))


def share_of_the_mean(self: Any, features: Any, mask: Any) -> Any:
    mean = ops.mean(features if mask is None else features * mask[..., None], axis=(1, 2))
    return ops.concatenate([mean, mean[:, 1:] / mean[:, :1]], axis=1)


def summed(self: Any, features: Any, mask: Any) -> Any:
    return ops.sum(features if mask is None else features * mask[..., None], axis=(1, 2))


def mean_and_length(self: Any, features: Any, mask: Any) -> Any:
    f = features if mask is None else features * mask[..., None]
    return ops.mean(f, axis=(1, 2)), ops.sqrt(1e-9 + ops.sum(f**2, axis=(1, 2)))


KERNEL = np.ones((3, 3, 4, 4), np.float32)


def convolved(self: Any, features: Any, mask: Any) -> Any:
    return ops.mean(ops.conv(features, KERNEL), axis=(1, 2))


@pytest.mark.parametrize(
    ("statistic", "words"),
    [
        (root_of_mean_square, ["the gradient where a channel is zero throughout", "sqrt"]),
        (share_of_the_mean, ["the value where a channel is zero throughout", "division"]),
        (summed, ["repeated to four times its size", "received 4 times that: a sum in place of"]),
        (mean_and_length, ["repeated to four times its size", "received 2 times that: a sum"]),
        (convolved, [r"float64.*cast constants .* ops.cast\(kernel, features.dtype\)", "Conv2D"]),
        (
            lambda self, features, mask: ns.statistics.gram_matrix(features),
            ["a mask of ones in half of the image", r"the same: does statistic\(\) use its mask"],
        ),
    ],
)
def test_a_fault_of_a_statistic_is_found(statistic: Any, words: list[str]) -> None:
    with says(AssertionError, *words):
        check_loss(own(statistic), "one")


def test_a_constant_of_another_precision_is_named_wherever_it_is_met() -> None:
    def compared(self: Any, features: Any) -> Any:
        return ops.mean(ops.conv(features["one"], KERNEL) ** 2)

    for make in (
        broken(__call__=compared),
        broken(__init__=lambda self, target: ops.conv(target["one"], KERNEL)),
    ):
        with says(AssertionError, "float64", "cast constants", "Conv2D"):
            check_loss(make, zero=False)


def test_what_is_no_maker_of_losses_is_told_how_to_be_one() -> None:
    @ns.loss
    def brightness(features: Mapping[str, Any]) -> Any:
        return ops.mean(features["input"])

    with says(
        TypeError,
        "make: expected a class",
        r"loss\(brightness\): write its class, or lambda target",
    ):
        check_loss(brightness)  # type: ignore[arg-type]
    with says(AssertionError, "what is made: expected a loss, received", "@neuralstyle.loss"):
        check_loss(lambda features: ops.mean(features["input"]))
    with says(AssertionError, "at the target: expected 0, received 0.5.*zero=False"):
        check_loss(lambda target: brightness)


def test_an_image_in_the_place_of_features_and_a_decorator_in_brackets_are_told() -> None:
    with says(TypeError, "target: expected features", r"of an image write extractor\(image\)"):
        ns.StyleLoss(np.zeros((4, 4, 3)))  # type: ignore[arg-type]
    with says(TypeError, "write @neuralstyle.loss, without brackets"):
        ns.loss()  # type: ignore[call-overload]


def test_an_attribute_that_comes_too_late_is_told_so() -> None:
    class Late(GramLoss):
        def __init__(self, target: Any) -> None:
            super().__init__(target, LAYERS)
            self.power = 2

        def statistic(self, features: Any, mask: Any) -> Any:
            return features**self.power

    with says(AttributeError, "'power'", r"set it before super\(\).__init__\(\)"):
        Late(TARGET)
    with pytest.raises(AttributeError, match="'nothing'$"):  # another's is left as it is
        own(lambda self, features, mask: features.nothing)(TARGET, LAYERS)


def test_methods_of_other_arguments_are_refused_at_birth() -> None:
    with says(TypeError, r"statistic: expected statistic\(features, mask\), received .*\(f\)"):
        own(lambda self, f: f)(TARGET, LAYERS)
    with says(TypeError, r"distance: expected distance\(statistic, target\), .* distance\(\)"):
        own(GramLoss.statistic, distance=lambda self: 0.0)(TARGET, LAYERS)
    with says(TypeError, r"function: expected function\(features\), received function\(\)"):
        ns.loss(lambda: 0.0)  # type: ignore[arg-type, misc]


def test_features_of_another_network_are_told_what_may_differ() -> None:
    image = noise(16, 16)
    seen = [ns.VGG16Features("compact", pooling=pooling)(image) for pooling in ("max", "avg")]
    with says(ValueError, "features of the network", "architecture, other weights or pooling"):
        GramLoss(seen[0], "block1_conv1")(seen[1])
