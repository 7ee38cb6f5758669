"""Frames of formats that say nothing of the picture's size."""

from __future__ import annotations

import errno
import os
import stat
from functools import lru_cache
from pathlib import Path, PurePosixPath

from drivegrid.data.checks import check_image_name
from drivegrid.data.images import image_size
from drivegrid.data.json_stream import first_char
from drivegrid.data.scene import Frame
from drivegrid.errors import FormatError
from drivegrid.geometry import Size

_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


def object_file(path: str | Path, root: str | Path | None, what: str) -> tuple[Path, Path]:
    """Return the path of a JSON file and the folder of its pictures; by default the file's.

    Raises:
        FormatError: If there is no such file, or it holds no object ``what`` ("of drives").
    """
    path = Path(path)
    if first_char(path) != "{":
        raise FormatError(f"file must be a JSON object {what}.", path)
    return path, path.parent if root is None else Path(root)


def find_frame(root: Path, name: str, default: Size) -> tuple[Frame, dict[str, bool]]:
    """Return a frame sized by its picture's header, and what a scene's ``extra`` says of the size.

    Without a picture the size is the default, and ``extra`` says ``assumed_size``.

    Raises:
        FormatError: If the picture is there and cannot be read; names it.
    """
    picture = os.path.join(root, check_image_name(name))  # pathlib takes three times as long
    try:
        found = stat.S_ISREG(os.stat(picture).st_mode)
    except OSError as error:
        if error.errno not in _ABSENT:  # for example a name longer than the disk allows
            raise FormatError(
                f"image name must be usable, got: {error.strerror}.", picture
            ) from error
        found = False
    size = image_size(picture) if found else default
    return Frame(name, size, clip=folder_clip(name)), {} if found else {"assumed_size": True}


def folder_clip(image: str) -> str | None:
    """Return the clip of a picture where a clip is a folder: None where there is no folder.

    >>> folder_clip("clips/0313-1/20.jpg"), folder_clip("20.jpg")
    ('clips/0313-1', None)
    """
    return _plain_folder(image.rpartition("/")[0])


@lru_cache(maxsize=256)  # frames of a clip come one after the other
def _plain_folder(folder: str) -> str | None:
    plain = str(PurePosixPath(folder))
    return None if plain == "." else plain
