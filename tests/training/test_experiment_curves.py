import json

import pytest

pytest.importorskip("torch")

from drivegrid.training.experiment_curves import (
    first_step_at,
    mean_curve,
    reward_curves,
    write_curves,
)

FAST = [[(0, 1.0), (10, 2.0), (20, 3.0)], [(0, 1.0), (10, 3.0), (20, 4.0)]]
SLOW = [[(0, 1.0), (10, 1.5), (20, 2.5)]] * 2


def test_nothing_judged_is_no_curve() -> None:
    assert mean_curve([[]]) == []
    assert first_step_at([], 0.0) is None


def test_curves_are_averaged_where_all_were_judged() -> None:
    assert mean_curve(FAST) == [(0, 1.0), (10, 2.5), (20, 3.5)]
    assert mean_curve([*FAST, [(10, 1.0)]]) == [(10, 2.0)]


@pytest.mark.parametrize(("reward", "step"), [(0.5, 0), (2.5, 10), (2.6, 20), (9.0, None)])
def test_the_first_step_at_a_reward(reward, step) -> None:
    assert first_step_at(mean_curve(FAST), reward) == step


def test_what_a_run_was_judged_is_read(tmp_path) -> None:
    run = tmp_path / "seed-3"
    run.mkdir()
    (run / "judged.json").write_text(json.dumps([{"step": 0, "mean": 1.5, "grid/box": 0.5}]))
    assert reward_curves(tmp_path, [3]) == [[(0, 1.5)]]


def test_a_table_tells_how_soon_the_baseline_is_reached(tmp_path) -> None:
    write_curves({"grid": FAST, "text": SLOW}, "text", tmp_path)
    lines = (tmp_path / "curves.md").read_text().splitlines()
    assert lines[2] == "| grid | 1.000 | 3.500 | +2.000, +3.000 | 10 |"
    assert lines[3] == "| text | 1.000 | 2.500 | +1.500, +1.500 | 20 |"
    svg = (tmp_path / "curves.svg").read_text()
    assert "grid" in svg and "held-out reward / 3.500" in svg
    write_curves({"grid": FAST}, None, tmp_path)
    assert (tmp_path / "curves.md").read_text().count("|") == 3 * 5
