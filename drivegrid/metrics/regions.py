"""Regions: IoU of polygons and masks, gIoU and cIoU, drivable-area IoU.

gIoU is the mean of the samples' IoU, a pair of empty regions counting 1; cIoU is all
intersections over all unions (dvlab-research/LISA, as GETok section 4.1 uses them). This gIoU has
nothing to do with the generalised IoU of boxes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from drivegrid.errors import GeometryError
from drivegrid.geometry import BoolArray, FloatArray, Size
from drivegrid.metrics.matching import plain, ratio

DRIVABLE_CLASSES = (0, 1)
"""BDD100K drivable masks: 0 direct, 1 alternative; 2 is background."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """Intersection and union of two regions, in square pixels."""

    intersection: float = 0.0
    union: float = 0.0

    def __add__(self, other: Overlap) -> Overlap:
        return Overlap(self.intersection + other.intersection, self.union + other.union)

    @property
    def iou(self) -> float:
        """Intersection over union; 1 for two empty regions."""
        return self.intersection / self.union if self.union > 0 else 1.0


def region_of(rings: Iterable[FloatArray]) -> shapely.Geometry:
    """Return the area the rings bound by the even-odd rule.

    Args:
        rings: Each (N, 2) in pixels, closed, first vertex not repeated; may cross itself or
            another. A ring of fewer than three vertices has no area.

    >>> square = np.array([[0.0, 0], [4, 0], [4, 4], [0, 4]])
    >>> region_of([square, square / 2]).area
    12.0
    """
    closed = [np.concatenate([ring, ring[:1]]) for ring in rings if len(ring) >= 3]
    if not closed:
        return shapely.Polygon()
    if len(closed) == 1 and shapely.Polygon(closed[0]).is_valid:
        return shapely.Polygon(closed[0])
    # make_valid would do for most rings, but not for ones that run along themselves, as decoded
    # rings do: cut the plane along all rings and keep the faces inside an odd number of turns.
    cuts = shapely.union_all([shapely.LineString(ring) for ring in closed])
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(cuts)))
    edges = np.concatenate([np.stack([ring[:-1], ring[1:]], axis=1) for ring in closed])
    inside = [face for face in faces if _odd(edges, shapely.point_on_surface(face))]
    return shapely.union_all(inside)


def _odd(edges: FloatArray, point: shapely.Point) -> bool:
    """Return whether a ray to the right of a point crosses an odd number of (E, 2, 2) edges."""
    start, end = edges[:, 0] - (point.x, point.y), edges[:, 1] - (point.x, point.y)
    crossing = (start[:, 1] > 0) != (end[:, 1] > 0)
    start, end = start[crossing], end[crossing]
    x = start[:, 0] - start[:, 1] * (end[:, 0] - start[:, 0]) / (end[:, 1] - start[:, 1])
    return int((x > 0).sum()) % 2 == 1


def region_overlap(first: shapely.Geometry, second: shapely.Geometry) -> Overlap:
    """Return the overlap of two regions from :func:`region_of`."""
    intersection = float(shapely.intersection(first, second).area)
    return Overlap(intersection, float(first.area + second.area) - intersection)


def polygon_overlap(first: Iterable[FloatArray], second: Iterable[FloatArray]) -> Overlap:
    """Return the exact overlap of two polygons given by their rings (:func:`region_of`).

    >>> square = np.array([[0.0, 0], [4, 0], [4, 4], [0, 4]])
    >>> polygon_overlap([square], [square + 2]).iou.__round__(4)
    0.1429
    """
    return region_overlap(region_of(first), region_of(second))


def filled(rings: Iterable[FloatArray], size_wh: Size) -> BoolArray:
    """Return (H, W) the pixels whose centre the rings hold, by the even-odd rule.

    Args:
        rings: Each (N, 2) in pixels, closed, first vertex not repeated; may leave the image.
        size_wh: Image size in pixels.

    >>> filled([np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 1.0], [0.0, 1.0]])], (3, 2)).astype(int)
    array([[1, 1, 0],
           [0, 0, 0]])
    """
    width, height = size_wh
    turns = np.zeros((height, width + 1), np.int32)
    for ring in rings:
        for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            low, high = sorted((y0, y1))  # rows whose centre lies in [low, high)
            first, last = np.ceil(np.clip([low - 0.5, high - 0.5], 0, height)).astype(int)
            rows = np.arange(first, last)
            if len(rows):
                x = x0 + (rows + 0.5 - y0) * (x1 - x0) / (y1 - y0)
                cols = np.ceil(np.clip(x - 0.5, 0, width)).astype(int)
                turns[rows, cols] += 1  # a row once an edge, so that no place is met twice
    inside: BoolArray = turns[:, :width].cumsum(axis=1) % 2 == 1
    return inside


def _same_shape(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> None:
    if first.shape != second.shape:
        raise GeometryError(
            f"masks must have one shape, got {first.shape} and {second.shape}. Resize one."
        )


def mask_overlap(first: BoolArray, second: BoolArray) -> Overlap:
    """Return the overlap of two masks (H, W).

    Raises:
        GeometryError: If the shapes differ.

    >>> mask_overlap(np.eye(2, dtype=bool), np.ones((2, 2), dtype=bool)).iou
    0.5
    """
    _same_shape(first, second)
    return Overlap(float(np.count_nonzero(first & second)), float(np.count_nonzero(first | second)))


@dataclass(frozen=True, slots=True)
class RegionScore:
    """Overlaps of samples, one a query or a frame and label; scores add up with ``+``."""

    overlaps: tuple[Overlap, ...] = ()

    def __add__(self, other: RegionScore) -> RegionScore:
        return RegionScore(self.overlaps + other.overlaps)

    @property
    def giou(self) -> float:
        """Mean IoU of the samples; nan without samples."""
        return ratio(sum(overlap.iou for overlap in self.overlaps), len(self.overlaps))

    @property
    def ciou(self) -> float:
        """Summed intersections over summed unions; nan without samples, 1 if all are empty."""
        return sum(self.overlaps, Overlap()).iou if self.overlaps else float("nan")

    def as_dict(self) -> dict[str, Any]:
        """Return gIoU, cIoU, n and the parameters."""
        return {
            "giou": plain(self.giou),
            "ciou": plain(self.ciou),
            "n": len(self.overlaps),
            "parameters": {"rule": "regions", "fill": "even-odd", "empty_pair": 1},
        }


@dataclass(frozen=True, slots=True)
class DrivableScore:
    """Overlap of each class, summed over frames; scores add up with ``+``."""

    class_ids: tuple[int, ...]
    overlaps: tuple[Overlap, ...]

    def __add__(self, other: DrivableScore) -> DrivableScore:
        if self.class_ids != other.class_ids:
            raise GeometryError(
                f"class_ids must be equal to add scores, got {self.class_ids} and "
                f"{other.class_ids}."
            )
        summed = zip(self.overlaps, other.overlaps, strict=True)
        return DrivableScore(self.class_ids, tuple(a + b for a, b in summed))

    @property
    def miou(self) -> float:
        """Mean IoU of the classes that occur at all; nan if none does."""
        present = [overlap.iou for overlap in self.overlaps if overlap.union]
        return ratio(sum(present), len(present))

    def as_dict(self) -> dict[str, Any]:
        """Return IoU by class id, mIoU and the parameters."""
        per_class = zip(self.class_ids, self.overlaps, strict=True)
        return {
            "iou": {str(i): o.iou if o.union else None for i, o in per_class},
            "miou": plain(self.miou),
            "parameters": {"rule": "drivable", "class_ids": list(self.class_ids)},
        }


def score_drivable(
    pred: npt.NDArray[np.integer[Any]],
    gt: npt.NDArray[np.integer[Any]],
    class_ids: Sequence[int] = DRIVABLE_CLASSES,
) -> DrivableScore:
    """Return each class's overlap in one frame.

    Args:
        pred: (H, W) class ids.
        gt: (H, W) class ids.
        class_ids: The classes that count; all others are background.

    Raises:
        GeometryError: If the shapes differ.

    >>> score_drivable(np.array([[0, 0, 1]]), np.array([[0, 2, 2]])).miou
    0.25
    """
    _same_shape(pred, gt)
    overlaps = tuple(mask_overlap(pred == i, gt == i) for i in class_ids)
    return DrivableScore(tuple(class_ids), overlaps)
