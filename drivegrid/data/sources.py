"""Label sources: the data sets that a path stands for, whatever their format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from drivegrid.data.benchmark import LABEL_FILES
from drivegrid.data.formats import Format, detect_format, find_format, parse_entry, possible_formats
from drivegrid.data.formats.contract import Place
from drivegrid.data.formats.peek import Peek
from drivegrid.data.scene import Scene
from drivegrid.data.split import is_split
from drivegrid.data.store import SUFFIXES
from drivegrid.errors import FormatError

Watch: TypeAlias = Callable[[Iterator[Any]], Iterator[Any]]
"""Passes frames on, one by one, and may count them."""

AUTO = "auto"
"""Name of a format that is to be told from the content."""
MAX_DEPTH = 3
"""So many folders below a path are looked at for data sets."""
LABEL_SUFFIXES = (*SUFFIXES, ".json", ".json.gz", ".xml", ".csv")


@dataclass(frozen=True, slots=True)
class LabelSource:
    """A data set on disk.

    Args:
        path: File or folder.
        format: How it is read.
    """

    path: Path
    format: Format

    @property
    def root(self) -> Path:
        """Folder that image names are relative to, where nobody says otherwise."""
        return self.path if self.path.is_dir() else self.path.parent

    def placed(self) -> Iterator[tuple[Place, Scene | FormatError]]:
        """Yield each frame, or why it is set aside, and where its labels stand.

        Raises:
            FormatError: If the rest cannot be read at all.
        """
        source = self.format.open(self.path)
        for entry in source.entries:
            found = parse_entry(source.parse, entry)
            where = None if isinstance(entry, FormatError) else source.where
            yield where(entry) if where else Place(self.path), found


def find_source(path: str | Path, name: str = AUTO) -> LabelSource:
    """Return the one data set that a path stands for.

    Raises:
        FormatError: If there is none, or more than one: then they are named.
    """
    found = find_sources(path, name)
    if len(found) > 1:
        shown = ", ".join(str(source.path) for source in found[:5])
        raise FormatError(
            f"path must hold one data set, got {len(found)}: {shown}. Name one of them, "
            "or put them together with `drivegrid data merge`.",
            path,
        )
    return found[0]


def find_sources(path: str | Path, name: str = AUTO) -> list[LabelSource]:
    """Return the data sets that a path stands for, at least one.

    A file or folder that a format recognises is one. In another folder, files and folders are
    looked at one by one; of a benchmark split the scenes count, not what is asked about them.

    Args:
        path: File or folder.
        name: Format to read it as; then the path is one data set.

    Raises:
        FormatError: If there is no data set, or a file or folder looks like several formats.
    """
    found = [one for one in look_below(path, name) if isinstance(one, LabelSource)]
    if not found:
        detect_format(path)  # says what the folder looks like
    return found


def look_below(path: str | Path, name: str = AUTO) -> list[LabelSource | Path]:
    """Return the data sets that a path stands for, and the files among them that are of none.

    Args:
        path: As for `find_sources`, also one without any data set.
        name: Format to read it as.

    Raises:
        FormatError: As `find_sources`.
    """
    path = Path(path)
    if name != AUTO:
        known = find_format(name)
        whole = known.path_is == "folder" or not path.is_dir() or known.recognise(Peek(path))
        inside = [] if whole else _files_of(path, known)
        return [LabelSource(file, known) for file in inside or [path]]
    if not path.is_dir():
        return [LabelSource(path, find_format(detect_format(path)[0]))]
    return list(_below(path, MAX_DEPTH))


def _files_of(folder: Path, known: Format) -> list[Path]:
    """Return the files of a folder that a format recognises."""
    files = (file for file in sorted(folder.iterdir()) if file.is_file())
    return [file for file in files if _is_label(file) and known.recognise(Peek(file)) is not None]


def _below(folder: Path, depth: int) -> Iterator[LabelSource | Path]:
    if is_split(folder):
        yield LabelSource(folder / LABEL_FILES[0], find_format("scene"))
    elif possible_formats(folder):
        yield LabelSource(folder, find_format(detect_format(folder)[0]))
    else:
        for child in sorted(folder.iterdir()) if depth else ():
            if child.is_dir():
                yield from _below(child, depth - 1)
            elif _is_label(child):
                known = _format_of(child)
                yield LabelSource(child, known) if known else child


def _is_label(file: Path) -> bool:
    return file.name.endswith(LABEL_SUFFIXES)


def _format_of(file: Path) -> Format | None:
    """Return the format of a file; broken or empty ``.jsonl`` counts as scenes, to be reported."""
    try:
        found = possible_formats(file)
        broken = not found and file.name.endswith(SUFFIXES) and not Peek(file).line
    except FormatError:
        return find_format("scene") if file.name.endswith(SUFFIXES) else None
    if found:
        return find_format(detect_format(file)[0])
    return find_format("scene") if broken else None
