"""Pictures painted by two threads at once are those painted one after another."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from support import Reusable, assert_same_result, blend, picture, two_layers

import neuralstyle as ns
from neuralstyle.transfer.recipes import RECIPES

Job = Callable[[int], ns.StyleResult]


def assert_same_in_two_threads(job: Job, count: int) -> None:
    """Run jobs in two threads, which also compile then, and one after another."""
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(job, range(count)))
    for number, result in enumerate(together):
        assert_same_result(result, job(number))


def test_two_threads_at_once_give_the_same_bits_as_one_after_another() -> None:
    network = Reusable(two_layers)

    def job(number: int) -> ns.StyleResult:
        content, style = picture(number, (32, 40)), picture(number + 1)
        return ns.stylize(content, style, network=network, objective=blend, maxiter=20, scales=1)

    assert_same_in_two_threads(job, 2)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES)
def test_two_threads_at_once_give_the_same_bits_with_every_recipe(recipe: str) -> None:
    def job(number: int) -> ns.StyleResult:
        content, style = picture(number, (48, 64)), picture(number + 1, (40, 56), 15)
        return ns.stylize(content, style, recipe=recipe, maxiter=5)

    ns.clear()
    assert_same_in_two_threads(job, 6)
