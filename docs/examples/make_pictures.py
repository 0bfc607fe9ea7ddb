"""Make the two example pictures, ``content.png`` and ``style.png``, next to this file.

The content picture is a village by a lake: a height field seen in perspective, plus houses and
trees drawn as shaded polygons. The style picture is swirls and suns laid down as thousands of
brush strokes. Both are drawn at a multiple of their size and reduced, which smooths every edge.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter, map_coordinates

HERE = Path(__file__).parent
Array = np.ndarray
Rng = np.random.Generator
LATTICE = np.random.default_rng(7).random((256, 256))


def noise(x: Array, y: Array, octaves: int = 5) -> Array:
    """Return smooth noise in 0..1 at the points (x, y): ever finer octaves, ever weaker."""
    total, weight = np.zeros(np.broadcast(x, y).shape), 0.0
    for octave in range(octaves):
        u, v = x * 2.0**octave + 17.3 * octave, y * 2.0**octave + 31.7 * octave
        iu, iv = np.floor(u).astype(int), np.floor(v).astype(int)
        fu, fv = smooth(0, 1, u - iu), smooth(0, 1, v - iv)
        a, b = LATTICE[iv % 256, iu % 256], LATTICE[iv % 256, (iu + 1) % 256]
        c, d = LATTICE[(iv + 1) % 256, iu % 256], LATTICE[(iv + 1) % 256, (iu + 1) % 256]
        total += 0.5**octave * (a + fu * (b - a) + fv * (c - a) + fu * fv * (a - b - c + d))
        weight += 0.5**octave
    return total / weight


def smooth(low: float, high: float, value: Array) -> Array:
    """Return a smooth step from 0 (value <= low) to 1 (value >= high)."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def mix(a: Array | tuple, b: Array | tuple, t: Array | float) -> Array:
    """Blend colour a into colour b by t, which lacks the colour axis."""
    t = np.asarray(t)[..., None]
    return np.asarray(a) * (1 - t) + np.asarray(b) * t


def save(picture: Array, name: str, size: tuple[int, int]) -> None:
    """Reduce a float picture in 0..1 to the given size and write it as a PNG."""
    image = Image.fromarray((np.clip(picture, 0, 1) * 255).astype(np.uint8))
    image.resize(size, Image.Resampling.LANCZOS).save(HERE / name, optimize=True)


# ---- content.png: lengths in metres; x to the right, y up from the lake, z away from the viewer

SIZE, SCALE = (512, 384), 3
WIDTH, HEIGHT = SIZE[0] * SCALE, SIZE[1] * SCALE
FOCAL, HORIZON, EYE = 1.1 * WIDTH, 0.56 * HEIGHT, 9.0
SUN = np.array([-0.83, 0.45, -0.33])  # the direction toward it
SUNLIGHT, SKYLIGHT = np.array([1.12, 0.93, 0.68]), np.array([0.36, 0.42, 0.54])
HAZE = np.array([0.70, 0.79, 0.90])
MARGIN = 400  # columns kept left of the picture, for the shadows that fall into it
CREAM, OCHRE = (0.88, 0.78, 0.6), (0.84, 0.62, 0.34)
ROSE, WHITE = (0.76, 0.5, 0.4), (0.86, 0.84, 0.8)
RED, BROWN, SLATE = (0.56, 0.25, 0.16), (0.44, 0.27, 0.2), (0.34, 0.38, 0.42)
HOUSES: list[tuple] = [  # x, z, turn, (width, height of the eaves, depth), wall, roof
    (12, 128, 0.5, (10, 9, 20), WHITE, RED),
    (-24, 104, 0.45, (8, 5.5, 11), CREAM, RED),
    (-10, 112, -0.6, (8, 6, 12), OCHRE, BROWN),
    (19, 102, -0.5, (7.5, 5.5, 11), ROSE, RED),
    (31, 108, 0.4, (8.5, 6, 12), CREAM, BROWN),
    (-31, 140, 0.6, (9, 6, 12), WHITE, RED),
    (-7, 148, -0.5, (9, 6, 13), CREAM, BROWN),
    (33, 143, 0.5, (9, 6, 12), OCHRE, RED),
    (52, 152, -0.4, (9, 6, 12), WHITE, SLATE),
    (1, 97, 0.4, (6.5, 4, 8), OCHRE, RED),
]
TREES: list[tuple] = [  # x, z, width, height
    (-37, 100, 9, 9), (-44, 108, 11, 12), (-34, 120, 8, 11), (-17, 104, 5, 7), (-4, 108, 5, 8),
    (11, 108, 6, 9), (25, 103, 5, 7), (40, 101, 9, 9), (47, 108, 11, 13), (38, 124, 9, 11),
    (24, 122, 4, 17), (-20, 132, 8, 10), (-44, 135, 12, 13), (16, 150, 9, 11), (60, 135, 12, 13),
    (-58, 130, 12, 14), (-14, 98, 4, 4), (10, 95, 4, 3), (-52, 118, 9, 10), (57, 120, 10, 11),
    (27, 126, 4, 15), (-16, 135, 4, 15),
]  # fmt: skip


