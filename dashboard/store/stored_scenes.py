"""Scenes out of the store: what one source says of some frames, ready to be scored."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from drivegrid.dashboard.schema import frames, shapes, sources
from drivegrid.dashboard.store.shape_records import Record, from_row, to_instances

from drivegrid.data.scene import Frame, Scene


@dataclass(frozen=True)
class StoredScene:
    """A scene and the ``number`` of each of its instances in the store."""

    scene: Scene
    numbers: tuple[int, ...]


def stored_scenes(
    connection: sa.Connection, source_id: int, chosen: sa.Select[Any]
) -> dict[int, StoredScene]:
    """Return what a source says of frames, by frame id in their order; of some it says nothing.

    Args:
        connection: To read by.
        source_id: The source.
        chosen: A query for ids of frames.
    """
    source = connection.execute(sa.select(sources).where(sources.c.id == source_id)).one()
    here = (shapes.c.source_id == source_id) & shapes.c.frame_id.in_(chosen)
    by_frame: dict[int, list[tuple[int, Record]]] = defaultdict(list)
    for row in connection.execute(sa.select(shapes).where(here)).mappings():
        by_frame[row["frame_id"]].append((row["number"], from_row(row, source.name)))
    found = sa.select(frames).where(frames.c.id.in_(chosen)).order_by(frames.c.number, frames.c.id)
    scenes = {}
    for row in connection.execute(found):
        frame = Frame(row.image, (row.width, row.height), clip=row.clip)
        numbered = sorted(by_frame.pop(row.id, []), key=lambda one: one[0])
        instances = to_instances([record for _, record in numbered])
        # what a format keeps of a frame, such as the rows of TuSimple, belongs to its labels
        extra = row.extra if source.kind == "label" else {}
        numbers = tuple(number for number, _ in numbered)
        scenes[row.id] = StoredScene(Scene(frame, instances, extra), numbers)
    return scenes
