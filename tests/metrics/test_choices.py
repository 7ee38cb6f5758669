"""Top-1 and macro-F1 against a plain loop."""

import math

import numpy as np
import pytest

from drivegrid.errors import GeometryError
from drivegrid.metrics.choices import ChoiceScore, score_choices


def slow_macro_f1(given, right):
    rates = []
    for answer in set(right):
        tp = sum(g == r == answer for g, r in zip(given, right, strict=True))
        fp = sum(g == answer != r for g, r in zip(given, right, strict=True))
        fn = sum(r == answer != g for g, r in zip(given, right, strict=True))
        rates.append(2 * tp / (2 * tp + fp + fn))
    return sum(rates) / len(rates)


def test_nothing_asked_is_no_score() -> None:
    score = score_choices([], [])
    assert math.isnan(score.top_1)
    assert math.isnan(score.macro_f1)
    assert score.as_dict()["top_1"] is None


@pytest.mark.parametrize(
    ("given", "right", "top_1", "macro_f1"),
    [
        ("a", "a", 1, 1),
        ("a", "b", 0, 0),
        ("aaaa", "aaab", 0.75, (6 / 7 + 0) / 2),
        ("abab", "aabb", 0.5, 0.5),
        ("xb", "ab", 0.5, 0.5),
    ],
)
def test_small_cases(given, right, top_1, macro_f1) -> None:
    score = score_choices(list(given), list(right))
    assert score.top_1 == pytest.approx(top_1)
    assert score.macro_f1 == pytest.approx(macro_f1)


def test_random_answers_and_sums() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        given, right = (rng.choice(list("abcd"), 20).tolist() for _ in range(2))
        assert score_choices(given, right).macro_f1 == pytest.approx(slow_macro_f1(given, right))
        parts = score_choices(given[:7], right[:7]) + score_choices(given[7:], right[7:])
        assert parts == score_choices(given, right)


def test_lengths_must_agree() -> None:
    with pytest.raises(GeometryError, match="one a question, got 1 for 0"):
        score_choices(["a"], [])
    assert ChoiceScore() + ChoiceScore() == ChoiceScore()
