"""BDD100K lane marking: ODS-F of direction, style and category at 1, 2 and 5 px."""

from __future__ import annotations

from typing import Any

from drivegrid.data.scene import Scene
from drivegrid.geometry import FloatArray
from drivegrid.metrics.bdd_lane import RADII_PX, SUB_TASKS, lane_mask, mean_f, score_masks
from drivegrid.metrics.evaluation import Evaluation, tally_of
from drivegrid.metrics.pairing import FramePairs
from drivegrid.metrics.rules.settings import Settings
from drivegrid.metrics.tally import Sums, over
from drivegrid.metrics.workers import map_frames

KEYS = [
    (task, name, radius)
    for task, names in SUB_TASKS.items()
    for name in names
    for radius in RADII_PX
]


def evaluate_bdd_lane(pairs: FramePairs, settings: Settings) -> Evaluation:
    """Score lane markings by the BDD100K rule; ``f_2`` is F within 2 px, over all sub-tasks."""
    scored = map_frames(_score, list(pairs.pairs.values()), settings.workers)
    counted = [{**{_column(*key): f for key, f in one.items()}, "frames": 1.0} for one in scored]
    columns = (*(_column(*key) for key in KEYS), "frames")
    tally = tally_of(tuple(pairs.pairs), counted, columns, _rates)
    rates = tally.rates_of()
    figures: dict[str, Any] = {key: rates[key] for key in rates if not key.startswith("class.")}
    figures["per_class"] = {
        f"{task} {name}": {f"f_{radius}": rates[_column(task, name, radius)] for radius in RADII_PX}
        for task, names in SUB_TASKS.items()
        for name in names
    }
    figures |= {
        "n": len(counted),
        "parameters": {"rule": "bdd-lane", "radii_px": list(RADII_PX), "line_width_px": 1},
    }
    return Evaluation(figures, tally, worst="f_2")


def _score(pair: tuple[Scene, Scene]) -> dict[Any, float]:
    pred, gt = pair
    return score_masks(lane_mask(pred), lane_mask(gt))


def _column(task: str, name: str, radius: int) -> str:
    return f"class.{task}.{name}.{radius}"


def _rates(sums: Sums) -> dict[str, FloatArray]:
    by_class = {key: over(sums[_column(*key)], sums["frames"]) for key in KEYS}
    return {**mean_f(by_class), **{_column(*key): rate for key, rate in by_class.items()}}
