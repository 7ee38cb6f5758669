"""Frames of formats that say nothing of the picture's size."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from drivegrid.data.checks import check_image_name
from drivegrid.data.images import image_size
from drivegrid.data.scene import Frame
from drivegrid.errors import FormatError
from drivegrid.geometry import Size


def find_frame(root: Path, name: str, default: Size) -> tuple[Frame, dict[str, bool]]:
    """Return a frame sized by its picture's header, and what a scene's ``extra`` says of the size.

    Without a picture the size is the default, and ``extra`` says ``assumed_size``.

    Raises:
        FormatError: If the picture is there and cannot be read; names it.
    """
    picture = root / check_image_name(name)
    try:
        found = picture.is_file()
    except OSError as error:  # for example a name longer than the disk allows
        raise FormatError(f"image name must be usable, got: {error.strerror}.", picture) from error
    size = image_size(picture) if found else default
    clip = str(PurePosixPath(name).parent)
    return Frame(name, size, clip=clip), {} if found else {"assumed_size": True}
