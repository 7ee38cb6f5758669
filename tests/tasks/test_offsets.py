"""Algorithm 1 against the paper's words, written down slowly with other means."""

from collections import Counter

import cv2
import numpy as np
import pytest

from drivegrid.errors import GeometryError
from drivegrid.geometry import Box, Polygon
from drivegrid.tasks.offsets import (
    Pool,
    box_offsets,
    cell_pools,
    mask_offsets,
    propose_box,
    propose_seg,
    sample_cells,
)
from drivegrid.tasks.region import Region, fill_polygon
from drivegrid.tasks.settings import OffsetConfig
from drivegrid.tokens.grid import DELETE, STAY, GridSpec, offset_vectors

GRID = GridSpec()
SMALL = GridSpec(cols=8, rows=6, offset_cols=16, offset_rows=12)


def disc(size_wh, x, y, radius):
    mask = np.zeros(size_wh[::-1], dtype=np.uint8)
    cv2.circle(mask, (x, y), radius, 1, -1)
    return mask.astype(bool)


def noise(size_wh, seed, share):
    rng = np.random.default_rng(seed)
    width, height = size_wh
    coarse = (rng.random((height // 4, width // 4)) < share).astype(np.uint8)
    return cv2.resize(coarse, size_wh, interpolation=cv2.INTER_NEAREST).astype(bool)


MASKS = {
    "empty": np.zeros((60, 80), dtype=bool),
    "full": np.ones((60, 80), dtype=bool),
    "one pixel": disc((80, 60), 33, 20, 0),
    "disc": disc((80, 60), 40, 30, 17),
    "disc over the border": disc((80, 60), 2, 58, 20),
    "thin": np.eye(60, 80, dtype=bool),
    "noise": noise((80, 60), 0, 0.3),
    "much noise": noise((80, 60), 1, 0.7),
    "wide": disc((160, 60), 70, 20, 9),
    "tall": disc((60, 160), 20, 70, 19),
}


def region(mask):
    """Return a mask by the pixels at which its columns change."""
    changes = np.diff(np.pad(mask, ((1, 1), (0, 0))), axis=0)
    col, row = np.nonzero(changes.T)
    return Region(mask.shape[::-1], col * (len(mask) + 1) + row)


def at(mask, x, y):
    """M(x, y) of a real place; the far border belongs to the last pixel."""
    height, width = mask.shape
    return bool(mask[min(max(int(y // 1), 0), height - 1), min(max(int(x // 1), 0), width - 1)])


def centre(grid, i, j, mask):
    height, width = mask.shape
    return (i + 0.5) * width / grid.cols, (j + 0.5) * height / grid.rows


def hits(mask, grid, i, j):
    """Eq. 4, one move after the other."""
    height, width = mask.shape
    x, y = centre(grid, i, j, mask)
    s_x, s_y = width / grid.offset_cols, height / grid.offset_rows
    return [(u, v) for v in (-1, 0, 1) for u in (-1, 0, 1) if at(mask, x + u * s_x, y + v * s_y)]


def slow_pools(mask, grid, b):
    """Eq. 2, 3 and 5 with OpenCV's morphology on whole masks, one cell after the other."""
    s_y = mask.shape[0] / grid.offset_rows
    whole = mask.astype(np.uint8)
    square = lambda k: np.ones((k, k), np.uint8)  # noqa: E731
    eroded = cv2.erode(whole, square(int(s_y) + 1))
    dilated = cv2.dilate(whole, square(2 * int(s_y) + 1))
    band = cv2.dilate(cv2.morphologyEx(whole, cv2.MORPH_GRADIENT, square(3)), square(b))
    pools = np.zeros((grid.rows, grid.cols), dtype=int)
    for j in range(grid.rows):
        for i in range(grid.cols):
            place = centre(grid, i, j, mask)
            inside = at(mask, *place)
            if at(band, *place) and not inside and not hits(mask, grid, i, j):
                pools[j, i] = Pool.HARD
            elif at(eroded, *place):
                pools[j, i] = Pool.INSIDE
            elif at(dilated, *place) and not inside:
                pools[j, i] = Pool.RING
            else:
                pools[j, i] = Pool.FAR
    return pools


@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize("band", [1, 2, 3, 6])
@pytest.mark.parametrize("grid", [SMALL, GridSpec(5, 7, 9, 30), GridSpec(4, 4, 40, 40)])
def test_pools_equal_the_paper_s_rule(name, band, grid) -> None:
    assert (
        cell_pools(region(MASKS[name]), grid, band).tolist()
        == slow_pools(MASKS[name], grid, band).tolist()
    )


def test_every_pool_occurs_at_the_paper_s_size() -> None:
    mask = disc((840, 840), 400, 420, 190)
    mask[66, 67] = True  # two pixels off the centre of cell (2, 2), and within no move of it
    pools = cell_pools(region(mask), GRID, 3)
    assert (pools == slow_pools(mask, GRID, 3)).all()
    assert set(np.unique(pools)) == {*Pool}
    assert pools[2, 2] == Pool.HARD
    assert mask_offsets(np.array([[2, 2]]), region(mask), GRID).tolist() == [DELETE]


@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize("grid", [SMALL, GridSpec(5, 7, 9, 30)])
def test_labels_equal_algorithm_1(name, grid) -> None:
    mask = MASKS[name]
    cells = np.array([(i, j) for j in range(grid.rows) for i in range(grid.cols)])
    labels = mask_offsets(cells, region(mask), grid).tolist()
    for (i, j), label in zip(cells.tolist(), labels, strict=True):
        found = hits(mask, grid, i, j)
        if at(mask, *centre(grid, i, j, mask)):
            assert label == STAY
        elif found:
            move = tuple(offset_vectors()[label].tolist())
            assert move in found
            assert move[0] ** 2 + move[1] ** 2 == min(u * u + v * v for u, v in found)
        else:
            assert label == DELETE


def test_no_cell_no_label() -> None:
    assert (
        mask_offsets(np.zeros((0, 2), dtype=np.int64), region(MASKS["disc"]), SMALL).tolist() == []
    )


def overlap(a, b):
    shared = max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
    area = lambda box: (box[2] - box[0]) * (box[3] - box[1])  # noqa: E731
    union = area(a) + area(b) - shared
    return shared / union if union else 0.0


def test_corners_equal_a_search_of_all_pairs() -> None:
    rng, size, kept = np.random.default_rng(0), (1600, 900), 0
    step = GRID.offset_step(size)
    for _ in range(60):
        low = rng.uniform(0, (1500, 800))
        box = Box(np.concatenate([low, np.minimum(low + rng.uniform(5, 400, 2), size)]))
        cells = np.sort(GRID.cells_of(box.parts()[0], size) + rng.integers(-1, 2, (2, 2)), axis=0)
        cells = np.clip(cells, 0, 31)
        best = 0.0
        for first in offset_vectors():
            for second in offset_vectors():
                moved = GRID.centers_of(cells, size) + np.array([first, second]) * step
                moved = np.sort(np.clip(moved, 0, size), axis=0)
                best = max(best, overlap(moved.ravel(), box.xyxy))
        offsets = box_offsets(cells, box, size, GRID, 0.5)
        if best < 0.5:
            assert offsets.tolist() == [DELETE, DELETE]
            continue
        kept += 1
        moved = GRID.centers_of(cells, size) + offset_vectors()[offsets] * step
        moved = np.sort(np.clip(moved, 0, size), axis=0)
        assert overlap(moved.ravel(), box.xyxy) == pytest.approx(best)
    assert 10 < kept < 60


def test_a_polygon_outside_is_an_error_and_a_thin_one_is_nothing() -> None:
    square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
    rng = np.random.default_rng(0)
    with pytest.raises(GeometryError):
        fill_polygon(Polygon((square - 5,)), (40, 36), (84, 84))
    thin = Polygon((square * 0.01,))
    assert propose_seg(thin, (40, 36), GRID, OffsetConfig(), rng) is None


def test_sampling_prefers_inside_and_ring_and_leaves_no_pool_out() -> None:
    mask = disc((840, 840), 420, 420, 200)
    pools = cell_pools(region(mask), GRID, 3)
    assert {int(p) for p in np.unique(pools)} == {Pool.INSIDE, Pool.RING, Pool.FAR}
    config, rng = OffsetConfig(), np.random.default_rng(0)
    drawn, counts = Counter(), []
    for _ in range(400):
        cells = sample_cells(pools, config, rng)
        assert len({tuple(c) for c in cells.tolist()}) == len(cells)
        assert cells.tolist() == sorted(cells.tolist())
        found = Counter(pools[cells[:, 1], cells[:, 0]].tolist())
        assert set(found) == {Pool.INSIDE, Pool.RING, Pool.FAR}
        drawn += found
        counts.append(len(cells))
    share = {pool: drawn[pool] / drawn.total() for pool in (Pool.INSIDE, Pool.RING, Pool.FAR)}
    # 12 cells on average: one of each, the other nine 4 : 4 : 1.
    assert share[Pool.INSIDE] == pytest.approx((1 + 9 * 4 / 9) / 12, abs=0.02)
    assert share[Pool.RING] == pytest.approx((1 + 9 * 4 / 9) / 12, abs=0.02)
    assert share[Pool.FAR] == pytest.approx((1 + 9 * 1 / 9) / 12, abs=0.02)
    # Far from the mask are nine cells in ten: without the bias they would be nine in ten here.
    assert (pools == Pool.FAR).mean() > 0.8
    assert (min(counts), max(counts)) == (config.fewest_cells, config.most_cells)
    assert np.mean(counts) == pytest.approx(12, abs=0.6)


def test_few_cells_are_all_drawn() -> None:
    pools = np.full((2, 2), Pool.FAR)
    config = OffsetConfig(fewest_cells=9, most_cells=9)
    cells = sample_cells(pools, config, np.random.default_rng(0))
    assert cells.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]


def test_jitter_is_as_far_as_told_and_mended() -> None:
    box, size, rng = (
        Box(np.array([210.0, 100.0, 390.0, 260.0])),
        (1600, 900),
        np.random.default_rng(1),
    )
    seen = Counter()
    for _ in range(500):
        tokens = propose_box(box, size, GRID, OffsetConfig(), rng)
        gap = tokens.cells[0] - [[4, 3], [7, 9]]
        assert np.abs(gap).max() <= 1
        seen[tuple(gap.ravel().tolist())] += 1
    assert len(seen) == 81
    exact = propose_box(box, size, GRID, OffsetConfig(jitter_cells=0), rng)
    assert exact.offsets[0][0].tolist() == [3, 2]  # the vectors of the specification, section 9


def test_the_same_seed_draws_the_same() -> None:
    ring = np.array([[100.0, 100.0], [300.0, 120.0], [200.0, 300.0]])
    draws = [
        propose_seg(Polygon((ring,)), (640, 360), GRID, OffsetConfig(), np.random.default_rng(5))
        for _ in range(2)
    ]
    assert draws[0] == draws[1] is not None
