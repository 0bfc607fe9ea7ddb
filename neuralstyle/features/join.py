"""Several networks as one extractor."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, final

from neuralstyle._checks import nearest, shown
from neuralstyle._types import Padding, Tensor
from neuralstyle.features.base import Extractor, image_dtype, image_tensor, name_picture
from neuralstyle.features.failures import unknown_layer
from neuralstyle.features.fields import Field, asked_field
from neuralstyle.features.keras_models.checks import check_extractor


@final
class Join:
    """Several extractors as one, so that one objective speaks of the layers of all.

    Parameters
    ----------
    **extractors : callable
        By the names that their layers are to begin with: ``"own/conv3"`` is the layer ``conv3`` of
        the extractor ``own``. The image is ``"input"``.

    Attributes
    ----------
    extractors : dict from str to callable
    layers : tuple of str
        Of those extractors that say theirs.
    dtype : str
        Theirs, or float32.
    reuse : bool
        Whether that of all is True.
    steady : bool
        Whether all are.
    digest : str or None
        Made of their names and digests; None if one has none.
    padding : str or None
        Theirs, if it is the same.

    Raises
    ------
    TypeError
        If one cannot be called.
    ValueError
        If there are none, if a name has a slash in it or is "input", if their precisions differ, or
        if some see a torus (``padding="wrap"``) and others do not.

    Notes
    -----
    What a loss does not ask for is not computed, so that a network none of whose layers is named
    costs nothing where its features are computed when asked for, as the library's are. A recipe
    asks for layers by its own names: give it ``content_layers="vgg/block4_conv2"`` and so on.

    Examples
    --------
    >>> from neuralstyle import ContentLoss, StyleLoss, VGG16Features
    >>> def edges(image):
    ...     return {"columns": image[:, :, 1:] - image[:, :, :-1]}
    >>> both = Join(vgg=VGG16Features(weights="compact"), own=edges)
    >>> features = both(np.zeros((32, 48, 3), np.float32))
    >>> features["own/columns"].shape, features["vgg/block1_pool"].shape[1:3]
    (TensorShape([1, 32, 47, 3]), TensorShape([16, 24]))
    >>> objective = StyleLoss(features, "vgg/block1_conv1") + ContentLoss(features, "own/columns")
    """

    def __init__(self, **extractors: Extractor) -> None:
        if not extractors:
            raise ValueError("extractors: expected at least one, by its name, received none")
        for name, extractor in extractors.items():
            check_extractor(name, extractor)
            if "/" in name or name in ("", "input"):
                raise ValueError(
                    f'extractors: expected names without a slash, and not "input", received '
                    f"{name!r}"
                )
        self.extractors: dict[str, Extractor] = dict(extractors)
        dtypes = {n: image_dtype(e) for n, e in extractors.items()}
        if len(set(dtypes.values())) > 1:
            raise ValueError(f"extractors: expected one precision for all, received {dtypes}")
        self.dtype: str = next(iter(dtypes.values()))
        paddings = {n: getattr(e, "padding", None) for n, e in extractors.items()}
        one = len(set(paddings.values())) == 1
        if not one and "wrap" in paddings.values():
            raise ValueError(
                'extractors: expected padding="wrap", which makes a torus of the image, of all of '
                f"them or of none, received {paddings}"
            )
        self.padding: Padding | None = next(iter(paddings.values())) if one else None

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of the layers of those extractors that say theirs."""
        return tuple(
            f"{name}/{layer}"
            for name, extractor in self.extractors.items()
            for layer in getattr(extractor, "layers", ())
        )

    @property
    def reuse(self) -> bool:
        """Whether features depend on nothing but the image and these extractors."""
        return all(getattr(extractor, "reuse", False) for extractor in self.extractors.values())

    @property
    def steady(self) -> bool:
        """Whether layers begin at the same pixels in images of all sizes."""
        return all(getattr(extractor, "steady", True) for extractor in self.extractors.values())

    @property
    def digest(self) -> str | None:
        """What names the networks together."""
        return _digest({n: getattr(e, "digest", None) for n, e in self.extractors.items()})

    def with_padding(self, padding: Padding) -> Join:
        """Return the join of the extractors with another padding.

        Parameters
        ----------
        padding : {"zeros", "reflect", "wrap"}

        Returns
        -------
        Join

        Raises
        ------
        ValueError
            If one has no method for that.
        """
        fixed = [n for n, e in self.extractors.items() if not hasattr(e, "with_padding")]
        if fixed:
            raise ValueError(
                f"padding: expected None with an extractor that has no method with_padding, "
                f"{', '.join(fixed)}, received {shown(padding)}"
            )
        changed: dict[str, Any] = dict(self.extractors)
        return Join(**{n: extractor.with_padding(padding) for n, extractor in changed.items()})

    def receptive_field(self, layer: str) -> Field:
        """Return which pixels the units of a layer see: start, length and step.

        Parameters
        ----------
        layer : str

        Returns
        -------
        start, length, step : int

        Raises
        ------
        KeyError
            If there is no such layer.
        ValueError
            If its extractor does not say.
        """
        return _field(self.extractors, layer, self.layers)

    def __call__(self, image: Any) -> Mapping[str, Tensor]:
        """Look at an image with all of them.

        Parameters
        ----------
        image : array (H, W, 3) or tensor (1, H, W, 3), RGB in [0, 1]

        Returns
        -------
        mapping from str to tensor
        """
        tensor = image_tensor(image, self.dtype)
        seen = {name: extractor(tensor) for name, extractor in self.extractors.items()}
        return _JoinedFeatures(tensor, seen)

    def __repr__(self) -> str:
        """Describe it in a line."""
        return f"Join({', '.join(f'{n}={e!r}' for n, e in self.extractors.items())})"


