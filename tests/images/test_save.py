"""Writing pictures: formats, places, whole or not at all."""

import io
import os

import numpy as np
import pytest
from support import message, opened

from neuralstyle.images.load import load_image
from neuralstyle.images.save import check_target, save_image

STEP = 1 / 255
SUFFIXES = ["png", "jpg", "tiff", "webp"]


# Formats


@pytest.mark.parametrize("name", ["a.png", "a.PNG", "a.tif", "a.tiff"])
def test_lossless_files_round_to_the_nearest_of_256_levels(tmp_path, noise, name):
    save_image(tmp_path / name, noise)
    assert np.abs(load_image(tmp_path / name) - noise).max() <= STEP / 2 + 1e-6


def test_a_second_round_through_a_file_changes_nothing(tmp_path, noise):
    save_image(tmp_path / "a.png", noise)
    first = load_image(tmp_path / "a.png")
    save_image(tmp_path / "b.png", first)
    np.testing.assert_array_equal(load_image(tmp_path / "b.png"), first)


@pytest.mark.parametrize("suffix", ["png", "tiff", "webp"])
def test_alpha_and_the_colour_below_it_come_back(tmp_path, noise, suffix):
    path = tmp_path / f"a.{suffix}"
    opacity = np.linspace(0, 1, 600).reshape(20, 30)
    save_image(path, noise, alpha=opacity, quality=100)
    _, alpha = load_image(path, return_alpha=True)
    assert np.abs(alpha - opacity).max() <= STEP / 2 + 1e-6
    colour = np.asarray(opened(path))[..., :3] / 255
    assert np.abs(colour - noise).max() <= STEP / 2 + 1e-6


@pytest.mark.parametrize(
    ("suffix", "kind"), [("jpg", "JPEG"), ("jpeg", "JPEG"), ("webp", "WEBP"), ("TIF", "TIFF")]
)
def test_the_suffix_chooses_the_format(tmp_path, noise, suffix, kind):
    save_image(tmp_path / f"a.{suffix}", noise)
    assert opened(tmp_path / f"a.{suffix}").format == kind


def test_a_given_format_outranks_the_suffix(tmp_path, noise):
    save_image(tmp_path / "a.part", noise, format="JPEG")
    assert opened(tmp_path / "a.part").format == "JPEG"


def test_jpeg_keeps_the_full_resolution_of_colour(tmp_path):
    stripes = np.zeros((16, 16, 3))
    stripes[:, ::2, 0] = stripes[:, 1::2, 2] = 1
    save_image(tmp_path / "a.jpg", stripes, quality=100)
    assert np.abs(load_image(tmp_path / "a.jpg") - stripes).max() < 0.03


@pytest.mark.parametrize("suffix", ["jpg", "webp"])
def test_quality_trades_size_for_fidelity(tmp_path, noise, suffix):
    sizes = []
    for quality in (10, 60, 100):
        path = tmp_path / f"{quality}.{suffix}"
        save_image(path, noise, quality=quality)
        sizes.append(path.stat().st_size)
    assert sizes == sorted(set(sizes))


def test_a_webp_of_quality_100_is_lossless(tmp_path, noise):
    save_image(tmp_path / "a.webp", noise, quality=100)
    assert np.abs(load_image(tmp_path / "a.webp") - noise).max() <= STEP / 2 + 1e-6


def test_tiff_is_compressed(tmp_path):
    save_image(tmp_path / "a.tif", np.zeros((100, 100, 3)))
    assert (tmp_path / "a.tif").stat().st_size < 1000


@pytest.mark.parametrize("quality", [0, 101])
def test_quality_has_limits(tmp_path, noise, quality):
    with pytest.raises(ValueError, match=f"^quality: expected from 1 to 100, received {quality}$"):
        save_image(tmp_path / "a.jpg", noise, quality=quality)
    with pytest.raises(TypeError, match="^quality: expected a whole number, received "):
        save_image(tmp_path / "a.jpg", noise, quality=float(quality))


