import numpy as np
import pytest

from drivegrid.errors import ConfigError, ModelError
from drivegrid.inference.calibration import (
    CALIBRATION_FILE,
    COLDEST,
    WARMEST,
    fit_temperature,
    load_temperatures,
    log_shares,
    mean_surprise,
    save_temperatures,
)


def drawn(temperature, count, seed=0):
    """Scores, and answers drawn as a temperature says."""
    rng = np.random.default_rng(seed)
    scores = [np.log(rng.dirichlet(np.ones(k))) for k in rng.integers(2, 6, count)]
    answers = [int(rng.choice(len(s), p=np.exp(log_shares(s, temperature)))) for s in scores]
    return scores, answers


@pytest.mark.parametrize(("temperature", "count"), [(0.4, 60), (1.0, 60), (3.0, 60), (2.0, 7)])
def test_fit_is_the_best_of_a_fine_search(temperature, count) -> None:
    scores, answers = drawn(temperature, count)
    grid = np.exp(np.linspace(np.log(COLDEST), np.log(WARMEST), 4001))
    best = grid[np.argmin([mean_surprise(scores, answers, t) for t in grid])]
    assert fit_temperature(scores, answers) == pytest.approx(best, rel=2e-3)


def test_a_temperature_is_found_again() -> None:
    assert fit_temperature(*drawn(2.5, 3000)) == pytest.approx(2.5, rel=0.1)


def test_always_right_is_as_cold_as_it_gets() -> None:
    scores = [np.log([0.6, 0.4])] * 5
    assert fit_temperature(scores, [0] * 5) == pytest.approx(COLDEST, rel=0.01)


@pytest.mark.parametrize(("scores", "answers"), [([], []), ([np.zeros(2)], [])])
def test_answers_must_be_one_a_question(scores, answers) -> None:
    with pytest.raises(ConfigError, match="one a question"):
        fit_temperature(scores, answers)


def test_file_round_trip(tmp_path) -> None:
    assert load_temperatures(tmp_path) == {}
    save_temperatures(tmp_path, {"b": 1.23456, "a": 2.0})
    assert load_temperatures(tmp_path) == {"a": 2.0, "b": 1.2346}


@pytest.mark.parametrize(
    "text", ["", "[]", '{"a": "1"}', '{"a": -1}', '{"a": true}', '{"a": 1e999}']
)
def test_damaged_files_are_refused(tmp_path, text) -> None:
    (tmp_path / CALIBRATION_FILE).write_text(text)
    with pytest.raises(ModelError, match="calibration must"):
        load_temperatures(tmp_path)
