"""Own losses: a function, a class, and both among the library's terms.

python docs/examples/own_losses.py writes own_losses.png
"""

from pathlib import Path

from keras import ops

import neuralstyle as ns


@ns.loss
def darkness(features):
    return ops.mean(features["input"])


class MaximumLoss(ns.LayerLoss):
    """Compares the strongest response of every channel."""

    def statistic(self, features, mask):
        return ops.max(features if mask is None else features * mask[..., None], axis=(1, 2))


ns.testing.check_loss(MaximumLoss)


def objective(content, style):
    strokes = MaximumLoss(style, ["block2_conv1", "block3_conv1"])
    return ns.ContentLoss(content) + 10 * ns.StyleLoss(style) + 5 * strokes + 0.1 * darkness


here = Path(__file__).parent
result = ns.stylize(
    here / "content.png",
    here / "style.png",
    objective=objective,
    size=96,
    maxiter=20,
)
print(result.losses)
result.save("own_losses.png")
