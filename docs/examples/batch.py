"""A batch: every picture of a folder, in one style.

python docs/examples/batch.py [FOLDER [TARGET]] writes into TARGET, by default painted
"""

import sys
from pathlib import Path

import neuralstyle as ns

given = sys.argv[1:]
source = Path(given[0] if given else "docs/examples")
target = Path(given[1] if given[1:] else "painted")
target.mkdir(exist_ok=True)
photographs = sorted(source.glob("*.png"))
results = ns.stylize_many(
    photographs,
    "docs/examples/style.png",
    size=64,
    maxiter=5,
    checkpoint=target / "checkpoints",  # the same command again goes on where this one was ended
)
for photograph, result in zip(photographs, results, strict=True):
    result.save(target / photograph.name)
    print(photograph.name, result.message)
