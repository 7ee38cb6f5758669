"""What a label format is: how a data set is opened, written, told apart and described."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from drivegrid.data.formats.peek import Peek
from drivegrid.data.quarantine import Loaded, Quarantine, Saved
from drivegrid.data.scene import Scene
from drivegrid.errors import FormatError


class Place(NamedTuple):
    """Where a frame's labels stand.

    Args:
        file: The file.
        line: 1-based line, if the file has lines.
    """

    file: Path
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """An opened data set: its frames as they lie on disk, and how each becomes a scene.

    Finding entries is cheap and happens in one process; parsing them is the work, and may happen
    in many. Memory stays flat: neither holds more than a frame, unless the format is one file.

    Args:
        entries: One piece a frame, in order: a line, a file's name, a JSON object; a FormatError
            for a frame that is already known to be wrong. Iterated once; raises FormatError where
            the rest cannot be read at all.
        parse: Returns the scene of an entry, or raises FormatError, which says where. A function
            of a module, or a ``functools.partial`` of one, so that other processes can have it.
        where: Returns where the labels of an entry stand, if it is not the data set's one file.
    """

    entries: Iterator[Any]
    parse: Callable[[Any], Scene]
    where: Callable[[Any], Place] | None = None

    def __iter__(self) -> Iterator[Scene | FormatError]:
        """Yield each frame, or why it is set aside; read = kept + set aside."""
        for entry in self.entries:
            yield parse_entry(self.parse, entry)

    def load(self) -> Loaded:
        """Return all frames at once."""
        loaded = Loaded([], Quarantine())
        for found in self:
            if isinstance(found, FormatError):
                loaded.quarantine.reject(found)
            else:
                loaded.scenes.append(found)
                loaded.quarantine.keep()
        return loaded


def parse_entry(parse: Callable[[Any], Scene], entry: Any) -> Scene | FormatError:
    """Return the scene of an entry, or why it is set aside."""
    if isinstance(entry, FormatError):
        return entry
    try:
        return parse(entry)
    except FormatError as error:
        return error


def in_entry(error: FormatError, path: Path, item: str) -> FormatError:
    """Return an error of an entry with its place: the file, the entry, then what the error names.

    >>> str(in_entry(FormatError("x must be a number.", item="bbox"), Path("a.json"), "image 3"))
    'x must be a number. (a.json, image 3, bbox)'
    """
    where = error.item or (f"image {error.path}" if error.path else None)
    return FormatError(error.message, path, item=f"{item}, {where}" if where else item)


def _nothing(path: Path) -> Path | None:
    """Return the side file of formats that have none."""
    del path
    return None


@dataclass(frozen=True, slots=True)
class Format:
    """How one format is read, written, recognised and described.

    Args:
        name: What ``--from`` and ``--to`` call it.
        title: What people call it.
        path_is: What the path of a data set is: a file, a folder, or either.
        open: Opens the data set at a path; raises FormatError if there is none.
        save: Writes scenes to a path; a file, or a folder that is new or empty, appears whole or
            not at all. Takes scenes one by one and keeps none. None where nobody wants it written.
        recognise: Returns why a path is of this format, None if it is not.
        holds: What it can say: shapes, attributes, in words.
        lost_in: What the reader leaves behind, in words; empty if nothing.
        lost_out: What the writer cannot say, in words.
        side_read: The file beside a path that is read too, if there is one.
        side_written: The file beside a path that may be written too.
        suffix: How a file's name ends, where drivegrid chooses the name.
        labels_all: Whether all things of a kind are marked where any is; else the reader leaves
            ``KEY_OBJECTS`` in the extras of its scenes.
        shares: Whether coordinates are shares of the picture, which grow with its size.
        reading: What people said of the way it is read; a conversion resumes only with the same.
    """

    name: str
    title: str
    path_is: Literal["file", "folder", "file or folder"]
    open: Callable[[Path], Source]
    save: Callable[[Iterable[Scene], Path], Saved] | None
    recognise: Callable[[Peek], str | None]
    holds: str
    lost_in: str
    lost_out: str
    side_read: Callable[[Path], Path | None] = _nothing
    side_written: Callable[[Path], Path | None] = _nothing
    suffix: str = ".json"
    labels_all: bool = True
    shares: bool = False
    reading: str = ""

    def load(self, path: str | Path) -> Loaded:
        """Return all frames of a data set at once, and what was set aside."""
        return self.open(Path(path)).load()
