"""The job that scores a source against another."""

from __future__ import annotations

from typing import Any

from drivegrid.dashboard.database import Database
from drivegrid.dashboard.store.evaluations import Asked, made_by, score, store
from drivegrid.dashboard.store.jobs import Job
from drivegrid.dashboard.work import Beat

from drivegrid.errors import ConfigError

EVALUATE = "evaluate"
"""Kind of the job."""


def run_evaluation(database: Database, job: Job, beat: Beat) -> dict[str, Any]:
    """Score what a job names; return the id of the evaluation, which is made once.

    Raises:
        ConfigError: If the parameters are none of an evaluation.
        MissingExtraError: If the rule needs a package that is not installed.
    """
    made = made_by(database, job.id)
    if made is None:
        scored = score(database, _asked(job), beat)
        made = store(database, scored, job.user_id, job.id, beat)
    return {"evaluation_id": made}


def _asked(job: Job) -> Asked:
    """Return what a job asks for."""
    numbers = [job.parameters.get(name) for name in ("dataset_id", "pred_id", "true_id")]
    rule = job.parameters.get("rule")
    if not all(isinstance(one, int) for one in numbers) or not isinstance(rule, str):
        raise ConfigError(
            f"evaluation must have a data set, two sources and a rule, got {job.parameters!r:.200}."
        )
    return Asked(*numbers, rule)
