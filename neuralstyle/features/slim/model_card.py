"""The card of a slim network: what it is, how it was made, how far it is from the wide one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from neuralstyle import __version__
from neuralstyle.features.architectures import Architecture, Weights
from neuralstyle.features.crops import Crops

OXFORD: Final = (
    "Derived from the {network} of the Visual Geometry Group, University of Oxford (Simonyan and "
    "Zisserman, 2015), CC BY 4.0; channels selected and refitted."
)
"""What the licence of Oxford's weights asks to be said."""

OTHER: Final = (
    "The wide network is {source}: its licence holds for this one too. If it is ImageNet's VGG, "
    "then this is " + OXFORD[0].lower() + OXFORD[1:]
)


def card(
    architecture: Architecture,
    source: str,
    wide: Weights,
    slimmed: Weights,
    errors: Mapping[str, Mapping[str, float]],
    crops: Crops,
    *,
    start: str | None,
    steps: tuple[int, int],
    seed: int,
    licence: str | None,
    command: str | None,
) -> str:
    """Write the card of a slim network.

    Parameters
    ----------
    architecture : Architecture
    source : str
        What the weights of the wide network are called.
    wide, slimmed : dict from str to (kernel, bias)
    errors : mapping from pooling to mapping from layer to float
    crops : Crops
    start : str or None
        The name of the slim network that was fine-tuned further.
    steps : (int, int)
        Of fine-tuning, done and planned.
    seed : int
    licence : str or None
        What the licence of the wide network asks to be said.
    command : str or None
        Which made it.

    Returns
    -------
    str
        Markdown.
    """
    done, planned = steps
    numbers = sum(kernel.size + bias.size for kernel, bias in slimmed.values())
    sides = ", ".join(str(side) for side in sorted(set(crops.sides)))
    widths = ", ".join(str(len(bias)) for _, bias in slimmed.values())
    begun, given = "channels chosen greedily, kernels by least squares", f"widths=({widths})"
    data = f"crops of {len(crops)} pictures, of {sides} px; {len(crops.validation)} left out"
    if start is not None:
        begun, given = f"gone on from {start}", "start=..."
        data = data if planned else f"errors are those of crops of {len(crops)} pictures"
    call = f"ns.slim(..., {given}, steps={planned}, seed={seed})"
    early = "" if done >= planned else f", ended early of the {planned} planned"
    named = OXFORD if source == "ImageNet" else OTHER
    origin = licence or named.format(
        network=architecture.name.replace("VGG", "VGG-"), source=source
    )
    poolings = tuple(errors)
    lines = [
        f"# A slim {architecture.name}",
        "",
        origin,
        "",
        f"* Wide network: {architecture.name}, weights: {source}.",
        f"* Channels of the convolutions: {widths}; {numbers} numbers. Every channel is one of the",
        "  wide network's, in its order, with its size of activation.",
        f"* Data: {data}.",
        f"* Made by neuralstyle {__version__}: {begun}, "
        f"{done} steps of fine-tuning{early}; seed {seed}.",
        f"* Command: `{command or call}`",
        "",
        "Squared error of every layer on pictures left out, relative to the mean square of the "
        "wide network's channels:",
        "",
        f"| layer | channels | of | {' | '.join(f'{p} pooling' for p in poolings)} |",
        f"|---|---|---|{'---|' * len(poolings)}",
    ]
    for name, (_, bias) in slimmed.items():
        values = " | ".join(f"{errors[pooling][name]:.4f}" for pooling in poolings)
        lines.append(f"| {name} | {len(bias)} | {len(wide[name][1])} | {values} |")
    return "\n".join(lines) + "\n"
