"""Configuration of the documentation: sphinx-build -W docs docs/_build.

The tests read its lists where Sphinx is not installed, so functions import it themselves.
The pages need nothing from outside when they are read. Furo is a theme without web fonts; search is
Sphinx's own, an index beside the pages; and formulas become MathML while the pages are built, by
docutils, which every browser draws by itself: no MathJax or KaTeX, whose fonts and programs weigh
more than all pages together.
"""

import html
import re
from xml.etree import ElementTree

import neuralstyle as ns

project = "neuralstyle"
author = copyright = "The neuralstyle authors"
version = release = ns.__version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "numpydoc",
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"neuralstyle {version}"
html_static_path = ["_static"]
html_css_files = ["narrow.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_domain_indices = False
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


def mathml(tex, displayed=False):
    r"""Return a formula as MathML; what docutils does not know of LaTeX is an error.

    A formula is one row, which browsers do not break, so it comes in pieces: a line may end before
    an operator that stands in no bracket or fraction.
    """
    from docutils.utils.math.latex2mathml import tex2mathml

    if r"\\" in tex:  # of several lines
        tex = rf"\begin{{aligned}}{tex}\end{{aligned}}"
    ElementTree.register_namespace("", "http://www.w3.org/1998/Math/MathML")
    named = re.sub(r"&(?!amp|lt|gt|quot)\w+;", lambda m: html.unescape(m[0]), tex2mathml(tex))
    formula = ElementTree.fromstring(named)
    pieces = [[]]
    for part in formula:
        if part.tag.endswith("mo") and part.text in tuple("=+−∑") and pieces[-1]:
            pieces.append([])
            part.set("form", "prefix" if part.text == "∑" else "infix")
        pieces[-1].append(part)
    row = ElementTree.Element(formula.tag, {"displaystyle": "true"} if displayed else {})
    found = []
    for row[:] in pieces:
        found.append(ElementTree.tostring(row, "unicode").replace("\n", ""))
    return "<wbr>".join(found)


def inline_math(translator, node):
    """Write a formula of a sentence."""
    from docutils.nodes import SkipNode

    translator.body.append(mathml(node.astext()))
    raise SkipNode


def displayed_math(translator, node):
    """Write a formula of its own."""
    from docutils.nodes import SkipNode

    translator.body.append(f'<div class="math">{mathml(node.astext(), displayed=True)}</div>')
    raise SkipNode


def mend_links_from_sources(app, pagename, templatename, context, doctree):
    """Have ``ns.color.match_color`` found from its source: viewcode looks for ns.match_color."""

    def mended(link):
        name = link[1]
        rooms = [r for r in ns.__all__ if r.islower() and hasattr(getattr(ns, r), name)]
        return link[0] if name in ns.__all__ or not rooms else f"#neuralstyle.{rooms[0]}.{name}"

    if pagename.startswith("_modules/"):
        context["body"] = re.sub(r"#neuralstyle\.(\w+)(?=\")", mended, context["body"])


def setup(app):
    """Add the formulas, and let ``.. every:: losses`` stand for the entries of all losses."""
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
    app.connect("html-page-context", mend_links_from_sources)
    app.add_html_math_renderer("mathml", (inline_math, None), (displayed_math, None))
