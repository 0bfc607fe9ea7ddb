"""Keras.io, "Neural style transfer": its losses, weights and gradient descent.

https://keras.io/examples/generative/neural_style_transfer/, as of May 2020.

python docs/examples/ports/keras_io.py writes keras_io.png
"""

import math
from pathlib import Path

from keras.optimizers import SGD, schedules

import neuralstyle as ns

vgg = ns.VGG16Features("compact")  # in the original: ns.VGG19Features("imagenet")
rows, steps = 100, 50  # in the original: 400, 4000

examples = Path(__file__).parent.parent
content = ns.load_image(examples / "content.png", shorter=rows)
style = ns.resize(ns.load_image(examples / "style.png"), content.shape[:2])  # distorted, too
c = vgg(content)

# Its Gram matrices are sums, divided by 3 channels and the picture's pixels at every layer.
names = [f"block{i}_conv1" for i in range(1, 6)]
layers = {name: (math.prod(c[name].shape) / content.size) ** 2 / 5 for name in names}
objective = 2.5e-8 * 2 * ns.ContentLoss(c, "block5_conv2", normalize="paper")
objective += 1e-6 * ns.StyleLoss(vgg(style), layers, normalize="paper")
objective += 1e-6 * 255**2.5 * ns.TotalVariationLoss(2.5, normalize="paper")
# Its pixels go to 255: ours move by 1/255 of that, for gradients that are 255 times as large.
sgd = SGD(schedules.ExponentialDecay(100 / 255**2, decay_steps=100, decay_rate=0.96))
descent = ns.KerasMethod(sgd, scale_gradients=False)
result = ns.minimize(objective, vgg, content, method=descent, maxiter=steps)
result.save("keras_io.png")
