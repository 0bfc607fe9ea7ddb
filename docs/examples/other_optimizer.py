"""Other optimisers: SciPy's, a loop of one's own, and Keras', on one objective.

python docs/examples/other_optimizer.py writes other_optimizer.png
"""

from pathlib import Path

import keras
import numpy as np
import scipy.optimize

import neuralstyle as ns

here = Path(__file__).parent
content = ns.load_image(here / "content.png", max_size=64)
style = ns.load_image(here / "style.png", max_size=64)
vgg = ns.VGG16Features("compact", pooling="avg")
objective = ns.ContentLoss(vgg(content)) + 5 * ns.StyleLoss(vgg(style))

evaluator = ns.Evaluator(objective, vgg, content.shape)
start = content.ravel().astype(np.float64)
for method, options in {
    "CG": {"maxiter": 10},
    "TNC": {"maxfun": 40, "accuracy": 1e-2, "maxCGit": 5},
}.items():
    found = scipy.optimize.minimize(evaluator, start, jac=True, method=method, options=options)
    print(method, found.fun)

x = start
for _ in range(20):
    value, gradient = evaluator(x)
    x = np.clip(x - 0.02 * gradient / np.abs(gradient).max(), 0, 1)
print("steps of one's own", value)

adam = keras.optimizers.Adam(0.02)
result = ns.minimize(evaluator, init=content, method=adam, maxiter=20)
print("Adam", result.fun)
result.save("other_optimizer.png")
