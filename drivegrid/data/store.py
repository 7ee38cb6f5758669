"""Scenes on disk: JSON lines (``.jsonl``, ``.jsonl.gz``) and Parquet, exact and atomic.

Every record carries the schema version, so files may be cut and joined line by line. Geometry is
``{"kind", "points"}``, or ``{"kind", "rings"}`` for polygons; coordinates are float64 and survive
exactly. Parquet holds the same fields as columns; only ``extra`` is JSON text there.
"""

from __future__ import annotations

import gzip
import json
import os
import secrets
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from drivegrid.data.scene import SCHEMA_VERSION, Frame, Instance, Scene
from drivegrid.errors import DriveGridError, FormatError, MissingExtraError
from drivegrid.geometry import Geometry, GeometryKind, as_points, from_parts

SUFFIXES = (".jsonl", ".jsonl.gz", ".parquet")


@contextmanager
def open_atomic(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file for writing that appears under its name only when the block ends well.

    Missing parent folders are made; a link is followed; the bytes go to a temporary file in the
    same folder, which is deleted on any error, a full disk included.

    Raises:
        OSError: If the folder or the file cannot be written.
    """
    # The link's target is replaced, not the link.
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    # Short and without the target's name: that may already be as long as names may be.
    temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write a file whole or not at all; see ``open_atomic``."""
    with open_atomic(path) as file:
        file.write(data)


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text whole or not at all, compressed if the name ends in ``.gz``.

    Missing parent folders are made; raises OSError as ``open_atomic`` does.
    """
    data = text.encode("utf-8")
    # Without a time stamp equal texts give equal files.
    write_bytes(path, gzip.compress(data, mtime=0) if Path(path).suffix == ".gz" else data)


def read_text(path: str | Path) -> str:
    """Return the UTF-8 text of a file, decompressed if the name ends in ``.gz``.

    Raises:
        FormatError: If the file is missing, unreadable, badly compressed or not UTF-8.
    """
    try:
        data = Path(path).read_bytes()
        if Path(path).suffix == ".gz":
            data = gzip.decompress(data)
        return data.decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise FormatError(f"file must be readable UTF-8 text, got {error}.", path) from error


def read_lines(path: str | Path) -> Iterator[tuple[int, str]]:
    """Yield (1-based line number, text) of every line that is not blank.

    Raises:
        FormatError: As ``read_text``.
    """
    # Not splitlines(): that also cuts at characters which may stand inside a JSON string.
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.strip():
            yield number, line


def parse_json(text: str, path: str | Path, line: int | None = None) -> Any:
    """Return the value of a JSON text; NaN and infinities are refused.

    Raises:
        FormatError: If the text is not strict JSON.
    """

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not a JSON number")

    try:
        return json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"text must be JSON, got {error}.", path, line) from error


class _Record(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


_Points = list[Annotated[list[float], Field(min_length=2, max_length=2)]]


class _GeometryRecord(_Record):
    kind: GeometryKind
    points: _Points | None = None
    rings: list[_Points] | None = None

    def build(self) -> Geometry:
        parts = self.rings if self.kind == "poly" else [self.points]
        unused = self.points if self.kind == "poly" else self.rings
        if parts is None or None in parts or unused is not None:
            raise FormatError(f"{self.kind} must have rings if it is a poly, else points.")
        counts = {"point": 1, "box": 2}
        if self.kind in counts and len(parts[0] or []) != counts[self.kind]:
            raise FormatError(
                f"{self.kind} must have {counts[self.kind]} points, got {len(parts[0] or [])}."
            )
        return from_parts(self.kind, tuple(as_points(part or []) for part in parts))


class _InstanceRecord(_Record):
    label: str
    geometry: _GeometryRecord
    attributes: dict[str, str] = {}
    visibility: float | None = None
    confidence: float | None = None
    source: str = "label"
    extra: dict[str, Any] = {}

    def build(self) -> Instance:
        return Instance(
            self.label,
            self.geometry.build(),
            self.attributes,
            self.visibility,
            self.confidence,
            self.source,
            self.extra,
        )


class _SceneRecord(_Record):
    schema_version: Annotated[Literal[1], Field(alias="schema")]
    image: str
    size_wh: Annotated[list[int], Field(min_length=2, max_length=2)]
    clip: str | None = None
    attributes: dict[str, str] = {}
    instances: list[_InstanceRecord] = []
    extra: dict[str, Any] = {}

    def build(self) -> Scene:
        width, height = self.size_wh
        frame = Frame(self.image, (width, height), self.attributes, self.clip)
        return Scene(frame, tuple(record.build() for record in self.instances), self.extra)


def scene_to_record(scene: Scene) -> dict[str, Any]:
    """Return a scene as JSON values; optional fields at their default are left out.

    >>> scene_to_record(Scene(Frame("a.jpg", (8, 4))))
    {'schema': 1, 'image': 'a.jpg', 'size_wh': [8, 4], 'instances': []}
    """
    frame = scene.frame
    record: dict[str, Any] = {
        "schema": SCHEMA_VERSION,
        "image": frame.image,
        "size_wh": [int(side) for side in frame.size_wh],
        "clip": frame.clip,
        "attributes": dict(frame.attributes),
        "instances": [_instance_to_record(instance) for instance in scene.instances],
        "extra": dict(scene.extra),
    }
    return {
        key: value for key, value in record.items() if key == "instances" or value not in (None, {})
    }


def _instance_to_record(instance: Instance) -> dict[str, Any]:
    geometry = instance.geometry
    parts = [part.tolist() for part in geometry.parts()]
    shape = {"rings": parts} if geometry.kind == "poly" else {"points": parts[0]}
    record: dict[str, Any] = {
        "label": instance.label,
        "geometry": {"kind": geometry.kind, **shape},
        "attributes": dict(instance.attributes),
        "visibility": None if instance.visibility is None else float(instance.visibility),
        "confidence": None if instance.confidence is None else float(instance.confidence),
        "source": instance.source,
        "extra": dict(instance.extra),
    }
    return {key: value for key, value in record.items() if value not in (None, {})}


def scene_from_record(record: Any, path: str | Path, line: int | None = None) -> Scene:
    """Return the scene of a record as ``scene_to_record`` makes them.

    Args:
        record: JSON values of unknown origin; everything is checked.
        path: File named in errors.
        line: 1-based line named in errors.

    Raises:
        FormatError: If the schema version is another one, or a field is missing or wrong.
    """
    version = record.get("schema") if isinstance(record, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise FormatError(
            f"schema must be {SCHEMA_VERSION} or older, got {version}. Update drivegrid.",
            path,
            line,
        )
    try:
        return _SceneRecord.model_validate(record).build()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        item = ".".join(map(str, first["loc"])) or "record"
        value = repr(first["input"])[:60]
        message = f"scene must follow the schema, got {value}: {first['msg']}."
        raise FormatError(message, path, line, item) from error
    except DriveGridError as error:
        raise FormatError(str(error), path, line) from error


def save_scenes(scenes: Sequence[Scene], path: str | Path) -> None:
    """Write scenes in the form that the file name says; whole or not at all.

    Args:
        scenes: Any number; ``extra`` must hold JSON values.
        path: ``.jsonl``, ``.jsonl.gz`` or ``.parquet``; parent folders are made.

    Raises:
        FormatError: If the suffix is unknown or a scene holds what JSON cannot.
        MissingExtraError: If Parquet is asked for without pyarrow.
        OSError: If the file cannot be written.
    """
    if _suffix(path) == ".parquet":
        _save_parquet(scenes, path)
    else:
        lines = [_to_json(scene_to_record(scene), path, n) for n, scene in enumerate(scenes, 1)]
        write_text(path, "".join(f"{line}\n" for line in lines))


def load_scenes(path: str | Path) -> list[Scene]:
    """Read what ``save_scenes`` wrote; an empty JSON-lines file holds no scenes.

    Raises:
        FormatError: If the file or a record cannot be used; names file, line and item.
        MissingExtraError: If a Parquet file is read without pyarrow.
    """
    if _suffix(path) == ".parquet":
        return _load_parquet(path)
    return [scene_from_record(parse_json(text, path, n), path, n) for n, text in read_lines(path)]


def _suffix(path: str | Path) -> str:
    for suffix in SUFFIXES:
        if Path(path).name.endswith(suffix):
            return suffix
    raise FormatError(f"scene file must end in {', '.join(SUFFIXES)}, got {Path(path).name}.", path)


def _to_json(value: Any, path: str | Path, number: int) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        text.encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise FormatError(f"scene must hold JSON values, got {error}.", path, number) from error
    return text


def _import_pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("Parquet", "pyarrow", "parquet") from error
    return pyarrow, pyarrow.parquet


def _parquet_schema(pa: Any) -> Any:
    text, pairs = pa.string(), pa.map_(pa.string(), pa.string())
    points = pa.list_(pa.list_(pa.float64()))
    geometry = pa.struct({"kind": text, "points": points, "rings": pa.list_(points)})
    instance = pa.struct(
        {
            "label": text,
            "geometry": geometry,
            "attributes": pairs,
            "visibility": pa.float64(),
            "confidence": pa.float64(),
            "source": text,
            "extra": text,
        }
    )
    columns = {
        "schema": pa.int64(),
        "image": text,
        "size_wh": pa.list_(pa.int64()),
        "clip": text,
        "attributes": pairs,
        "instances": pa.list_(instance),
        "extra": text,
    }
    return pa.schema(columns)


def _save_parquet(scenes: Sequence[Scene], path: str | Path) -> None:
    pa, parquet = _import_pyarrow()
    records = [scene_to_record(scene) for scene in scenes]
    for number, record in enumerate(records, 1):
        for part in (record, *record["instances"]):
            part["attributes"] = list(part.get("attributes", {}).items())
            part["extra"] = _to_json(part.get("extra", {}), path, number)
    try:
        table = pa.Table.from_pylist(records, schema=_parquet_schema(pa))
    except (pa.ArrowException, UnicodeEncodeError) as error:
        raise FormatError(f"scenes must fit the Parquet schema, got {error}.", path) from error
    with open_atomic(path) as file:
        parquet.write_table(table, file)


def _load_parquet(path: str | Path) -> list[Scene]:
    pa, parquet = _import_pyarrow()
    try:
        records = parquet.ParquetFile(path).read().to_pylist()
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise FormatError(f"file must be readable Parquet, got {error}.", path) from error
    return [_from_row(record, path, number) for number, record in enumerate(records, 1)]


def _from_row(row: dict[str, Any], path: str | Path, number: int) -> Scene:
    try:
        for part in (row, *row["instances"]):
            part["attributes"] = dict(part["attributes"])
            part["extra"] = parse_json(part["extra"], path, number)
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(
            f"row must have drivegrid's columns, got {error!r}.", path, number
        ) from error
    return scene_from_record(row, path, number)
