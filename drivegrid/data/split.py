"""A split of drivegrid-bench in memory: scenes with their expressions and attribute questions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from drivegrid.data.attributes import AttributeQuestion
from drivegrid.data.benchmark import LABEL_FILES, MANIFEST, read_manifest
from drivegrid.data.expressions import KINDS, Expression
from drivegrid.data.files import parse_json, read_lines
from drivegrid.data.folders import LocalFolder
from drivegrid.data.scene import Scene
from drivegrid.data.shards import is_shards
from drivegrid.data.store import load_scenes
from drivegrid.errors import FormatError

_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class Split:
    """What a split asks, scene by scene.

    Args:
        scenes: (N,) the scenes.
        expressions: (N,) the referring expressions of each.
        questions: (N,) the attribute questions of each.
    """

    scenes: tuple[Scene, ...]
    expressions: tuple[tuple[Expression, ...], ...]
    questions: tuple[tuple[AttributeQuestion, ...], ...]


def is_split(folder: Path) -> bool:
    """Tell whether a folder is a split of the benchmark: it has a manifest, and not of shards.

    Exports have a manifest too, but no file of a split's labels.
    """
    if not (folder / MANIFEST).is_file() or is_shards(LocalFolder(folder)):
        return False
    return any((folder / name).is_file() for name in LABEL_FILES)


def load_split(folder: str | Path) -> Split:
    """Return a split of the benchmark; `drivegrid.data.validate` checks what it says.

    Raises:
        FormatError: If a file is missing, or a row is not of its form; names file and line.
    """
    folder = Path(folder)
    read_manifest(folder)
    scenes = load_scenes(folder / LABEL_FILES[0])
    return Split(
        tuple(scenes),
        _load_rows(folder / LABEL_FILES[1], scenes, _expression),
        _load_rows(folder / LABEL_FILES[2], scenes, _question),
    )


def _load_rows(
    path: Path, scenes: list[Scene], build: Callable[[Mapping[str, Any], Scene], _Row]
) -> tuple[tuple[_Row, ...], ...]:
    found: list[list[_Row]] = [[] for _ in scenes]
    for number, line in read_lines(path):
        if not line:
            continue
        try:
            row = parse_json(line)
            index = row["scene"]
            found[index].append(build(row, scenes[index]))
        except FormatError as error:
            raise error.at(path, number) from error
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise FormatError(
                f"row must be of the benchmark's form, got {line[:100]!r}.", path, number
            ) from error
    return tuple(map(tuple, found))


def _expression(row: Mapping[str, Any], scene: Scene) -> Expression:
    targets = tuple(_index(target, scene) for target in row["targets"])
    if row["kind"] not in KINDS:
        raise ValueError(row["kind"])
    return Expression(str(row["text"]), row["kind"], targets, str(row["root"]))


def _question(row: Mapping[str, Any], scene: Scene) -> AttributeQuestion:
    options = tuple(map(str, row["options"]))
    texts = [str(row[name]) for name in ("task", "question", "answer")]
    instance = _index(row["instance"], scene)
    return AttributeQuestion(instance, texts[0], texts[1], options, texts[2])


def _index(value: object, scene: Scene) -> int:
    if type(value) is not int or not 0 <= value < len(scene.instances):
        raise ValueError(value)
    return value
