"""Plots are matplotlib's figures that pyplot does not know of, and show what was computed."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from painting import quick
from support import picture, pixels, two_layers

import neuralstyle as ns

matplotlib = pytest.importorskip("matplotlib", reason="plots are of the extra [plot]")

IMAGE = picture(0, (24, 36))


def history(scales: int = 2) -> ns.StyleResult:
    rows = [
        ns.Iteration(k, k, 2.0 / k, {"a": 1 / k, "b": 0.0}, 0.0, (k - 1) // 3)
        for k in range(1, 3 * scales + 1)
    ]
    settings = {"shapes": [(20, 30), (40, 60)]}
    limit = ns.Status.LIMIT
    return ns.StyleResult(IMAGE, 0.1, {}, tuple(rows), 6, 6, 0.1, True, limit, "", settings)


def titles(figure: Any) -> list[str]:
    return [axes.get_title() for axes in figure.axes]


def images(figure: Any) -> list[Any]:
    return [np.asarray(axes.images[0].get_array()) for axes in figure.axes]


def test_history_has_a_line_for_every_loss_with_gaps_between_scales() -> None:
    (axes,) = ns.plot_history(history()).axes
    objective, a, b = axes.lines[:3]
    assert [line.get_label() for line in (objective, a, b)] == ["objective", "a", "b"]
    assert axes.get_yscale() == "log"
    expected = [2, 1, 2 / 3, np.nan, 2 / 4, 2 / 5, 2 / 6]
    np.testing.assert_allclose(objective.get_ydata(), expected)
    np.testing.assert_array_equal(objective.get_xdata(), [1, 2, 3, 3.5, 4, 5, 6])
    assert [text.get_text() for text in axes.texts] == ["30 x 20", "60 x 40"]


def test_history_of_one_scale_or_none_is_drawn_too() -> None:
    assert ns.plot_history(history(scales=1)).axes[0].texts[:] == []
    ns.plot_history(history(scales=0)).canvas.draw()


def test_gradient_shows_where_each_term_pulls() -> None:
    mask = np.zeros((24, 36))
    mask[:, :12] = 1
    target = pixels(1 - IMAGE)
    objective = 3 * ns.ContentLoss(target, "input", mask=mask) + ns.TotalVariationLoss()
    figure = ns.plot_gradient(objective, pixels, IMAGE)
    _, content, variation = images(figure)
    assert titles(figure)[1:] == ["content, 99 %", "total_variation, 1 %"]
    assert content[:, 12:].max() == 0 < content[:, :12].max()
    assert variation[:, 12:].max() > 0
    norms = ns.gradient_norms(objective, pixels, IMAGE)
    assert np.linalg.norm(content) == pytest.approx(3 * norms["content"], rel=1e-5)


def test_a_term_that_does_not_pull_is_black() -> None:
    here = 1.0 * ns.ContentLoss(pixels(IMAGE), "input") + ns.TotalVariationLoss()
    figure = ns.plot_gradient(here, pixels, IMAGE)
    assert titles(figure)[1] == "content, 0 %" and images(figure)[1].max() == 0
    figure.canvas.draw()


def test_layers_are_painted_from_what_they_keep() -> None:
    layers = ["first", "second"]
    figure = ns.plot_layers(IMAGE, network=two_layers, layers=layers, maxiter=30, size=18)
    assert titles(figure) == ["picture", *layers]
    given, first, second = images(figure)
    assert given.shape == (12, 18, 3)
    assert np.abs(first - given).mean() < np.abs(second - given).mean()
    assert np.abs(first - given).mean() < 0.05


def test_style_alone_forgets_where_things_are() -> None:
    figure = ns.plot_layers(
        IMAGE, network=two_layers, layers="first", keeps="style", maxiter=30, size=18
    )
    given, painted = images(figure)
    assert np.abs(painted - given).mean() > 0.1
    assert np.abs(painted.mean((0, 1)) - given.mean((0, 1))).max() < 0.1


def test_snapshots_are_those_of_a_film_evenly_spaced() -> None:
    film = ns.MakingOf()
    quick(IMAGE, IMAGE[::-1], maxiter=5, scales=1, callback=film)
    figure = ns.plot_snapshots(film, count=3)
    assert titles(figure) == ["iteration 1", "iteration 3", "iteration 5"]
    assert list(film.pictures(1)) == [5] and len(film.pictures()) == 5


def test_one_snapshot_is_the_last_of_a_film_as_of_pictures() -> None:
    film = ns.MakingOf(frames=4)
    pixels = {"input": IMAGE[None]}
    objective = ns.TotalVariationLoss() + ns.ContentLoss(pixels, "input")
    ns.minimize(objective, lambda x: {"input": x}, 1 - IMAGE, maxiter=3, callback=film)
    titles = [
        [axes.get_title() for axes in ns.plot_snapshots(given, count=1).figure.axes]
        for given in (film, {"before": IMAGE, "after": 1 - IMAGE})
    ]
    assert titles == [["iteration 3"], ["after"]]


def test_snapshots_are_taken_of_pictures_by_name() -> None:
    figure = ns.plot_snapshots({"before": IMAGE, "between": IMAGE, "after": 1 - IMAGE}, count=2)
    assert titles(figure) == ["before", "after"]
    np.testing.assert_allclose(images(figure)[1], 1 - IMAGE, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ns.plot_history([]), "^result: expected a StyleResult, received list"),
        (lambda: ns.plot_snapshots([IMAGE]), "^film: expected a MakingOf or a mapping"),
        (lambda: ns.plot_snapshots({}), "^film: expected at least one picture"),
        (lambda: ns.plot_snapshots({1: 3}), r"^film\[1\]: "),
        (lambda: ns.plot_layers("gone.png"), "^picture: "),
        (lambda: ns.plot_layers(IMAGE, keeps="all"), "^keeps: "),
        (lambda: ns.plot_layers(IMAGE, network=two_layers, layers=["third"]), "third"),
        (lambda: ns.plot_gradient(ns.TotalVariationLoss(), pixels, 3), "^at: "),
    ],
)
def test_wrong_arguments_are_named(call: Callable[[], Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError, KeyError, OSError), match=message):
        call()


def test_nothing_global_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)
    before = dict(matplotlib.rcParams)
    ns.plot_history(history()).canvas.draw()
    ns.plot_snapshots({1: IMAGE}).canvas.draw()
    assert dict(matplotlib.rcParams) == before
    assert "matplotlib.pyplot" not in sys.modules


@pytest.mark.parametrize("plot", [lambda: ns.plot_history(history()),
                                  lambda: ns.plot_snapshots({1: IMAGE})])  # fmt: skip
def test_without_matplotlib_the_extra_is_named(
    plot: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    original = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return original(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r'checkout of neuralstyle, pip install "\.\[plot\]"'):
        plot()
