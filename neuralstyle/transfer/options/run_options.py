"""Options of `stylize` and its kin that say how it is done: scales, iterations, optimiser, ends."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING

from neuralstyle.features.tiles import TileSide
from neuralstyle.transfer.options import checks, words
from neuralstyle.transfer.options.option import option
from neuralstyle.transfer.start import STARTS, Init

if TYPE_CHECKING:
    import keras

    from neuralstyle.optimize.methods.methods import Method
    from neuralstyle.optimize.parametrizations import Parametrization
    from neuralstyle.optimize.result import Callback


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The second half of `Options`."""

    scales: int | None = option(
        None,
        "int",
        "How many sizes to work at, each twice the one before. The recipe's if left out: from 64 "
        "pixels upwards for the default.",
        checks.count,
        flag="--scales",
        short_help="sizes to work at, each twice the one before",
        example="2",
        parse=words.whole(),
        metavar="N",
    )
    maxiter: int | Sequence[int] | None = option(
        None,
        "int or sequence of int",
        "Iterations at every scale, or at each from coarse to fine (the last one repeats). The "
        "recipe's if left out.",
        checks.iterations,
        flag="--iterations",
        short_help="at every scale, or at each from coarse to fine; the last number repeats",
        example="30 10",
        parse=words.whole(),
        nargs="+",
        metavar="N",
    )
    init: Init | None = option(
        None,
        "str, array, mapping, path or StyleResult",
        'Where to start: ``"content"``, ``"style"``, ``"noise"``, shares of these, such as '
        '``{"content": 0.8, "noise": 0.2}``, an image, its file (a `pathlib.Path`), or an earlier '
        "result. The recipe's if left out. From an image, the scales up to its size are left out, "
        "unless `scales` is given: a small result is gone on from at a larger size.",
        checks.init,
        flag="--init",
        short_help=f"{', '.join(STARTS)}, a mixture such as content:0.8,noise:0.2, or a picture",
        example="content:0.8,noise:0.2",
        parse=words.start,
        metavar="START",
    )
    seed: int = option(
        0,
        "int",
        'For noise, and for ``network="random"``.',
        checks.seed,
        flag="--seed",
        short_help="for noise, and for the random network (default: 0)",
        example="5",
        parse=words.whole(0),
        metavar="N",
    )
    method: str | Method | keras.optimizers.Optimizer | None = option(
        None,
        "str, Method or keras.optimizers.Optimizer",
        "As for `minimize`. If left out the recipe's, which is `LBFGS` for those of the library; "
        "with `bounds`, `LBFGSB`.",
        checks.method,
        flag="--method",
        short_help="the optimiser, such as l-bfgs:maxcor=50 (default: the recipe's, l-bfgs)",
        example="l-bfgs:maxcor=50",
        parse=words.method,
        metavar="NAME[:OPTION=VALUE,...]",
    )
    maxfun: int | None = option(
        None,
        "int",
        "Evaluations at every scale at the most.",
        checks.count,
        flag="--maxfun",
        short_help="evaluations at every scale at the most",
        example="100",
        parse=words.whole(),
        metavar="N",
    )
    tile: TileSide = option(
        None,
        'int or "auto"',
        "Look at the picture tile by tile, each of about so many pixels in height and width, at "
        "the scales that are larger. The picture is the same up to rounding; it takes a fraction "
        'of the memory and, at 512, up to twice the time. ``"auto"``: only if memory is short, and '
        "in the largest tiles that fit.",
        checks.tile,
        flag="--tile",
        short_help="look at the picture in tiles of about N pixels, or auto: as memory allows",
        example="512",
        parse=words.tile,
        metavar="N",
    )
    executor: Executor | None = option(
        None,
        "concurrent.futures.Executor",
        "Whose workers look at the tiles that `tile` asks for: threads, processes, or machines "
        "(Dask). The network goes to them, and has to be one that can be pickled. `stylize_many` "
        "without `tile` has them paint whole pictures.",
        checks.executor,
        why_no_flag="it is an object of Python's",
    )
    ftol: float = option(
        1e-9,
        "float",
        "Stop a scale when an iteration lowers the value by less than this fraction of it.",
        checks.amount,
        flag="--ftol",
        short_help="stop when the loss falls by less than F of it",
        example="1e-5",
        parse=words.amount,
        metavar="F",
    )
    gtol: float = option(
        0.0,
        "float",
        "Stop a scale when no pixel's derivative exceeds this times the largest at the start.",
        checks.amount,
        flag="--gtol",
        short_help="stop when no derivative exceeds F of the largest at the start",
        example="1e-4",
        parse=words.amount,
        metavar="F",
    )
    xtol: float = option(
        0.0,
        "float",
        "Stop a scale when three iterations running have changed the pixels by less than this on "
        "average, in grey levels of 1/255.",
        checks.amount,
        flag="--xtol",
        short_help="stop when the picture changes by less than F grey levels on average",
        example="0.1",
        parse=words.amount,
        metavar="F",
    )
    bounds: tuple[float, float] | None = option(
        None,
        "(float, float)",
        "Range that pixels are kept in at every iteration. There is none by default; the picture "
        "is clipped to [0, 1] after each scale in either case.",
        checks.bounds,
        flag="--bounds",
        short_help="range that pixels are kept in at every iteration, such as 0 1",
        example="0 1",
        parse=words.number,
        nargs=2,
        collect=tuple,
        metavar=("LOW", "HIGH"),
    )
    parametrization: Parametrization | None = option(
        None,
        "Parametrization",
        "What to move in place of the pixels, at every scale: see `neuralstyle.parametrizations`. "
        "If left out, one channel in place of three where the styles have no colour, by "
        "themselves or by `color`; else the pixels.",
        checks.parametrization,
        why_no_flag="--color grey asks for one channel",
    )
    checkpoint: str | PathLike[str] | None = option(
        None,
        "str or path",
        "A file that is written after every scale, and at most once a minute within one: the same "
        "call again goes on from there, and ends with the same picture. For several pictures a "
        "folder of such files. A file of another run is refused.",
        checks.path,
        flag="--checkpoint",
        short_help="a file from which the same command goes on; for several pictures a folder",
        example="run.npz",
        parse=str,
        metavar="PATH",
    )
    callback: Callback | None = option(
        None,
        "callable",
        "Called with a `Progress` after every accepted iteration; returning True itself or raising "
        "`StopIteration` ends the run. If it has a method `after_scale`, that is called with the "
        "result so far after every scale but the last.",
        checks.callback,
        why_no_flag="--save-every makes one",
    )
    progress: bool = option(
        False,
        "bool",
        "Draw a progress bar on standard error.",
        checks.truth,
        why_no_flag="it is drawn unless --quiet is given",
    )
