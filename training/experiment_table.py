"""From the scores of runs to rows: means over seeds, intervals over frames and seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .experiment_sums import FrameSums, Scores

DRAWS = 2000
LEVEL = 0.95
COUNTED = " tokens"
"""Figures whose name ends so are numbers of tokens; the others are shares."""

FloatArray = npt.NDArray[np.float64]
Interval = dict[str, float | int | None]


def bootstrap(runs: Sequence[FrameSums], seed: int = 0) -> tuple[float, FloatArray]:
    """Return the mean figure of some runs, and what it might have been.

    Args:
        runs: One for each seed, over the same frames in the same order.
        seed: Of the draws; equal seeds draw the same frames and runs, so that the difference of
            two variants can be taken draw by draw.

    Returns:
        The mean over runs of the ratio of totals, nan over nothing, and (DRAWS,) the same with
        frames and runs drawn with replacement.
    """
    above, below = (np.array([getattr(run, side) for run in runs]) for side in ("above", "below"))
    num_runs, num_frames = above.shape
    rng = np.random.default_rng(seed)
    chosen = rng.multinomial(num_runs, np.full(num_runs, 1 / num_runs), DRAWS) / num_runs
    weights = rng.multinomial(num_frames, np.full(num_frames, 1 / num_frames), DRAWS)
    drawn = (chosen * _ratio(weights @ above.T, weights @ below.T)).sum(axis=1)
    return float(_ratio(above.sum(axis=1), below.sum(axis=1)).mean()), drawn


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    ratio: FloatArray = np.where(below > 0, above / np.where(below > 0, below, 1), np.nan)
    return ratio


def interval(mean: float, drawn: FloatArray, num_frames: int, num_seeds: int) -> Interval:
    """Return mean and 95 % interval; None over nothing."""
    kept = drawn[np.isfinite(drawn)]
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(kept, [tail, 100 - tail]).tolist() if len(kept) else (None, None)
    return {
        "mean": mean if np.isfinite(mean) else None,
        "low": low,
        "high": high,
        "frames": num_frames,
        "seeds": num_seeds,
    }


def table(runs: Mapping[str, Sequence[Scores]], baseline: str | None) -> list[dict[str, Any]]:
    """Return a row for each variant.

    Args:
        runs: The scores of each variant, a run a seed.
        baseline: Variant that the others are compared with.

    Returns:
        ``variant``, ``figures`` by name, and ``difference`` to the baseline by name where there is
        one; all as `interval` returns them.
    """
    rows = []
    for variant, scores in runs.items():
        row: dict[str, Any] = {"variant": variant, "figures": {}}
        if baseline is not None and variant != baseline:
            row["difference"] = {}
        for name in scores[0]:
            sums = [one[name] for one in scores]
            mean, drawn = bootstrap(sums)
            size = len(sums[0].above), len(sums)
            row["figures"][name] = interval(mean, drawn, *size)
            others = runs[baseline] if baseline is not None else ()
            if "difference" in row and name in others[0] and len(others) == len(sums):
                base_mean, base_drawn = bootstrap([one[name] for one in others])
                row["difference"][name] = interval(mean - base_mean, drawn - base_drawn, *size)
        rows.append(row)
    return rows


def markdown(rows: Sequence[Mapping[str, Any]], baseline: str | None) -> str:
    """Return the rows as a Markdown table in percent, ready for docs/results.md."""
    names = list(dict.fromkeys(name for row in rows for name in row["figures"]))
    lines = [f"| | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for row in rows:
        cells = [_cell(name, row["figures"].get(name)) for name in names]
        lines.append(f"| {row['variant']} | {' | '.join(cells)} |")
    compared = [row for row in rows if "difference" in row]
    if compared:
        lines += ["", f"Difference to {baseline}:", "", *lines[:2]]
        for row in compared:
            cells = [_cell(name, row["difference"].get(name), "+") for name in names]
            lines.append(f"| {row['variant']} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(name: str, value: Mapping[str, Any] | None, sign: str = "") -> str:
    if value is None or value["mean"] is None:
        return "–"
    scale = 1 if name.endswith(COUNTED) else 100
    mean, low, high = (scale * value[key] for key in ("mean", "low", "high"))
    return f"{mean:{sign}.1f} ({low:{sign}.1f} to {high:{sign}.1f})"
