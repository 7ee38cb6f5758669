"""Work in the background: one thread that does the jobs of the store, one after another."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, TypeAlias, TypeVar

from drivegrid.dashboard.database import Database, StoreError
from drivegrid.dashboard.store import jobs

from drivegrid.errors import DriveGridError

POLL_S = 1.0
"""How often the store is asked for jobs, and for itself where it is away."""
SILENCE_S = 40.0
"""A job whose worker said nothing for so long is begun again."""
MAX_MESSAGE = 1_000
"""Letters of a message that are kept."""
CLOSE_S = 40.0
"""How long closing waits for the job that runs."""

Beat: TypeAlias = Callable[[float, str], None]
"""Says how far a job is, in [0, 1], and what goes on, as often as one likes; raises where the job
is to be given up."""
Work: TypeAlias = Callable[[jobs.Job, Beat], Mapping[str, Any]]
"""Does a job and returns its result, as JSON values. It may be begun again from the start."""
Told = TypeVar("Told")
Thing = TypeVar("Thing")

_log = logging.getLogger(__name__)


class _Cancelled(Exception):
    """The job is no longer the worker's own, or the worker is being closed."""


class Worker:
    """Does the jobs of the store in a thread of its own.

    A job that was cut short, by a crash or by closing, waits again and is done from the start by
    whoever comes next. While the database is away the worker waits for it.

    Args:
        database: The store.
        work: Kind of job to what does it; jobs of other kinds are left to others.
        poll_s: How often the store is asked, and at most told how far a job is.
        silence_s: After which a job is begun again whose worker says nothing.
    """

    def __init__(
        self,
        database: Database,
        work: Mapping[str, Work],
        poll_s: float = POLL_S,
        silence_s: float = SILENCE_S,
    ) -> None:
        self._database, self._work = database, work
        self._poll_s, self._silence_s = poll_s, silence_s
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="drivegrid jobs", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop; a job that runs is given up at its next beat and waits again."""
        self._closing.set()
        self._thread.join(CLOSE_S)

    def _run(self) -> None:
        while not self._closing.is_set():
            job = self._insist(self._next)
            if job is None:
                self._closing.wait(self._poll_s)
            else:
                self._do(job)

    def _next(self) -> jobs.Job | None:
        jobs.revive(self._database, self._silence_s)
        return jobs.claim(self._database, list(self._work))

    def _do(self, job: jobs.Job) -> None:
        """Do a job; whatever becomes of it, the next one can be done."""
        told = -math.inf

        def beat(progress: float, message: str) -> None:
            nonlocal told
            if self._closing.is_set():
                raise _Cancelled
            if time.monotonic() - told < self._poll_s:
                return
            told = time.monotonic()
            if not self._is_own(job, progress, message):
                raise _Cancelled

        try:
            with self._kept(job):
                result = self._work[job.kind](job, beat)
        except _Cancelled:
            self._give_back(job)
        except Exception as error:
            if not isinstance(error, DriveGridError | OSError):
                _log.exception("job %s (%s) failed", job.id, job.kind)
            message = in_words(error)
            self._insist(lambda: jobs.fail(self._database, job, message))
        else:
            self._insist(lambda: jobs.finish(self._database, job, result))

    @contextmanager
    def _kept(self, job: jobs.Job) -> Iterator[None]:
        """Keep a job from being taken for dead, however long it is between two beats."""
        over = threading.Event()

        def keep() -> None:
            while not over.wait(self._silence_s / 4):
                with suppress(StoreError):  # the next time tells
                    jobs.keep(self._database, job)

        keeper = threading.Thread(target=keep, name=f"drivegrid job {job.id}", daemon=True)
        keeper.start()
        try:
            yield
        finally:
            over.set()
            keeper.join()

    def _is_own(self, job: jobs.Job, progress: float, message: str) -> bool:
        """Beat; a database that is away does not stop the work, the next beat tells."""
        try:
            return jobs.beat(self._database, job, progress, message)
        except StoreError:
            return True

    def _give_back(self, job: jobs.Job) -> None:
        try:
            jobs.give_back(self._database, job)
        except StoreError:  # its silence will tell
            _log.warning("job %s could not be given back", job.id)

    def _insist(self, say: Callable[[], Told]) -> Told | None:
        """Say something to the store until it hears; None if the worker is closed before."""
        while not self._closing.is_set():
            try:
                return say()
            except StoreError as error:
                _log.warning("%s", error)
                self._closing.wait(self._poll_s)
        return None


def within(beat: Beat, first: float, last: float) -> Beat:
    """Return a beat for a part of a job, which lies between two shares of the whole.

    >>> within(lambda share, message: print(share, message), 0.5, 1.0)(0.5, "half of the rest")
    0.75 half of the rest
    """
    return lambda share, message: beat(first + share * (last - first), message)


def watched(beat: Beat, things: Iterable[Thing], total: int, what: str) -> Iterator[Thing]:
    """Pass things on, of which there are about so many, and beat at each.

    >>> list(watched(lambda share, message: print(share, message), "ab", 2, "letters"))
    0.0 letters 0 of 2
    0.5 letters 1 of 2
    ['a', 'b']
    """
    for number, thing in enumerate(things):
        beat(min(1.0, number / max(1, total)), f"{what} {number:,} of {total:,}")
        yield thing


def in_words(error: Exception) -> str:
    """Return what went wrong as people read it, in letters that every database holds.

    >>> in_words(OSError(28, "No space left on device", "/exports/a"))
    'files must be read and written, got: No space left on device (/exports/a).'
    """
    if isinstance(error, DriveGridError):
        text = str(error)
    elif isinstance(error, OSError):
        where = f" ({error.filename})" if error.filename else ""
        text = f"files must be read and written, got: {error.strerror or error}{where}."
    else:
        text = f"job must come to its end, got {type(error).__name__}: {error}."
    clean = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return clean.encode("utf-8", "replace").decode("utf-8")[:MAX_MESSAGE]
