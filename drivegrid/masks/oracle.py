"""A segmenter that looks at the labels: for tests and dry runs, never for a result."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from drivegrid.data.images import Picture
from drivegrid.data.rasters import ring_edges
from drivegrid.data.scene import Scene
from drivegrid.errors import GeometryError
from drivegrid.geometry import BoolArray, Box, FloatArray, Polygon, Size
from drivegrid.masks.drawing import as_polygon, bounds, draw_mask, meets_image
from drivegrid.masks.segmenter import LogitArray, Prompt
from drivegrid.masks.shapes import overlap

MASK_WH = (256, 256)
"""The size of SAM2's masks."""
CANDIDATES = 3
"""Masks for a point, as SAM2 has them."""


class OracleSegmenter:
    """Answers with the true shapes of one scene: it uses the labels.

    It stands in for a decoder that always draws what is meant, so that rewards and trainers run
    without weights. What it cannot stand in for: a decoder's errors at borders, and its judgement
    of the picture, which is not looked at.

    A prompt is answered with the boxes and polygons of the scene that hold more than half of its
    positive points and none of the negative ones, joined. If it has a box, only the one among them
    whose own box has the highest IoU with it counts (without points: among all), and none whose
    IoU is 0. Logits are 1 inside and -1 outside. The score is the IoU of the boxes, or
    without a box the share of positive points inside; 0 for an empty mask. A mask in the prompt
    means the one of them that it has the highest IoU with, which is the score.

    The candidates of a point are what ``decode`` draws for it, and the two smallest of the shapes
    that hold it.

    Args:
        scene: The labelled frame. Instances that do not meet it, points and lines are no masks.
        mask_wh: Size of the masks.
    """

    threshold = 0.0

    def __init__(self, scene: Scene, mask_wh: Size = MASK_WH) -> None:
        self._size_wh, self._mask_wh = scene.frame.size_wh, mask_wh
        shapes = [i.geometry for i in scene.instances if isinstance(i.geometry, Box | Polygon)]
        self._polygons = [as_polygon(s) for s in shapes if meets_image(s, self._size_wh)]
        self._boxes = np.array([bounds(polygon) for polygon in self._polygons]).reshape(-1, 4)
        self._masks = [draw_mask(p, self._size_wh, mask_wh) for p in self._polygons]

    def encode(self, image: Picture) -> Size:
        """Check that an image is as large as the scene's frame; nothing else of it matters.

        Raises:
            GeometryError: If it is not.
        """
        if image.shape[1::-1] != tuple(self._size_wh):
            raise GeometryError(
                f"image must have the size of its scene, {self._size_wh}, got {image.shape[1::-1]}."
            )
        return self._size_wh

    def decode(self, handle: Size, prompts: Sequence[Prompt]) -> tuple[LogitArray, FloatArray]:
        """Return the true masks that the prompts mean, see the class."""
        width, height = self._mask_wh
        logits = np.full((len(prompts), height, width), -1, np.float32)
        scores = np.zeros(len(prompts))
        for i, prompt in enumerate(prompts):
            meant, scores[i] = self._meant(prompt)
            for shape in meant:
                logits[i][self._masks[shape]] = 1
        return logits, scores

    def candidates(self, handle: Size, points: FloatArray) -> tuple[LogitArray, FloatArray]:
        """Return the true masks that points may mean, see the class."""
        width, height = self._mask_wh
        logits = np.full((len(points), CANDIDATES, height, width), -1, np.float32)
        scores = np.zeros((len(points), CANDIDATES))
        lone = [Prompt(point[None], np.ones(1, np.bool_)) for point in points]
        logits[:, 0], scores[:, 0] = self.decode(handle, lone)
        for i, prompt in enumerate(lone):
            smallest = sorted(self._meant(prompt)[0], key=lambda shape: self._masks[shape].sum())
            for place, shape in enumerate(smallest[: CANDIDATES - 1], start=1):
                logits[i, place][self._masks[shape]] = 1
                scores[i, place] = 1.0
        return logits, scores

    def _meant(self, prompt: Prompt) -> tuple[list[int], float]:
        """Return which shapes a prompt means, and its score."""
        held = [holds(polygon, prompt.points) for polygon in self._polygons]
        num = int(prompt.positive.sum())
        meant = [
            i
            for i, inside in enumerate(held)
            if (num == 0 or 2 * inside[prompt.positive].sum() > num)
            and not inside[~prompt.positive].any()
        ]
        if not meant:
            return [], 0.0
        if prompt.mask is None and prompt.box is None:
            inside = np.any([held[i][prompt.positive] for i in meant], axis=0)
            return (meant, float(inside.mean())) if num else ([], 0.0)
        ious = self._likeness(meant, prompt)
        best = int(ious.argmax())
        return ([meant[best]] if ious[best] > 0 else []), float(ious[best])

    def _likeness(self, shapes: list[int], prompt: Prompt) -> FloatArray:
        """Return (N,) IoU of shapes with the mask of a prompt, or without one with its box."""
        if prompt.mask is None:
            assert prompt.box is not None
            return _box_iou(self._boxes[shapes], prompt.box)
        drawn = cv2.resize(
            prompt.mask.astype(np.uint8), self._mask_wh, interpolation=cv2.INTER_NEAREST
        )
        return np.array([overlap(self._masks[i], drawn > 0) for i in shapes])


def holds(polygon: Polygon, points: FloatArray) -> BoolArray:
    """Return (N,) which points lie inside a polygon, even-odd.

    >>> holds(as_polygon(Box(np.array([0.0, 0, 2, 2]))), np.array([[1.0, 1], [3, 1]])).tolist()
    [True, False]
    """
    starts, ends = ring_edges([ring for ring in polygon.rings if len(ring)])
    x, y = points[:, :1], points[:, 1:]
    crosses = (starts[:, 1] > y) != (ends[:, 1] > y)
    rise = np.where(starts[:, 1] == ends[:, 1], 1.0, ends[:, 1] - starts[:, 1])
    right = x < starts[:, 0] + (y - starts[:, 1]) * (ends[:, 0] - starts[:, 0]) / rise
    odd: BoolArray = (crosses & right).sum(axis=1) % 2 == 1
    return odd


def _box_iou(boxes: FloatArray, box: FloatArray) -> FloatArray:
    """Return (N,) IoU of boxes (N, 4) with one."""
    low, high = np.maximum(boxes[:, :2], box[:2]), np.minimum(boxes[:, 2:], box[2:])
    inter = (high - low).clip(min=0).prod(axis=1)
    union = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) + (box[2:] - box[:2]).prod() - inter
    iou: FloatArray = np.divide(inter, union, out=np.zeros_like(inter), where=union > 0)
    return iou
