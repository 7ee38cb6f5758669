"""Records on disk: drivegrid's own form as Parquet or JSON lines, other trainers' as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from drivegrid.data.fields import as_kind
from drivegrid.data.files import atomic_path, check_regular, fill_lines, parse_json, read_lines
from drivegrid.errors import FormatError, MissingExtraError
from drivegrid.tasks.conversations.record import (
    RECORD_VERSION,
    Record,
    from_dict,
    to_dict,
    to_llava,
    to_swift,
    to_trl,
)
from drivegrid.tasks.settings import ConversationConfig
from drivegrid.tokens.vocabulary import SPEC_VERSION

FORMS: Mapping[str, Callable[[Record], dict[str, Any]]] = {
    "ours": to_dict, "llava": to_llava, "swift": to_swift, "trl": to_trl,
}  # fmt: skip
SUFFIXES = {
    "ours": (".parquet", ".jsonl", ".jsonl.gz"),
    "llava": (".json", ".jsonl", ".jsonl.gz"),
    "swift": (".jsonl", ".jsonl.gz"),
    "trl": (".jsonl", ".jsonl.gz"),
}
"""What a file of each form may be; LLaVA's own loader reads one JSON list, its heirs lines too."""
VERSION_KEY, SPEC_KEY, CONFIG_KEY = (
    b"drivegrid_conversations", b"drivegrid_spec", b"drivegrid_config",
)  # fmt: skip
ROWS_PER_GROUP = 1024


def check_form(path: str | Path, form: str) -> None:
    """Refuse a form that is unknown, or a file name it is not written to.

    Raises:
        FormatError: Names what is known.
    """
    if form not in FORMS:
        raise FormatError(f"form must be one of {', '.join(FORMS)}, got {form!r}.")
    if not Path(path).name.endswith(SUFFIXES[form]):
        known = ", ".join(SUFFIXES[form])
        raise FormatError(f"file of records as {form} must end in one of {known}.", path)


def save_records(
    records: Iterable[Record], path: str | Path, form: str, config: ConversationConfig
) -> int:
    """Write records one by one; the file appears whole or not at all.

    Args:
        records: In the order in which they are written; none is kept.
        path: Target; its suffix chooses Parquet, JSON lines or one JSON list.
        form: One of ``FORMS``.
        config: What they were made with; Parquet keeps it, with the version, in its metadata.

    Returns:
        How many were written.

    Raises:
        FormatError: As `check_form`, or if a text is not UTF-8.
        MissingExtraError: If the path is Parquet and pyarrow is absent.
        OSError: If the disk is full or the folder cannot be written; then nothing is written.
    """
    check_form(path, form)
    path, count = Path(path), 0

    def counted() -> Iterator[Record]:
        nonlocal count
        for record in records:
            yield record
            count += 1

    if path.suffix == ".parquet":
        _write_parquet(path, counted(), config)
        return count
    texts = (_text(FORMS[form](record), path, record.id) for record in counted())
    with atomic_path(path) as part:
        lines = _as_list(texts) if path.suffix == ".json" else texts
        fill_lines(part, lines, packed=path.suffix == ".gz")
    return count


def _text(value: Mapping[str, Any], path: Path, item: str) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise FormatError(f"record must be UTF-8, got: {error}.", path, item=repr(item)) from error
    return text


def _as_list(texts: Iterator[str]) -> Iterator[str]:
    """Yield the lines of one JSON list."""
    yield "["
    last = next(texts, None)
    for text in texts:
        yield f"{last},"
        last = text
    if last is not None:
        yield last
    yield "]"


def load_records(path: str | Path) -> Iterator[Record]:
    """Yield the records of a file in drivegrid's own form.

    Raises:
        FormatError: At the first record that is wrong; names file and line (Parquet: row).
        MissingExtraError: If the path is Parquet and pyarrow is absent.
    """
    path = Path(path)
    check_form(path, "ours")
    rows = _parquet_rows(path) if path.suffix == ".parquet" else _json_rows(path)
    for number, row in rows:
        try:
            yield from_dict(row())
        except FormatError as error:
            raise error.at(path, number) from error


Rows = Iterator[tuple[int, Callable[[], Any]]]
"""Number of each row, and what reads it."""


def _json_rows(path: Path) -> Rows:
    for number, line in read_lines(path):
        if line:
            yield number, lambda line=line: parse_json(line)  # type: ignore[misc]


def _import_parquet() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("Parquet", "pyarrow", "parquet") from error
    return pyarrow, pyarrow.parquet


def _write_parquet(path: Path, records: Iterator[Record], config: ConversationConfig) -> None:
    pa, parquet = _import_parquet()
    message = pa.struct([("role", pa.string()), ("content", pa.string())])
    columns = {
        "id": pa.string(), "image": pa.string(), "size_wh": pa.list_(pa.int32()),
        "task": pa.string(), "messages": pa.list_(message),
        "targets": pa.list_(pa.list_(pa.int32())), "forms": pa.list_(pa.string()),
    }  # fmt: skip
    metadata = {
        VERSION_KEY: str(RECORD_VERSION),
        SPEC_KEY: str(SPEC_VERSION),
        CONFIG_KEY: config.model_dump_json(),
    }
    schema = pa.schema(list(columns.items()), metadata=metadata)
    with atomic_path(path) as part, parquet.ParquetWriter(part, schema) as writer:
        while group := [to_dict(record) for record in islice(records, ROWS_PER_GROUP)]:
            try:
                rows = [row | {"forms": _as_texts(row["forms"])} for row in group]
                writer.write_table(pa.Table.from_pylist(rows, schema=schema))
            except (pa.ArrowException, UnicodeError) as error:
                raise FormatError(f"records must fit Parquet, got: {error}.", path) from error


def _as_texts(forms: Iterable[Any]) -> list[str | None]:
    """Return logical forms as texts: a column of Parquet has one shape, and they have many."""
    return [None if form is None else json.dumps(form, separators=(",", ":")) for form in forms]


def _from_parquet(row: Mapping[str, Any]) -> dict[str, Any]:
    texts = as_kind(row.get("forms"), list, "forms")
    forms = [None if t is None else parse_json(as_kind(t, str, "forms").encode()) for t in texts]
    return {"schema": RECORD_VERSION, **row, "forms": forms}


def _parquet_rows(path: Path) -> Rows:
    pa, parquet = _import_parquet()
    try:
        check_regular(path)
        with parquet.ParquetFile(path) as file:
            metadata = file.schema_arrow.metadata or {}
            version = metadata.get(VERSION_KEY, b"none").decode("utf-8", "replace")
            if version != str(RECORD_VERSION):
                raise FormatError(
                    f"file must hold records of schema {RECORD_VERSION}, got {version}.", path
                )
            number = 0
            for batch in file.iter_batches(batch_size=ROWS_PER_GROUP):
                for row in batch.to_pylist():
                    number += 1
                    yield number, lambda row=row: _from_parquet(row)  # type: ignore[misc]
    except (pa.ArrowException, OSError, UnicodeError) as error:
        raise FormatError(f"file must be Parquet, got: {error}.", path) from error
