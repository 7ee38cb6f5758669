"""True shapes as a refinement sees them: what shapes score, and where anchors belong."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TypeAlias

import numpy as np

from drivegrid.geometry import (
    Box,
    FloatArray,
    Geometry,
    GeometryKind,
    IntArray,
    Polygon,
    clip_points,
)
from drivegrid.metrics.boxes import box_iou
from drivegrid.metrics.regions import region_of, region_overlap
from drivegrid.tasks.refine import goal_places, nearest_on_line
from drivegrid.tasks.region import Region, fill_polygon
from drivegrid.tasks.rewards.bands import band_iou, canvas_line, row_spans
from drivegrid.tasks.rewards.goal import Goal
from drivegrid.tasks.rewards.kinds import point_closeness
from drivegrid.tasks.rewards.lines import prepared_lines
from drivegrid.tasks.rewards.settings import RewardSettings
from drivegrid.tokens.codec import Codec
from drivegrid.tokens.rings import clip_rings

Parts: TypeAlias = tuple[FloatArray, ...]
"""Vertex lists of a shape, one for each ring; corners of a box, top left first."""

_FITS: dict[GeometryKind, tuple[GeometryKind, ...]] = {
    "point": ("point",),
    "box": ("box",),
    "line": ("line",),
    "poly": ("poly", "box", "seg"),
}
"""Kind of a true shape to those of the items that may stand for it."""


class TrueShapes:
    """The instances of a goal.

    Args:
        goal: With any number of instances.
        codec: How true shapes are written.
        settings: Constants.
    """

    def __init__(self, goal: Goal, codec: Codec, settings: RewardSettings) -> None:
        self.instances, self.size_wh = goal.instances, goal.size_wh
        self.codec, self.settings = codec, settings
        self._regions: dict[int, Region] = {}

    def fits(self, kind: GeometryKind, g: int) -> bool:
        """Tell whether an item of a kind may stand for an instance."""
        return kind in _FITS[self.instances[g].geometry.kind]

    def region(self, g: int) -> Region:
        """Return the mask of an outlined instance, in pixels of the stretched frame."""
        if g not in self._regions:
            side = round(self.settings.frame_px)
            geometry = self.instances[g].geometry
            assert isinstance(geometry, Polygon)
            self._regions[g] = fill_polygon(geometry, self.size_wh, (side, side))
        return self._regions[g]

    def nearest(self, kind: GeometryKind, anchors: FloatArray, g: int) -> FloatArray:
        """Return (A, 2) where anchors would belong if their items stood for an instance.

        Args:
            kind: Of the items: not mask anchors, which belong anywhere in the mask.
            anchors: (A, 2) in pixels, of one item or several.
            g: The instance.
        """
        geometry = self.instances[g].geometry
        if kind in ("point", "box"):
            corners = clip_points(self._shown(kind, geometry).vertices(), self.size_wh)
            return np.tile(corners, (len(anchors) // len(corners), 1))
        if not isinstance(geometry, Polygon):
            return nearest_on_line(anchors, geometry.vertices())
        rings = [ring for ring in clip_rings(geometry.rings, self.size_wh) if len(ring)]
        closed = [np.concatenate([ring, ring[:1]]) for ring in rings]
        found = np.stack([nearest_on_line(anchors, ring) for ring in closed])
        best = ((found - anchors) ** 2).sum(axis=2).argmin(axis=0)
        places: FloatArray = found[best, np.arange(len(anchors))]
        return places

    def places(self, kind: GeometryKind, reach: FloatArray, g: int) -> FloatArray:
        """Return (A, M, 2) where the anchors of one item belong from each of M places.

        The ends of a line have places of their own (`goal_places`); it may be told from either.

        Args:
            kind: Of the item.
            reach: (A, M, 2) places each anchor might take.
            g: The instance it stands for.
        """
        flat = reach.reshape(-1, 2)
        if kind in ("point", "box"):
            return np.repeat(self.nearest(kind, reach[:, 0], g)[:, None], reach.shape[1], axis=1)
        geometry = self.instances[g].geometry
        if kind != "line":
            return self.nearest(kind, flat, g).reshape(reach.shape)
        clean = self.codec.grid.centers_of(self._lines[1][self._number[g]], self.size_wh)
        if _is_nearer(reach[:, 0], clean[::-1], clean):
            clean = clean[::-1]
        places = goal_places(flat, clean, geometry, self.size_wh).reshape(reach.shape)
        places[0], places[-1] = places[0, 0], places[-1, -1]
        return places

    def scores(
        self, kind: GeometryKind, shapes: Sequence[Parts | None], pairs: tuple[IntArray, IntArray]
    ) -> FloatArray:
        """Return (M,) scores in [0, 1] of shapes against instances they fit.

        IoU of boxes, outlines and lines, closeness of points; 0 of what is gone.

        Args:
            kind: Of the shapes; not mask anchors.
            shapes: (K,) in pixels.
            pairs: (M,) shapes and (M,) instances.
        """
        rows, cols = pairs
        there = np.array([shape is not None for shape in shapes], dtype=np.bool_)
        index = np.cumsum(there) - 1
        met = there[rows]
        scores = np.zeros(len(rows))
        found = [shape for shape in shapes if shape is not None]
        if met.any():
            scores[met] = self._scores(kind, found, index[rows[met]], cols[met])
        return scores

    def _scores(
        self, kind: GeometryKind, shapes: Sequence[Parts], rows: IntArray, cols: IntArray
    ) -> FloatArray:
        first = [parts[0] for parts in shapes]
        if kind == "box":
            scores: FloatArray = box_iou(np.array(first).reshape(-1, 4), self._boxes)
            return scores[rows, cols]
        if kind == "point":
            points = np.concatenate(first)
            scores = point_closeness(points, self.instances, self.size_wh, self.settings)
            return scores[rows, cols]
        if kind == "line":
            spans = row_spans([canvas_line(line, self.size_wh) for line in first])
            return band_iou(spans[rows], self._lines[0][self._number[cols]])
        drawn = {k: region_of(shapes[k]) for k in set(rows.tolist())}
        regions = {g: region_of(self.instances[g].geometry.parts()) for g in set(cols.tolist())}
        pairs = zip(rows.tolist(), cols.tolist(), strict=True)
        return np.array([region_overlap(drawn[k], regions[g]).iou for k, g in pairs])

    @cached_property
    def _boxes(self) -> FloatArray:
        """(G, 4) the box of each instance, or that around it."""
        points = [clip_points(i.geometry.vertices(), self.size_wh) for i in self.instances]
        return np.array([[*one.min(axis=0), *one.max(axis=0)] for one in points])

    @cached_property
    def _number(self) -> IntArray:
        """(G,) place of each line among the lines."""
        return np.cumsum([i.geometry.kind == "line" for i in self.instances]) - 1

    @cached_property
    def _lines(self) -> tuple[FloatArray, tuple[IntArray, ...]]:
        """Spans and cells of the lines."""
        lines = tuple(i.geometry for i in self.instances if i.geometry.kind == "line")
        return prepared_lines(lines, self.codec, self.size_wh)

    @staticmethod
    def _shown(kind: GeometryKind, geometry: Geometry) -> Geometry:
        """Return an instance as an item of a kind shows it: of an outline the box around it."""
        if kind == "box" and isinstance(geometry, Polygon):
            points = geometry.vertices()
            return Box(np.concatenate([points.min(axis=0), points.max(axis=0)]))
        return geometry


def _is_nearer(anchors: FloatArray, first: FloatArray, second: FloatArray) -> bool:
    """Tell whether the ends of a line lie nearer to those of one than of another."""
    gaps = [np.abs(anchors[[0, -1]] - line[[0, -1]]).sum() for line in (first, second)]
    return bool(gaps[0] < gaps[1])
