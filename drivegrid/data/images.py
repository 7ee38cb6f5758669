"""Pictures in and out: one safe way to open a file from anywhere, and frames of a batch."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from drivegrid.data.files import atomic_path, check_regular, walk_files
from drivegrid.data.scene import MAX_SIDE_PX
from drivegrid.errors import FormatError, GeometryError
from drivegrid.geometry import Size

Picture: TypeAlias = npt.NDArray[np.uint8]
"""(H, W, 3) RGB."""

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "PPM", "TIFF")
"""What is decoded; told from the content, never from the name."""

MAX_PIXELS = 64 * 2**20
"""Largest picture that is decoded, in pixels; checked in the header."""

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".ppm", ".tif", ".tiff")
CLIP_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv")
FRAME_COUNT_SLACK = 0.05
"""Share of its announced frames that a clip may lack; at least one frame."""

_ORIENTATION_TAG = 0x0112
_TIFF_WIDTH_TAG, _TIFF_HEIGHT_TAG = 0x0100, 0x0101
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SAVE_OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    ".jpg": ("JPEG", {"quality": 95}),
    ".jpeg": ("JPEG", {"quality": 95}),
    ".png": ("PNG", {"compress_level": 1}),  # four times as fast as 6, a tenth larger
    ".webp": ("WEBP", {"quality": 95}),
    ".bmp": ("BMP", {}),
    ".ppm": ("PPM", {}),
    ".tif": ("TIFF", {}),
    ".tiff": ("TIFF", {}),
}


def check_picture(image: Picture) -> None:
    """Refuse what is no picture.

    Raises:
        GeometryError: If it is no array, (H, W, 3) uint8 with pixels.
    """
    if not isinstance(image, np.ndarray):
        raise GeometryError(f"image must be an array, got {type(image).__name__}.")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise GeometryError(f"image must be (H, W, 3) uint8 RGB, got {image.shape} {image.dtype}.")


def load_image(path: str | Path, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """Return (H, W, 3) uint8 RGB of a picture file that may be hostile.

    The EXIF rotation is applied; transparent parts are laid over black; 16-bit grey is scaled
    (65535 becomes 255); palette, grey, 1-bit and CMYK become RGB; of several pages or frames the
    first is taken. Embedded colour profiles are ignored.

    Args:
        path: JPEG, PNG, WEBP, BMP, PPM (PGM, PBM) or TIFF.
        max_pixels: Refuse larger pictures, by their header, before anything is decoded.

    Raises:
        FormatError: Whatever is wrong with the file; names it.
    """
    with _opened(path, max_pixels) as image:
        image.load()
        return np.array(_to_rgb(_upright(image)))


def load_values(path: str | Path, *, max_pixels: int = MAX_PIXELS) -> npt.NDArray[np.int32]:
    """Return (H, W) the bare values of a picture of one channel, as masks of classes have them.

    Palette pictures give their indices, grey ones of 1, 8 and 16 bits their values. The EXIF
    rotation is applied, as to the picture that the mask belongs to.

    Raises:
        FormatError: Like ``load_image``, and where there are several channels.
    """
    with _opened(path, max_pixels) as image:
        if image.mode not in ("1", "L", "P", "I") and not image.mode.startswith("I;16"):
            raise FormatError(f"mask must have one channel, got {image.mode}.", path)
        image.load()
        return np.asarray(_upright(image)).astype(np.int32)


def image_size(path: str | Path, *, max_pixels: int = MAX_PIXELS) -> Size:
    """Return (width, height) in pixels after EXIF rotation, from the header alone.

    Raises:
        FormatError: Like ``load_image``, but a broken body is not noticed.
    """
    with _opened(path, max_pixels) as image:
        width, height = image.size
        if isinstance(image, TiffImageFile):  # some versions of Pillow have turned it by now
            width, height = image.tag_v2[_TIFF_WIDTH_TAG], image.tag_v2[_TIFF_HEIGHT_TAG]
        return (height, width) if _orientation(image) >= 5 else (width, height)


@contextmanager
def _opened(path: str | Path, max_pixels: int) -> Iterator[Image.Image]:
    """Open a header; every failure inside the block becomes a FormatError, no warning leaks.

    Pillow warns of broken EXIF blocks, which leave the pixels good, and of large pictures, which
    ``max_pixels`` decides about.
    """
    allowed = ", ".join(FORMATS)
    try:
        check_regular(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Given a name, Pillow would map files into memory, and turned TIFFs wrongly.
            with open(path, "rb") as file, Image.open(file, formats=FORMATS) as image:
                if max(image.size) > MAX_SIDE_PX:
                    raise FormatError(
                        f"picture must have sides of at most {MAX_SIDE_PX} pixels, got "
                        f"{image.width}x{image.height}. Scale it down first.",
                        path,
                    )
                if image.width * image.height > max_pixels:
                    raise _too_large(path, f"{image.width}x{image.height}", max_pixels)
                yield image
    except FormatError:
        raise
    except Image.DecompressionBombError as error:
        raise _too_large(path, "more than Pillow opens", max_pixels) from error
    except UnidentifiedImageError as error:
        size = os.path.getsize(path)
        raise FormatError(
            f"file must be a picture ({allowed}), got {size} bytes of something else.", path
        ) from error
    except Exception as error:  # decoders of broken files raise nearly every built-in error
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise FormatError(f"picture must be whole and readable, got: {reason}.", path) from error


def _too_large(path: str | Path, found: str, max_pixels: int) -> FormatError:
    return FormatError(
        f"picture must have at most {max_pixels} pixels, got {found}. Scale it down first.", path
    )


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation 1 to 8; a broken EXIF block counts as upright."""
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # the pixels are good, and EXIF blocks break in as many ways as pictures
        return 1
    return value if value in _UPRIGHT else 1


