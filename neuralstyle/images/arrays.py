"""Pictures cropped, tiled and warped: pure functions on arrays."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neuralstyle.images import check_image

Image: TypeAlias = NDArray[np.float32]


def crop(image: Any, size: tuple[int, int]) -> Image:
    """Cut the middle out of an image.

    Parameters
    ----------
    image : array, shape (H, W, 3), floating, RGB in [0, 1]
    size : (int, int)
        Height and width at the most; what is smaller stays as it is.

    Returns
    -------
    array, shape (min(H, height), min(W, width), 3), float32

    Examples
    --------
    >>> crop(np.zeros((8, 8, 3)), (4, 20)).shape
    (4, 8, 3)
    """
    image = check_image(image)
    height, width = (min(side, wanted) for side, wanted in zip(image.shape[:2], size, strict=True))
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    middle: Image = image[top : top + height, left : left + width]
    return middle


def tile(image: Any, size: tuple[int, int]) -> Image:
    """Repeat an image, mirrored at every seam, until it is as large as wanted.

    Parameters
    ----------
    image : array, shape (H, W, 3), floating, RGB in [0, 1]
    size : (int, int)
        Height and width at the least; what is larger stays as it is.

    Returns
    -------
    array, shape (max(H, height), max(W, width), 3), float32

    Examples
    --------
    >>> tile(np.linspace([[0, 0, 0]], [[1, 1, 1]], 3, axis=1), (1, 7))[0, :, 0].tolist()
    [0.0, 0.5, 1.0, 1.0, 0.5, 0.0, 0.0]
    """
    image = check_image(image)
    missing = (max(wanted - side, 0) for side, wanted in zip(image.shape[:2], size, strict=True))
    tiled: Image = np.pad(image, [*((0, pixels) for pixels in missing), (0, 0)], mode="symmetric")
    return tiled


def warp(image: Any, flow: Any) -> tuple[Image, NDArray[np.float32]]:
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
