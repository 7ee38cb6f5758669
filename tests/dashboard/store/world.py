"""A few dozen random frames, in the store and in memory, and a slow answer to every query."""

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from drivegrid.dashboard import schema
from drivegrid.dashboard.database import Database
from drivegrid.dashboard.store.facts import insert_facts
from drivegrid.dashboard.store.query import Query

WEATHERS = ("clear", "rain", "100%", "it's", "a_b")
LABELS = ("object/vehicle/car", "sign", "obstacle/cone", "100%_é'🚗")
CLIPS = (None, "a", "b", "שלום 🚗")
CELLS = (None, "car", "sign")


@dataclass
class Row:
    """What the store knows of a frame."""

    id: int
    image: str
    clip: str | None
    number: int
    status: str
    reviewed_at: int | None
    facts: set[tuple[str, str]]
    score: float | None
    misses: int = 0
    false_alarms: int = 0
    cells: set[tuple[str | None, str | None]] = field(default_factory=set)


def random_row(rng: random.Random, key: int) -> Row:
    clip, status = rng.choice(CLIPS), rng.choice(schema.STATUSES)
    facts = {("weather", rng.choice(WEATHERS)), ("split", rng.choice(("train", "val")))}
    facts |= {("label", label) for label in rng.sample(LABELS, rng.randrange(4))}
    image = f"{clip}/{rng.choice(('Frame', 'x_y', 'x%y', 'xzy'))}{key}.jpg"
    seen = None if status == "new" else rng.randrange(4)
    row = Row(key, image, clip, key, status, seen, facts, rng.choice((None, 0.0, 0.1 + 0.2, 1 / 3)))
    row.misses, row.false_alarms = rng.randrange(2), rng.randrange(2)
    cells = [cell for p in CELLS for t in CELLS if any(cell := (p, t))]
    row.cells = set(rng.sample(cells, 2))
    return row


def fill(database: Database, num: int = 40) -> list[Row]:
    """Store frames of data set 1 with evaluation 1, and as many of data set 2; return the first."""
    rng, made = random.Random(5), []
    with database.write() as connection:
        for dataset_id in (1, 2):
            _insert_dataset(connection, dataset_id)
            rows = [random_row(rng, (dataset_id - 1) * 1000 + key) for key in range(1, num + 1)]
            for row in rows:
                _insert(connection, dataset_id, row)
            insert_facts(connection, dataset_id, [(row.id, row.facts) for row in rows])
            made.append(rows)
    return made[0]


def _insert_dataset(connection: sa.Connection, key: int) -> None:
    def insert(table: sa.Table, **values: Any) -> None:
        connection.execute(sa.insert(table).values(id=key, **values))

    insert(schema.datasets, name=f"set {key}", root="/nowhere", created_at=0)
    insert(schema.sources, dataset_id=key, name="labels", kind="label", details={}, created_at=0)
    evaluation = {"dataset_id": key, "pred_id": key, "true_id": key, "rule": "boxes"}
    insert(schema.evaluations, **evaluation, settings={}, figures={}, created_at=0)


def _insert(connection: sa.Connection, dataset_id: int, row: Row) -> None:
    frame = {"id": row.id, "dataset_id": dataset_id, "image": row.image, "clip": row.clip}
    frame |= {"width": 64, "height": 48, "number": row.number, "extra": {}, "version": 0}
    frame |= {"status": row.status, "reviewed_at": row.reviewed_at}
    connection.execute(sa.insert(schema.frames).values(**frame))
    key = {"evaluation_id": dataset_id, "frame_id": row.id}
    if row.score is not None:
        counts = {"hits": 0, "misses": row.misses, "false_alarms": row.false_alarms}
        connection.execute(sa.insert(schema.scores).values(**key, score=row.score, **counts))
    for pred, true in row.cells:
        match = {"pred_label": pred, "true_label": true, "overlap": 0.0, "hit": False}
        connection.execute(sa.insert(schema.matches).values(**key, **match))


def fits(row: Row, query: Query) -> bool:
    """Tell whether a frame is one of a query's."""
    values = {name: {v for n, v in row.facts if n == name} for name, _ in row.facts}
    texts = [row.image, *values.get("label", ())]
    return (
        (not query.status or row.status in query.status)
        and all(values.get(name, set()) & set(asked) for name, asked in query.facts.items())
        and (query.split is None or ("split", query.split) in row.facts)
        and (query.clip is None or row.clip == query.clip)
        and all(any(w.lower() in text.lower() for text in texts) for w in query.words)
        and _did(row, query)
        and (query.order != "reviewed_at" or row.reviewed_at is not None)
    )


def _did(row: Row, query: Query) -> bool:
    asked = query.evaluation
    if asked is None:
        return True
    if row.score is None or asked.id != 1:
        return False
    return (
        (asked.score_from is None or row.score >= asked.score_from)
        and (asked.score_to is None or row.score <= asked.score_to)
        and (not asked.misses or row.misses > 0)
        and (not asked.false_alarms or row.false_alarms > 0)
        and (asked.cell is None or (asked.cell.pred_label, asked.cell.true_label) in row.cells)
    )


def answer(rows: list[Row], query: Query) -> list[int]:
    """Return the ids of a query's frames in its order."""
    key = {
        "number": lambda row: (row.number,),
        "status": lambda row: (row.status, row.id),
        "reviewed_at": lambda row: (row.reviewed_at, row.id),
        "score": lambda row: (row.score, row.id),
    }[query.order]
    found = [row for row in rows if fits(row, query)]
    return [row.id for row in sorted(found, key=key, reverse=query.descending)]


def count_facts(rows: list[Row], query: Query) -> dict[str, dict[str, int]]:
    """Return how many of a query's frames have each fact, those that none has as well."""
    counts = {fact: 0 for row in rows for fact in row.facts}
    counts |= Counter(fact for row in rows if fits(row, query) for fact in row.facts)
    found: dict[str, dict[str, int]] = {}
    for (name, value), num in counts.items():
        found.setdefault(name, {})[value] = num
    return found
