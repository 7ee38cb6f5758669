"""The part of a confusion matrix that fits on a page: the labels with the most mistakes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from drivegrid.dashboard.store.matches import Cell


@dataclass(frozen=True, slots=True)
class CellCount:
    """A cell with its matches; ``share`` is of those with the same truth, or without one."""

    pred_label: str | None
    true_label: str | None
    count: int
    share: float


@dataclass(frozen=True, slots=True)
class Matrix:
    """Cells between some labels.

    Args:
        labels: By name; nothing (a miss, a false alarm) is not among them.
        cells: Those that hold a match, the fullest first.
        left_out: Labels for which there was no room.
    """

    labels: tuple[str, ...]
    cells: tuple[CellCount, ...]
    left_out: int


def most_confused(counts: Mapping[Cell, int], most: int = 16) -> Matrix:
    """Return the cells between the labels that take part in the most mistakes.

    Args:
        counts: From `matches.confusion`.
        most: Labels at most.
    """
    mistakes, totals = Counter[str](), Counter[str | None]()
    for cell, count in counts.items():
        totals[cell[1]] += count
        for label in {label for label in cell if label is not None}:
            mistakes[label] += count if cell[0] != cell[1] else 0
    ranked = sorted(mistakes, key=lambda label: (-mistakes[label], label))
    labels = set(ranked[:most])
    cells = [
        CellCount(*cell, count, count / totals[cell[1]])
        for cell, count in counts.items()
        if labels.issuperset(label for label in cell if label is not None)
    ]
    cells.sort(key=lambda one: (-one.count, one.pred_label or "", one.true_label or ""))
    return Matrix(tuple(sorted(labels)), tuple(cells), len(ranked) - len(labels))
