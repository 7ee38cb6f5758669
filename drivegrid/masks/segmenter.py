"""What every mask decoder offers: encode an image once, decode masks for any prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from drivegrid.data.images import Picture
from drivegrid.errors import GeometryError
from drivegrid.geometry import BoolArray, FloatArray, as_flags, as_points

LogitArray: TypeAlias = npt.NDArray[np.float32]
Handle = TypeVar("Handle")
"""An encoded image, as the segmenter that made it likes to keep it."""


@dataclass(frozen=True, slots=True, eq=False)
class Prompt:
    """What one mask is asked for by; equal prompts compare equal.

    Args:
        points: (K, 2) x, y in pixels of the image; K may be 0 beside a box. Their order says
            nothing.
        positive: (K,) True where the point lies on the thing, False where it lies beside it.
        box: (4,) x_min, y_min, x_max, y_max in pixels, or None.
        mask: (h, w) flags over the whole image at any size, a mask to be mended; or None.

    Raises:
        GeometryError: If there is neither point, box nor mask, the flags do not fit the points, or
            a number is not finite, a box inside out or a mask without pixels or no flags.

    >>> Prompt(np.array([[3.0, 4.0]]), np.array([True])) == Prompt(box=np.array([0.0, 0, 9, 9]))
    False
    """

    points: FloatArray = field(default_factory=lambda: np.zeros((0, 2)))
    positive: BoolArray = field(default_factory=lambda: np.zeros(0, np.bool_))
    box: FloatArray | None = None
    mask: BoolArray | None = None

    def __post_init__(self) -> None:
        points = as_points(self.points, "points of a prompt")
        positive = np.asarray(self.positive, dtype=np.bool_)
        if positive.shape != (len(points),):
            raise GeometryError(
                f"positive must have shape ({len(points)},), one flag a point of its prompt, "
                f"got {positive.shape}."
            )
        if self.box is None and self.mask is None and not len(points):
            raise GeometryError("prompt must hold a point, a box or a mask, got none of them.")
        object.__setattr__(self, "points", points)
        object.__setattr__(self, "positive", positive)
        if self.box is not None:
            object.__setattr__(self, "box", _checked_box(self.box))
        if self.mask is not None:
            object.__setattr__(self, "mask", _checked_mask(self.mask))

    @property
    def is_lone_point(self) -> bool:
        """Whether it is one point and nothing else, which may mean a thing, its part or group."""
        return len(self.points) == 1 and self.box is None and self.mask is None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Prompt) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[bytes, ...]:
        box = b"" if self.box is None else self.box.tobytes()
        mask = b"" if self.mask is None else repr(self.mask.shape).encode() + self.mask.tobytes()
        return self.points.tobytes(), self.positive.tobytes(), box, mask


def _checked_box(box: FloatArray) -> FloatArray:
    xyxy = np.asarray(box, dtype=np.float64)
    if xyxy.shape != (4,) or not np.isfinite(xyxy).all() or (xyxy[2:] < xyxy[:2]).any():
        raise GeometryError(
            f"box of a prompt must be x_min, y_min, x_max, y_max in order, got {xyxy.tolist()}."
        )
    return xyxy


def _checked_mask(mask: BoolArray) -> BoolArray:
    flags = np.ascontiguousarray(as_flags(mask, "mask of a prompt"))
    if flags.ndim != 2 or not flags.size:
        raise GeometryError(f"mask of a prompt must be (h, w) with pixels, got {flags.shape}.")
    return flags


class Segmenter(Protocol[Handle]):
    """Draws masks for prompts. Encoding is dear and done once an image, decoding is cheap."""

    @property
    def threshold(self) -> float:
        """Logits above it are inside."""

    def encode(self, image: Picture) -> Handle:
        """Look at an image.

        Args:
            image: (H, W, 3) uint8 RGB.

        Returns:
            What ``decode`` needs to know of it.
        """

    def decode(self, handle: Handle, prompts: Sequence[Prompt]) -> tuple[LogitArray, FloatArray]:
        """Draw one mask for each prompt.

        Args:
            handle: From ``encode`` of this segmenter.
            prompts: N of one image; N may be 0. A mask depends on its own prompt only, not on
                the others that are decoded with it.

        Returns:
            (N, h, w) finite logits over the whole image, h and w the decoder's own; (N,) how good
            the decoder thinks each mask is, an IoU in [0, 1].
        """

    def candidates(self, handle: Handle, points: FloatArray) -> tuple[LogitArray, FloatArray]:
        """Draw all masks that each of some points may mean, alone: a thing, its part, its group.

        Args:
            handle: From ``encode`` of this segmenter.
            points: (N, 2) x, y in pixels of the image.

        Returns:
            (N, C, h, w) finite logits and (N, C) how good each is, C, h and w the segmenter's own.
            Of a lone point ``decode`` draws the one with the highest score, at least as well.
        """
