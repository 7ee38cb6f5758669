"""Temperatures that make the probabilities of options honest: one a task, beside the checkpoint."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy.optimize import minimize_scalar

from drivegrid.data.files import parse_json, write_text
from drivegrid.errors import ConfigError, FormatError, ModelError
from drivegrid.geometry import FloatArray

CALIBRATION_FILE = "calibration.json"
COLDEST, WARMEST = 0.05, 20.0
"""Temperatures that are looked at; where every answer is right, the coldest is the best."""


def fit_temperature(scores: Sequence[FloatArray], answers: Sequence[int]) -> float:
    """Return the temperature under which the right answers are likeliest (Guo et al., 2017).

    Args:
        scores: Of each question the (K,) log-probabilities of its options; K may differ.
        answers: Of each question the index of the right option.

    Raises:
        ConfigError: If there is no question, or not one answer for each.

    >>> even = np.log([0.9, 0.1])
    >>> round(fit_temperature([even, even], [0, 1]), 1)  # sure, and right half of the time
    20.0
    """
    if not scores or len(scores) != len(answers):
        raise ConfigError(
            f"answers must be one a question, at least one, got {len(answers)} for {len(scores)}."
        )
    # Convex in 1 / T, so with a single dip in log T too.
    found = minimize_scalar(
        lambda heat: mean_surprise(scores, answers, math.exp(heat)),
        bounds=(math.log(COLDEST), math.log(WARMEST)),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return math.exp(float(found.x))


def mean_surprise(
    scores: Sequence[FloatArray], answers: Sequence[int], temperature: float
) -> float:
    """Return the mean negative log-likelihood of the right answers, in nats."""
    return -float(
        np.mean(
            [
                log_shares(row, temperature)[answer]
                for row, answer in zip(scores, answers, strict=True)
            ]
        )
    )


def log_shares(scores: FloatArray, temperature: float) -> FloatArray:
    """Return (K,) log-probabilities among the options alone, of (K,) scores."""
    heated = scores / temperature
    heated = heated - heated.max()
    shares: FloatArray = heated - np.log(np.exp(heated).sum())
    return shares


def save_temperatures(folder: Path, temperatures: Mapping[str, float]) -> None:
    """Write the temperatures of tasks beside a checkpoint."""
    rounded = {task: round(value, 4) for task, value in sorted(temperatures.items())}
    write_text(folder / CALIBRATION_FILE, json.dumps(rounded, indent=1) + "\n")


def load_temperatures(folder: Path) -> dict[str, float]:
    """Return the temperatures beside a checkpoint; none where there is no such file.

    Raises:
        ModelError: If the file does not hold positive numbers by task.
    """
    path = folder / CALIBRATION_FILE
    if not path.exists():
        return {}
    try:
        found = parse_json(path.read_bytes())
    except (FormatError, OSError) as error:
        raise ModelError(f"calibration must be readable, got: {error} ({path}).") from error
    numbers = found.values() if isinstance(found, dict) else ()
    if not isinstance(found, dict) or not all(
        type(n) in (int, float) and math.isfinite(n) and n > 0 for n in numbers
    ):
        raise ModelError(f"calibration must hold a positive number a task, got {found} ({path}).")
    return {task: float(value) for task, value in found.items()}
