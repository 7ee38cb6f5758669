"""Records of scenes as Parquet: the JSON text of each, beside plain columns to filter on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from drivegrid.data.scene import SCHEMA_VERSION, Scene
from drivegrid.errors import FormatError, MissingExtraError

SCHEMA_KEY = b"drivegrid_schema"
ROWS_PER_GROUP = 1024


def import_parquet() -> tuple[Any, Any]:
    """Return pyarrow and pyarrow.parquet.

    Raises:
        MissingExtraError: If pyarrow is absent.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("Parquet", "pyarrow", "parquet") from error
    return pyarrow, pyarrow.parquet


def write_rows(file: Path | BinaryIO, rows: Iterable[tuple[Scene, str]], where: str | Path) -> None:
    """Write scenes with their JSON texts; the same rows give the same bytes.

    Args:
        file: To write to.
        rows: Each scene with its record's text.
        where: What errors call the file.

    Raises:
        FormatError: If a text is none that Parquet can hold.
        MissingExtraError: If pyarrow is absent.
    """
    pa, parquet = import_parquet()
    columns = {
        "image": pa.string(), "clip": pa.string(), "width": pa.int32(), "height": pa.int32(),
        "labels": pa.list_(pa.string()), "record": pa.string(),
    }  # fmt: skip
    schema = pa.schema(list(columns.items()), metadata={SCHEMA_KEY: str(SCHEMA_VERSION)})
    rows = iter(rows)
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        while group := list(islice(rows, ROWS_PER_GROUP)):
            table = {
                "image": [scene.frame.image for scene, _ in group],
                "clip": [scene.frame.clip for scene, _ in group],
                "width": [scene.frame.size_wh[0] for scene, _ in group],
                "height": [scene.frame.size_wh[1] for scene, _ in group],
                "labels": [[each.label for each in scene.instances] for scene, _ in group],
                "record": [text for _, text in group],
            }
            try:
                writer.write_table(pa.Table.from_pydict(table, schema=schema))
            except (pa.ArrowException, UnicodeError) as error:
                raise FormatError(f"scene must fit Parquet, got: {error}", where) from error


def read_rows(
    file: Path | BinaryIO, where: str | Path, count: int | None = None
) -> Iterator[tuple[int, bytes]]:
    """Yield the 1-based row and the JSON text of each record.

    Args:
        file: To read; regular.
        where: What errors call the file.
        count: How many records it must hold, if that is known.

    Raises:
        FormatError: If it is no Parquet of scenes, or holds another number of them.
        MissingExtraError: If pyarrow is absent.
    """
    pa, parquet = import_parquet()
    try:
        with parquet.ParquetFile(file) as opened:
            _check_schema(pa, opened, where)
            if count not in (None, opened.metadata.num_rows):
                raise FormatError(
                    f"file must hold {count} scenes, got {opened.metadata.num_rows}.", where
                )
            number = 0
            for batch in opened.iter_batches(batch_size=ROWS_PER_GROUP, columns=["record"]):
                for value in batch.column(0):
                    number += 1
                    # The bytes as they are: whether they are UTF-8 is seen row by row.
                    yield number, value.as_buffer().to_pybytes() if value.is_valid else b""
    except (pa.ArrowException, OSError, UnicodeError) as error:
        raise FormatError(f"file must be Parquet, got: {error}.", where) from error


def _check_schema(pa: Any, opened: Any, where: str | Path) -> None:
    schema = opened.schema_arrow
    version = (schema.metadata or {}).get(SCHEMA_KEY, b"none").decode("utf-8", "replace")
    if version != str(SCHEMA_VERSION) or "record" not in schema.names:
        raise FormatError(
            f"file must hold scenes of schema {SCHEMA_VERSION}, got schema {version}.", where
        )
    if not pa.types.is_string(schema.field("record").type):
        raise FormatError("column record must hold texts.", where)
