"""The networks of `keras.applications` by the names that users write; nothing here needs Keras."""

from __future__ import annotations

KERAS_NETWORKS = (
    *(f"ConvNeXt{size}" for size in ("Tiny", "Small", "Base", "Large", "XLarge")),
    *(f"DenseNet{depth}" for depth in (121, 169, 201)),
    *(f"EfficientNetB{size}" for size in range(8)),
    *(f"EfficientNetV2{size}" for size in ("B0", "B1", "B2", "B3", "S", "M", "L")),
    *("InceptionResNetV2", "InceptionV3"),
    *("MobileNet", "MobileNetV2", "MobileNetV3Large", "MobileNetV3Small"),
    *(f"ResNet{depth}{version}" for depth in (50, 101, 152) for version in ("", "V2")),
    *("VGG16", "VGG19", "Xception"),
)
"""All that Keras builds for images of any size, as it writes them. NASNet is for one size alone: at
others its branches do not meet."""

_BY_PLAIN_NAME = {name.lower(): name for name in KERAS_NETWORKS}


def keras_name(name: str) -> str | None:
    """Return a network's name as Keras writes it, or None if there is no such network.

    Parameters
    ----------
    name : str
        In any case, with or without underscores and hyphens.

    Examples
    --------
    >>> keras_name("mobilenet_v2"), keras_name("resnet")
    ('MobileNetV2', None)
    """
    return _BY_PLAIN_NAME.get(name.lower().replace("_", "").replace("-", ""))
