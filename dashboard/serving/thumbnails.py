"""Small pictures, made once and kept in a folder.

A thumbnail is named for the path, time and length of its picture, so that a picture that changes
gets a new one. Beside them lie notes on damaged pictures, so that no page tries those again.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from threading import Lock

from PIL import Image

from drivegrid.data.files import atomic_path
from drivegrid.data.images import Picture, load_image
from drivegrid.errors import DriveGridError, FormatError

QUALITY = 80
MAX_BYTES = 2 * 2**30
"""Of all thumbnails: some 150,000 small ones. Whoever looks at more makes the oldest anew."""
KEPT_SHARE = 0.9
"""What stays of that when there is no more room, so that the folder is not walked each time."""
AT_A_TIME = 4
"""Most thumbnails that are made side by side: each holds a whole picture in memory."""


class ThumbnailError(DriveGridError):
    """A thumbnail that cannot be kept; its picture may be good."""


class Thumbnails:
    """Thumbnails of pictures, as WebP files.

    Args:
        folder: Where they are kept; made when the first one is.
        max_bytes: Of all of them; the oldest are removed beyond that.
    """

    def __init__(self, folder: Path, max_bytes: int = MAX_BYTES) -> None:
        self.folder, self._max_bytes = folder, max_bytes
        self._num_bytes: int | None = None
        self._room = Lock()
        self._locks = [Lock() for _ in range(AT_A_TIME)]

    def get(self, path: Path, side: int) -> Path:
        """Return the file of a thumbnail, made now if it is the first time.

        Args:
            path: The picture.
            side: Longest side in pixels; smaller pictures stay as they are. 0 keeps the size,
                for pictures that browsers cannot show.

        Raises:
            FormatError: If the picture is damaged; it is read once, not at every request.
            ThumbnailError: If the thumbnail cannot be written: the disk is full, most likely.
            OSError: If the picture is not there.
        """
        key = _key(path, side)
        kept = self.folder / key[:2] / f"{key}.webp"
        with self._locks[int(key[:2], 16) % AT_A_TIME]:
            if not kept.exists():
                self._make(path, side, kept)
                self._make_room(kept.stat().st_size)
        return kept

    def _make_room(self, num_bytes: int) -> None:
        """Count a new thumbnail, and remove the oldest where there are too many."""
        with self._room:
            if self._num_bytes is not None:
                self._num_bytes += num_bytes
            if self._num_bytes is None or self._num_bytes > self._max_bytes:
                self._num_bytes = _remove_oldest(self.folder, self._max_bytes)

    def _make(self, path: Path, side: int, kept: Path) -> None:
        note = kept.with_suffix(".txt")
        if note.exists():
            raise FormatError(note.read_text(encoding="utf-8"), path)
        try:
            thumbnail = _encoded(load_image(path), side)
        except FormatError as error:
            if not _is_passing(error):
                with suppress(ThumbnailError):
                    _keep(note, error.message.encode())
            raise
        _keep(kept, thumbnail)


def _remove_oldest(folder: Path, max_bytes: int) -> int:
    """Remove the oldest files where all are more than so many bytes; return how many stay."""
    found = []
    for path in folder.glob("??/*"):
        with suppress(FileNotFoundError):  # one that is only just being written
            stat = path.stat()
            found.append((stat.st_mtime_ns, stat.st_size, path))
    total = sum(size for _, size, _ in found)
    if total <= max_bytes:
        return total
    for _, size, path in sorted(found)[:-1]:  # the newest is being shown
        if total <= max_bytes * KEPT_SHARE:
            break
        path.unlink(missing_ok=True)
        total -= size
    return total


def _key(path: Path, side: int) -> str:
    found = os.stat(path)
    parts = (str(path), found.st_mtime_ns, found.st_size, side)
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()


def _encoded(picture: Picture, side: int) -> bytes:
    image = Image.fromarray(picture)
    if side:
        image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    encoded = BytesIO()
    image.save(encoded, format="WEBP", quality=QUALITY)
    return encoded.getvalue()


def _is_passing(error: FormatError) -> bool:
    """Tell trouble of the machine from a damaged picture: the next try may go well."""
    cause = error.__cause__
    return isinstance(cause, MemoryError) or (
        isinstance(cause, OSError) and cause.errno is not None
    )


def _keep(path: Path, content: bytes) -> None:
    try:
        with atomic_path(path) as part:
            part.write_bytes(content)
    except OSError as error:
        raise ThumbnailError(
            f"thumbnail must be written, got: {error.strerror} ({path.parent}). "
            "Make room on the disk; until then full pictures are sent."
        ) from error
