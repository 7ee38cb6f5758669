"""Drivable area as BDD100K scores it: IoU of direct and alternative over labelled pixels.

The rule of the official tool (scalabel.eval.sem_seg with bdd100k/configs/drivable.toml): pixels
that are background in the truth are ignored, so area predicted beyond the truth costs nothing, and
the mean is taken over the classes the truth has. That hides false area; `strict` figures count the
background as well, as IoU is commonly understood.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from drivegrid.data.rasters import paint
from drivegrid.data.scene import Scene
from drivegrid.geometry import Polygon
from drivegrid.metrics.regions import DRIVABLE_CLASSES, Overlap

CLASSES = {"direct": "area/drivable/direct", "alternative": "area/drivable/alternative"}
BACKGROUND = 2

ClassMask = npt.NDArray[np.uint8]


def drivable_mask(scene: Scene) -> ClassMask:
    """Return (H, W) 0 direct, 1 alternative, 2 background; later polygons cover earlier ones."""
    width, height = scene.frame.size_wh
    mask = np.full((height, width), BACKGROUND, np.uint8)
    ids = {path: class_id for class_id, path in enumerate(CLASSES.values())}
    for instance in scene.instances:
        class_id, shape = ids.get(instance.label), instance.geometry
        if class_id is not None and isinstance(shape, Polygon):
            paint(mask, shape, class_id)
    return mask


@dataclass(frozen=True, slots=True)
class ClassOverlap:
    """One class in one frame: its overlap over labelled pixels, over all, and its true pixels."""

    official: Overlap
    strict: Overlap
    num_true: int


def class_overlaps(pred: ClassMask, gt: ClassMask) -> tuple[ClassOverlap, ...]:
    """Return direct and alternative of one frame.

    Args:
        pred: (H, W) class ids as `drivable_mask` gives them.
        gt: (H, W) likewise.

    >>> direct, _ = class_overlaps(np.array([[0, 0, 0]]), np.array([[0, 1, 2]]))
    >>> direct.official.iou, direct.strict.iou.__round__(3)
    (0.5, 0.333)
    """
    labelled, found = gt != BACKGROUND, []
    for class_id in DRIVABLE_CLASSES:
        mine, true = pred == class_id, gt == class_id
        both = float(np.count_nonzero(mine & true))
        known = float(np.count_nonzero((mine & labelled) | true))
        strict = float(np.count_nonzero(mine | true))
        num_true = int(np.count_nonzero(true))
        found.append(ClassOverlap(Overlap(both, known), Overlap(both, strict), num_true))
    return tuple(found)
