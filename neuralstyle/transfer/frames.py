"""Sequences: the frames of a film, each painted on from the one before."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuralstyle._checks import weight
from neuralstyle._types import Image, PictureLike, SupportsArray
from neuralstyle.features.base import image_tensor
from neuralstyle.images.arrays import resize, scaled_size
from neuralstyle.images.flow import check_flow, warp
from neuralstyle.images.mask_values import mask_values
from neuralstyle.images.opacity import opaque
from neuralstyle.losses import TemporalLoss
from neuralstyle.losses.objective import StyleObjective
from neuralstyle.optimize.result import Status, StyleResult
from neuralstyle.transfer.checkpoint import in_folder
from neuralstyle.transfer.options.signatures import read_options, takes_options
from neuralstyle.transfer.painter import Before, Painter, nothing_before

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from neuralstyle.transfer.options.stylize_options import StylizeOptions


@takes_options()
def stylize_frames(
    frames: Iterable[PictureLike],
    style: PictureLike | Sequence[PictureLike],
    flows: Iterable[SupportsArray | tuple[SupportsArray, PictureLike]],
    *,
    temporal_weight: float = 1.0,
    **options: Unpack[StylizeOptions],
) -> Iterator[StyleResult]:
    """Paint the frames of a film such that what moves keeps its strokes.

    The first frame is painted as by `stylize`. So is each that follows, but that at every scale the
    result before, moved along the flow, takes the place of the start wherever it is valid, and a
    `TemporalLoss` holds the picture to it. What comes into sight is painted from coarse to fine.

    Parameters
    ----------
    frames : iterable of arrays, each (H, W, 3), floating, RGB in [0, 1]
        All of one size. They are taken one at a time.
    style : array or sequence of arrays
        As for `stylize`.
    flows : iterable of arrays, each (H, W, 2), or of pairs of such and a mask (H, W)
        One for every frame after the first, no more, in pixels of the frames: where each pixel was
        in the frame before, relative to where it is now (see `warp`). The mask says from 0 to 1 how
        far that is to be trusted: 0 where something comes into sight. Either may be of another size
        in the frame's proportions, such as of a frame that was made smaller when it was read; the
        flow is in pixels of its own size then.
    temporal_weight : float, default 1
        Of the temporal loss. More makes the film steadier, and slower to take up what is new.
    **options
        As for `stylize`.

    Yields
    ------
    StyleResult
        In the order of `frames`, each as soon as it is done. Its settings tell nothing of the flow.

    Raises
    ------
    TypeError, ValueError, KeyError, OSError
        If an argument is not as above: at once for all but frames and flows, of which the numbers
        are compared at once where both are sequences, and else where one of them ends.
    KeyboardInterrupt
        After Ctrl-C, when the picture that it ended has been yielded.

    References
    ----------
    Ruder, Dosovitskiy and Brox, Artistic Style Transfer for Videos, GCPR 2016.

    Examples
    --------
    >>> film = np.random.default_rng(0).uniform(size=(32, 40, 3)).astype(np.float32)
    >>> frames = [film[:, :32], film[:, 4:36]]  # the camera moves to the right
    >>> to_the_left = np.full((32, 32, 2), [4.0, 0.0])
    >>> results = stylize_frames(frames, film, [to_the_left], maxiter=2)
    >>> [result.image.shape for result in results]
    [(32, 32, 3), (32, 32, 3)]
    """
    weight("temporal_weight", temporal_weight, 0)
    _check_numbers(frames, flows)
    painter = Painter(style, read_options("stylize_frames", options))
    painter.load()
    place = in_folder(painter.options.checkpoint)

    def results() -> Iterator[StyleResult]:
        previous: Image | None = None
        remaining = iter(flows)
        for k, frame in enumerate(frames):
            size = opaque(frame, f"frames[{k}]").shape[:2]
            before: Before = nothing_before
            if previous is not None:
                flow, mask = _flow(next(remaining, None), size, k)
                moved, valid = _moved(previous, flow, mask)
                before = functools.partial(_held, moved, valid, temporal_weight)
            result, untreated = painter.paint(frame, before=before, checkpoint=place(f"{k:05d}"))
            yield result
            if result.status is Status.INTERRUPTED:
                raise KeyboardInterrupt
            previous = untreated
        if next(remaining, None) is not None:
            raise ValueError("flows: expected one for every frame after the first, received more")

    return results()


def _check_numbers(frames: Any, flows: Any) -> None:
    """Check that there is a flow for every frame after the first, where that can be told."""
    if hasattr(frames, "__len__") and hasattr(flows, "__len__"):
        expected = max(len(frames) - 1, 0)
        if len(flows) != expected:
            raise ValueError(
                f"flows: expected {expected}, one for every frame after the first, "
                f"received {len(flows)}"
            )


def _held(
    moved: Image, valid: NDArray[np.float32], weight: float, start: Image
) -> tuple[Image, list[StyleObjective]]:
    """Put what was moved into the start of a scale, where it is valid, and hold it there."""
    size = start.shape[:2]
    moved, valid = resize(moved, size), resize(valid, size)
    if weight == 0 or valid.max() == 0:  # a cut: nothing goes on
        return start, []
    start = start + valid[..., None] * (moved - start)
    return start, [weight * TemporalLoss({"input": image_tensor(moved)}, valid)]


def _moved(
    picture: Image, flow: NDArray[np.float64], mask: NDArray[np.float32]
) -> tuple[Image, NDArray[np.float32]]:
    """Move a picture along a flow of any size; return it and where it is valid."""
    size = picture.shape[:2]
    moved, inside = warp(picture, _resized_flow(flow, size))
    return moved, inside * resize(mask, size)


def _flow(
    given: Any, size: tuple[int, int], number: int
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Return the flow and mask that lead to a frame."""
    if given is None:
        raise ValueError(f"flows: expected one for frame {number}, received none")
    pair = isinstance(given, tuple | list) and len(given) == 2
    flow, mask = given if pair else (given, np.ones(size, np.float32))
    flow = check_flow(flow)
    mask = mask_values(mask, f"flows: mask of frame {number}", empty=True).astype(np.float32)
    # Frames are made smaller while they are read, and flows are computed of the files.
    sides = {"field": flow.shape[:2], "mask": mask.shape}
    for what, of in sides.items():
        if of != size and scaled_size(of, max(size)) != size:
            raise ValueError(
                f"flows: expected a {what} of the frame's size {size}, or of one in its "
                f"proportions, for frames[{number}], received {of}"
            )
    return flow, mask


def _resized_flow(flow: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float64]:
    """Return a flow field for pictures of another size, in their pixels."""
    if flow.shape[:2] == size:
        return flow
    factors = [new / old for new, old in zip(size, flow.shape[:2], strict=True)]
    scaled: NDArray[np.float64] = resize(flow, size, "linear") * np.array(factors[::-1])
    return scaled
