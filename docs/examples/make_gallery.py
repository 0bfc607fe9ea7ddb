"""Make the pictures of ``docs/gallery/``, one for each control, of the two example pictures.

Every picture is a sheet of small results, labelled. Run without arguments it makes all, which takes
some minutes; with names, such as ``color texture``, only those.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

import neuralstyle as ns
from neuralstyle.losses import STYLE_LAYERS
from neuralstyle.transfer.sheet import labelled

HERE = Path(__file__).parent
GALLERY = HERE.parent / "gallery"
SIDE = 224
Picture = np.ndarray
Cell = tuple[str, Picture]

CONTENT = ns.load_image(HERE / "content.png")
STYLE = ns.load_image(HERE / "style.png")
COOL = STYLE[..., ::-1].copy()  # a second painting: the first with red and blue exchanged


def paint(content: Picture | None = CONTENT, style: object = STYLE, **options: object) -> Picture:
    """Stylise at the gallery's size, if none is given."""
    return ns.stylize(content, style, **{"size": SIDE, **options}).image


def sheet(*rows: list[Cell]) -> Picture:
    """Lay labelled pictures out in rows."""
    return labelled(rows)


def color() -> Picture:
    """Treat colour in every way."""
    cells = [("color=None", paint())]
    cells += [(f'color="{name}"', paint(color=name)) for name in ns.color.TREATMENTS]
    return sheet(cells[:6], cells[6:])


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
    return sheet([(f"init={str(start)}", paint(init=start)) for start in starts])


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
            ("the painting", ns.resize(STYLE, (175, 224))),
            ("content=None", paint(None, size=(175, 224))),
            ("size=(175, 400)", paint(None, size=(175, 400))),
        ]
    )


def average() -> Picture:
    """Average the targets of two paintings."""
    vgg = ns.VGG16Features(weights="compact", pooling="max")
    small = [ns.resize(p, (175, 224)) for p in (STYLE, COOL)]
    styles = [ns.recipes.default(content_weight=0)(vgg(p), vgg(p)) for p in small]
    both = ns.average(styles)

    def keeping(style):
        return lambda content: ns.ContentLoss(content) + style

    return sheet(
        [
            ("one", paint(style=[], objective=keeping(styles[0]))),
            ("the other", paint(style=[], objective=keeping(styles[1]))),
            ("ns.average of both", paint(style=[], objective=keeping(both))),
        ]
    )


def second_pass() -> Picture:
    """Go on from a small result at a larger size."""
    small = ns.stylize(CONTENT, STYLE, size=SIDE)
    large = ns.stylize(CONTENT, STYLE, size=2 * SIDE, init=small)
    return sheet(
        [
            (f"size={SIDE}", small.image),
            (f"init=that, size={2 * SIDE}", large.image),
            ("the small one enlarged", ns.resize(small.image, large.image.shape[:2])),
        ]
    )


def frames() -> Picture:
    """Paint a film of five frames one by one, and each on from the one before."""
    shift, count = 8, 5
    wide = ns.resize(CONTENT, (168, SIDE))
    film = [wide[:, shift * k : shift * k + SIDE - shift * count] for k in range(count)]
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


def statistics() -> Picture:
    """Paint with one loss of style at a time, beside content, colour and total variation."""
    losses = {
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

    cells = [(name, paint(objective=objective(make))) for name, make in losses.items()]
    return sheet(cells[:4], cells[4:7], cells[7:])


def regions() -> Picture:
    """Paint sky and land in styles of their own."""
    height, width = CONTENT.shape[:2]
    rows = np.arange(height)[:, None] / height + np.zeros(width)
    sky = np.clip((0.52 - rows) / 0.04 + 0.5, 0, 1)  # with a soft edge
    split = [ns.Region(sky, COOL), ns.Region(1 - sky, STYLE)]
    return sheet(
        [
            ("the mask", np.repeat(ns.resize(sky, (168, SIDE))[..., None], 3, axis=2)),
            ("two styles blended", paint(style=[COOL, STYLE])),
            ("a style for each region", paint(style=[], regions=split)),
        ]
    )


def choose() -> Picture:
    """Choose two settings by eye."""
    settings = {"content_weight": [0.3, 1.0, 3.0], "style_scale": [0.5, 1.0, 2.0]}
    return ns.contact_sheet(CONTENT, STYLE, settings)


CONTROLS: dict[str, Callable[[], Picture]] = {
    control.__name__: control
    for control in (
        choose, color, balance, regions, init, style_scale, statistics, texture, average,
        second_pass, frames
    )
}  # fmt: skip

if __name__ == "__main__":
    GALLERY.mkdir(exist_ok=True)
    for name in sys.argv[1:] or CONTROLS:
        ns.save_image(GALLERY / f"{name}.jpg", CONTROLS[name](), quality=88)
