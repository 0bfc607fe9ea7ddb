"""Pictures of numbers that Pillow has no mode for: PFM, and TIFF of floating-point colour."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

_LINE = 64
"""What a line of a PFM header has at the most."""


def read_pfm(file: IO[bytes], check: Callable[[int, int], None]) -> NDArray[Any]:
    r"""Read a colour PFM file: three numbers a pixel, from the lowest row up.

    Parameters
    ----------
    file : binary file
    check : callable
        Looks at width and height before memory is taken.

    Returns
    -------
    array, shape (height, width, 3), float32

    Raises
    ------
    ValueError
        If it is no whole PFM file.

    Examples
    --------
    >>> import io
    >>> data = b"PF 1 1 -1.0\n" + np.float32([0.25, 0.5, 1.0]).tobytes()
    >>> read_pfm(io.BytesIO(data), lambda width, height: None).tolist()
    [[[0.25, 0.5, 1.0]]]
    """
    words: list[bytes] = []
    while len(words) < 4:
        line = file.readline(_LINE)
        if not line.endswith(b"\n"):
            raise ValueError("its PFM header is damaged")
        words += line.split(b"#")[0].split()
    try:
        width, height, scale = int(words[1]), int(words[2]), float(words[3])
    except ValueError as error:
        raise ValueError("its PFM header is damaged") from error
    if len(words) > 4 or min(width, height) < 1 or scale == 0:
        raise ValueError("its PFM header is damaged")
    check(width, height)
    data = file.read(12 * width * height)
    if len(data) < 12 * width * height:
        raise ValueError("the PFM file is truncated")
    values = np.frombuffer(data, "<f4" if scale < 0 else ">f4")
    return values.reshape(height, width, 3)[::-1]


def read_float_tiff(
    tifffile: Any, file: IO[bytes], check: Callable[[int, int], None]
) -> NDArray[Any]:
    """Read the first page of a TIFF file by the package `tifffile`.

    Parameters
    ----------
    tifffile : module
    file : binary file
    check : callable
        Looks at width and height before memory is taken.

    Returns
    -------
    array, shape (height, width, channels)
        Grey or RGB, with opacity or without, floating or unsigned integers.

    Raises
    ------
    ValueError
        If it is a TIFF file of another kind.
    """
    with tifffile.TiffFile(file) as pages:
        page = pages.pages[0]
        check(int(page.imagewidth), int(page.imagelength))
        channels = int(page.samplesperpixel)
        grey_or_rgb = int(page.photometric) in (1, 2)
        if not grey_or_rgb or not 1 <= channels <= 4 or page.dtype.kind not in "fu":
            raise ValueError(
                f"it is a TIFF file of {channels} samples of {page.dtype} a pixel, "
                f"{getattr(page.photometric, 'name', page.photometric)}, which is not read"
            )
        samples: NDArray[Any] = page.asarray()
    if int(page.planarconfig) == 2 and channels > 1:
        samples = np.moveaxis(samples, 0, -1)
    return samples.reshape(page.imagelength, page.imagewidth, channels)