@pytest.mark.parametrize(
    ("name", "alpha", "error", "text"),
    [
        ("a.jpg", np.ones((20, 30)), ValueError, "JPEG"),
        ("a.png", np.ones((30, 20)), ValueError, r"\(20, 30\), received \(30, 20\)"),
        ("a.png", np.ones((20, 30, 1)), ValueError, "shape"),
        ("a.png", np.full((20, 30), 1.5), ValueError, "from 1.5 to 1.5"),
        ("a.png", np.ones((20, 30), np.uint8), TypeError, "uint8"),
    ],
)
def test_a_bad_alpha_is_refused(tmp_path, noise, name, alpha, error, text):
    with pytest.raises(error, match=f"^alpha: expected .*{text}") as excinfo:
        save_image(tmp_path / name, noise, alpha=alpha)
    message(excinfo)
    assert os.listdir(tmp_path) == []


def test_a_bad_image_is_refused_before_anything_is_written(tmp_path, noise):
    with pytest.raises(ValueError, match="divide by 255"):
        save_image(tmp_path / "a.png", noise * 255)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("suffix", "most"), [("webp", 16383), ("jpg", 65500)])
def test_a_side_too_long_for_the_format_is_refused(tmp_path, suffix, most):
    path = tmp_path / f"a.{suffix}"
    save_image(path, np.zeros((1, most, 3), np.float32))
    check_target(path, side=most)
    with pytest.raises(ValueError, match=f"^size: expected at most {most} pixels a side for "):
        check_target(path, side=most + 1)
    with pytest.raises(ValueError, match=f"^image: expected at most {most} ") as excinfo:
        save_image(path, np.zeros((1, most + 1, 3), np.float32))
    message(excinfo)
    assert os.listdir(tmp_path) == [f"a.{suffix}"]


def test_sides_of_other_formats_are_free(tmp_path):
    check_target(tmp_path / "a.png", side=10**6)
    check_target(tmp_path / "a.tif", side=10**6)


# All bytes or an error


class Unbuffered(io.RawIOBase):
    """A file that takes a thousand bytes at once, and so many in all."""

    def __init__(self, room):
        self.room, self.taken = room, b""

    def writable(self):
        return True

    def write(self, data):
        taken = bytes(data[: min(1000, self.room - len(self.taken))])
        self.taken += taken
        return len(taken)


def test_an_unbuffered_file_gets_all_bytes(noise):
    buffered, unbuffered = io.BytesIO(), Unbuffered(10**6)
    save_image(buffered, noise, format="png")
    save_image(unbuffered, noise, format="png")
    assert unbuffered.taken == buffered.getvalue() and len(unbuffered.taken) > 1000


def test_an_unbuffered_file_that_cannot_take_all_is_an_error(noise):
    with pytest.raises(OSError, match="^only 1,500 of .* bytes could be written$"):
        save_image(Unbuffered(1500), noise, format="png")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_buffer_that_cannot_be_emptied_is_an_error(noise):
    with pytest.raises(OSError, match="No space left"), open("/dev/full", "wb", 10**6) as file:
        save_image(file, noise, format="png")


# Where to

KNOWN = "jpg, jpeg, png, tif, tiff, webp"


def same_error_before_and_at_saving(target, error, format=None):
    with pytest.raises(error) as early:
        check_target(target, format)
    with pytest.raises(error) as late:
        save_image(target, np.zeros((2, 2, 3)), format=format)
    assert message(early) == message(late)
    return message(early)


@pytest.mark.parametrize("name", ["a.gif", "a", "png", ".png"])
def test_an_unknown_suffix_is_refused_with_the_known_ones(tmp_path, name):
    text = same_error_before_and_at_saving(tmp_path / name, ValueError)
    assert text == f"target: expected a suffix among {KNOWN}, received {str(tmp_path / name)!r}"


def test_an_unknown_format_is_refused(tmp_path):
    text = same_error_before_and_at_saving(tmp_path / "a.png", ValueError, "gif")
    assert text == f"format: expected one of {KNOWN}, received 'gif'"


@pytest.mark.parametrize("format", [3, b"png", ["png"]])
def test_a_format_is_a_string(tmp_path, format):
    for target in (tmp_path / "a.png", io.BytesIO()):
        text = same_error_before_and_at_saving(target, TypeError, format)
        assert text == f"format: expected a string, received {format!r}"


