"""Offset supervision from masks and boxes: GETok Algorithm 1 (supplement C.2), to the letter.

Cells are sorted into four pools by where their centre lies: *inside* the mask by a step, on the
*ring* within a step around it, *hard* to tell (at its edge, yet out of reach of one move), or
*far*. A proposal is drawn from the pools, and every anchor is labelled: stay where the centre is
in the mask, else a move that brings it in, else DELETE. Corners of a box are moved by the pair of
offsets with the best IoU, or both deleted.

What the paper leaves open is chosen here and is a key of `OffsetConfig`; lines, polygons and
points, which it does not treat, are shaken and mended by ``refine``.
"""

from __future__ import annotations

from bisect import bisect_right
from enum import IntEnum
from itertools import accumulate

import numpy as np

from drivegrid.geometry import BoolArray, Box, FloatArray, IntArray, Polygon, Size
from drivegrid.tasks.region import Region, fill_polygon
from drivegrid.tasks.settings import OffsetConfig
from drivegrid.tokens.grid import DELETE, GridGeometry, GridSpec, offset_vectors

_MOVES = offset_vectors()
# Shorter moves first, so that the first hit is the shortest; equal ones in the order of tokens.
_BY_LENGTH = np.argsort((_MOVES**2).sum(axis=1), kind="stable")
_PAIRS = np.stack(np.meshgrid(np.arange(9), np.arange(9), indexing="ij"), axis=-1).reshape(-1, 2)
_PAIRS = _PAIRS[np.argsort((_MOVES[_PAIRS] ** 2).sum(axis=(1, 2)), kind="stable")]


class Pool(IntEnum):
    """Where a cell lies to a mask, in the order in which the rule (eq. 5) asks.

    A centre in the mask but less than a step from its border is *far* by the letter of the rule;
    its label is to stay all the same, since labels look at the mask and not at the pool.
    """

    HARD = 0
    INSIDE = 1
    RING = 2
    FAR = 3


def cell_pools(region: Region, grid: GridSpec, band: int) -> IntArray:
    """Return (rows, cols) the `Pool` of every cell, by eq. 2 to 5.

    Args:
        region: The mask.
        grid: Lattice; the step of round 1 scales the bands.
        band: Width b of the band along the border, in pixels; the border is where a 3 x 3 square
            holds both sides.

    Erosion, dilation and gradient are taken at the centres only: a square holds nothing else
    than the mask, something of it, or both, as the number of its pixels tells.
    """
    cells = np.stack(np.meshgrid(np.arange(grid.cols), np.arange(grid.rows)), axis=-1)
    centers = grid.centers_of(cells, region.size_wh)
    pixels = _pixels(centers, region.size_wh)
    lattice = pixels[0, :, 0], pixels[:, 0, 1]
    step = int(np.floor(grid.offset_step(region.size_wh)[1]))
    filled, area = region.count_around(lattice, step + 1)
    eroded = filled == area
    dilated = region.count_around(lattice, 2 * step + 1)[0] > 0
    # A gradient pixel in the band: some 3 x 3 square in it is mixed, that is all of them together.
    filled, area = region.count_around(lattice, band, margin=1)
    at_edge = (filled > 0) & (filled < area)
    inside = region.holds(pixels)
    hard = at_edge & ~inside
    hard[hard] = ~_hits(region, centers[hard], grid).any(axis=1)
    pools: IntArray = np.where(
        eroded, Pool.INSIDE, np.where(dilated & ~inside, Pool.RING, Pool.FAR)
    )
    pools[hard] = Pool.HARD
    return pools


def _pixels(points: FloatArray, size_wh: Size) -> IntArray:
    """Return the pixels that hold points; the image's far border belongs to the last pixel."""
    pixels: IntArray = np.floor(points).astype(np.int64)
    np.minimum(pixels, np.asarray(size_wh) - 1, out=pixels)
    return np.maximum(pixels, 0, out=pixels)


def _hits(region: Region, points: FloatArray, grid: GridSpec) -> BoolArray:
    """Return (N, 9) whether each of the nine moves brings a point into the mask (eq. 4)."""
    moved = points[:, None] + _MOVES * grid.offset_step(region.size_wh)
    return region.holds(_pixels(moved, region.size_wh))


def mask_offsets(cells: IntArray, region: Region, grid: GridSpec) -> IntArray:
    """Return (N,) the offset label of each cell: stay, the shortest move that hits, or DELETE.

    Args:
        cells: (N, 2) column, row.
        region: The mask.
        grid: Lattice.

    >>> half = np.array([[0.0, 0.0], [32.0, 0.0], [32.0, 64.0], [0.0, 64.0]])
    >>> region = fill_polygon(Polygon((half,)), (64, 64), (64, 64))
    >>> grid = GridSpec(cols=4, rows=4, offset_cols=8, offset_rows=8)
    >>> mask_offsets(np.array([[1, 0], [2, 0], [3, 0]]), region, grid).tolist()
    [4, 9, 9]
    """
    hits = _hits(region, grid.centers_of(cells, region.size_wh), grid)[:, _BY_LENGTH]
    first = _BY_LENGTH[hits.argmax(axis=1)]  # staying is the shortest move
    labels: IntArray = np.where(hits.any(axis=1), first, DELETE)
    return labels


