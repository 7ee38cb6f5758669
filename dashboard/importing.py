"""The job that brings labels into the store."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from drivegrid.dashboard.database import Database
from drivegrid.dashboard.store.datasets import Imported, add_dataset
from drivegrid.dashboard.store.jobs import Job
from drivegrid.dashboard.work import Beat

from drivegrid.errors import ConfigError

IMPORT = "import"
"""Kind of the job."""
MAX_RECORDS = 200
"""Records that were set aside of which the result of the job tells."""
UNKNOWN = 0.0
"""How far an import is nobody knows before the labels are read to their end."""


def run_import(database: Database, job: Job, beat: Beat) -> dict[str, Any]:
    """Bring in what a job names; return what came in, and what was set aside.

    One that is begun again goes on where the earlier try stopped.

    Raises:
        ConfigError: If the parameters are none of an import, or the name is another data set's.
        FormatError: If there is nothing to bring in.
    """
    name, path = (job.parameters.get(key) for key in ("name", "path"))
    if not isinstance(name, str) or not isinstance(path, str):
        raise ConfigError(f"import must have a name and a path, got {job.parameters!r:.200}.")
    beat(UNKNOWN, "looking for labels")
    imported = add_dataset(
        database, name, Path(path), job.user_id, lambda n: beat(UNKNOWN, f"{n:,} frames read")
    )
    return told_import(imported)


def told_import(imported: Imported) -> dict[str, Any]:
    """Return what came in as JSON values."""
    quarantine = imported.quarantine
    return {
        "dataset_id": imported.id,
        "added": imported.added,
        "read": quarantine.num_read,
        "kept": quarantine.num_kept,
        "quarantined": quarantine.num_rejected,
        "records": [asdict(one) for one in quarantine.rejected[:MAX_RECORDS]],
        "skipped": len(imported.skipped),
        "unseen": imported.unseen,
    }
