"""A sweep: one photograph with every pair of two settings, as a sheet and as rows.

python docs/examples/sweep.py writes sweep.png
"""

import neuralstyle as ns

sweep = ns.stylize_sweep(
    "docs/examples/content.png",
    "docs/examples/style.png",
    vary={"content_weight": [0.2, 1, 5], "style_scale": [0.5, 1]},
    size=128,
    maxiter=5,
)
for settings, result in sweep:
    print(settings, result.losses)

rows = sweep.table()  # pandas.DataFrame(rows) has a column for every setting and every loss
print(*rows[0], sep=", ")
ns.save_image("sweep.png", sweep.sheet())