def light(normal: Array, shade: Array | float = 1.0) -> Array:
    """Return the light on a surface: the sun where it is not shaded, and the sky everywhere."""
    sun = np.clip(normal @ SUN, 0, None) * shade
    return sun[..., None] * SUNLIGHT + (0.75 + 0.25 * normal[..., 1:2]) * SKYLIGHT


def ground(x: Array, z: Array) -> Array:
    """Return the height of the bare ground: the shore, the hills, the mountains."""
    shore = 84 + 16 * (noise(x / 45 + 3, z * 0, 2) - 0.5) + 0.002 * (x - 8) ** 2
    land = np.clip(z - shore, -20, 150)
    height = 0.075 * land + 1.2 * smooth(0, 3, land) - 0.6
    height += smooth(150, 420, z) * 75 * noise(x / 170 + 5, z / 210) ** 1.3
    ridges = 1 - np.abs(2 * noise(x / 1500 + 7.2, z / 1700 + 2.6, 6) - 1)
    peak = np.exp(-(((x + 850) / 1100) ** 2) - ((z - 3900) / 1300) ** 2)
    return height + smooth(900, 3600, z) * (720 * ridges**2 + 560 * peak * ridges - 120)


def forest(x: Array, z: Array) -> Array:
    """Return the height of the trees above the ground: one cone in each cell of a lattice."""
    cell = 7.0
    i, j = np.floor(x / cell).astype(int), np.floor(z / cell).astype(int)
    pick = LATTICE[i % 256, j % 256]
    dx, dz = x / cell - i - 0.35 - 0.3 * pick, z / cell - j - 0.5
    cone = np.clip(1 - np.hypot(dx, dz) / 0.5, 0, 1) * (8 + 9 * pick)
    return cone * ((noise(x / 110, z / 110, 3) > 0.5) & (z > 165) & (z < 1500))


