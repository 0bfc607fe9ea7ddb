"""Make the gallery: its pictures, ``docs/gallery/``, and its page, ``docs/gallery.md``.

``--free`` names the folder of photographs and paintings, those of `CREDITS`. Run without names it
makes all results of `RESULTS` and writes the page; with names, such as ``auvers woodcut``, it makes
those and writes the page anew. A result without a picture is left out of the page.
"""

import argparse
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

import neuralstyle as ns

HERE = Path(__file__).parent
GALLERY = HERE.parent / "gallery"
PAGE = HERE.parent / "gallery.md"


@dataclass(frozen=True)
class Result:
    """One picture of the gallery: what it is made of, and what is said of it."""

    title: str
    photograph: str | None
    painting: str | tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)
    says: str = ""

    def sources(self) -> list[str]:
        """Return the names of its pictures."""
        paintings = [self.painting] if isinstance(self.painting, str) else self.painting
        return [*([self.photograph] if self.photograph else []), *paintings]

    def paint(self, free: Path, size: int) -> Any:
        """Make it."""
        content = free / f"{self.photograph}.jpg" if self.photograph else None
        names = [self.painting] if isinstance(self.painting, str) else self.painting
        paintings = [free / f"{name}.jpg" for name in names]
        return ns.stylize(content, paintings, **{"size": size, **self.options}).image

    def code(self) -> str:
        """Return the call that makes it, an argument a line."""
        content = f'"{self.photograph}.jpg"' if self.photograph else "None"
        names = [self.painting] if isinstance(self.painting, str) else self.painting
        paintings = ", ".join(f'"{name}.jpg"' for name in names)
        paintings = paintings if len(names) == 1 else f"[{paintings}]"
        options = [f"{name}={value!r}".replace("'", '"') for name, value in self.options.items()]
        lines = [content, paintings, *options]
        return "ns.stylize(\n" + "".join(f"    {line},\n" for line in lines) + ")"


@dataclass(frozen=True)
class Special(Result):
    """A picture that takes more than one call: ``paint_...`` of this script."""

    def paint(self, free: Path, size: int) -> Any:
        """Make it."""
        function, loaded = self._function(), {}
        for name in self.sources():
            loaded[name] = ns.load_image(free / f"{name}.jpg", max_size=size)
        return function(*loaded.values())

    def code(self) -> str:
        """Return the function that makes it."""
        return textwrap.dedent(inspect.getsource(self._function())).strip()

    def _function(self) -> Callable[..., Any]:
        function: Callable[..., Any] = globals()["paint_" + self.options["how"]]
        return function


def paint_regions(photograph, wave, village):
    """Paint the sky in one style, and all else in another."""
    blue = photograph[..., 2] - photograph[..., 0] > 0.12
    upper = np.arange(len(photograph))[:, None] < 0.55 * len(photograph)
    sky = np.clip(gaussian_filter((blue & upper).astype("float32"), 2), 0, 1)
    regions = [ns.Region(sky, wave), ns.Region(1 - sky, village)]
    return ns.stylize(photograph, [], regions=regions).image


def paint_film(photograph, painting):
    """Paint four frames of a camera that moves along a wall, each on from the one before."""
    shift, width = 16, photograph.shape[1] - 3 * 16
    frames = [photograph[:, k * shift : k * shift + width] for k in range(4)]
    flow = np.full((*frames[0].shape[:2], 2), [shift, 0.0])  # what is right moves to the left
    film = ns.stylize_frames(frames, painting, [flow] * 3, size=384)
    return np.concatenate([result.image for result in film], axis=0)


def paint_tiled(painting):
    """Make a texture that joins with itself, here four times."""
    square = ns.stylize(None, painting, size=(320, 320), padding="wrap").image
    return np.tile(square, (2, 2, 1))


