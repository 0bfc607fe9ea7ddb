"""Names that losses and recipes have in common; nothing here needs Keras."""

from __future__ import annotations

STYLE_LAYERS = ("block1_conv1", "block2_conv1", "block3_conv1", "block4_conv1", "block5_conv1")
"""The five style layers of Gatys et al. 2016."""
