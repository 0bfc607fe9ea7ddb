"""Leon Gatys' notebook NeuralStyleTransfer.ipynb: its losses, weights, L-BFGS and second pass.

https://github.com/leongatys/PytorchNeuralStyleTransfer

python docs/examples/ports/gatys_notebook.py writes gatys_notebook.png
"""

from pathlib import Path

import neuralstyle as ns

vgg = ns.VGG16Features("compact")  # in the original: ns.VGG19Features("imagenet")
passes = {64: 15, 96: 10}  # in the original: {512: 500, 800: 200}

examples = Path(__file__).parent.parent
picture = None
for shorter, iterations in passes.items():
    content = ns.load_image(examples / "content.png", shorter=shorter)
    s = vgg(ns.load_image(examples / "style.png", shorter=shorter))
    names = [f"block{i}_conv1" for i in range(1, 6)]
    layers = {name: 1e3 / s[name].shape[-1] ** 2 for name in names}
    objective = ns.ContentLoss(vgg(content), "block4_conv2", normalize="mean")
    objective += ns.StyleLoss(s, layers, normalize="mean")
    start = content if picture is None else ns.resize(picture, content.shape[:2])
    result = ns.minimize(objective, vgg, start, method=ns.LBFGS(maxcor=100), maxiter=iterations)
    picture = result.image
    print(result.message, result.losses)
result.save("gatys_notebook.png")
