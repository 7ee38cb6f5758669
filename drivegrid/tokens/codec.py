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
    IntArray,
    Polygon,
    Polyline,
    Size,
    clip_points,
    from_parts,
)
from drivegrid.tokens.fewest import encode_fewest
from drivegrid.tokens.grid import GridGeometry, GridSpec
from drivegrid.tokens.lines import canonical_order, clip_line, encode_rows
from drivegrid.tokens.mask_words import MaskWords
from drivegrid.tokens.offsets import decode_points, encode_offsets, residual_bound
from drivegrid.tokens.rings import clip_rings, encode_fewest_ring, encode_regular

MAX_ROUNDS = 16
"""With step ratio 1/2 an offset of the last round is far smaller than a pixel."""

LineEncoder: TypeAlias = Literal["rows", "fewest"]
Anchored: TypeAlias = tuple[FloatArray, IntArray]
"""(N, 2) points of one part in pixels and (N, 2) their cells."""
Part: TypeAlias = tuple[IntArray, ...]
"""Tokens of one part: (N, 2) cells, then (N,) offsets of each round."""


@dataclass(frozen=True, slots=True)
class Codec:
    """Encoder and decoder of shapes for one lattice.

    Args:
        grid: The lattice and its offset steps.
        line_encoder: ``"rows"``, one anchor in each lattice row (rings: regularly spaced), or
            ``"fewest"``, as few anchors as keep the decoded curve within a tolerance.
        rounds: Rounds of offsets that ``encode`` writes; 0 writes cells only.
        every: ``"rows"`` takes every k-th row.
        sampling: The lattice whose rows ``"rows"`` takes, where that is not ``grid``: points of
            the same places can so be written on a finer lattice.
        words: Those for masks that stand beside cells in what is read; what they show is known to
            a mask tokenizer alone, so that ``decode`` gives nothing for them.
    """

    grid: GridSpec = field(default_factory=GridSpec)
    line_encoder: LineEncoder = "rows"
    rounds: int = 1
    every: int = 1
    sampling: GridSpec | None = None
    words: MaskWords | None = None

    def __post_init__(self) -> None:
        problems = []
        if self.line_encoder not in ("rows", "fewest"):
            problems.append(f"line_encoder must be 'rows' or 'fewest', got {self.line_encoder!r}.")
        if not 0 <= self.rounds <= MAX_ROUNDS:
            problems.append(f"rounds must lie in 0 to {MAX_ROUNDS}, got {self.rounds}.")
        if self.every < 1:
            problems.append(f"every must be at least 1, got {self.every}.")
        if self.sampling is not None and self.line_encoder != "rows":
            problems.append(
                f"line_encoder must be 'rows' with a sampling lattice, got {self.line_encoder!r}."
            )
        if problems:
            raise ConfigError(" ".join(problems))

    def encode(self, geometry: Geometry, size_wh: Size) -> GridGeometry:
        """Return the canonical tokens of a shape.

        Args:
            geometry: Any shape, in pixels; parts outside the image are cut off.
            size_wh: Image size in pixels.

        Returns:
            Cells and ``rounds`` rounds of offsets, without ``DELETE``. Corners of a small box
            may share a cell; a line that collapses to one anchor has it twice, a polygon that
            collapses has three. Collapsed holes, and shells beside whole ones, are left out.

        Raises:
            GeometryError: If the shape has no vertex or lies wholly outside the image.

        >>> box = Box(np.array([10.0, 10.0, 60.0, 30.0]))
        >>> grid = GridSpec(cols=4, rows=4, offset_cols=8, offset_rows=8)
        >>> tokens = Codec(grid).encode(box, (64, 64))
        >>> tokens.cells[0].tolist(), tokens.offsets[0][0].tolist()
        ([[0, 0], [3, 1]], [4, 8])
        """
        parts = [self._tokens(*part, size_wh) for part in self._anchors(geometry, size_wh)]
        if geometry.kind == "line":
            parts = [_padded(_drop_repeats(parts[0]), 2)]
        if geometry.kind == "poly":
            parts = self._whole_rings([_drop_repeats(part, closed=True) for part in parts], size_wh)
        cells, *rounds = zip(*parts, strict=True)
        return GridGeometry(geometry.kind, cells, tuple(rounds))

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
        if smooth and tokens.kind == "line":
            from drivegrid.tokens.smooth import smooth_line  # SciPy takes half a second to import

            half = residual_bound(self.grid, size_wh, len(tokens.offsets))
            points = clip_points(smooth_line(points, half), size_wh)
        return from_parts(tokens.kind, (points,))

    def _anchors(self, geometry: Geometry, size_wh: Size) -> list[Anchored]:
        """Return, per part, the points in the image that stand for a shape, and their cells."""
        grid, fewest = self.sampling or self.grid, self.line_encoder == "fewest"
        if isinstance(geometry, Polyline):
            line = canonical_order(clip_line(geometry.xy, size_wh), grid, size_wh)
            if fewest:
                found = encode_fewest(line, grid, size_wh, rounds=self.rounds)
                return [(found.points, found.cells)]
            return self._in_cells([encode_rows(line, grid, size_wh, every=self.every)], size_wh)
        if isinstance(geometry, Polygon):
            rings = clip_rings(geometry.rings, size_wh)
            if fewest:
                all_found = [
                    encode_fewest_ring(ring, grid, size_wh, rounds=self.rounds) for ring in rings
                ]
                return [(found.points, found.cells) for found in all_found]
            regular = [encode_regular(ring, grid, size_wh, every=self.every) for ring in rings]
            return self._in_cells(regular, size_wh)
        if isinstance(geometry, Box):
            return self._in_cells([_clip_box(geometry, size_wh)], size_wh)
        points = geometry.vertices()
        inside = points[((points >= 0) & (points <= np.asarray(size_wh))).all(axis=1)]
        if len(inside) == 0:
            raise _outside(geometry.kind, points, size_wh)
        return self._in_cells([inside], size_wh)

    def _in_cells(self, parts: list[FloatArray], size_wh: Size) -> list[Anchored]:
        """Pair points with the cells that hold them."""
        return [(points, self.grid.cells_of(points, size_wh)) for points in parts]

    def _tokens(self, points: FloatArray, cells: IntArray, size_wh: Size) -> Part:
        return cells, *encode_offsets(points, cells, self.grid, size_wh, self.rounds)

    def _whole_rings(self, parts: list[Part], size_wh: Size) -> list[Part]:
        """Leave out rings that collapsed, with the holes in them; keep at least one ring.

        A ring too small for the lattice has fewer than three anchors. Of a polygon whose every
        shell is so small the first shell, the largest, stays: its last anchor is repeated.
        """
        decoded = [decode_points(part[0], part[1:], self.grid, size_wh) for part in parts]
        keep = _kept_rings(decoded)
        if keep:
            return [parts[i] for i in keep]
        return [_padded(parts[0], 3)]


