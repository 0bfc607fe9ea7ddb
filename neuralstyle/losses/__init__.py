r"""The losses: what a picture should share with its content and with its style.

Each takes the features of its target, keeps one statistic per layer, and compares the generated
image's with it. Three normalisations are offered everywhere:

``"relative"`` (default)
    The mean form divided by the target statistic's own mean square: 1 for features that are all
    zero, at every layer, size and network, so that weights near 1 mean the same thing everywhere.
``"mean"``
    The mean over the statistic's entries, in the features' own units.
``"paper"``
    The formula as published.

``layers=`` takes a name, a sequence of names (each weighs 1 / their number), or a mapping from name
to weight (used as given).
"""

from __future__ import annotations

from neuralstyle.losses.content import ContentLoss as ContentLoss
from neuralstyle.losses.gaussian import GaussianWassersteinLoss as GaussianWassersteinLoss
from neuralstyle.losses.histogram import HistogramLoss as HistogramLoss
from neuralstyle.losses.laplacian import LaplacianLoss as LaplacianLoss
from neuralstyle.losses.layers import STYLE_LAYERS as STYLE_LAYERS
from neuralstyle.losses.layers import Layers as Layers
from neuralstyle.losses.layers import Normalize as Normalize
from neuralstyle.losses.moments import CovarianceLoss as CovarianceLoss
from neuralstyle.losses.moments import MomentLoss as MomentLoss
from neuralstyle.losses.moments import StyleLoss as StyleLoss
from neuralstyle.losses.patches import PatchLoss as PatchLoss
from neuralstyle.losses.samples import RelaxedEMDLoss as RelaxedEMDLoss
from neuralstyle.losses.samples import SelfSimilarityLoss as SelfSimilarityLoss
from neuralstyle.losses.sliced import SlicedWassersteinLoss as SlicedWassersteinLoss
from neuralstyle.losses.temporal import TemporalLoss as TemporalLoss
from neuralstyle.losses.variation import TotalVariationLoss as TotalVariationLoss
