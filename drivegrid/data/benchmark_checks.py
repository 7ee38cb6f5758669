"""Whether a split of the benchmark is what its manifest says, and its rows what its scenes say."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from drivegrid.data.attributes import attribute_questions
from drivegrid.data.benchmark import (
    LABEL_FILES,
    MANIFEST,
    content_hash,
    count_rows,
    file_hash,
    read_manifest,
)
from drivegrid.data.expressions import Expression, check
from drivegrid.data.files import parse_json, read_lines, walk_files
from drivegrid.data.scene import Scene
from drivegrid.errors import FormatError
from drivegrid.labels import LabelSpace


@dataclass(frozen=True, slots=True)
class BenchmarkFault:
    """A fault by file, line and item."""

    file: Path
    message: str
    line: int | None = None
    item: str | None = None


def check_manifest(folder: Path) -> Iterator[BenchmarkFault]:
    """Yield every file that is missing, altered or not named, and hashes that do not fit."""
    path = folder / MANIFEST
    try:
        manifest = read_manifest(folder)
    except FormatError as error:
        yield BenchmarkFault(path, error.message)
        return
    files = manifest.get("files")
    if not isinstance(files, dict) or not all(isinstance(d, str) for d in files.values()):
        yield BenchmarkFault(path, "files must name the sha256 of every file, got none")
        return
    present = {f.relative_to(folder).as_posix() for f in walk_files(folder) if isinstance(f, Path)}
    present -= {MANIFEST}
    for name in sorted(files.keys() - present):
        yield BenchmarkFault(path, "file must exist, got none", item=name)
    for name in sorted(present - files.keys()):
        yield BenchmarkFault(path, "file must be named in the manifest, got one more", item=name)
    for name in sorted(present & files.keys()):
        try:
            sound = file_hash(folder / name) == files[name]
        except OSError as error:
            yield BenchmarkFault(path, f"file must be readable, got: {error.strerror}", item=name)
            continue
        if not sound:
            yield BenchmarkFault(path, "file must have the sha256 of the manifest", item=name)
    labels = {name: files.get(name, "") for name in LABEL_FILES}
    for key, part in (("content_sha256", files), ("labels_sha256", labels)):
        if manifest.get(key) != content_hash(part):
            yield BenchmarkFault(path, "hash must be that of the files named", item=key)


def check_rows(
    folder: Path, scenes: Sequence[Scene | None], space: LabelSpace
) -> Iterator[BenchmarkFault]:
    """Yield expressions and questions that their scenes do not bear out, and wrong counts.

    Args:
        folder: The split.
        scenes: Its scenes in order; None where a line is wrong.
        space: The taxonomy.
    """
    expressions = list(_rows(folder / LABEL_FILES[1]))
    questions = list(_rows(folder / LABEL_FILES[2]))
    answers = _answers(scenes, space)
    yield from _check_each(folder / LABEL_FILES[1], expressions, scenes, _check_expression)
    yield from _check_each(
        folder / LABEL_FILES[2],
        questions,
        scenes,
        lambda row, scene: "" if _key(row) in answers else "question must be one of its scene",
    )
    good = [[row for _, row in rows if isinstance(row, dict)] for rows in (expressions, questions)]
    missing = len(answers) - len({_key(row) for row in good[1]} & answers)
    if missing:
        yield BenchmarkFault(
            folder / LABEL_FILES[2], f"every question must be asked, got {missing} too few"
        )
    yield from _check_counts(folder, scenes, good[0], good[1])


def _check_counts(
    folder: Path,
    scenes: Sequence[Scene | None],
    expressions: Sequence[Mapping[str, Any]],
    questions: Sequence[Mapping[str, Any]],
) -> Iterator[BenchmarkFault]:
    try:
        manifest = read_manifest(folder)
    except FormatError:
        return  # named by check_manifest
    counts = manifest.get("counts")
    seeds = [scene.extra.get("seed") for scene in scenes if scene is not None]
    first = seeds[0] if seeds else None
    if manifest.get("seeds") != {"first": first, "count": len(scenes)}:
        yield BenchmarkFault(
            folder / MANIFEST,
            f"seeds must be {len(scenes)} from {first} on, got {manifest.get('seeds')!s:.100}",
            item="seeds",
        )
    sizes = [{"instances": () if scene is None else scene.instances} for scene in scenes]
    named = [[row for row in rows if isinstance(row.get(key), str)] for rows, key in (
        (expressions, "kind"), (questions, "task"),
    )]  # fmt: skip
    found = count_rows(sizes, named[0], named[1])
    if counts != found:
        yield BenchmarkFault(
            folder / MANIFEST, f"counts must be {found}, got {counts!s:.300}", item="counts"
        )


def _rows(path: Path) -> Iterator[tuple[int, Any]]:
    """Yield the number and the value, or what is wrong, of each line."""
    try:
        for number, line in read_lines(path):
            if line:
                try:
                    yield number, parse_json(line)
                except FormatError as error:
                    yield number, error
    except FormatError as error:
        yield 0, error


def _check_each(
    path: Path,
    rows: Sequence[tuple[int, Any]],
    scenes: Sequence[Scene | None],
    check_row: Callable[[Mapping[str, Any], Scene], str],
) -> Iterator[BenchmarkFault]:
    for number, row in rows:
        if isinstance(row, FormatError):
            yield BenchmarkFault(path, row.message, number or None)
            continue
        index = row.get("scene") if isinstance(row, dict) else None
        if type(index) is not int or not 0 <= index < len(scenes):
            yield BenchmarkFault(
                path, f"scene must be the index of one of {len(scenes)}, got {index!r:.50}", number
            )
        elif (scene := scenes[index]) is not None and (message := check_row(row, scene)):
            yield BenchmarkFault(path, message, number, f"scene {index}")


def _check_expression(row: Mapping[str, Any], scene: Scene) -> str:
    text, kind, targets, root = (row.get(key) for key in ("text", "kind", "targets", "root"))
    if not (isinstance(text, str) and isinstance(targets, list)):
        return "expression must have text, kind, targets and root"
    return check(Expression(text, kind, tuple(targets), root), scene)  # type: ignore[arg-type]


def _key(row: Mapping[str, Any]) -> str:
    """Return a question as a text that can be compared."""
    names = ("scene", "instance", "task", "question", "options", "answer")
    return json.dumps([row.get(name) for name in names])


def _answers(scenes: Sequence[Scene | None], space: LabelSpace) -> set[str]:
    return {
        _key({"scene": index, **asdict(question)})
        for index, scene in enumerate(scenes)
        if scene is not None
        for question in attribute_questions(scene, space)
    }
