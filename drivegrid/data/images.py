"""Images and video frames of unknown origin as RGB arrays; whatever is wrong is a FormatError."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from drivegrid.data.store import write_bytes
from drivegrid.errors import DriveGridError, FormatError
from drivegrid.geometry import Size

ImageArray: TypeAlias = npt.NDArray[np.uint8]

MAX_PIXELS = 64_000_000
"""Larger images are refused before they are decoded."""
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "PPM", "TIFF")
IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".ppm", ".pgm", ".pbm", ".tif", ".tiff"}
)
VIDEO_SUFFIXES = frozenset({".mp4", ".avi", ".mov", ".mkv"})

_EXIF_ORIENTATION = 0x0112
_CLIP_SIZE = (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
_SAVE_OPTIONS = {
    ".jpg": ("JPEG", {"quality": 95}),
    ".jpeg": ("JPEG", {"quality": 95}),
    ".png": ("PNG", {}),
}


@contextmanager
def _opened(path: str | Path) -> Iterator[Image.Image]:
    """Open an image of an allowed format and size; turn whatever goes wrong into FormatError."""
    try:
        with warnings.catch_warnings():
            # Pillow warns of odd metadata and of large images; the cap below is ours.
            warnings.simplefilter("ignore")
            with Path(path).open("rb") as file, Image.open(file, formats=FORMATS) as image:
                width, height = image.size
                if width * height > MAX_PIXELS or min(width, height) < 1:
                    raise FormatError(
                        f"image must have 1 to {MAX_PIXELS} pixels, got {width}x{height}.", path
                    )
                yield image
    except FormatError:
        raise
    # Decoders raise almost anything on hostile bytes (SyntaxError, struct.error, KeyError ...).
    except Exception as error:
        raise FormatError(
            f"image must be a readable {', '.join(FORMATS)} file, got {error}.", path
        ) from error


def load_image(path: str | Path) -> ImageArray:
    """Return (H, W, 3) uint8 RGB, turned upright as its EXIF orientation says.

    Grey, palette and CMYK images become RGB; 16-bit and float grey values are scaled to 8 bits
    (65535 -> 255; floats are taken as [0, 1]); transparent pixels are laid over black. Of an image
    with several pages or frames the first is returned.

    Raises:
        FormatError: If the file is missing, empty, cut off, corrupt, not of an allowed format
            (JPEG, PNG, WEBP, BMP, PPM, TIFF) or larger than ``MAX_PIXELS``.
    """
    with _opened(path) as image:
        image.load()
        upright = ImageOps.exif_transpose(image)
        return np.ascontiguousarray(_to_rgb(upright))


def _to_rgb(image: Image.Image) -> ImageArray:
    if image.mode.startswith("I") or image.mode == "F":
        # Pillow's own conversion clips these modes at 255 instead of scaling.
        values = np.asarray(image).astype(np.float64)
        scale = 255.0 if image.mode == "F" else 255.0 / 65535.0
        grey = np.clip(np.round(np.nan_to_num(values) * scale), 0, 255).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        black = Image.new("RGBA", rgba.size, (0, 0, 0, 255))
        image = Image.alpha_composite(black, rgba)
    return np.asarray(image.convert("RGB"))


def image_size(path: str | Path) -> Size:
    """Return (width, height) as ``load_image`` gives it, from the header alone.

    Raises:
        FormatError: As ``load_image``; damage behind the header is not seen.
    """
    with _opened(path) as image:
        width, height = image.size
        sideways = image.getexif().get(_EXIF_ORIENTATION) in (5, 6, 7, 8)
        return (height, width) if sideways else (width, height)


def save_image(path: str | Path, image: ImageArray) -> None:
    """Write a JPEG (quality 95) or PNG, whole or not at all; parent folders are made.

    Args:
        path: Ends in ``.jpg``, ``.jpeg`` or ``.png``.
        image: (H, W, 3) uint8 RGB.

    Raises:
        FormatError: If the suffix or the array does not fit.
        OSError: If the file cannot be written.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in _SAVE_OPTIONS:
        raise FormatError(
            f"image file must end in {', '.join(_SAVE_OPTIONS)}, got {suffix!r}.", path
        )
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise FormatError(f"image must be (H, W, 3) uint8, got {image.shape} {image.dtype}.", path)
    kind, options = _SAVE_OPTIONS[suffix]
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(buffer, kind, **options)
    write_bytes(path, buffer.getvalue())


def iter_frames(
    paths: Iterable[str | Path],
) -> Iterator[tuple[str, ImageArray | DriveGridError]]:
    """Yield (name, image or error) for every frame of files, folders and video clips.

    Args:
        paths: Images, clips (mp4, avi, mov, mkv) or folders; folders are searched at all depths
            in sorted order for files with the suffix of an image or a clip.

    Yields:
        The path as given (below a folder: joined to it), ``"clip.mp4#000012"`` for frame 12 of a
        clip, with its (H, W, 3) uint8 RGB image, or with the error that took its place: a batch
        goes on, and frames + errors is everything found.
    """
    for path in map(Path, paths):
        if not path.is_dir():
            yield from _frames_of(path)
            continue
        files = _files_below(path)
        if not files:
            yield str(path), FormatError("folder must hold images or clips, got none.", path)
        for file in files:
            yield from _frames_of(file)


def _files_below(folder: Path) -> list[Path]:
    wanted = IMAGE_SUFFIXES | VIDEO_SUFFIXES
    # os.walk follows no linked folders, so that a loop of links ends.
    found = [Path(root) / name for root, _, names in os.walk(folder) for name in names]
    return sorted(path for path in found if path.suffix.lower() in wanted)


def _frames_of(path: Path) -> Iterator[tuple[str, ImageArray | DriveGridError]]:
    if path.suffix.lower() in VIDEO_SUFFIXES:
        yield from _frames_of_clip(path)
        return
    try:
        yield str(path), load_image(path)
    except DriveGridError as error:
        yield str(path), error


def _frames_of_clip(path: Path) -> Iterator[tuple[str, ImageArray | DriveGridError]]:
    if not path.is_file():
        yield str(path), FormatError("clip must be an existing file, got none.", path)
        return
    clip = cv2.VideoCapture(str(path))
    number = 0
    try:
        announced = int(clip.get(cv2.CAP_PROP_FRAME_COUNT))
        width, height = (int(clip.get(p)) for p in _CLIP_SIZE)
        if width * height > MAX_PIXELS:
            raise FormatError(f"clip must have at most {MAX_PIXELS} pixels, got {width}x{height}.")
        good, bgr = clip.read()
        while good:
            yield f"{path}#{number:06d}", np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
            number += 1
            good, bgr = clip.read()
        # Some containers only estimate their count, so a small gap is no sign of damage.
        if number < max(0.95 * announced, 1):
            raise FormatError(f"clip must be whole, got {number} of {announced} frames.")
    except (cv2.error, FormatError) as error:
        yield f"{path}#{number:06d}", FormatError(str(error), path)
    finally:
        clip.release()
