"""The filled ellipse nearest to a mask: what a tokenizer must beat to be worth its tokens."""

from __future__ import annotations

import numpy as np

from drivegrid.errors import GeometryError
from drivegrid.geometry import BoolArray

PIXEL_VARIANCE = 1 / 12
"""Of the places within one pixel, along each side."""


def ellipse_of(mask: BoolArray) -> BoolArray:
    """Return the ellipse, (H, W), with the centre and the second moments of a mask.

    Args:
        mask: (H, W) with at least one pixel inside.

    Raises:
        GeometryError: If it is empty.

    >>> ellipse_of(np.array([[False, True, False]])).tolist()
    [[False, True, False]]
    """
    rows, cols = np.nonzero(mask)
    if not len(rows):
        raise GeometryError("mask must have a pixel inside, got none.")
    places = np.stack([cols, rows])
    centre = places.mean(axis=1)
    moments = np.cov(places, bias=True) + PIXEL_VARIANCE * np.eye(2)
    (xx, xy), (_, yy) = np.linalg.inv(moments)
    right = np.arange(mask.shape[1]) - centre[0]
    down = (np.arange(mask.shape[0]) - centre[1])[:, None]
    # A filled ellipse reaches twice as far as its standard deviation along each axis.
    inside: BoolArray = xx * right**2 + 2 * xy * right * down + yy * down**2 <= 4
    return inside
