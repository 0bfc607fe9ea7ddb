"""Every public object is copied and pickled with the same values, or refuses at once, saying why.

A new public name needs a line in `OBJECTS` or in `REFUSING`, or in `NO_OBJECTS` if it is none.
"""

from __future__ import annotations

import copy
import importlib
import inspect
import pickle
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops
from losses.examples import EXAMPLES, GENERATED, PART, TARGET, EdgeLoss
from support import Reusable, pixels

import neuralstyle as ns
from neuralstyle.images.color import TREATMENTS
from neuralstyle.transfer.recipes import RECIPES

try:
    import cloudpickle
except ImportError:
    cloudpickle = None

PIXELS = Reusable()  # keeps what was compiled
PICTURE = np.random.default_rng(0).uniform(size=(16, 12, 3)).astype(np.float32)
STYLE = np.random.default_rng(1).uniform(size=(16, 12, 3)).astype(np.float32)


@ns.loss
def brightness(features: Any) -> Any:
    """Return the mean."""
    return ops.mean(features["input"])


class MeanLoss(ns.LayerLoss):
    """A loss of a user's."""

    def statistic(self, features: Any, mask: Any) -> Any:
        return ops.mean(features, axis=(1, 2))


def darkness(features: Any) -> Any:
    return -ops.mean(features["input"])


class OwnMethod(ns.Method):
    """A method of a user's."""

    def run(self, run: Any, state: Any) -> None:
        raise ns.Halt(ns.Status.CONVERGED, "at once")


def moved(method: Any) -> Any:
    result = ns.minimize(ns.TotalVariationLoss(), PIXELS, PICTURE, method=method, maxiter=2)
    return result.image.tolist(), result.message


def run(method: Any = "l-bfgs", **options: Any) -> ns.StyleResult:
    return ns.minimize(
        ns.TotalVariationLoss(), PIXELS, PICTURE, maxiter=2, method=method, **options
    )


def progress() -> ns.Progress:
    seen: list[ns.Progress] = []
    run(callback=seen.append)
    return seen[-1]


def at_generated(loss: Any) -> Any:
    return float(loss(GENERATED)), repr(loss)


def of_result(result: ns.StyleResult) -> Any:
    state = {name: array.tolist() for name, array in (result.state or {}).items()}
    return result.image.tolist(), result.losses, result.history, result.status, state, repr(result)


def of_recipe(recipe: ns.Recipe) -> Any:
    features = {"input": PICTURE[None], **{layer: TARGET["first"] for layer in LAYERS}}
    stages = [recipe, *recipe.later]
    made = [float(stage(features, features)(features)) for stage in stages]
    return made, [(s.name, s.pooling, s.maxiter, s.method, s.color, s.source) for s in stages]


LAYERS = [f"block{block}_conv{conv}" for block in range(1, 6) for conv in (1, 2, 3)]

SCORE = ns.Score(1.0, 0.5, 0.25, 0.125, None, (16, 12))
CELL = ns.Cell({"style_scale": 1.0}, {"recipe": "default"}, PICTURE, SCORE, 0.5)


def of_cell(cell: ns.Cell) -> Any:
    return cell.settings, cell.options, cell.image.tolist(), cell.score, cell.rating


def of_parametrization(parametrization: ns.Parametrization) -> Any:
    parameters = parametrization.parameters(PICTURE[None])
    return np.asarray(parameters).tolist(), np.asarray(parametrization.pixels(parameters)).tolist()


def of_region(region: ns.Region) -> Any:
    return region.mask.values.tolist(), region.style.tolist(), repr(region)


def same(value: Any) -> Any:
    return value


Cases = list[tuple[Callable[[], Any], Callable[[Any], Any]]]


def filmed() -> ns.MakingOf:
    film = ns.MakingOf()
    ns.minimize(ns.TotalVariationLoss(), pixels, PICTURE, maxiter=1, callback=film)
    return film


