"""Sweeps: each run as if made alone, nothing made twice, Ctrl-C keeps what is there."""

from __future__ import annotations

import functools
import inspect
import io
import itertools
from typing import Any

import numpy as np
import pytest
from painting import PAINT, PIXELS, STYLE
from support import Reusable, noise, picture, pixels

import neuralstyle as ns
from neuralstyle.optimize.evaluation import compiled
from neuralstyle.transfer.comparing.sheet import GAP, LINE, text_width
from neuralstyle.transfer.recipes import RECIPES
from neuralstyle.transfer.recipes.recipe import remembering

CONTENT = noise(32, 36)
X = noise(6, 8, 1)
VARY: dict[str, list[float]] = {"content": [0.1, 10.0], "style": [1.0, 3.0, 9.0]}
BAR = 4 + LINE
COLUMN = text_width("content=0.1")


def objective() -> ns.StyleObjective:
    target = pixels(noise(6, 8))
    return ns.ContentLoss(target, "input") + ns.StyleLoss(target, "input")


def swept(vary: Any = VARY, **options: Any) -> ns.Sweep:
    return ns.sweep(objective(), Reusable(), X, vary=vary, **{"maxiter": 3, **options})


def recipe(*, content_weight: float = 1.0, style_weight: float = 1.0) -> ns.Recipe:
    """A recipe without a network, of the user's own."""
    return ns.Recipe(
        "test",
        lambda c: [content_weight * ns.ContentLoss(c, "input")],
        lambda c, s, **masks: [style_weight * ns.CovarianceLoss(s, "input")],
        maxiter=(2,),
    )


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    made: list[Any] = []
    compile_ = compiled._compile
    monkeypatch.setattr(compiled, "_compile", lambda *a: made.append(a) or compile_(*a))
    return made


def interrupting(at: int) -> Any:
    """Press Ctrl-C at an iteration, counted over all runs."""
    seen = itertools.count(1)

    def press(now: ns.Progress) -> None:
        if next(seen) == at:
            raise KeyboardInterrupt

    return press


def test_a_run_is_that_of_its_weights_alone(compilations: list[Any]) -> None:
    runs = list(swept())
    assert len(compilations) == 1
    combinations = itertools.product(*VARY.values())
    assert [tuple(settings.values()) for settings, _ in runs] == list(combinations)
    for settings, result in runs[1::3]:
        assert list(settings) == ["content", "style"]
        target = pixels(noise(6, 8))
        alone = settings["content"] * ns.ContentLoss(target, "input")
        alone += settings["style"] * ns.StyleLoss(target, "input")
        expected = ns.minimize(alone, PIXELS, X, maxiter=3)
        np.testing.assert_array_equal(result.image, expected.image)
        assert result.fun == expected.fun and result.settings["weights"] == settings


def test_runs_are_made_when_asked_for_and_kept() -> None:
    made: list[int] = []
    sweep = swept(callback=lambda now: made.append(now.nit), maxiter=1)
    assert not made
    first = next(iter(sweep))[1]
    assert made == [1]
    assert next(iter(sweep))[1] is first and made == [1]
    assert [result for _, result in sweep][0] is first
    assert len(list(sweep)) == len(sweep) == len(made) == 6
    assert all(result.state is None for _, result in swept(method="l-bfgs", maxiter=1))


def test_a_table_is_of_plain_values_with_losses_flattened() -> None:
    sweep = swept({"style": np.array([1, 10]), "content": (np.float32(0.5),)})
    rows = sweep.table()
    for row, (_, result) in zip(rows, sweep, strict=True):
        assert [*row][:2] == ["style", "content"]
        assert row["losses.style"] == result.losses["style"] and row["fun"] == result.fun
        assert (row["nit"], row["status"]) == (result.nit, result.status.name)
        assert all(type(value) in (int, float, str) for value in row.values())
    assert [row["style"] for row in rows] == [1, 10]


