"""A sweep: one photograph with every pair of two settings, as a sheet and as rows.

python docs/examples/sweep.py writes sweep.png and sweep.csv
"""

import csv
from pathlib import Path

import neuralstyle as ns

here = Path(__file__).parent
sweep = ns.stylize_sweep(
    here / "content.png",
    here / "style.png",
    vary={"content_weight": [0.2, 1, 5], "style_scale": [0.5, 1]},
    size=128,
    maxiter=(15, 8),
)
for settings, result in sweep:
    print(settings, result.losses)

rows = sweep.table()  # pandas.DataFrame(rows) has a column for every setting and every loss
with open("sweep.csv", "w", newline="") as file:
    writer = csv.DictWriter(file, rows[0])
    writer.writeheader()
    writer.writerows(rows)
sweep.sheet().save("sweep.png")