def _upright(image: Image.Image) -> Image.Image:
    orientation = _orientation(image)
    return image if orientation == 1 else image.transpose(_UPRIGHT[orientation])


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16") or image.mode == "I":
        values = np.asarray(image).astype(np.int64)
        if values.size and not 0 <= values.min() <= values.max() <= 65535:
            raise ValueError(f"grey values from {values.min()} to {values.max()}, not 16-bit")
        return Image.fromarray(np.round(values / 257).astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        raise ValueError("floating-point pixels, which have no fixed white")
    if "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info:
        clear = image.convert("RGBA")
        black = Image.new("RGBA", clear.size, (0, 0, 0, 255))
        return Image.alpha_composite(black, clear).convert("RGB")
    return image.convert("RGB")


def save_image(path: str | Path, image: Picture) -> None:
    """Write (H, W, 3) uint8 RGB atomically; the suffix chooses the format, JPEG at quality 95.

    Raises:
        FormatError: If the suffix is unknown.
        GeometryError: If the array has another shape or type.
        OSError: If the disk is full or the folder cannot be written; then nothing is written.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in _SAVE_OPTIONS:
        raise FormatError(f"picture must end in one of {', '.join(_SAVE_OPTIONS)}.", path)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise GeometryError(
            f"picture must be (H, W, 3) uint8, got {image.shape} {image.dtype} ({path})."
        )
    name, options = _SAVE_OPTIONS[suffix]
    encoded = BytesIO()  # Pillow's own JPEG file writer does not notice that a disk is full
    Image.fromarray(image).save(encoded, format=name, **options)
    with atomic_path(path) as part:
        part.write_bytes(encoded.getbuffer())


def iter_frames(
    paths: Iterable[str | Path], *, max_pixels: int = MAX_PIXELS
) -> Iterator[tuple[str, Picture | FormatError]]:
    """Yield (name, picture or the error) for files, folders and clips; a bad file stops nothing.

    Args:
        paths: Picture files and clips, tried whatever their names are; folders are walked to
            the bottom in sorted order, linked folders last and each folder once, where only
            names in ``IMAGE_SUFFIXES`` and ``CLIP_SUFFIXES`` count. Clips are MP4, MOV, AVI and
            MKV.
        max_pixels: As in ``load_image``; holds for the frames of clips too.

    A name is the path as given, with ``/``; frame 12 of a clip is ``drive.mp4#000012``. A missing
    path yields one error, and so does a folder without any picture or clip. A clip that ends well
    before the number of frames it announces yields one error more; ``FRAME_COUNT_SLACK`` is
    allowed, since many containers only estimate that number from length and rate.
    """
    for path in paths:
        for file in map(_checked_name, _walk(Path(path))):
            if isinstance(file, FormatError):
                yield str(file.path), file
            elif file.suffix.lower() in CLIP_SUFFIXES:
                yield from _clip_frames(file, max_pixels)
            else:
                try:
                    yield file.as_posix(), load_image(file, max_pixels=max_pixels)
                except FormatError as error:
                    yield file.as_posix(), error


def _checked_name(file: Path | FormatError) -> Path | FormatError:
    """Return an error for a name that is not UTF-8: no JSON could hold it."""
    if isinstance(file, Path):
        try:
            file.as_posix().encode("utf-8")
        except UnicodeEncodeError:
            return FormatError("file name must be UTF-8. Rename the file.", file)
    return file


def _walk(path: Path) -> Iterator[Path | FormatError]:
    if not os.path.isdir(path):  # unlike Path.is_dir it raises for no name
        yield path
        return
    found = False
    for file in walk_files(path):
        if isinstance(file, FormatError) or file.name.lower().endswith(
            IMAGE_SUFFIXES + CLIP_SUFFIXES
        ):
            found = True
            yield file
    if not found:
        yield FormatError("folder must hold pictures or clips, got none.", path)


def _clip_frames(path: Path, max_pixels: int) -> Iterator[tuple[str, Picture | FormatError]]:
    import cv2  # a tenth of a second that label readers need not wait for

    name, index = path.as_posix(), 0
    try:
        _check_clip(path)
        # The FFmpeg backend and a full path: OpenCV would take other names for URLs or patterns.
        clip = cv2.VideoCapture(str(path.resolve()), cv2.CAP_FFMPEG)
        try:
            size = clip.get(cv2.CAP_PROP_FRAME_WIDTH) * clip.get(cv2.CAP_PROP_FRAME_HEIGHT)
            if not clip.isOpened() or size <= 0:
                raise FormatError("clip must be whole, got a broken one.", path)
            if size > max_pixels:
                raise _too_large(path, f"{size:.0f}", max_pixels)
            announced = int(clip.get(cv2.CAP_PROP_FRAME_COUNT))
            while True:
                good, bgr = clip.read()
                if not good:
                    break
                yield f"{name}#{index:06d}", np.ascontiguousarray(bgr[:, :, ::-1])
                index += 1
        finally:
            clip.release()
        if index == 0 or announced - index > max(announced * FRAME_COUNT_SLACK, 1):
            raise FormatError(f"clip must hold {announced} frames, got {index}.", path)
    except FormatError as error:
        yield (f"{name}#{index:06d}" if index else name), error


def _check_clip(path: Path) -> None:
    """Look at the first bytes: FFmpeg would also follow playlists to other files."""
    try:
        check_regular(path)
        with path.open("rb") as file:
            head = file.read(12)
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        reason = getattr(error, "strerror", None) or str(error)
        raise FormatError(f"clip must be readable, got: {reason}.", path) from error
    is_mp4 = head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
    is_avi = head[:4] == b"RIFF" and head[8:12] == b"AVI "
    is_mkv = head[:4] == b"\x1a\x45\xdf\xa3"
    if not (is_mp4 or is_avi or is_mkv):
        raise FormatError("clip must be MP4, MOV, AVI or MKV, got something else.", path)
