"""Make the gallery: its pictures, ``docs/gallery/``, and its page, ``docs/gallery.md``.

``--free`` names the folder of photographs and paintings, those of `CREDITS`. Run without names it
makes all results of `RESULTS` and writes the page; with names, such as ``auvers woodcut``, it makes
those and writes the page anew. A result without a picture is left out of the page.
"""

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import neuralstyle as ns

HERE = Path(__file__).parent
GALLERY = HERE.parent / "gallery"
PAGE = HERE.parent / "gallery.md"


@dataclass(frozen=True)
class Result:
    """One picture of the gallery: what it is made of, and what is said of it."""

    title: str
    photograph: str | None
    painting: str
    options: dict[str, Any] = field(default_factory=dict)
    says: str = ""

    def code(self) -> str:
        """Return the call that makes it, an argument a line."""
        content = f'"{self.photograph}.jpg"' if self.photograph else "None"
        options = [f"{name}={value!r}".replace("'", '"') for name, value in self.options.items()]
        lines = [content, f'"{self.painting}.jpg"', *options]
        return "ns.stylize(\n" + "".join(f"    {line},\n" for line in lines) + ")"


RESULTS = {
    "oil": Result(
        "Oil", "photo-neuschwanstein", "painting-van-gogh-auvers", says="The default recipe."
    ),
    "woodcut": Result(
        "Woodcut",
        "photo-mont-st-michel",
        "painting-hokusai-great-wave",
        {"style_scale": 1.3},
        "Larger strokes than the print's own.",
    ),
    "abstract": Result(
        "Abstract",
        "photo-brandenburg-gate",
        "painting-kandinsky-composition-viii",
        {"recipe": "default(content_weight=2)"},
        "More of the photograph, since the painting has hardly any strokes.",
    ),
    "animal": Result(
        "A portrait",
        "photo-moose",
        "painting-renoir-moulin-de-la-galette",
        {"color": "oklab-content"},
        "Each thing keeps one colour, from the painting's palette.",
    ),
}

CREDITS = {
    "photo-neuschwanstein": "cameralends, CC0",
    "photo-mont-st-michel": "Ali Sabbagh, CC0",
    "photo-brandenburg-gate": "Evans1551, public domain",
    "photo-moose": "Ryan Hagerty (US Fish and Wildlife Service), public domain",
    "painting-van-gogh-auvers": "Vincent van Gogh, Village Street in Auvers, 1890",
    "painting-hokusai-great-wave": "Katsushika Hokusai, The Great Wave off Kanagawa, about 1830",
    "painting-kandinsky-composition-viii": "Wassily Kandinsky, Composition VIII, 1923",
    "painting-renoir-moulin-de-la-galette": (
        "Pierre-Auguste Renoir, Bal du moulin de la Galette, 1876"
    ),
}

HEAD = """# Gallery

Every result by the call that makes it; `docs/examples/make_gallery.py` makes them all. What one
choice changes, everything else the same, is shown in [Choosing](choosing.md).
"""


def page() -> str:
    """Return the page, of the results that have a picture."""
    parts = [HEAD]
    made = {name: one for name, one in RESULTS.items() if (GALLERY / f"{name}.jpg").exists()}
    for name, one in made.items():
        parts.append(
            f"## {one.title}\n\n![{one.title}](gallery/{name}.jpg)\n\n"
            f"{one.says}\n\n```py\n{one.code()}\n```\n"
        )
    sources = {s for one in made.values() for s in (one.photograph, one.painting) if s}
    rows = [f"| `{name}.jpg` | {CREDITS[name]} |" for name in CREDITS if name in sources]
    parts.append(
        "## Sources\n\n"
        "From the data of GCompris, as are [those of the other pages](credits.md).\n\n"
        "| picture | by, licence |\n|---|---|\n" + "\n".join(rows) + "\n"
    )
    return "\n".join(parts)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(RESULTS))
    parser.add_argument("--free", type=Path, required=True, help="folder of the pictures")
    parser.add_argument("--size", type=int, default=512, help="longer side of a result")
    args = parser.parse_args()
    GALLERY.mkdir(exist_ok=True)
    for name in args.names or RESULTS:
        one = RESULTS[name]
        content = args.free / f"{one.photograph}.jpg" if one.photograph else None
        painting = args.free / f"{one.painting}.jpg"
        result = ns.stylize(content, painting, **{"size": args.size, **one.options})
        ns.save_image(GALLERY / f"{name}.jpg", result.image, quality=88)
    PAGE.write_text(page())
