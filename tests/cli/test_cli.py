"""The command line: what it makes, what it refuses, and how it ends."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import io
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neuralstyle as ns
from neuralstyle.cli import arguments
from neuralstyle.features import weights as checkpoints
from neuralstyle.cli import main as cli
from neuralstyle.images import color
from neuralstyle.cli import outputs
from neuralstyle.transfer import painter
from neuralstyle.transfer import recipes as presets
from neuralstyle.features import architectures as vgg19
from neuralstyle.optimize.minimize import Status


@pytest.fixture
def folder(
    tmp_path: Path, pictures: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A working folder with content.png and style.png."""
    for name, picture in zip(("content.png", "style.png"), pictures, strict=True):
        ns.save_image(tmp_path / name, picture)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*options: str, inputs: str = "content.png style.png", out: str = "out.png") -> int:
    """Call the command line for two iterations of the compact network, unless told otherwise."""
    short = () if "--iterations" in options else ("--iterations", "2")
    weights = () if "--weights" in options else ("--weights", "compact")
    return cli.main([*inputs.split(), "-o", out, *weights, *short, *options])


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.stem not in ("content", "style"))


# What it makes


def test_picture_and_one_line_about_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    assert ns.load_image("out.png").shape == (48, 64, 3)
    assert names(folder) == ["out.png"]
    out, err = capsys.readouterr()
    assert not out
    *_, line = err.splitlines()
    assert line.startswith("out.png: 64 x 48, 2 iterations, ")
    for part in (" evaluations, ", " s, loss ", "(content ", "sliced "):
        assert part in line


def test_picture_is_the_librarys(folder: Path) -> None:
    options = ["--size", "40", "--scales", "1", "--seed", "3", "--init", "noise", "--pooling"]
    tuning = ["--style-scale", "0.9", "--maxcor", "4", "--style-layers", "conv1_1,conv2_1"]
    tuning += ["--method", "adam", "--xtol", "0.001"]
    assert run(*options, "max", *tuning, "--content-weight", "0.5") == 0
    result = ns.stylize(
        ns.load_image("content.png"),
        ns.load_image("style.png"),
        objective=presets.default(content_weight=0.5, style_layers=["conv1_1", "conv2_1"]),
        weights="compact",
        pooling="max",
        size=40,
        style_scale=0.9,
        scales=1,
        maxiter=2,
        init="noise",
        seed=3,
        method="adam",
        maxcor=4,
        xtol=0.001,
    )
    np.testing.assert_allclose(ns.load_image("out.png"), result.image, atol=0.5 / 255 + 1e-6)


def save_mask(name: str, mask: np.ndarray, alpha: bool = False) -> None:
    grey = np.repeat(mask[..., None].astype(np.float32), 3, axis=2)
    if alpha:  # white, on nothing
        ns.save_image(name, np.ones_like(grey), alpha=grey[..., 0])
    else:
        ns.save_image(name, grey)


@pytest.mark.parametrize("alpha", [False, True])
def test_regions_are_the_librarys(folder: Path, alpha: bool) -> None:
    left = np.arange(64) < np.full((48, 1), 32)
    part = np.arange(56) >= np.full((40, 1), 20)
    save_mask("left.png", left, alpha)
    save_mask("right.png", ~left, alpha)
    save_mask("part.png", part, alpha)
    options = ["--region", "left.png", "style.png", "part.png", "0.5", "--scales", "1"]
    assert run(*options, "--region", "right.png", "content.png", inputs="content.png") == 0
    content, style = ns.load_image("content.png"), ns.load_image("style.png")
    regions = [(left, style, part, 0.5), (~left, content)]
    result = ns.stylize(content, [], regions=regions, weights="compact", maxiter=2, scales=1)
    np.testing.assert_allclose(ns.load_image("out.png"), result.image, atol=0.5 / 255 + 1e-6)
    about = json.loads(ns.load_metadata("out.png")["neuralstyle"])
    assert about["settings"]["regions"] == [0.5, 1.0]


