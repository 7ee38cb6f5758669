"""What all pages share: the store, addresses of pictures, the model, and who is there."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import streamlit as st
from drivegrid.dashboard.ceilings import CEILING, run_ceiling
from drivegrid.dashboard.database import Database
from drivegrid.dashboard.evaluating import EVALUATE, run_evaluation
from drivegrid.dashboard.exporting import EXPORT, Exporter
from drivegrid.dashboard.fine_tuning import FINE_TUNING, FineTuner
from drivegrid.dashboard.importing import IMPORT, run_import
from drivegrid.dashboard.judging import JUDGING, Judge
from drivegrid.dashboard.model_runs import MODEL_RUN, ModelRuns
from drivegrid.dashboard.refused import Refused
from drivegrid.dashboard.service import Actor
from drivegrid.dashboard.serving.access import AccessSettings, role_of, who
from drivegrid.dashboard.serving.model_worker import ModelWorker
from drivegrid.dashboard.serving.signing import Signer, load_secret
from drivegrid.dashboard.serving.thumbnails import Thumbnails
from drivegrid.dashboard.store.people import ensure_user, list_users
from drivegrid.dashboard.store.promotions import promoted
from drivegrid.dashboard.training_sets import TRAINING_SET, SetBuilder
from drivegrid.dashboard.work import Worker

from drivegrid.errors import ConfigError


@dataclass(frozen=True, slots=True)
class HubSettings:
    """How the dashboard runs.

    Args:
        folder: Its own: secret, thumbnails, uploads, and the database unless that is elsewhere.
        database: URL of the store; empty for a file of SQLite in the folder.
        checkpoint: Model that answers; None for what was promoted last, at first the nano that the
            package ships.
        access: How people are known.
    """

    folder: Path
    database: str = ""
    checkpoint: Path | None = None
    access: AccessSettings = field(default_factory=AccessSettings)

    @property
    def url(self) -> str:
        """URL of the store."""
        return self.database or f"sqlite:///{self.folder.resolve() / 'review.db'}"


class Hub:
    """Opens the store and keeps what all sessions of this process share.

    Args:
        settings: How the dashboard runs.

    Raises:
        ConfigError: If the database or the secret cannot be used.
        StoreError: If the database does not answer.
    """

    def __init__(self, settings: HubSettings) -> None:
        self.settings = settings
        self.database = Database(settings.url)
        self.database.migrate()
        self.signer = Signer(load_secret(settings.folder / "secret"))
        self.thumbnails = Thumbnails(settings.folder / "thumbnails")
        self.uploads = settings.folder / "uploads"
        self.exporter = Exporter(self.database, settings.folder / "exports")
        self.sets = SetBuilder(self.database, settings.folder / "sets")
        self.tuner = FineTuner(self.database, settings.folder / "trainings")
        self.refused = Refused()
        self._model: ModelWorker | None = None
        self._answers: Path | None = None
        self._workers: list[Worker] = []
        self._lock = threading.Lock()

    @property
    def model(self) -> ModelWorker:
        """The model; its process starts when somebody first asks, or another was promoted."""
        checkpoint = self.checkpoint
        with self._lock:
            if self._model is not None and checkpoint != self._answers:
                self._model.close()
                self._model = None
            if self._model is None:
                self._model, self._answers = ModelWorker(checkpoint), checkpoint
            return self._model

    @property
    def checkpoint(self) -> Path | None:
        """The checkpoint that answers; None for the nano that the package ships.

        Raises:
            ConfigError: If the one that was promoted is not on this machine.
        """
        if self.settings.checkpoint is not None:
            return self.settings.checkpoint
        last = promoted(self.database)
        if last is None or last.checkpoint is None:
            return None
        if not last.checkpoint.is_dir():
            raise ConfigError(
                f"promoted checkpoint must be on this machine, got none ({last.checkpoint}). "
                f"An admin can go back to the packaged model: Train, training {last.job_id}."
            )
        return last.checkpoint

    @property
    def model_name(self) -> str:
        """What people call the checkpoint that answers."""
        if self.settings.checkpoint is not None:
            return self.settings.checkpoint.name
        last = promoted(self.database)
        unchanged = last is None or last.job_id is None
        return "the packaged nano" if unchanged else f"training {last.job_id}"

    def start_worker(self) -> None:
        """See to it that jobs are done: one thread does what is short, one each what takes long."""
        with self._lock:
            if not self._workers:
                short = {
                    EXPORT: self.exporter.run,
                    IMPORT: partial(run_import, self.database),
                    EVALUATE: partial(run_evaluation, self.database),
                    CEILING: partial(run_ceiling, self.database),
                    TRAINING_SET: self.sets.run,
                }
                runs = {
                    JUDGING: Judge(self.database).run,
                    MODEL_RUN: ModelRuns(self.database, self.settings.checkpoint).run,
                }
                trainings = {FINE_TUNING: self.tuner.run}
                self._workers = [Worker(self.database, work) for work in (short, runs, trainings)]

    def actor(self) -> Actor:
        """Return who is at the page that is being shown.

        Raises:
            AccessDenied: If they are not known here.
        """
        access = self.settings.access
        name = who(access, st.context.headers.get_all, st.user.to_dict())
        roles = {user.name: user.role for user in list_users(self.database)}
        return self.someone(name, role_of(name, access, roles.get))

    def someone(self, name: str, role: str) -> Actor:
        """Return a person by name, made known with a role if nobody has the name."""
        return Actor(self.database, ensure_user(self.database, name, role))

    def close(self) -> None:
        """Stop the work and the model, and close the store."""
        with self._lock:
            for worker in self._workers:
                worker.close()
            if self._model is not None:
                self._model.close()
        self.database.close()


_hub: list[Hub] = []
"""The one of this process: Streamlit gives its pages no other way to what was opened for them."""


def open_hub(settings: HubSettings) -> Hub:
    """Open the hub that `hub` returns from now on."""
    opened = Hub(settings)
    for old in _hub:
        old.close()
    _hub[:] = [opened]
    return opened


def hub() -> Hub:
    """Return the hub of this process.

    Raises:
        ConfigError: If none was opened.
    """
    if not _hub:
        raise ConfigError("dashboard must be started by its command. Run: drivegrid dashboard")
    return _hub[0]
