"""ProGamerGov's neural-style-pt without flags: its losses, weights, start and L-BFGS.

https://github.com/ProGamerGov/neural-style-pt

python docs/examples/ports/neural_style_pt.py writes neural_style_pt.png

Expect strokes without the photograph from the stand-in: Gram matrices are divided by the number of
channels, of which it has fewer, so that the same weights ask for more of the style.
"""

from pathlib import Path

import numpy as np

import neuralstyle as ns

network = ns.VGG16Features("compact")  # in the original: ns.VGG19Features("imagenet")
size, iterations = 96, 100  # in the original: 512, 1000

mean = np.array([123.68, 116.779, 103.939], np.float32)  # red, green, blue; its pixels go to 256
vgg = ns.KerasFeatures(network.model, preprocess=lambda image: (256 * image - mean)[..., ::-1])

examples = Path(__file__).parent.parent
content = ns.load_image(examples / "content.png", max_size=size)
s = vgg(ns.load_image(examples / "style.png", max_size=size))
layers = {name: 1 / s[name].shape[-1] ** 2 for name in (f"block{i}_conv1" for i in range(1, 6))}
objective = 5 * ns.ContentLoss(vgg(content), "block4_conv2", normalize="mean")
objective += 100 * ns.StyleLoss(s, layers, normalize="mean")
objective += 1e-3 * 256 * ns.TotalVariationLoss(1, isotropic=False, normalize="paper")
noise = np.random.default_rng(0).normal(mean, 0.001, content.shape)
start = (noise / 256).astype(np.float32)
result = ns.minimize(objective, vgg, start, method=ns.LBFGS(maxcor=100), maxiter=iterations)
print(result.message, result.losses)
result.save("neural_style_pt.png")
