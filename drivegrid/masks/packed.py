"""Many masks of one image, a bit for each pixel: an eighth of the memory, and as much less work."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from drivegrid.errors import GeometryError
from drivegrid.geometry import BoolArray, IntArray, Size

WordArray: TypeAlias = npt.NDArray[np.uint64]
WORD_BITS = 64


@dataclass(frozen=True, eq=False)
class PackedMasks:
    """N masks of one size.

    Args:
        words: (N, ceil(w * h / 64)) uint64, pixels row by row; bits beyond the last are 0.
        size_wh: Size of the masks.

    >>> masks = PackedMasks.pack(np.array([[[True, False], [True, True]]]))
    >>> masks.areas.tolist(), masks.unpack().astype(int).tolist()
    ([3], [[[1, 0], [1, 1]]])
    """

    words: WordArray
    size_wh: Size

    @classmethod
    def pack(cls, masks: BoolArray) -> PackedMasks:
        """Pack (N, h, w) masks.

        Raises:
            GeometryError: If they have another shape, or no pixel.
        """
        if masks.ndim != 3 or not masks.shape[1] * masks.shape[2]:
            raise GeometryError(f"masks must have shape (N, h, w) with pixels, got {masks.shape}.")
        num, height, width = masks.shape
        num_words = -(-width * height // WORD_BITS)
        bits = np.zeros((num, num_words * WORD_BITS // 8), np.uint8)
        packed = np.packbits(masks.astype(np.bool_).reshape(num, width * height), axis=1)
        bits[:, : packed.shape[1]] = packed
        return cls(bits.view(np.uint64), (width, height))

    def unpack(self) -> BoolArray:
        """Return the masks, (N, h, w)."""
        width, height = self.size_wh
        bits = np.unpackbits(self.words.view(np.uint8), axis=1, count=width * height)
        return bits.view(np.bool_).reshape(len(self), height, width)

    def __len__(self) -> int:
        return len(self.words)

    def __getitem__(self, chosen: IntArray | slice) -> PackedMasks:
        """Return some of the masks."""
        return PackedMasks(self.words[chosen], self.size_wh)

    @cached_property
    def areas(self) -> IntArray:
        """(N,) pixels of each."""
        return count_bits(self.words)


def count_bits(words: WordArray) -> IntArray:
    """Return (..) how many bits are set in the last axis.

    >>> count_bits(np.array([[7, 1], [0, 0]], np.uint64)).tolist()
    [4, 0]
    """
    counted: IntArray = np.bitwise_count(words).sum(axis=-1, dtype=np.int64)
    return counted


def distinct(masks: PackedMasks) -> tuple[PackedMasks, IntArray]:
    """Return each mask once, in the order of its first place, and (N,) which one each was.

    >>> once, which = distinct(PackedMasks.pack(np.array([[[True]], [[False]], [[True]]])))
    >>> len(once), which.tolist()
    (2, [0, 1, 0])
    """
    places: dict[bytes, int] = {}
    which = np.array([places.setdefault(row.tobytes(), len(places)) for row in masks.words], int)
    first = np.unique(which, return_index=True)[1]
    return masks[first], which
