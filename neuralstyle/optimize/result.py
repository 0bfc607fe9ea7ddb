"""What a run returns."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray
from PIL import Image as Pillow

from neuralstyle._types import Image, PathLike, PictureLike
from neuralstyle.images.convert import to_pil
from neuralstyle.images.metadata import KEY
from neuralstyle.images.save import check_target, save_image
from neuralstyle.images.show import png, shown
from neuralstyle.images.sources import PathOrFile
from neuralstyle.optimize.about import about_of, in_json
from neuralstyle.optimize.iteration import Iteration as Iteration
from neuralstyle.optimize.origin import Origin
from neuralstyle.optimize.record import Callback as Callback
from neuralstyle.optimize.record import Progress as Progress
from neuralstyle.optimize.record import ends as ends
from neuralstyle.optimize.status import Halt as Halt
from neuralstyle.optimize.status import Status as Status

if TYPE_CHECKING:
    from neuralstyle.losses.objective import StyleObjective


@dataclass(frozen=True, eq=False)
class StyleResult:
    """What a run returns.

    Attributes
    ----------
    image : array, shape (H, W, 3), float32, in [0, 1]
        The best finite iterate, clipped to [0, 1].
    fun : float
        The objective's value there: of that very picture.
    losses : dict from str to float
        Every loss there, before weighing: ``fun`` is the sum of weight times loss.
    history : tuple of Iteration
        The accepted iterations, with values before clipping. The last one need not have the value
        `fun`: without bounds, iterates leave [0, 1] a little, and another may have been better.
    nit, nfev : int
        Numbers of iterations and evaluations.
    seconds : float
        That the call took.
    success : bool
        Whether the run ended as asked: converged, at its limit, or halted by the callback.
    status : Status
        Why it ended.
    message : str
        The same in words.
    settings : dict
        The arguments of the run, and the versions of the libraries.
    state : dict from str to array, or None
        Of the last accepted iteration: what `minimize` goes on from. It holds all that the next
        iterations depend on, the best point so far and the counters of the tolerances among it;
        and the objective's table, the size of the picture, and what else says whose it is. None
        if the method's state cannot be restored (`LBFGSB`).
    objective : StyleObjective or None
        What was minimised, at the last scale. Copies, and pickles, leave it behind.
    parts : dict from str to float
        What products, powers and maxima among the losses are made of, before weighing, by paths
        such as ``"product/style"``.
    origin : Origin or None
        What `stylize` made it of, for `save_report`.
    """

    image: Image = field(repr=False)
    fun: float
    losses: dict[str, float]
    history: tuple[Iteration, ...] = field(repr=False)
    nit: int
    nfev: int
    seconds: float
    success: bool
    status: Status
    message: str
    settings: dict[str, Any] = field(repr=False)
    state: dict[str, NDArray[Any]] | None = field(repr=False, default=None)
    parts: dict[str, float] = field(default_factory=dict)
    objective: StyleObjective | None = field(repr=False, default=None)
    origin: Origin | None = field(repr=False, default=None)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the objective behind: it may hold functions, and more than the picture weighs."""
        return {**vars(self), "objective": None}

    def _repr_png_(self) -> bytes:
        """Show the picture in a notebook."""
        return png(self.image)

    def _repr_html_(self) -> str:
        """Show the picture, its losses, and why the run ended."""
        return shown(
            self.image,
            [("objective", self.fun), *self.losses.items()],
            f"{self.message}; {self.nit} iterations, {self.seconds:.1f} s",
        )

    def to_pil(self) -> Pillow.Image:
        """Return the picture as a PIL image of 8 bits a channel."""
        return to_pil(self.image)

    def save(
        self,
        target: PathOrFile,
        *,
        objective: PathLike | None = None,
        alpha: object = None,
        format: str | None = None,
        quality: int = 95,
    ) -> None:
        """Write the picture, with the settings and the losses in it.

        Parameters
        ----------
        target : str, path-like or binary file object
            As for `save_image`. The command line stores the same with its pictures; `load_metadata`
            reads it.
        objective : str or path-like, optional
            A file beside it for the objective with all its targets, as of `save_loss`. Of a run
            over several scales, that of the last.
        alpha, format, quality
            As for `save_image`.

        Raises
        ------
        TypeError, ValueError, OSError
            As for `save_image` and `save_loss`, and then nothing is written; if there is no
            objective to write: copies in other processes, and results of a finished checkpoint,
            have none.

        Notes
        -----
        ``stylize(content, style, **load_metadata(target).options)`` paints the picture again: on
        the same machine, with the same versions and threads, to the bit.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> from neuralstyle import load_metadata, stylize
        >>> content, style = np.random.default_rng(0).uniform(size=(2, 32, 32, 3))
        >>> result = stylize(content, style, maxiter=1, seed=7)
        >>> path = pathlib.Path(tempfile.mkdtemp(), "out.png")
        >>> result.save(path)
        >>> again = stylize(content, style, **load_metadata(path).options)
        >>> np.array_equal(again.image, result.image)
        True
        """
        check_target(target, format)
        if objective is not None:
            if self.objective is None:
                raise ValueError("objective: expected none, as this result holds none")
            from neuralstyle.losses.storage import save_loss

            save_loss(objective, self.objective)
        texts = {KEY: in_json(about_of(self))}
        save_image(target, self.image, alpha=alpha, format=format, quality=quality, metadata=texts)

    def save_report(
        self,
        target: PathOrFile,
        *,
        content: PictureLike | None = None,
        style: PictureLike | Sequence[PictureLike] | None = None,
        command: str | None = None,
        title: str | None = None,
    ) -> None:
        """Write a page about the run, for a browser: one file that needs nothing else.

        Parameters
        ----------
        target : str, path-like or binary file object
            A file appears whole or not at all. Its usual suffix is ``.html``.
        content, style : pictures, optional
            As for `stylize`: what a result of `minimize` was made of. One of `stylize` knows.
        command : str, optional
            The command line to show. Made of the options by default, with words in place of the
            names of the pictures.
        title : str, optional
            The page's heading.

        Raises
        ------
        TypeError, ValueError, OSError
            If a picture is none, or the file cannot be written.

        Notes
        -----
        The page has the pictures (as JPEG, made smaller where it would exceed 5 MB), a slider
        between photograph and result, the losses of every iteration, the score of a result of
        `stylize`, all settings and versions, and how to paint the picture again.

        Examples
        --------
        >>> import io
        >>> from neuralstyle import TotalVariationLoss, minimize
        >>> start = np.random.default_rng(0).uniform(size=(16, 16, 3))
        >>> result = minimize(TotalVariationLoss(), lambda image: {"input": image}, start)
        >>> file = io.BytesIO()
        >>> result.save_report(file, content=start, title="Smoother")
        >>> b"<title>Smoother</title>" in file.getvalue()
        True
        """
        from neuralstyle.optimize.showing.page.page import write_page

        write_page(target, self, content, style, command, title)


def interrupted(result: StyleResult) -> StyleResult:
    """Return a result as one of a run that the user has ended."""
    return dataclasses.replace(
        result, status=Status.INTERRUPTED, success=False, message="interrupted by the user"
    )
