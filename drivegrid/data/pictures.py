"""Pictures that go where labels go: linked or copied under the names that the labels give them."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, TypeAlias

from drivegrid.data.checks import check_image_name
from drivegrid.errors import FormatError

PictureMode: TypeAlias = Literal["link", "copy", "none"]


class PictureList:
    """Names of pictures on disk rather than in memory, until the labels are written.

    >>> with PictureList() as pictures:
    ...     pictures.add(Path("/data/tusimple"), "clips/a/20.jpg")
    ...     list(pictures)
    [(PosixPath('/data/tusimple'), 'clips/a/20.jpg')]
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile("w+", encoding="utf-8")

    def add(self, root: Path, name: str) -> None:
        """Note a picture of a data set."""
        self._file.write(json.dumps([str(root), name]) + "\n")

    def __iter__(self) -> Iterator[tuple[Path, str]]:
        """Yield root and name of each picture, as they were added."""
        self._file.seek(0)
        for line in self._file:
            root, name = json.loads(line)
            yield Path(root), name

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Forget the names."""
        self._file.close()


def place_pictures(
    pictures: Iterable[tuple[Path, str]], folder: Path, mode: PictureMode
) -> Counter[str]:
    """Link or copy pictures into a folder, under their names.

    Links are symbolic and absolute: the pictures stay where they are. What stands in the folder
    already is left alone.

    Args:
        pictures: Root and name of each.
        folder: Where labels have been written.
        mode: ``none`` does nothing.

    Returns:
        How many were ``linked`` or ``copied``, and how many were ``missing``.

    Raises:
        OSError: If the disk is full or the folder cannot be written.
    """
    counts: Counter[str] = Counter()
    for root, name in pictures if mode != "none" else ():
        counts[_place(root, name, folder, mode)] += 1
    return counts


def _place(root: Path, name: str, folder: Path, mode: PictureMode) -> str:
    try:
        inner = check_image_name(name.lstrip("/"))
    except FormatError:
        return "missing"
    picture, target = root / inner, folder / inner
    if not picture.is_file():
        return "missing"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        if mode == "link":
            target.symlink_to(picture.resolve())
        else:
            shutil.copyfile(picture, target)
    return "linked" if mode == "link" else "copied"
