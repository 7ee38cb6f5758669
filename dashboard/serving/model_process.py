"""The process that holds the model and answers one question at a time."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drivegrid.errors import DriveGridError

if TYPE_CHECKING:
    from drivegrid.data.images import Picture
    from drivegrid.geometry import Geometry
    from drivegrid.inference.classify import ClassifySettings
    from drivegrid.inference.predictor import Predictor
    from drivegrid.inference.results import Answer

READY = "ready"
Question = Callable[[Any], Any]
"""Given the model, returns the answer; both travel between processes."""

_log = logging.getLogger(__name__)


class Model:
    """A predictor and what its checkpoint says about questions on places."""

    def __init__(self, predictor: Predictor, settings: ClassifySettings) -> None:
        self.predictor, self.settings = predictor, settings

    def ask(self, image: Picture, query: str, rounds: int) -> Answer:
        """Answer a query in words."""
        return self.predictor.ask(image, query, rounds)

    def segment(self, image: Picture, query: str, rounds: int) -> Answer:
        """Answer a query in words, and draw a mask of what is found."""
        return self.predictor.segment(image, query, rounds)

    def detect(self, image: Picture, tasks: Sequence[str], rounds: int) -> Answer:
        """Answer the plain question of each task, joined."""
        return self.predictor.detect(image, tasks, rounds)

    def classify(self, image: Picture, region: Geometry, task: str) -> dict[str, float]:
        """Return the share of each option of a task about a place, the likeliest first."""
        from drivegrid.inference.classify import classify

        choice = classify(self.predictor, image, region, task, self.settings)
        shares = zip(choice.options, choice.probabilities.tolist(), strict=True)
        return dict(sorted(shares, key=lambda pair: -pair[1]))


def load_model(checkpoint: Path | None) -> Model:
    """Load a checkpoint; None is the nano that the package ships.

    Half of the cores stay free for the pages. Threads that compete for cores wait for each other
    most of the time: on two busy cores a question is answered ten times as fast by one.

    Raises:
        ModelError: If weights are missing or do not fit.
    """
    import torch

    from drivegrid.inference.classify import ClassifySettings
    from drivegrid.inference.predictor import Predictor
    from drivegrid.model.checkpoint import shipped_checkpoint

    torch.set_num_threads(min(torch.get_num_threads(), max(1, (os.cpu_count() or 1) // 2)))
    folder = checkpoint or shipped_checkpoint()
    return Model(Predictor.from_pretrained(folder), ClassifySettings.from_checkpoint(folder))


def serve(handle: int) -> None:
    """Load a model and answer questions until the other end of a socket is closed.

    First comes what loads the model, then questions. Each message back is ``(answer, "")`` or
    ``(None, what went wrong)``.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which then hangs up
    connection = Connection(handle)
    try:
        model, problem = _attempt(connection.recv())
        connection.send((READY, problem))
        while not problem:
            question = connection.recv()
            connection.send(_attempt(partial(question, model)))
    except (EOFError, OSError):  # the parent is gone, or wants no more
        return


def _attempt(work: Callable[[], Any]) -> tuple[Any, str]:
    """Return what some work gives, or why it failed in words that may be shown to people."""
    try:
        return work(), ""
    except DriveGridError as error:
        return None, str(error)
    except Exception as error:
        _log.exception("a question failed")
        return None, f"model must answer, got {type(error).__name__}. See the log of the service."
