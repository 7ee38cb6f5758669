"""Pictures of a comparison: the true masks of a frame, and those that each way gives back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from drivegrid.data.images import save_image
from drivegrid.geometry import BoolArray
from drivegrid.inference.mask_peers import MaskWriter
from drivegrid.masks.labelled import LabelledMasks
from drivegrid.metrics.masks import mask_iou
from drivegrid.plotting.canvas import ImageArray
from drivegrid.plotting.sheet import contact_sheet

MOST_FRAMES = 12
WIDTH_PX, COLUMNS = 480, 4
_OPACITY = 0.55


def draw_sheets(
    frames: Sequence[LabelledMasks], writers: Sequence[MaskWriter], folder: Path
) -> None:
    """Write a sheet for each of the first frames, as ``frame-00.png``.

    Args:
        frames: Pictures with masks.
        writers: Ways to write them.
        folder: Where sheets go.
    """
    for number, frame in enumerate(frames[:MOST_FRAMES]):
        if len(frame.labels):
            save_image(folder / f"frame-{number:02}.png", sheet(frame, writers))


def sheet(frame: LabelledMasks, writers: Sequence[MaskWriter]) -> ImageArray:
    """Return the true masks of a frame and, way by way, those that come back."""
    truth = frame.masks.unpack()
    pictures, captions = [paint_masks(frame.image, truth)], [f"{len(truth)} masks"]
    for writer in writers:
        written = writer.write(frame.image, truth)
        drawn = writer.draw(frame.image, written)
        ious = [mask_iou(mask, true) for mask, true in zip(drawn, truth, strict=True)]
        tokens = sum(one.tokens for one in written) / len(written)
        pictures.append(paint_masks(frame.image, drawn))
        captions.append(f"{writer.name}: IoU {np.mean(ious):.2f}, {tokens:.0f} tokens")
    height = round(WIDTH_PX * frame.image.shape[0] / frame.image.shape[1])
    small = [cv2.resize(p, (WIDTH_PX, height), interpolation=cv2.INTER_AREA) for p in pictures]
    return contact_sheet([np.asarray(p, np.uint8) for p in small], captions, COLUMNS)


def paint_masks(image: ImageArray, masks: BoolArray) -> ImageArray:
    """Return a picture with masks in colours of their own, small ones over large ones."""
    painted = image.astype(np.float32)
    order = np.argsort(-masks.sum(axis=(1, 2)), kind="stable")
    for number in order.tolist():
        # Golden steps round the colour circle keep neighbours apart.
        hue = np.array([[[int(180 * (number * 0.618 % 1)), 200, 255]]], np.uint8)
        color = cv2.cvtColor(hue, cv2.COLOR_HSV2RGB)[0, 0].astype(np.float32)
        inside = masks[number]
        painted[inside] = (1 - _OPACITY) * painted[inside] + _OPACITY * color
    return painted.round().astype(np.uint8)