def test_labels_are_regions_of_the_style_with_a_content_or_without(folder: Path) -> None:
    colors = np.array([[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]], np.float32)
    left = np.arange(64) < np.full((48, 1), 32)
    part = np.arange(56) >= np.full((40, 1), 20)
    ns.save_image("a.png", colors[left.astype(int)])
    ns.save_image("b.png", colors[part.astype(int)])
    labels = ["--labels", "a.png", "b.png", "--scales", "1"]
    style = ns.load_image("style.png")
    # The regions are equally large; red is the first of the colours.
    regions = [(left, style, part), (~left, style, ~part)]
    options: dict[str, Any] = {"weights": "compact", "maxiter": 2, "scales": 1}
    assert run(*labels) == 0
    result = ns.stylize(ns.load_image("content.png"), [], regions=regions, **options)
    np.testing.assert_allclose(ns.load_image("out.png"), result.image, atol=2.5 / 255)
    assert run(*labels, inputs="--style style.png") == 0
    assert ns.load_image("out.png").shape == (48, 64, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--region m.png", "--region: expected MASK STYLE [STYLE_MASK] [WEIGHT]"),
        ("--region m.png a b c d", "--region: expected MASK STYLE [STYLE_MASK] [WEIGHT]"),
        ("--region m.png 1", "cannot read '1'"),
        ("--region absent.png style.png", "cannot read 'absent.png'"),
        ("--region m.png style.png high.png", "regions[0], style_mask: expected a mask in the pro"),
        ("--region out.png style.png", "'out.png' would be overwritten"),
        ("--labels m.png out.png", "'out.png' would be overwritten"),
        ("--labels m.png style.png", "--labels: "),
        ("--labels m.png m.png --style a b", "expected one STYLE, received 2"),
    ],
)
def test_what_is_no_region_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], options: str, message: str
) -> None:
    save_mask("m.png", np.tri(48, 64))
    save_mask("high.png", np.tri(64, 48))
    for name in ("a", "b"):
        Path(name).write_bytes(Path("style.png").read_bytes())
    inputs = "content.png" if "--style" in options else "content.png style.png"
    assert run(*options.split(), inputs=inputs) == 2
    assert message in capsys.readouterr().err


