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

from enum import IntEnum

import cv2
import numpy as np

from drivegrid.geometry import BoolArray, Box, FloatArray, IntArray, Polygon, Size
from drivegrid.tasks.settings import OffsetConfig
from drivegrid.tokens.grid import DELETE, GridGeometry, GridSpec, offset_vectors
from drivegrid.tokens.rings import clip_rings

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


def draw_mask(polygon: Polygon, size_wh: Size, mask_size_wh: Size) -> BoolArray:
    """Return (H, W) the pixels whose centre lies in a polygon, by the even-odd rule.

    Args:
        polygon: In pixels of the frame; may leave it.
        size_wh: Frame size in pixels.
        mask_size_wh: Size of the mask; the frame is stretched over it, as the model sees it.

    Raises:
        GeometryError: If the polygon has no vertex or lies wholly outside the frame.

    >>> square = Polygon((np.array([[2.0, 0.0], [4.0, 0.0], [4.0, 2.0], [2.0, 2.0]]),))
    >>> draw_mask(square, (4, 4), (8, 8)).sum().item()
    16
    """
    ratio = np.asarray(mask_size_wh) / np.asarray(size_wh)
    rings = [ring * ratio for ring in clip_rings(polygon.rings, size_wh)]
    start, end = np.concatenate(rings), np.concatenate([np.roll(ring, -1, 0) for ring in rings])
    # Every column of pixels whose middle an edge crosses, edge by edge, and where it does so.
    low, high = np.ceil(np.sort([start[:, 0], end[:, 0]], axis=0) - 0.5).astype(np.int64)
    edge = np.repeat(np.arange(len(start)), high - low)
    col = np.arange(len(edge)) - np.repeat(np.cumsum(high - low) - high, high - low)
    share = (col + 0.5 - start[edge, 0]) / (end[edge, 0] - start[edge, 0])
    y = start[edge, 1] + share * (end[edge, 1] - start[edge, 1])
    width, height = mask_size_wh
    row = np.clip(np.ceil(y - 0.5), 0, height).astype(np.int64)
    # Down a column the polygon begins and ends in turns: xor of all crossings above.
    crossed, times = np.unique(row * width + col, return_counts=True)
    turns = np.zeros((height + 1, width), dtype=np.bool_)
    turns.ravel()[crossed] = times % 2 == 1
    for number in range(row.min(initial=height) + 1, row.max(initial=0) + 1):
        # twice as fast as accumulate, which goes down one column after the other
        np.logical_xor(turns[number - 1], turns[number], out=turns[number])
    return turns[:-1]


def cell_pools(mask: BoolArray, grid: GridSpec, band: int) -> IntArray:
    """Return (rows, cols) the `Pool` of every cell, by eq. 2 to 5.

    Args:
        mask: (H, W).
        grid: Lattice; the step of round 1 scales the bands.
        band: Width b of the band along the border, in pixels; the border is where a 3 x 3 square
            holds both sides.

    Erosion, dilation and gradient are taken at the centres only: a square holds nothing else
    than the mask, something of it, or both, as the sums over squares tell.
    """
    size_wh = (mask.shape[1], mask.shape[0])
    centers = _centers(grid, size_wh)
    pixels = _pixels(centers, size_wh)
    step = int(np.floor(grid.offset_step(size_wh)[1]))
    sums = _SquareSums(mask)
    filled, area = sums.around(pixels, step + 1)
    eroded = filled == area
    dilated = sums.around(pixels, 2 * step + 1)[0] > 0
    # A gradient pixel in the band: some 3 x 3 square in it is mixed, that is all of them together.
    filled, area = sums.around(pixels, band, margin=1)
    at_edge = (filled > 0) & (filled < area)
    inside = mask[pixels[:, 1], pixels[:, 0]]
    hard = at_edge & ~inside
    hard[hard] = ~_hits(mask, centers[hard], grid.offset_step(size_wh)).any(axis=1)
    pools = np.select(
        [hard, eroded, dilated & ~inside],
        [Pool.HARD, Pool.INSIDE, Pool.RING],
        Pool.FAR,
    )
    return pools.reshape(grid.rows, grid.cols).astype(np.int64)


