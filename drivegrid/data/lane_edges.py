"""Markings that are labelled twice, a line along each edge, as in much of BDD100K.

Such a pair halves the score of whoever predicts one line along the middle. It is told from two
lanes by its width on the ground: a level camera at a height h sees w metres of the road as
w / h * (y - horizon) pixels in row y, wherever the lane runs. Markings are 0.1 to 0.3 m wide and
lanes 2.5 m or more, cameras 1.2 to 2.5 m high: of 5,016 pairs of lane lines in TuSimple's
label_data_0313 the closest are 0.85 pixels apart for each pixel below the horizon.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

from drivegrid.data.formats.lanes import sample_rows
from drivegrid.data.scene import Instance, Scene
from drivegrid.geometry import FloatArray, Polyline

LABELS = ("lane", "lane/line", "lane/curb")
SAME = ("style", "color", "direction")
"""Attributes that both edges of a marking share."""
MAX_SPREAD = 0.4
"""Largest distance between edges, in pixels for each pixel below the horizon."""
MIN_SHARE = 0.6
"""Least share of the rows of either edge that the other runs beside it."""
MIN_ROWS = 8.0
"""Least height of an edge in pixels; what is flatter runs across the road."""
_STEPS = np.linspace(0, 1, 9)


def find_edge_pairs(scene: Scene) -> list[tuple[int, int]]:
    """Return the pairs of instances that are two edges of one marking, each instance once.

    Edges are lane or curb lines of the same label, style, colour and direction that run side by
    side: nowhere across each other, and in no row further apart than a marking is wide. The
    horizon is taken to be where the frame's highest lane line ends; it may be higher, and then a
    pair that lies far away is missed.

    >>> from drivegrid.data.scene import Frame
    >>> lines = [[[100, 700], [300, 400]], [[120, 700], [303, 400]], [[900, 700], [340, 400]]]
    >>> lanes = [Instance("lane/line", Polyline(np.array(line))) for line in lines]
    >>> find_edge_pairs(Scene(Frame("a.jpg", (1280, 720)), tuple(lanes)))
    [(0, 1)]
    """
    lines = {
        index: instance
        for index, instance in enumerate(scene.instances)
        if instance.label in LABELS and _is_along(instance)
    }
    if len(lines) < 2:
        return []
    horizon = min(line.geometry.vertices()[:, 1].min() for line in lines.values())
    found = []
    for (i, one), (j, other) in combinations(lines.items(), 2):
        if _same_class(one, other):
            spread = _spread(one.geometry.vertices(), other.geometry.vertices(), horizon)
            if spread <= MAX_SPREAD:
                found.append((spread, i, j))
    pairs: list[tuple[int, int]] = []
    for _, i, j in sorted(found):  # the closest first
        if not {i, j} & {index for pair in pairs for index in pair}:
            pairs.append((i, j))
    return sorted(pairs)


def join_edges(scene: Scene) -> Scene:
    """Return a scene in which each marking with two edges is one line along its middle.

    The line stands where the first edge stood, with its attributes and ``"joined-edges"`` in
    ``extra["flags"]``; what a source said of the edge beyond that is left behind. Referring
    expressions follow their targets.
    """
    pairs = dict(find_edge_pairs(scene))
    if not pairs:
        return scene
    gone = {second: first for first, second in pairs.items()}
    kept = [index for index in range(len(scene.instances)) if index not in gone]
    places = {index: place for place, index in enumerate(kept)}
    places |= {second: places[first] for second, first in gone.items()}
    instances = [
        _joined(scene.instances[index], scene.instances[pairs[index]])
        if index in pairs
        else scene.instances[index]
        for index in kept
    ]
    return replace(scene, instances=tuple(instances), extra=_moved(scene.extra, places))


def _is_along(instance: Instance) -> bool:
    points = instance.geometry.vertices()
    is_line = isinstance(instance.geometry, Polyline) and len(points) > 1
    across = instance.attributes.get("direction") == "across"
    return is_line and not across and bool(np.ptp(points[:, 1]) >= MIN_ROWS)


def _same_class(one: Instance, other: Instance) -> bool:
    return one.label == other.label and all(
        one.attributes.get(name) == other.attributes.get(name) for name in SAME
    )


def _common_rows(one: FloatArray, other: FloatArray) -> tuple[float, float]:
    """Return the lowest and the highest row that both lines have; lowest < highest without any."""
    bottom = min(one[:, 1].max(), other[:, 1].max())
    return float(bottom), float(max(one[:, 1].min(), other[:, 1].min()))


def _spread(one: FloatArray, other: FloatArray, horizon: float) -> float:
    """Return the distance of two lines for each pixel below the horizon; infinite if no pair.

    The rows near the far end say little, since there all lines meet.
    """
    bottom, top = _common_rows(one, other)
    if bottom - top < MIN_SHARE * max(np.ptp(one[:, 1]), np.ptp(other[:, 1])):
        return float("inf")
    rows = bottom + (top - bottom) * _STEPS
    gaps = sample_rows(other, rows) - sample_rows(one, rows)
    near = rows > (bottom + top) / 2
    if gaps[near].min() < 0 < gaps[near].max():
        return float("inf")
    return float((np.abs(gaps) / np.maximum(rows - horizon, 1))[near].max())


def _joined(one: Instance, other: Instance) -> Instance:
    points = _middle(one.geometry.vertices(), other.geometry.vertices())
    return replace(one, geometry=Polyline(points), extra={"flags": ["joined-edges"]})


def _middle(one: FloatArray, other: FloatArray) -> FloatArray:
    """Return the (N, 2) points half way between two lines, bottom to top, in rows of either."""
    bottom, top = _common_rows(one, other)
    rows = np.unique(np.concatenate([one[:, 1], other[:, 1]]))[::-1]
    rows = rows[(rows <= bottom) & (rows >= top)]
    xs = (sample_rows(one, rows) + sample_rows(other, rows)) / 2
    parts = [np.stack([xs, rows], axis=1)]
    low = (one[one[:, 1].argmax()] + other[other[:, 1].argmax()]) / 2
    high = (one[one[:, 1].argmin()] + other[other[:, 1].argmin()]) / 2
    if low[1] > bottom:
        parts.insert(0, low[None])
    if high[1] < top:
        parts.append(high[None])
    return np.concatenate(parts)


def _moved(extra: Mapping[str, Any], places: Mapping[int, int]) -> dict[str, Any]:
    """Return a scene's ``extra`` whose referring expressions name the new places of instances."""
    if "expressions" not in extra:
        return dict(extra)
    expressions = [
        said | {"targets": sorted({places[target] for target in said["targets"]})}
        for said in extra["expressions"]
    ]
    return dict(extra) | {"expressions": expressions}
