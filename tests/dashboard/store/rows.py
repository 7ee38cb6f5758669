"""Rows that tests of the store begin with, put there without the code under test."""

from collections.abc import Sequence

import sqlalchemy as sa
from drivegrid.dashboard.database import Database
from drivegrid.dashboard.schema import coverage, datasets, frames, shapes, sources, users

from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.data.store import scene_to_record

SIZE = (640, 480)


def add_users(database: Database, *names: str) -> list[int]:
    rows = [{"name": name, "role": "reviewer", "created_at": 1} for name in names]
    return _add_all(database, users, rows)


def add_frames(database: Database, num: int, **values) -> tuple[int, list[int]]:
    """Return the id of a data set and those of its frames; later values are columns of frames."""
    dataset = _add(database, datasets, {"name": f"set {num}", "root": "/", "created_at": 1})
    new = {"status": "new", "version": 0, "extra": {}, "width": SIZE[0], "height": SIZE[1]}
    rows = [
        {**new, **values, "dataset_id": dataset, "image": f"{i}.jpg", "number": i}
        for i in range(num)
    ]
    return dataset, _add_all(database, frames, rows)


def add_source(database: Database, dataset: int, name: str, kind: str = "label") -> int:
    """Return the id of a source; unless it is the reviewers', it covers the frames there are."""
    row = {"dataset_id": dataset, "name": name, "kind": kind, "details": {}, "created_at": 1}
    source = _add(database, sources, row)
    with database.write() as connection:
        chosen = sa.select(frames.c.id).where(frames.c.dataset_id == dataset)
        for frame in list(connection.scalars(chosen)) if kind != "review" else ():
            connection.execute(sa.insert(coverage).values(source_id=source, frame_id=frame))
    return source


def add_shapes(
    database: Database,
    source: int,
    frame: int,
    instances: Sequence[Instance],
    traces: Sequence[dict | None] = (),
) -> None:
    records = scene_to_record(Scene(Frame("", SIZE), tuple(instances)))["instances"]
    rows = []
    for number, record in enumerate(records):
        row = {key: value for key, value in record.items() if key != "source"}
        row |= {"frame_id": frame, "source_id": source, "number": number}
        row |= {"kind": record["geometry"]["kind"], "trace": traces[number] if traces else None}
        rows.append(row)
    _add_all(database, shapes, rows)


def _add(database: Database, table: sa.Table, row: dict) -> int:
    return _add_all(database, table, [row])[0]


def _add_all(database: Database, table: sa.Table, rows: list[dict]) -> list[int]:
    with database.write() as connection:
        added = [connection.execute(sa.insert(table).values(**row)) for row in rows]
        return [one.inserted_primary_key.id for one in added]
