"""Polygon rings to anchors: cut at the image border, put in canonical order, sampled.

Canonical order: a ring runs clockwise as seen on the screen and starts at its lowest vertex, of
equally low ones the leftmost; a hole stands after its shell.
"""

from __future__ import annotations

import numpy as np
import shapely

from drivegrid.errors import GeometryError
from drivegrid.geometry import FloatArray, Size
from drivegrid.tokens.chords import (
    Bounds,
    Chords,
    Curve,
    candidates_near,
    cells_near,
    reachable_pitch,
)
from drivegrid.tokens.fewest import (
    RMS,
    TOLERANCE,
    WIDEN,
    WIDEST,
    FewestAnchors,
    drop_repeats,
    nearest_reachable,
    simplify,
)
from drivegrid.tokens.grid import GridSpec
from drivegrid.tokens.offsets import reachable_coordinates

CELLS_PER_ANCHOR = 2
"""The regular encoder sets one anchor for about this many cells of a ring's length."""
MIN_ANCHORS = 8
"""... but at least so many for a ring."""
_STARTS = 3  # candidates for the first anchor of a ring, tried until there is a way around
_SIMPLIFY = 0.05  # share of the tolerance spent on leaving out needless vertices


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
    if len(rings) == 1 and _is_plain(rings[0], size_wh):
        return (canonical_ring(rings[0]),)  # what the overlay below gives, at a tenth of its cost
    region = shapely.Polygon()
    for ring in rings:
        if len(ring) >= 3:  # symmetric difference is the even-odd rule
            region = region ^ shapely.make_valid(shapely.Polygon(ring))
    width, height = size_wh
    region = shapely.intersection(region, shapely.box(0, 0, width, height))
    parts = shapely.get_parts(shapely.get_parts(region))  # a collection may hold multi-polygons
    shells = [part for part in parts if isinstance(part, shapely.Polygon) and part.area > 0]
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


def _is_plain(ring: FloatArray, size_wh: Size) -> bool:
    """Tell whether a ring lies in the image, crosses itself nowhere and repeats no vertex."""
    if len(ring) < 3 or (ring < 0).any() or (ring > np.asarray(size_wh)).any():
        return False
    repeats = (ring == np.concatenate([ring[1:], ring[:1]])).all(axis=1).any()
    return not repeats and bool(shapely.is_valid(shapely.Polygon(ring)))


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
        (M, 2) in pixels, M >= 8 (1 for a ring without length), starting at the ring's first
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


def encode_fewest_ring(
    ring: FloatArray, grid: GridSpec, size_wh: Size, *, rounds: int, tolerance: float = TOLERANCE
) -> FewestAnchors:
    """Return the fewest anchors whose closed polyline stays close to a ring.

    The same search as for lines (``fewest.py``), around the ring and back to its first anchor.
    That one is the reachable point nearest to the vertex farthest from the middle, a corner of
    every ring. The result may so have one anchor more
    than the very fewest.

    Args:
        ring: (N, 2) in pixels, inside the image; N >= 1. The anchors follow its order.
        grid: The lattice.
        size_wh: Image size in pixels.
        rounds: Offset rounds that will be written.
        tolerance: In units of the pitch. Widened while there is no path, halved at most twice
            while the result crosses itself.

    Returns:
        The anchors in canonical order; fewer than three where the ring is shorter than
        two pitches. A ring that crosses itself at every tolerance is returned as it is.
    """
    pitch = reachable_pitch(grid, size_wh, rounds)
    axes = reachable_coordinates(grid, size_wh, rounds)
    large = shapely.linearrings(ring).length >= 2 * pitch if len(ring) >= 3 else False
    found = None
    for asked in (tolerance, tolerance / 2, tolerance / 4):
        wide, points = asked, None
        while points is None and wide <= WIDEST and large:
            points = _search_ring(ring, axes, Bounds(wide * pitch, RMS * pitch))
            wide *= WIDEN
        if points is None:
            break
        points = canonical_ring(points)
        simple = bool(shapely.is_simple(shapely.linearrings(points)))
        if found is None or simple:
            closed = Curve(drop_repeats(np.concatenate([ring, ring[:1]])))
            cells = cells_near(points, closed, grid, size_wh, rounds)
            found = FewestAnchors(points, cells, wide / WIDEN * pitch, 0.0)
        if simple:
            break
    if found is not None:
        return found
    corners = np.unique(nearest_reachable(ring, axes), axis=0)
    corners = corners[[0, -1]] if len(corners) > 2 else corners
    return FewestAnchors(corners, grid.cells_of(corners, size_wh), float("inf"), 0.0)


def _search_ring(
    ring: FloatArray, axes: tuple[FloatArray, FloatArray], bounds: Bounds
) -> FloatArray | None:
    """Return (M, 2) the anchors of a ring for one tolerance, M >= 3, or None."""
    spare = _SIMPLIFY * bounds.largest
    vertices = simplify(ring, spare, closed=True)
    if len(vertices) < 3:
        return None
    center = vertices.mean(axis=0)
    vertices = vertices - center
    shifted = axes[0] - center[0], axes[1] - center[1]
    bounds = bounds._replace(largest=bounds.largest - spare)
    corner = int(np.argmax((vertices**2).sum(axis=1)))
    vertices = np.roll(vertices, -corner, axis=0)
    closed = Curve(np.concatenate([vertices, vertices[:1]]))
    points, along = candidates_near(closed, shifted, bounds.largest)
    nearest = np.argsort(np.hypot(*(points - vertices[0]).T))[:_STARTS]
    for k in nearest:
        path = _around(closed, points[k], float(along[k]), shifted, bounds)
        if path is not None:
            found: FloatArray = path + center
            return found
    return None


def _around(
    closed: Curve,
    start: FloatArray,
    opened: float,
    axes: tuple[FloatArray, FloatArray],
    bounds: Bounds,
) -> FloatArray | None:
    """Return the shortest way from an anchor around the ring back to it, the anchor once."""
    place = closed.at(np.array([opened]))
    after = closed.vertices[:-1][closed.along[:-1] > opened]
    before = closed.vertices[:-1][closed.along[:-1] <= opened]
    curve = Curve(drop_repeats(np.concatenate([place, after, before, place])))
    points, along = candidates_near(curve, axes, bounds.largest)
    inner = (along > 0) & (along < curve.along[-1]) & (points != start).any(axis=1)
    points = np.concatenate([start[None], points[inner], start[None]])
    along = np.concatenate([[0.0], along[inner], curve.along[-1:]])
    begin, end = np.full((2, len(points)), np.inf)
    begin[0] = end[-1] = 0.0
    path = Chords(curve, points, along).shortest_path(begin, end, bounds, fewest=4)
    return None if path is None else points[path[:-1]]
