"""Facts of frames: what they are filtered and counted by."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import PurePosixPath
from typing import TypeAlias, TypeVar

import numpy as np
import sqlalchemy as sa
from drivegrid.dashboard.schema import fact_counts, facts
from sqlalchemy.dialects import postgresql, sqlite

from drivegrid.data.scene import Scene
from drivegrid.geometry import Geometry

T = TypeVar("T")
Fact: TypeAlias = tuple[str, str]
"""Name and value, for example ``("weather", "rain")``."""

LABEL, SPLIT, SIZE, DENSITY = "label", "split", "size", "density"
MAX_FACT = 200
"""Characters of a name or value; nobody filters by an essay, and an index could not hold it."""

_DENSITIES = ((0, "0"), (1, "1-4"), (5, "5-9"), (10, "10-19"), (20, "20+"))
_SIZES = ((0, "small"), (32**2, "medium"), (96**2, "large"))
"""Of the bounding box in square pixels, as COCO has it."""
_BUCKETS = {DENSITY: _DENSITIES, SIZE: _SIZES}
_SPLITS = {"train": "train", "training": "train", "val": "val", "valid": "val"}
_SPLITS |= {"validation": "val", "test": "test", "testing": "test"}


def facts_of(scene: Scene, split: str | None) -> set[Fact]:
    """Return the facts of a frame.

    They are its attributes by their own names (``weather``), each ``label`` in it, each attribute
    of an instance as ``instance.NAME``, the ``size`` of its boxes and regions (small, medium,
    large), the ``density`` of instances (0, 1-4, 5-9, 10-19, 20+) and its ``split``.
    """
    found = {*scene.frame.attributes.items()}
    found.add((DENSITY, _bucket(_DENSITIES, len(scene.instances))))
    if split is not None:
        found.add((SPLIT, split))
    for instance in scene.instances:
        found.add((LABEL, instance.label))
        found |= {(f"instance.{name}", value) for name, value in instance.attributes.items()}
        if instance.geometry.kind in ("box", "poly"):
            found.add((SIZE, _bucket(_SIZES, _area(instance.geometry))))
    return {fact for fact in found if all(map(_can_be_filtered, fact))}


def split_of(*paths: str) -> str | None:
    """Return the split that the first of these paths names, None if none does.

    >>> split_of("labels/det_20/val.json", "train/a.jpg"), split_of("contrails/a.jpg")
    ('val', None)
    """
    for path in paths:
        for part in PurePosixPath(path.lower()).parts:
            for word in re.split("[^a-z]+", part):
                if word in _SPLITS:
                    return _SPLITS[word]
    return None


def in_order(name: str, items: Iterable[T], value_of: Callable[[T], str]) -> list[T]:
    """Return items of a fact's values: sizes and densities from small to large, others as given.

    >>> in_order("size", ["large", "small"], str), in_order("weather", ["rain", "clear"], str)
    (['small', 'large'], ['rain', 'clear'])
    """
    places = {value: place for place, (_, value) in enumerate(_BUCKETS.get(name, ()))}
    return sorted(items, key=lambda item: places.get(value_of(item), len(places)))


def _bucket(buckets: Collection[tuple[int, str]], value: float) -> str:
    starts, names = zip(*buckets, strict=True)
    return str(names[bisect_right(starts, value) - 1])


def _area(geometry: Geometry) -> float:
    points = geometry.vertices()
    return float(np.prod(np.ptp(points, axis=0))) if len(points) else 0.0


def _can_be_filtered(text: str) -> bool:
    return len(text) <= MAX_FACT and "\0" not in text


def insert_facts(
    connection: sa.Connection, dataset_id: int, found: Iterable[tuple[int, set[Fact]]]
) -> None:
    """Store the facts of new frames and count them.

    Args:
        connection: Of a writing transaction.
        dataset_id: Data set of the frames.
        found: Id and facts of each frame.
    """
    rows, counts = [], Counter[Fact]()
    for frame_id, of_frame in found:
        counts.update(of_frame)
        rows += [_values(dataset_id, fact) | {"frame_id": frame_id} for fact in of_frame]
    if not rows:
        return
    connection.execute(sa.insert(facts), rows)
    _add_counts(connection, dataset_id, counts)


def replace_facts(
    connection: sa.Connection, dataset_id: int, frame_id: int, found: set[Fact]
) -> None:
    """Store what the facts of a frame are now, and count them; others may do so at once.

    Args:
        connection: Of a writing transaction that has locked the frame.
        dataset_id: Data set of the frame.
        frame_id: The frame.
        found: All facts of the frame.
    """
    stored = sa.select(facts.c.name, facts.c.value).where(facts.c.frame_id == frame_id)
    before = {(row.name, row.value) for row in connection.execute(stored)}
    gone, new = before - found, found - before
    if gone:
        key = sa.tuple_(facts.c.name, facts.c.value)
        here = (facts.c.dataset_id == dataset_id) & (facts.c.frame_id == frame_id)
        connection.execute(sa.delete(facts).where(here, key.in_(sorted(gone))))
    if new:
        rows = [_values(dataset_id, fact) | {"frame_id": frame_id} for fact in sorted(new)]
        connection.execute(sa.insert(facts), rows)
    changes = dict.fromkeys(gone, -1) | dict.fromkeys(new, 1)
    _add_counts(connection, dataset_id, changes)


def _values(dataset_id: int, fact: Fact) -> dict[str, int | str]:
    return {"dataset_id": dataset_id, "name": fact[0], "value": fact[1]}


def _add_counts(connection: sa.Connection, dataset_id: int, counts: Mapping[Fact, int]) -> None:
    """Count frames in, or out. The rows are locked in one order, so that no two wait in a ring."""
    if not counts:
        return
    insert = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[connection.dialect.name](
        fact_counts
    )
    more = fact_counts.c.frames + insert.excluded.frames
    added = insert.on_conflict_do_update(
        index_elements=list(fact_counts.primary_key), set_={"frames": more}
    )
    rows = [_values(dataset_id, fact) | {"frames": counts[fact]} for fact in sorted(counts)]
    connection.execute(added, rows)
