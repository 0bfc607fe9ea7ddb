"""What is left of a sweep in which a run fails, and what its table and captions hold."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from painting import PAINT, STYLE
from support import Reusable, noise, pixels

import neuralstyle as ns
from neuralstyle.transfer.comparing.sweep import Sweep

X = noise(6, 8, 1)
CONTENT = noise(32, 36)


class Broken(Exception):
    """Of a callback."""


def failing(at: float) -> ns.Sweep:
    """Return a sweep over three weights, of which one fails."""

    def fail(now: ns.Progress) -> None:
        if now.settings["weights"]["content"] == at:
            raise Broken

    objective = ns.ContentLoss(pixels(noise(6, 8)), "input") + ns.TotalVariationLoss()
    vary = {"content": [1.0, 2.0, 3.0]}
    return ns.sweep(objective, Reusable(), X, vary=vary, maxiter=1, callback=fail)


@pytest.mark.parametrize("asks", [list, Sweep.table, Sweep.sheet])
def test_an_error_is_raised_once_and_leaves_the_runs_before_it(asks: Any) -> None:
    sweep = failing(3.0)
    with pytest.raises(Broken) as caught:
        asks(sweep)
    assert sweep.error is caught.value and not sweep.interrupted
    assert [settings for settings, _ in sweep] == [{"content": 1.0}, {"content": 2.0}]
    assert len(sweep) == len(sweep.table()) == 2
    assert sweep.sheet().shape[0] > X.shape[0]
    assert repr(sweep) == "Sweep(2 of 3 runs made; 3 of content; ended by Broken)"


def test_without_any_run_there_is_an_empty_table_and_no_sheet() -> None:
    sweep = failing(1.0)
    with pytest.raises(Broken):
        next(iter(sweep))
    assert sweep.table() == [] and list(sweep) == [] and sweep._repr_png_() is None
    with pytest.raises(ValueError, match=r"^sheet: expected at least one result") as caught:
        sweep.sheet()
    assert caught.value.__cause__ is sweep.error


SOME = {"content": 1, "covariance": 3, "color": 1, "patches": 1}
ALL = {**SOME, "total_variation": 1}


@pytest.mark.parametrize("shares", [ALL, SOME])
@pytest.mark.parametrize("given", [[0, 2], [2, 0]])
def test_a_balance_is_checked_beside_every_value_before_the_first_run(
    shares: dict[str, float], given: list[float], vgg: ns.VGG16Features
) -> None:
    options: dict[str, Any] = {"network": vgg, "maxiter": 1, "scales": 1}
    vary = {"tv_weight": given, "balance": [None, shares]}
    told = "; with tv_weight=0 there is no total_variation" if shares == ALL else "patches$"
    for fixed in (False, True):
        swept: dict[str, Any] = {"tv_weight": given} if fixed else vary
        of_all: dict[str, Any] = {"balance": shares} if fixed else {}
        with pytest.raises(ValueError, match=f"^balance: expected a share for each of .*{told}"):
            ns.stylize_sweep(CONTENT, STYLE, swept, **of_all, **options)


def test_a_share_that_lacks_is_told_with_the_weights_that_are_0() -> None:
    vary: dict[str, Any] = {"tv_weight": [0.0], "balance": [{"content": 1, "covariance": 3}]}
    told = "each of .*, color, patches, received .*covariance; tv_weight=0 leaves its term"
    with pytest.raises(ValueError, match=f"^balance: expected a share for {told} out$"):
        ns.stylize_sweep(CONTENT, STYLE, vary, maxiter=1)


def one(*, content_weight: float = 1.0) -> ns.Recipe:
    """A recipe of one term beside the content's."""
    return ns.Recipe(
        "one",
        lambda c: [content_weight * ns.ContentLoss(c, "input")],
        lambda c, s, **masks: [1.0 * ns.CovarianceLoss(s, "input")],
        maxiter=(1,),
    )


def another(*, content_weight: float = 1.0) -> ns.Recipe:
    """A recipe of another term."""
    return ns.Recipe(
        "another",
        lambda c: [content_weight * ns.ContentLoss(c, "input")],
        lambda c, s, **masks: [1.0 * ns.StyleLoss(s, "input")],
        maxiter=(1,),
    )


def test_rows_have_the_same_keys_where_recipes_differ() -> None:
    sweep = ns.stylize_sweep(CONTENT, STYLE, {"recipe": [one, another]}, **PAINT)
    rows = sweep.table()
    assert [row["losses.covariance"] is None for row in rows] == [False, True]
    assert [row["losses.style"] is None for row in rows] == [True, False]
    assert [row["recipe"] for row in rows] == ["one", "another"]
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    read = list(csv.DictReader(io.StringIO(file.getvalue())))
    assert [row["losses.style"] == "" for row in read] == [True, False]
    assert "None" not in sweep._repr_html_()


@pytest.mark.parametrize(
    ("name", "values", "lines"),
    [
        ("style", ["a/night.jpg", Path("b/day.png")], ["style=night", "style=day"]),
        ("style", ["a/1.jpg", "b/1.jpg"], ["style=a/1.jpg", "style=b/1.jpg"]),
        ("style", [STYLE, [STYLE]], ["style 1", "style 2"]),
        ("network", ["compact", Path("of/mine.npz")], ["network=compact", "network=mine"]),
        ("recipe", ["fast", one], ["recipe=fast", "recipe=one"]),
        ("balance", [None, {"content": 1, "color": 2.5}], ["balance=None", "content:1 color:2.5"]),
        ("tv_weight", [np.float32(0.1), 2], ["tv_weight=0.1", "tv_weight=2"]),
    ],
)
def test_captions_say_values_in_few_words(name: str, values: Any, lines: list[str]) -> None:
    sweep = Sweep({name: values}, lambda *run: None)  # type: ignore[arg-type]
    for number, line in enumerate(lines):
        (told,) = sweep._lines((number,))
        assert told.endswith(line)
