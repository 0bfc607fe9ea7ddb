"""`stylize` and `stylize_many`: pictures from photographs and paintings in one call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from neuralstyle._types import PictureLike
from neuralstyle.optimize.result import Status, StyleResult
from neuralstyle.transfer.batch import spread
from neuralstyle.transfer.checkpoint import in_folder, of_content
from neuralstyle.transfer.options.signatures import read_options, takes_options
from neuralstyle.transfer.painter import Painter

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from neuralstyle.transfer.options.stylize_options import StylizeOptions


@takes_options()
def stylize(
    content: PictureLike | None,
    style: PictureLike | Sequence[PictureLike],
    **options: Unpack[StylizeOptions],
) -> StyleResult:
    """Paint a photograph in the style of one or several pictures.

    Parameters
    ----------
    content : array, shape (H, W, 3) or (H, W, 4), floating, RGB or RGBA in [0, 1], or None
        The photograph, as `load_image` returns it. Its path or a PIL image will do too; `as_image`
        makes an array of whatever else. A file is read whole, and made smaller by `resize`:
        ``load_image(path, max_size=)`` does that as it reads, in less time and memory, and its
        pixels differ by a few grey levels. With None the result is a texture: the style alone,
        from noise, without the recipe's content loss.
    style : array like `content`, of any size, or a sequence of such
        The painting or paintings for the whole picture. The sequence may be empty if there are
        `regions`, or if there is a function as `objective`.
    **options : see ``help(neuralstyle.stylize)``

    Returns
    -------
    StyleResult
        Its history runs over all scales. After Ctrl-C, or a halt by the callback, the image is that
        of the scale that was reached, and no older than the last callback: at a coarse one it is
        smaller than was asked for, as the message says. ``resize(result.image, shape)`` enlarges
        it, and `stylize` goes on from it with ``init=result``.

    Raises
    ------
    TypeError, ValueError, KeyError, OSError
        If an argument is not as above; the message names it, and beside an unknown option the
        nearest one.
    KeyboardInterrupt
        After Ctrl-C before anything was evaluated.

    Notes
    -----
    The masks of regions are averaged at every scale. Where nothing is left of a region, as of a
    small one at deep layers of coarse scales, its term is left out, which is logged; it is an error
    if nothing is left anywhere. A region's terms are those of the recipe with the masks, called
    ``covariance_1`` and so on where there are several; `color` treats its style by the whole
    content.

    Every scale has its targets made anew from the content and style images at its size, and starts
    from the result of the one before, enlarged. If the run began with the content, what the
    enlarged content lacks of its detail is added: that saves a third of the iterations that the
    next scale needs. Strokes larger than the receptive field of the network's layers come from the
    coarse scales alone.

    The networks of the last calls, three of them, are kept for the next one, together with what was
    compiled for them: further pictures of the same size start at once. `clear` lets go of them.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> content, style = random.uniform(size=(2, 48, 64, 3)).astype(np.float32)
    >>> result = stylize(content, style, maxiter=2)
    >>> result.image.shape, result.nit
    ((48, 64, 3), 2)
    """
    painter = Painter(style, read_options("stylize", options))
    return painter.paint(content, checkpoint=painter.options.checkpoint).result


@takes_options()
def stylize_many(
    contents: Iterable[PictureLike | None],
    style: PictureLike | Sequence[PictureLike],
    **options: Unpack[StylizeOptions],
) -> Iterator[StyleResult]:
    """Paint many photographs in one style, with one network, looking at the style once.

    Parameters
    ----------
    contents : iterable of arrays, each (H, W, 3), floating, RGB in [0, 1], of paths or PIL images
        The photographs, of any sizes. They are taken one at a time: paths, or a generator that
        loads them, keep no more than one in memory.
    style : array or sequence of arrays
        As for `stylize`.
    **options
        As for `stylize`.

    Yields
    ------
    StyleResult
        In the order of `contents`, each as soon as it is done. The same as from `stylize`.

    Raises
    ------
    TypeError, ValueError, KeyError, OSError
        If an argument is not as above: at once for all but `contents`.
    KeyboardInterrupt
        After Ctrl-C, when the picture that it ended has been yielded.

    Notes
    -----
    Photographs of one size and shape share what is compiled for it, and the targets of the style.
    With a treatment of `color` that matches the style to each content, those are made anew.

    With an `executor` and without `tile`, its workers paint whole photographs, to the same bits,
    and up to 32 contents are taken ahead: paths of files that the workers see are the shortest
    message. No callback and no progress bar are possible then, and results have no ``objective``.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> photos = random.uniform(size=(2, 32, 48, 3)).astype(np.float32)
    >>> painting = random.uniform(size=(40, 40, 3)).astype(np.float32)
    >>> results = stylize_many(photos, painting, maxiter=2)
    >>> [result.image.shape for result in results]
    [(32, 48, 3), (32, 48, 3)]

    An error in reading a photograph ends the iteration. A generator that reads them goes past those
    that are damaged or missing:

    >>> from neuralstyle import load_image
    >>> def readable(paths):
    ...     for path in paths:
    ...         try:
    ...             yield load_image(path, max_size=1024)
    ...         except (OSError, ValueError) as error:
    ...             print(error)
    >>> list(stylize_many(readable(["gone.png"]), painting))
    cannot read 'gone.png': No such file or directory
    []
    """
    given = read_options("stylize_many", options)
    paint = spread(style, given)
    place = in_folder(given.checkpoint, of_content)

    def results() -> Iterator[StyleResult]:
        for result in paint((content, place(content)) for content in contents):
            yield result
            if result.status is Status.INTERRUPTED:
                raise KeyboardInterrupt

    return results()
