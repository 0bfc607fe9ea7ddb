"""Work that is spread over the workers of an executor, and comes home in order.

An executor (`concurrent.futures.Executor`) sends each task where it likes, and has no way to tell
all workers something first. So tasks name the work by a token, and every process keeps what it
knows by its token. A worker that does not know it says so, and the task goes out again with the
parcel that the work is packed in. Threads find the work of their own process, and need no parcel.
"""

from __future__ import annotations

import hashlib
import itertools
import logging
import os
import pickle
import socket
import threading
import uuid
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, final
from weakref import WeakValueDictionary

from neuralstyle import _checks
from neuralstyle._checks import shown
from neuralstyle._kernels.device import OutOfMemory
from neuralstyle.features.failures import said
from neuralstyle.features.tiles import TileSide

logger: logging.Logger = logging.getLogger(__name__)

AHEAD = 32
"""Tasks that are out at the most, done or not, before the first of them is taken."""

KEPT = 8
"""Works that a worker keeps, those done last: of a few scales, or for a few masters."""

T = TypeVar("T")
R = TypeVar("R")
T_contra = TypeVar("T_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)


class Work(Protocol[T_contra, R_co]):
    """A function of tasks that can be pickled."""

    def __call__(self, task: T_contra, /) -> R_co:
        """Do a task."""

    def named(self) -> dict[str, Any]:
        """Return what of it may refuse to be pickled, by the names of arguments."""


def check_executor(executor: Any, tile: TileSide) -> None:
    """Check an executor that is to look at tiles.

    Raises
    ------
    TypeError
        If it is none.
    ValueError
        If there are no tiles.
    """
    if _checks.executor("executor", executor) is not None and tile is None:
        raise ValueError(
            "executor: expected None without tile=, as its workers look at tiles, received "
            f"{shown(executor)}"
        )


@final
class Spread(Generic[T, R]):
    """A work that an executor's workers do.

    Parameters
    ----------
    work : Work
    executor : Executor or None
        None does it here.

    Raises
    ------
    TypeError
        If the work cannot be pickled and the executor's workers are other processes; the message
        names what of it cannot.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> class Squares:
    ...     def __call__(self, number): return number**2
    ...     def named(self): return {}
    >>> with ThreadPoolExecutor() as pool:
    ...     list(Spread(Squares(), pool)(range(5)))
    [0, 1, 4, 9, 16]
    """

    def __init__(self, work: Work[T, R], executor: Executor | None) -> None:
        self._work, self._executor = work, executor
        self._parcel: bytes | None = None
        if executor is None:
            return
        try:
            self._parcel = pickle.dumps(work)
        except Exception as error:  # whatever a user's object has against it
            self._token = uuid.uuid4().hex
            _here[self._token] = work
            if not executor.submit(_is_here, self._token).result():
                raise _refused(work, error) from error
        else:
            self._token = hashlib.sha256(self._parcel).hexdigest()
            _here[self._token] = work

    def __call__(self, tasks: Iterable[T], ahead: int = AHEAD) -> Iterator[R]:
        """Yield what comes of tasks, in their order.

        Parameters
        ----------
        tasks : iterable
            They are taken as they go out.
        ahead : int, default 32
            How many may be out before the first of them is taken.

        Raises
        ------
        Exception
            Whatever doing a task raises. Of a broken executor a warning is logged, and what it has
            not done is done here.
        """
        remaining = iter(tasks)
        if self._executor is None:
            yield from map(self._work, remaining)
            return
        queue: deque[_Job] = deque()
        running: dict[Future[Any], _Job] = {}
        parcels: dict[str, _Job] = {}
        try:
            while True:
                # What went out before an error is worth having, and nothing behind it is.
                while len(queue) < ahead and not any(job.error for job in queue):
                    taken = _taken(remaining)
                    if taken is None:
                        break
                    queue.append(taken)
                    if not taken.done:
                        self._send(taken, running)
                if not queue:
                    return
                while not queue[0].done and running:
                    self._receive(running, parcels)
                job = queue.popleft()
                if job.error is not None:
                    raise job.error
                yield job.answer if job.done else self._work(job.task)
        finally:
            for future in running:
                future.cancel()

    def _send(
        self, job: _Job, running: dict[Future[Any], _Job], parcel: bytes | None = None
    ) -> None:
        if self._executor is None:
            return
        try:
            future = self._executor.submit(_done, self._token, parcel, job.task, next(_sent))
        except BrokenExecutor as error:
            self._go_on_alone(error, running)
        else:
            running[future] = job

    def _receive(self, running: dict[Future[Any], _Job], parcels: dict[str, _Job]) -> None:
        """Wait for answers; `parcels` are the tasks with which they went out, by workers."""
        finished, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in finished:
            if self._executor is None:
                return
            job = running.pop(future)
            try:
                answer = future.result()
            except BrokenExecutor as error:
                self._go_on_alone(error, running)
                return
            except Exception as error:  # raised in its turn
                job.error, job.done = error, True
                continue
            if isinstance(answer, _Unknown):
                # While a parcel for it is under way there is no need of another one; but one that
                # knows the work already may take the task that has it.
                sent = parcels.get(answer.worker)
                needed = sent is None or sent.done
                if needed:
                    parcels[answer.worker] = job
                self._send(job, running, self._parcel if needed else None)
            else:
                job.answer, job.done = answer, True

    def _go_on_alone(self, error: BrokenExecutor, running: dict[Future[Any], _Job]) -> None:
        self._executor = None
        running.clear()
        logger.warning(
            "the executor is broken, and its work is done in this process from now on: %s", error
        )


@dataclass(eq=False)
class _Job:
    """A task that is out."""

    task: Any
    answer: Any = None
    done: bool = False
    error: Exception | None = None


def _taken(tasks: Iterator[Any]) -> _Job | None:
    """Take a task, or the error of what was to give it."""
    try:
        return _Job(next(tasks))
    except StopIteration:
        return None
    except Exception as error:
        return _Job(None, done=True, error=error)


@dataclass(frozen=True)
class _Unknown:
    """A worker's answer to a token that it does not know."""

    worker: str


_here: WeakValueDictionary[str, Any] = WeakValueDictionary()
"""What this process has spread, for its own threads."""

_kept: OrderedDict[str, Any] = OrderedDict()
"""What came to this process in parcels."""

_lock = threading.RLock()


def _is_here(token: str) -> bool:
    """Tell whether a worker is a thread of the process that spreads a work."""
    return token in _here


_sent = itertools.count()


def _done(token: str, parcel: bytes | None, task: Any, number: int = 0) -> Any:
    """Do a task in a worker, if it knows the work or is given it.

    The number makes the same task another one: Dask would give the answer that it has.
    """
    with _lock:
        work = _here.get(token)
        if work is None:
            work = _kept.pop(token, None)
            if work is None and parcel is None:
                return _Unknown(f"{socket.gethostname()} {os.getpid()}")
            _kept[token] = work = _unpacked(parcel) if work is None else work
            while len(_kept) > KEPT:
                _kept.popitem(last=False)
    try:
        return work(task)
    except OutOfMemory as error:  # which is made to be raised here alone
        raise MemoryError(f"not enough memory in a worker ({said(error)})") from error


def _unpacked(parcel: Any) -> Any:
    try:
        return pickle.loads(parcel)
    except MemoryError:
        raise
    except Exception as error:  # as where a module is missing
        raise TypeError(
            "executor: expected workers that can unpickle what they are to work with, received "
            f"{type(error).__name__}: {error}"
        ) from error


def _refused(work: Work[Any, Any], error: Exception) -> TypeError:
    """Return an error that names what cannot be pickled."""
    for name, value in work.named().items():
        try:
            pickle.dumps(value)
        except Exception as reason:
            return TypeError(
                f"{name}: expected what can be pickled, with an executor of other processes (as "
                f"functions and classes at the top of a module can), received {shown(value)}: "
                f"{reason}"
            )
    return TypeError(f"executor: what its workers need cannot be pickled: {error}")
