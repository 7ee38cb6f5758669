from dataclasses import dataclass

import numpy as np
import pytest

pytest.importorskip("torch")

from drivegrid.errors import ConfigError
from drivegrid.inference.choosing import Sampler, greedy


@dataclass
class Classes:
    none: tuple[int, ...]


@pytest.mark.parametrize(
    ("chances", "none", "token"),
    [
        ([1.0, 0.0, 0.0, 0.0], (), 0),
        ([0.4, 0.25, 0.2, 0.15], (0,), 1),
        ([0.6, 0.25, 0.1, 0.05], (0,), 0),
        ([0.1, 0.25, 0.2, 0.45], (3, 1), 1),
    ],
)
def test_none_must_outweigh_all_labels_together(chances, none, token) -> None:
    assert greedy(np.array(chances), Classes(none)) == token
    assert greedy(np.array(chances), None) == int(np.argmax(chances))


def shares(temperature: float, top_p: float, chances: list[float]) -> np.ndarray:
    sampler = Sampler(temperature, top_p, np.random.default_rng(0))
    drawn = [sampler(np.array(chances), None) for _ in range(20_000)]
    return np.bincount(drawn, minlength=len(chances)) / len(drawn)


@pytest.mark.parametrize(
    ("temperature", "top_p", "expected"),
    [
        pytest.param(1.0, 1.0, [0.1, 0.6, 0.0, 0.3], id="as they are"),
        pytest.param(0.5, 1.0, [0.01 / 0.46, 0.36 / 0.46, 0.0, 0.09 / 0.46], id="sharper"),
        pytest.param(1.0, 0.7, [0.0, 2 / 3, 0.0, 1 / 3], id="the fewest that hold 0.7"),
        pytest.param(1.0, 0.6, [0.0, 1.0, 0.0, 0.0], id="one holds 0.6"),
        pytest.param(0.01, 1.0, [0.0, 1.0, 0.0, 0.0], id="cold"),
    ],
)
def test_draws_follow_the_distribution(temperature, top_p, expected) -> None:
    found = shares(temperature, top_p, [0.1, 0.6, 0.0, 0.3])
    np.testing.assert_allclose(found, expected, atol=0.015)


def test_what_is_forbidden_is_never_drawn() -> None:
    assert shares(5.0, 1.0, [0.0, 1e-9, 0.0, 1.0])[[0, 2]].sum() == 0.0


@pytest.mark.parametrize(("temperature", "top_p"), [(0.0, 0.9), (np.nan, 0.9), (1.0, 0.0), (1, 2)])
def test_numbers_out_of_range_are_refused(temperature, top_p) -> None:
    with pytest.raises(ConfigError, match="must"):
        Sampler(temperature, top_p, np.random.default_rng(0))
