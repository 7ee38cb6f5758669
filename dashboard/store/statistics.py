"""Statistics of a data set: its review, what its sources hold, and what tokens can hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice

import sqlalchemy as sa
from drivegrid.dashboard.database import Database
from drivegrid.dashboard.schema import STATUSES, frames, shapes
from drivegrid.dashboard.store.datasets import export_scenes

from drivegrid.data.scene import Scene
from drivegrid.metrics.ceiling import CeilingReport, ceiling
from drivegrid.tokens.codec import Codec


def status_counts(database: Database, dataset_id: int) -> dict[str, int]:
    """Return how many frames of a data set have each status."""
    query = sa.select(frames.c.status, sa.func.count()).where(frames.c.dataset_id == dataset_id)
    with database.read() as connection:
        found = {row[0]: row[1] for row in connection.execute(query.group_by(frames.c.status))}
    return {status: found.get(status, 0) for status in STATUSES}


def shape_counts(database: Database, source_id: int) -> dict[str, int]:
    """Return how many shapes of each label a source has. Every shape is looked at."""
    query = sa.select(shapes.c.label, sa.func.count()).where(shapes.c.source_id == source_id)
    with database.read() as connection:
        rows = connection.execute(query.group_by(shapes.c.label).order_by(shapes.c.label))
        return {row[0]: row[1] for row in rows}


def tree_counts(counts: Mapping[str, int]) -> dict[str, int]:
    """Return counts of labels with those of the branches that they are on, parents first.

    >>> tree_counts({"sign/stop": 2, "sign/yield": 1})
    {'sign': 3, 'sign/stop': 2, 'sign/yield': 1}
    """
    total: dict[str, int] = {}
    for label, count in counts.items():
        parts = label.split("/")
        for end in range(1, len(parts) + 1):
            path = "/".join(parts[:end])
            total[path] = total.get(path, 0) + count
    return dict(sorted(total.items(), key=lambda item: item[0].split("/")))


def ceiling_of(
    database: Database,
    dataset_id: int,
    source_id: int,
    codec: Codec,
    most: int,
    watch: Callable[[Iterator[Scene]], Iterator[Scene]] = iter,
) -> CeilingReport:
    """Return the score of perfect tokens on what a source says of the first frames.

    Args:
        database: The store.
        dataset_id: Of the frames.
        source_id: Whose word is the truth.
        codec: Lattice, encoder and rounds.
        most: Frames at most.
        watch: Passes the scenes on, and may count them.
    """
    scenes = islice(export_scenes(database, dataset_id, source_id), most)
    return ceiling(watch(scenes), codec)
