"""Make the pictures of the explaining pages, ``docs/explained/``: sheets of small results.

Each shows one choice and nothing else, with one photograph and one painting. Run without arguments
it makes all, which takes half an hour on two cores; with names, such as ``color layers``, only
those. ``--vgg16`` may name a file with ImageNet's weights, for the sheet of networks; left out,
they are downloaded. ``--also resnet50`` adds another of Keras' networks to that sheet.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

import neuralstyle as ns
from neuralstyle.losses import STYLE_LAYERS
from neuralstyle.transfer.comparing.sheet import labelled

HERE = Path(__file__).parent
EXPLAINED = HERE.parent / "explained"
PICTURES = HERE.parent / "pictures"
SIDE = 192  # what --side, --vgg16 and --also say takes the place: see the end
VGG16 = "vgg16"
ALSO: list[str] = []
Picture = np.ndarray
Cell = tuple[str, Picture]

CONTENT = ns.load_image(HERE / "content.png")
STYLE = ns.load_image(HERE / "style.png")
OTHER = ns.load_image(PICTURES / "hokusai-great-wave.jpg")


def paint(content: Picture | None = CONTENT, style: object = STYLE, **options: object) -> Picture:
    """Stylise at the sheets' size, if none is given."""
    return ns.stylize(content, style, **{"size": SIDE, **options}).image


def small(picture: Picture, side: int | None = None) -> Picture:
    """Return a picture with its longer side as given."""
    height, width = picture.shape[:2]
    factor = (side or SIDE) / max(height, width)
    return ns.resize(picture, (round(factor * height), round(factor * width)))


def sheet(*rows: list[Cell]) -> Picture:
    """Lay labelled pictures out in rows."""
    return labelled(rows)


# ---- how style transfer works


def pair() -> Picture:
    """Show the photograph, the painting, and what the default makes of them."""
    return sheet(
        [
            ("the photograph", small(CONTENT)),
            ("the painting", small(STYLE)),
            ("the default recipe", paint()),
        ]
    )


def losses() -> Picture:
    """Minimise each of the four losses by itself, then all."""

    def alone(loss, init="noise", **options):
        return paint(objective=loss, init=init, **options)

    def together(c, s):
        return (
            0.5 * ns.ContentLoss(c)
            + 3 * ns.StyleLoss(s)
            + ns.HistogramLoss(s)
            + 3 * ns.TotalVariationLoss()
        )

    return sheet(
        [
            ("content alone, from noise", alone(lambda c, s: ns.ContentLoss(c, "block3_conv2"))),
            ("Gram matrices alone, from noise", alone(lambda c, s: ns.StyleLoss(s))),
            ("histograms alone, from noise", alone(lambda c, s: ns.HistogramLoss(s))),
        ],
        [
            (
                "total variation alone, from the photograph, 8 steps",
                alone(lambda c, s: ns.TotalVariationLoss(), CONTENT, scales=1, maxiter=8),
            ),
            ("all four, from noise", alone(together)),
            ("all four, from the photograph", alone(together, "content")),
        ],
    )


def layers() -> Picture:
    """Look at each layer alone: what it keeps of the photograph, and of the painting."""
    names = STYLE_LAYERS

    def content(name):
        return paint(
            objective=lambda c, s: ns.ContentLoss(c, name), init="noise", scales=1, maxiter=120
        )

    def style(name):
        return paint(objective=lambda c, s: ns.StyleLoss(s, name), init="noise")

    return sheet(
        [(f"content {name}", content(name)) for name in names[:3]],
        [(f"content {name}", content(name)) for name in names[3:]],
        [(f"style {name}", style(name)) for name in names[:3]],
        [(f"style {name}", style(name)) for name in names[3:]],
    )


