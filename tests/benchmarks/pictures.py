"""Pictures of recipes by networks by pairs, their scores in a table, and a sheet to look at.

    python tests/benchmarks/pictures.py FOLDER -o OUT [--recipes default gatys2016]
        [--networks compact vgg16] [--size 512] [--judge vgg16]
    python tests/benchmarks/pictures.py photo.jpg painting.jpg other.jpg another.jpg -o OUT

Of a folder, files whose names begin with photo- or content- are painted like those that begin with
painting- or style-, in turn, so that each is taken once at the least. OUT gets every picture, the
sheet (a row for each pair: photograph, painting, pictures) and the scores of every picture; the
table of means is printed. Networks are names or files.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

import numpy as np

import neuralstyle as ns
from neuralstyle.transfer.comparing.sheet import labelled
from neuralstyle.transfer.recipes import RECIPES

NUMBERS = ("style", "texture", "content", "color", "features", "seconds")


def pairs_of(given: list[Path]) -> list[tuple[Path, Path]]:
    """Return the pairs in a folder, or of files that alternate."""
    if len(given) != 1 or not given[0].is_dir():
        if len(given) % 2:
            raise SystemExit("expected a folder, or photographs and paintings in turn")
        return list(zip(given[::2], given[1::2], strict=True))
    files = sorted(given[0].iterdir())
    photographs = [file for file in files if file.name.startswith(("photo-", "content-"))]
    paintings = [file for file in files if file.name.startswith(("painting-", "style-"))]
    if not photographs or not paintings:
        raise SystemExit(f"expected photo-* or content-*, and painting-* or style-* in {given[0]}")
    count = max(len(photographs), len(paintings))
    return [
        (photographs[i % len(photographs)], paintings[i % len(paintings)]) for i in range(count)
    ]


def main() -> None:
    """Run the benchmark as the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("pairs", type=Path, nargs="+", metavar="FOLDER | PHOTO PAINTING ...")
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--recipes", nargs="+", choices=list(RECIPES), default=["default"])
    parser.add_argument("--networks", nargs="+", default=["compact"])
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--judge", help="network whose features are compared too")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)

    columns = [(recipe, network) for network in args.networks for recipe in args.recipes]
    scores: dict[str, dict[str, dict[str, float | None]]] = {}
    rows = []
    for photograph, painting in pairs_of(args.pairs):
        pair = f"{photograph.stem}, {painting.stem}"
        content = ns.load_image(photograph, max_size=args.size)
        style = ns.load_image(painting)
        beside = ns.resize(style, (content.shape[0], round(content.shape[0] * aspect(style))))
        rows.append([(photograph.stem, content), (painting.stem, beside)])
        for recipe, network in columns:
            column = f"{recipe}, {Path(network).stem}"
            result = ns.stylize(content, style, recipe=recipe, network=network)
            found = ns.score(result.image, content, style, network=args.judge)
            numbers = dataclasses.asdict(found) | {"seconds": result.seconds}
            scores.setdefault(column, {})[pair] = {name: numbers[name] for name in NUMBERS}
            rows[-1].append((f"{column}: {found.style:.3f}, {found.texture:.3f}", result.image))
            ns.save_image(args.out / f"{pair}, {column}.png".replace(", ", "_"), result.image)
            # After every picture, for a run may take hours.
            ns.save_image(args.out / "sheet.png", labelled(rows))
            (args.out / "scores.json").write_text(json.dumps(scores, indent=1))

    names = [name for name in NUMBERS if name != "features" or args.judge]
    print(f"| recipe, network | {' | '.join(names)} |\n|{'---|' * (len(names) + 1)}")
    for column, of in scores.items():
        means = [np.mean([numbers[name] for numbers in of.values()]) for name in names]
        print(f"| {column} | {' | '.join(f'{mean:.3f}' for mean in means)} |")
    ones = ["1" if name != "seconds" else "0" for name in names]
    print(f"| nothing done | {' | '.join(ones)} |")


def aspect(image: np.ndarray) -> float:
    """Return width by height."""
    return image.shape[1] / image.shape[0]


if __name__ == "__main__":
    main()
