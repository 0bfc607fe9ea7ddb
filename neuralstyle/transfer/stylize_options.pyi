# The options of `stylize` for type checkers, made from neuralstyle/transfer/options.py: the class
# is what `signatures.typed_dict()` returns, and a test compares them.
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TypedDict

import keras

from neuralstyle._types import Padding
from neuralstyle.features.architectures import Pooling
from neuralstyle.features.base import Extractor
from neuralstyle.images.color import ColorTreatment
from neuralstyle.optimize.methods import Method
from neuralstyle.optimize.parametrizations import Parametrization
from neuralstyle.optimize.result import Callback
from neuralstyle.transfer.picture_options import Alpha, ObjectiveFactory, StyleFit
from neuralstyle.transfer.recipes import Recipe
from neuralstyle.transfer.regions import Region
from neuralstyle.transfer.start import Init

class StylizeOptions(TypedDict, total=False):
    style_weights: Sequence[float] | None
    regions: Sequence[Region] | None
    recipe: str | Recipe | None
    objective: ObjectiveFactory | None
    network: str | PathLike[str] | Extractor
    pooling: Pooling | None
    padding: Padding | None
    size: int | tuple[int, int] | None
    style_scale: float | Sequence[float]
    style_fit: StyleFit | None
    color: str | ColorTreatment | None
    alpha: Alpha
    balance: Mapping[str, float] | None
    scales: int | None
    maxiter: int | Sequence[int] | None
    init: Init | None
    seed: int
    method: str | Method | keras.optimizers.Optimizer | None
    maxfun: int | None
    ftol: float
    gtol: float
    xtol: float
    bounds: tuple[float, float] | None
    parametrization: Parametrization | None
    checkpoint: str | PathLike[str] | None
    callback: Callback | None
    progress: bool
