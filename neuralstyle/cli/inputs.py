"""What a run reads, and where its results go: found out before any work."""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import math
import os
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from neuralstyle._archives import check_kind, load
from neuralstyle._checks import weight as checked_weight
from neuralstyle._files import reason
from neuralstyle.cli.arguments import DEFAULT_SIZE, explores
from neuralstyle.cli.messages import Failure, check_out, refusing
from neuralstyle.cli.outputs import Output
from neuralstyle.cli.paths import STANDARD, check_paths, make_folders
from neuralstyle.images.arrays import size_within
from neuralstyle.images.convert import BLACK, on_no_background
from neuralstyle.images.labels import label_masks
from neuralstyle.images.load import Wanted, covering, read_picture
from neuralstyle.images.mask_values import mask_values, of_picture
from neuralstyle.optimize.interruption import NOTHING_BEGUN, patience
from neuralstyle.transfer.scales import SHORTEST_SIDE

if TYPE_CHECKING:
    from neuralstyle._types import Floats

Job: TypeAlias = tuple[str | None, Path]
"""A content and the place of its result; a texture has no content."""

Picture: TypeAlias = "tuple[Floats | None, Floats | None]"
"""A content and its opacity."""


@dataclasses.dataclass(frozen=True)
class Inputs:
    """What was read: a content alone or a film's first, styles for the whole picture, regions."""

    jobs: Sequence[Job]
    first: Picture
    styles: Sequence[Floats]
    regions: Sequence[tuple[Any, ...]]


def places(contents: Sequence[str], output: str, folder: bool = False) -> list[Job]:
    """Return every content with the place of its result, in a folder where there are several."""
    if output == str(STANDARD):
        return [(content, STANDARD) for content in contents]
    if not (folder or len(contents) > 1 or output.endswith(("/", os.sep)) or os.path.isdir(output)):
        return [(content, Path(output)) for content in contents]
    taken: set[str] = set()
    jobs: list[Job] = []
    for content in contents:
        stem = Path(content).stem
        numbered = (f"{stem}_{number}" for number in itertools.count(2))
        # Some file systems know neither capitals nor how an accent is written.
        name = next(n for n in itertools.chain([stem], numbered) if _alike(n) not in taken)
        taken.add(_alike(name))
        jobs.append((content, Path(output, f"{name}.png")))
    return jobs