def _padded(part: Part, count: int) -> Part:
    """Repeat the last anchor of a part up to the fewest that its tag may hold."""
    index = np.minimum(np.arange(max(count, len(part[0]))), len(part[0]) - 1)
    return tuple(array[index] for array in part)


def _drop_repeats(part: Part, *, closed: bool = False) -> Part:
    """Leave out anchors with all tokens like the one before, in a closed ring the one around."""
    cells = part[0]
    same = (cells[1:] == cells[:-1]).all(axis=1)
    if not same.any() and not closed:
        return part
    for offsets in part[1:]:
        same &= offsets[1:] == offsets[:-1]
    keep = np.concatenate([[True], ~same])
    if closed and len(keep) > 1 and all((array[0] == array[-1]).all() for array in part):
        keep[-1] = False
    return tuple(array[keep] for array in part)


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
    kept = _kept_rings(rings)
    return Polygon(tuple(rings[i][0][rings[i][1]] for i in kept)) if kept else None


def _kept_rings(rings: list[tuple[FloatArray, BoolArray]]) -> list[int]:
    """Return which rings keep three anchors and do not lie in one that does not."""
    kept: list[int] = []
    lost: list[FloatArray] = []
    for i, (points, mask) in enumerate(rings):
        if mask.sum() < 3 or any(_holds(ring, points) for ring in lost):
            lost.append(points)
        else:
            kept.append(i)
    return kept


def _holds(ring: FloatArray, points: FloatArray) -> bool:
    """Tell whether the centroid of the points lies inside a ring, by the even-odd rule."""
    if len(points) == 0:
        return False
    (x, y), (x_0, y_0), (x_1, y_1) = points.mean(axis=0), ring.T, np.roll(ring, -1, axis=0).T
    crosses = (y_0 > y) != (y_1 > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        right = x < x_0 + (y - y_0) * (x_1 - x_0) / (y_1 - y_0)
    return bool((crosses & right).sum() % 2)
