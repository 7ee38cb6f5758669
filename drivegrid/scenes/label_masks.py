"""The masks of a rendered scene: things by their ids, surfaces and scenery by their segments."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from drivegrid.geometry import BoolArray
from drivegrid.scenes.render import RenderedScene
from drivegrid.scenes.segments import SEGMENT

LEAST_PIXELS = 16
"""A mask of fewer pixels shows nothing that one could recognise."""
LEAST_PART = 48
"""Fewer pixels are no tree of their own, but leaves between other things."""
_WHOLE = {
    "area/drivable": ("road", "marking"),
    "area/sidewalk": ("sidewalk",),
    "area/terrain": ("terrain",),
    "region/sky": ("sky",),
}
_PARTS = {"region/vegetation": ("vegetation",), "region/building": ("building",)}
"""Segments whose connected pieces are masks of their own."""


class LabelMask(NamedTuple):
    """A label and the pixels that show it, (H, W)."""

    label: str
    mask: BoolArray


def label_masks(rendered: RenderedScene) -> list[LabelMask]:
    """Return the masks of a scene, exact to the pixel.

    Each labelled thing of at least ``LEAST_PIXELS`` visible pixels has one, areas of the ground
    have one each, and so does every connected piece of vegetation and buildings of at least
    ``LEAST_PART`` pixels. Masks overlap: a puddle lies on the road.

    Args:
        rendered: Picture, labels and id planes.

    >>> from drivegrid.scenes.render import render_scene
    >>> {found.label for found in label_masks(render_scene(1, (128, 64)))} >= {"area/drivable"}
    True
    """
    found = [*_things(rendered)]
    for label, names in _WHOLE.items():
        mask = _segments(rendered, names)
        if mask.sum() >= LEAST_PIXELS:
            found.append(LabelMask(label, mask))
    for label, names in _PARTS.items():
        found += [LabelMask(label, part) for part in pieces(_segments(rendered, names), LEAST_PART)]
    return found


def _things(rendered: RenderedScene) -> list[LabelMask]:
    labels = {int(i.extra["id"]): i.label for i in rendered.scene.instances if "id" in i.extra}
    # Lines are paint a few pixels wide, which are lines to detect and no masks.
    wanted = {number for number, label in labels.items() if not label.startswith("lane/line")}
    sizes = np.bincount(rendered.instances.ravel())
    numbers = [n for n in np.flatnonzero(sizes >= LEAST_PIXELS).tolist() if n in wanted]
    return [LabelMask(labels[number], rendered.instances == number) for number in numbers]


def _segments(rendered: RenderedScene, names: tuple[str, ...]) -> BoolArray:
    inside: BoolArray = np.isin(rendered.segments, [SEGMENT[name] for name in names])
    return inside


def pieces(mask: BoolArray, least: int) -> list[BoolArray]:
    """Return the connected pieces of a mask, diagonals included, of at least so many pixels.

    >>> [piece.astype(int).tolist() for piece in pieces(np.array([[True, False, True]]), 1)]
    [[[1, 0, 0]], [[0, 0, 1]]]
    """
    count, numbers, facts, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    large = [n for n in range(1, count) if facts[n, cv2.CC_STAT_AREA] >= least]
    return [numbers == n for n in large]
