"""All faces in one texture."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from drivegrid.errors import ConfigError
from drivegrid.scenes.faces.catalogue import FACES, FaceImage, face_image
from drivegrid.scenes.faces.face import UInt8Array

COLUMNS = 16
_GUTTER = 8
"""A face leaves 1/8 of its tile empty on each side, filled with the rim continued."""


@lru_cache(maxsize=4)
def face_atlas(
    side: int = 64,
    pictures: FaceImage = face_image,
) -> tuple[UInt8Array, dict[str, tuple[float, float, float, float]]]:
    """Return a texture of all faces and where each one lies.

    Tiles stand in the order of ``FACES``, 16 to a row. A face fills the middle 3/4 of its tile;
    its edge pixels are continued to the tile's border, so that the first three mip levels of a
    power of two never mix neighbours.

    Args:
        side: Pixels of a tile, a multiple of 8, at least 16.
        pictures: What draws the faces; the same object gets the same texture again.

    Returns:
        (rows * side, 16 * side, 3) uint8 RGB, read-only, row 0 at the top; and key -> u0, v0, u1,
        v1 as shares of width and height, (u0, v0) at the face's upper left, v downwards.

    Raises:
        ConfigError: If the side does not allow the gutters.

    >>> image, places = face_atlas(32)
    >>> image.shape[1], places["eu stop"][0], places["eu stop"][2]
    (512, 0.0078125, 0.0546875)
    """
    if side < 16 or side % _GUTTER:
        raise ConfigError(f"side must be a multiple of {_GUTTER}, at least 16, got {side}.")
    rows = -(-len(FACES) // COLUMNS)
    pad = side // _GUTTER
    image = np.zeros((rows * side, COLUMNS * side, 3), dtype=np.uint8)
    places = {}
    for index, key in enumerate(FACES):
        top, left = index // COLUMNS * side, index % COLUMNS * side
        picture = pictures(key, side - 2 * pad)
        tile = cv2.copyMakeBorder(picture, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
        image[top : top + side, left : left + side] = tile
        places[key] = (
            (left + pad) / (COLUMNS * side),
            (top + pad) / (rows * side),
            (left + side - pad) / (COLUMNS * side),
            (top + side - pad) / (rows * side),
        )
    image.flags.writeable = False
    return image, places
