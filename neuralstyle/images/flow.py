"""Flow fields: where every pixel of a frame was in the one before."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralstyle._types import Image, SupportsArray
from neuralstyle.images.arrays import check_image


def warp(image: SupportsArray, flow: SupportsArray) -> tuple[Image, NDArray[np.float32]]:
    r"""Move an image along a flow field.

    .. math:: w(y, x) = I(y + v(y, x),\; x + u(y, x))

    Parameters
    ----------
    image : array, shape (H, W, 3), floating, RGB in [0, 1]
        The frame before, for instance.
    flow : array, shape (H, W, 2)
        For every pixel of the new frame, where it was in `image`: the displacements (u, v) to the
        right and down, in pixels. That is the optical flow from the new frame back to the one
        before.

    Returns
    -------
    warped : array, shape (H, W, 3), float32
        Interpolated linearly, and at the border taken from the nearest pixel.
    inside : array, shape (H, W), float32
        1 where the flow stays inside the image, 0 elsewhere.

    Raises
    ------
    TypeError, ValueError
        If `image` is no image, or `flow` no field of its size of finite numbers.

    Examples
    --------
    >>> image = np.zeros((1, 4, 3))
    >>> image[0, 1] = 1.0
    >>> warped, inside = warp(image, np.full((1, 4, 2), [1.0, 0.0]))
    >>> warped[0, :, 0].tolist(), inside[0].tolist()
    ([1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 0.0])
    """
    # SciPy's submodules take a while to import, and nothing else needs this one.
    from scipy.ndimage import map_coordinates

    image, flow = check_image(image), check_flow(flow)
    height, width = image.shape[:2]
    if flow.shape[:2] != (height, width):
        raise ValueError(
            f"flow: expected the image's size {(height, width)}, received {flow.shape[:2]}"
        )
    y, x = np.mgrid[:height, :width] + np.moveaxis(flow[..., ::-1], -1, 0)
    warped = np.stack(
        [map_coordinates(image[..., c], (y, x), order=1, mode="nearest") for c in range(3)], axis=-1
    )
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    return warped.astype(np.float32), inside.astype(np.float32)


def check_flow(flow: Any) -> NDArray[np.float64]:
    """Check that an array is a flow field, and return it in float64."""
    field = np.asarray(flow)
    if field.ndim != 3 or field.shape[2] != 2 or field.dtype.kind not in "fiu":
        raise ValueError(
            "flow: expected an array of displacements of shape (height, width, 2), "
            f"received {field.dtype} of shape {field.shape}"
        )
    if not np.isfinite(field).all():
        raise ValueError("flow: expected finite displacements, received some that are not")
    return field.astype(np.float64)
