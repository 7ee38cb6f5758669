import numpy as np
import pytest
from scipy.stats import spearmanr

from drivegrid.metrics.culane import draw_lane, lane_iou
from drivegrid.metrics.lanes import densify
from drivegrid.tasks.rewards.bands import (
    band_iou,
    canvas_line,
    row_spans,
    spline_line,
    true_spans,
)

SIZE = (1640, 590)


def lane(rng: np.random.Generator) -> np.ndarray:
    """Return a bent lane of 2 to 20 points, from the lower border up, maybe far to a side."""
    share = np.sort(rng.random(int(rng.integers(2, 20))))
    share[0] = 0.0
    bow = rng.normal(0, 100) * share * (1 - share)
    x = rng.uniform(-300, 1900) * (1 - share) + rng.uniform(500, 1100) * share + bow
    return np.stack([x, 590 - share * rng.uniform(150, 380)], axis=1)


def shaken_pairs(num: int, seed: int):
    """Return pairs of lanes: true, and the same moved, bent, cut or told from its other end."""
    rng = np.random.default_rng(seed)
    for _ in range(num):
        true = lane(rng)
        scale = float(rng.choice([2, 6, 15, 30]))
        pred = true + rng.normal(0, scale / 2, true.shape) + rng.normal(0, scale, 2) * (1, 0)
        pred = pred[: max(2, len(pred) * 2 // 3)] if rng.random() < 0.3 else pred
        yield true, pred[::-1] if rng.random() < 0.3 else pred


def both_ious(true, pred) -> tuple[float, float]:
    bands = band_iou(row_spans([canvas_line(pred, SIZE)])[0], true_spans([true], SIZE)[0])
    return float(lane_iou([densify(pred)], [true], SIZE)[0, 0]), float(bands)


def test_bands_agree_with_the_raster_of_the_metric() -> None:
    exact, bands = np.array([both_ious(*pair) for pair in shaken_pairs(400, 0)]).T
    assert 0.3 < exact.mean() < 0.8  # neither easy nor hopeless
    assert np.abs(exact - bands).mean() < 0.006
    assert np.abs(exact - bands).max() < 0.1
    assert spearmanr(exact, bands).statistic > 0.998


def test_nothing_covers_nothing() -> None:
    assert row_spans([]).shape == (0, 118, 2)
    spans = row_spans([np.zeros((0, 2)), np.array([[100.0, 100.0]])])
    assert (spans[..., 0] == spans[..., 1]).all()
    assert band_iou(spans[0], spans[1]) == 0.0


@pytest.mark.parametrize(
    "line",
    [
        [[100.0, 590.0], [100.0, 100.0]],
        [[100.0, 300.0], [900.0, 300.0]],
        [[100.0, 500.0], [900.0, 100.0]],
        [[100.0, 500.0], [500.0, 400.0], [520.0, 90.0]],
        [[-200.0, 500.0], [300.0, 400.0]],
    ],
    ids=["upright", "level", "slanted", "bent", "half outside"],
)
def test_area_is_that_of_the_raster(line) -> None:
    points = np.array(line)
    spans = row_spans([spline_line(points)])[0]
    area = 5 * (spans[:, 1] - spans[:, 0]).sum()
    assert area == pytest.approx(draw_lane(points, SIZE).area, rel=0.04)


def test_iou_of_upright_lines_falls_linearly_with_their_distance() -> None:
    # 31 px wide and 10 apart: 21 shared of 52 - 10 = 41 in all.
    spans = row_spans([np.array([[x, 0.0], [x, 590.0]]) for x in (100.0, 110.0, 140.0)])
    assert band_iou(spans[0], spans).tolist() == pytest.approx([1.0, 21 / 41, 0.0])


def test_either_end_may_come_first() -> None:
    true = lane(np.random.default_rng(3))
    spans = row_spans([true, true[::-1]])
    assert band_iou(spans[0], spans[1]) == pytest.approx(1.0)


def test_many_lines_at_once_are_as_one_by_one() -> None:
    lines = [pred for _, pred in shaken_pairs(20, 1)]
    alone = np.concatenate([row_spans([line]) for line in lines])
    np.testing.assert_array_equal(row_spans(lines), alone)
