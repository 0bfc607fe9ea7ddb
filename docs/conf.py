"""Configuration of the documentation: sphinx-build -W docs docs/_build."""

import neuralstyle as ns

project = "neuralstyle"
author = "The neuralstyle authors"
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
]
exclude_patterns = ["_build"]
html_theme = "alabaster"
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
autodoc_typehints = "none"
numpydoc_show_class_members = False
autosummary_generate = False
default_role = "code"


def every(what):
    """Return the entries of all losses, methods or recipes, from the library's own lists."""
    from neuralstyle.transfer.recipes import RECIPES

    if what == "recipes":
        return [f".. autofunction:: neuralstyle.recipes.{name}" for name in RECIPES]
    base = {"losses": ns.Loss, "methods": ns.Method}[what]
    bases = (base, ns.LayerLoss)  # which have entries of their own
    public = [(name, getattr(ns, name)) for name in ns.__all__]
    kinds = [(name, kind) for name, kind in public if isinstance(kind, type) and kind not in bases]
    return [f".. autoclass:: neuralstyle.{name}" for name, kind in kinds if issubclass(kind, base)]


def setup(app):
    """Let ``.. every:: losses`` stand for the entries of all losses."""
    from docutils import nodes
    from docutils.parsers.rst import Directive
    from docutils.statemachine import StringList

    class Every(Directive):
        required_arguments = 1

        def run(self):
            found = nodes.container()
            self.state.nested_parse(StringList(every(self.arguments[0]), "every"), 0, found)
            return found.children

    app.add_directive("every", Every)
