# The options of `stylize` and its kin for type checkers: the classes are what
# `signatures.typed_dicts()` makes of neuralstyle/transfer/options/options.py, of the recipes and of
# `minimize`; a test compares them.
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from os import PathLike
from typing import TypedDict

import keras

from neuralstyle._types import Dtype, Padding
from neuralstyle.features.architectures import Pooling
from neuralstyle.features.base import Extractor
from neuralstyle.features.tiles import TileSide
from neuralstyle.images.color import ColorTreatment
from neuralstyle.losses.layers import Layers
from neuralstyle.optimize.methods.methods import Method, MethodLike
from neuralstyle.optimize.parametrizations import Parametrization
from neuralstyle.optimize.result import Callback
from neuralstyle.transfer.options.picture_options import Alpha, ObjectiveFactory, StyleFit
from neuralstyle.transfer.recipes import Recipe
from neuralstyle.transfer.regions import Region
from neuralstyle.transfer.start import Init

class Shared(TypedDict, total=False):
    style_weights: Sequence[float] | None
    regions: Sequence[Region] | None
    network: str | PathLike[str] | Extractor
    pooling: Pooling | None
    padding: Padding | None
    dtype: Dtype
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
    tile: TileSide
    executor: Executor | None
    ftol: float
    gtol: float
    xtol: float
    bounds: tuple[float, float] | None
    parametrization: Parametrization | None
    callback: Callback | None
    progress: bool

class StylizeOptions(Shared, total=False):
    recipe: str | Recipe | None
    objective: ObjectiveFactory | None
    size: int | tuple[int, int] | None
    checkpoint: str | PathLike[str] | None

class SheetOptions(Shared, total=False):
    content_weight: float
    style_weight: float
    color_weight: float
    patch_weight: float
    tv_weight: float
    content_layers: Layers
    style_layers: Layers

class SweepOptions(SheetOptions, total=False):
    size: int | tuple[int, int] | None

class ExploreOptions(SweepOptions, total=False):
    objective: ObjectiveFactory | None

class MinimizeOptions(TypedDict, total=False):
    shape: tuple[int, ...] | None
    seed: int
    method: MethodLike
    maxiter: int
    maxfun: int | None
    ftol: float
    gtol: float
    xtol: float
    bounds: tuple[float, float] | None
    parametrization: Parametrization | None
    tile: TileSide
    executor: Executor | None
