import itertools

import numpy as np
import pytest

from drivegrid.metrics.matching import Counts, match_pairs, plain, same_label, total


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        pytest.param(np.zeros((0, 0)), [], id="empty"),
        pytest.param(np.zeros((0, 2)), [], id="no prediction"),
        pytest.param(np.zeros((2, 0)), [], id="no truth"),
        pytest.param(np.zeros((2, 2)), [], id="nothing goes together"),
        pytest.param(np.array([[0.7]]), [(0, 0)], id="one"),
        pytest.param(np.array([[0.7, 0.9]]), [(0, 1)], id="wide"),
        pytest.param(np.array([[0.7], [0.9]]), [(1, 0)], id="tall"),
        pytest.param(np.array([[0.9, 0.8], [0.8, 0.1]]), [(0, 1), (1, 0)], id="not greedy"),
        pytest.param(np.array([[-9.0, 0.2], [0.1, -9.0]]), [(0, 1), (1, 0)], id="negative"),
    ],
)
def test_match_pairs(weights, expected):
    assert [pair[:2] for pair in match_pairs(weights)] == expected


@pytest.mark.parametrize("seed", range(20))
def test_no_other_matching_weighs_more(seed):
    rng = np.random.default_rng(seed)
    weights = rng.random((rng.integers(1, 5), rng.integers(5, 7))) * (rng.random() < 0.9)
    found = sum(weight for _, _, weight in match_pairs(weights))
    orders = itertools.permutations(range(weights.shape[1]), weights.shape[0])
    best = max(sum(weights[i, j] for i, j in enumerate(order)) for order in orders)
    assert found == pytest.approx(best)


@pytest.mark.parametrize(
    ("counts", "precision", "recall", "f1"),
    [
        pytest.param(Counts(), None, None, None, id="empty"),
        pytest.param(Counts(0, 0, 3), None, 0, 0, id="no prediction"),
        pytest.param(Counts(0, 3, 0), 0, None, 0, id="no truth"),
        pytest.param(Counts(2, 2, 0), 0.5, 1, 2 / 3, id="some"),
    ],
)
def test_rates(counts, precision, recall, f1):
    rates = counts.as_dict()
    assert (rates["precision"], rates["recall"], rates["f1"]) == (precision, recall, f1)


def test_counts_add_up():
    assert total([]) == Counts()
    assert total([Counts(1, 2, 3), Counts(4, 5, 6)]) == Counts(5, 7, 9)


def test_same_label_keeps_its_shape_when_empty():
    assert same_label([], ["a"]).shape == (0, 1)
    assert same_label(["a"], []).shape == (1, 0)
    assert same_label(["a", "b"], ["b"]).tolist() == [[0], [1]]


def test_plain_is_json():
    assert plain(float("nan")) is None
    assert plain(np.float64(0.25)) == 0.25
