"""What is stored with a picture: numbers and settings, as text."""

from __future__ import annotations

import json
from typing import Any


def about_of(now: Any) -> dict[str, Any]:
    """Return what is stored with a picture: of a `Progress`, or of a `StyleResult` in the end."""
    from neuralstyle import __version__

    status = getattr(now, "status", None)
    ended = {} if status is None else {"status": status.name.lower(), "message": now.message}
    return {
        "neuralstyle": __version__,
        "iterations": now.nit,
        "evaluations": now.nfev,
        "seconds": now.seconds,
        "loss": now.fun,
        "losses": now.losses,
        **({"parts": now.parts} if now.parts else {}),
        "settings": now.settings,
        **ended,
    }


def in_json(content: Any, indent: int | None = None) -> str:
    """Write what is stored as text; what JSON has no form for is written as it prints."""
    return json.dumps(content, indent=indent, ensure_ascii=False, default=str)
