"""Other networks: a Keras model of one's own beside the compact VGG16, in one objective.

python docs/examples/other_network.py writes other_network.png
"""

from pathlib import Path

import keras

import neuralstyle as ns

keras.utils.set_random_seed(0)
model = keras.Sequential(
    [
        keras.Input((None, None, 3)),
        keras.layers.Conv2D(32, 5, activation="relu", name="fine"),
        keras.layers.Conv2D(64, 5, strides=2, activation="relu", name="coarse"),
    ]
)  # trained on what you know about
network = ns.Join(
    own=ns.KerasFeatures(model, preprocess=lambda image: 2 * image - 1),
    vgg=ns.VGG16Features("compact"),
)
print(network.layers)

here = Path(__file__).parent
content = ns.load_image(here / "content.png", max_size=64)
style = network(ns.load_image(here / "style.png", max_size=64))
objective = (
    ns.ContentLoss(network(content), "vgg/block4_conv2")
    + 5 * ns.StyleLoss(style, ["own/fine", "own/coarse"])
    + 5 * ns.StyleLoss(style, ["vgg/block1_conv1", "vgg/block3_conv1"], name="vgg_style")
)
result = ns.minimize(objective, network, content, maxiter=20)
print(result.losses)
result.save("other_network.png")
