"""The files that a run of training leaves, read while it goes on: any may be missing or half there.

What they hold is written by ``drivegrid train``, see the guide to fine-tuning.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

Series: TypeAlias = dict[str, list[tuple[int, float]]]
"""Name of a figure to its values: step and value."""

LOG, JUDGED = "log.jsonl", "judged.json"
PICTURES = "pictures"
SHOWN = ("loss", "grid/reward", "offset/reward", "kl", "entropy", "learning_rate")
"""Figures of a step that are shown, of those that a run tells."""


@dataclass(frozen=True, slots=True)
class RunFiles:
    """The folder of a run.

    Args:
        folder: May not be there yet.
    """

    folder: Path

    @property
    def checkpoint(self) -> Path:
        """The result; it is there once the run is over."""
        return self.folder / "checkpoint"

    def has_saved_step(self) -> bool:
        """Tell whether there is a step to go on from."""
        return any(self.folder.glob("trainer/checkpoint-*")) or any(self.folder.glob("steps/*"))

    def log(self) -> list[dict[str, Any]]:
        """Return the lines of the log, as far as they are written."""
        try:
            lines = (self.folder / LOG).read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        return [line for text in lines if isinstance(line := _parsed(text), dict)]

    def last_step(self) -> int:
        """Return the last step that was told; 0 before the first."""
        log = self.log()
        return int(log[-1]["step"]) if log else 0

    def curves(self) -> Series:
        """Return what the log tells of each step, by the names in ``SHOWN``."""
        found: Series = {}
        for line in self.log():
            for name in SHOWN:
                if isinstance(value := line.get(name), int | float):
                    found.setdefault(name, []).append((int(line["step"]), float(value)))
        return found

    def judged(self) -> list[dict[str, Any]]:
        """Return each look at the held-out frames: ``step``, ``mean`` and what it is made of."""
        try:
            told = _parsed((self.folder / JUDGED).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return []
        return told if isinstance(told, list) else []

    def judged_curves(self) -> Series:
        """Return the mean over held-out questions, and the loss of each kind where it is told."""
        found: Series = {}
        for look in self.judged():
            figures: Mapping[str, Any] = {"mean": look["mean"], **look.get("losses", {})}
            for name, value in figures.items():
                if isinstance(value, int | float):
                    found.setdefault(name, []).append((int(look["step"]), float(value)))
        return found

    def verdict(self) -> dict[str, Any]:
        """Return the held-out mean before the first step and the best one, as JSON values."""
        judged = self.judged()
        if not judged:
            return {"before": None, "best": None, "best_step": None}
        rewarded = "losses" not in judged[0]
        best = (max if rewarded else min)(judged, key=lambda look: float(look["mean"]))
        return {"before": judged[0]["mean"], "best": best["mean"], "best_step": best["step"]}

    def pictures(self) -> list[Path]:
        """Return the sheets of answers, the earliest first."""
        return sorted((self.folder / PICTURES).glob("step-*.png"))


def _parsed(text: str) -> Any:
    """Return a JSON value; None of what is half written."""
    try:
        return json.loads(text)
    except ValueError:
        return None