OBJECTS: dict[str, Cases] = {
    "MakingOf": [(filmed, lambda film: film.pictures()[1].tolist())],
    "Mask": [
        (lambda: ns.Mask(PART, "inside", "sky"), lambda m: (m.values.tolist(), vars(m)["name"]))
    ],
    "StyleObjective": [(lambda: 2 * ns.StyleLoss(TARGET, "first") + brightness, at_generated)],
    "Term": [(lambda: ns.Term("a", 2.0, brightness), lambda t: (t.name, at_generated(t.loss)))],
    "Loss": [(lambda: EdgeLoss(TARGET), at_generated)],
    "LayerLoss": [(lambda: MeanLoss(TARGET, "first", mask=PART), at_generated)],
    "loss": [(lambda: brightness, at_generated), (lambda: ns.loss(darkness), at_generated)],
    "average": [
        (lambda: ns.average([ns.StyleLoss(TARGET, "first")] * 2), at_generated),
    ],
    "maximum": [
        (
            lambda: ns.maximum(brightness, ns.StyleLoss(TARGET, "first") ** 2 * brightness),
            at_generated,
        )
    ],
    "over_octaves": [
        (
            lambda: ns.over_octaves(
                lambda f: ns.StyleLoss(f, "input"), ns.Pyramid(pixels, octaves=2)(PICTURE)
            ),
            lambda o: float(o(ns.Pyramid(pixels, octaves=2)(STYLE))),
        )
    ],
    **{
        kind.__name__: [(lambda e=example: e.make(TARGET), at_generated)]
        for kind, example in EXAMPLES.items()
    },
    "LBFGS": [(lambda: ns.LBFGS(maxcor=3), moved)],
    "LBFGSB": [(lambda: ns.LBFGSB(maxcor=3), moved)],
    "KerasMethod": [
        (lambda: ns.KerasMethod(keras.optimizers.SGD(0.1)), lambda m: (moved(m), repr(m)))
    ],
    "Method": [(OwnMethod, moved)],
    "Parametrization": [
        (lambda: ns.parametrizations.logistic(), of_parametrization),
        (lambda: ns.parametrizations.spectral((16, 12), np.full((7, 3), 2.0)), of_parametrization),
    ],
    "Halt": [(lambda: ns.Halt(ns.Status.LIMIT, "enough"), lambda h: (h.status, str(h), h.args))],
    "Status": [(lambda: ns.Status.LIMIT, same)],
    "Iteration": [(lambda: run().history[0], same)],
    "Progress": [(progress, lambda p: (p.image.tolist(), p.fun, repr(p)))],
    "StyleResult": [
        (run, of_result),
        (lambda: run("l-bfgs-b"), of_result),
        (lambda: run("adam"), of_result),
    ],
    "ColorTreatment": [
        (lambda t=t: t, lambda t: t.style(STYLE, PICTURE).tolist()) for t in TREATMENTS.values()
    ],
    "Recipe": [
        *((lambda n=name: RECIPES[n](), of_recipe) for name in RECIPES),
        (lambda: replace(ns.recipes.gatys2016(style_weight=7.0), maxiter=(3,)), of_recipe),
    ],
    "Region": [(lambda: ns.Region(PART, PICTURE[:8, :6], weight=2.0), of_region)],
    "Score": [(lambda: SCORE, same)],
    "Estimate": [(lambda: ns.Estimate((4, 5), 64, 1, 2, 3, 4, 5, 9, None, 1.5), same)],
    "Cell": [(lambda: CELL, of_cell)],
    "Sheet": [(lambda: ns.Sheet(np.zeros((2, 3, 3))), ns.Sheet._repr_png_)],
    "Metadata": [
        (lambda: ns.Metadata({"a": "b"}), lambda metadata: (dict(metadata), metadata.about))
    ],
    "Exploration": [
        (lambda: ns.Exploration((CELL,), 0, PICTURE), lambda e: (of_cell(e.cells[0]), e.best))
    ],
    "Diagnosis": [
        (
            lambda: ns.Diagnosis({"a": "1"}, "L", "P", ("avx",), 2, (), True, "so", {}, 0.1),
            same,
        )
    ],
    "SlimProgress": [(lambda: ns.SlimProgress("training", 1, 2, 0.5, {"a": 1.0}), same)],
}
"""What to make of each kind, and what of it a copy has to have too."""

