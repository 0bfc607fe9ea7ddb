"""Receptive fields: which pixels of the image the units of a layer see."""

from __future__ import annotations

from typing import Any, NamedTuple


class Field(NamedTuple):
    """What the units of a layer see, in either direction.

    Unit i sees the pixels from ``start + i * step`` on, as many as `length`. Those that lie outside
    the image are what the network's padding makes them.

    Examples
    --------
    A 3 x 3 convolution that keeps the size, a pooling of 2 x 2, and such a convolution again:

    >>> Field().through(3, before=1)
    Field(start=-1, length=3, step=1)
    >>> Field().through(3, before=1).through(2, stride=2).through(3, before=1)
    Field(start=-3, length=8, step=2)
    """

    start: int = 0
    length: int = 1
    step: int = 1

    def through(self, size: int, *, stride: int = 1, before: int = 0) -> Field:
        """Return the field of a layer that looks at this one through a window.

        Parameters
        ----------
        size : int
            Units of this layer that the window covers.
        stride : int, default 1
            Units by which it moves.
        before : int, default 0
            Units by which the first window begins before the first unit: the padding.

        Returns
        -------
        Field
        """
        return Field(
            self.start - before * self.step,
            self.length + (size - 1) * self.step,
            self.step * stride,
        )

    def over(self, pixels: Field) -> Field:
        """Return the field in an image of which these pixels were made.

        Parameters
        ----------
        pixels : Field
            What the pixels that this field counts see themselves.

        Returns
        -------
        Field

        Examples
        --------
        >>> halved = Field(start=0, length=5, step=2)
        >>> Field(start=-1, length=3, step=1).over(halved)
        Field(start=-2, length=9, step=2)
        """
        return Field(
            pixels.start + self.start * pixels.step,
            pixels.length + (self.length - 1) * pixels.step,
            self.step * pixels.step,
        )


def asked_field(of: Any, layer: str, called: str | None = None) -> Field:
    """Ask an extractor, or features, what the units of a layer see.

    Parameters
    ----------
    of : extractor or features
    layer : str
    called : str, optional
        The layer's name in messages, if another.

    Returns
    -------
    Field

    Raises
    ------
    KeyError
        If there is no such layer.
    ValueError
        If it does not say.
    """
    if layer == "input":
        return Field()
    receptive_field = getattr(of, "receptive_field", None)
    if receptive_field is None:
        raise unsaid(called or layer)
    return Field(*receptive_field(layer))


def unsaid(layer: str) -> ValueError:
    """Return the error that an extractor does not say what a layer sees."""
    return ValueError(
        f"what layer {layer!r} sees is not known: its extractor does not say (it has no method "
        "receptive_field)"
    )