class _SquareSums:
    """Sums of a mask over squares, by a summed-area table of the part that is not empty."""

    def __init__(self, mask: BoolArray) -> None:
        pixels = np.ascontiguousarray(mask).view(np.uint8)
        x, y, width, height = cv2.boundingRect(pixels)
        self.corner, self.inner = np.array([x, y]), (width, height)
        self.size_wh = (mask.shape[1], mask.shape[0])
        self.table = cv2.integral(pixels[y : y + height, x : x + width])

    def around(self, pixels: IntArray, side: int, margin: int = 0) -> tuple[IntArray, IntArray]:
        """Return (N,) the sum over a square around each pixel, and its area inside the image.

        A square of an even side reaches one pixel further up and left, as OpenCV's do.
        """
        low = np.maximum(pixels - side // 2 - margin, 0)
        high = np.minimum(pixels + side - side // 2 + margin, self.size_wh)
        x0, y0 = np.clip(low - self.corner, 0, self.inner).T
        x1, y1 = np.clip(high - self.corner, 0, self.inner).T
        table = self.table
        total = table[y1, x1] - table[y0, x1] - table[y1, x0] + table[y0, x0]
        return total.astype(np.int64), (high - low).prod(axis=1)


def _centers(grid: GridSpec, size_wh: Size) -> FloatArray:
    """Return (rows * cols, 2) the centres of all cells, row by row."""
    cells = np.stack(np.meshgrid(np.arange(grid.cols), np.arange(grid.rows)), axis=-1)
    return grid.centers_of(cells.reshape(-1, 2), size_wh)


def _pixels(points: FloatArray, size_wh: Size) -> IntArray:
    """Return the pixels that hold points; the image's far border belongs to the last pixel."""
    pixels: IntArray = np.clip(np.floor(points).astype(np.int64), 0, np.asarray(size_wh) - 1)
    return pixels


def _hits(mask: BoolArray, points: FloatArray, step: FloatArray) -> BoolArray:
    """Return (N, 9) whether each of the nine moves brings a point into the mask (eq. 4)."""
    reached = _pixels(points[:, None] + _MOVES * step, (mask.shape[1], mask.shape[0]))
    found: BoolArray = mask[reached[..., 1], reached[..., 0]]
    return found


def mask_offsets(cells: IntArray, mask: BoolArray, grid: GridSpec) -> IntArray:
    """Return (N,) the offset label of each cell: stay, the shortest move that hits, or DELETE.

    Args:
        cells: (N, 2) column, row.
        mask: (H, W).
        grid: Lattice.

    >>> mask = np.zeros((64, 64), dtype=bool)
    >>> mask[:, :32] = True
    >>> grid = GridSpec(cols=4, rows=4, offset_cols=8, offset_rows=8)
    >>> mask_offsets(np.array([[1, 0], [2, 0], [3, 0]]), mask, grid).tolist()
    [4, 9, 9]
    """
    size_wh = (mask.shape[1], mask.shape[0])
    hits = _hits(mask, grid.centers_of(cells, size_wh), grid.offset_step(size_wh))[:, _BY_LENGTH]
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
        chances = np.array([weights[pool] for pool in open_pools])
        pool = open_pools[int(rng.choice(len(open_pools), p=chances / chances.sum()))]
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
        GeometryError: As `draw_mask`.
    """
    mask = draw_mask(polygon, size_wh, config.mask_size_wh)
    if not mask.any():
        return None
    cells = sample_cells(cell_pools(mask, grid, config.band_px), config, rng)
    return GridGeometry("seg", (cells,), ((mask_offsets(cells, mask, grid),),))


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
    moved = np.clip(centers + _MOVES[_PAIRS] * step, 0, size_wh)
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
    corners = np.sort(np.clip(cells, 0, (grid.cols - 1, grid.rows - 1)), axis=0)
    offsets = box_offsets(corners, box, size_wh, grid, config.iou_threshold)
    return GridGeometry("box", (corners,), ((offsets,),))
