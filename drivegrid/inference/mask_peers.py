"""Ways to write a mask down: each tokenizer, outlines in grid tokens, run lengths, an ellipse."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from drivegrid.data.images import Picture
from drivegrid.data.rasters import fill, outline, rle_decode, rle_encode
from drivegrid.errors import GeometryError, TokenError
from drivegrid.geometry import BoolArray, Box, IntArray, Polygon, Size
from drivegrid.masks.drawing import smoothed
from drivegrid.masks.ellipse import ellipse_of
from drivegrid.masks.grid_tokenizer import GridMaskTokenizer
from drivegrid.masks.segmenter import LogitArray, Prompt
from drivegrid.masks.shapes import box_of, inside_of, resized
from drivegrid.masks.tokenizer import MaskTokenizer
from drivegrid.tokens.codec import Codec
from drivegrid.tokens.grid import GridGeometry
from drivegrid.tokens.vocabulary import check_geometry

TAGS = 2
"""Tokens around a shape."""
RLE_WH = (64, 64)
"""Size at which masks are written as run lengths: finer ones take hundreds of numbers."""
ELLIPSE_NUMBERS = 5


class Written(NamedTuple):
    """A mask that was written down.

    Args:
        value: As its writer likes it.
        tokens: How many it takes.
    """

    value: Any
    tokens: int


class MaskWriter(Protocol):
    """One way to write masks down and to draw them again."""

    @property
    def name(self) -> str:
        """What the way is called."""

    def write(self, image: Picture, masks: BoolArray) -> list[Written]:
        """Write masks (N, H, W) of an image."""

    def draw(self, image: Picture, written: Sequence[Written]) -> BoolArray:
        """Return (N, H, W) masks of the image's size."""


class TokenizerWriter:
    """A mask tokenizer.

    Args:
        tokenizer: Writes and draws.
        name: What it is called here.
    """

    def __init__(self, tokenizer: MaskTokenizer, name: str) -> None:
        self.tokenizer, self.name = tokenizer, name

    def write(self, image: Picture, masks: BoolArray) -> list[Written]:
        """Write masks as codes between tags."""
        found = self.tokenizer.encode_all(image, masks)
        return [Written(codes, len(codes) + TAGS) for codes in found]

    def draw(self, image: Picture, written: Sequence[Written]) -> BoolArray:
        """Draw masks of codes."""
        logits = self.tokenizer.decode_all(image, [one.value for one in written])
        return _inside(logits, self.tokenizer.threshold, image)


class BoxedAnchorsWriter:
    """GETok's whole answer for a region: a box with a round of offsets, and anchors.

    Both are one prompt, so that the segmenter need not find out how far a mask reaches.

    Args:
        tokenizer: Finds anchors, and has the segmenter that draws.
        name: What it is called here.
    """

    def __init__(self, tokenizer: GridMaskTokenizer, name: str) -> None:
        self.tokenizer, self.name, self.codec = tokenizer, name, Codec(tokenizer.grid)

    def write(self, image: Picture, masks: BoolArray) -> list[Written]:
        """Write box and anchors of masks."""
        anchors = self.tokenizer.encode_all(image, masks)
        boxes = [self.codec.encode(Box(box_of(mask)), _size(image)) for mask in masks]
        return [
            Written((box, codes), (2 + TAGS) * (1 + self.codec.rounds) + TAGS + len(codes))
            for box, codes in zip(boxes, anchors, strict=True)
        ]

    def draw(self, image: Picture, written: Sequence[Written]) -> BoolArray:
        """Ask the segmenter by box and anchors."""
        segmenter = self.tokenizer.segmenter
        prompts = [self._prompt(*one.value, _size(image)) for one in written]
        logits, _ = segmenter.decode(segmenter.encode(image), prompts)
        return _inside(logits, segmenter.threshold, image)

    def _prompt(self, cells: GridGeometry, codes: IntArray, size_wh: Size) -> Prompt:
        box = self.codec.decode(cells, size_wh)
        points = self.tokenizer.points_of(codes, size_wh)
        return Prompt(
            points, np.ones(len(points), np.bool_), box.xyxy if isinstance(box, Box) else None
        )


class PolygonWriter:
    """Outlines in grid tokens, each connected part a polygon of its own.

    Args:
        rounds: Of offsets: 0 for bare cells.
    """

    def __init__(self, rounds: int) -> None:
        self.codec = Codec(line_encoder="fewest", rounds=rounds)
        self.name = f"polygon, {rounds} round{'' if rounds == 1 else 's'} of offsets"

    def write(self, image: Picture, masks: BoolArray) -> list[Written]:
        """Write the outlines of masks; parts too small for three cells are lost."""
        return [self._written(mask, _size(image)) for mask in masks]

    def _written(self, mask: BoolArray, size_wh: Size) -> Written:
        shapes, tokens = [], 0
        for part in outline(mask):
            try:
                # Hundreds of steps one pixel high would cost a second and say nothing.
                cells = self.codec.encode(smoothed(part), size_wh)
                check_geometry(cells)
            except (GeometryError, TokenError):
                continue
            shapes.append(cells)
            anchors = sum(map(len, cells.cells))
            rings = len(cells.cells) - 1
            tokens += (anchors + rings) * (1 + self.codec.rounds) + TAGS * (1 + self.codec.rounds)
        return Written(shapes, tokens)

    def draw(self, image: Picture, written: Sequence[Written]) -> BoolArray:
        """Fill outlines."""
        size_wh = _size(image)
        masks = np.zeros((len(written), *image.shape[:2]), np.bool_)
        for mask, one in zip(masks, written, strict=True):
            for cells in one.value:
                shape = self.codec.decode(cells, size_wh)
                if isinstance(shape, Polygon):
                    mask |= fill(shape, size_wh)
        return masks


class RunLengthWriter:
    """Run lengths as numbers in text, of a mask of 64 x 64 pixels; a number counts as a token."""

    name = "run lengths, 64 x 64"

    def write(self, image: Picture, masks: BoolArray) -> list[Written]:
        """Write masks as run lengths."""
        del image
        runs = [rle_encode(resized(mask, RLE_WH)) for mask in masks]
        return [Written(one, len(one)) for one in runs]

    def draw(self, image: Picture, written: Sequence[Written]) -> BoolArray:
        """Draw run lengths."""
        small = [rle_decode(one.value, RLE_WH).astype(np.float32) for one in written]
        return _inside(small, 0.5, image)


class EllipseWriter:
    """The ellipse nearest to a mask: five numbers, and what every tokenizer should beat."""

    name = "ellipse"

    def write(self, image: Picture, masks: BoolArray) -> list[Written]:
        """Keep the ellipses of masks."""
        del image
        return [Written(ellipse_of(mask), ELLIPSE_NUMBERS) for mask in masks]

    def draw(self, image: Picture, written: Sequence[Written]) -> BoolArray:
        """Return the ellipses."""
        return np.array([one.value for one in written], np.bool_).reshape(-1, *image.shape[:2])


def _size(image: Picture) -> Size:
    return image.shape[1], image.shape[0]


def _inside(logits: Iterable[LogitArray], threshold: float, image: Picture) -> BoolArray:
    """Return (N, H, W) masks of an image's size from N logits (h, w) of any size."""
    masks = [inside_of(drawn, threshold, _size(image)) for drawn in logits]
    return np.array(masks, np.bool_).reshape(len(masks), *image.shape[:2])