REFUSING: dict[str, tuple[Callable[[], Any], str]] = {
    "Evaluator": (
        lambda: ns.Evaluator(ns.TotalVariationLoss(), pixels, (4, 4)),
        "compiled code; make another",
    ),
    "LivePage": (ns.LivePage, "a page here"),
    "ManualLBFGS": (
        lambda: ns.ManualLBFGS(len, np.ones(3, "f4"), 1.0, np.ones(3, "f4")),  # type: ignore[arg-type]
        "keep its state",
    ),
    "Run": (
        lambda: ns.Run(
            ns.Evaluator(ns.TotalVariationLoss(), pixels, (4, 4)), None, PICTURE, {"bounds": None}
        ),
        "one call of minimize",
    ),
    "Sweep": (lambda: ns.Sweep({"seed": [1]}, lambda place, callback, neighbour: None), "a list"),  # type: ignore[arg-type, return-value]
}

ELSEWHERE = {
    "Extractor",
    "Features",
    "Join",
    "KerasFeatures",
    "Pyramid",
    "Slimmed",
    "VGG16Features",
    "VGG19Features",
}
"""Extractors and what they give: tests/features has tests of these."""

CLASSES = sorted(name for name in ns.__all__ if inspect.isclass(getattr(ns, name)))
FUNCTIONS = sorted(name for name in ns.__all__ if inspect.isfunction(getattr(ns, name)))

CASES = [
    pytest.param(make, look, id=f"{name}-{k}")
    for name, cases in OBJECTS.items()
    for k, (make, look) in enumerate(cases)
]


def copies(value: Any) -> dict[str, Any]:
    found = {
        "deepcopy": copy.deepcopy(value),
        "pickle": pickle.loads(pickle.dumps(value)),
    }
    if cloudpickle is not None:
        found["cloudpickle"] = pickle.loads(cloudpickle.dumps(value))
    return found


def test_every_public_class_is_tried() -> None:
    tried = {*OBJECTS, *REFUSING, *ELSEWHERE}
    assert set(CLASSES) <= tried, (
        "add a line to OBJECTS in tests/test_copies.py, which makes one and says what of it a copy "
        f"has to have too: {set(CLASSES) - tried}"
    )


@pytest.mark.parametrize("name", [*CLASSES, *FUNCTIONS])
def test_public_classes_and_functions_are_found_by_name(name: str) -> None:
    value = getattr(ns, name)
    assert pickle.loads(pickle.dumps(value)) is value


@pytest.mark.parametrize(("make", "look"), CASES)
def test_a_copy_has_the_same_values(make: Callable[[], Any], look: Callable[[Any], Any]) -> None:
    value = make()
    expected = look(value)
    for how, copied in copies(value).items():
        assert type(copied) is type(value), how
        assert look(copied) == expected, how
        assert pickle.dumps(copied), how  # a copy can be copied


@pytest.mark.parametrize("name", REFUSING)
def test_what_cannot_be_copied_says_so_at_once(name: str) -> None:
    make, message = REFUSING[name]
    value = make()
    ways = [copy.copy, copy.deepcopy, pickle.dumps]
    for way in ways if cloudpickle is None else [*ways, cloudpickle.dumps]:
        with pytest.raises(TypeError, match=f"^{name}: cannot be copied or pickled: .*{message}"):
            way(value)


def test_a_loss_of_a_function_comes_back_in_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = """
import neuralstyle as ns
from keras import ops
level = 0.25
@ns.loss
def distance(features):
    return ops.mean((features["input"] - level) ** 2)
def bare(features):
    return ops.mean(features["input"])
plain = ns.loss(bare)
"""
    (tmp_path / "losses_of_a_user.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("losses_of_a_user")
    features = {"input": PICTURE[None]}
    for name in ("distance", "plain"):
        loss = getattr(module, name)
        data, expected = pickle.dumps(2.0 * loss), float(loss(features))
        monkeypatch.delitem(sys.modules, "losses_of_a_user")  # as in a process that has just begun
        loaded = pickle.loads(data)
        assert float(loaded(features)) == 2 * expected
        assert repr(loaded) == repr(2.0 * loss)
        again = pickle.loads(pickle.dumps(loaded))
        assert float(again(features)) == 2 * expected
        monkeypatch.setitem(sys.modules, "losses_of_a_user", module)


def test_a_function_that_no_name_finds_is_refused_at_once() -> None:
    nameless = ns.loss(lambda features: ops.mean(features["input"]))
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        pickle.dumps(nameless)
    assert at_generated(copy.deepcopy(nameless)) == at_generated(nameless)
    if cloudpickle is not None:
        assert at_generated(pickle.loads(cloudpickle.dumps(nameless))) == at_generated(nameless)