@final
class _JoinedFeatures(Mapping[str, Tensor]):
    """Features of several extractors, each under its name."""

    def __init__(self, image: Tensor, seen: Mapping[str, Mapping[str, Tensor]]) -> None:
        self._image = image
        self._seen = seen
        paddings = {getattr(features, "padding", None) for features in seen.values()}
        self.padding = paddings.pop() if len(paddings) == 1 else None
        self.picture = "image"
        if all(hasattr(features, "turned") for features in seen.values()):
            self.turned = self._turned

    @property
    def picture(self) -> str:
        """What messages call the image."""
        return self._picture

    @picture.setter
    def picture(self, name: str) -> None:
        self._picture = name
        for features in self._seen.values():
            name_picture(features, name)

    @property
    def digest(self) -> str | None:
        """What names the networks together."""
        return _digest({n: getattr(f, "digest", None) for n, f in self._seen.items()})

    def receptive_field(self, layer: str) -> Field:
        """Return what the units of a layer see."""
        return _field(self._seen, layer, tuple(self))

    def _turned(self, quarters: int) -> _JoinedFeatures:
        """Return the features of the turned image."""
        turned: dict[str, Any] = {n: f.turned(quarters) for n, f in self._seen.items()}  # type: ignore[attr-defined]
        return _JoinedFeatures(next(iter(turned.values()))["input"], turned)

    def __getitem__(self, name: str) -> Tensor:
        if name == "input":
            return self._image
        if name not in self:
            raise _unknown(name, self._seen, tuple(self))
        of, _, layer = name.partition("/")
        return self._seen[of][layer]

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str) or name == "input":
            return name == "input"
        of, _, layer = name.partition("/")
        return of in self._seen and layer in self._seen[of]

    def __iter__(self) -> Iterator[str]:
        yield "input"
        for name, features in self._seen.items():
            yield from (f"{name}/{layer}" for layer in features)

    def __len__(self) -> int:
        return 1 + sum(map(len, self._seen.values()))

    def __repr__(self) -> str:
        return f"Join({', '.join(f'{name}: {seen!r}' for name, seen in self._seen.items())})"


def _field(of: Mapping[str, Any], layer: str, known: tuple[str, ...]) -> Field:
    """Return what a layer of one of several sees, given what says so for plain names."""
    if layer == "input":
        return Field()
    name, _, plain = layer.partition("/")
    if name not in of or not plain:
        raise _unknown(layer, of, known)
    try:
        return asked_field(of[name], plain, layer)
    except KeyError:
        raise _unknown(layer, of, known) from None


def _unknown(layer: str, of: Mapping[str, Any], known: tuple[str, ...]) -> KeyError:
    """Return the error that there is no such layer: which ones there are in its network."""
    name, slash, _ = layer.partition("/")
    within = tuple(one for one in known if one.startswith(f"{name}/"))
    if slash and within:
        return unknown_layer(layer, within)
    begin = ", ".join(f"{name}/" for name in of)
    return KeyError(
        f"there is no layer {layer!r}; the layers are input, and those that begin with {begin}"
        f"{nearest(layer, known)}"
    )


def _digest(digests: Mapping[str, str | None]) -> str | None:
    """Return the digest of several networks; what follows a hyphen is their padding."""
    hashed, paddings = hashlib.sha256(), set()
    for name, digest in digests.items():
        if not isinstance(digest, str):
            return None
        weights, _, padding = digest.partition("-")
        hashed.update(f"{name} {weights}\n".encode())
        paddings.add(padding)
    return "-".join([hashed.hexdigest(), *sorted(paddings - {""})])
