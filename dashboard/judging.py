"""The job that holds a trained checkpoint against the one it began with, on held-out frames."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from drivegrid.dashboard.answering import Asked, Run, answer_frames
from drivegrid.dashboard.database import Database
from drivegrid.dashboard.fine_tuning import FINE_TUNING, done_job, read_order
from drivegrid.dashboard.store.datasets import list_datasets, list_sources
from drivegrid.dashboard.store.evaluations import evaluate
from drivegrid.dashboard.store.jobs import Job
from drivegrid.dashboard.training_sets import HELD_OUT, LABELS, TRAINING_SET
from drivegrid.dashboard.work import Beat, within

from drivegrid.data.store import load_scenes
from drivegrid.errors import ConfigError

JUDGING = "judging"
"""Kind of the job."""
RULES = {"lanes": "culane", "objects": "boxes", "signs": "points", "drivable": "drivable"}
"""Task to the rule that scores its answers."""
RUNNING = 0.45
"""How much of a job the answers of one checkpoint are."""


class Judge:
    """Does jobs of the kind ``judging``.

    Args:
        database: The store.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def run(self, job: Job, beat: Beat) -> dict[str, Any]:
        """Store what both checkpoints answer about the held-out frames, and evaluate both.

        Raises:
            ConfigError: If the training or its set is not there any more.
            WorkerError: If a checkpoint does not load, or fails at a frame.
        """
        training = done_job(self._database, job.parameters.get("training"), FINE_TUNING)
        made = done_job(self._database, training.parameters["set"], TRAINING_SET)
        order = read_order(self._database, training.parameters)
        asked = self._asked(made)
        place = f"held-out frames of set {made.id}"
        start = training.parameters.get("start")
        before = "nano" if start is None else f"training {start}"
        checkpoints = {
            f"{before}, {place}": None if start is None else Path(order.start),
            f"training {training.id}, {place}": Path(training.result["checkpoint"]),
        }
        runs: dict[str, Run] = {}
        for number, (name, checkpoint) in enumerate(checkpoints.items()):
            going = within(beat, number * RUNNING, (number + 1) * RUNNING)
            runs[name] = answer_frames(self._database, checkpoint, asked, name, going)
        beat(2 * RUNNING, "evaluating")
        rules = [rule for task, rule in RULES.items() if task in made.result["counts"]["asked"]]
        return {
            "dataset_id": asked.dataset_id,
            "runs": {name: run.source_id for name, run in runs.items()},
            "answered": {name: run.answered for name, run in runs.items()},
            "evaluations": self._evaluate(asked.dataset_id, runs.values(), rules, job.user_id),
        }

    def _asked(self, made: Job) -> Asked:
        """Return the held-out frames of a set."""
        dataset_id = made.parameters["dataset_id"]
        roots = {row.id: row.root for row in list_datasets(self._database)}
        if dataset_id not in roots:
            raise ConfigError(f"data set of the set must be there, got {dataset_id} ({made.id}).")
        scenes = load_scenes(Path(made.result["folder"]) / HELD_OUT / LABELS)
        return Asked(dataset_id, roots[dataset_id], [scene.frame.image for scene in scenes])

    def _evaluate(
        self, dataset_id: int, runs: Iterable[Run], rules: Iterable[str], user_id: int
    ) -> dict[str, list[int]]:
        """Return rule to its evaluations, that of the earlier checkpoint first."""
        truth = self._truth(dataset_id)
        pairs = [run.source_id for run in runs]
        return {
            rule: [
                evaluate(self._database, dataset_id, pred, truth, rule, user_id) for pred in pairs
            ]
            for rule in rules
        }

    def _truth(self, dataset_id: int) -> int:
        """Return who is right: the reviewers, or the labels where reviewers changed nothing."""
        by_kind: Mapping[str, int] = {
            source.kind: source.id for source in reversed(list_sources(self._database, dataset_id))
        }
        return by_kind.get("review", by_kind["label"])
