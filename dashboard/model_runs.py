"""The job that asks a model about the frames of a data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from drivegrid.dashboard.answering import Asked, answer_frames
from drivegrid.dashboard.database import Database
from drivegrid.dashboard.fine_tuning import FINE_TUNING, NANO, done_job
from drivegrid.dashboard.store.coverage import uncovered
from drivegrid.dashboard.store.datasets import DatasetRow, list_datasets
from drivegrid.dashboard.store.jobs import Job
from drivegrid.dashboard.store.people import append_audit
from drivegrid.dashboard.work import Beat

from drivegrid.errors import ConfigError

MODEL_RUN = "model-run"
"""Kind of the job."""
MAX_RECORDS = 50
"""Frames that were set aside of which the result of the job tells."""


class ModelRuns:
    """Does jobs of the kind ``model-run``.

    Args:
        database: The store.
        checkpoint: Model where no training is named; None for the packaged nano.
    """

    def __init__(self, database: Database, checkpoint: Path | None) -> None:
        self._database, self._checkpoint = database, checkpoint

    def run(self, job: Job, beat: Beat) -> dict[str, Any]:
        """Store what a model finds in the first frames of a data set, as a run of its own name.

        One that is begun again asks about the frames that are left.

        Raises:
            ConfigError: If there is no such data set or training, or no frame in it.
            WorkerError: If the model does not load, or fails at a frame.
        """
        dataset, most = self._dataset(job.parameters)
        training = job.parameters.get("training")
        checkpoint = self._checkpoint
        model = NANO if checkpoint is None else checkpoint.name
        if training is not None:
            made = done_job(self._database, training, FINE_TUNING)
            model, checkpoint = f"training {training}", Path(made.result["checkpoint"])
        name = f"{model}, run {job.id}"
        left = uncovered(self._database, dataset.id, name, most)
        if not left:
            raise ConfigError(f"data set must have frames to ask about, got none ({dataset.name}).")
        asked = Asked(dataset.id, dataset.root, left)
        found = answer_frames(self._database, checkpoint, asked, name, beat)
        with self._database.write() as connection:
            details = {"run": name, "frames": found.answered, "aside": len(found.aside)}
            append_audit(connection, job.user_id, MODEL_RUN, dataset.name, details)
        return {
            "source_id": found.source_id,
            "name": name,
            "answered": found.answered,
            "aside": len(found.aside),
            "records": [asdict(one) for one in found.aside[:MAX_RECORDS]],
        }

    def _dataset(self, parameters: Mapping[str, Any]) -> tuple[DatasetRow, int]:
        dataset_id, most = parameters.get("dataset_id"), parameters.get("most")
        datasets = {row.id: row for row in list_datasets(self._database)}
        if dataset_id not in datasets:
            raise ConfigError(f"data set must exist, got {dataset_id!r:.50}.")
        if type(most) is not int or most < 1:
            raise ConfigError(f"frames must be 1 or more, got {most!r:.50}.")
        return datasets[dataset_id], most
