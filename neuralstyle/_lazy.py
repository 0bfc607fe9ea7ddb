"""Names that are imported when first used: one list for Python, type checkers and editors.

A package's ``__init__.pyi`` lists its public names as imports, which type checkers read; `attach`
reads the same list at run time, when a name is first asked for. Until then nothing is imported, not
even of Python's own: a command line that is ended while it starts has hardly begun.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # typing takes longer to import than all of this
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


def attach(
    package: str, gone: Mapping[str, str] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` of a package with an ``__init__.pyi``.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    gone : mapping from str to str, optional
        Names of earlier versions, and what to use now.

    Returns
    -------
    callable, callable
        The first knows ``__all__``, too.
    """
    found: dict[str, str] = {}

    def homes() -> dict[str, str]:
        """Return where every public name comes from."""
        if not found:
            import ast
            import pkgutil

            stub = pkgutil.get_data(package, "__init__.pyi") or b""
            listed = {
                alias.name: node.module
                for node in ast.parse(stub).body
                if isinstance(node, ast.ImportFrom) and node.module
                for alias in node.names
                if alias.asname == alias.name  # the mark of what is public
            }
            found.update(listed)  # whole: other threads may look meanwhile
        return found

    def __getattr__(name: str) -> Any:  # noqa: N807
        from importlib import import_module

        if name in (gone or {}):
            raise AttributeError(
                f"{package}.{name} is gone since version 0.2: {(gone or {})[name]}"
            )
        if name == "__all__":
            return sorted(homes())
        if name not in homes():
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home = import_module(homes()[name])
        value = getattr(home, name, None)
        if value is None:
            value = import_module(f"{homes()[name]}.{name}")
        setattr(sys.modules[package], name, value)
        return value

    return __getattr__, lambda: sorted(homes())
