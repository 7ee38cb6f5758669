"""Instances as records of events and as rows of ``shapes``.

A record is an instance as scene records have it (``drivegrid.data.store``); a row holds the same
in columns, except the source, which is a row of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from drivegrid.data.scene import SCHEMA_VERSION, Frame, Instance, Scene
from drivegrid.data.store import record_text, scene_from_record
from drivegrid.errors import FormatError

Record = dict[str, Any]
_FRAME: Record = {"image": "", "size_wh": [1, 1], "attributes": {}, "clip": None}


def to_records(instances: Iterable[Instance]) -> list[Record]:
    """Return instances as JSON values.

    Raises:
        FormatError: If they could not be read again, or a label holds what PostgreSQL cannot.
    """
    taken = tuple(instances)
    records: list[Record] = json.loads(record_text(Scene(Frame("", (1, 1)), taken)))["instances"]
    to_instances(records)
    for index, record in enumerate(records):
        if "\x00" in record["label"]:
            raise FormatError("label must be a text without null bytes.", item=f"instance {index}")
    return records


def to_instances(records: Sequence[Record]) -> tuple[Instance, ...]:
    """Return the instances of records made by `to_records`.

    Raises:
        FormatError: If a record is wrong; names it.
    """
    whole = {"schema": SCHEMA_VERSION, "frame": _FRAME, "instances": list(records), "extra": {}}
    return scene_from_record(whole).instances


def to_row(record: Record) -> Record:
    """Return the columns of ``shapes`` that a record fills."""
    kept = ("label", "geometry", "attributes", "confidence", "visibility", "extra")
    return {**{name: record[name] for name in kept}, "kind": record["geometry"]["kind"]}


def from_row(row: sa.RowMapping | Mapping[str, Any], source: str) -> Record:
    """Return the record of a row of ``shapes`` whose source has this name."""
    kept = ("label", "geometry", "attributes", "confidence", "visibility", "extra")
    return {**{name: row[name] for name in kept}, "source": source}
