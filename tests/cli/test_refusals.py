"""What the command line refuses: in one sentence, before any work, and without harm to files."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from neuralstyle.cli.main import main
from neuralstyle.transfer.recipes import RECIPES

PYTHON = re.compile(
    r"\b(None|True|[Ee]xtractors?|callable|arrays?|mapping|pathlib|aliases|Keras[A-Z]\w+"
    r"|ColorTreatment|Parametrization|a Method|ns\.\w)\b|\b[a-z]\w+=(?![\w.])"
)
"""What only Python can take, or calls so."""

RUN = "content.png style.png -o out.png "
FILM = "film content.png content.png --style style.png -o frames --flows "


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("", "-o"),
        ("-o out.png", "CONTENT and STYLE"),
        ("content.png -o out.png", "CONTENT and STYLE"),
        ("content.png absent.png --style style.png -o out", "'absent.png'"),
        ("content.png --style absent.png -o out.png", "'absent.png'"),
        ("content.png --style style.png -o . --quiet", "'content.png' would be overwritten"),
        (RUN + "--color sepia", "luminance"),
        (RUN + "--style-fit stretch", "tile"),
        (RUN + "--balance style", "TERM:SHARE"),
        (RUN + "--balance style:1 style:2", "--balance: expected each term once"),
        (RUN + "--init content:x,noise:1", "'x'"),
        (RUN + "--init content:0.5,absent", "'content:0.5,absent'"),
        ("- - -o out.png", "one standard input"),
        ("content.png style.png -o - --json", "-o -"),
        ("content.png a.png --style style.png -o -", "-o -"),
        (RUN + "--strength 1.5", "--strength: "),
        (RUN + "--strength 1 --content-weight 1", "--content-weight"),
        (RUN + "--sheet style_scale", "SETTING=VALUE"),
        (RUN + "--sheet colour=match", "no setting 'colour'"),
        (RUN + "--sheet callback=1", "no setting 'callback'"),
        (RUN + "--sheet checkpoint=a", "no setting 'checkpoint'"),
        (RUN + "--sheet style_scale=1,0", "--sheet style_scale: expected a number above 0"),
        (RUN + "--recipe gatys2016 --sheet tv_weight=1", "no setting 'tv_weight'"),
        ("content.png a.png --style style.png -o out --sheet style_scale=1,2", "--sheet"),
        (RUN + "--auto --sheet style_scale=1,2", "--sheet: expected it without --auto"),
        (RUN + "--auto --style-scale 2 --strength 1", "--style-scale: expected none"),
        ("content.png style.png -o - --auto", "-o -"),
        ("a_sheet.png style.png -o a.png --auto", "'a_sheet.png' would be overwritten"),
        (RUN + "--auto --log out_sheet.png", "'out_sheet.png' would be overwritten"),
        ("film content.png --style style.png -o frames --auto", "--auto"),
        ("texture style.png -o out.png --choose", "--choose"),
        ("content.png style.png", "-o"),
        ("absent.png style.png -o out.png", "'absent.png'"),
        ("content.png absent.png -o out.png", "'absent.png'"),
        ("content.png notes.txt -o out.png", "'notes.txt'"),
        ("content.png style.png -o out.gif", "-o: expected a suffix among jpg"),
        ("content.png style.png -o absent/out.png", "'absent'"),
        (RUN + "--log absent/run.json", "'absent'"),
        ("content.png style.png -o ./content.png", "overwritten"),
        (RUN + "--log style.png", "overwritten"),
        (RUN + "--log out.png", "overwritten"),
        (RUN + "--init absent.png", "'absent.png'"),
        (RUN + "--network absent.h5", "'absent.h5'"),
        (RUN + "--network auto", '"compact"'),
        (RUN + "--sheet network=vgg11", "--sheet network: expected 'compact', "),
        (RUN + "--pooling mean", "--pooling: expected avg or max, received 'mean'"),
        (RUN + "--padding mirror", "--padding: expected zeros, reflect or wrap, received 'mirror'"),
        (RUN + "--content-weight 1e30", "--content-weight: expected 0 or a number from 1e-25"),
        ("texture style.png -o out.png --color match --size 32", "--color: expected none without"),
        ("texture style.png -o out.png --init content", "--init: expected"),
        (RUN + "--style-layers conv9 --size 32", "--style-layers: there is no layer 'conv9'"),
        (RUN + "--content-layers conv5_4 --size 32", "the nearest are 'conv5_3', 'conv5_2',"),
        (RUN + "--sheet style_layers=conv9 --size 32", "--style-layers: there is no layer 'conv9'"),
        (RUN + "--network imagenet", '"vgg19"'),
        (RUN + "--size 0", "--size: expected a whole number of at least 1, received '0'"),
        (RUN + "--size 1000000000", "--size: expected at most 999999999, received '1000000000'"),
        (RUN + "--size 300001", "--size: expected at most 300000 pixels a side, received 300001"),
        (RUN + "--checkpoint .", "it is a folder"),
        (RUN + "--scales 1.5", "--scales"),
        (RUN + "--iterations 5 x", "--iterations"),
        (RUN + "--seed -1", "--seed"),
        (RUN + "--quality 101", "from 1 to 100"),
        (RUN + "--save-every 0", "--save-every"),
        (RUN + "--style-scale 0", "above 0"),
        (RUN + "--bounds 1 0", "--bounds"),
        (RUN + "--method newton", "--method"),
        (RUN + "--method l-bfgs:memory=5", "memory"),
        (RUN + "--content-weight nan", "--content-weight"),
        (RUN + "--recipe picasso", "gatys2016"),
        (RUN + "--style-layers conv1_1:2,conv2_1", "--style-layers"),
        (RUN + "--style-layers conv1_1:1,conv1_1:2", "different"),
        (RUN + "--siz 64", "--siz 64; did you mean --size?"),
        (RUN + "--contentweight 2", "did you mean --content-weight?"),
        (RUN + "--content_weight=2 --sise 3", "did you mean --content-weight?"),
        (RUN + "--fnord", "unrecognized arguments: --fnord; see"),
        ("my content.png --style style.png -o out", "'my': No such file or directory; a name with"),
        ("content.png my style.png -o out.png", "; a name with spaces goes in quotes"),
        (RUN + "--region m.png", "--region: expected MASK STYLE"),
        ("film content.png -o frames", "--style"),
        ("film content.png --style style.png -o -", "folder"),
        ("film content.png content.png --style style.png -o frames", "--flows: expected 1"),
        ("film content.png --style style.png -o frames --flows a.npy", "--flows: expected 0"),
        (FILM + "absent.npy", "cannot read the flow field 'absent.npy': No such file"),
        (FILM + "content.png", "'content.png': it is neither an .npy nor an .npz file"),
        (FILM + ".", "cannot read the flow field '.': Is a directory"),
        ("texture -o out.png", "expected STYLE"),
        ("texture style.png -o out.png --strength 1", "--strength"),
        ("texture absent.png -o out.png", "'absent.png'"),
    ],
)
def test_wrong_use_is_told_in_a_sentence(
    folder: Path, capfd: pytest.CaptureFixture[str], arguments: str, complaint: str
) -> None:
    Path("notes.txt").write_text("no picture")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert main(arguments.split()) == 2
    out, err = capfd.readouterr()
    assert not out
    (sentence,) = err.splitlines()
    assert sentence.startswith("neuralstyle: ")
    assert complaint in sentence
    assert not PYTHON.search(sentence), "the command line cannot take that"
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    ("arguments", "now"),
    [
        ("content.png --style style.png -o out --flows a.npy", "neuralstyle film FRAME"),
        ("content.png --style style.png -o out --temporal-weight 2", "--temporal-weight 2"),
        ("--style style.png -o out.png", "neuralstyle texture style.png -o out.png"),
        (RUN + "--weights vgg.h5", "--network vgg.h5"),
        (RUN + "--preset gatys2016", "--recipe gatys2016"),
        (RUN + "--shares content:1 style:2", "--balance content:1 style:2"),
        (RUN + "--maxcor 5", "--method l-bfgs:maxcor=5"),
        ("texture style.png -o out.png --weights random", "--network random"),
    ],
)
def test_forms_of_version_0_1_say_what_is_written_now(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: str, now: str
) -> None:
    assert main(arguments.split()) == 2
    (sentence,) = capsys.readouterr().err.splitlines()
    assert "since version 0.2" in sentence
    assert now in sentence


@pytest.mark.parametrize(
    "recipe",
    [
        name
        for name, make in RECIPES.items()
        if "color_weight" not in inspect.signature(make).parameters
    ],
)
def test_weight_that_a_recipe_does_not_take(
    folder: Path, capsys: pytest.CaptureFixture[str], recipe: str
) -> None:
    assert main([*RUN.split(), "--recipe", recipe, "--color-weight", "1"]) == 2
    (sentence,) = capsys.readouterr().err.splitlines()
    assert f"--color-weight does not go with the recipe {recipe}; it takes " in sentence
    for name in inspect.signature(RECIPES[recipe]).parameters:
        assert f"--{name.replace('_', '-')}" in sentence


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ("--network content.png", "content.png"),
        ("--content-layers conv1_7", "conv1_7"),
        ("--style-weights 1 2", "--style-weights: expected one for each of 1 styles"),
        ("--balance content:1", "--balance"),
    ],
)
def test_what_only_the_library_can_tell(
    run: Callable[..., int],
    made: Callable[[], list[str]],
    capsys: pytest.CaptureFixture[str],
    options: str,
    complaint: str,
) -> None:
    assert run(*options.split()) == 2
    (sentence,) = capsys.readouterr().err.splitlines()
    assert complaint in sentence
    assert made() == []


def test_a_picture_that_is_called_like_a_command_is_written_with_its_folder(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("film").write_bytes(Path("content.png").read_bytes())
    assert main(["./film", "absent.png", "-o", "out.png"]) == 2
    assert "'absent.png'" in capsys.readouterr().err
    assert main(["film", "style.png", "-o", "out.png"]) == 2
    assert "--style" in capsys.readouterr().err
