"""A batch: every picture of a folder, in one style; what cannot be read is told and left out.

python docs/examples/batch.py [FOLDER [TARGET]] writes into TARGET, by default painted
"""

import sys
from pathlib import Path

import neuralstyle as ns

here = Path(__file__).parent
given = sys.argv[1:]
source = Path(given[0]) if given else here
target = Path(given[1] if given[1:] else "painted")
target.mkdir(exist_ok=True)

style, size, content_weight = here / "style.png", 96, 2
names = []  # of the pictures that are read and not painted yet


def pictures(paths):
    """Read one picture after another, as they are asked for."""
    for path in paths:
        try:
            picture = ns.load_image(path, max_size=size)
        except (ValueError, OSError) as error:
            print("left out:", error)
            continue
        names.append(path.with_suffix(".png").name)
        yield picture


# The same command again goes on where this one was ended. A checkpoint is of one style and setting:
# others have a folder of their own.
checkpoints = target / f"checkpoints_{style.stem}_{size}_{content_weight}"
kinds = {".jpg", ".jpeg", ".png", ".webp", ".heic"}
paths = sorted(path for path in source.iterdir() if path.suffix.lower() in kinds)
recipe = ns.recipes.default(content_weight=content_weight)
for result in ns.stylize_many(
    pictures(paths), style, size=size, recipe=recipe, maxiter=20, checkpoint=checkpoints
):
    name = names.pop(0)
    result.save(target / name)
    print(name, result.message)
