"""A page about a run: pictures, curves, score, settings, and how to paint the picture again."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

import numpy as np

from neuralstyle._checks import describe, shown
from neuralstyle._files import check_place, check_target_kind, write_to
from neuralstyle._types import Image
from neuralstyle.images.arrays import check_image, size_within
from neuralstyle.images.opacity import opaque
from neuralstyle.images.show import jpeg, uri
from neuralstyle.images.sources import PathOrFile
from neuralstyle.optimize.origin import Origin, Rows, kept
from neuralstyle.optimize.showing.page.curves import chart, lines, swatch
from neuralstyle.optimize.status import Status

MOST = 5_000_000
"""Bytes of a page at the most."""

SIDES = (1280, 1024, 768, 512, 256, 128, 64)
"""Longer sides of the large pictures, tried in turn until the page is small enough."""

SMALL = 640
"""Longer side of the small pictures at the most."""

_LONG = 20_000
"""Characters of a setting at the most: what is longer is a list that nobody reads."""

_APART = ("versions", "options", "not_stored", "weights", "shapes")
"""Settings that have places of their own, or say again what others say."""


def write_page(
    target: PathOrFile,
    result: Any,
    content: Any = None,
    style: Any = None,
    command: str | None = None,
    title: str | None = None,
) -> None:
    """Write the page about a result; see `StyleResult.save_report`."""
    for name, text in (("command", command), ("title", title)):
        if text is not None and not isinstance(text, str):
            raise TypeError(f"{name}: expected a string, received {shown(text)}")
    check_target_kind(target)
    if isinstance(target, str | os.PathLike):
        check_place(target)
    data = page(result, _origin(result, content, style), command, title)
    write_to(target, data)


def _origin(result: Any, content: Any, style: Any) -> Origin:
    """Return what a result was made of: what is given, or else what it knows."""
    known = result.origin or Origin(None)
    if content is None and style is None:
        return known
    if content is None:
        photograph = known.content
    else:
        photograph = kept(_picture(content, "content"), result.image.shape)
    if style is None:
        return Origin(photograph, known.styles, known.regions, known.command)
    several = isinstance(style, list | tuple)
    names = [f"style[{k}]" if several else "style" for k in range(len(style) if several else 1)]
    pictures = [
        _picture(one, name) for one, name in zip(style if several else [style], names, strict=True)
    ]
    styles = tuple(kept(one, one.shape) for one in pictures)
    return Origin(photograph, styles, (), known.command)


def _picture(given: Any, name: str) -> Image:
    """Return a picture as it is to be shown."""
    return check_image(opaque(given, name), name)


def page(
    result: Any, origin: Origin, command: str | None = None, title: str | None = None
) -> bytes:
    """Return the page about a result.

    Parameters
    ----------
    result : StyleResult
        Which imports this, and is not imported here.
    origin : Origin
        What it was made of, as far as that is known.
    command, title : str, optional

    Returns
    -------
    bytes
        HTML in UTF-8, of at most `MOST` bytes.
    """
    texts = _texts(result, origin, command, title)
    data = b""
    for side in SIDES:
        pictures = {
            "compare": _compare(result, origin, side),
            "strip": _strip(result, origin, side),
        }
        text = Template(asset("page.html")).substitute(texts, **pictures)
        data = text.encode(errors="replace")  # a file's name may hold what is no text
        if len(data) <= MOST:
            return data
    raise ValueError(f"the page would have {len(data):,} bytes, more than {MOST:,}")


def _texts(result: Any, origin: Origin, command: str | None, title: str | None) -> dict[str, str]:
    """Return all of the page but its pictures."""
    size = describe(result.image.shape)
    facts = [
        f"{size} pixels",
        _count(result.nit, "iteration"),
        _count(result.nfev, "evaluation"),
        f"{result.seconds:.1f} seconds",
    ]
    return {
        "title": escape(title or "A picture, and how it was painted"),
        "facts": " · ".join(facts),
        "message": escape(result.message),
        "style": asset("page.css"),
        "script": asset("page.js"),
        "curves": _curves(result),
        "score": _score(result, origin),
        "again": _again(result, origin, command),
        "settings": _definitions(
            (name, value) for name, value in result.settings.items() if name not in _APART
        ),
        "versions": _definitions(dict(result.settings.get("versions", {})).items()),
    }


def asset(name: str) -> str:
    """Return the text of a file that comes with pages."""
    return files(__package__ or "").joinpath(name).read_text("utf-8")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


# Pictures


def _image(picture: Any, side: int, alt: str, quality: int = 88) -> str:
    """Return a picture, no longer than a side."""
    picture = np.asarray(picture)
    if picture.dtype == np.uint8:
        picture = picture.astype(np.float32) / 255
    height, width = size_within(picture.shape, side)
    source = uri(jpeg(picture, side, quality), "jpeg")
    return f'<img src="{source}" width="{width}" height="{height}" alt="{escape(alt)}">'


def _compare(result: Any, origin: Origin, side: int) -> str:
    """Return the slider between photograph and result; without a photograph, the result alone."""
    height, width = result.image.shape[:2]
    painted = _image(result.image, side, "The result")
    shape = f"--aspect:{width / height:.5f};--width:{width}px"
    if origin.content is None:
        return f'<figure class="compare" style="{shape}">{painted}</figure>'
    before = _image(origin.content, side, "The photograph")
    return (
        f'<figure class="compare" style="{shape}">{painted}<div class="before">{before}</div>'
        '<span class="tag left">photograph</span><span class="tag right">result</span>'
        '<div class="handle"></div><input type="range" min="0" max="100" step="0.5" value="50" '
        'aria-label="How much of the photograph is shown, from the left"></figure>'
    )


def _strip(result: Any, origin: Origin, side: int) -> str:
    """Return all pictures beside each other, small."""
    pictures: list[tuple[str, Any]] = []
    if origin.content is not None:
        pictures.append(("Content", origin.content))
    several = len(origin.styles) > 1
    for number, style in enumerate(origin.styles, start=1):
        pictures.append((f"Style {number}" if several else "Style", style))
    for number, style in enumerate(origin.regions, start=1):
        pictures.append((f"Style of region {number}", style))
    if not pictures:
        return ""
    pictures.append(("Result", result.image))
    figures = "".join(
        f"<figure>{_image(picture, min(SMALL, side), name, 80)}<figcaption>{name}</figcaption>"
        "</figure>"
        for name, picture in pictures
    )
    return f'<div class="strip">{figures}</div>'


# Numbers


def _curves(result: Any) -> str:
    """Return the curves, with a table of the losses that is their legend."""
    if not result.history:
        return '<p class="quiet">The run made no iteration.</p>'
    shapes = result.settings.get("shapes") or ()
    sizes = [describe(shape) for shape in shapes]
    weights = result.settings.get("weights") or {}
    ends = {"objective": result.fun, **result.losses}
    rows = []
    for number, line in enumerate(lines(result.history)):
        weight = weights.get(line.name)
        cells = ["" if weight is None else f"{weight:.3g}"]
        last = ends.get(line.name, line.points[-1][2])
        cells += [f"{line.points[0][2]:.3g}", f"{last:.3g}"]
        rows.append(
            f'<tr><th scope="row">{swatch(number)}{_breakable(line.name)}</th>'
            + "".join(f"<td>{cell}</td>" for cell in cells)
            + "</tr>"
        )
    head = "".join(f'<th scope="col">{text}</th>' for text in ("loss", "weight", "first", "result"))
    table = f'<table class="numbers"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody>'
    return f"{chart(result.history, sizes)}{table}</table>"


def _breakable(name: str) -> str:
    """Return the name of a loss, in which a line may end after ``_`` and ``/``."""
    return re.sub("[_/]", r"\g<0><wbr>", escape(name))


def _score(result: Any, origin: Origin) -> str:
    """Return the score by every style, as bars; or a sentence, where there is none."""
    found: Sequence[Rows] = ()
    if origin.score is not None:
        found = origin.score(result.image)
    if not found:
        return (
            '<p class="quiet">There is none: it compares a result of stylize with a photograph '
            "and a painting.</p>"
        )
    parts = []
    for number, rows in enumerate(found, start=1):
        if len(found) > 1:
            parts.append(f"<h3>By style {number}</h3>")
        parts.append('<dl class="score">')
        for name, value, meaning in rows:
            known = math.isfinite(value)
            share = min(max(value, 0.0), 1.0) if known else 0.0
            number_text = f"{value:.2f}" if known else "not known"
            parts.append(
                f'<dt>{escape(name)}<span>{number_text}</span></dt><dd><div class="bar">'
                f'<div style="width:{share * 100:.1f}%"></div></div>{escape(meaning)}</dd>'
            )
        parts.append("</dl>")
    parts.append('<p class="quiet">The untouched photograph has 1 in every number.</p>')
    return "".join(parts)


# Words


def _again(result: Any, origin: Origin, command: str | None) -> str:
    """Return how to paint the picture again."""
    given = result.settings.get("options")
    parts = []
    if line := command or origin.command:
        parts.append(f"<h3>On the command line</h3><pre>{escape(line)}</pre>")
    if isinstance(given, Mapping):
        parts.append(f"<h3>In Python</h3><pre>{escape(_call(given, result, origin))}</pre>")
        if command:
            parts.append(
                '<p class="quiet">This picture may differ from it a little: the command line makes '
                "pictures smaller while it reads them.</p>"
            )
    # A callback has no part in the picture, unless it has ended the run or changed its weights.
    missing = dict(result.settings.get("not_stored") or {})
    if result.status is not Status.CALLBACK and "reweighed" not in result.settings:
        missing.pop("callback", None)
    if missing:
        named = "; ".join(f"{name} ({what})" for name, what in missing.items())
        parts.append(f"<p>What no text can hold is to be given again: {escape(named)}.</p>")
    if not parts:
        parts.append("<p>A result of minimize is made again by the program that made it.</p>")
    return "".join(parts)


def _call(given: Mapping[str, Any], result: Any, origin: Origin) -> str:
    """Return the call of `stylize` with these options, and words for the names of pictures."""
    count = len(origin.styles)
    style = "STYLE" if count == 1 else [f"STYLE_{k}" for k in range(1, count + 1)]
    content = None if origin.content is None else "CONTENT"
    # What it was painted of may have been made smaller before.
    shape = (result.settings.get("shapes") or [result.image.shape[:2]])[-1]
    options = {"size": max(shape), **given}
    return "\n".join(
        [
            "import neuralstyle as ns\n",
            f"content, style = {content!r}, {style!r}  # the files",
            "result = ns.stylize(\n    content,\n    style,",
            *(f"    {name}={value!r}," for name, value in options.items()),
            ")",
        ]
    )


def _definitions(items: Iterable[tuple[str, Any]]) -> str:
    """Return names and values, below each other."""
    rows = []
    for name, value in items:
        if value is None or value in ([], {}, ()):
            continue
        text = (
            value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        )
        if len(text) > _LONG:
            text = f"{text[:_LONG]} … ({len(text)} characters)"
        block = "\n" in text
        shown = f"<pre>{escape(text)}</pre>" if block else escape(text)
        wide = ' class="wide"' if block else ""
        rows.append(f"<dt{wide}>{escape(str(name))}</dt><dd{wide}>{shown}</dd>")
    return f'<dl class="settings">{"".join(rows)}</dl>' if rows else ""
