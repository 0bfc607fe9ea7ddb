"""A typed program over the public names, as users write it: type checkers find no fault in it.

It is no test by itself: `.ci/run` gives it to mypy and pyright, with the installed package. What
they must refuse is in ``mistakes.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np
import PIL.Image
from keras import ops
from numpy.typing import NDArray
from typing_extensions import assert_type

import neuralstyle as ns

Picture = NDArray[np.float32]


# Pictures


def pictures(folder: Path) -> Picture:
    photo = ns.load_image(folder / "photo.jpg", max_size=512)
    assert_type(photo, NDArray[np.float32])
    assert_type(ns.as_image(PIL.Image.new("RGB", (8, 8))), NDArray[np.float32])
    assert_type(ns.as_image(np.zeros((3, 8, 8), np.uint8), channels="first"), NDArray[np.float32])
    assert_type(ns.to_uint8(photo), NDArray[np.uint8])
    assert_type(ns.crop(photo, (4, 4)), NDArray[np.float32])
    assert_type(ns.tile(photo, (64, 64)), NDArray[np.float32])
    print(ns.resize(photo, (4, 4), "linear").shape)
    moved, valid = ns.warp(photo, np.zeros((*photo.shape[:2], 2)))
    assert_type(moved, NDArray[np.float32])
    masks = ns.label_masks("labels.png", folder / "style-labels.png")
    where, what = masks[0]
    assert_type(where, NDArray[np.bool_])
    print(what)
    ns.save_image(folder / "out.png", moved * valid[..., None], quality=90)
    texts = ns.load_metadata(str(folder / "out.png"))
    assert_type(texts, ns.Metadata)
    assert_type(texts.options, dict[str, Any])
    assert_type(ns.color.match_color(photo, photo, "histogram"), NDArray[np.float32])
    treatment: ns.ColorTreatment = ns.color.TREATMENTS["match"]
    print(treatment)
    return photo


# Networks


def edges(image: Any) -> Mapping[str, Any]:
    return {"input": image, "edges": image[:, :, 1:] - image[:, :, :-1]}


class Brightness:
    """An extractor of one's own, by the protocol."""

    layers = ("input",)

    def __call__(self, image: Any) -> dict[str, Any]:
        return {"input": ops.mean(image, axis=-1, keepdims=True)}


def networks(model: keras.Model) -> ns.Extractor:
    vgg = ns.VGG19Features(weights=None, pooling="avg", padding="reflect")
    assert_type(vgg.with_padding("wrap"), ns.VGG19Features)
    assert_type(vgg.layers, tuple[str, ...])
    features = vgg(np.zeros((32, 32, 3), np.float32))
    assert_type(features, ns.Features)
    start, length, step = features.receptive_field("block1_conv1")
    print(start + length * step)
    slimmed = ns.slim("compact", ["photos"], widths=[16, 32], steps=10, callback=told_of_slimming)
    assert_type(slimmed, ns.Slimmed)
    assert_type(ns.slim("compact", "photos", start=slimmed, steps=10), ns.Slimmed)
    every: list[ns.Extractor] = [
        vgg,
        edges,
        Brightness(),
        lambda image: {"input": image},
        ns.VGG16Features("compact"),
        ns.KerasFeatures(model),
        ns.Pyramid(vgg, octaves=2),
        ns.Join(vgg=vgg, own=edges),
    ]
    return every[0]


def told_of_slimming(now: ns.SlimProgress) -> None:
    print(now)


# Losses and their algebra


@ns.loss
def contrast(features: Mapping[str, Any]) -> Any:
    deviation: Any = ops.std(features["input"])
    return -deviation


@ns.loss(name="sky")
def brightness(features: Mapping[str, Any]) -> Any:
    return ops.mean(features["input"][:, :8])


class SpreadLoss(ns.LayerLoss):
    """A loss over layers of one's own."""

    reuse = True

    def __init__(
        self, target: Mapping[str, Any], layers: str = "input", *, power: float = 1.0
    ) -> None:
        self.power = power
        super().__init__(target, layers, normalize="mean")

    def statistic(self, features: Any, mask: Any) -> Any:
        return ops.power(ops.max(features, axis=(1, 2)), self.power)


class MeanLoss(ns.Loss):
    """A loss of one's own."""

    def __init__(self, target: Mapping[str, Any], weight: float) -> None:
        self.weight = weight
        self.mean: Any = ops.mean(target["input"])

    def __call__(self, features: Mapping[str, Any]) -> Any:
        return ops.multiply(self.weight, ops.square(self.mean - ops.mean(features["input"])))


