"""Mask tokenizers side by side on the same masks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from drivegrid.geometry import BoolArray
from drivegrid.inference.mask_peers import MaskWriter
from drivegrid.masks.labelled import LabelledMasks
from drivegrid.metrics.masks import boundary_f, mask_iou

SMALL_SHARE = 32 * 32 / (640 * 480)
"""Masks below this share of the picture are small: COCO's 32 x 32 pixels of a 640 x 480 frame."""
CLASSES = ("road", "obstacle", "sign", "pole", "vegetation", "scenery", "region")
"""In the order of the table."""


@dataclass
class Tally:
    """What came of one way to write masks.

    Args:
        name: Of the way.
        ious: Of each mask.
        borders: Boundary F of each mask.
        tokens: Of each mask.
        write_s: Seconds spent on writing, all masks together.
        draw_s: Seconds spent on drawing.
    """

    name: str
    ious: list[float] = field(default_factory=list)
    borders: list[float] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    write_s: float = 0.0
    draw_s: float = 0.0


@dataclass(frozen=True)
class Comparison:
    """Ways to write masks, judged on the same ones.

    Args:
        tallies: One for each way.
        classes: Of each mask.
        small: Whether each is small.
        frames: How many pictures they come from.
    """

    tallies: tuple[Tally, ...]
    classes: tuple[str, ...]
    small: BoolArray
    frames: int

    def rows(self) -> list[dict[str, float | int | str | None]]:
        """Return a row for each way: means over masks, milliseconds a mask.

        A mean over nothing is None.
        """
        return [self._row(tally) for tally in self.tallies]

    def _row(self, tally: Tally) -> dict[str, float | int | str | None]:
        ious, classes = np.array(tally.ious), np.array(self.classes)
        count = len(ious)
        row: dict[str, float | int | str | None] = {
            "tokenizer": tally.name,
            "masks": count,
            "iou": _mean(ious),
            "boundary_f": _mean(np.array(tally.borders)),
            "small_iou": _mean(ious[self.small]),
            "tokens": _mean(np.array(tally.tokens, float)),
            "encode_ms": 1000 * tally.write_s / count if count else None,
            "decode_ms": 1000 * tally.draw_s / count if count else None,
        }
        return row | {name: _mean(ious[classes == name]) for name in CLASSES}


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None


def compare(
    frames: Iterable[LabelledMasks],
    writers: Sequence[MaskWriter],
    progress: Callable[[int], None] = lambda count: None,
) -> Comparison:
    """Write the masks of frames in each way and draw them again.

    Encoding and decoding are timed with all they need, the look at the picture included, on
    pictures that were not seen just before.

    Args:
        frames: Pictures with masks; those without are passed over.
        writers: Ways to write.
        progress: Told of each frame that a writer has written, and drawn.
    """
    kept = [frame for frame in frames if len(frame.labels)]
    tallies = tuple(_tally(writer, kept, progress) for writer in writers)
    areas = [frame.masks.areas / (frame.image.shape[0] * frame.image.shape[1]) for frame in kept]
    small = np.concatenate([np.zeros(0), *areas]) < SMALL_SHARE
    classes = tuple(name for frame in kept for name in frame.classes)
    return Comparison(tallies, classes, small, len(kept))


def _tally(
    writer: MaskWriter, frames: Sequence[LabelledMasks], progress: Callable[[int], None]
) -> Tally:
    """Write everything first and draw it then: no picture is remembered from one to the other."""
    tally, everything = Tally(writer.name), []
    for frame in frames:
        truth = frame.masks.unpack()
        start = time.perf_counter()
        written = writer.write(frame.image, truth)
        tally.write_s += time.perf_counter() - start
        tally.tokens += [one.tokens for one in written]
        everything.append(written)
        progress(1)
    for frame, written in zip(frames, everything, strict=True):
        start = time.perf_counter()
        drawn = writer.draw(frame.image, written)
        tally.draw_s += time.perf_counter() - start
        for mask, true in zip(drawn, frame.masks.unpack(), strict=True):
            tally.ious.append(mask_iou(mask, true))
            tally.borders.append(boundary_f(mask, true))
        progress(1)
    return tally
