"""Questions to the model: a bounded queue, and one process that answers them in turn.

The process is a plain child with a socket, not one of ``multiprocessing``: that would run the
parent's main module again, which under Streamlit is the page being shown.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Pipe
from operator import methodcaller
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from drivegrid.errors import DriveGridError

from .model_process import Question, load_model

if TYPE_CHECKING:
    from drivegrid.data.images import Picture
    from drivegrid.geometry import Geometry

State = Literal["waiting", "running", "done", "failed", "cancelled", "timed out"]
MAX_WAITING = 16
TIMEOUT_S = 60.0
LOAD_TIMEOUT_S = 600.0
_COMMAND = """import sys
from drivegrid.dashboard.serving.model_process import serve
serve(int(sys.argv[1]))"""

_log = logging.getLogger(__name__)


class BusyError(DriveGridError):
    """More is asked than the model can answer, or the model is closed."""


class WorkerError(DriveGridError):
    """The process of the model stopped or could not load it."""


class Ticket:
    """A question in the queue, and later its answer. Made by `ModelWorker`.

    Attributes:
        state: Where it stands.
        result: The answer once it is done: of ``ask`` and ``detect`` an
            `drivegrid.inference.results.Answer`, with texts, tokens and traces; of ``classify``
            the share of each option.
        error: Why there is none.
    """

    def __init__(self, question: Question, waiting: deque[Ticket], changed: threading.Condition):
        self.state: State = "waiting"
        self.result: Any = None
        self.error = ""
        self._question: Question | None = question
        self._waiting, self._changed = waiting, changed

    @property
    def place(self) -> int:
        """How many questions come first, itself counted; 0 once it is not waiting any more."""
        with self._changed:
            return self._waiting.index(self) + 1 if self.state == "waiting" else 0

    def cancel(self) -> None:
        """Give the question up; one that is over stays as it is.

        A running one is over for who asked. The process finishes it all the same: that is sooner
        done than loading a model again.
        """
        with self._changed:
            if self.state == "waiting":
                self._waiting.remove(self)
            self._end("cancelled", error="question was cancelled.")

    def wait(self, seconds: float) -> State:
        """Return the state once it is over, or after some seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self.state not in ("waiting", "running"), seconds)
            return self.state

    def _end(self, state: State, result: Any = None, error: str = "") -> None:
        """Settle a question, unless it is over already."""
        with self._changed:
            if self.state in ("waiting", "running"):
                self.state, self.result, self.error = state, result, error
                self._question = None  # it holds a picture
                self._changed.notify_all()


