"""Contact sheets: many small results side by side, to choose by eye."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

from neuralstyle._checks import shown
from neuralstyle._types import PictureLike
from neuralstyle.images.show import Sheet
from neuralstyle.transfer.comparing.sweeping import painted_sweep
from neuralstyle.transfer.options.signatures import takes_options
from neuralstyle.transfer.recipes import Recipe, default

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from neuralstyle.transfer.options.stylize_options import SheetOptions


@overload
def contact_sheet(
    content: PictureLike | None,
    style: PictureLike | Sequence[PictureLike],
    vary: Mapping[str, Sequence[Any]],
    *,
    recipe: str = ...,
    size: int | tuple[int, int] = ...,
    **settings: Unpack[SheetOptions],
) -> Sheet: ...


@overload
def contact_sheet(
    content: PictureLike | None,
    style: PictureLike | Sequence[PictureLike],
    vary: Mapping[str, Sequence[Any]],
    *,
    recipe: Callable[..., Recipe],
    size: int | tuple[int, int] = ...,
    **settings: Any,
) -> Sheet: ...


@takes_options(but=["objective", "checkpoint"], others=True)
def contact_sheet(
    content: PictureLike | None,
    style: PictureLike | Sequence[PictureLike],
    vary: Mapping[str, Sequence[Any]],
    *,
    recipe: str | Callable[..., Recipe] = default,
    size: int | tuple[int, int] = 192,
    **settings: Any,
) -> Sheet:
    """Paint one small result for every value of a setting, or of two, on one labelled picture.

    Parameters
    ----------
    content : array, shape (H, W, 3), floating, RGB in [0, 1], or None
        As for `stylize`.
    style : array or sequence of arrays
        As for `stylize`.
    vary : mapping from str to sequence
        One setting or two and the values to try: keywords of the recipe, such as
        ``content_weight``, or of `stylize`, such as ``style_scale`` or ``color``; or ``"style"``,
        for each of several styles by itself: ``{"style": [a, b], "content_weight": [0.1, 0.4]}``.
        The first setting goes down the page if there are two, the last across.
    recipe : str or callable, default `recipes.default`
        What makes the recipe from its keywords: one of `neuralstyle.recipes`, or its name.
    size : int or (int, int), default 192
        Of each result.
    **options : see ``help(neuralstyle.stylize)``
    **settings : object
        Keywords of the recipe that are the same for all.

    Returns
    -------
    Sheet, an array, shape (H, W, 3), float32
        The sheet, each result with its settings above it; a notebook shows it as a picture, and its
        `save` writes it. Ctrl-C ends it early: the result that was being painted is the last, as
        far as it has come and with a note above it, and what would have come after it is left out.

    Raises
    ------
    TypeError, ValueError, KeyError
        If a setting does not exist, or its values or the images are not as they should be.
    KeyboardInterrupt
        After Ctrl-C before the first result was begun.
    Exception
        What a run raises. The results before it, if any, are in its attribute ``partial_result``: a
        sheet of these alone.

    See Also
    --------
    stylize_sweep : the results themselves.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> content, style = random.uniform(size=(2, 32, 48, 3)).astype(np.float32)
    >>> weights = {"content_weight": [0.1, 1.0]}
    >>> sheet = contact_sheet(content, style, weights, size=48, maxiter=1)
    >>> sheet.shape[0], sheet.to_pil().mode
    (52, 'RGB')
    """
    if not isinstance(vary, Mapping) or not 1 <= len(vary) <= 2:
        raise TypeError(
            f"vary: expected one setting or two with their values, received {shown(vary)}"
        )
    given = {"size": size, **settings}
    runs = painted_sweep("contact_sheet", content, style, vary, recipe, given)
    try:
        return runs.sheet()
    except Exception as error:
        error.partial_result = runs.sheet() if len(runs) else None  # type: ignore[attr-defined]
        raise
