"""Files of weights in every layout that is read."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import keras
import numpy as np

import neuralstyle as ns
from neuralstyle.features.architectures import NETWORKS, Architecture, Weights
from neuralstyle.features.vgg.formats import TORCH_DEVIATIONS, TORCH_MEANS
from neuralstyle.features.vgg.plain import build

FAMILY = {name: getattr(ns, f"{one.name}Features") for name, one in NETWORKS.items()}
"""The extractor of each network, by the names in the table."""

Writer = Callable[[Path, Weights], None]


def architecture(weights: Weights) -> Architecture:
    """Return of which network these are."""
    (found,) = (one for one in NETWORKS.values() if set(one.convolutions) == set(weights))
    return found


def plain(weights: Weights) -> keras.Model:
    return build(architecture(weights), weights)


@contextlib.contextmanager
def quiet_keras() -> Iterator[None]:
    """Keras hands NumPy 2 arrays of the older protocol when it writes them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def write_notop(path: Path, weights: Weights) -> None:
    """Write the layout of the file that Keras ships its ImageNet weights in."""
    names = ["input_2", *architecture(weights).layers]
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array([name.encode() for name in names])
        file.attrs["backend"] = b"tensorflow"
        for name in names:
            group = file.create_group(name)
            stored: list[bytes] = []
            if name in weights:
                for letter, array in zip("Wb", weights[name], strict=True):
                    group[f"{name}_{letter}_1:0"] = array
                    stored.append(f"{name}_{letter}_1:0".encode())
            group.attrs["weight_names"] = np.array(stored, dtype="S")


def write_keras_3(path: Path, weights: Weights) -> None:
    with quiet_keras():
        plain(weights).save_weights(path)


def write_keras_3_by_layer_names(path: Path, weights: Weights) -> None:
    """Write the layout of .weights.h5 in which layers keep their names, in another order."""
    with h5py.File(path, "w") as file:
        for name, (kernel, bias) in reversed(weights.items()):
            file[f"_layer_checkpoint_dependencies/{name}/vars/0"] = kernel
            file[f"_layer_checkpoint_dependencies/{name}/vars/1"] = bias


def write_saved_model(path: Path, weights: Weights) -> None:
    with quiet_keras(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that .h5 is an old format
        plain(weights).save(path)


def with_classifier(weights: Weights) -> keras.Model:
    network = plain(weights)
    tensor = keras.layers.GlobalAveragePooling2D()(network.output)
    for name, width in (("fc1", 12), ("fc2", 12), ("predictions", 5)):
        tensor = keras.layers.Dense(width, name=name)(tensor)
    return keras.Model(network.input, tensor)


def write_classifier(path: Path, weights: Weights) -> None:
    with quiet_keras():
        with_classifier(weights).save_weights(path)


def write_saved_classifier(path: Path, weights: Weights) -> None:
    with quiet_keras():
        with_classifier(weights).save(path)


def write_trained_model(path: Path, weights: Weights) -> None:
    """Write a model together with its optimiser's state, arrays of the kernels' own shapes."""
    model = plain(weights)
    model.trainable = True
    model.compile(keras.optimizers.Adam(learning_rate=0.0), "mse", run_eagerly=True)
    width = model.output.shape[-1]
    model.train_on_batch(np.ones((1, 32, 32, 3)), np.ones((1, 1, 1, width)))
    with quiet_keras():
        model.save(path)


def archive(weights: Weights) -> dict[str, np.ndarray]:
    return {
        f"{name}/{part}": array
        for name, pair in weights.items()
        for part, array in zip(("kernel", "bias"), pair, strict=True)
    }


def write_npz(path: Path, weights: Weights) -> None:
    np.savez(path, **archive(weights))


def write_compressed_npz(path: Path, weights: Weights) -> None:
    np.savez_compressed(path, **dict(reversed(archive(weights).items())))


def write_float64_npz(path: Path, weights: Weights) -> None:
    np.savez(path, **{name: array.astype(np.float64) for name, array in archive(weights).items()})


def write_torch_npz(path: Path, weights: Weights) -> None:
    """Write what torchvision's state would be of the network that sees the same.

    Its kernels have the axes (Cout, Cin, 3, 3), and it is shown (RGB - mean) / deviation.
    """
    names = architecture(weights)
    state = {}
    for ours, theirs in zip(names.convolutions, names.torch_convolutions, strict=True):
        kernel, bias = (array.astype(np.float64) for array in weights[ours])
        if ours == "block1_conv1":
            kernel = kernel[:, :, ::-1]  # BGR to RGB
            means = np.array([123.68, 116.779, 103.939])
            shift = 255 * np.array(TORCH_MEANS) - means
            bias = bias + np.einsum("hwio,i->o", kernel, shift)
            kernel = kernel * 255 * np.array(TORCH_DEVIATIONS)[:, None]
        state[f"{theirs}.weight"] = np.moveaxis(kernel, (3, 2), (0, 1)).astype(np.float32)
        state[f"{theirs}.bias"] = bias.astype(np.float32)
    np.savez(path, **state, **{"classifier.0.weight": np.zeros((4, 4), np.float32)})


WRITERS: dict[str, tuple[str, Writer]] = {
    "Keras' notop": ("vgg_notop.h5", write_notop),
    "Keras 3": ("vgg.weights.h5", write_keras_3),
    "Keras 3 by names": ("vgg.weights.h5", write_keras_3_by_layer_names),
    "saved model": ("vgg.h5", write_saved_model),
    "Keras' archive": ("vgg.keras", write_saved_model),
    "classifier": ("vgg.weights.h5", write_classifier),
    "saved classifier": ("vgg.h5", write_saved_classifier),
    "trained model": ("vgg.h5", write_trained_model),
    "trained archive": ("vgg.keras", write_trained_model),
    "npz": ("vgg.npz", write_npz),
    "compressed npz": ("vgg.npz", write_compressed_npz),
    "float64 npz": ("vgg.npz", write_float64_npz),
}
"""Name of the file and what writes it, so that it holds exactly what it was given."""
