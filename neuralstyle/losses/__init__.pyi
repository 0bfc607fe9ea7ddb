# What other wings use of this one; neuralstyle/losses/__init__.py reads this list too.
from neuralstyle.losses.content import ContentLoss as ContentLoss
from neuralstyle.losses.gaussian import GaussianWassersteinLoss as GaussianWassersteinLoss
from neuralstyle.losses.histogram import HistogramLoss as HistogramLoss
from neuralstyle.losses.laplacian import LaplacianLoss as LaplacianLoss
from neuralstyle.losses.layers import Layers as Layers
from neuralstyle.losses.layers import Normalize as Normalize
from neuralstyle.losses.moments import CovarianceLoss as CovarianceLoss
from neuralstyle.losses.moments import MomentLoss as MomentLoss
from neuralstyle.losses.moments import StyleLoss as StyleLoss
from neuralstyle.losses.names import STYLE_LAYERS as STYLE_LAYERS
from neuralstyle.losses.nearest import NearestLoss as NearestLoss
from neuralstyle.losses.patches import PatchLoss as PatchLoss
from neuralstyle.losses.sliced import SlicedWassersteinLoss as SlicedWassersteinLoss
from neuralstyle.losses.strotss import RelaxedEMDLoss as RelaxedEMDLoss
from neuralstyle.losses.strotss import SelfSimilarityLoss as SelfSimilarityLoss
from neuralstyle.losses.temporal import TemporalLoss as TemporalLoss
from neuralstyle.losses.variation import TotalVariationLoss as TotalVariationLoss