def _alike(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def read_inputs(args: argparse.Namespace, jobs: Sequence[Job], styles: Sequence[str]) -> Inputs:
    """Check all files, and read the styles, and the content if it is the only one.

    Parameters
    ----------
    args : Namespace
    jobs : sequence of (str or None, Path)
    styles : sequence of str
        Files of the styles for the whole picture, or of the one that label images are of.

    Returns
    -------
    Inputs

    Raises
    ------
    Failure
        If something cannot be read, or a result not be written without harm to what is read.
    """
    with refusing():
        _check(args, jobs, styles)
        # Of several photographs one that cannot be read is left out, whichever it is: in its turn.
        waits = len(jobs) > 1 and not hasattr(args, "frames")
        first = _load(args, None if waits else jobs[0][0])
        loaded = [_seen(args, style, covering(_style_side(args)))[0] for style in styles]
        regions = [_region(args, *of) for of in _region_files(args)]
        if args.labels:
            # Whole: made smaller, they have colours in between.
            labels = [read(args, name, lambda shape: shape)[0] for name in args.labels]
            regions += _labelled(labels, loaded)
            loaded = []
        if isinstance(args.options.get("init"), os.PathLike):
            start = os.fspath(args.options["init"])
            args.options["init"] = read(args, start, covering(_side(args)))[0]
        return Inputs(jobs, first, loaded, regions)


def photographs(
    args: argparse.Namespace, inputs: Inputs, output: Output, skip: bool = True
) -> Iterator[Floats | None]:
    """Read the contents one after another; what cannot be read is told and left out, or raised."""
    for number, (name, path) in enumerate(inputs.jobs):
        try:
            with patience(NOTHING_BEGUN):
                known = number == 0 and inputs.first[0] is not None
                content, alpha = inputs.first if known else _load(args, name)
        except (OSError, ValueError) as error:
            if not skip:
                raise
            output.fail(error)
            continue
        output.begin(path, alpha)
        yield content


def check_flow(name: str) -> None:
    """Check, before any work, that a file is of a kind that a flow field may be read from."""
    try:
        check_kind(name)
    except (ValueError, OSError) as error:
        raise Failure(f"cannot read the flow field {name!r}: {reason(error)}") from error


def load_flow(name: str) -> Any:
    """Read a flow field, or a field ``flow`` and a ``mask``."""
    try:
        read = load(name)
        if not isinstance(read, dict):
            return read
        if "flow" not in read:
            raise ValueError(f"it holds no array 'flow', but {', '.join(read) or 'nothing'}")
        return (read["flow"], read["mask"]) if "mask" in read else read["flow"]
    except (ValueError, OSError) as error:
        raise ValueError(f"cannot read the flow field {name!r}: {reason(error)}") from error


def _check(args: argparse.Namespace, jobs: Sequence[Job], styles: Sequence[str]) -> None:
    """Make sure that inputs are there, and that results can be written without harm to them."""
    contents = [content for content, _ in jobs if content is not None]
    if [*contents, *styles].count(str(STANDARD)) > 1:
        raise Failure("expected - for one picture at the most, there is one standard input")
    if args.output == str(STANDARD) and (len(jobs) > 1 or args.save_every or args.json):
        raise Failure("-o -: expected one picture, and neither --save-every nor --json")
    if args.output == str(STANDARD) and explores(args):
        raise Failure("-o -: expected a file, beside which the sheet of --auto is saved")
    if args.output == str(STANDARD) or args.json:
        check_out()
    if str(STANDARD) in [*contents, *styles] and (sys.stdin is None or sys.stdin.closed):
        raise Failure("cannot read standard input: it is closed")
    for content in contents if len(contents) > 1 else ():
        if content != str(STANDARD) and not os.path.isfile(content):
            why = "Is a directory" if os.path.isdir(content) else "No such file or directory"
            raise FileNotFoundError(f"cannot read {content!r}: {why}{_in_quotes(content)}")
    _region_files(args)
    results = [path for _, path in jobs]
    check_paths(args, results)
    for flow in getattr(args, "flows", None) or ():
        check_flow(flow)
    if not getattr(args, "dry_run", False):
        make_folders(args, results)


def _source(name: str) -> Any:
    """Return what to read a picture from."""
    return sys.stdin.buffer if name == str(STANDARD) else name


def _load(args: argparse.Namespace, name: str | None) -> Picture:
    """Read a content and its opacity, no larger than is needed."""
    if name is None:
        return None, None
    most = _side(args)
    return _seen(args, name, lambda shape: size_within(shape, most))


def _seen(args: argparse.Namespace, name: str, wanted: Wanted) -> tuple[Floats, Floats | None]:
    """Read a picture, of four channels if it is transparent anywhere, and its opacity."""
    image, alpha = read(args, name, wanted, background=BLACK)
    if alpha is None:
        return image, None
    return on_no_background(image, alpha), alpha


def read(
    args: argparse.Namespace,
    name: str,
    wanted: Wanted,
    background: Sequence[float] = (1.0, 1.0, 1.0),
) -> tuple[Floats, Floats | None]:
    """Read a picture and its opacity, of at most ``--max-pixels``, and shrink it."""
    most = args.max_pixels
    try:
        return read_picture(_source(name), wanted, background=background, max_pixels=most)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{error}{_in_quotes(name)}") from error


def _in_quotes(name: str) -> str:
    """Return what may be wrong with a name that is no file's, and has no ending as files have."""
    there = Path(name).suffix or os.path.exists(name)
    return "" if there else "; a name with spaces goes in quotes"


def largest(args: argparse.Namespace, name: str, usual: float) -> float:
    """Return the largest number that an option, or a sheet over it, asks for.

    Examples
    --------
    >>> args = argparse.Namespace(options={"size": 64}, sheet=["style-scale=0.5,2", "style"])
    >>> largest(args, "size", 512), largest(args, "style_scale", 1)
    (64.0, 2.0)
    """
    given = [float(value) for value in np.ravel(args.options.get(name, usual))]
    for text in getattr(args, "sheet", None) or ():
        setting, _, values = text.partition("=")
        if setting.replace("-", "_") == name:
            # What is no number is refused when the sheet is made.
            numbers = [_number(value) for value in values.split(",")]
            given += [n for n in numbers if n is not None and math.isfinite(n)]
    return max(given)


def _number(text: str) -> float | None:
    """Read a number, if it is one: NaN and the infinite are."""
    try:
        return float(text)
    except ValueError:
        return None


def _side(args: argparse.Namespace) -> int:
    """Return the longer side of a result at the most."""
    return int(largest(args, "size", DEFAULT_SIZE))


def _style_side(args: argparse.Namespace) -> int:
    """Return how large a style is looked at, whatever its proportions."""
    # Larger strokes than the usual ones are tried by --auto: 1.5 times is the most.
    scale = max(1.0, largest(args, "style_scale", 1.5 if explores(args) else 1.0))
    return max(SHORTEST_SIDE, math.ceil(_side(args) * scale))


def _region_files(args: argparse.Namespace) -> list[tuple[str, str, str | None, float]]:
    """Return the files of every region's mask, style and style's mask, and its weight."""
    regions = []
    for mask, *given in args.region:
        weight = 1.0
        # The last may be a number; a file that is called like one has a folder: ./2
        number = _number(given[-1]) if len(given) > 1 else None
        if number is not None:
            weight = checked_weight("--region: WEIGHT", number, 0)
            given.pop()
        elif len(given) == 2 and not os.path.exists(given[1]):
            raise Failure(
                "--region: expected in the third place STYLE_MASK, a picture that is there, or "
                f"WEIGHT, a number of at least 0, received {given[1]!r}"
            )
        elif len(given) == 3:
            raise Failure(f"--region: WEIGHT: expected a number, received {given[2]!r}")
        if not 1 <= len(given) <= 2:
            raise Failure("--region: expected MASK STYLE [STYLE_MASK] [WEIGHT]")
        regions.append((mask, given[0], given[1] if len(given) > 1 else None, weight))
    return regions


def _region(
    args: argparse.Namespace, mask: str, style: str, style_mask: str | None, weight: float
) -> tuple[Any, ...]:
    """Read a region."""
    picture, _ = _seen(args, style, covering(_style_side(args)))
    of_style = style_mask and _mask(args, style_mask, _style_side(args))
    return _mask(args, mask, _side(args)), picture, of_style, weight


def _mask(args: argparse.Namespace, name: str, side: int) -> Any:
    """Read a mask; where it is transparent, there is no region."""
    image, _ = read(args, name, covering(side), background=BLACK)
    return mask_values(of_picture(image, f"--region {name}"), "--region")


def _labelled(labels: Sequence[Floats], styles: Sequence[Floats]) -> list[tuple[Any, ...]]:
    """Read the regions of label images, which have the style for themselves."""
    if len(styles) != 1:
        raise Failure(f"--labels: expected one STYLE, received {len(styles)}")
    try:
        pairs = label_masks(*labels)
    except ValueError as error:
        text = str(error).replace("content_labels", "OF_CONTENT")
        raise Failure(f"--labels {text.replace('style_labels', 'OF_STYLE')}") from error
    return [(mask, styles[0], style_mask, 1.0) for mask, style_mask in pairs]
