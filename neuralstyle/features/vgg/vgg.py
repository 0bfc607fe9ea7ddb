"""The VGG networks as extractors."""

from __future__ import annotations

from typing import final

from neuralstyle.features.architectures import VGG16, VGG19
from neuralstyle.features.vgg.family import Family


@final
class VGG19Features(Family):
    """The VGG19 of Simonyan and Zisserman as an extractor, by Keras' layer names.

    Parameters
    ----------
    weights : {"imagenet"}, path or None, default "imagenet"
        ``"imagenet"``
            Keras' ImageNet weights, from its cache or downloaded into it once (80 MB).
        a path
            A Keras ``.h5``, ``.weights.h5`` or ``.keras`` file, or ``.npz``, of a VGG19 of any
            width.
        None
            Random weights from `seed`, for this `pooling`.
    pooling : {"max", "avg"}, default "max"
        Maximum as the network was trained, or average as Gatys et al. prefer for pictures.
    padding : {"zeros", "reflect", "wrap"}, default "zeros"
        What convolutions see beyond the border of what they look at.

        ``"zeros"``
            Nothing, as the network was trained: to it, every picture stands in a frame.
        ``"reflect"``
            The mirror image, with the mirror at the outer edge (SciPy's ``"reflect"``, NumPy's
            ``"symmetric"``): the outermost line of positions is seen twice. `stylize` takes it:
            without a frame, pictures are about as smooth at the border as elsewhere.
        ``"wrap"``
            The other side. Features are those of a torus, and losses know it: what they minimise
            fits together at its borders. Height and width must be multiples of the step of every
            layer that is read (16 at ``block5_conv1``).
    seed : int, default 0
        For random weights.
    dtype : {"float32", "bfloat16", "float16", "float64"}, default "float32"
        Precision of the network. In half, every activation is rounded to it, with a power of two
        for each layer so that float16 overflows nowhere, and less is kept for the gradient; on a
        GPU the arithmetic is in half as well. Images and features are float32 all the same.
    fast : bool or "low-memory", default True
        True evaluates in float32 by convolutions of neuralstyle's own, with gradients equal to
        those of the plain Keras model up to rounding; ``"low-memory"`` does the same in less memory
        and 30 % more time (a full VGG19 at 1024 px: 2.5 instead of 3.4 GB); False uses the Keras
        model, which has no half precision.

    Attributes
    ----------
    layers : tuple of str
        ``block1_conv1`` to ``block5_pool``. A convolution's activation is after its ReLU. The
        literature's ``conv4_2``, ``relu4_2`` and ``pool4`` are accepted wherever a layer is named.
    model : keras.Model
        The network as a Keras model of preprocessed images.
    digest : str
        Hash of the architecture, the pooling and the weights, the padding if it is not zeros, and
        the precision if it is half. A loss takes its target in one precision and a picture in
        another.
    means : dict from str to array, or None
        Mean activation of every channel of every convolution over photographs, if it is known.
    reuse : bool
        True: what is compiled with the network is kept with it and used again.

    Raises
    ------
    OSError
        If the ImageNet weights cannot be had; the message says what to do.
    FileNotFoundError
        If a path does not exist.
    ValueError
        If a file does not hold the weights of a VGG19, or an option is not one of the above.

    Notes
    -----
    Images are RGB in [0, 1]; the network's own preprocessing (times 255, BGR, minus the means)
    happens inside and never writes to the caller's array.

    References
    ----------
    Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition,
    ICLR 2015.

    Examples
    --------
    >>> vgg = VGG19Features(weights=None, pooling="avg", seed=3)
    >>> vgg(np.full((64, 96, 3), 0.5, np.float32))["relu4_4"].shape
    TensorShape([1, 8, 12, 512])
    """

    architecture = VGG19


@final
class VGG16Features(Family):
    """The VGG16 of Simonyan and Zisserman as an extractor, by Keras' layer names.

    It has three convolutions in each of the last three blocks, where VGG19 has four, and is all
    else that `VGG19Features` is.

    Parameters
    ----------
    weights : {"imagenet", "compact"}, path or None, default "imagenet"
        Keras' ImageNet weights (59 MB); ``"compact"``, a slim VGG16 that comes with neuralstyle:
        some of ImageNet's channels, refitted and fine-tuned, with the same sizes of activation, no
        download and a fraction of the arithmetic; the path of a file with the weights of a VGG16 of
        any width; or random weights from `seed`.
    pooling : {"max", "avg"}, default "max"
    padding : {"zeros", "reflect", "wrap"}, default "zeros"
    seed : int, default 0
    dtype : {"float32", "bfloat16", "float16", "float64"}, default "float32"
    fast : bool or "low-memory", default True

    Attributes
    ----------
    layers : tuple of str
    model : keras.Model
    digest : str
    means : dict from str to array, or None
    reuse : bool

    Raises
    ------
    OSError, FileNotFoundError, ValueError
        As `VGG19Features` does.

    References
    ----------
    Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition,
    ICLR 2015.

    Examples
    --------
    >>> vgg = VGG16Features(weights="compact", pooling="avg")
    >>> features = vgg(np.full((64, 96, 3), 0.5, np.float32))
    >>> features["relu4_3"].shape[1:3], vgg.layers[-2:]
    (TensorShape([8, 12]), ('block5_conv3', 'block5_pool'))
    """

    architecture = VGG16