def test_a_file_object_needs_a_format():
    text = same_error_before_and_at_saving(io.BytesIO(), ValueError)
    assert text == f"format: expected one of {KNOWN} with a file object, received None"


@pytest.mark.parametrize("target", [None, 3, io.StringIO()])
def test_other_kinds_of_target_are_refused(target):
    text = same_error_before_and_at_saving(target, TypeError, "png")
    received = type(target).__name__
    assert text == f"target: expected a path or a binary file object, received {received}"


def test_a_missing_folder_is_named(tmp_path):
    path = tmp_path / "none" / "a.png"
    text = same_error_before_and_at_saving(path, FileNotFoundError)
    assert str(path) in text and f"the folder {str(path.parent)!r} does not exist" in text


def test_a_folder_cannot_be_written_over(tmp_path):
    path = tmp_path / "a.png"
    path.mkdir()
    text = same_error_before_and_at_saving(path, IsADirectoryError)
    assert text == f"cannot write {str(path)!r}: it is a folder"


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    text = same_error_before_and_at_saving(tmp_path / "file" / "a.png", NotADirectoryError)
    assert str(tmp_path / "file" / "a.png") in text


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a named pipe")
def test_only_a_regular_file_is_replaced(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    assert "it is not a regular file" in same_error_before_and_at_saving(
        tmp_path / "a.png", ValueError
    )


def test_a_read_only_file_is_not_replaced(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(b"mine")
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)  # root may do anything
    text = same_error_before_and_at_saving(tmp_path / "a.png", PermissionError)
    assert text == f"cannot write {str(tmp_path / 'a.png')!r}: the file is read-only"


def test_a_folder_without_permission_is_refused(tmp_path, monkeypatch):
    def refuse(path, mode):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("neuralstyle._files.open", refuse, raising=False)
    text = same_error_before_and_at_saving(tmp_path / "a.png", PermissionError)
    assert text == f"cannot write {str(tmp_path / 'a.png')!r}: Permission denied"


def test_checking_a_target_leaves_no_trace(tmp_path):
    check_target(tmp_path / "new.png")
    (tmp_path / "old.png").write_bytes(b"old")
    check_target(tmp_path / "old.png")
    assert os.listdir(tmp_path) == ["old.png"]
    assert (tmp_path / "old.png").read_bytes() == b"old"


def test_a_bare_name_is_written_to_the_current_folder(tmp_path, monkeypatch, noise):
    monkeypatch.chdir(tmp_path)
    save_image("a.png", noise)
    assert os.listdir(tmp_path) == ["a.png"]


# Whole or not at all


@pytest.mark.parametrize("failing", ["replace", "write"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failed_save_leaves_the_old_file_and_no_other(
    tmp_path, monkeypatch, noise, failing, error
):
    def fail(*arguments):
        raise error

    class FailingFile(io.FileIO):
        def write(self, data):
            super().write(data[:10])
            raise error

    path = tmp_path / "a.png"
    save_image(path, noise)
    before = path.read_bytes()
    if failing == "replace":
        monkeypatch.setattr(os, "replace", fail)
    else:
        monkeypatch.setattr("neuralstyle._files.open", FailingFile, raising=False)
    with pytest.raises(type(error)) as excinfo:
        save_image(path, 1 - noise)
    if isinstance(error, OSError):
        assert message(excinfo) == f"cannot write {str(path)!r}: No space left on device"
    assert os.listdir(tmp_path) == ["a.png"]
    assert path.read_bytes() == before


def test_a_new_file_has_the_usual_permissions(tmp_path, noise):
    (tmp_path / "usual").write_bytes(b"")
    save_image(tmp_path / "a.png", noise)
    assert (tmp_path / "a.png").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_symbolic_link_is_written_through(tmp_path, noise):
    (tmp_path / "link.png").symlink_to(tmp_path / "file.png")
    save_image(tmp_path / "link.png", noise)
    assert (tmp_path / "link.png").is_symlink()
    assert not (tmp_path / "file.png").is_symlink() and load_image(tmp_path / "file.png").size
