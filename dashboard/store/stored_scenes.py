"""Scenes out of the store: what one source says of some frames, ready to be scored."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from drivegrid.dashboard.schema import frames, shapes, sources
from drivegrid.dashboard.store.records import to_scene

from drivegrid.data.scene import Scene


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
    by_frame: dict[int, list[sa.Row[Any]]] = defaultdict(list)
    for shape in connection.execute(sa.select(shapes).where(here).order_by(shapes.c.number)):
        by_frame[shape.frame_id].append(shape)
    found = sa.select(frames).where(frames.c.id.in_(chosen)).order_by(frames.c.number, frames.c.id)
    scenes = {}
    for row in connection.execute(found):
        frame = {
            "image": row.image,
            "size_wh": [row.width, row.height],
            "attributes": row.attributes if source.kind == "label" else {},
            "clip": row.clip,
        }
        # what a format keeps of a frame, such as the rows of TuSimple, belongs to its labels
        extra = row.extra if source.kind == "label" else {}
        said = by_frame.pop(row.id, [])
        scene = to_scene(frame, said, extra)
        scenes[row.id] = StoredScene(scene, tuple(shape.number for shape in said))
    return scenes