def spread(picture: Picture, height: int = 48) -> Picture:
    """Draw the distribution of a picture's luminance, dark to the left."""
    width = picture.shape[1]
    counts, _ = np.histogram(ns.color.luminance(picture)[..., 0], width // 4, (0, 1))
    bars = np.repeat(np.minimum(counts * 4 * height // counts.sum(), height), 4)
    drawn = np.arange(height)[:, None] >= height - bars
    return np.repeat(np.where(drawn, 0.3, 0.9)[..., None], 3, axis=2)


def gram_and_histogram() -> Picture:
    """Make a texture of two tones by Gram matrices, and by histograms as well."""
    rough = gaussian_filter(np.random.default_rng(3).normal(size=(SIDE, SIDE)), 5, mode="wrap")
    tones = np.where(rough > 0.5 * rough.std(), 0.15, 0.85)
    pattern = np.repeat(tones[..., None], 3, axis=2).astype("float32")
    names = ("block1_conv1", "block2_conv1", "block3_conv1")

    def made(loss):
        return paint(pattern, pattern, objective=loss, init="noise", pooling="avg")

    pictures = {
        "the texture": pattern,
        "Gram matrices": made(lambda c, s: ns.StyleLoss(s, names)),
        "and histograms": made(
            lambda c, s: ns.StyleLoss(s, names) + ns.HistogramLoss(s, ("input", *names))
        ),
    }
    return sheet(
        list(pictures.items()), [("how bright, how often", spread(p)) for p in pictures.values()]
    )


# ---- choosing


def grid() -> Picture:
    """Vary the weights of content and of style."""
    settings = {"content_weight": [0.3, 1.0, 3.0], "style_weight": [5.0, 14.0, 40.0]}
    return ns.contact_sheet(CONTENT, STYLE, settings, size=SIDE)


def weights() -> Picture:
    """Vary the weights of the other terms."""
    rows = {"color_weight": (0, 32, 120), "patch_weight": (0, 8, 30), "tv_weight": (0, 2, 10)}
    return sheet(
        *(
            [
                (f"{keyword}={value}", paint(recipe=ns.recipes.default(**{keyword: value})))
                for value in values
            ]
            for keyword, values in rows.items()
        )
    )


def pooling() -> Picture:
    """Let the network take maxima or means."""
    names = ("max", "avg")
    return sheet([(f'pooling="{name}"', paint(pooling=name)) for name in names])


def scales() -> Picture:
    """Work at the last size alone, or from coarse to fine."""
    return sheet(
        [(f"scales={count}", paint(scales=count, size=4 * SIDE // 3)) for count in (1, 2, 3)]
    )


def networks() -> Picture:
    """Look through other networks."""
    named = {
        '"compact"': "compact",
        '"vgg16"': VGG16,
        '"random"': "random",
        **{f'"{name}"': name for name in ALSO},
    }
    return sheet([(f"network={name}", paint(network=network)) for name, network in named.items()])


def recipes() -> Picture:
    """Paint by every recipe, with its own weights, iterations and start."""
    names = ["default", "fast", "gatys2016", "neural_style", "keras_example", "risser2017", "nnst"]
    fewer = {"gatys2016": 200, "neural_style": 300, "keras_example": 200}
    cells = [(name, paint(recipe=name, maxiter=fewer.get(name))) for name in names]
    return sheet(cells[:3], cells[3:6], cells[6:])


def color() -> Picture:
    """Treat colour in every way."""
    cells = [("color=None", paint())]
    cells += [(f'color="{name}"', paint(color=name)) for name in ns.color.TREATMENTS]
    return sheet(*(cells[first : first + 3] for first in range(0, len(cells), 3)))


def balance() -> Picture:
    """Give content and style other shares of the pull on the pixels."""

    def objective(content, style):
        return ns.StyleObjective(
            ns.ContentLoss(content, "block3_conv3"),
            ns.CovarianceLoss(style, name="style"),
            ns.CovarianceLoss(style, "input", name="color"),
            ns.TotalVariationLoss(name="smoothness"),
        )

    rest = {"color": 1, "smoothness": 1}
    mixtures = [{"content": c, "style": s, **rest} for c, s in ((6, 2), (4, 4), (2, 6))]
    return sheet(
        [
            (
                f"content {shares['content']} : style {shares['style']}",
                paint(objective=objective, balance=shares),
            )
            for shares in mixtures
        ]
    )


def init() -> Picture:
    """Start elsewhere."""
    mixture = {"content": 0.5, "noise": 0.5}
    starts = ["content", mixture, "noise", "style"]
    cells = [(f"init={start!s}", paint(init=start)) for start in starts]
    return sheet(cells[:2], cells[2:])


def style_scale() -> Picture:
    """Show the size of the strokes, and of the piece of the painting that is looked at."""
    return sheet(
        [(f"style_scale={scale}", paint(style_scale=scale)) for scale in (0.5, 1.0, 2.0)],
        [
            ('0.5, style_fit="tile"', paint(style_scale=0.5, style_fit="tile")),
            ('2.0, style_fit="crop"', paint(style_scale=2.0, style_fit="crop")),
        ],
    )


def texture() -> Picture:
    """Make the painting's texture, without a content, at any size."""
    return sheet(
        [
            ("the painting", small(OTHER)),
            ("content=None", paint(None, OTHER, size=(2 * SIDE // 3, SIDE))),
        ],
        [("of twice the width", paint(None, OTHER, size=(2 * SIDE // 3, 2 * SIDE)))],
    )


def styles() -> Picture:
    """Use two paintings: one, the other, both by shares, and the average of their targets."""
    vgg = ns.VGG16Features(weights="compact", pooling="max")
    seen = [vgg(small(p)) for p in (STYLE, OTHER)]
    both = ns.average([ns.recipes.default(content_weight=0)(s, s) for s in seen])
    return sheet(
        [("one", paint()), ("the other", paint(style=OTHER))],
        [
            ("both", paint(style=[STYLE, OTHER])),
            (
                "ns.average of both",
                paint(style=[], objective=lambda content: ns.ContentLoss(content) + both),
            ),
        ],
    )


def second_pass() -> Picture:
    """Go on from a small result at a larger size."""
    first = ns.stylize(CONTENT, STYLE, size=SIDE)
    large = ns.stylize(CONTENT, STYLE, size=2 * SIDE, init=first)
    return sheet(
        [
            (f"init=small, size={2 * SIDE}", large.image),
            ("the small one enlarged", ns.resize(first.image, large.image.shape[:2])),
        ]
    )


def statistics() -> Picture:
    """Paint with one loss of style at a time, beside content, colour and total variation."""
    kinds = {
        "StyleLoss": lambda s: 3 * ns.StyleLoss(s),
        "StyleLoss(shift=-1)": lambda s: 3 * ns.StyleLoss(s, shift=-1),
        "CovarianceLoss": lambda s: 3 * ns.CovarianceLoss(s),
        "MomentLoss": lambda s: 30 * ns.MomentLoss(s),
        "GaussianWassersteinLoss": lambda s: 10 * ns.GaussianWassersteinLoss(s),
        "HistogramLoss": lambda s: 20 * ns.HistogramLoss(s, STYLE_LAYERS),
        "SlicedWassersteinLoss": lambda s: 20 * ns.SlicedWassersteinLoss(s),
        'SlicedWassersteinLoss("input", patch_size=7)': lambda s: (
            30 * ns.SlicedWassersteinLoss(s, "input", patch_size=7)
        ),
        "RelaxedEMDLoss": lambda s: 3 * ns.RelaxedEMDLoss(s),
        "PatchLoss": lambda s: 1.0 * ns.PatchLoss(s, "block3_conv1", stride=2),
    }

    def objective(make):
        return lambda c, s: (
            0.3 * ns.ContentLoss(c, {"block2_conv2": 0.1, "block3_conv3": 0.9})
            + make(s)
            + 0.3 * ns.CovarianceLoss(s, "input", name="color")
            + 3 * ns.TotalVariationLoss()
        )

    cells = [(name, paint(objective=objective(make))) for name, make in kinds.items()]
    return sheet(*(cells[first : first + 3] for first in range(0, len(cells), 3)))


# ---- masks and films


def regions() -> Picture:
    """Paint sky and castle in styles of their own."""
    picture = small(CONTENT)
    blue = picture[..., 2] - picture[..., 0] > 0.12
    rows = np.arange(picture.shape[0])[:, None] < 0.55 * picture.shape[0]
    sky = np.clip(gaussian_filter((blue & rows).astype("float32"), 1), 0, 1)  # with a soft edge
    split = [ns.Region(sky, OTHER), ns.Region(1 - sky, STYLE)]
    return sheet(
        [("the mask", np.repeat(sky[..., None], 3, axis=2))],
        [
            ("two styles blended", paint(style=[OTHER, STYLE])),
            ("a style for each region", paint(style=[], regions=split)),
        ],
    )


def frames() -> Picture:
    """Paint a film of three frames one by one, and each on from the one before."""
    shift, count = 8, 3
    wide = small(CONTENT, SIDE + shift * count)
    film = [wide[:, shift * k : shift * k + SIDE] for k in range(count)]
    flow = np.full((*film[0].shape[:2], 2), [shift, 0.0])
    size = film[0].shape[:2]
    alone = [r.image for r in ns.stylize_many(film, STYLE, size=size)]
    on = [r.image for r in ns.stylize_frames(film, STYLE, [flow] * (count - 1), size=size)]

    def changes(pictures):
        moved = [ns.warp(before, flow) for before in pictures[:-1]]
        return [
            np.clip(3 * np.abs(now - before) * inside[..., None], 0, 1)
            for now, (before, inside) in zip(pictures[1:], moved, strict=True)
        ]

    blank = np.ones_like(alone[0])
    return sheet(
        [("stylize_many", p) for p in alone],
        [("changes, times 3" if k else "", p) for k, p in enumerate([blank, *changes(alone)])],
        [("stylize_frames", p) for p in on],
        [("changes, times 3" if k else "", p) for k, p in enumerate([blank, *changes(on)])],
    )


SHEETS: dict[str, Callable[[], Picture]] = {
    make.__name__: make
    for make in (
        pair, losses, layers, gram_and_histogram, grid, weights, pooling, scales, networks, recipes,
        color, balance, init, style_scale, texture, styles, second_pass, statistics, regions, frames
    )
}  # fmt: skip

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(SHEETS))
    parser.add_argument("--side", type=int, default=SIDE, help="longer side of a result")
    parser.add_argument("--vgg16", default=VGG16, help="file with ImageNet's weights")
    parser.add_argument("--also", nargs="*", default=ALSO, help="more networks for their sheet")
    args = parser.parse_args()
    SIDE, VGG16, ALSO = args.side, args.vgg16, args.also
    EXPLAINED.mkdir(exist_ok=True)
    for name in args.names or SHEETS:
        ns.save_image(EXPLAINED / f"{name}.jpg", SHEETS[name](), quality=86)
