"""The base of users' own losses over layers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from keras import ops

from neuralstyle._checks import shown, takes
from neuralstyle._kernels.device import OperationError
from neuralstyle._types import Tensor
from neuralstyle.losses.evaluation import named_error
from neuralstyle.losses.layers import (
    STYLE_LAYERS,
    LayeredLoss,
    Layers,
    Normalize,
    mean_squared,
)
from neuralstyle.losses.masks import Mask, MaskLike, as_mask, weights_at
from neuralstyle.losses.shapes import Shapes, feature_at, shape_of


class LayerLoss(LayeredLoss):
    r"""A loss of your own that compares a statistic of the features, layer by layer.

    .. math:: L = \sum_l w_l\, c_l\, d\bigl(S(F^l),\, S(F^{\text{target},l})\bigr)

    Write the statistic S, and the distance d if it is not the mean squared difference. Layers and
    their weights, normalisation, masks, the target and the checks of all of these are here.

    Parameters
    ----------
    target : mapping from str to tensor, each (1, H, W, C)
        Features of the target image.
    layers : str, sequence of str or mapping from str to float, default `STYLE_LAYERS`
    normalize : {"relative", "mean", "paper"}, default "relative"
        ``"relative"`` divides by the distance of zeros from the target's statistic, so that the
        loss is 1 where the statistic is zero; the others take the distance as it is.
    mask, target_mask : array, shape (H, W), of numbers from 0 to 1, or Mask, optional
        The region of the generated image, and that of the target, that are compared.
    name : str, optional
        The class's, by default.

    Raises
    ------
    KeyError
        If the target has no such layer.
    TypeError, ValueError
        If a feature map is not a batch of one, if an argument is not of the form above, or, when
        called, if the features have other channels than the target's, or a region vanishes at
        every layer.

    Notes
    -----
    A constructor of your own sets its options, then calls this one, which evaluates `statistic` at
    the target. The class attribute ``reuse = True`` keeps compiled code for other targets, as for
    any `Loss`. `neuralstyle.testing.check_loss` runs the tests that the library's losses pass.

    Examples
    --------
    >>> from keras import ops
    >>> class SpreadLoss(LayerLoss):
    ...     '''Compares how far the channels spread: their largest values.'''
    ...     def statistic(self, features, mask):
    ...         if mask is not None:
    ...             features = features * mask[..., None]
    ...         return ops.max(features, axis=(1, 2))
    >>> target = {"features": np.array([[[[1.0, 4.0], [2.0, 0.0]]]])}
    >>> image = {"features": np.array([[[[1.0, 3.0], [4.0, 4.0]]]])}
    >>> loss = SpreadLoss(target, "features", normalize="mean")
    >>> loss, loss.name, float(loss(image))
    (SpreadLoss(layers='features', normalize='mean'), 'spread', 2.0)
    """

    def __init__(
        self,
        target: Mapping[str, Tensor],
        layers: Layers = STYLE_LAYERS,
        *,
        normalize: Normalize = "relative",
        mask: MaskLike | None = None,
        target_mask: MaskLike | None = None,
        name: str | None = None,
    ) -> None:
        takes("statistic", self.statistic, "features", "mask")
        takes("distance", self.distance, "statistic", "target")
        shapes = self._look_at(
            target, layers, normalize, type(self).name if name is None else name, mask
        )
        target_mask = self.mask if target_mask is mask else as_mask(target_mask, "target_mask")
        views = self._where_left(lambda layer: self.view(target_mask, layer, shapes))
        self._targets: dict[str, Any] = {}
        self._factors: dict[str, Any] = {}
        for layer, view in views.items():
            try:
                statistic = self.statistic_of(feature_at(target, layer, "target"), view)
                self._targets[layer] = statistic
                self._factors[layer] = self._factor(statistic)
            except AttributeError as error:
                if error.obj is not self:
                    raise
                raise AttributeError(
                    f"{error}: set it before super().__init__(), which looks at the target"
                ) from error
            except OperationError as error:
                raise named_error(self.name, error) from error

    @abstractmethod
    def statistic(self, features: Tensor, mask: Tensor | None) -> Any:
        """Return what is compared of one layer's features.

        Parameters
        ----------
        features : tensor, shape (1, H, W, C)
        mask : tensor, shape (H, W), from 0 to 1, or None
            How much each position counts; None if all count alike. Most functions of
            `neuralstyle.statistics` take it as it is.

        Returns
        -------
        tensor, or tuple of tensors
            Computed with `keras.ops`. Means, rather than sums, do not depend on the size of the
            image, and so compare pictures of different sizes.
        """

    def distance(self, statistic: Any, target: Any) -> Tensor:
        """Return the distance of a statistic from the target's: a scalar, 0 where they are equal.

        The mean squared difference, or the sum of those of a tuple's tensors, if not overridden.

        Parameters
        ----------
        statistic, target : tensor, or tuple of tensors
            What `statistic` returned.

        Returns
        -------
        tensor, scalar
        """
        ours, wanted = ([*x] if isinstance(x, tuple) else [x] for x in (statistic, target))
        shapes = [[shape_of(tensor) for tensor in x] for x in (ours, wanted)]
        if shapes[0] != shapes[1]:
            raise ValueError(
                f"loss {self.name!r}: expected statistics of the target's shape {shapes[1]}, "
                f"received {shapes[0]}; those that depend on the size compare pictures of one size"
            )
        return sum(mean_squared(x, y) for x, y in zip(ours, wanted, strict=True))

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return the loss of `features` as a scalar tensor."""
        return self.compute(features, self.arrays(Shapes(features)))

    def view(self, mask: Mask | None, layer: str, shapes: Shapes) -> dict[str, Any]:
        """Return the weights of the positions."""
        return weights_at(mask, layer, shapes)

    def target(self, layer: str, shapes: Shapes) -> dict[str, Any]:
        """Return the target's statistic and the factor of the distance from it."""
        return {"statistic": self._targets[layer], "factor": self._factors[layer]}

    def statistic_of(self, feature: Tensor, view: Mapping[str, Any]) -> Any:
        """Return what is compared of one layer's features, checked."""
        mask = view.get("mask")
        mask = None if mask is None else ops.convert_to_tensor(mask, feature.dtype)
        statistic = self.statistic(feature, mask)
        if isinstance(statistic, list):
            statistic = tuple(statistic)
        parts = statistic if isinstance(statistic, tuple) else (statistic,)
        if not parts or not all(ops.is_tensor(part) for part in parts):
            raise TypeError(
                f"loss {self.name!r}: expected a tensor or a tuple of tensors from statistic(), "
                f"received {shown(statistic)}"
            )
        return statistic

    def distance_to(self, statistic: Any, target: Mapping[str, Any]) -> Tensor:
        """Return the distance from the target's statistic, normalised."""
        distance = self.distance(statistic, target["statistic"])
        return ops.cast(target["factor"], distance.dtype) * distance

    def _factor(self, target: Any) -> Tensor | float:
        if self.normalize != "relative":
            return 1.0
        pair = isinstance(target, tuple)
        zeros = tuple(map(ops.zeros_like, target)) if pair else ops.zeros_like(target)
        size = self.distance(zeros, target)
        # A statistic that is zero throughout has no scale of its own.
        return 1.0 / ops.where(size > 0, size, ops.ones_like(size))

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute, unless it is a method that the loss needs."""
        if callable(getattr(LayerLoss, name, None)):
            raise AttributeError(
                f"{name}: expected another name for an attribute of a LayerLoss, which has a "
                "method of that name"
            )
        super().__setattr__(name, value)