RESULTS: dict[str, Result] = {
    "oil": Result("Oil", "photo-neuschwanstein", "painting-van-gogh-auvers", {}, "The default."),
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
    "panda": Result(
        "Another portrait", "photo-panda", "painting-cassatt-summertime", {}, "Fur in dabs of oil."
    ),
    "snow": Result(
        "A tower in snow",
        "photo-eiffel-tower",
        "painting-hiroshige-snow",
        {},
        "The print's greys and its paper.",
    ),
    "ink": Result(
        "Ink",
        "photo-chenonceau",
        "painting-hokusai-great-wave",
        {"color": "grey"},
        "Tones alone, of photograph and print.",
    ),
    "landscape": Result(
        "A landscape",
        "photo-great-wall",
        "painting-van-gogh-auvers",
        {},
        "Hills in strokes that follow them.",
    ),
    "harvest": Result(
        "A mountain",
        "photo-machu-picchu",
        "painting-bruegel-harvesters",
        {},
        "A palette of the sixteenth century.",
    ),
    "poppies": Result(
        "A monument",
        "photo-statue-of-liberty",
        "painting-hokusai-poppies",
        {},
        "Flat fields of colour.",
    ),
    "river": Result(
        "A castle on a river",
        "photo-chenonceau",
        "painting-renoir-moulin-de-la-galette",
        {},
        "Light in patches.",
    ),
    "arena": Result(
        "An arena", "photo-colosseum", "painting-cassatt-summertime", {}, "Stone and water."
    ),
    "gateway": Result(
        "At the harbour",
        "photo-gateway-of-india",
        "painting-hokusai-great-wave",
        {},
        "Foam where the photograph has none.",
    ),
    "temple": Result(
        "A temple on a lake",
        "photo-golden-temple",
        "painting-van-gogh-auvers",
        {"color": "match"},
        "The painting is given the photograph's colours before it is looked at.",
    ),
    "minaret": Result(
        "A minaret",
        "photo-qutub-minar",
        "painting-bruegel-harvesters",
        {"style_scale": 0.7},
        "Finer strokes than the painting's own.",
    ),
    "strokes": Result(
        "Large strokes",
        "photo-neuschwanstein",
        "painting-van-gogh-auvers",
        {"style_scale": 1.8},
        "The painting at 1.8 times the picture's size.",
    ),
    "own_colors": Result(
        "The photograph's colours",
        "photo-moose",
        "painting-van-gogh-auvers",
        {"color": "content"},
        "Only the light and dark is painted.",
    ),
    "two": Result(
        "Two paintings",
        "photo-mont-st-michel",
        ("painting-van-gogh-auvers", "painting-hokusai-great-wave"),
        {"style_weights": [1, 1]},
        "Half of each.",
    ),
    "nearest": Result(
        "Nearest neighbours",
        "photo-panda",
        "painting-van-gogh-auvers",
        {"recipe": "nnst"},
        "Every place of the network's features is that of the painting which is most like it.",
    ),
    "gatys": Result(
        "As in 2016",
        "photo-neuschwanstein",
        "painting-hokusai-great-wave",
        {"recipe": "gatys2016"},
        "Gram matrices, from noise, at one scale.",
    ),
    "histograms": Result(
        "As in 2017",
        "photo-brandenburg-gate",
        "painting-renoir-moulin-de-la-galette",
        {"recipe": "risser2017"},
        "Gram matrices and histograms, coarse to fine.",
    ),
    "texture": Result(
        "A texture",
        None,
        "painting-kandinsky-composition-viii",
        {"size": (384, 512)},
        "No photograph: the painting's elements, put together anew.",
    ),
    "tiled": Special(
        "A texture that can be tiled",
        None,
        "painting-hokusai-poppies",
        {"how": "tiled"},
        "The picture's right border goes on at its left.",
    ),
    "regions": Special(
        "Sky and castle",
        "photo-neuschwanstein",
        ("painting-hokusai-great-wave", "painting-van-gogh-auvers"),
        {"how": "regions"},
        "A style for each region.",
    ),
    "film": Special(
        "A strip of film",
        "photo-great-wall",
        "painting-van-gogh-auvers",
        {"how": "film"},
        "The strokes move with what they are on.",
    ),
    "large": Result(
        "Large",
        "photo-chenonceau",
        "painting-bruegel-harvesters",
        {"size": 1024},
        "At the photograph's own size: five scales.",
    ),
}

CREDITS = {
    "photo-neuschwanstein": "cameralends, CC0",
    "photo-mont-st-michel": "Ali Sabbagh, CC0",
    "photo-brandenburg-gate": "Evans1551, public domain",
    "photo-moose": "Ryan Hagerty (US Fish and Wildlife Service), public domain",
    "photo-panda": "Aaron Logan, CC BY 1.0",
    "photo-eiffel-tower": "Tognopop, public domain",
    "photo-chenonceau": "Alf van Beem, public domain",
    "photo-great-wall": "Nicolas Perrault III, CC0",
    "photo-machu-picchu": "Guillaume Pascal, CC0",
    "photo-statue-of-liberty": "Ypsilonatshared, public domain",
    "photo-colosseum": "Urse Ovidiu, public domain",
    "photo-gateway-of-india": "Simon Steinberger, CC0",
    "photo-golden-temple": "Jasdeep Singh, CC0",
    "photo-qutub-minar": "pramadas, CC0",
    "painting-van-gogh-auvers": "Vincent van Gogh, Village Street in Auvers, 1890",
    "painting-hokusai-great-wave": "Katsushika Hokusai, The Great Wave off Kanagawa, about 1830",
    "painting-hokusai-poppies": "Katsushika Hokusai, Poppies, about 1833",
    "painting-hiroshige-snow": "Utagawa Hiroshige, The Benzaiten Shrine at Inokashira in Snow",
    "painting-kandinsky-composition-viii": "Wassily Kandinsky, Composition VIII, 1923",
    "painting-cassatt-summertime": "Mary Cassatt, Summertime, 1894",
    "painting-renoir-moulin-de-la-galette": (
        "Pierre-Auguste Renoir, Bal du moulin de la Galette, 1876"
    ),
    "painting-bruegel-harvesters": "Pieter Bruegel the Elder, The Harvesters, 1565",
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
    sources = {name for one in made.values() for name in one.sources()}
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
        picture = RESULTS[name].paint(args.free, args.size)
        ns.save_image(GALLERY / f"{name}.jpg", picture, quality=88)
    PAGE.write_text(page())