def test_a_sheet_has_the_last_setting_across_and_the_others_down() -> None:
    sweep = swept(maxiter=1)
    page = sweep.sheet()
    bar = BAR + LINE
    assert page.shape == (2 * (bar + 6), 3 * COLUMN + 2 * GAP, 3)
    for number, (_, result) in enumerate(sweep):
        row, column = divmod(number, 3)
        top, left = row * (bar + 6) + bar, column * (COLUMN + GAP)
        shown = page[top : top + 6, left : left + 8]
        np.testing.assert_allclose(shown, result.image, atol=0.5 / 255 + 1e-6)


@pytest.mark.parametrize("at", range(1, 7))
def test_ctrl_c_ends_a_sweep_with_what_is_there(at: int) -> None:
    sweep = swept({"style": [1.0, 2.0, 3.0]}, maxiter=2, callback=interrupting(at))
    runs = list(sweep)
    assert sweep.interrupted and len(runs) == len(sweep) == (at + 1) // 2
    assert [r.status for _, r in runs][-1] is ns.Status.INTERRUPTED
    assert len(list(sweep)) == len(sweep.table()) == len(runs)
    plain, last = text_width("style=1"), text_width("interrupted")
    assert sweep.sheet().shape[1] == (len(runs) - 1) * (plain + GAP) + last


def test_ctrl_c_before_the_first_run_has_a_result_passes_through() -> None:
    @ns.loss
    def interrupted(features: Any) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ns.sweep(interrupted, pixels, X, vary={"interrupted": [1]})


def test_a_halt_by_the_callback_ends_its_run_alone() -> None:
    def halt(now: ns.Progress) -> None:
        if now.settings["weights"]["style"] == 2.0:
            raise StopIteration

    runs = swept({"style": [1.0, 2.0, 3.0]}, callback=halt)
    assert [result.nit for _, result in runs] == [3, 1, 3]


def test_a_warm_start_is_from_the_neighbour() -> None:
    started: list[Any] = []
    cold, warm = swept(maxiter=2), swept(maxiter=2, warm_start=True)
    plain = {tuple(s.values()): r for s, r in cold}
    for settings, result in warm:
        place = tuple(settings.values())
        if place == (0.1, 1.0):
            assert result.fun == plain[place].fun
            started.append(result)
        elif place == (0.1, 3.0):
            evaluator = ns.Evaluator(objective(), PIXELS, (6, 8))
            evaluator.weights.update(settings)
            again = ns.minimize(evaluator, init=started[0].image, maxiter=2)
            np.testing.assert_array_equal(result.image, again.image)
    first = {tuple(s.values()): r for s, r in warm}
    evaluator = ns.Evaluator(objective(), PIXELS, (6, 8))
    evaluator.weights.update(content=10.0, style=1.0)
    down = ns.minimize(evaluator, init=first[0.1, 1.0].image, maxiter=2)
    np.testing.assert_array_equal(first[10.0, 1.0].image, down.image)


def test_an_evaluator_has_its_own_weights_again() -> None:
    evaluator = ns.Evaluator(objective(), PIXELS, (6, 8))
    for _ in ns.sweep(evaluator, init="noise", vary={"style": [5.0, 6.0]}, maxiter=1):
        assert evaluator.weights == {"content": 1.0, "style": 1.0}


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"vary": {"styel": [1]}}, KeyError, "vary: there is no term 'styel'; there are content"),
        ({"vary": {"style": [1, "2"]}}, TypeError, r"vary\['style'\]: expected a number"),
        ({"vary": {"style": []}}, TypeError, "vary: expected a sequence of values of 'style'"),
        ({"vary": {"style": "12"}}, TypeError, "vary: expected a sequence of values of 'style'"),
        ({"vary": {"style": 2.0}}, TypeError, "vary: expected a sequence of values of 'style'"),
        ({"vary": {}}, TypeError, "vary: expected settings"),
        ({"vary": None}, TypeError, "vary: expected settings"),
        ({"maxitre": 3}, TypeError, "sweep: there is no option 'maxitre'; did you mean 'maxiter'"),
        ({"state": {}}, TypeError, "sweep: there is no option 'state'"),
        ({"init": None}, TypeError, "init: expected"),
    ],
)
def test_what_is_wrong_is_told_before_the_first_run(
    change: dict[str, Any], kind: type[Exception], words: str
) -> None:
    given: dict[str, Any] = {"init": X, "vary": VARY, **change}
    with pytest.raises(kind, match=words):
        ns.sweep(objective(), pixels, **given)


