"""``neuralstyle slim``: a narrow network out of a wide one."""

from __future__ import annotations

import functools
import inspect
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neuralstyle as ns
from neuralstyle.cli.main import main
from neuralstyle.features.architectures import VGG16
from neuralstyle.features.slim import slim
from neuralstyle.features.vgg.plain import random_weights


@pytest.fixture
def asked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the library was asked for; it gives a network without looking at pictures."""
    calls: list[dict[str, Any]] = []
    weights = random_weights(VGG16, 0, "avg", (2, 2, 2, 2, 2), 32)
    channels = {name: np.array([0, 2]) for name in weights}
    errors = {pooling: dict.fromkeys(weights, 0.25) for pooling in ("avg", "max")}
    means = {pooling: dict.fromkeys(weights, np.ones(2, "f4")) for pooling in ("avg", "max")}

    @functools.wraps(slim.slim)
    def made(network: str, images: Any, widths: Any, *, callback: Any, **options: Any) -> Any:
        calls.append({"network": network, "images": images, "widths": widths, **options})
        callback(ns.SlimProgress("training", 3, 3, 1.5, errors["avg"]))
        return ns.Slimmed("vgg16", weights, channels, errors, means, 3, "# A card\n")

    monkeypatch.setattr(slim, "slim", made)
    return calls


COMMAND = "slim --network wide.npz --images a b --widths 2,2,2,2,2 -o out.npz".split()


def test_the_network_and_its_card_are_saved(
    asked: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    options = "--steps 3 --seed 4 --minutes 2 --dtype bfloat16 --max-pixels 99"
    training = "--rate 2e-4 --fresh 48 --reuse 1"
    assert main([*COMMAND, *options.split(), *training.split()]) == 0
    (call,) = asked
    assert (call["network"], call["images"], call["widths"]) == ("wide.npz", ["a", "b"], (2,) * 5)
    assert (call["steps"], call["seed"], call["minutes"], call["resume"]) == (3, 4, 2.0, None)
    assert (call["max_pixels"], call["dtype"]) == (99, "bfloat16")
    assert (call["rate"], call["fresh"], call["reuse"]) == (2e-4, 48, 1)
    assert call["command"].startswith("neuralstyle slim --network wide.npz")
    assert ns.VGG16Features("out.npz")._arrays["block1_conv1"][0].shape == (3, 3, 3, 2)
    assert Path("out.md").read_text() == "# A card\n"
    out, err = capsys.readouterr()
    assert out == ""
    assert "training 3 of 3  1_1 .2500" in err
    assert "out.npz: vgg16, 3 steps" in err


def test_what_is_not_said_is_as_the_library_has_it(asked: list[dict[str, Any]]) -> None:
    defaults = inspect.signature(slim.slim.__wrapped__).parameters  # type: ignore[attr-defined]
    assert main(COMMAND) == 0
    (call,) = asked
    said = {"network", "images", "widths", "command"}
    assert {name: call[name] for name in call if name not in said} == {
        name: defaults[name].default for name in call if name not in said
    }


def test_a_slim_network_is_gone_on_from(asked: list[dict[str, Any]]) -> None:
    network = "slim --network wide.npz --images a".split()
    assert main([*network, "--start", "old.npz", "-o", "new.npz"]) == 0
    (call,) = asked
    assert (call["start"], call["widths"]) == (["old.npz"], None)


def test_quiet_is_quiet(asked: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*COMMAND, "--quiet"]) == 0
    assert capsys.readouterr().err == ""


def test_a_network_that_finds_no_room_is_kept_elsewhere(
    asked: list[dict[str, Any]],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    save = ns.Slimmed.save

    def full(made: ns.Slimmed, target: Any) -> None:
        if Path(target).parent == Path("."):
            raise OSError(28, "No space left on device")
        save(made, target)

    monkeypatch.setattr(ns.Slimmed, "save", full)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    assert main([*COMMAND, "--quiet"]) == 1
    first, last = capsys.readouterr().err.splitlines()
    assert "No space left on device" in first
    (place,) = folder.glob("neuralstyle-*/out.npz")
    assert last == f"neuralstyle: the network was saved as {str(place)!r}"
    assert place.with_suffix(".md").read_text() == "# A card\n"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (["--widths", "2,x"], "--widths: expected numbers, N,N,..., received '2,x'"),
        (["--steps", "-1"], "--steps: expected a whole number of at least 0"),
        (["--minutes", "0"], "--minutes: expected a number above 0"),
        (["-o", "out.h5"], "--output: expected a name that ends in .npz, received 'out.h5'"),
    ],
)
def test_refusals_name_the_flag(
    asked: list[dict[str, Any]],
    change: list[str],
    says: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([*COMMAND, *change]) == 2
    assert says in capsys.readouterr().err
    assert not asked


def test_what_the_library_refuses_is_told_with_the_flag(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(COMMAND) == 2
    said = capsys.readouterr().err
    assert "--network: expected" in said and "'wide.npz', which does not exist" in said
