import itertools

import numpy as np
import pytest

from drivegrid.errors import GeometryError
from drivegrid.metrics.points import PointScore, score_points

NONE = np.zeros((0, 2))
HERE = np.array([[50.0, 50.0]])


@pytest.mark.parametrize(
    ("pred", "gt", "expected"),
    [
        pytest.param(NONE, NONE, (0, 0, 0), id="empty"),
        pytest.param(HERE, NONE, (0, 1, 0), id="truth empty"),
        pytest.param(NONE, HERE, (0, 0, 1), id="prediction empty"),
        pytest.param(HERE, HERE, (1, 0, 0), id="identical"),
        pytest.param(HERE + np.array([16, 0]), HERE, (1, 0, 0), id="on the radius"),
        pytest.param(HERE + np.array([16.1, 0]), HERE, (0, 1, 1), id="outside the radius"),
        pytest.param(np.repeat(HERE, 2, 0), HERE, (1, 1, 0), id="duplicate"),
    ],
)
def test_score_points(pred, gt, expected):
    counts = score_points(pred, gt).counts
    assert (counts.tp, counts.fp, counts.fn) == expected


def test_a_box_replaces_the_radius():
    box = [np.array([20.0, 45.0, 60.0, 55.0])]
    assert score_points(HERE + np.array([-29, 0]), HERE, box).hits == 1
    assert score_points(HERE + np.array([0, 6]), HERE, box).hits == 0


def test_labels_must_agree():
    assert score_points(HERE, HERE, None, ["stop"], ["yield"]).hits == 0
    assert score_points(HERE, HERE, None, ["stop"], ["yield"]).errors == ()


def test_hits_come_before_distance():
    gt = np.array([[0.0, 0.0], [20.0, 0.0]])
    pred = np.array([[10.0, 0.0], [-15.0, 0.0]])  # the first alone could reach both
    assert score_points(pred, gt).hits == 2


def best_by_trying(pred, gt, radius):
    """(hits, -summed distance) of the best of all matchings; as many points on both sides."""
    best = (-1, 0.0)
    for order in itertools.permutations(range(len(gt))):
        gaps = [float(np.hypot(*(pred[i] - gt[j]))) for i, j in enumerate(order)]
        best = max(best, (sum(gap <= radius for gap in gaps), -sum(gaps)))
    return best


@pytest.mark.parametrize("seed", range(20))
def test_equals_trying_all_matchings(seed):
    rng = np.random.default_rng(seed)
    pred, gt = rng.uniform(0, 60, (2, rng.integers(1, 6), 2))
    score = score_points(pred, gt, radius_px=20.0)
    hits, distance = best_by_trying(pred, gt, 20.0)
    assert score.hits == hits
    assert sum(score.errors) == pytest.approx(-distance)


def test_errors_over_frames():
    score = sum((score_points(HERE + np.array([dx, 0]), HERE) for dx in (1, 3, 20)), PointScore())
    row = score.as_dict()
    assert (row["mean_error_px"], row["median_error_px"]) == (8, 3)
    assert row["hit"] == pytest.approx(2 / 3)
    assert row["parameters"]["radius_px"] == 16


def test_nothing_is_no_score():
    assert PointScore().as_dict()["mean_error_px"] is None


def test_scores_of_two_radii_do_not_add():
    with pytest.raises(GeometryError, match="radius_px must be equal"):
        PointScore(radius_px=3) + PointScore(radius_px=4)
