"""The job that works out the score of perfect tokens."""

from __future__ import annotations

from typing import Any

from drivegrid.dashboard.database import Database
from drivegrid.dashboard.store.datasets import list_datasets, list_sources
from drivegrid.dashboard.store.jobs import Job
from drivegrid.dashboard.store.statistics import ceiling_of
from drivegrid.dashboard.work import Beat, watched

from drivegrid.errors import ConfigError
from drivegrid.tokens.codec import Codec
from drivegrid.tokens.grid import GridSpec

CEILING = "ceiling"
"""Kind of the job."""
LATTICES = (16, 24, 32, 48, 64)
MAX_ROUNDS = 4
MAX_FRAMES = 2000


def run_ceiling(database: Database, job: Job, beat: Beat) -> dict[str, Any]:
    """Return the scores of perfect tokens on what a source says, see `CeilingReport`.

    Raises:
        ConfigError: If the parameters are none of a ceiling.
    """
    wanted = job.parameters
    dataset_id, source_id = wanted.get("dataset_id"), wanted.get("source_id")
    if dataset_id not in {one.id for one in list_datasets(database)}:
        raise ConfigError(f"data set must exist, got {dataset_id!r:.50}.")
    if source_id not in {one.id for one in list_sources(database, dataset_id)}:
        raise ConfigError(f"source must be one of the data set, got {source_id!r:.50}.")
    side = _between("lattice", wanted.get("side"), LATTICES)
    rounds = _between("rounds", wanted.get("rounds"), range(MAX_ROUNDS + 1))
    most = _between("frames", wanted.get("most"), range(1, MAX_FRAMES + 1))
    codec = Codec(GridSpec(side, side, 2 * side, 2 * side, 0.5), "fewest", rounds)
    report = ceiling_of(
        database, dataset_id, source_id, codec, most,
        lambda scenes: watched(beat, scenes, most, "frames"),
    )  # fmt: skip
    return report.as_dict()


def _between(what: str, value: Any, known: tuple[int, ...] | range) -> int:
    if not isinstance(value, int) or value not in known:
        raise ConfigError(f"{what} must be one of {known}, got {value!r:.50}.")
    return value
