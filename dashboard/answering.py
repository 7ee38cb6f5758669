"""A model's answers about frames of the store, as a run of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from drivegrid.dashboard.database import Database
from drivegrid.dashboard.runs import trace_record
from drivegrid.dashboard.serving.model_worker import ModelWorker, WorkerError
from drivegrid.dashboard.store.datasets import add_run
from drivegrid.dashboard.store.records import batches
from drivegrid.dashboard.work import Beat

from drivegrid.data.images import load_image
from drivegrid.data.quarantine import Quarantine, Rejected
from drivegrid.errors import FormatError
from drivegrid.inference.results import Answer
from drivegrid.tasks.table import DEFAULT_TASKS

ROUNDS = 1
"""Refine turns of an answer, as on the page Ask."""
BATCH = 20
"""Frames that are stored at a time."""
WAIT_S = 1.0
"""How long one waits for an answer before saying again that the work goes on."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Frames that a model is asked about.

    Args:
        dataset_id: Their data set.
        root: Folder of its pictures.
        images: Their names, at least one.
    """

    dataset_id: int
    root: Path
    images: Sequence[str]


@dataclass(frozen=True, slots=True)
class Run:
    """What came of it.

    Args:
        source_id: The run in the store.
        answered: Frames that were answered.
        aside: Those that could not be asked about.
    """

    source_id: int
    answered: int
    aside: tuple[Rejected, ...]


def answer_frames(
    database: Database, checkpoint: Path | None, asked: Asked, name: str, beat: Beat
) -> Run:
    """Ask a model for everything in some frames and store what it finds as a run.

    Args:
        database: The store.
        checkpoint: Of the model; None for the packaged one.
        asked: The frames.
        name: Of the run; what a run of this name said of these frames is replaced.
        beat: Told of every frame, and while one waits for the model.

    Raises:
        WorkerError: If the model does not load, or fails at a frame.
        ConfigError: If labels or reviewers have the name.
    """
    details = {"model": "nano" if checkpoint is None else str(checkpoint), "rounds": ROUNDS}
    total, done, source_id = len(asked.images), 0, 0
    quarantine = Quarantine()
    with _model(checkpoint) as model:
        for names in batches(asked.images, BATCH):
            answers = []
            for image in names:
                going = partial(beat, done / total, f"{name}: {done:,} of {total:,} frames")
                done += 1
                try:
                    answer = _answer(model, asked.root / image, going)
                except FormatError as error:
                    quarantine.reject(error if error.path else error.at(image))
                    continue
                answers.append(replace(answer, image=image))
            traces = [[trace_record(found) for found in answer.found] for answer in answers]
            scenes = [answer.to_scene() for answer in answers]
            stored = add_run(database, asked.dataset_id, name, scenes, details, traces)
            quarantine.rejected += stored.quarantine.rejected
            quarantine.keep(stored.quarantine.num_kept)
            source_id = stored.id
    return Run(source_id, quarantine.num_kept, tuple(quarantine.rejected))


@contextmanager
def _model(checkpoint: Path | None) -> Iterator[ModelWorker]:
    """Open a model of our own, so that who asks on a page need not wait for a whole run."""
    model = ModelWorker(checkpoint)
    try:
        yield model
    finally:
        model.close()


def _answer(model: ModelWorker, picture: Path, going: Callable[[], None]) -> Answer:
    """Return what a model finds in a picture."""
    ticket = model.detect(load_image(picture), DEFAULT_TASKS, ROUNDS)
    going()
    while ticket.wait(WAIT_S) in ("waiting", "running"):
        going()
    if ticket.state != "done":
        raise WorkerError(f"{ticket.error} ({picture})")
    answer: Answer = ticket.result
    return answer
