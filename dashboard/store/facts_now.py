"""Facts of a frame after a verdict: those of what holds now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from drivegrid.dashboard.schema import frames, shapes, sources
from drivegrid.dashboard.store.coverage import is_labelled
from drivegrid.dashboard.store.facts import SPLIT, Fact, facts_of, replace_facts
from drivegrid.dashboard.store.records import from_records, to_instances

from drivegrid.data.scene import Frame, Instance, Scene


def follow_facts(
    connection: sa.Connection, frame: sa.Row[Any], drawn: Sequence[Mapping[str, Any]] | None
) -> None:
    """Bring the facts of a locked frame to what holds now.

    Args:
        connection: Of a writing transaction.
        frame: The frame's row.
        drawn: What reviewers drew; None where the labels hold.
    """
    if drawn is None:
        found = _facts_of_labels(connection, frame)
    else:
        found = facts_of(_scene(frame, from_records(drawn)), frame.split)
    replace_facts(connection, frame.dataset_id, frame.id, found)


def _facts_of_labels(connection: sa.Connection, frame: sa.Row[Any]) -> set[Fact]:
    joined = shapes.join(sources, sources.c.id == shapes.c.source_id)
    labels = sa.select(shapes).select_from(joined)
    labels = labels.where(shapes.c.frame_id == frame.id, sources.c.kind == "label")
    rows = connection.execute(labels.order_by(shapes.c.number)).all()
    here = sa.select(frames.c.id).where(frames.c.id == frame.id, is_labelled())
    if not rows and connection.scalar(here) is None:  # nobody counted what is in it
        return set() if frame.split is None else {(SPLIT, frame.split)}
    return facts_of(_scene(frame, to_instances(rows)), frame.split)


def _scene(frame: sa.Row[Any], instances: tuple[Instance, ...]) -> Scene:
    return Scene(Frame(frame.image, (frame.width, frame.height), frame.attributes), instances)