def losses(c: Mapping[str, Any], s: Mapping[str, Any], region: Picture) -> list[ns.Loss]:
    mask = ns.Mask(region, "inside")
    assert_type(contrast, ns.Loss)
    assert_type(brightness, ns.Loss)
    assert_type(ns.loss(lambda features: ops.mean(features["input"]), name="mean"), ns.Loss)
    assert_type(ns.over_octaves(ns.StyleLoss, s), ns.StyleObjective)
    assert_type(ns.average([ns.StyleLoss(s), ns.StyleLoss(c)]), ns.StyleLoss)
    return [
        ns.ContentLoss(c, layers="block4_conv2", normalize="mean"),
        ns.StyleLoss(s, ["block1_conv1", "block2_conv1"], mask=mask, target_mask=region),
        ns.CovarianceLoss(s, {"block1_conv1": 0.5}, normalize="relative"),
        ns.MomentLoss(s, "block1_conv1"),
        ns.GaussianWassersteinLoss(s),
        ns.HistogramLoss(s, "input", name="color"),
        ns.LaplacianLoss(c),
        ns.NearestLoss(s, source=c),
        ns.PatchLoss(s, patch_size=3),
        ns.RelaxedEMDLoss(s),
        ns.SelfSimilarityLoss(c),
        ns.SlicedWassersteinLoss(s),
        ns.TemporalLoss(c, region),
        ns.TotalVariationLoss(isotropic=False, exponent=1, chroma=8),
        SpreadLoss(s, "block1_conv1", power=2),
        MeanLoss(c, 0.5),
        contrast,
    ]


def algebra(style: ns.StyleLoss, content: ns.ContentLoss) -> ns.StyleObjective:
    assert_type(2 * style, ns.StyleObjective)
    assert_type(style * 2.5, ns.StyleObjective)
    assert_type(np.float32(2) * style, ns.StyleObjective)
    assert_type(style * np.float64(2), ns.StyleObjective)
    assert_type(np.int64(2) * (style + content), ns.StyleObjective)
    assert_type(style / 3, ns.StyleObjective)
    assert_type(style / np.float32(3), ns.StyleObjective)
    assert_type(-style, ns.StyleObjective)
    assert_type(style - content, ns.StyleObjective)
    assert_type(style**2, ns.StyleObjective)
    assert_type(style * content, ns.StyleObjective)
    assert_type(ns.maximum(style, 2 * content), ns.StyleObjective)
    assert_type(ns.schedule(lambda step, steps: step / steps) * style, ns.StyleObjective)
    assert_type(style * ns.schedule(lambda step, steps: 1.0, "iteration"), ns.StyleObjective)
    assert_type(style.named("grain"), ns.StyleLoss)
    assert_type(sum([content, content], 2 * style), ns.ContentLoss | ns.StyleObjective)
    objective = style + 2 * content
    assert_type(objective["style"], ns.Term)
    assert_type(objective["style"].loss, ns.Loss)
    assert_type(objective.weights["style"], float)
    assert_type(style.weights, Mapping[str, float])
    assert_type(style.terms, tuple[ns.Term, ...])
    assert_type(style.layers, dict[str, float])
    assert_type(list(objective), list[str])
    assert_type(objective.with_weights(style=np.float32(2), content=3), ns.StyleObjective)
    assert_type(objective.without("content"), ns.StyleObjective)
    print(len(objective), "style" in objective)
    return objective


def sums(parts: list[ns.Loss], weighed: Iterable[ns.StyleObjective]) -> None:
    ns.minimize(sum(parts), edges, init="noise", shape=(8, 8))
    ns.minimize(sum(weighed), edges, init="noise", shape=(8, 8))
    objective = sum(k * part for k, part in enumerate(parts, 1))
    ns.minimize(objective, edges, init="noise", shape=(8, 8))
    ns.Evaluator(objective, edges, (8, 8))
    ns.minimize(ns.StyleObjective(*parts), edges, init="noise", shape=(8, 8))


def files(folder: Path, objective: ns.StyleObjective) -> ns.StyleObjective:
    ns.save_loss(folder / "style.npz", objective)
    loaded = ns.load_loss(folder / "style.npz", classes=[SpreadLoss])
    assert_type(loaded, ns.Loss | ns.StyleObjective)
    assert_type(2 * loaded, ns.StyleObjective)
    assert_type(ns.StyleObjective(loaded)["spread"], ns.Term)
    return ns.StyleObjective(loaded)


