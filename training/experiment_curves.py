"""Reward curves of an experiment with reinforcement learning: how soon a variant gets where."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from drivegrid.data.files import write_text
from drivegrid.plotting.chart import Chart, Series, svg_of

CURVES, CURVES_TABLE, CHART = "curves.json", "curves.md", "curves.svg"
Curve: TypeAlias = Sequence[tuple[int, float]]
"""Step and held-out reward, in rising steps."""


def reward_curves(folder: Path, seeds: Sequence[int]) -> list[Curve]:
    """Return the curve of each seed of a variant; an interrupted run has what it got to."""
    found = []
    for seed in seeds:
        judged = json.loads((folder / f"seed-{seed}" / "judged.json").read_text())
        found.append([(entry["step"], entry["mean"]) for entry in judged])
    return found


def mean_curve(curves: Sequence[Curve]) -> Curve:
    """Return the mean over seeds at the steps that all of them have.

    >>> mean_curve([[(0, 1.0), (5, 2.0)], [(0, 3.0)]])
    [(0, 2.0)]
    """
    each = [dict(curve) for curve in curves]
    steps = sorted(set.intersection(*(set(one) for one in each)))
    return [(step, float(np.mean([one[step] for one in each]))) for step in steps]


def first_step_at(curve: Curve, reward: float) -> int | None:
    """Return the first judged step whose reward is not below one; None if there is none.

    >>> first_step_at([(0, 1.0), (5, 2.0), (10, 3.0)], 1.5)
    5
    """
    return next((step for step, value in curve if value >= reward), None)


def write_curves(curves: Mapping[str, Sequence[Curve]], baseline: str | None, folder: Path) -> None:
    """Write ``curves.json``, the table ``curves.md`` and the chart ``curves.svg``.

    Args:
        curves: Of each variant, one a seed.
        baseline: Variant whose last reward the others are timed by.
        folder: Where they go.
    """
    means = {name: mean_curve(found) for name, found in curves.items()}
    write_text(folder / CURVES, json.dumps(curves, indent=1) + "\n")
    write_text(folder / CURVES_TABLE, _table(curves, means, baseline))
    write_text(folder / CHART, _chart(means))


def _table(
    curves: Mapping[str, Sequence[Curve]], means: Mapping[str, Curve], baseline: str | None
) -> str:
    goal = means[baseline][-1][1] if baseline is not None else None
    head = f"first step at {baseline}'s last reward" if baseline is not None else ""
    lines = [f"| | start | end | rise of each seed |{f' {head} |' if head else ''}"]
    lines.append("|---" * (5 if head else 4) + "|")
    for name, mean in means.items():
        rises = ", ".join(f"{curve[-1][1] - curve[0][1]:+.3f}" for curve in curves[name])
        cells = [name, f"{mean[0][1]:.3f}", f"{mean[-1][1]:.3f}", rises]
        if goal is not None:
            step = first_step_at(mean, goal)
            cells.append("never" if step is None else str(step))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _chart(means: Mapping[str, Curve]) -> str:
    """Return the curves between nothing and the best reward of all."""
    last = max(curve[-1][0] for curve in means.values()) or 1
    best = max(value for curve in means.values() for _, value in curve)
    series = [
        Series(name, [(step / last, max(value, 0.0) / best) for step, value in curve])
        for name, curve in means.items()
    ]
    x_name, y_name = f"step / {last}", f"held-out reward / {best:.3f}"
    return svg_of(Chart("reward", x_name, y_name, series))