def test_quiet_says_nothing(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("--quiet") == 0
    assert capfd.readouterr() == ("", "")


def test_large_content_is_shrunk_by_default(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "DEFAULT_SIZE", 48)
    assert run() == 0
    assert ns.load_image("out.png").shape == (36, 48, 3)
    assert run("--size", "72") == 0
    assert ns.load_image("out.png").shape == (54, 72, 3)


def test_picture_tells_how_to_repeat_it(folder: Path) -> None:
    assert run("--seed", "7", out="out put.jpg") == 0
    about = json.loads(ns.load_metadata("out put.jpg")["neuralstyle"])
    assert about["neuralstyle"] == ns.__version__
    assert about["command"].startswith("neuralstyle content.png style.png -o 'out put.jpg' ")
    assert about["settings"]["seed"] == 7
    assert about["settings"]["versions"]["tensorflow"]


def test_log_holds_settings_versions_and_losses(folder: Path) -> None:
    assert run("--log", "run.json", "--iterations", "3", "2", "--scales", "2", "--size", "96") == 0
    assert names(folder) == ["out.png", "run.json"]
    log = json.loads(Path("run.json").read_text(encoding="utf-8"))
    assert (log["status"], log["iterations"]) == ("limit", 5)
    assert [(row["nit"], row["scale"]) for row in log["history"]] == [
        (1, 0),
        (2, 0),
        (3, 0),
        (4, 1),
        (5, 1),
    ]
    assert log["history"][-1]["losses"].keys() == log["losses"].keys() >= {"content", "style"}
    assert log["settings"]["maxiter"] == [3, 2]
    assert log["settings"]["versions"]["keras"]
    assert log["seconds"] > 0


def test_intermediate_pictures(folder: Path) -> None:
    assert run("--save-every", "2", "--iterations", "5", out="o.webp") == 0
    assert names(folder) == ["o.webp", "o_0002.webp", "o_0004.webp"]
    assert ns.load_image("o_0002.webp").shape == (48, 64, 3)


def test_quality_is_that_of_the_file(folder: Path) -> None:
    assert run("--quality", "5", "--size", "32", "--iterations", "1", out="coarse.jpg") == 0
    assert run("--size", "32", "--iterations", "1", out="fine.jpg") == 0
    assert Path("coarse.jpg").stat().st_size < Path("fine.jpg").stat().st_size - 500


@pytest.mark.parametrize("out, kept", [("out.png", True), ("out.jpg", False)])
def test_transparency_is_put_back_where_the_format_can(folder: Path, out: str, kept: bool) -> None:
    alpha = np.linspace(0, 1, 48 * 64).reshape(48, 64)
    ns.save_image("content.png", ns.load_image("content.png"), alpha=alpha)
    assert run("--size", "32", out=out) == 0
    image, opacity = ns.load_image(out, return_alpha=True)
    assert image.shape == (24, 32, 3)
    assert (opacity is not None) == kept
    if opacity is not None:
        expected = ns.resize(alpha.astype(np.float32), (24, 32))
        np.testing.assert_allclose(opacity, expected, atol=0.02)


def test_several_styles_with_shares_and_a_picture_to_start_from(folder: Path) -> None:
    options = ["--style-weights", "3", "1", "--init", "style.png", "--log", "run.json"]
    assert run(*options, inputs="content.png style.png content.png") == 0
    settings = json.loads(Path("run.json").read_text())["settings"]
    assert settings["style_weights"] == [3, 1]
    assert settings["init"] == "image"
    assert "style_1" in settings["objective"]


@pytest.mark.parametrize("preset", presets.RECIPES)
def test_every_preset_runs_with_its_own_weights(folder: Path, preset: str) -> None:
    assert run("--preset", preset, "--style-weight", "2", "--log", "run.json") == 0
    assert json.loads(Path("run.json").read_text())["settings"]["recipe"] == preset


def test_controls_are_the_librarys(folder: Path) -> None:
    shares = (
        "content:2 style:4 sliced:2 patches:1 patches_half:1 patches_quarter:1 "
        "color:1 color_histogram:1 total_variation:1".split()
    )
    options = "--init content:3,noise:1 --color match --style-scale 0.7 --style-fit tile".split()
    assert run(*options, "--shares", *shares) == 0
    result = ns.stylize(
        ns.load_image("content.png"),
        ns.load_image("style.png"),
        weights="compact",
        maxiter=2,
        init={"content": 3, "noise": 1},
        color="match",
        style_scale=0.7,
        style_fit="tile",
        shares={name: float(share) for name, share in (pair.split(":") for pair in shares)},
    )
    np.testing.assert_allclose(ns.load_image("out.png"), result.image, atol=0.5 / 255 + 1e-6)


def test_several_contents_go_into_a_folder(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = ns.load_image("content.png")
    Path("more").mkdir()
    for name, other in (("a.png", picture[:, ::-1]), ("more/a.jpg", picture[:40])):
        ns.save_image(name, other)
    Path("broken.png").write_text("no picture")
    inputs = "content.png a.png broken.png more/a.jpg --style style.png"
    assert run("--log", "run.json", inputs=inputs, out="made/") == 1
    assert sorted(path.name for path in Path("made").iterdir()) == [
        "a.png",
        "a_2.png",
        "content.png",
    ]
    assert ns.load_image("made/a_2.png").shape == (40, 64, 3)
    told = [line for line in capsys.readouterr().err.splitlines() if "iteration " not in line]
    assert [line.split(":")[0] for line in told] == [
        *("made/content.png", "made/a.png", "neuralstyle", "made/a_2.png")
    ]
    assert len(json.loads(Path("run.json").read_text())) == 3
    assert run(inputs="a.png style.png", out="alone.png") == 0
    np.testing.assert_array_equal(ns.load_image("alone.png"), ns.load_image("made/a.png"))


def test_a_picture_that_cannot_be_painted_does_not_end_the_others(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ns.save_image("tiny.png", np.zeros((4, 4, 3), np.float32))
    assert run(inputs="tiny.png content.png --style style.png", out="made") == 1
    assert [path.name for path in Path("made").iterdir()] == ["content.png"]
    assert "too small" in capsys.readouterr().err


def test_without_a_content_it_makes_a_texture(folder: Path) -> None:
    assert run("--size", "48", inputs="--style style.png") == 0
    assert ns.load_image("out.png").shape == (34, 48, 3)
    about = json.loads(ns.load_metadata("out.png")["neuralstyle"])
    assert about["settings"]["init"] == "noise"
    assert "content" not in about["losses"]


def test_frames_are_painted_along_the_flow(folder: Path) -> None:
    picture = ns.load_image("content.png")
    flow, mask = np.full((48, 56, 2), [4.0, 0.0], np.float32), np.ones((48, 56), np.float32)
    for k in range(3):
        ns.save_image(f"frame{k}.png", picture[:, 4 * k : 4 * k + 56])
    np.save("flow1.npy", flow)
    np.savez("flow2.npz", flow=flow, mask=mask)
    film = "frame0.png frame1.png frame2.png --style style.png --flows flow1.npy flow2.npz"
    assert run("--temporal-weight", "2", inputs=film, out="film/") == 0
    frames = [ns.load_image(f"frame{k}.png") for k in range(3)]
    style = ns.load_image("style.png")
    options = {"weights": "compact", "maxiter": 2, "temporal_weight": 2}
    expected = ns.stylize_frames(frames, style, [flow, (flow, mask)], **options)
    for k, result in enumerate(expected):
        made = ns.load_image(f"film/frame{k}.png")
        np.testing.assert_allclose(made, result.image, atol=0.5 / 255 + 1e-6)
    np.save("flow1.npy", flow[:20])
    assert run(inputs=film, out="film/") == 2


def test_standard_input_and_output_carry_pictures(folder: Path) -> None:
    command = [sys.executable, "-m", "neuralstyle", "-", "style.png", "-o", "-"]
    options = ["--weights", "compact", "--iterations", "2", "--quiet"]
    picture = Path("content.png").read_bytes()
    done = subprocess.run([*command, *options], input=picture, capture_output=True, check=True)
    assert done.stderr == b""
    assert run() == 0
    made = ns.load_image(io.BytesIO(done.stdout))
    np.testing.assert_array_equal(made, ns.load_image("out.png"))
    assert names(folder) == ["out.png"]


def test_json_tells_a_program_what_was_made(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--json", "--quiet") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["output"] == "out.png"
    assert told["iterations"] == 2
    assert told["seconds"] > 0
    assert set(told["losses"]) >= {"content", "style"}
    assert told["settings"]["recipe"] == "default"


@pytest.mark.parametrize(("strength", "factor"), [("0", 10), ("0.5", 1), ("1", 0.1)])
def test_strength_is_a_word_for_the_weight_of_the_content(
    folder: Path, strength: str, factor: float
) -> None:
    weight = inspect.signature(presets.default).parameters["content_weight"].default
    assert run("--strength", strength) == 0
    assert run("--content-weight", str(factor * weight), out="weighed.png") == 0
    np.testing.assert_array_equal(ns.load_image("out.png"), ns.load_image("weighed.png"))


@pytest.mark.slow
def test_a_sheet_shows_two_settings(folder: Path) -> None:
    sheet = ["--sheet", "content-weight=0.1,1", "color=none,content", "--size", "48"]
    assert run(*sheet) == 0
    expected = ns.contact_sheet(
        ns.load_image("content.png"),
        ns.load_image("style.png"),
        {"content_weight": [0.1, 1], "color": [None, "content"]},
        size=48,
        weights="compact",
        maxiter=2,
    )
    np.testing.assert_allclose(ns.load_image("out.png"), expected, atol=0.5 / 255 + 1e-6)
    assert run("--sheet", "nonsense=1,2", out="other.png") == 2


def test_a_sheet_shows_several_styles(folder: Path) -> None:
    assert run("--sheet", "style", "--size", "48", inputs="content.png style.png content.png") == 0
    assert ns.load_image("out.png").shape == (20 + 36, 2 * 48 + 6, 3)


def test_layers_with_weights(folder: Path) -> None:
    layers = ["--content-layers", "relu2_2:0.5", "pool3:2", "--style-layers", "input"]
    assert run(*layers, "--log", "run.json") == 0
    objective = json.loads(Path("run.json").read_text())["settings"]["objective"]
    assert "{'relu2_2': 0.5, 'pool3': 2.0}" in objective


def test_random_network(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = functools.partial(vgg19.random_weights, widths=(2, 3, 4, 5, 6), size=32)
    monkeypatch.setattr(vgg19, "random_weights", narrow)
    assert run("--weights", "random", "--iterations", "1", "--log", "run.json") == 0
    settings = json.loads(Path("run.json").read_text())["settings"]
    assert "weights=None" in settings["extractor"]


# What it refuses


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        ("", "-o"),
        ("-o out.png", "CONTENT and STYLE"),
        ("content.png -o out.png", "CONTENT and STYLE"),
        ("content.png absent.png --style style.png -o out", "'absent.png'"),
        ("content.png --style absent.png -o out.png", "'absent.png'"),
        ("content.png --style style.png -o . --quiet", "'content.png' would be overwritten"),
        ("content.png style.png -o out.png --color sepia", "luminance"),
        ("content.png style.png -o out.png --style-fit stretch", "tile"),
        ("content.png style.png -o out.png --shares style", "TERM:SHARE"),
        ("content.png style.png -o out.png --init content:x,noise:1", "'x'"),
        ("content.png style.png -o out.png --init content:0.5,absent", "'content:0.5,absent'"),
        ("content.png style.png -o out.png --flows a.npy", "--flows"),
        ("- - -o out.png", "one standard input"),
        ("content.png style.png -o - --json", "-o -"),
        ("content.png a.png --style style.png -o -", "-o -"),
        ("content.png style.png -o out.png --strength 1.5", "from 0 to 1"),
        ("content.png style.png -o out.png --strength 1 --content-weight 1", "--content-weight"),
        ("content.png style.png -o out.png --sheet style_scale", "SETTING=VALUE"),
        ("content.png a.png --style style.png -o out --sheet style_scale=1,2", "--sheet"),
        ("content.png style.png", "-o"),
        ("absent.png style.png -o out.png", "'absent.png'"),
        ("content.png absent.png -o out.png", "'absent.png'"),
        ("content.png notes.txt -o out.png", "'notes.txt'"),
        ("content.png style.png -o out.gif", "'out.gif'"),
        ("content.png style.png -o absent/out.png", "'absent'"),
        ("content.png style.png -o out.png --log absent/run.json", "'absent'"),
        ("content.png style.png -o ./content.png", "overwritten"),
        ("content.png style.png -o out.png --log style.png", "overwritten"),
        ("content.png style.png -o out.png --log out.png", "overwritten"),
        ("content.png style.png -o out.png --init absent.png", "'absent.png'"),
        ("content.png style.png -o out.png --weights absent.h5", "'absent.h5'"),
        ("content.png style.png -o out.png --size 0", "--size"),
        ("content.png style.png -o out.png --scales 1.5", "--scales"),
        ("content.png style.png -o out.png --iterations 5 x", "--iterations"),
        ("content.png style.png -o out.png --seed -1", "--seed"),
        ("content.png style.png -o out.png --quality 101", "from 1 to 100"),
        ("content.png style.png -o out.png --style-scale 0", "above 0"),
        ("content.png style.png -o out.png --content-weight nan", "--content-weight"),
        ("content.png style.png -o out.png --style-weights 1 2", "--style-weights"),
        ("content.png style.png -o out.png --preset picasso", "gatys2016"),
        ("content.png style.png -o out.png --style-layers block6_conv1", "'block6_conv1'"),
        ("content.png style.png -o out.png --style-layers conv1_1:2,conv2_1", "--style-layers"),
        ("content.png style.png -o out.png --style-layers conv1_1:1,conv1_1:2", "different"),
        ("content.png style.png -o out.png --siz 64", "--siz"),
    ],
)
def test_wrong_use_is_told_in_a_sentence(
    folder: Path, capfd: pytest.CaptureFixture[str], arguments: str, complaint: str
) -> None:
    Path("notes.txt").write_text("no picture")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert cli.main(arguments.split()) == 2
    out, err = capfd.readouterr()
    assert not out
    (sentence,) = err.splitlines()
    assert sentence.startswith("neuralstyle: ")
    assert complaint in sentence
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("preset", [name for name in presets.RECIPES if name != "default"])
def test_weight_that_a_preset_does_not_take(
    folder: Path, capsys: pytest.CaptureFixture[str], preset: str
) -> None:
    assert run("--preset", preset, "--color-weight", "1") == 2
    (sentence,) = capsys.readouterr().err.splitlines()
    assert f"--color-weight does not go with the preset {preset}; it takes " in sentence
    for name in inspect.signature(presets.RECIPES[preset]).parameters:
        assert f"--{name.replace('_', '-')}" in sentence


@pytest.mark.parametrize(
    "options, complaint",
    [
        (["--weights", "content.png"], "not a readable weights file"),
        (["--content-layers", "conv1_3"], "there is no layer 'conv1_3'"),
    ],
)
def test_what_only_the_library_can_tell(
    folder: Path, capsys: pytest.CaptureFixture[str], options: list[str], complaint: str
) -> None:
    assert run(*options) == 2
    (sentence,) = capsys.readouterr().err.splitlines()
    assert complaint in sentence
    assert names(folder) == []


def test_treatments_of_colour_are_the_librarys() -> None:
    assert arguments.COLORS == tuple(color.TREATMENTS)


def test_presets_are_the_librarys() -> None:
    assert arguments.PRESETS == {
        name: tuple(inspect.signature(recipe).parameters)
        for name, recipe in presets.RECIPES.items()
    }


def test_every_layer_can_be_named() -> None:
    pools = [f"block{block}_pool" for block in range(1, 6)]
    for layer in ("input", *vgg19.CONVOLUTIONS, *pools, *vgg19.ALIASES):
        assert arguments.LAYER.fullmatch(layer), layer


# How it ends


@pytest.mark.filterwarnings("default")  # as outside of tests
def test_fallback_to_the_compact_network_is_told_even_if_quiet(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unreachable() -> Path:
        raise OSError("no network")

    monkeypatch.setattr(checkpoints, "imagenet_file", unreachable)
    assert run("--quiet", "--weights", "auto") == 0
    (sentence,) = capsys.readouterr().err.splitlines()
    assert sentence.startswith("neuralstyle: the ImageNet weights")
    assert "no network" in sentence

    assert run("--quiet", "--weights", "imagenet", out="second.png") == 1
    assert capsys.readouterr().err == "neuralstyle: no network\n"
    assert names(folder) == ["out.png"]


def test_failing_save_ends_the_run_with_what_there_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    save = outputs.save_image

    def full(path: Path, *args: Any, **options: Any) -> None:
        if path.name != "out.png":
            raise OSError("cannot write: the disk is full\nmore")
        save(path, *args, **options)

    monkeypatch.setattr(outputs, "save_image", full)
    assert run("--save-every", "2", "--iterations", "9", "--log", "run.json") == 1
    assert capsys.readouterr().err.splitlines()[-1] == "neuralstyle: cannot write: the disk is full"
    assert names(folder) == ["out.png", "run.json"]
    assert json.loads(Path("run.json").read_text())["iterations"] == 2

    monkeypatch.setattr(outputs, "save_image", lambda *args, **options: full(Path("no"), *args))
    assert run(out="second.png") == 1
    assert names(folder) == ["out.png", "run.json"]


@pytest.mark.parametrize(
    "status, code", [(Status.NONFINITE, 1), (Status.ABNORMAL, 0), (Status.INTERRUPTED, 130)]
)
def test_exit_code_tells_how_the_run_ended(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    status: Status,
    code: int,
) -> None:
    paint = painter.Painter.paint

    def ended(self: Any, content: Any) -> ns.StyleResult:
        result = paint(self, content)
        return dataclasses.replace(result, status=status, success=False, message="so it ended")

    monkeypatch.setattr(painter.Painter, "paint", ended)
    assert run("--log", "run.json") == code
    assert capsys.readouterr().err.splitlines()[-1].endswith("; so it ended")
    assert ns.load_image("out.png").shape == (48, 64, 3)
    assert json.loads(Path("run.json").read_text())["status"] == status.name.lower()


def test_interruption_before_the_first_iteration_saves_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*args: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(painter.Painter, "paint", interrupted)
    assert run() == 130
    assert capsys.readouterr().err == "neuralstyle: interrupted before a picture was saved\n"
    assert names(folder) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for another process")
def test_control_c_saves_what_there_is(folder: Path) -> None:
    arguments = "content.png style.png -o out.png --weights compact --log run.json --save-every 1"
    program = (
        # A process started in the background ignores the signal, and so do its children.
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from neuralstyle.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    endless = ["--iterations", "100000", "--ftol", "0", "--scales", "1"]
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments.split(), *endless],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 50
        while not Path("out_0003.png").exists():
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert not out
    bar, line = err.splitlines()  # neither TensorFlow's chatter nor a traceback
    assert bar.startswith("64 x 48: iteration ")
    assert line.startswith("out.png: 64 x 48, ") and line.endswith("; interrupted by the user")
    assert ns.load_image("out.png").shape == (48, 64, 3)
    log = json.loads(Path("run.json").read_text())
    assert log["status"] == "interrupted"
    assert len(log["history"]) == log["iterations"] >= 3


def test_help_version_and_wrong_use_do_without_tensorflow(folder: Path) -> None:
    program = """
import sys
from neuralstyle.cli.main import main
run = ["content.png", "style.png", "-o", "out.png"]
codes = [main(a) for a in (
    ["--version"], ["--help"], ["content.png"], [*run, "--size", "x"],
    [*run, "--preset", "gatys2016", "--tv-weight", "1"], ["content.png", "absent", "-o", "out.png"],
)]
assert codes == [0, 0, 2, 2, 2, 2], codes
assert not {"tensorflow", "keras", "scipy", "rich"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"neuralstyle {ns.__version__}\nusage: neuralstyle CONTENT")


def test_module_is_the_command(folder: Path) -> None:
    command = [sys.executable, "-m", "neuralstyle"]
    done = subprocess.run([*command, "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"neuralstyle {ns.__version__}\n")
    done = subprocess.run([*command, "absent", "b", "-o", "c.png"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "neuralstyle: cannot read 'absent': No such file or directory\n"