def conformance() -> None:
    ns.testing.check_loss(SpreadLoss, "block3_conv1", zero=False, power=2)
    assert_type(ns.statistics.gram_matrix(np.zeros((1, 4, 4, 3))), Any)


# Moving the pixels


def told(now: ns.Progress) -> None:
    assert_type(now.image, NDArray[np.float32])
    print(now.nit, now.fun + now.elapsed + now.remaining, now.losses["style"])


def enough(now: ns.Progress) -> bool:
    return now.fun < 0.1


class Descent(ns.Method):
    """A method of one's own."""

    def run(self, run: ns.Run, state: Mapping[str, NDArray[Any]] | None) -> None:
        while True:
            value, gradient = run.evaluate(run.x - 0.1 * run.gradient)
            if not np.isfinite(value):
                raise ns.Halt(ns.Status.ABNORMAL, "no way on")
            run.accept(run.x - 0.1 * gradient)


def minimized(objective: ns.StyleObjective, vgg: ns.VGG16Features, photo: Picture) -> None:
    result = ns.minimize(objective, vgg, photo, maxiter=5, method="l-bfgs", callback=told)
    assert_type(result, ns.StyleResult)
    assert_type(result.image, NDArray[np.float32])
    assert_type(result.fun, float)
    assert_type(result.losses, dict[str, float])
    assert_type(result.history, tuple[ns.Iteration, ...])
    assert_type(result.status, ns.Status)
    assert_type(result.objective, ns.StyleObjective | None)
    assert_type(result.to_pil(), PIL.Image.Image)
    result.save("out.png", objective="out.npz")
    result.save_report("run.html", content=photo, style=["a.png", photo], title="A run")
    film = ns.MakingOf(frames=50)
    ns.minimize(objective, vgg, photo, callback=film)
    film.save("film.gif", last=result, seconds=4)
    with ns.LivePage(save=lambda now: film.save("now.gif", last=now.image), title="A run") as page:
        assert_type(page.url, str)
        ns.minimize(objective, vgg, photo, callback=page)
    ns.minimize(objective, vgg, photo, callback=lambda now: now.reweigh({"style": 2}, content=1))
    assert_type(film.pictures(3), dict[int, NDArray[np.float32]])
    ns.plot_history(result).savefig("history.png")
    ns.plot_snapshots(film, count=3).savefig("snapshots.png")
    ns.plot_gradient(objective, vgg, photo).savefig("gradient.png")
    ns.plot_layers(photo, layers=["block1_conv1"], keeps="style").savefig("layers.png")
    methods: list[ns.Method] = [
        ns.LBFGS(maxcor=5, restart=10, pairs="bfloat16"),
        ns.LBFGSB(maxls=5),
        ns.KerasMethod(keras.optimizers.Adam(0.02), scale_gradients=False),
        Descent(),
    ]
    for method in methods:
        ns.minimize(objective, vgg, photo, method=method, callback=enough)
    parametrization: ns.Parametrization = ns.parametrizations.logistic()
    ns.minimize(style_of(objective), vgg, photo, parametrization=parametrization)
    first = ns.minimize(objective, vgg, photo, method="l-bfgs", maxiter=5)
    ns.minimize(objective, vgg, photo, method="l-bfgs", state=first.state, history=first.history)
    assert_type(ns.gradient_norms(objective, vgg, photo), dict[str, float])
    assert_type(ns.balance(objective, vgg, photo, {"style": 2.0}), ns.StyleObjective)


def style_of(objective: ns.StyleObjective) -> ns.Loss:
    return objective["style"].loss


def evaluated(objective: ns.StyleObjective, photo: Picture) -> None:
    evaluator = ns.Evaluator(objective, edges, shape=photo.shape)
    evaluator.weights["style"] = 2.0
    evaluator.weights["style"] = np.float32(3)
    assert_type(evaluator.weights["style"], float)
    value, gradient = evaluator(photo.ravel())
    assert_type(value, float)
    assert_type(gradient, NDArray[Any])
    assert_type(evaluator.shape, tuple[int, int, int])
    assert_type(evaluator.losses, dict[str, float])
    assert_type(ns.minimize(evaluator, init=photo), ns.StyleResult)
    by_hand = ns.ManualLBFGS(evaluator, photo.ravel(), value, gradient, maxcor=5)
    print(by_hand.iterate(), by_hand.value)


# Pictures in one call


