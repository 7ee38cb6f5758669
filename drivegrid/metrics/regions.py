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

from drivegrid.data.rasters import MAX_MASK_PIXELS, paint, ring_edges
from drivegrid.errors import GeometryError
from drivegrid.geometry import BoolArray, FloatArray, Polygon
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
    closed = [ring for ring in rings if len(ring) >= 3]
    if not closed:
        return shapely.Polygon()
    # A shell with holes is even-odd as it stands, if no two rings cross.
    simple = shapely.Polygon(closed[0], closed[1:])
    if simple.is_valid:
        return simple
    closed = [np.concatenate([ring, ring[:1]]) for ring in closed]
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


def union_overlap(first: Sequence[Polygon], second: Sequence[Polygon]) -> Overlap:
    """Return the exact overlap of the union of some polygons with that of others.

    Outlines of masks, whose edges all run along pixel edges, are counted pixel by pixel: a mask
    may fall into hundreds of specks, and cutting those at each other takes far longer.

    >>> square = Polygon((np.array([[0.0, 0], [4, 0], [4, 4], [0, 4]]),))
    >>> union_overlap([square], [Polygon((square.rings[0] + 0.5,))]).intersection
    12.25
    """
    sides = [
        [found for p in side if (found := tuple(ring for ring in p.rings if len(ring) >= 3))]
        for side in (first, second)
    ]
    every = [ring for side in sides for rings in side for ring in rings]
    if every and _on_pixels(every):
        points = np.concatenate(every)
        low, high = points.min(axis=0), points.max(axis=0)
        if (high - low).prod() <= MAX_MASK_PIXELS:
            return mask_overlap(*(_mask(side, low, high) for side in sides))
    areas = [shapely.union_all([region_of(rings) for rings in side]) for side in sides]
    return region_overlap(areas[0], areas[1])


def _on_pixels(rings: Sequence[FloatArray]) -> bool:
    """Tell whether all edges of the rings run along edges of pixels."""
    starts, ends = ring_edges(rings)
    return bool((starts == np.floor(starts)).all() and (starts == ends).any(axis=1).all())


def _mask(
    polygons: Sequence[tuple[FloatArray, ...]], low: FloatArray, high: FloatArray
) -> BoolArray:
    """Return the pixels that any of the polygons holds, between two corners of a window."""
    width, height = (high - low).astype(int).tolist()
    mask: BoolArray = np.zeros((height, width), np.bool_)
    moved = [tuple(ring - low for ring in rings) for rings in polygons]
    # Parts of one mask do not overlap: then all their rings may be painted at once.
    paint(mask, Polygon(tuple(ring for rings in moved for ring in rings)), 1)
    regions = [shapely.Polygon(rings[0], rings[1:]) for rings in moved]
    if shapely.is_valid(regions).all() and shapely.area(regions).sum() == mask.sum():
        return mask
    for rings in moved:
        paint(mask, Polygon(rings), 1)
    return mask


def polygon_overlap(first: Iterable[FloatArray], second: Iterable[FloatArray]) -> Overlap:
    """Return the exact overlap of two polygons given by their rings (:func:`region_of`).

    >>> square = np.array([[0.0, 0], [4, 0], [4, 4], [0, 4]])
    >>> polygon_overlap([square], [square + 2]).iou.__round__(4)
    0.1429
    """
    return region_overlap(region_of(first), region_of(second))


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
