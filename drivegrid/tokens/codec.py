"""Geometry <-> GridGeometry: what tokens a shape is written in, and what shape tokens mean.

Labels are written canonically (``offsets.py``); a shape that reaches out of the image is cut at
the border first. Text is not known here: ``vocabulary.py`` and ``grammar.py`` do that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np

from drivegrid.errors import ConfigError, GeometryError
from drivegrid.geometry import (
    BoolArray,
    Box,
    FloatArray,
    Geometry,
    GeometryKind,
    Polygon,
    Polyline,
    Size,
    clip_points,
    from_parts,
)
from drivegrid.tokens.grid import GridGeometry, GridSpec
from drivegrid.tokens.lines import canonical_order, clip_line, encode_rows
from drivegrid.tokens.offsets import decode_points, encode_offsets
from drivegrid.tokens.rings import clip_rings, encode_regular

LineEncoder: TypeAlias = Literal["rows", "fewest"]


@dataclass(frozen=True, slots=True)
class Codec:
    """Encoder and decoder of shapes for one lattice.

    Args:
        grid: The lattice and its offset steps.
        line_encoder: ``"rows"``, one anchor in each lattice row (rings: regularly spaced), or
            ``"fewest"``, as few anchors as keep the decoded curve within a tolerance.
        rounds: Rounds of offsets that ``encode`` writes; 0 writes cells only.
        every: ``"rows"`` takes every k-th row.
    """

    grid: GridSpec = field(default_factory=GridSpec)
    line_encoder: LineEncoder = "rows"
    rounds: int = 1
    every: int = 1

    def __post_init__(self) -> None:
        problems = []
        if self.line_encoder not in ("rows", "fewest"):
            problems.append(f"line_encoder must be 'rows' or 'fewest', got {self.line_encoder!r}.")
        if self.rounds < 0:
            problems.append(f"rounds must be at least 0, got {self.rounds}.")
        if self.every < 1:
            problems.append(f"every must be at least 1, got {self.every}.")
        if problems:
            raise ConfigError(" ".join(problems))

    def encode(self, geometry: Geometry, size_wh: Size) -> GridGeometry:
        """Return the canonical tokens of a shape.

        Args:
            geometry: Any shape, in pixels; parts outside the image are cut off.
            size_wh: Image size in pixels.

        Returns:
            Cells and ``rounds`` rounds of offsets, without ``DELETE``. Corners of a small box
            may share a cell.

        Raises:
            GeometryError: If the shape has no vertex or lies wholly outside the image.

        >>> box = Box(np.array([10.0, 10.0, 60.0, 30.0]))
        >>> grid = GridSpec(cols=4, rows=4, offset_cols=8, offset_rows=8)
        >>> tokens = Codec(grid).encode(box, (64, 64))
        >>> tokens.cells[0].tolist(), tokens.offsets[0][0].tolist()
        ([[0, 0], [3, 1]], [4, 8])
        """
        parts = tuple(self._anchors(geometry, size_wh))
        cells = tuple(self.grid.cells_of(part, size_wh) for part in parts)
        by_part = [
            encode_offsets(part, cell, self.grid, size_wh, self.rounds)
            for part, cell in zip(parts, cells, strict=True)
        ]
        return GridGeometry(geometry.kind, cells, tuple(zip(*by_part, strict=True)))

    def decode(
        self, tokens: GridGeometry, size_wh: Size, *, smooth: bool = False
    ) -> Geometry | None:
        """Return the shape that tokens stand for, or None when nothing of it is left.

        Args:
            tokens: From ``encode`` or from a model; any number of rounds.
            size_wh: Image size in pixels.
            smooth: Draw lines as the smoothest curve inside the anchors' quantisation boxes,
                not as a polyline.

        Returns:
            The shape in pixels, inside the image. Deleted anchors drop out; a box with a
            deleted corner, a ring with fewer than three anchors left and a shape without
            anchors are gone. With a ring go the holes inside it.
        """
        rounds = zip(*tokens.offsets, strict=True) if tokens.offsets else [()] * len(tokens.cells)
        decoded = [
            decode_points(cells, offsets, self.grid, size_wh)
            for cells, offsets in zip(tokens.cells, rounds, strict=True)
        ]
        if tokens.kind == "poly":
            return _polygon(decoded)
        if not decoded:
            return None
        points, kept = decoded[0]
        if not kept.any() or (tokens.kind == "box" and not (len(kept) == 2 and kept.all())):
            return None
        if not kept.all():
            points = points[kept]
        return from_parts(tokens.kind, (points,))

    def _anchors(self, geometry: Geometry, size_wh: Size) -> list[FloatArray]:
        """Return the points in the image, per part, that stand for a shape."""
        if isinstance(geometry, Polyline):
            line = clip_line(geometry.xy, size_wh)
            line = canonical_order(line, self.grid, size_wh)
            return [encode_rows(line, self.grid, size_wh, every=self.every)]
        if isinstance(geometry, Polygon):
            rings = clip_rings(geometry.rings, size_wh)
            return [encode_regular(r, self.grid, size_wh, every=self.every) for r in rings]
        if isinstance(geometry, Box):
            return [_clip_box(geometry, size_wh)]
        points = geometry.vertices()
        inside = points[((points >= 0) & (points <= np.asarray(size_wh))).all(axis=1)]
        if len(inside) == 0:
            raise _outside(geometry.kind, points, size_wh)
        return [inside]


def _clip_box(box: Box, size_wh: Size) -> FloatArray:
    """Return (2, 2) the corners of a box, cut at the image border."""
    corners = box.xyxy.reshape(2, 2)
    if (corners[1] < 0).any() or (corners[0] > np.asarray(size_wh)).any():
        raise _outside("box", corners, size_wh)
    return clip_points(corners, size_wh)


def _outside(kind: GeometryKind, points: FloatArray, size_wh: Size) -> GeometryError:
    where = f"{points.tolist()} (image {size_wh[0]} x {size_wh[1]})"
    return GeometryError(f"{kind} must meet the image, got {where}. Drop it before encoding.")


def _polygon(rings: list[tuple[FloatArray, BoolArray]]) -> Polygon | None:
    """Build a polygon of the rings that keep three anchors; holes of a lost ring go with it."""
    kept: list[FloatArray] = []
    lost: list[FloatArray] = []
    for points, mask in rings:
        gone = mask.sum() < 3 or any(_holds(ring, points) for ring in lost)
        (lost if gone else kept).append(points if gone else points[mask])
    return Polygon(tuple(kept)) if kept else None


def _holds(ring: FloatArray, points: FloatArray) -> bool:
    """Tell whether the centroid of the points lies inside a ring, by the even-odd rule."""
    if len(points) == 0:
        return False
    (x, y), (x_0, y_0), (x_1, y_1) = points.mean(axis=0), ring.T, np.roll(ring, -1, axis=0).T
    crosses = (y_0 > y) != (y_1 > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        right = x < x_0 + (y - y_0) * (x_1 - x_0) / (y_1 - y_0)
    return bool((crosses & right).sum() % 2)
