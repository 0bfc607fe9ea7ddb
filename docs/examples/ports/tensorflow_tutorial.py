"""TensorFlow's tutorial "Neural style transfer": its losses, weights and Adam.

https://www.tensorflow.org/tutorials/generative/style_transfer, the run with total
variation.

python docs/examples/ports/tensorflow_tutorial.py writes tensorflow_tutorial.png
"""

from pathlib import Path

import keras

import neuralstyle as ns

vgg = ns.VGG16Features("compact")  # in the original: ns.VGG19Features("imagenet")
size, steps = 96, 25  # in the original: 512, 1000

examples = Path(__file__).parent.parent
content = ns.load_image(examples / "content.png", max_size=size)
style = ns.load_image(examples / "style.png", max_size=size)

objective = (
    1e4 * ns.ContentLoss(vgg(content), "block5_conv2", normalize="mean")
    + 1e-2 * ns.StyleLoss(vgg(style), normalize="mean")
    + 30 * ns.TotalVariationLoss(1, isotropic=False, normalize="paper")
)
adam = ns.KerasMethod(keras.optimizers.Adam(0.02, beta_1=0.99, epsilon=0.1), scale_gradients=False)
result = ns.minimize(objective, vgg, content, method=adam, bounds=(0, 1), maxiter=steps)
print(result.message, result.losses)
result.save("tensorflow_tutorial.png")
