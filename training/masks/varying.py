"""Pictures with masks, changed at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from drivegrid.data.augment import AugmentConfig, draw_light, draw_window
from drivegrid.data.augment_geometry import Window
from drivegrid.data.augment_light import relight
from drivegrid.data.images import Picture
from drivegrid.data.scene import Frame, Scene
from drivegrid.geometry import BoolArray, Size
from drivegrid.masks.labelled import LabelledMasks, by_class

LEAST_PIXELS = 12
"""What a window leaves of a mask must have so many pixels."""
_HORIZON = 0.45
"""Share of the height above which fog and darkness are thickest."""


class Sample(NamedTuple):
    """A picture and some of its masks.

    Args:
        image: (H, W, 3) uint8 RGB.
        masks: (K, H, W) flags, none empty.
    """

    image: Picture
    masks: BoolArray


def pick_evenly(classes: Sequence[str], count: int, rng: np.random.Generator) -> list[int]:
    """Return places of at most ``count`` masks, class after class in turn: a frame has one road.

    >>> pick_evenly(["car", "car", "car", "road"], 2, np.random.default_rng(0))
    [3, 1]
    """
    queues = [rng.permutation(places).tolist() for places in by_class(classes).values()]
    rng.shuffle(queues)
    picked: list[int] = []
    while len(picked) < count and any(queues):
        picked += [queue.pop() for queue in queues if queue]
    return picked[:count]


def vary(
    labelled: LabelledMasks, count: int, config: AugmentConfig, rng: np.random.Generator
) -> Sample:
    """Return a picture with at most ``count`` of its masks, seen through another window and light.

    Masks of which the window leaves next to nothing are left out.

    Args:
        labelled: Picture and masks.
        count: Most masks.
        config: How often and how much is changed.
        rng: Source of the draws.
    """
    image, size_wh = labelled.image, labelled.masks.size_wh
    places = np.array(pick_evenly(labelled.classes, count, rng), int)
    masks = labelled.masks[places].unpack()
    if rng.random() < config.crop:
        window = draw_window(size_wh, config, rng)
        image, masks = window.picture(image), _through(window, masks)
    if rng.random() < config.flip:
        image, masks = image[:, ::-1], masks[:, :, ::-1]
    light = draw_light(Scene(Frame("", size_wh)), config, rng)
    image = relight(np.ascontiguousarray(image), light, _HORIZON * size_wh[1], rng)
    return Sample(image, masks[masks.sum(axis=(1, 2)) >= LEAST_PIXELS])


def _through(window: Window, masks: BoolArray) -> BoolArray:
    """Return masks as a window shows them; nothing is inside beside the picture."""
    x0, y0 = -window.left * window.scale[0], -window.top * window.scale[1]
    matrix = np.array([[window.scale[0], 0, x0], [0, window.scale[1], y0]])
    # Pixel centres are at whole numbers for OpenCV and at halves for us.
    matrix[:, 2] += (window.scale - 1) / 2
    shown = [_warp(mask, matrix, window.size_wh) for mask in masks]
    return np.array(shown, np.bool_).reshape(len(masks), *window.size_wh[::-1])


def _warp(mask: BoolArray, matrix: np.ndarray, size_wh: Size) -> BoolArray:
    warped = cv2.warpAffine(mask.astype(np.uint8) * 255, matrix, size_wh, flags=cv2.INTER_LINEAR)
    inside: BoolArray = warped > 127
    return inside
