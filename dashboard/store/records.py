"""What leaves the store: frames and shapes, and how instances lie in a row of its tables.

Rows hold what scene records hold (see ``drivegrid.data.store``), so that floats stay exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import sqlalchemy as sa

from drivegrid.data.files import parse_json
from drivegrid.data.scene import SCHEMA_VERSION, Frame, Instance, Scene
from drivegrid.data.store import record_text, scene_from_record, scene_to_record
from drivegrid.errors import FormatError
from drivegrid.geometry import Size

T = TypeVar("T")

_NOWHERE = Frame("", (1, 1))

MAX_TEXT_BYTES = 1000
"""Of image names, clips and labels in UTF-8: an index of PostgreSQL holds no more than 2,700."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Who works on a frame until when.

    Args:
        user: Name of the reviewer.
        until: End, in milliseconds since 1970; it may have passed.
    """

    user: str
    until: int


@dataclass(frozen=True, slots=True)
class FrameRow:
    """A frame of a data set and where its review stands.

    Args:
        id: Names it in the store.
        dataset_id: Data set it belongs to.
        image: Path of the picture, relative to the data set's folder.
        size_wh: Width and height in pixels.
        clip: Clip it belongs to, None without one.
        number: Its place in the data set's own order.
        split: ``train``, ``val`` or ``test`` where the labels say so.
        attributes: Frame-wide facts, for example ``{"weather": "rain"}``.
        extra: What the labels held beyond this.
        status: One of ``schema.STATUSES``.
        version: Rises with every verdict.
        reviewed_at: Time of the last verdict in milliseconds since 1970.
        reviewed_by: Name of who gave it.
        lease: Who works on it.
    """

    id: int
    dataset_id: int
    image: str
    size_wh: Size
    clip: str | None
    number: int
    split: str | None
    attributes: Mapping[str, str]
    extra: Mapping[str, Any]
    status: str
    version: int
    reviewed_at: int | None
    reviewed_by: str | None
    lease: Lease | None


@dataclass(frozen=True, slots=True)
class ShapeRow:
    """An instance in a frame as one source has it.

    Args:
        id: Names it in the store.
        source_id: Who says so.
        number: Its place among those of the source in the frame.
        instance: Label, geometry and attributes.
        trace: Tokens that a model wrote it in, None for others.
    """

    id: int
    source_id: int
    number: int
    instance: Instance
    trace: Any


def to_frame(row: sa.Row[Any]) -> FrameRow:
    """Return a row of ``frames`` joined with the names of its users.

    Args:
        row: Columns of ``frames``, ``reviewer`` and ``holder``.
    """
    lease = None if row.holder is None else Lease(row.holder, row.lease_until)
    return FrameRow(
        id=row.id,
        dataset_id=row.dataset_id,
        image=row.image,
        size_wh=(row.width, row.height),
        clip=row.clip,
        number=row.number,
        split=row.split,
        attributes=row.attributes,
        extra=row.extra,
        status=row.status,
        version=row.version,
        reviewed_at=row.reviewed_at,
        reviewed_by=row.reviewer,
        lease=lease,
    )


def to_shape(row: sa.Row[Any]) -> ShapeRow:
    """Return a row of ``shapes``."""
    [instance] = to_instances([row])
    return ShapeRow(row.id, row.source_id, row.number, instance, row.trace)


def to_instances(rows: Iterable[sa.Row[Any]]) -> tuple[Instance, ...]:
    """Return the instances of rows of ``shapes``, equal to those that were stored.

    Raises:
        FormatError: If a row is none that the store wrote.
    """
    return to_scene(
        {"image": "", "size_wh": [1, 1], "attributes": {}, "clip": None}, rows
    ).instances


def to_scene(
    frame: Mapping[str, Any], rows: Iterable[sa.Row[Any]], extra: Mapping[str, Any] | None = None
) -> Scene:
    """Return a scene of the record of its frame, rows of ``shapes`` and its extras.

    Raises:
        FormatError: If a row is none that the store wrote.
    """
    return scene_from_record(
        {
            "schema": SCHEMA_VERSION,
            "frame": dict(frame),
            "instances": [_instance_record(row) for row in rows],
            "extra": dict(extra or {}),
        }
    )


def _instance_record(row: sa.Row[Any]) -> dict[str, Any]:
    return {
        "label": row.label,
        "geometry": row.geometry,
        "attributes": row.attributes,
        "visibility": row.visibility,
        "confidence": row.confidence,
        "source": row.provenance,
        "extra": row.extra,
    }


def to_record(scene: Scene) -> dict[str, Any]:
    """Return the record of a scene, for ``shape_values`` and columns of ``frames``.

    Raises:
        FormatError: If the scene holds what is not JSON, or a text that no table can hold.
    """
    for text in (scene.frame.image, scene.frame.clip or "", *(i.label for i in scene.instances)):
        check_text(text)
    for instance in scene.instances:
        check_text(instance.source)
    record: dict[str, Any] = parse_json(record_text(scene).encode())
    return record


def to_records(instances: Iterable[Instance]) -> list[dict[str, Any]]:
    """Return instances as JSON values, for the log of verdicts.

    Raises:
        FormatError: If they could not be read again, or a text is one that no table can hold.
    """
    records: list[dict[str, Any]] = to_record(Scene(_NOWHERE, tuple(instances)))["instances"]
    from_records(records)
    return records


def from_records(records: Sequence[Mapping[str, Any]]) -> tuple[Instance, ...]:
    """Return the instances of `to_records`.

    Raises:
        FormatError: If a record is wrong; names it.
    """
    whole = scene_to_record(Scene(_NOWHERE)) | {"instances": [dict(one) for one in records]}
    return scene_from_record(whole).instances


def check_text(text: str) -> str:
    """Return a text that every table can hold and index.

    Raises:
        FormatError: If it is longer than ``MAX_TEXT_BYTES``, or holds a null character or half a
            surrogate pair.
    """
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise FormatError(f"text must be UTF-8, got {text!r:.100}.") from error
    if size > MAX_TEXT_BYTES or "\0" in text:
        raise FormatError(
            f"text must have at most {MAX_TEXT_BYTES} bytes and no null character, "
            f"got {size}: {text!r:.100}."
        )
    return text


def shape_values(
    record: Mapping[str, Any], frame_id: int, source_id: int, traces: Sequence[Any] = ()
) -> list[dict[str, Any]]:
    """Return the rows of ``shapes`` that hold the instances of a scene's record.

    Args:
        record: As ``to_record`` returns it.
        frame_id: Frame they are in.
        source_id: Who says so.
        traces: (N,) tokens that each was written in; empty where there are none.
    """
    traces = traces or [None] * len(record["instances"])
    return [
        {
            "frame_id": frame_id,
            "source_id": source_id,
            "number": number,
            "label": one["label"],
            "kind": one["geometry"]["kind"],
            "geometry": one["geometry"],
            "attributes": one["attributes"],
            "confidence": one["confidence"],
            "visibility": one["visibility"],
            "provenance": one["source"],
            "extra": one["extra"],
            "trace": trace,
        }
        for number, (one, trace) in enumerate(zip(record["instances"], traces, strict=True))
    ]


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield items in lists that are short enough for one statement.

    >>> list(batches("abc", 2))
    [['a', 'b'], ['c']]
    """
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
