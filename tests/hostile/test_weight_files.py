"""Files that promise more than they hold take no memory; what are no weights are refused."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import weight_files
from support import NARROW, transient_memory

import neuralstyle as ns
from neuralstyle import _archives
from neuralstyle.cli.inputs import load_flow
from neuralstyle.features.architectures import VGG16
from neuralstyle.features.vgg.plain import random_weights
from neuralstyle.features.vgg.weights import architecture_of, read_weights

NAME = "block2_conv1"
LITTLE = 50 * 2**20


@pytest.fixture(scope="module")
def weights() -> dict[str, Any]:
    return random_weights(VGG16, widths=NARROW)


def promising(descr: str, shape: str, data: bytes = b"") -> bytes:
    """Return an array's file with a header of one's own."""
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header.encode() + data


PROMISES = {
    "3.3 TB": ("'<f8'", "(3, 3, 210000, 210000)", "promises"),
    "a negative size": ("'<f4'", "(3, 3, -8, 8)", "damaged"),
    "more than a machine's words": ("'<f4'", "(99999999999999999999, 9)", "promises"),
    "objects": ("'|O'", "(3,)", "pickled objects, which are never read"),
    "a structure": ("[('a', '<f4')]", "(3,)", "structured"),
    "dates": ("'<M8[s]'", "(3,)", "damaged"),
    "an unknown type": ("'<q7'", "(3,)", "damaged"),
}


@pytest.mark.parametrize("promise", PROMISES)
def test_what_a_header_promises_is_checked_before_memory_is_taken(
    promise: str, tmp_path: Path, weights: dict[str, Any]
) -> None:
    descr, shape, message = PROMISES[promise]
    path = tmp_path / "weights.npz"
    weight_files.write_npz(path, {k: v for k, v in weights.items() if k != NAME})
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(f"{NAME}/kernel.npy", promising(descr, shape, bytes(64)))
        file.writestr(f"{NAME}/bias.npy", promising("'<f4'", "(8,)", bytes(32)))

    def read() -> None:
        with pytest.raises(ValueError, match=f"^weights: .*{message}") as caught:
            read_weights(path, VGG16)
        assert "pickle=" not in str(caught.value) and str(path) in str(caught.value)

    assert transient_memory(read) < LITTLE


def test_an_archive_that_unpacks_to_a_thousand_times_its_size_is_refused(
    tmp_path: Path, weights: dict[str, Any]
) -> None:
    path = tmp_path / "bomb.npz"
    huge = np.ones((3, 3, 8, 320_000), np.float32)  # 92 MB, of which 90 kB are left
    np.savez_compressed(path, **{**weight_files.archive(weights), f"{NAME}/kernel": huge})
    del huge
    assert path.stat().st_size < 10**6

    def read() -> None:
        for reader in (lambda: read_weights(path, VGG16), lambda: ns.load_loss(path)):
            with pytest.raises(ValueError, match="bomb"):
                reader()
        with pytest.raises(ValueError, match="flow"):
            load_flow(str(path))

    assert transient_memory(read) < LITTLE


@pytest.mark.parametrize("suffix", ["h5", "keras"])
def test_a_dataset_that_was_never_written_takes_no_memory(
    suffix: str, tmp_path: Path, weights: dict[str, Any]
) -> None:
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        for name, (kernel, bias) in weights.items():
            file[f"{name}/kernel"], file[f"{name}/bias"] = kernel, bias
        del file[f"{NAME}/kernel"]
        file.create_dataset(f"{NAME}/kernel", (3, 3, 300_000, 300_000), "f4", chunks=(3, 3, 8, 8))
    path = tmp_path / f"weights.{suffix}"
    path.write_bytes(stream.getvalue())
    if suffix == "keras":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as model:
            model.writestr("model.weights.h5", stream.getvalue())

    def read() -> None:
        assert architecture_of(path) == "vgg16"  # which reads no numbers
        with pytest.raises(ValueError, match="far more memory"):
            read_weights(path, VGG16)

    assert transient_memory(read) < LITTLE


def test_an_array_that_lies_in_another_file_is_not_fetched(
    tmp_path: Path, weights: dict[str, Any]
) -> None:
    path = tmp_path / "weights.h5"
    weight_files.write_notop(path, weights)
    (tmp_path / "secret").write_bytes(bytes(4 * 3 * 3 * 8 * 8))
    with h5py.File(path, "a") as file:
        name = f"{NAME}/{NAME}_W_1:0"
        shape = file[name].shape
        del file[name]
        external = [(str(tmp_path / "secret"), 0, h5py.h5f.UNLIMITED)]
        file.create_dataset(name, shape, "f4", external=external)
    with pytest.raises(ValueError, match="lies in another file"):
        read_weights(path, VGG16)


NO_WEIGHTS = {
    "complex": (lambda k: k.astype(np.complex64), "complex64"),
    "bool": (lambda k: k > 0, "bool"),
    "text": (lambda k: np.full(k.shape, "a"), "<U1"),
    "whole": (lambda k: k.astype(np.int32), "int32"),
    "zero": (lambda k: 0 * k, "zero throughout"),
    "infinite": (lambda k: k / 0, "not finite"),
    "infinite in float32": (lambda k: k.astype(np.float64) * 1e300, "not finite"),
    "empty": (lambda k: k[..., :0], "at least 1"),
}


@pytest.mark.parametrize("kind", NO_WEIGHTS)
@pytest.mark.parametrize("write", [weight_files.write_npz, weight_files.write_torch_npz])
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_what_are_no_weights_is_refused_by_the_layers_name(
    kind: str, write: Any, tmp_path: Path, weights: dict[str, Any]
) -> None:
    change, message = NO_WEIGHTS[kind]
    path = tmp_path / "weights.npz"
    write(path, weights)
    with np.load(path) as file:
        arrays = dict(file)
    for name in (f"{NAME}/kernel", "features.5.weight"):
        if name in arrays:
            changed = change(arrays[name])
            arrays[name] = changed[:0] if kind == "empty" and "weight" in name else changed
    if kind == "empty":
        for name in (f"{NAME}/bias", "features.5.bias"):
            if name in arrays:
                arrays[name] = arrays[name][:0]
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=f"^weights: .*{NAME} .*{message}"):
        read_weights(path, VGG16)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_sound_archives_come_back_to_the_bit(save: Any, tmp_path: Path) -> None:
    path = tmp_path / "sound.npz"
    arrays: dict[str, Any] = {
        "rows": np.arange(12.0).reshape(3, 4),
        "columns": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
        "text": np.array("naïve 画"),
        "empty": np.zeros((0, 3)),
        "truth": np.array(True),
        "big-endian": np.arange(3, dtype=">i2"),
        "complex": np.arange(3) * 1j,
        "half": np.float16([1, 2]),
    }
    save(path, **arrays)
    with _archives.opened(path) as archive:
        assert list(archive) == list(arrays)
        for name, array in arrays.items():
            read = archive[name]
            assert read.dtype == array.dtype and read.flags.writeable
            np.testing.assert_array_equal(read, array)
    np.save(tmp_path / "one.npy", arrays["columns"])
    np.testing.assert_array_equal(_archives.load(tmp_path / "one.npy"), arrays["columns"])


def test_an_array_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "twice.npz"
    np.savez(path, a=np.ones(3))
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as file:
        file.writestr("a.npy", promising("'<f4'", "(1,)", bytes(4)))
    with pytest.raises(ValueError, match="it holds 'a' twice"), _archives.opened(path):
        pass
