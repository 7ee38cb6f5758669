"""The shapes of many answers to one question, side by side, and how they are matched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.optimize import linear_sum_assignment

from drivegrid.geometry import BoolArray, FloatArray, IntArray, Size
from drivegrid.tokens.answer import AnswerItem, ParsedAnswer
from drivegrid.tokens.grid import GridSpec


@dataclass(frozen=True, slots=True)
class Shapes:
    """Shapes of one kind out of all answers, answer by answer.

    Args:
        answers: (K,) the answer each stands in.
        labels: (K,) its label.
        parts: (K,) its rings or point lists, in pixels of the frame.
    """

    answers: IntArray
    labels: tuple[str, ...]
    parts: tuple[tuple[FloatArray, ...], ...]

    @property
    def vertices(self) -> list[FloatArray]:
        """(K,) first part of each: all there is, but for polygons."""
        return [parts[0] for parts in self.parts]


@dataclass(frozen=True, slots=True)
class Objects:
    """Things with a box, mask anchors, or both, out of all answers, answer by answer.

    Args:
        answers: (K,) the answer each stands in.
        labels: (K,) its label.
        boxes: (K, 4) x_min, y_min, x_max, y_max in pixels; nan without a box.
        anchors: (K,) its (M, 2) mask anchors in pixels; M may be 0.
    """

    answers: IntArray
    labels: tuple[str, ...]
    boxes: FloatArray
    anchors: tuple[FloatArray, ...]


def shapes_of(parsed: Sequence[ParsedAnswer], kind: str, grid: GridSpec, size_wh: Size) -> Shapes:
    """Return the shapes of one kind as their cells' centres."""
    found = [
        (number, item)
        for number, answer in enumerate(parsed)
        for item in answer.items
        if item.geometry.kind == kind
    ]
    cells = [part for _, item in found for part in item.geometry.cells]
    centers = iter(_centers(cells, grid, size_wh))
    parts = [tuple(next(centers) for _ in item.geometry.cells) for _, item in found]
    answers = np.array([number for number, _ in found], dtype=np.int64)
    return Shapes(answers, tuple(item.label for _, item in found), tuple(parts))


def objects_of(parsed: Sequence[ParsedAnswer], grid: GridSpec, size_wh: Size) -> Objects:
    """Return the boxes and mask anchors; those of one instance are one object."""
    found: list[tuple[int, dict[str, AnswerItem]]] = []
    for number, answer in enumerate(parsed):
        line: dict[str, AnswerItem] = {}
        for item in answer.items:
            kind = item.geometry.kind
            if not item.same_instance:
                line = {}
            if kind not in ("box", "seg") or item.geometry.words:
                continue
            if not line or kind in line:
                line = {}
                found.append((number, line))
            line[kind] = item
    cells = [item.geometry.cells[0] for _, line in found for item in line.values()]
    centers = iter(_centers(cells, grid, size_wh))
    boxes, anchors = np.full((len(found), 4), np.nan), [np.zeros((0, 2))] * len(found)
    for k, (_, line) in enumerate(found):
        for part in line:
            if part == "box":
                boxes[k] = next(centers).ravel()
            else:
                anchors[k] = next(centers)
    answers = np.array([number for number, _ in found], dtype=np.int64)
    labels = tuple(next(iter(line.values())).label for _, line in found)
    return Objects(answers, labels, boxes, tuple(anchors))


def _centers(cells: Sequence[IntArray], grid: GridSpec, size_wh: Size) -> list[FloatArray]:
    """Return the centres of lists of cells, computed all at once."""
    if not cells:
        return []
    centers = grid.centers_of(np.concatenate(cells), size_wh)
    ends = np.cumsum([len(part) for part in cells])
    return [centers[end - len(part) : end] for part, end in zip(cells, ends, strict=True)]


def equal_labels(labels: Sequence[str], true: Sequence[str]) -> BoolArray:
    """Return (K, G) whether two labels are the same."""
    numbers = {label: number for number, label in enumerate(dict.fromkeys(true))}
    first = np.array([numbers.get(label, -1) for label in labels], dtype=np.int64)
    second = np.array([numbers[label] for label in true], dtype=np.int64)
    equal: BoolArray = first[:, None] == second
    return equal


def assign(
    similarity: FloatArray, allowed: BoolArray, answers: IntArray
) -> tuple[IntArray, IntArray]:
    """Match the shapes of each answer with the truth, one to one (Hungarian, GETok eq. 9).

    Args:
        similarity: (K, G), 0 or more.
        allowed: (K, G) whether two may go together, by blocks (labels): as many pairs are made
            as there can be, also of similarity 0.
        answers: (K,) ascending: the answer each shape stands in.

    Returns:
        (M,) shapes and (M,) true shapes.
    """
    weights = np.where(allowed, similarity + 1.0, 0.0)
    starts = np.flatnonzero(np.diff(answers, prepend=-1))
    rows, cols = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for start, end in pairwise([*starts.tolist(), len(answers)]):
        row, col = linear_sum_assignment(weights[start:end], maximize=True)
        rows.append(row + start)
        cols.append(col)
    pred, true = np.concatenate(rows), np.concatenate(cols)
    kept = allowed[pred, true]
    return pred[kept], true[kept]