def painted(photo: Picture, painting: PIL.Image.Image) -> ns.StyleResult:
    result = ns.stylize(
        photo,
        [painting, "painting.jpg"],
        style_weights=[1, 2.5],
        regions=[ns.Region(photo[..., 0] > 0.5, painting, weight=2)],
        recipe="gatys2016",
        network="vgg19",
        pooling="avg",
        padding="reflect",
        dtype="bfloat16",
        size=(512, 512),
        style_scale=[1.0, 0.5],
        style_fit="tile",
        color="match",
        alpha="paint",
        balance={"content": 1, "style": 2},
        scales=3,
        maxiter=[60, 20],
        init={"content": 0.8, "noise": 0.2},
        seed=1,
        method=ns.LBFGSB(maxcor=20),
        maxfun=100,
        tile=512,
        executor=ThreadPoolExecutor(2),
        ftol=1e-6,
        gtol=0,
        xtol=0.1,
        bounds=(0, 1),
        parametrization=ns.parametrizations.grey(),
        checkpoint=Path("run.npz"),
        callback=told,
        progress=True,
    )
    ns.stylize("photo.jpg", Path("painting.jpg"), network=edges, objective=gram, init=result)
    ns.stylize(None, painting, network=Brightness(), method=keras.optimizers.Adam(0.02))
    ns.stylize(photo, [], objective=lambda c, *styles: contrast, init=photo)
    ns.stylize(photo, photo, **ns.load_metadata("out.png").options)
    for one in ns.stylize_many([photo, "photo.jpg"], painting, maxiter=20, size=256):
        assert_type(one, ns.StyleResult)
    flows = [np.zeros((8, 8, 2))]
    for one in ns.stylize_frames([photo, photo], painting, flows, temporal_weight=2, maxiter=20):
        assert_type(one, ns.StyleResult)
    ns.clear()
    scored: ns.Score = ns.score(photo, photo, photo, size=256)
    assert_type(scored.style, float)
    assert_type(ns.doctor(timing=False), ns.Diagnosis)
    estimate = ns.estimate_memory(photo, "style.jpg", size=2048, tile="auto", method="l-bfgs")
    assert_type(estimate, ns.Estimate)
    assert_type(estimate.fits, bool)
    return result


def gram(c: ns.Features, s: ns.Features) -> ns.StyleObjective:
    return ns.ContentLoss(c, "edges") + 10 * ns.StyleLoss(s, "edges")


def recipes(photo: Picture, c: ns.Features, s: ns.Features) -> None:
    recipe = ns.recipes.default(content_weight=0.5, style_layers={"block1_conv1": 1})
    assert_type(recipe, ns.Recipe)
    assert_type(recipe + ns.TotalVariationLoss(), ns.Recipe)
    assert_type(recipe + 2 * ns.TotalVariationLoss() + gram, ns.Recipe)
    assert_type(recipe + (lambda c, s: ns.StyleLoss(s)), ns.Recipe)
    assert_type(recipe(c, s, style_weights=[1]), ns.StyleObjective)
    ns.stylize(photo, photo, recipe=ns.recipes.gatys2016(style_weight=100) + contrast)


def sweeps(photo: Picture, objective: ns.StyleObjective) -> Iterator[Picture]:
    runs = ns.sweep(objective, edges, photo, vary={"style": [1, 10.0]}, maxiter=5, xtol=0.1)
    for settings, result in runs:
        assert_type(settings, dict[str, Any])
        assert_type(result, ns.StyleResult)
    assert_type(runs.table(), list[dict[str, Any]])
    vary = {"content_weight": [0.1, 1], "style_scale": [1.0]}
    painted = ns.stylize_sweep(photo, "style.jpg", vary, recipe="fast", tv_weight=1, color="grey")
    assert_type(painted, ns.Sweep)
    assert_type(painted.sheet(), ns.Sheet)
    own = ns.stylize_sweep(photo, photo, {"strength": [1, 2]}, recipe=recipe_of, maxiter=5)
    yield own.sheet()
    yield ns.contact_sheet(photo, photo, {"style_scale": [1, 2]}, size=96, style_weight=10, xtol=1)
    found = ns.explore(photo, photo, size=512, content_weight=2)
    assert_type(found, ns.Exploration)
    best: ns.Cell = found.cells[found.best]
    yield ns.stylize(photo, photo, **best.options).image


def recipe_of(strength: float = 1.0) -> ns.Recipe:
    return ns.recipes.default(style_weight=14 * strength)
