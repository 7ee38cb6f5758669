"""BDD100K lane marking: boundary F of thin masks, within 1, 2 and 5 pixels.

The rule of the official tool (bdd100k/eval/lane.py). A mask holds one byte a pixel: bit 5 the
direction, bit 4 the style, bit 3 the background, bits 0 to 2 the category. For each class of the
three sub-tasks (2 directions, 2 styles, 8 categories) precision is the share of predicted pixels
within a disc of the truth, recall the share of true pixels within a disc of the prediction. F is
averaged over frames, then over the classes of a sub-task, then over the sub-tasks; a class that
neither side has in a frame scores 1 there.

The tool thins nothing: BDD100K's own masks are as wide as drawn. Lines of a scene are drawn one
pixel wide here, and painted areas thinned to that. One departure: a frame nobody predicted is empty
(the tool takes a mask of zeros, which is a crosswalk all over).
"""

from __future__ import annotations

from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from drivegrid.data.formats.bdd_masks import LANE_CLASSES
from drivegrid.data.rasters import fill
from drivegrid.data.scene import Instance, Scene
from drivegrid.errors import GeometryError
from drivegrid.geometry import BoolArray, FloatArray, Polygon, Polyline, Size
from drivegrid.metrics.thinning import thin

MaskArray: TypeAlias = npt.NDArray[np.uint8]

RADII_PX = (1, 2, 5)
DIRECTIONS = ("parallel", "vertical")
STYLES = ("solid", "dashed")
BACKGROUND = 255
SUB_TASKS = {"direction": DIRECTIONS, "style": STYLES, "category": LANE_CLASSES}
_SHIFTS = {"direction": (5, 1), "style": (4, 1), "category": (0, 7)}
_BACKGROUND_BIT = 8
_FAR = 1 << 20


def class_masks(mask: MaskArray) -> dict[tuple[str, str], BoolArray]:
    """Return the pixels of each class, by sub-task and class name.

    Args:
        mask: (H, W) lane bytes.
    """
    lane = (mask & _BACKGROUND_BIT) == 0
    return {
        (task, name): lane & (((mask >> shift) & bits) == value)
        for task, (shift, bits) in _SHIFTS.items()
        for value, name in enumerate(SUB_TASKS[task])
    }


def boundary_f(pred: BoolArray, gt: BoolArray, radius_px: int) -> float:
    """Return F of two sets of pixels, each compared with the other grown by a disc.

    Args:
        pred: (H, W).
        gt: (H, W).
        radius_px: Of the disc; a pixel at this very distance still counts.

    >>> line = np.zeros((10, 10), bool)
    >>> line[3, 3:7] = True
    >>> boundary_f(line, np.roll(line, 4, axis=0), 3), boundary_f(line, np.roll(line, 4, axis=0), 4)
    (0.0, 1.0)
    """
    num_pred, num_gt = int(np.count_nonzero(pred)), int(np.count_nonzero(gt))
    if not num_pred or not num_gt:
        return float(num_pred == num_gt)
    pred, gt = _cropped(pred, gt, radius_px)
    reach = np.arange(-radius_px, radius_px + 1)
    disc = (reach[:, None] ** 2 + reach**2 <= radius_px**2).astype(np.uint8)
    near = [cv2.dilate(side.astype(np.uint8), disc).astype(np.bool_) for side in (pred, gt)]
    precision = int(np.count_nonzero(pred & near[1])) / num_pred
    recall = int(np.count_nonzero(gt & near[0])) / num_gt
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _cropped(pred: BoolArray, gt: BoolArray, margin: int) -> tuple[BoolArray, BoolArray]:
    """Return both masks cut to where either has pixels: nothing else matters."""
    both = pred | gt
    rows, cols = np.flatnonzero(both.any(axis=1)), np.flatnonzero(both.any(axis=0))
    part = np.s_[
        max(rows[0] - margin, 0) : rows[-1] + margin + 1,
        max(cols[0] - margin, 0) : cols[-1] + margin + 1,
    ]
    return pred[part], gt[part]


def score_masks(pred: MaskArray, gt: MaskArray) -> dict[tuple[str, str, int], float]:
    """Return F of one frame by sub-task, class and radius.

    Args:
        pred: (H, W) lane bytes.
        gt: (H, W) likewise.

    Raises:
        GeometryError: If the shapes differ.
    """
    if pred.shape != gt.shape:
        raise GeometryError(f"masks must have one shape, got {pred.shape} and {gt.shape}.")
    true = class_masks(gt)
    return {
        (*key, radius): boundary_f(mine, true[key], radius)
        for key, mine in class_masks(pred).items()
        for radius in RADII_PX
    }


def lane_mask(scene: Scene) -> MaskArray:
    """Return (H, W) lane bytes of a scene's lane markings, later ones above earlier ones.

    Labels and attributes decide the byte: ``lane/crosswalk``, ``lane/curb``, and by colour and
    style every other lane label (a line without colour is "other"; "double", "solid-dashed" and
    "dashed-solid" styles are double). Lines are one pixel wide; polygons are thinned.
    """
    width, height = scene.frame.size_wh
    mask = np.full((height, width), BACKGROUND, np.uint8)
    for instance in scene.instances:
        if instance.label.split("/")[0] == "lane":
            mask[_pixels(instance, scene.frame.size_wh)] = byte_of(instance)
    return mask


def byte_of(instance: Instance) -> int:
    """Return the byte of a lane marking.

    >>> line = Polyline([[3, 9], [4, 1]])
    >>> byte_of(Instance("lane/line", line, {"color": "white", "style": "dashed"}))
    22
    """
    told = instance.attributes
    style = told.get("style", "")
    if instance.label in ("lane/crosswalk", "lane/curb"):
        name = {"lane/crosswalk": "crosswalk", "lane/curb": "road curb"}[instance.label]
    else:
        double = style.startswith("double") or style in ("solid-dashed", "dashed-solid")
        color = told.get("color", "")
        known = color if color in ("white", "yellow") else "other"
        name = f"{'double' if double else 'single'} {known}"
    across, dashed = told.get("direction") == "across", style in ("dashed", "double dashed")
    return LANE_CLASSES.index(name) | dashed << 4 | across << 5


def _pixels(instance: Instance, size_wh: Size) -> BoolArray:
    """Return (H, W) the pixels of a marking."""
    drawn = np.zeros(size_wh[::-1], np.uint8)
    match instance.geometry:
        case Polyline(xy=xy) if len(xy):
            cv2.polylines(drawn, [_whole(xy)], isClosed=False, color=1, thickness=1)
        case Polygon() as polygon:
            return thin(fill(polygon, size_wh))
    return drawn.astype(np.bool_)


def _whole(points: FloatArray) -> npt.NDArray[np.int32]:
    """Return the (N, 2) pixels that points lie in."""
    return np.floor(points).clip(-_FAR, _FAR).astype(np.int32)


def mean_f(by_class: dict[tuple[str, str, int], FloatArray]) -> dict[str, FloatArray]:
    """Return the means of F over classes and sub-tasks: ``f_1``, and ``f_1.direction`` and so on.

    Args:
        by_class: F by sub-task, class and radius, averaged over frames.
    """
    found: dict[str, Any] = {}
    for radius in RADII_PX:
        tasks = {
            task: np.mean([by_class[task, name, radius] for name in names], axis=0)
            for task, names in SUB_TASKS.items()
        }
        found[f"f_{radius}"] = np.mean(list(tasks.values()), axis=0)
        found |= {f"f_{radius}.{task}": value for task, value in tasks.items()}
    return found