def test_a_sweep_shows_the_runs_that_are_made_and_makes_none() -> None:
    sweep = swept(maxiter=1)
    assert sweep._repr_png_() is None and "0 of 6 runs" in sweep._repr_html_()
    runs = iter(sweep)
    for _ in range(4):
        next(runs)
    html, shown = sweep._repr_html_(), sweep._repr_png_()
    assert repr(sweep) == "Sweep(4 of 6 runs made; 2 of content, 3 of style)"
    assert repr(sweep) in html and html.count("<tr>") == 1 + 4 and "losses.style" in html
    assert shown is not None
    page, row = ns.load_image(io.BytesIO(shown)), BAR + LINE + 6
    assert page.shape == (2 * row, 3 * COLUMN + 2 * GAP, 3)
    np.testing.assert_allclose(page[:row], sweep.sheet()[:row], atol=1e-6)
    assert len(sweep.table()) == 6


def test_a_bar_says_which_run_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    list(swept({"style": [1.0, 2.5]}, maxiter=1, progress=True))
    lines = capsys.readouterr().err.strip().split("\n")
    assert [line.split(", loss")[0] for line in lines] == [
        "1 of 2, style=1: 8 x 6: iteration 1 of 1",
        "2 of 2, style=2.5: 8 x 6: iteration 1 of 1",
    ]


# Of stylize


def test_a_painted_run_is_that_of_stylize() -> None:
    vary: dict[str, Any] = {"content_weight": [0.5, 5.0], "style": [STYLE, CONTENT]}
    runs = list(ns.stylize_sweep(CONTENT, STYLE, vary, recipe=recipe, **PAINT))
    assert len(runs) == 4
    for settings, result in runs[1:3]:
        made = recipe(content_weight=settings["content_weight"])
        expected = ns.stylize(CONTENT, settings["style"], recipe=made, **PAINT)
        np.testing.assert_array_equal(result.image, expected.image)
        assert result.losses == expected.losses


@pytest.mark.parametrize(
    ("vary", "kind", "words"),
    [
        ({"content_weight": [1, 2, "a"]}, TypeError, "weight: expected a number"),
        ({"seed": [0, 1], "color": ["match", "mach"]}, ValueError, "color: expected"),
        ({"style": [STYLE, STYLE, "missing.png"]}, FileNotFoundError, "style: cannot read"),
        ({"maxiter": [1, [1, 1, 1]]}, ValueError, "maxiter: expected at most"),
        ({"style_scale": [1.0, [1.0, 2.0]]}, ValueError, "style_scale: expected one for each"),
        ({"layer": ["input", "inptu"]}, KeyError, "there is no layer 'inptu'"),
    ],
)
def test_what_is_wrong_with_a_value_is_told_before_the_first_run(
    vary: dict[str, Any], kind: type[Exception], words: str
) -> None:
    def layered(*, content_weight: float = 1.0, layer: str = "input") -> ns.Recipe:
        return ns.Recipe(
            "test",
            lambda c: [content_weight * ns.ContentLoss(c, "input")],
            lambda c, s, **masks: [1.0 * ns.CovarianceLoss(s, layer)],
            maxiter=(2,),
        )

    options = {name: value for name, value in PAINT.items() if name not in vary}
    with pytest.raises(kind, match=words):
        ns.stylize_sweep(CONTENT, STYLE, vary, recipe=layered, **options)