def land() -> tuple[Array, Array, Array]:
    """Return the land along the lines of sight: its distances, heights and lit colours."""
    z = np.geomspace(76, 9000, 1200)[:, None]
    x = (np.arange(-MARGIN, WIDTH) - WIDTH / 2) / FOCAL * z
    bare = ground(x, z)
    height = bare + forest(x, z)
    by_x = np.gradient(height, axis=1) / (z / FOCAL)
    by_z = np.gradient(height, axis=0) / np.gradient(z, axis=0) - by_x * x / z
    normal = np.stack([-by_x, np.ones_like(x), -by_z], -1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    # A point is shaded if, on its way left to the sun, something stands above the sun's ray.
    ray = height - x * SUN[1] / SUN[0]
    shade = 1 - smooth(0.0, 0.02, (np.maximum.accumulate(ray, axis=1) - ray) / z**0.8)

    patches, grain = noise(x / 30, z / 25), noise(x * 1.3, z * 0.9, 3)
    colour = mix((0.30, 0.43, 0.15), (0.68, 0.63, 0.28), smooth(0.35, 0.65, patches))
    colour = mix(colour, (0.15, 0.25, 0.11), smooth(0.5, 2, height - bare))
    colour = mix(colour, (0.20, 0.30, 0.17), smooth(500, 1000, z + 0 * x))
    colour = mix(colour, (0.40, 0.39, 0.42), smooth(130, 330, height + 200 * (patches - 0.5)))
    snow = smooth(0.85, 1.1, normal[..., 1] + (height - 330) / 800)  # high, and not too steep
    colour = mix(colour, (0.93, 0.94, 0.97), snow)
    colour = mix((0.55, 0.49, 0.38), colour, smooth(0.1, 0.9, height))
    colour = colour * light(normal, shade) * (0.75 + 0.5 * grain[..., None])
    return z, height, mix(colour, HAZE, 0.95 * (1 - np.exp(-z / 4000)) + 0 * x)


def sky() -> Array:
    """Return the sky: a gradient, and a flat layer of clouds that recedes to the horizon."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(float)
    up, across = np.clip(1 - rows / HORIZON, 0.02, 1), columns / WIDTH - 0.5
    colour = mix((0.98, 0.88, 0.74), (0.27, 0.49, 0.76), smooth(-0.1, 1.0, up + 0.25 * across))
    u, v = across / (up + 0.4) * 5.5 + 0.6, 5.0 / (up + 0.4) + 0.3
    thick = noise(u, v, 7)
    lit = np.clip(0.7 + 3.0 * (thick - noise(u - 0.12, v - 0.08, 6)), 0, 1)
    cloud = mix((0.66, 0.68, 0.76), (1.0, 0.96, 0.89), lit)
    return mix(colour, cloud, 0.95 * smooth(0.46, 0.63, thick))


def view(eye: float, z: Array, height: Array, colour: Array) -> Array:
    """Return the sky, and before it the land as seen from a height above or below the lake."""
    picture, skyline = sky(), HORIZON - FOCAL * (height - eye) / z
    skyline = np.minimum.accumulate(skyline, axis=0)[::-1]  # near land hides what is lower
    for column in range(WIDTH):
        profile = skyline[:, column + MARGIN]
        nearest = len(z) - np.searchsorted(profile, np.arange(HEIGHT), side="right")
        seen = nearest < len(z)
        picture[seen, column] = colour[nearest[seen], column + MARGIN]
    return picture


def add_lake(picture: Array, mirrored: Array) -> Array:
    """Lay the lake over a picture; it mirrors what an eye as far below its surface sees."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(float)
    z = EYE * FOCAL / np.maximum(rows - HORIZON, 1)
    x = (columns - WIDTH / 2) / FOCAL * z
    wave = noise(x / 3, z / 1.2, 4) - 0.5
    source = [2 * HORIZON - rows + 50 * wave, columns + 14 * wave]
    mirror = [map_coordinates(mirrored[..., c], source, order=1, mode="nearest") for c in range(3)]
    lake = mix((0.07, 0.20, 0.26), np.stack(mirror, -1), 0.45 + 0.4 * smooth(0, 1, z / 90))
    lake += 0.14 * wave[..., None]
    return np.where(((ground(x, z) < 0) & (rows > HORIZON))[..., None], lake, picture)


def upright(foot: Array, turn: float, out: float, outline: list) -> Array:
    """Return the corners of a wall, drawn flat as (along, up), `out` metres from its house."""
    along, normal = (np.cos(turn), 0, np.sin(turn)), (np.sin(turn), 0, -np.cos(turn))
    flat = np.array(outline, float)
    return foot + out * np.array(normal) + flat[:, :1] * along + flat[:, 1:] * (0, 1, 0)


def facing(corners: Array, colour: Array | tuple) -> list:
    """Return the lit face in a list, or nothing if it looks away from the viewer."""
    normal = np.cross(corners[2] - corners[0], corners[1] - corners[0])
    normal /= np.linalg.norm(normal)
    away = normal @ (corners[0] - (0, EYE, 0)) > 0
    return [] if away else [(corners, np.array(colour) * light(normal))]


def opening(foot: Array, turn: float, out: float, along: float, up: float, wide: float) -> list:
    """Return a window: a pale frame around dark glass."""
    faces = []
    for half, colour in ((wide, (0.8, 0.77, 0.7)), (0.7 * wide, (0.16, 0.19, 0.25))):
        low, high = up - half - 0.2, up + half + 0.2
        box = [(along - half, low), (along + half, low), (along + half, high), (along - half, high)]
        faces += facing(upright(foot, turn, out, box), colour)
    return faces


def roof_side(foot: Array, turn: float, low: tuple, high: tuple, colour: tuple) -> list:
    """Return one side of a roof, in rows of tiles, between edges given as (out, along, up)."""
    faces, edges = [], np.linspace(low, high, 11)
    for row, (lower, upper) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
        (out, long, up), (out_above, _, up_above) = lower, upper
        near = upright(foot, turn, out, [(-long, up), (long, up)])
        far = upright(foot, turn, out_above, [(long, up_above), (-long, up_above)])
        faces += facing(np.vstack([near, far]), np.array(colour) * (0.88, 1.1, 1.0)[row % 3])
    return faces


def house(foot: Array, turn: float, size: tuple, wall: tuple, roof: tuple) -> list:
    """Return the faces of a gabled house of a size (width, height of the eaves, depth)."""
    w, h, d = size[0] / 2, size[1], size[2] / 2
    faces = []
    for quarter in range(4):
        angle, half, out = turn + quarter * np.pi / 2, *((w, d), (d, w))[quarter % 2]
        gable = [(0, h + w)] if quarter % 2 == 0 else []
        outline = [(-half, -0.8), (half, -0.8), (half, h), *gable, (-half, h)]
        faces += facing(upright(foot, angle, out, outline), wall)
        for up in np.arange(1.8, h, 2.7):
            for along in np.linspace(-half, half, int(half / 1.2) + 2)[1:-1]:
                faces += opening(foot, angle, out, along, up, 0.6)
    for angle in (turn + np.pi / 2, turn - np.pi / 2):
        eaves, ridge = (w + 0.5, d + 0.5, h - 0.5), (0, d + 0.5, h + w + 0.1)
        faces += roof_side(foot, angle, eaves, ridge, roof)
    return faces


def tower(foot: Array, turn: float, side: float, height: float, spire: float) -> list:
    """Return the faces of a church tower: four walls with openings, and a pointed roof."""
    w, faces = side / 2, []
    for angle in turn + np.arange(4) * np.pi / 2:
        wall = [(-w, -0.8), (w, -0.8), (w, height), (-w, height)]
        faces += facing(upright(foot, angle, w, wall), WHITE)
        for along, up, wide in ((-1.3, 0.83, 0.8), (1.3, 0.83, 0.8), (0, 0.62, 1), (0, 0.38, 0.6)):
            faces += opening(foot, angle, w, along, up * height, wide)
    for angle in turn + np.arange(4) * np.pi / 2:
        base = upright(foot, angle, w + 0.5, [(-w - 0.5, height), (w + 0.5, height)])
        faces += facing(np.vstack([base, foot + (0, height + spire, 0)]), SLATE)
    return faces


def boat(foot: Array) -> list:
    """Return the faces of a sailing boat."""
    hull = [(-2.6, 0.9), (-2.0, -0.1), (1.8, -0.1), (2.8, 1.0)]
    sails = [[(0.2, 1.3), (0.2, 7.6), (-2.7, 1.6)], [(0.5, 1.3), (2.6, 1.3), (0.5, 6.6)]]
    faces = [(upright(foot, 0, 0, hull), np.array((0.5, 0.2, 0.13)))]
    tints = np.array([(0.99, 0.95, 0.86), (0.85, 0.82, 0.79)])
    return faces + [(upright(foot, 0, 0, s), c) for s, c in zip(sails, tints, strict=True)]


def tree(foot: Array, wide: float, high: float, rng: Rng) -> list:
    """Return a tree: a trunk, then lobes of leaves, each leaf a small lit disc."""
    trunk = [(-0.3, -1), (0.3, -1), (0.2, high / 2), (-0.2, high / 2)]
    faces = [(upright(foot, 0, 0, trunk), np.array((0.2, 0.17, 0.15)))]
    green = mix((0.25, 0.41, 0.15), (0.62, 0.58, 0.19), rng.random())
    size, angles = np.array([wide, high * 0.9, wide]) / 2, np.arange(7) * 2 * np.pi / 7
    lobes = rng.normal(size=(9, 3))
    lobes *= 0.62 / np.linalg.norm(lobes, axis=1, keepdims=True)
    lobe = lobes[rng.integers(9, size=int(22 * wide * high**0.7))]
    way = rng.normal(size=lobe.shape)
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    leaves = (lobe + 0.42 * way) * size
    lit = green * light(0.6 * way + 0.5 * lobe) * rng.uniform(0.7, 1.2, (len(way), 1))
    lit *= 0.72 + 0.28 * smooth(-1, 0.6, lobe + way)[:, 1:2]  # darker below
    for k in np.argsort(-leaves[:, 2]):
        disc = np.stack([0.42 * np.cos(angles), 0.34 * np.sin(angles), 0 * angles], -1)
        faces.append((foot + (0, 0.57 * high, 0) + leaves[k] + disc, lit[k]))
    return faces


def village(rng: Rng) -> list[tuple[Array, list]]:
    """Return everything that stands on the land or the lake, as (foot, faces), far to near."""

    def foot(x: float, z: float) -> Array:
        return np.array([x, max(ground(np.array(x), np.array(z)), 0), z])

    things = [(p := foot(x, z), house(p, *rest)) for x, z, *rest in HOUSES]
    things += [(p := foot(x, z), tree(p, w, h, rng)) for x, z, w, h in TREES]
    things += [(p := foot(4, 118), tower(p, 0.5, 6.5, 21, 13))]
    things += [(p := foot(-18, 54), boat(p))]
    return sorted(things, key=lambda thing: -thing[0][2])


def project(points: Array, eye: float) -> list:
    """Return where the points appear in the picture, as x, y, x, y and so on."""
    right, up = FOCAL * (points[:, :2] - (0, eye)).T / points[:, 2]
    return np.stack([WIDTH / 2 + right, HORIZON - up], axis=-1).ravel().tolist()


def draw(picture: Array, things: list[tuple[Array, list]], eye: float) -> Array:
    """Draw the shadows of all things on the ground, then the things themselves."""
    shadows = Image.new("L", (WIDTH, HEIGHT))
    for foot, faces in things:
        for corners, _ in faces if foot[1] > 0 else []:  # none on the water
            fall = np.maximum(corners[:, 1:2] - foot[1], 0) / SUN[1]
            ImageDraw.Draw(shadows).polygon(project(corners - fall * SUN, eye), fill=255)
    dark = gaussian_filter(np.asarray(shadows) / 255.0, 2)
    picture = picture * mix((1.0, 1.0, 1.0), (0.34, 0.39, 0.52), dark)
    image = Image.fromarray((np.clip(picture, 0, 1) * 255).astype(np.uint8))
    for corners, colour in (face for _, faces in things for face in faces):
        fill = tuple((np.clip(colour, 0, 1) * 255).astype(int).tolist())
        ImageDraw.Draw(image).polygon(project(corners, eye), fill=fill)
    return np.asarray(image) / 255.0


def content() -> Array:
    """Return the village by the lake."""
    things, terrain = village(np.random.default_rng(1)), land()
    mirrored = draw(view(-EYE, *terrain), things, -EYE)
    picture = draw(add_lake(view(EYE, *terrain), mirrored), things, EYE)
    grain = np.random.default_rng(2).normal(0, 0.03, (HEIGHT, WIDTH, 1))
    return picture * (1 + gaussian_filter(grain, (1, 1, 0)))


# ---- style.png: lengths in drawn pixels, angles in radians

CANVAS = (1024, 800)
COATS = ((30, 900, 9), (18, 2200, 10), (11, 4200, 10), (7, 3500, 10))  # width, strokes, steps
PALETTE = np.array([  # from the deepest shade to the lights
    (0.05, 0.09, 0.25), (0.08, 0.18, 0.45), (0.13, 0.36, 0.62), (0.16, 0.52, 0.58),
    (0.50, 0.70, 0.66), (0.86, 0.80, 0.58), (0.90, 0.66, 0.20), (0.85, 0.42, 0.11),
])  # fmt: skip
SWIRLS = [  # x, y, radius, sense of turning
    (690, 250, 190, -1), (860, 590, 150, 1), (190, 170, 140, 1), (560, 700, 110, -1),
]  # fmt: skip
GLOWS = [  # x, y, radius
    (300, 480, 165), (960, 130, 85), (440, 110, 60),
]  # fmt: skip


def flow(x: Array, y: Array) -> Array:
    """Return the direction of the brush at the points: a drift, bent around swirls and glows."""
    drift = 0.7 + 2.2 * (noise(x / 420, y / 420, 2) - 0.5)
    dx, dy = 0.8 * np.cos(drift), 0.8 * np.sin(drift)
    for cx, cy, radius, sense in SWIRLS + [(a, b, 0.9 * c, 1) for a, b, c in GLOWS]:
        ux, uy = (x - cx) / radius, (y - cy) / radius
        pull = 3.2 * sense * np.exp(-(ux**2 + uy**2) / 1.4) / (np.hypot(ux, uy) + 0.15)
        dx, dy = dx - pull * (uy + 0.15 * ux), dy + pull * (ux - 0.15 * uy)
    return np.arctan2(dy, dx)


def tone(x: Array, y: Array) -> Array:
    """Return the place on the palette, 0..7, wanted at the points."""
    current = noise((x + y) / 420 + 40, (y - x) / 210 + 9, 3)
    value = 6.4 * smooth(0.3, 0.82, current)
    for cx, cy, radius, sense in SWIRLS:
        far = np.hypot(x - cx, y - cy) / radius
        spiral = np.sin(9 * far + 2 * sense * np.arctan2(y - cy, x - cx))
        value += (1.3 * spiral + 0.4) * np.exp(-((far / 0.9) ** 2))
    for cx, cy, radius in GLOWS:
        far = np.hypot(x - cx, y - cy) / radius
        value += (5.6 + 0.9 * np.sin(11 * far) - value) * np.exp(-(far**4) / 1.5)
        value = np.where(far < 0.42, 7.2 - 2.2 * (far < 0.22), value)
    return value


def trace(x: Array, y: Array, stride: float, steps: int) -> tuple[Array, Array, Array]:
    """Follow the flow from the points; return x, y and direction, each (points, steps)."""
    path = []
    for _ in range(steps):
        turn = flow(x, y)
        path.append((x, y, turn))
        x, y = x + stride * np.cos(turn), y + stride * np.sin(turn)
    xs, ys, turns = np.array(path).transpose(1, 2, 0)
    return xs, ys, turns


def lay_stroke(pens: tuple, line: tuple, width: float, colour: Array, rng: Rng) -> None:
    """Lay one stroke, a bundle of bristles side by side, on the colours and on the relief."""
    (x, y, turn), bristles = line, max(int(width / 2.5), 3)
    thick, body = int(width / bristles) + 2, rng.uniform(110, 170)
    for across in np.linspace(-0.5, 0.5, bristles):
        part = slice(rng.integers(0, 2), len(x) - rng.integers(0, 2))  # bristles end unevenly
        side = x - across * width * np.sin(turn), y + across * width * np.cos(turn)
        points = np.stack(side, -1)[part].ravel().tolist()
        shade = colour * (1 + rng.normal(0, 0.09)) + rng.normal(0, 0.012, 3)
        ridge = body + 70 * abs(across) + rng.normal(0, 18)  # paint piles up at the edges
        pens[0].line(points, tuple((np.clip(shade, 0, 1) * 255).astype(int).tolist()), thick)
        pens[1].line(points, int(np.clip(ridge, 0, 255)), thick)


def style() -> Array:
    """Return the swirls and suns, lit from the upper left so that the paint stands out."""
    rng = np.random.default_rng(5)
    paint, relief = Image.new("RGB", CANVAS, (150, 110, 50)), Image.new("L", CANVAS, 90)
    pens = ImageDraw.Draw(paint), ImageDraw.Draw(relief)
    for width, count, steps in COATS:
        x, y = rng.uniform(-20, CANVAS[0] + 20, count), rng.uniform(-20, CANVAS[1] + 20, count)
        place = np.clip(tone(x, y) + rng.normal(0, 0.55, count), 0, len(PALETTE) - 1)
        colours = PALETTE[np.round(place).astype(int)]
        lines = trace(x, y, 0.7 * width + 3, steps)
        for k, length in enumerate(rng.integers(steps // 2, steps + 1, count)):
            line = tuple(part[k, :length] for part in lines)
            lay_stroke(pens, line, width * rng.uniform(0.6, 1.2), colours[k], rng)
    down, right = np.gradient(gaussian_filter(np.asarray(relief) / 255.0, 1.0))
    slope = np.clip(down + right, -0.12, 0.12)[..., None]
    return np.asarray(paint) / 255.0 * (1 + 3.0 * slope) + 0.5 * np.clip(slope - 0.03, 0, None)


if __name__ == "__main__":
    save(content(), "content.png", SIZE)
    save(style(), "style.png", (512, 400))
