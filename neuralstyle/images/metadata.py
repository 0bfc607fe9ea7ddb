"""The texts that a picture carries, and what this library writes among them."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

logger: logging.Logger = logging.getLogger(__name__)

KEY = "neuralstyle"
"""Under which the library keeps what it has to say of a picture, in JSON."""


class Metadata(dict[str, str]):
    """The texts of a picture by their keys: a dict, with what the library wrote taken apart.

    Parameters
    ----------
    texts : mapping from str to str, default none

    Examples
    --------
    >>> about = {"settings": {"options": {"size": 64}, "not_stored": {}}}
    >>> Metadata({"neuralstyle": json.dumps(about)}).options
    {'size': 64}
    """

    def __init__(self, texts: Mapping[str, str] = MappingProxyType({})) -> None:
        super().__init__(texts)

    @property
    def about(self) -> dict[str, Any]:
        """All that the library wrote: losses, settings, versions; empty if it wrote nothing."""
        try:
            content = json.loads(self.get(KEY, ""))
        except (ValueError, RecursionError):  # another program's
            return {}
        return content if isinstance(content, dict) else {}

    @property
    def options(self) -> dict[str, Any]:
        """The options of `stylize` that paint the picture again.

        Those that are no plain values, such as functions, masks and extractors, are missing, and a
        logged warning names them: they are to be given again.

        Raises
        ------
        ValueError
            If the picture tells of none.
        """
        settings: Any = self.about.get("settings")
        options: Any = settings.get("options") if isinstance(settings, dict) else None
        if not isinstance(options, dict):
            raise ValueError("the picture tells no options: expected one that stylize has painted")
        missing = dict(settings.get("not_stored") or {})
        if self.about.get("status") != "callback":
            missing.pop("callback", None)  # it has watched
        if missing:
            names = ", ".join(f"{name} ({what})" for name, what in missing.items())
            logger.warning("the picture was painted with more than its options tell: %s", names)
        return options