def test_runs_that_differ_in_weights_share_targets_and_evaluators(
    monkeypatch: pytest.MonkeyPatch, compilations: list[Any]
) -> None:
    made: list[Any] = []
    evaluator = ns.Evaluator

    def noted(*args: Any, **options: Any) -> ns.Evaluator:
        made.append(args)
        return evaluator(*args, **options)

    monkeypatch.setattr("neuralstyle.transfer.studio.Evaluator", noted)
    style = noise(80, 80)
    options: dict[str, Any] = {"network": ns.VGG16Features("compact"), "maxiter": 1, "scales": 1}
    vary = {"style_weight": [1.0, 5.0], "style_scale": [1.0, 2.0], "content_weight": [0.0, 2.0]}
    runs = list(ns.stylize_sweep(CONTENT, style, vary, **options))
    assert len(made) == 4 and len(compilations) == 2  # two sizes of strokes, with and without
    assert len({result.fun for _, result in runs}) == 8
    settings, result = runs[-1]
    size = settings.pop("style_scale")
    made_alone = ns.recipes.default(**settings)
    alone = ns.stylize(CONTENT, style, recipe=made_alone, style_scale=size, **options)
    np.testing.assert_array_equal(result.image, alone.image)
    assert result.losses == alone.losses and result.fun == alone.fun


@pytest.mark.parametrize("name", RECIPES)
def test_the_librarys_recipes_have_the_same_losses_whatever_their_weights(
    name: str, vgg: ns.VGG16Features
) -> None:
    make: Any = RECIPES[name]
    features = vgg(picture(1, (32, 32))), vgg(picture(2, (32, 32)))
    weights = {
        keyword: 3 * parameter.default
        for keyword, parameter in inspect.signature(make).parameters.items()
        if keyword.endswith("_weight") and parameter.default
    }

    def losses(recipe: ns.Recipe, kept: Any) -> list[ns.Loss]:
        found = []
        for number, stage in enumerate((recipe, *recipe.later)):
            if stage.source is None and number == 0:  # others make theirs anew for every run
                for makes, of in ((stage.content, features[:1]), (stage.style, features)):
                    with remembering(kept, makes is stage.style):
                        found += [term.loss for part in makes(*of) for term in part.terms]
        return found

    kept: dict[Any, Any] = {}
    before, again = losses(make(), kept), losses(make(**weights), kept)
    assert [id(loss) for loss in again] == [id(loss) for loss in before]
    for loss, alone in zip(again, losses(make(**weights), None), strict=True):
        assert type(loss) is type(alone) and repr(vars(loss)) == repr(vars(alone))


def test_recipes_can_be_varied() -> None:
    other = functools.partial(recipe, style_weight=3.0)
    runs = ns.stylize_sweep(CONTENT, STYLE, {"recipe": [recipe, other]}, content_weight=2, **PAINT)
    for made, (_, result) in zip((recipe, other), runs, strict=True):
        expected = ns.stylize(CONTENT, STYLE, recipe=made(content_weight=2), **PAINT)
        np.testing.assert_array_equal(result.image, expected.image)


def test_a_warm_start_of_stylize_leaves_the_coarse_scales_out() -> None:
    vary = {"content_weight": [0.5, 2.0]}
    options: dict[str, Any] = {**PAINT, "recipe": recipe, "warm_start": True}
    (_, first), (_, second) = ns.stylize_sweep(CONTENT, STYLE, vary, **options)
    made = recipe(content_weight=2.0)
    again = ns.stylize(CONTENT, STYLE, recipe=made, init=first, **PAINT)
    np.testing.assert_array_equal(second.image, again.image)


def test_ctrl_c_ends_a_painted_sweep_with_what_is_there() -> None:
    options: dict[str, Any] = {**PAINT, "recipe": recipe, "callback": interrupting(3)}
    sweep = ns.stylize_sweep(CONTENT, STYLE, {"seed": [0, 1, 2]}, **options)
    assert [r.status for _, r in sweep][1:] == [ns.Status.INTERRUPTED] and sweep.interrupted


def test_the_callback_is_told_of_scales() -> None:
    class Keeping:
        scales: list[Any] = []  # noqa: RUF012

        def __call__(self, now: ns.Progress) -> None: ...

        def after_scale(self, result: ns.StyleResult) -> None:
            self.scales.append(result.image.shape)

    ns.stylize_sweep(
        noise(64, 64), STYLE, {"seed": [0, 1]}, recipe=recipe, scales=2, callback=Keeping(), **PAINT
    ).table()
    assert Keeping.scales == [(32, 32, 3)] * 2
