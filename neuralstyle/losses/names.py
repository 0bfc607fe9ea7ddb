"""Names that losses and recipes have in common; nothing here needs Keras."""

from __future__ import annotations

STYLE_LAYERS = ("block1_conv1", "block2_conv1", "block3_conv1", "block4_conv1", "block5_conv1")
"""The five style layers of Gatys et al. 2016."""

NEAREST_LAYERS = (
    *(f"block{block}_conv{conv}" for block in (1, 2) for conv in (1, 2)),
    *(f"block{block}_conv{conv}" for block in (3, 4) for conv in (1, 2, 3)),
)
"""All layers of VGG16 up to its fourth block, those of Kolkin et al. 2022; VGG19 has them too."""
