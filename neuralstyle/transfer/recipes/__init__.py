"""Recipes: objectives from the literature, and the library's own, with the settings they come with.

Each function here returns a `Recipe`, for ``stylize(..., recipe=...)`` or to be called with
features. Weights are those of the source, in its own normalisation, and can be changed by keyword.
Those of `neural_style`, `keras_example` and `risser2017` presume the size of the activations of
ImageNet's VGGs, which the compact network has too.

`RECIPES` has them by name, as the command line knows them. A further recipe is a function under
`named` in one of the files here, and a line below. They may touch the losses and the methods of the
optimisers, and import no Keras before they are called.
"""

from __future__ import annotations

from neuralstyle.transfer.recipes.house import default as default
from neuralstyle.transfer.recipes.house import fast as fast
from neuralstyle.transfer.recipes.literature import gatys2016 as gatys2016
from neuralstyle.transfer.recipes.literature import keras_example as keras_example
from neuralstyle.transfer.recipes.literature import neural_style as neural_style
from neuralstyle.transfer.recipes.literature import risser2017 as risser2017
from neuralstyle.transfer.recipes.nnst import nnst as nnst
from neuralstyle.transfer.recipes.recipe import Recipe as Recipe
from neuralstyle.transfer.recipes.recipe import combined as combined
from neuralstyle.transfer.recipes.registry import RECIPES as RECIPES
from neuralstyle.transfer.recipes.registry import check_recipe as check_recipe
