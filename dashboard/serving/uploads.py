"""Pictures that people upload: checked bytes become RGB, whatever the file was called."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from drivegrid.data.images import Picture, load_image, save_image
from drivegrid.errors import FormatError

from .picture_kind import picture_kind

MAX_UPLOAD_BYTES = 32 * 2**20
MAX_UPLOAD_PIXELS = 2**25
"""An 8K frame."""
MIN_UPLOAD_SIDE = 32
"""In pixels; in less no road can be seen."""


def read_upload(content: bytes) -> Picture:
    """Return (H, W, 3) uint8 RGB of an uploaded picture, turned as its EXIF says.

    Of an animated picture the first frame is taken. Sizes are refused by the header, before
    anything is decoded.

    Args:
        content: A JPEG, PNG or WebP file.

    Raises:
        FormatError: Whatever is wrong, in words for who uploaded it.
    """
    if len(content) > MAX_UPLOAD_BYTES:
        raise FormatError(
            f"picture must have at most {MAX_UPLOAD_BYTES >> 20} MiB, "
            f"got {len(content) >> 20} MiB. Scale it down first."
        )
    if picture_kind(content) is None:
        raise FormatError(
            f"upload must be a JPEG, PNG or WebP picture, got {len(content)} bytes of "
            "something else."
        )
    image = _decoded(content)
    if min(image.shape[:2]) < MIN_UPLOAD_SIDE:
        raise FormatError(
            f"picture must have sides of at least {MIN_UPLOAD_SIDE} pixels, "
            f"got {image.shape[1]}x{image.shape[0]}."
        )
    return image


def keep_upload(content: bytes, folder: Path) -> tuple[str, tuple[int, int]]:
    """Keep an uploaded picture in a folder; return its name there, and its width and height.

    The client's name is not kept: the same picture has the same name, whoever sends it.

    Raises:
        FormatError: If it is no picture, see `read_upload`, or cannot be written.
    """
    image = read_upload(content)
    name = f"{hashlib.blake2b(content, digest_size=16).hexdigest()}.png"
    try:
        if not (folder / name).exists():
            save_image(folder / name, image)
    except OSError as error:
        raise FormatError(
            f"upload must be kept, got: {error.strerror}. Make room on the server."
        ) from error
    return name, (image.shape[1], image.shape[0])


def _decoded(content: bytes) -> Picture:
    """Decode by way of a hidden file: the one safe reader of pictures reads files."""
    try:
        with tempfile.TemporaryDirectory(prefix="drivegrid-") as folder:
            path = Path(folder, "upload")
            path.write_bytes(content)
            return load_image(path, max_pixels=MAX_UPLOAD_PIXELS)
    except FormatError as error:
        raise FormatError(error.message) from error  # the file's name tells people nothing
    except OSError as error:
        raise FormatError(
            "upload must be kept for a moment, got a disk that refuses it. Make room on the server."
        ) from error
