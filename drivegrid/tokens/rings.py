"""Polygon rings to anchors: cut at the image border, put in canonical order, sampled.

Canonical order: a ring runs clockwise as seen on the screen and starts at its lowest vertex, of
equally low ones the leftmost; a hole stands after its shell.
"""

from __future__ import annotations

import numpy as np
import shapely

from drivegrid.errors import GeometryError
from drivegrid.geometry import FloatArray, Size
from drivegrid.tokens.grid import GridSpec

CELLS_PER_ANCHOR = 2
"""The regular encoder sets one anchor for about this many cells of a ring's length."""
MIN_ANCHORS = 4
"""... but at least so many for a ring."""


def ring_area(ring: FloatArray) -> float:
    """Return the signed area of a ring, positive when it runs clockwise on the screen (y down).

    >>> ring_area(np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0]]))
    4.0
    """
    x, y = ring.T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def canonical_ring(ring: FloatArray) -> FloatArray:
    """Return (N, 2) the ring, clockwise on the screen, from its lowest, then leftmost vertex.

    >>> canonical_ring(np.array([[0.0, 0.0], [0.0, 2.0], [2.0, 2.0], [2.0, 0.0]])).tolist()
    [[0.0, 2.0], [0.0, 0.0], [2.0, 0.0], [2.0, 2.0]]
    """
    if ring_area(ring) < 0:
        ring = ring[::-1]
    return np.roll(ring, -int(np.lexsort((ring[:, 0], -ring[:, 1]))[0]), axis=0)


def clip_rings(rings: tuple[FloatArray, ...], size_wh: Size) -> tuple[FloatArray, ...]:
    """Cut a polygon at the image border and return its rings in canonical order.

    Args:
        rings: One (N, 2) array each, in pixels, in or out of the image, even-odd filled.
        size_wh: Image size in pixels.

    Returns:
        Rings inside the closed image, every hole after its shell, shells by falling area. Parts
        without area vanish, unless nothing else is left: then the vertices are kept as one ring.

    Raises:
        GeometryError: If there is no vertex or the polygon does not meet the image.

    >>> clip_rings((np.array([[-4.0, 0.0], [4.0, 0.0], [4.0, 8.0], [-4.0, 8.0]]),), (64, 64))[0]
    array([[0., 8.],
           [0., 0.],
           [4., 0.],
           [4., 8.]])
    """
    vertices = np.concatenate([np.zeros((0, 2)), *rings])
    if len(vertices) == 0:
        raise GeometryError("polygon must have at least one vertex, got none. Drop it.")
    region = shapely.Polygon()
    for ring in rings:
        if len(ring) >= 3:  # symmetric difference is the even-odd rule
            region = region ^ shapely.make_valid(shapely.Polygon(ring))
    width, height = size_wh
    region = shapely.intersection(region, shapely.box(0, 0, width, height))
    shells = [part for part in shapely.get_parts(region) if isinstance(part, shapely.Polygon)]
    for part in shapely.get_parts(region):  # a geometry collection holds multi-polygons
        if isinstance(part, shapely.MultiPolygon):
            shells += list(part.geoms)
    if shells:
        shells.sort(key=lambda part: -float(part.area))
        return tuple(
            canonical_ring(np.asarray(ring.coords)[:-1])
            for shell in shells
            for ring in (shell.exterior, *shell.interiors)
        )
    inside = vertices[((vertices >= 0) & (vertices <= np.asarray(size_wh))).all(axis=1)]
    if len(inside) == 0:
        raise GeometryError(
            f"polygon must meet the image, got vertices from {vertices.min(axis=0).tolist()} to "
            f"{vertices.max(axis=0).tolist()} (image {width} x {height}). Drop it before encoding."
        )
    return (canonical_ring(inside),)


def encode_regular(
    ring: FloatArray, grid: GridSpec, size_wh: Size, *, every: int = 1
) -> FloatArray:
    """Return points at equal distances along a ring, distance measured in cells.

    Args:
        ring: (N, 2) in pixels, inside the image, in canonical order; N >= 1.
        grid: The lattice.
        size_wh: Image size in pixels.
        every: Spacing as a multiple of ``CELLS_PER_ANCHOR`` cells.

    Returns:
        (M, 2) in pixels, M >= 4 (1 for a ring without length), starting at the ring's first
        vertex.

    >>> ring = np.array([[0.0, 64.0], [0.0, 0.0], [64.0, 0.0], [64.0, 64.0]])
    >>> len(encode_regular(ring, GridSpec(cols=4, rows=4), (64, 64)))
    8
    """
    closed = np.concatenate([ring, ring[:1]])
    lengths = np.hypot(*(np.diff(closed, axis=0) / grid.cell_size(size_wh)).T)
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    if along[-1] == 0:
        return ring[:1]
    count = max(MIN_ANCHORS, round(along[-1] / (CELLS_PER_ANCHOR * every)))
    at = np.arange(count) * (along[-1] / count)
    return np.stack([np.interp(at, along, closed[:, 0]), np.interp(at, along, closed[:, 1])], 1)
