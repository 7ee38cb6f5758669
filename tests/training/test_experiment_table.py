import numpy as np
import pytest

pytest.importorskip("torch")

from drivegrid.training.experiment_sums import FrameSums
from drivegrid.training.experiment_table import (
    DRAWS,
    bootstrap,
    interval,
    markdown,
    table,
)


def sums(seed: int, num_frames: int = 40, rate: float = 0.5) -> FrameSums:
    rng = np.random.default_rng(seed)
    below = rng.integers(0, 6, num_frames)
    return FrameSums(rng.binomial(below, rate).astype(float).tolist(), below.tolist())


def test_nothing_has_no_figure() -> None:
    mean, drawn = bootstrap([FrameSums([0.0, 0.0], [0.0, 0.0])])
    found = interval(mean, drawn, 2, 1)
    assert found == {"mean": None, "low": None, "high": None, "frames": 2, "seeds": 1}


def test_one_frame_and_one_seed_have_no_spread() -> None:
    mean, drawn = bootstrap([FrameSums([3.0], [4.0])])
    assert mean == 0.75
    assert (drawn == 0.75).all()


def test_the_mean_is_over_seeds_of_the_ratio_of_totals() -> None:
    runs = [sums(seed) for seed in range(3)]
    mean, drawn = bootstrap(runs)
    assert mean == pytest.approx(np.mean([sum(r.above) / sum(r.below) for r in runs]))
    assert drawn.shape == (DRAWS,)
    assert abs(drawn.mean() - mean) < 0.01


def test_the_spread_is_that_of_drawing_frames_and_runs_one_by_one() -> None:
    runs = [sums(seed, rate=0.3 + 0.2 * seed) for seed in range(3)]
    rng = np.random.default_rng(7)
    slow = []
    for _ in range(DRAWS):
        frames = rng.integers(40, size=40)
        picked = [runs[i] for i in rng.integers(3, size=3)]
        above, below = (
            np.array([np.take(getattr(run, side), frames).sum() for run in picked])
            for side in ("above", "below")
        )
        slow.append((above / below).mean())
    _, drawn = bootstrap(runs)
    assert np.percentile(drawn, [2.5, 97.5]) == pytest.approx(
        np.percentile(slow, [2.5, 97.5]), abs=0.025
    )


def test_differences_are_taken_frame_by_frame() -> None:
    """A variant that is better by one hit in every frame is so in every draw."""
    base = FrameSums([float(i % 4) for i in range(30)], [5.0] * 30)
    better = FrameSums([value + 1 for value in base.above], base.below)
    rows = table({"a": [{"F1": base}], "b": [{"F1": better}]}, "a")
    assert "difference" not in rows[0]
    found = rows[1]["difference"]["F1"]
    assert found["mean"] == pytest.approx(0.2)
    assert found["high"] - found["low"] < 1e-9
    wide = rows[1]["figures"]["F1"]
    assert wide["high"] - wide["low"] > 0.05


def test_the_table_is_markdown() -> None:
    one, counts = FrameSums([1.0, 1.0], [2.0, 2.0]), FrameSums([8.0, 8.0], [1.0, 1.0])
    runs = {
        "text": [{"F1": one, "lanes tokens": counts}],
        "grid": [{"F1": one, "hit": FrameSums([0.0], [0.0])}],
    }
    lines = markdown(table(runs, "text"), "text").splitlines()
    assert lines[0] == "| | F1 | lanes tokens | hit |"
    assert lines[2] == "| text | 50.0 (50.0 to 50.0) | 8.0 (8.0 to 8.0) | – |"
    assert lines[3] == "| grid | 50.0 (50.0 to 50.0) | – | – |"
    assert lines[5] == "Difference to text:"
    assert lines[-1] == "| grid | +0.0 (+0.0 to +0.0) | – | – |"
