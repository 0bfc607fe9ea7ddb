"""Neural style transfer by image optimisation: composable losses over one Keras VGG19.

Compose losses, weigh them with ``*``, add them with ``+``, and let `minimize` move the pixels; or
call `stylize`, which does it all. Importing this package has no side effect, and TensorFlow is
imported only when something that needs it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neuralstyle import color as color
    from neuralstyle import parametrizations as parametrizations
    from neuralstyle import presets as presets
    from neuralstyle import statistics as statistics
    from neuralstyle.balancing import balance as balance
    from neuralstyle.color import ColorTreatment as ColorTreatment
    from neuralstyle.evaluate import Evaluator as Evaluator
    from neuralstyle.evaluate import gradient_norms as gradient_norms
    from neuralstyle.features import Features as Features
    from neuralstyle.features import KerasFeatures as KerasFeatures
    from neuralstyle.features import VGG19Features as VGG19Features
    from neuralstyle.geometry import crop as crop
    from neuralstyle.geometry import tile as tile
    from neuralstyle.geometry import warp as warp
    from neuralstyle.images import load_image as load_image
    from neuralstyle.images import load_metadata as load_metadata
    from neuralstyle.images import resize as resize
    from neuralstyle.images import save_image as save_image
    from neuralstyle.labels import label_masks as label_masks
    from neuralstyle.lbfgs import LBFGS as LBFGS
    from neuralstyle.losses import ContentLoss as ContentLoss
    from neuralstyle.losses import CovarianceLoss as CovarianceLoss
    from neuralstyle.losses import GaussianWassersteinLoss as GaussianWassersteinLoss
    from neuralstyle.losses import HistogramLoss as HistogramLoss
    from neuralstyle.losses import LaplacianLoss as LaplacianLoss
    from neuralstyle.losses import MomentLoss as MomentLoss
    from neuralstyle.losses import PatchLoss as PatchLoss
    from neuralstyle.losses import RelaxedEMDLoss as RelaxedEMDLoss
    from neuralstyle.losses import SelfSimilarityLoss as SelfSimilarityLoss
    from neuralstyle.losses import SlicedWassersteinLoss as SlicedWassersteinLoss
    from neuralstyle.losses import StyleLoss as StyleLoss
    from neuralstyle.losses import TemporalLoss as TemporalLoss
    from neuralstyle.losses import TotalVariationLoss as TotalVariationLoss
    from neuralstyle.masks import Mask as Mask
    from neuralstyle.objective import Loss as Loss
    from neuralstyle.objective import StyleObjective as StyleObjective
    from neuralstyle.objective import Term as Term
    from neuralstyle.objective import loss as loss
    from neuralstyle.optimize import minimize as minimize
    from neuralstyle.parametrizations import Parametrization as Parametrization
    from neuralstyle.presets import Recipe as Recipe
    from neuralstyle.pyramid import Pyramid as Pyramid
    from neuralstyle.result import Iteration as Iteration
    from neuralstyle.result import Progress as Progress
    from neuralstyle.result import Status as Status
    from neuralstyle.result import StyleResult as StyleResult
    from neuralstyle.sequence import stylize_frames as stylize_frames
    from neuralstyle.sheets import contact_sheet as contact_sheet
    from neuralstyle.targets import average as average
    from neuralstyle.targets import load_loss as load_loss
    from neuralstyle.targets import save_loss as save_loss
    from neuralstyle.transfer import stylize as stylize
    from neuralstyle.transfer import stylize_many as stylize_many

__version__ = "0.1.0"

# Where each public name lives: the same list as above, which a test compares.
_HOMES = {
    "balancing": ("balance",),
    "color": ("ColorTreatment",),
    "evaluate": ("Evaluator", "gradient_norms"),
    "features": ("Features", "KerasFeatures", "VGG19Features"),
    "geometry": ("crop", "tile", "warp"),
    "images": ("load_image", "load_metadata", "resize", "save_image"),
    "labels": ("label_masks",),
    "lbfgs": ("LBFGS",),
    "losses": (
        "ContentLoss",
        "CovarianceLoss",
        "GaussianWassersteinLoss",
        "HistogramLoss",
        "MomentLoss",
        "SlicedWassersteinLoss",
        "LaplacianLoss",
        "PatchLoss",
        "RelaxedEMDLoss",
        "SelfSimilarityLoss",
        "StyleLoss",
        "TemporalLoss",
        "TotalVariationLoss",
    ),
    "masks": ("Mask",),
    "objective": ("Loss", "StyleObjective", "Term", "loss"),
    "optimize": ("minimize",),
    "parametrizations": ("Parametrization",),
    "presets": ("Recipe",),
    "pyramid": ("Pyramid",),
    "result": ("Iteration", "Progress", "Status", "StyleResult"),
    "sequence": ("stylize_frames",),
    "sheets": ("contact_sheet",),
    "targets": ("average", "load_loss", "save_loss"),
    "transfer": ("stylize", "stylize_many"),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}
_SUBMODULES = ("color", "parametrizations", "presets", "statistics")

__all__ = sorted((*_MODULE_OF, *_SUBMODULES, "__version__"))


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        return import_module(f"neuralstyle.{name}")
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'neuralstyle' has no attribute {name!r}")
    value = getattr(import_module(f"neuralstyle.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
