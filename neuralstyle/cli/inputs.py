"""What a run reads, and where its results go: found out before any work."""

from __future__ import annotations

import argparse
import dataclasses
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from neuralstyle._files import check_place, reason
from neuralstyle.cli.arguments import DEFAULT_SIZE, explores
from neuralstyle.cli.messages import Failure, refusing
from neuralstyle.cli.outputs import STANDARD, Output, sheet_beside
from neuralstyle.images.labels import label_masks
from neuralstyle.images.load import load_image
from neuralstyle.images.mask_values import mask_values
from neuralstyle.images.save import check_target

if TYPE_CHECKING:
    from neuralstyle._types import Floats

Job: TypeAlias = tuple[str | None, Path]
"""A content and the place of its result; a texture has no content."""

Picture: TypeAlias = "tuple[Floats | None, Floats | None]"
"""A content and its opacity."""


@dataclasses.dataclass(frozen=True)
class Inputs:
    """What was read: the first content, the styles for the whole picture, the regions."""

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
    stems: Counter[str] = Counter()
    jobs: list[Job] = []
    for content in contents:
        stem = Path(content).stem
        stems[stem] += 1
        name = stem if stems[stem] == 1 else f"{stem}_{stems[stem]}"
        jobs.append((content, Path(output, f"{name}.png")))
    return jobs


def read_inputs(
    args: argparse.Namespace, jobs: Sequence[Job], styles: Sequence[str], folder: bool = False
) -> Inputs:
    """Check all files, and read the first content and the styles.

    Parameters
    ----------
    args : Namespace
    jobs : sequence of (str or None, Path)
    styles : sequence of str
        Files of the styles for the whole picture, or of the one that label images are of.
    folder : bool
        Whether the output is a folder whatever it is called.

    Returns
    -------
    Inputs

    Raises
    ------
    Failure
        If something cannot be read, or a result not be written without harm to what is read.
    """
    with refusing():
        _check(args, jobs, styles, folder)
        first = _load(args, jobs[0][0])
        loaded = [_picture(_source(style))[0] for style in styles]
        regions = [_region(*of) for of in _region_files(args)]
        if args.labels:
            regions += _labelled(args.labels, loaded)
            loaded = []
        return Inputs(jobs, first, loaded, regions)


def photographs(
    args: argparse.Namespace, inputs: Inputs, output: Output, skip: bool = True
) -> Iterator[Floats | None]:
    """Read the contents one after another; what cannot be read is told and left out, or raised."""
    for number, (name, path) in enumerate(inputs.jobs):
        try:
            content, alpha = inputs.first if number == 0 else _load(args, name)
        except (OSError, ValueError) as error:
            if not skip:
                raise
            output.fail(error)
            continue
        output.begin(path, alpha)
        yield content


def load_flow(name: str) -> Any:
    """Read a flow field, or a field ``flow`` and a ``mask``."""
    try:
        file = np.load(name, allow_pickle=False)
        if not isinstance(file, np.lib.npyio.NpzFile):
            return file
        with file:
            return (file["flow"], file["mask"]) if "mask" in file else file["flow"]
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"cannot read the flow field {name!r}: {reason(error)}") from error


def _check(
    args: argparse.Namespace, jobs: Sequence[Job], styles: Sequence[str], folder: bool
) -> None:
    """Make sure that inputs are there, and that results can be written without harm to them."""
    contents = [content for content, _ in jobs if content is not None]
    if [*contents, *styles].count(str(STANDARD)) > 1:
        raise Failure("expected - for one picture at the most, there is one standard input")
    if args.output == str(STANDARD) and (len(jobs) > 1 or args.save_every or args.json):
        raise Failure("-o -: expected one picture, and neither --save-every nor --json")
    if args.output == str(STANDARD) and explores(args):
        raise Failure("-o -: expected a file, beside which the sheet of --auto is saved")
    for content in contents[1:]:
        if not os.path.isfile(content):
            raise FileNotFoundError(f"cannot read {content!r}: No such file or directory")
    # A start may be overwritten: a run can go on from its own result.
    of_regions = (file for *files, _ in _region_files(args) for file in files if file)
    read = (*contents, *styles, *of_regions, *(args.labels or ()))
    taken = {os.path.realpath(path) for path in read}
    if folder or len(jobs) > 1 or args.output.endswith(("/", os.sep)):
        os.makedirs(args.output, exist_ok=True)
    results = [path for _, path in jobs if path != STANDARD]
    for path in results:
        check_target(path)
    if explores(args):
        results += [sheet_beside(path) for path in results]
    if args.log is not None:
        check_place(args.log)
        results.append(Path(args.log))
    for written in results:
        if os.path.realpath(written) in taken:
            raise Failure(f"{str(written)!r} would be overwritten")
        taken.add(os.path.realpath(written))


def _source(name: str) -> Any:
    """Return what to read a picture from."""
    return sys.stdin.buffer if name == str(STANDARD) else name


def _load(args: argparse.Namespace, name: str | None) -> Picture:
    """Read a content and its opacity, no larger than is needed."""
    if name is None:
        return None, None
    most = None if "size" in args.options else DEFAULT_SIZE
    return _picture(_source(name), max_size=most)


def _picture(source: Any, **size: Any) -> tuple[Floats, Floats | None]:
    """Read a picture, of four channels if it is transparent anywhere, and its opacity."""
    image, alpha = load_image(source, return_alpha=True, background=(0.0, 0.0, 0.0), **size)
    if alpha is None:
        return image, None
    # On black, colours are times the opacity; what is not seen is white, as paper is.
    share = alpha[..., None]
    image = np.where(share > 0, image / np.maximum(share, 1e-6), 1).clip(0, 1)
    return np.dstack([image, alpha]).astype(np.float32), alpha


def _region_files(args: argparse.Namespace) -> list[tuple[str, str, str | None, float]]:
    """Return the files of every region's mask, style and style's mask, and its weight."""
    regions = []
    for mask, *given in args.region:
        weight = 1.0
        # The last may be a number; a file that is called like one has a folder: ./2
        if len(given) > 1 and re.fullmatch(r"[0-9]+(\.[0-9]*)?|\.[0-9]+", given[-1]):
            weight = float(given.pop())
        if not 1 <= len(given) <= 2:
            raise Failure("--region: expected MASK STYLE [STYLE_MASK] [WEIGHT]")
        regions.append((mask, given[0], given[1] if len(given) > 1 else None, weight))
    return regions


def _region(mask: str, style: str, style_mask: str | None, weight: float) -> tuple[Any, ...]:
    """Read a region."""
    of_style = style_mask and mask_values(style_mask, "--region")
    return mask_values(mask, "--region"), _picture(style)[0], of_style, weight


def _labelled(labels: Sequence[str], styles: Sequence[Floats]) -> list[tuple[Any, ...]]:
    """Read the regions of label images, which have the style for themselves."""
    if len(styles) != 1:
        raise Failure(f"--labels: expected one STYLE, received {len(styles)}")
    try:
        pairs = label_masks(*map(load_image, labels))
    except ValueError as error:
        raise Failure(f"--labels: {error}") from error
    return [(mask, styles[0], style_mask, 1.0) for mask, style_mask in pairs]
