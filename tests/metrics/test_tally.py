"""Sums, rates and bootstrap intervals against plain loops."""

import math

import numpy as np
import pytest

from drivegrid.errors import ConfigError
from drivegrid.metrics.tally import Tally, intervals, mean_of, over


def share(sums):
    return {"share": over(sums["right"], sums["n"])}


def make(right, n):
    names = tuple(map(str, range(len(right))))
    columns = {"right": np.array(right, dtype=float), "n": np.array(n, dtype=float)}
    return Tally(names, columns, share)


def test_no_frames_at_all():
    tally = make([], [])
    assert tally.sums() == {"right": 0.0, "n": 0.0}
    assert tally.rates_of() == {"share": None}
    assert math.isnan(intervals(tally)["share"].low)


def test_no_columns_have_no_intervals():
    assert intervals(Tally(("a",), {}, lambda sums: {})) == {}


def test_rates_of_all_of_some_and_of_each():
    tally = make([1, 0, 3], [2, 0, 4])
    assert tally.rates_of() == {"share": 4 / 6}
    assert tally.rates_of(np.array([0])) == {"share": 0.5}
    assert tally.rates_by_frame()["share"].tolist()[::2] == [0.5, 0.75]
    assert np.isnan(tally.rates_by_frame()["share"][1])


@pytest.mark.parametrize("groups", [None, ["a", "b", "a", "c", "b", "c", "d"]])
def test_intervals_equal_a_loop_over_the_same_draws(groups):
    rng = np.random.default_rng(3)
    n = rng.integers(1, 9, 7)
    right = rng.integers(0, n + 1)
    found = intervals(make(right, n), groups, resamples=200, seed=5)["share"]
    clips = [[i] for i in range(7)]
    if groups:
        clips = [[i for i in range(7) if groups[i] == name] for name in sorted(set(groups))]
    draw, rates = np.random.default_rng(5), []
    for _ in range(200):
        frames = [i for c in draw.integers(len(clips), size=len(clips)) for i in clips[c]]
        rates.append(sum(right[i] for i in frames) / sum(n[i] for i in frames))
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(rates, [0.025, 0.975])))


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for seed in range(200):
        right = rng.random(80) < 0.7
        found = intervals(make(right, np.ones(80)), resamples=300, seed=seed)["share"]
        covered += found.low <= 0.7 <= found.high
    assert 0.88 <= covered / 200 <= 0.99


def test_equal_seeds_give_equal_intervals_and_clips_widen_them():
    right, n = [1.0] * 20 + [0.0] * 20, [1.0] * 40
    clips = [str(i // 10) for i in range(40)]
    one, again = (intervals(make(right, n), seed=1)["share"] for _ in range(2))
    wide = intervals(make(right, n), clips, seed=1)["share"]
    assert one == again
    assert wide.high - wide.low > 1.5 * (one.high - one.low)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"groups": ["a"]}, "one a frame"),
        ({"resamples": 0}, "at least 1"),
        ({"level": 1.0}, r"in \(0, 1\)"),
    ],
)
def test_settings_out_of_range_are_refused(change, message):
    with pytest.raises(ConfigError, match=message):
        intervals(make([1, 1], [1, 1]), **change)


def test_rates_over_nothing_are_left_out_of_means():
    assert np.isnan(over(np.array(0.0), np.array(0.0)))
    means = mean_of([np.array([1.0, np.nan, np.nan]), np.array([0.0, 0.5, np.nan])])
    assert means[:2].tolist() == [0.5, 0.5]
    assert np.isnan(means[2])