def sample_cells(pools: IntArray, config: OffsetConfig, rng: np.random.Generator) -> IntArray:
    """Draw K cells from the pools: one of each that has any, then by the pools' weights.

    Args:
        pools: (rows, cols) from `cell_pools`.
        config: Range of K, and the weights.
        rng: Source of the draw.

    Returns:
        (K, 2) column, row, by column and then row: the order says nothing about the pools.
    """
    flat = pools.ravel()
    left = {pool: rng.permutation(np.flatnonzero(flat == pool)).tolist() for pool in Pool}
    weights = {Pool[name.upper()]: weight for name, weight in config.pool_weights.items()}
    count = int(rng.integers(config.fewest_cells, config.most_cells + 1))
    drawn = [cells.pop() for cells in left.values() if cells][:count]
    while len(drawn) < count:
        open_pools = [pool for pool in Pool if left[pool] and weights.get(pool, 0) > 0]
        if not open_pools:
            break
        limits = list(accumulate(weights[pool] for pool in open_pools))
        pool = open_pools[bisect_right(limits, rng.random() * limits[-1])]
        drawn.append(left[pool].pop())
    rows, cols = np.divmod(np.sort(np.array(drawn, dtype=np.int64)), pools.shape[1])
    order = np.lexsort((rows, cols))
    return np.stack([cols[order], rows[order]], axis=1)


def propose_seg(
    polygon: Polygon, size_wh: Size, grid: GridSpec, config: OffsetConfig, rng: np.random.Generator
) -> GridGeometry | None:
    """Draw a proposal for a mask, with the one round of offsets that mends it.

    None where the polygon is too thin to hold the centre of a pixel.

    Raises:
        GeometryError: As `fill_polygon`.
    """
    region = fill_polygon(polygon, size_wh, config.mask_size_wh)
    if not region.num_pixels:
        return None
    cells = sample_cells(cell_pools(region, grid, config.band_px), config, rng)
    return GridGeometry("seg", (cells,), ((mask_offsets(cells, region, grid),),))


def box_offsets(
    corners: IntArray, box: Box, size_wh: Size, grid: GridSpec, threshold: float
) -> IntArray:
    """Return (2,) the pair of offsets that brings two corners to the best IoU, or DELETE twice.

    Args:
        corners: (2, 2) cells of the proposed corners, top left first.
        box: The right box, in pixels, cut at the frame.
        size_wh: Frame size in pixels.
        grid: Lattice.
        threshold: Least IoU (the paper's tau) that is worth keeping.

    Of equally good pairs the shorter moves win.

    >>> grid, box = GridSpec(), Box(np.array([210.0, 100.0, 390.0, 260.0]))
    >>> box_offsets(np.array([[4, 3], [7, 9]]), box, (1600, 900), grid, 0.5).tolist()
    [3, 2]
    """
    step = grid.offset_step(size_wh)
    centers = grid.centers_of(corners, size_wh)
    moved = np.maximum(np.minimum(centers + _MOVES[_PAIRS] * step, size_wh), 0)
    ious = _ious(np.sort(moved, axis=1).reshape(-1, 4), box.xyxy)
    best = int(ious.argmax())
    return _PAIRS[best] if ious[best] >= threshold else np.full(2, DELETE)


def _ious(boxes: FloatArray, target: FloatArray) -> FloatArray:
    """Return (N,) IoU of (N, 4) boxes with one; 0 where there is no area at all."""
    low, high = np.maximum(boxes[:, :2], target[:2]), np.minimum(boxes[:, 2:], target[2:])
    shared = np.maximum(high - low, 0).prod(axis=1)
    union = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) + (target[2:] - target[:2]).prod() - shared
    ious: FloatArray = np.where(union > 0, shared / np.where(union > 0, union, 1), 0)
    return ious


def propose_box(
    box: Box, size_wh: Size, grid: GridSpec, config: OffsetConfig, rng: np.random.Generator
) -> GridGeometry:
    """Jitter the corners of a box to cells around them, and mend them by one round of offsets.

    Args:
        box: In pixels, cut at the frame.
        size_wh: Frame size in pixels.
        grid: Lattice.
        config: How far corners are jittered, and the least IoU.
        rng: Source of the jitter.
    """
    reach = config.jitter_cells
    cells = grid.cells_of(box.parts()[0], size_wh) + rng.integers(-reach, reach + 1, (2, 2))
    corners = np.sort(np.maximum(np.minimum(cells, (grid.cols - 1, grid.rows - 1)), 0), axis=0)
    offsets = box_offsets(corners, box, size_wh, grid, config.iou_threshold)
    return GridGeometry("box", (corners,), ((offsets,),))
