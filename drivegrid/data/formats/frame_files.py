"""Writing formats that have one file a frame: each gets its own, whatever its name."""

from __future__ import annotations

import errno
from pathlib import Path

from drivegrid.data.checks import check_image_name
from drivegrid.errors import FormatError

BAD_NAME = (errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EILSEQ)
"""What a file's name brings about, of itself or among the others; not the disk."""


def write_frame_file(folder: Path, name: str, content: bytes, taken: set[Path]) -> None:
    """Write the file of one frame, and note it as taken.

    Args:
        folder: Where the data set is written; it is itself whole or absent.
        name: Path in it.
        content: What the file holds.
        taken: Files that no frame may have, those of frames before among them; grows.

    Raises:
        FormatError: If the name leads out of the folder, is another frame's or stands in its way,
            or cannot be a file's.
        OSError: If the disk is full or the folder cannot be written.
    """
    target = folder / check_image_name(name)
    if target in taken or not taken.isdisjoint(target.parents) or target.is_dir():
        raise FormatError(f"frame must have a file of its own, got {name!r:.200} here.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    except OSError as error:
        if error.errno not in BAD_NAME:
            raise
        raise FormatError(
            f"file must be writable, got: {error.strerror} ({target.name:.200})."
        ) from error
    taken.add(target)
