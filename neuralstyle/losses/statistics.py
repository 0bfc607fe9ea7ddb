# Long because it is one public module, most of it documentation.
"""Statistics of feature maps and images: pure functions from tensors to tensors, in `keras.ops`.

A feature map is a batch of one, ``(1, H, W, C)``. Most statistics forget where a value stands and
see only the ``M = H * W`` positions by ``C`` channels; `positions` makes that matrix.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from neuralstyle._kernels.sorting import sort_rows
from neuralstyle._types import Padding, Tensor
from neuralstyle.images.arrays import cell_means


def positions(feature: Tensor) -> Tensor:
    """Flatten a feature map to its positions.

    Parameters
    ----------
    feature : tensor, shape (1, H, W, C)

    Returns
    -------
    tensor, shape (H * W, C)

    Examples
    --------
    >>> positions(np.zeros((1, 4, 5, 3))).shape
    TensorShape([20, 3])
    """
    return ops.reshape(feature, (-1, feature.shape[-1]))


def guided(feature: Tensor, mask: Tensor | None) -> Tensor:
    r"""Multiply a feature map by a guidance channel whose mean square is 1.

    .. math:: F_{ik} \frac{T_k}{\sqrt{\operatorname{mean} T^2}}

    Parameters
    ----------
    feature : tensor, shape (1, H, W, C)
    mask : tensor, shape (H, W), not zero throughout, or None
        T; with None the features are returned as they are.

    Returns
    -------
    tensor, shape (1, H, W, C)

    Notes
    -----
    What is a mean of squares, or of products, of features over the positions becomes one with the
    weights :math:`T_k^2 / \sum T^2`: in a binary mask, the mean over the region.

    References
    ----------
    Gatys, Ecker, Bethge, Hertzmann and Shechtman, Controlling Perceptual Factors in Neural Style
    Transfer, CVPR 2017.

    Examples
    --------
    >>> feature = np.array([[[[1.0, 2.0], [3.0, 4.0]]]])
    >>> round(float(ops.mean(ops.square(guided(feature, np.array([[0.0, 0.5]]))))), 6)
    12.5
    """
    if mask is None:
        return feature
    mask = ops.cast(mask, feature.dtype)
    return feature * (mask / ops.sqrt(ops.mean(ops.square(mask))))[..., None]


def gram_matrix(feature: Tensor, mask: Tensor | None = None) -> Tensor:
    r"""Gram matrix of a feature map, divided by the number of positions.

    .. math:: G_{ij} = \frac{1}{M} \sum_k F_{ik} F_{jk}, \qquad
              G_{ij} = \frac{\sum_k T_k^2 F_{ik} F_{jk}}{\sum_k T_k^2}

    Parameters
    ----------
    feature : tensor, shape (1, H, W, C)
    mask : tensor, shape (H, W), not zero throughout, optional
        T, of the second form.

    Returns
    -------
    tensor, shape (C, C)

    Notes
    -----
    Gatys et al. 2015 print the raw sum. Dividing by M makes images of different sizes comparable
    (and equals the printed loss where the sizes agree); it happens before anything is squared,
    which also keeps float32 from overflowing.

    Examples
    --------
    >>> feature = np.array([[[[1.0, 2.0], [3.0, 4.0]]]])
    >>> np.asarray(gram_matrix(feature)).tolist()
    [[5.0, 7.0], [7.0, 10.0]]
    >>> np.asarray(gram_matrix(feature, np.array([[1.0, 0.0]]))).round(6).tolist()
    [[1.0, 2.0], [2.0, 4.0]]
    """
    flat = positions(guided(feature, mask))
    return _gram(flat) / flat.shape[0]


def _gram(flat: Tensor) -> Tensor:
    product = ops.matmul(ops.transpose(flat), ops.stop_gradient(flat))
    # The product is its own transpose, so this sum is the product; but differentiating it takes one
    # large matrix product, where differentiating both factors takes two.
    return product + ops.transpose(product) - ops.stop_gradient(product)


def mean_and_covariance(feature: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    r"""Mean and (biased) covariance of the channels over the positions.

    .. math:: \mu_i = \frac{1}{M} \sum_k F_{ik}, \qquad
              \Sigma_{ij} = \frac{1}{M} \sum_k (F_{ik} - \mu_i)(F_{jk} - \mu_j)

    Parameters
    ----------
    feature : tensor, shape (1, H, W, C)
    mask : tensor, shape (H, W), not zero throughout, optional
        T, of the weights :math:`T_k^2 / \sum T^2` in place of 1 / M.

    Returns
    -------
    mean : tensor, shape (C,)
    covariance : tensor, shape (C, C)

    Examples
    --------
    >>> mean, covariance = mean_and_covariance(np.array([[[[1.0, 2.0], [3.0, 4.0]]]]))
    >>> np.asarray(mean).tolist(), np.asarray(covariance).tolist()
    ([2.0, 3.0], [[1.0, 1.0], [1.0, 1.0]])
    """
    mean = _mean(feature, mask)
    return mean, gram_matrix(feature - mean, mask)


def power_sums(
    feature: Tensor, about: Tensor | None = None, mask: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    r"""Add up over the positions what Gram matrix, mean and covariance are computed from.

    .. math:: W = \sum_k T_k^2, \qquad S_i = \sum_k T_k^2 (F_{ik} - a_i), \qquad
              Q_{ij} = \sum_k T_k^2 (F_{ik} - a_i) (F_{jk} - a_j)

    Parameters
    ----------
    feature : tensor, shape (1, H, W, C)
    about : tensor, shape (C,), optional
        a, all zero by default. The nearer it is to the mean, the less is lost by rounding.
    mask : tensor, shape (H, W), optional
        T, all one by default.

    Returns
    -------
    weight : tensor, scalar
    first : tensor, shape (C,)
    second : tensor, shape (C, C)

    Notes
    -----
    Those of the parts of a feature map add up to those of the whole.

    Examples
    --------
    >>> feature = np.array([[[[1.0, 2.0], [3.0, 4.0]]]])
    >>> weight, first, second = power_sums(feature)
    >>> float(weight), np.asarray(first).tolist(), np.asarray(second).tolist()
    (2.0, [4.0, 6.0], [[10.0, 14.0], [14.0, 20.0]])
    """
    moved = feature if about is None else feature - about
    flat = positions(moved)
    weight = ops.convert_to_tensor(float(flat.shape[0]), flat.dtype)
    first = ops.sum(flat, axis=0)
    if mask is not None:
        values = ops.reshape(ops.cast(mask, flat.dtype), (-1, 1))
        weight, first = ops.sum(ops.square(values)), ops.sum(ops.square(values) * flat, axis=0)
        flat = flat * values
    return weight, first, _gram(flat)


def mean_and_deviation(feature: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    r"""Mean and (biased) standard deviation of each channel over the positions.

    .. math:: \sigma_i = \sqrt{\frac{1}{M} \sum_k (F_{ik} - \mu_i)^2}

    Parameters
    ----------
    feature : tensor, shape (1, H, W, C)
    mask : tensor, shape (H, W), not zero throughout, optional
        T, of the weights :math:`T_k^2 / \sum T^2` in place of 1 / M.

    Returns
    -------
    mean : tensor, shape (C,)
    deviation : tensor, shape (C,)

    Notes
    -----
    The gradient of the deviation, :math:`(F_{ik} - \mu_i) / M \sigma_i`, has the length
    :math:`1 / \sqrt M` however small the deviation is, so it needs no epsilon: only a channel that
    is constant has none, and gets zero.

    Examples
    --------
    >>> mean, deviation = mean_and_deviation(np.array([[[[1.0, 2.0], [3.0, 2.0]]]]))
    >>> np.asarray(mean).tolist(), np.asarray(deviation).tolist()
    ([2.0, 2.0], [1.0, 0.0])
    """
    mean = _mean(feature, mask)
    return mean, deviations(_mean(ops.square(feature - mean), mask))


def deviations(variances: Tensor) -> Tensor:
    """Return the roots of variances, with a slope of zero where they are zero."""
    return _power(variances, 1 / 2)


def _mean(feature: Tensor, mask: Tensor | None) -> Tensor:
    # Guided twice: the weights are the square of what multiplies the features.
    return ops.mean(guided(guided(feature, mask), mask), axis=(0, 1, 2))


def sorted_values(feature: Tensor, seed: int = 0) -> Tensor:
    """Sort every channel's values over the positions, ascending.

    Parameters
    ----------
    feature : tensor, shape (1, H, W, C)
    seed : int, default 0
        Chooses the permutation of the positions that orders equal values.

    Returns
    -------
    tensor, shape (C, H * W)

    Notes
    -----
    The result does not depend on `seed`, but its gradient does where values are equal. After a ReLU
    many are (zero), and the order of ties decides which position is asked to grow to which value.
    In scan order that would draw a ramp from the top of the picture to its bottom; a fixed random
    order spreads it evenly.

    Examples
    --------
    >>> np.asarray(sorted_values(np.array([[[[3.0], [1.0]], [[2.0], [1.0]]]]))).tolist()
    [[1.0, 1.0, 2.0, 3.0]]
    """
    return sort_rows(ops.transpose(positions(feature)), seed)


def orthonormal_directions(size: int, count: int, seed: int = 0) -> NDArray[np.float64]:
    """Draw unit vectors, each `size` of them at right angles to one another.

    Parameters
    ----------
    size : int
        Dimensions.
    count : int
        Number of vectors.
    seed : int, default 0

    Returns
    -------
    array, shape (size, count)

    Notes
    -----
    Each is distributed evenly over the sphere; but a mean over directions at right angles varies
    less than one over independent ones.

    References
    ----------
    Rowland et al., Orthogonal Estimation of Wasserstein Distances, AISTATS 2019.

    Examples
    --------
    >>> directions = orthonormal_directions(3, 7)
    >>> directions.shape
    (3, 7)
    >>> np.allclose(directions[:, :3].T @ directions[:, :3], np.eye(3))
    True
    """
    random = np.random.default_rng(seed)
    frames = random.normal(size=(-(-count // size), size, min(size, count)))
    return np.concatenate(np.linalg.qr(frames).Q, axis=1)[:, :count]


def projections(feature: Tensor, directions: Tensor) -> Tensor:
    r"""Project the features of every position, or of every k by k neighbourhood.

    .. math:: P_{dk} = \sum_i V_{id} F_{ik}

    Parameters
    ----------
    feature : tensor, shape (1, H, W, C), H and W at least k
    directions : tensor, shape (k, k, C, D)

    Returns
    -------
    tensor, shape (D, (H - k + 1) * (W - k + 1))

    Examples
    --------
    >>> feature = np.array([[[[1.0, 2.0], [3.0, 5.0]]]])
    >>> np.asarray(projections(feature, np.array([[[[1.0], [-1.0]]]]))).tolist()
    [[-1.0, -2.0]]
    """
    if directions.shape[0] > 1:
        found = ops.conv(feature, directions, padding="valid", data_format="channels_last")
        return ops.transpose(positions(found))
    # As one product, which spares turning a matrix as large as the features.
    vectors = ops.reshape(directions, directions.shape[2:])
    return ops.matmul(ops.transpose(vectors), ops.transpose(positions(feature)))


def cell_quantiles(ordered: Tensor, count: int) -> NDArray[np.floating]:
    r"""Resample sorted values to `count` quantiles, each the mean over its cell.

    .. math:: q_k = n \int_{k/n}^{(k+1)/n} F^{-1}(t)\,dt

    where :math:`F^{-1}` is the step function of the sorted values and n is `count`.

    Parameters
    ----------
    ordered : array, shape (C, M)
        Values sorted ascending along the last axis: a target's, so not a tensor of a graph.
    count : int
        Number of quantiles wanted.

    Returns
    -------
    array, shape (C, count)
        In the type of `ordered`.

    Notes
    -----
    The mean is kept exactly for every `count`, and the nearest sample of `count` equal weights to
    the values, in the squared Wasserstein distance, is this one. Where `count` equals M the values
    are returned as they are.

    Examples
    --------
    >>> cell_quantiles(np.array([[1.0, 2.0, 3.0, 6.0]]), 2).tolist()
    [[1.5, 4.5]]
    >>> cell_quantiles(np.array([[1.0, 4.0]]), 3).tolist()
    [[1.0, 2.5, 4.0]]
    """
    return cell_means(np.asarray(ordered), count)


def total_variation(
    image: Tensor,
    exponent: float = 2.0,
    *,
    padding: Padding | None = None,
    isotropic: bool = True,
) -> Tensor:
    r"""Total variation of every pixel and channel, from its right and lower neighbours.

    .. math:: V_{ij} = \left((x_{i,j+1} - x_{ij})^2 + (x_{i+1,j} - x_{ij})^2\right)^{\beta/2}

    or, where it is not isotropic,

    .. math:: V_{ij} = |x_{i,j+1} - x_{ij}|^\beta + |x_{i+1,j} - x_{ij}|^\beta

    Parameters
    ----------
    image : tensor, shape (1, H, W, C), H and W at least 2
    exponent : float, at least 1, default 2
        :math:`\beta`: 2 punishes edges most, 1 lets them stand.
    padding : {"zeros", "reflect", "wrap"}, optional
        What the network sees beyond the border. With ``"wrap"`` the last pixels' neighbours are the
        first, with ``"reflect"`` these pixels themselves, from which they do not differ.
    isotropic : bool, default True
        If not, the two differences count by themselves. Those of the last row and column do too:
        what has no neighbour has its own value for it, whatever the padding.

    Returns
    -------
    tensor, shape (1, H - 1, W - 1, C)
        (1, H, W, C) with ``"reflect"`` and ``"wrap"``, and where it is not isotropic.

    Notes
    -----
    On a constant image both the values and the gradient are zero for every exponent; the corner of
    :math:`\beta = 1` at zero gets the subgradient zero.

    Examples
    --------
    >>> x = np.array([[0.0, 1.0], [2.0, 4.0]]).reshape(1, 2, 2, 1)
    >>> float(ops.sum(total_variation(x)))
    5.0
    """
    if padding in ("reflect", "wrap") or not isotropic:
        height, width = ops.shape(image)[1:3]
        if padding == "wrap":
            column, row = _without(image, right=width - 1), _without(image, bottom=height - 1)
        else:
            column, row = _without(image, left=width - 1), _without(image, top=height - 1)
        right = ops.concatenate([_without(image, left=1), column], axis=2)
        lower = ops.concatenate([_without(image, top=1), row], axis=1)
    else:
        right, lower = _without(image, bottom=1, left=1), _without(image, top=1, right=1)
        image = _without(image, bottom=1, right=1)
    across, down = ops.square(right - image), ops.square(lower - image)
    if exponent == 2:
        return across + down
    if isotropic:
        return _power(across + down, exponent / 2)
    return _power(across, exponent / 2) + _power(down, exponent / 2)


def _without(image: Tensor, top: int = 0, bottom: int = 0, left: int = 0, right: int = 0) -> Tensor:
    """Leave out lines at the sides.

    The gradient of a slice is a padding, several times as fast as that of an index.
    """
    count, height, width, channels = ops.shape(image)
    size = (count, height - top - bottom, width - left - right, channels)
    return ops.slice(image, (0, top, left, 0), size)


def _power(values: Tensor, exponent: float) -> Tensor:
    """Raise numbers that are not negative to a power, with a slope of zero at zero."""
    # The power may have an infinite slope there; both branches of the outer `where` must be finite
    # for its gradient to be.
    positive = values > 0
    safe = ops.where(positive, values, ops.ones_like(values))
    return ops.where(positive, ops.power(safe, exponent), ops.zeros_like(values))


def laplacian(image: Tensor, pool: int = 1, *, torus: bool = False) -> Tensor:
    r"""Laplacian of an image, averaged over squares first.

    .. math:: D_{ij} = 4 p_{ij} - p_{i-1,j} - p_{i+1,j} - p_{i,j-1} - p_{i,j+1}

    with p the sum of the channels, averaged over squares of `pool` x `pool` pixels.

    Parameters
    ----------
    image : tensor, shape (1, H, W, C), H and W at least 3 * pool
    pool : int, at least 1, default 1
        Side of the squares, which do not overlap; what they leave at the right and the lower edge
        is not looked at.
    torus : bool, default False
        Whether the last squares' neighbours are the first.

    Returns
    -------
    tensor, shape (1, H // pool - 2, W // pool - 2, 1), or (1, H // pool, W // pool, 1) of a torus

    Examples
    --------
    >>> impulse = np.zeros((1, 3, 3, 1))
    >>> impulse[0, 1, 1] = 1.0
    >>> np.asarray(laplacian(impulse)).ravel().tolist()
    [4.0]
    """
    p = ops.sum(image, axis=-1, keepdims=True)
    if pool > 1:
        p = ops.average_pool(p, pool, pool, data_format="channels_last")
    if torus:
        neighbours = sum(ops.roll(p, step, axis) for axis in (1, 2) for step in (1, -1))
        return 4 * p - neighbours
    vertical = _without(p, 0, 2, 1, 1) + _without(p, 2, 0, 1, 1)
    middle = _without(p, 1, 1, 1, 1)
    return 4 * middle - vertical - _without(p, 1, 1, 0, 2) - _without(p, 1, 1, 2, 0)


def __getattr__(name: str) -> Any:  # noqa: N807
    now = '; use neuralstyle.resize(mask, size, "mean")' if name == "resize_mask" else ""
    raise AttributeError(f"neuralstyle.statistics has no attribute {name!r}{now}")
