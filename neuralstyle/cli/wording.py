"""The library's messages in the command line's words: flags, and nothing that only Python takes."""

from __future__ import annotations

import inspect
import re

from neuralstyle.transfer.options.options import options
from neuralstyle.transfer.recipes import RECIPES

OTHERS = {
    "content": "CONTENT",
    "style": "STYLE",
    "picture": "PICTURE",
    "recipe": "--recipe",
    "flows": "--flows",
    "max_pixels": "--max-pixels",
    "temporal_weight": "--temporal-weight",
    "port": "--web",
}
"""Arguments that are neither options nor keywords of recipes, and what is given for them."""

_PLACES = (
    (re.compile(r"style\[(\d+)\]"), "STYLE"),
    (re.compile(r"frames\[(\d+)\]"), "FRAME"),
    (re.compile(r"regions\[(\d+)\][.,]?"), "region"),
)
"""One of several: people count from 1."""

_KEYWORD = re.compile(r"""'[^']*'|"[^"]*"|\b(?P<name>[a-z]\w*)=(?P<value>[\w"]?)""")
"""A keyword with its equals sign, but not within quotes, where names of files are."""

_PYTHON = re.compile(
    r", which the extractor's `layers` names"
    r"|; KerasFeatures\(\.\.\., aliases=\) of the network can name others"
)
"""What to do about it in Python."""

_COMPACT = 'VGG16Features(weights="compact")'
"""The network that needs no download."""


def flag(name: str) -> str:
    """Return a name as a flag.

    Examples
    --------
    >>> flag("tv_weight")
    '--tv-weight'
    """
    return f"--{name.replace('_', '-')}"


def written(name: str) -> str:
    """Return what the command line calls an argument of the library; else the name itself.

    Examples
    --------
    >>> written("maxiter"), written("style_layers"), written("style[1]"), written("cannot read")
    ('--iterations', '--style-layers', 'STYLE 2', 'cannot read')
    """
    option = options().get(name)
    if option and option.flag:
        return option.flag
    if any(name in inspect.signature(recipe).parameters for recipe in RECIPES.values()):
        return flag(name)
    for place, called in _PLACES:
        found = place.match(name)
        if found:
            return f"{called} {int(found[1]) + 1} {name[found.end() :].strip()}".strip()
    return OTHERS.get(name, name)


def reworded(text: str) -> str:
    """Return a message of the library as the command line says it.

    Examples
    --------
    >>> reworded("color: expected None without a content, received 'match'")
    "--color: expected none without a content, received 'match'"
    >>> reworded("content: expected an image; without its loss (content_weight=0) it is not needed")
    'CONTENT: expected an image; without its loss (--content-weight 0) it is not needed'
    """
    name, colon, rest = text.partition(":")
    if not colon:
        return text
    rest = _PYTHON.sub("", rest).replace("expected None", "expected none")
    rest = rest.replace(_COMPACT, "--network compact, the default")
    called = " and ".join(written(one) for one in name.split(" and "))
    return f"{called}:{_KEYWORD.sub(_as_flag, rest)}"


def _as_flag(found: re.Match[str]) -> str:
    """Return a keyword as a flag, if there is one for it."""
    name = found["name"] and written(found["name"])
    if not name or not name.startswith("--"):
        return found[0]
    return f"{name} {found['value']}" if found["value"] else name
