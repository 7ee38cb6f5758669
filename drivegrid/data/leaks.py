"""Pictures that are nearly the same: one to learn from must not stand among those that judge.

A clip stays in one part, but clips follow one another, and a picture may come twice under two
names. What a picture looks like tells: a print of 256 bits, one for each step between neighbouring
places of a 17 x 16 grey thumbnail (difference hash).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from drivegrid.data.images import Picture

Print: TypeAlias = npt.NDArray[np.bool_]
"""(256,) the bits of a picture's print."""

SIDE = 16
MOST_BITS = 40
"""Prints that differ in so few bits are of one place: on the real frames that this was chosen by,
copies and frames of one drive a second apart differ in 0 to 42, other pictures in 51 and more."""
AT_ONCE = 256
"""Pictures that are compared with all others at a time, which bounds the memory."""


@dataclass(frozen=True, slots=True)
class Twin:
    """Two pictures that are nearly the same.

    Args:
        index: Of a picture in the first list.
        other: Of the picture in the second list that is most like it.
        bits: In how many of 256 bits their prints differ.
    """

    index: int
    other: int
    bits: int


def picture_print(picture: Picture) -> Print:
    """Return the print of a picture.

    Args:
        picture: (H, W, 3) uint8 RGB.

    >>> bool(picture_print(np.zeros((30, 40, 3), np.uint8)).any())
    False
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (SIDE + 1, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(small[:, 1:] > small[:, :-1]).ravel()


def find_twins(
    prints: Sequence[Print], others: Sequence[Print], most_bits: int = MOST_BITS
) -> Iterator[Twin]:
    """Yield each picture that is nearly the same as one of some others, with the most like it.

    Args:
        prints: (N,) prints.
        others: (M,) prints that they are compared with.
        most_bits: Prints that differ in more are of other places.
    """
    if not len(prints) or not len(others):
        return
    signs = _signs(others)
    for start in range(0, len(prints), AT_ONCE):
        # Of two signs the product is 1 where the bits are equal and -1 where they differ.
        alike = _signs(prints[start : start + AT_ONCE]) @ signs.T
        nearest = alike.argmax(axis=1)
        for row, other in enumerate(nearest.tolist()):
            bits = round((signs.shape[1] - float(alike[row, other])) / 2)
            if bits <= most_bits:
                yield Twin(start + row, other, bits)


def _signs(prints: Sequence[Print]) -> npt.NDArray[np.float32]:
    """Return bits as -1 and 1."""
    return np.where(np.stack(prints), np.float32(1), np.float32(-1))
