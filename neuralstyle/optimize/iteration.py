"""One step of a run, as its history holds it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Iteration:
    """One accepted iteration of a run.

    Attributes
    ----------
    nit : int
        Iterations so far.
    nfev : int
        Evaluations so far.
    fun : float
        The objective's value.
    losses : dict from str to float
        Every loss, before weighing.
    seconds : float
        Since the call.
    scale : int
        Which scale of a coarse-to-fine run this belongs to, from 0.
    parts : dict from str to float
        What products, powers and maxima among the losses are made of, before weighing, by paths
        such as ``"product/style"``.
    """

    nit: int
    nfev: int
    fun: float
    losses: dict[str, float]
    seconds: float
    scale: int = 0
    parts: dict[str, float] = field(default_factory=dict)