class ModelWorker:
    """A model in a process of its own, and the queue in front of it.

    The process is started at once. One that stops, or that answers too slowly, fails the question
    it was at; a new one takes over for the next.

    Args:
        checkpoint: Folder of the model; None for the nano that the package ships.
        load: Loads it, in the process; a function that can be imported there.
        max_waiting: Most questions that wait.
        timeout_s: Longest answer; loading the model does not count.
    """

    def __init__(
        self,
        checkpoint: Path | None = None,
        *,
        load: Callable[[Path | None], Any] = load_model,
        max_waiting: int = MAX_WAITING,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._load = partial(load, checkpoint)
        self._max_waiting, self._timeout_s = max_waiting, timeout_s
        self._changed = threading.Condition()
        self._waiting: deque[Ticket] = deque()
        self._running: Ticket | None = None
        self._closed = False
        self._process = _Process(self._load)
        threading.Thread(target=self._run, name="model worker", daemon=True).start()

    @property
    def pid(self) -> int:
        """The process of the model."""
        return self._process.pid

    def ask(self, image: Picture, query: str, rounds: int = 1) -> Ticket:
        """Ask in words about an RGB picture, with some refine turns.

        Raises:
            BusyError: If the queue is full or closed.
        """
        return self._put(methodcaller("ask", image, query, rounds))

    def segment(self, image: Picture, query: str, rounds: int = 1) -> Ticket:
        """Ask in words about an RGB picture, and have a mask drawn of everything that is named.

        Raises:
            BusyError: If the queue is full or closed.
        """
        return self._put(methodcaller("segment", image, query, rounds))

    def detect(self, image: Picture, tasks: Sequence[str], rounds: int = 1) -> Ticket:
        """Ask the plain question of some tasks: lanes, objects, signs, drivable.

        Raises:
            BusyError: If the queue is full or closed.
        """
        return self._put(methodcaller("detect", image, tuple(tasks), rounds))

    def classify(self, image: Picture, region: Geometry, task: str) -> Ticket:
        """Ask a task of the taxonomy about a place in an RGB picture.

        Raises:
            BusyError: If the queue is full or closed.
        """
        return self._put(methodcaller("classify", image, region, task))

    def close(self) -> None:
        """Stop the process, whatever it is at, and cancel all questions."""
        with self._changed:
            self._closed = True
            over = [*self._waiting, *([self._running] if self._running else [])]
            for ticket in over:
                ticket.cancel()
            self._process.kill()
            self._changed.notify_all()

    def _put(self, question: Question) -> Ticket:
        with self._changed:
            if self._closed:
                raise _closed()
            if len(self._waiting) >= self._max_waiting:
                raise BusyError(
                    f"queue must have room, got {len(self._waiting)} questions waiting. "
                    "Try again in a moment."
                )
            ticket = Ticket(question, self._waiting, self._changed)
            self._waiting.append(ticket)
            self._changed.notify_all()
            return ticket

    def _run(self) -> None:
        while ticket := self._next():
            self._settle(ticket)
        self._process.end()

    def _next(self) -> Ticket | None:
        """Wait for a question; None once the queue is closed."""
        with self._changed:
            self._running = None
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if self._closed:
                return None
            self._running = self._waiting.popleft()
            self._running.state = "running"
            self._changed.notify_all()
            return self._running

    def _settle(self, ticket: Ticket) -> None:
        question = ticket._question
        if question is None:  # cancelled on its way
            return
        try:
            if self._process.stopped:  # while nobody asked
                self._start()
            answer, problem = self._process.answer(question, self._timeout_s)
            ticket._end("failed" if problem else "done", answer, problem)
        except TimeoutError:
            told = f"answer must come within {self._timeout_s:g} seconds, got none by then."
            ticket._end("timed out", error=told)
            self._replace()
        except Exception as error:  # the queue must go on, whatever a question did
            _log.warning("question failed: %s", error)
            ticket._end("failed", error=str(error))
            self._replace()

    def _replace(self) -> None:
        """End the process and start the next, unless it would only fail to load again."""
        self._process.end()
        if self._process.loaded:
            with suppress(OSError, BusyError):  # then the next question tries, and tells
                self._start()

    def _start(self) -> None:
        self._process.end()
        with self._changed:
            if self._closed:
                raise _closed()
            self._process = _Process(self._load)


def _closed() -> BusyError:
    return BusyError("model must be running, got one that was closed.")


class _Process:
    """One life of the process."""

    def __init__(self, load: Callable[[], Any]) -> None:
        self._connection, theirs = Pipe()
        with theirs:
            handle = theirs.fileno()
            self._child = subprocess.Popen(
                [sys.executable, "-P", "-c", _COMMAND, str(handle)],
                pass_fds=[handle],
                stdin=subprocess.DEVNULL,
                # The modules of the parent, whatever was added to its paths since it started.
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            )
        self.loaded = False
        self._connection.send(load)

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def stopped(self) -> bool:
        return self._child.poll() is not None

    def answer(self, question: Question, timeout_s: float) -> tuple[Any, str]:
        """Return an answer and an empty text, or None and why there is none.

        Raises:
            WorkerError: If the process stops, or has not loaded the model.
            TimeoutError: If the answer takes too long.
        """
        if not self.loaded:
            self._await_model()
        try:
            self._connection.send(question)
            if not self._connection.poll(timeout_s):
                raise TimeoutError
            answered: tuple[Any, str] = self._connection.recv()
            return answered
        except (EOFError, ConnectionError) as error:
            raise WorkerError(self._stop_told("it stopped at this question")) from error

    def kill(self) -> None:
        self._child.kill()

    def end(self) -> None:
        """Kill the process and let go of what it held."""
        self.kill()
        self._child.wait()
        self._connection.close()

    def _await_model(self) -> None:
        try:
            if not self._connection.poll(LOAD_TIMEOUT_S):
                raise WorkerError(self._stop_told(f"none in {LOAD_TIMEOUT_S:g} seconds"))
            _, problem = self._connection.recv()
        except (EOFError, ConnectionError) as error:
            raise WorkerError(self._stop_told("it stopped while loading")) from error
        if problem:
            raise WorkerError(problem)
        self.loaded = True

    def _stop_told(self, what: str) -> str:
        return f"model must stay up and answer, got: {what} (process {self.pid}). Ask again."
