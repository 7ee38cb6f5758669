"""In which order bodies hide each other, decided on the ground plan.

Footprints are disjoint convex rectangles, so for two of them the line along some edge parts them:
whoever lies on the camera's side of that line may hide the other, never the other way round.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush

import numpy as np

from drivegrid.geometry import FloatArray

_EPS_M = 0.02


def far_to_near(footprints: FloatArray) -> list[int]:
    """Return indices of (N, 4, 2) footprints (X, Z of corners in turn) from far to near.

    The camera stands at (0, 0). Bodies whose distances do not overlap are sorted by them; the
    rest by parting lines. A cycle, possible in theory, is cut at the farthest body.
    """
    near, far = footprints[:, :, 1].min(axis=1), footprints[:, :, 1].max(axis=1)
    bearing = footprints[:, :, 0] / np.maximum(footprints[:, :, 1], 0.5)
    low, high = bearing.min(axis=1), bearing.max(axis=1)
    before = far[:, None] <= near
    beside = (low[:, None] < high) & (low < high[:, None])
    first, second = np.nonzero(np.triu(beside & ~before & ~before.T, 1))
    if len(first) == 0:
        return [int(i) for i in np.argsort(-near, kind="stable")]
    # Who clashes in distance gets a verdict; the verdicts must not undo the order of the rest.
    front = beside & before  # [a, b]: a may hide b
    verdict = _front(footprints[first], footprints[second])
    front[first[verdict > 0], second[verdict > 0]] = True
    front[second[verdict < 0], first[verdict < 0]] = True
    return _sorted(front, (near + far) / 2)


def _front(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return (P,) 1 where a may hide b, -1 where b may hide a, by the first parting line."""
    votes = _votes(np.concatenate([a, b]), np.concatenate([b, a]))
    by_a, by_b = votes[: len(a)], -votes[len(a) :]
    return np.where(by_a == 0, by_b, by_a)


def _votes(own: FloatArray, other: FloatArray) -> FloatArray:
    """Return (P,) 1 where own may hide other, -1 the reverse, 0 where no edge of own parts them."""
    edge = own[:, [1, 2, 3, 0]] - own
    length = np.hypot(edge[..., 0], edge[..., 1])
    inside = np.sign(_side(own, edge, own.mean(axis=1)[:, None])[:, :, 0])
    beyond = _side(own, edge, other) * inside[:, :, None] <= _EPS_M * length[:, :, None]
    camera = _side(own, edge, np.zeros((len(own), 1, 2)))[:, :, 0] * inside
    # The camera on the outer side of a parting line sees the other one in front.
    votes = np.where(beyond.all(axis=2), np.where(camera < 0, -1.0, 1.0), 0.0)
    strongest = np.argmax(np.abs(votes) * (1 + np.abs(camera) / length), axis=1)
    return np.asarray(votes[np.arange(len(own)), strongest])


def _side(own: FloatArray, edge: FloatArray, points: FloatArray) -> FloatArray:
    """Return (P, 4 edges, points) signed distances to each edge's line, up to its length."""
    away = points[:, None] - own[:, :, None]
    return np.asarray(edge[:, :, None, 0] * away[..., 1] - edge[:, :, None, 1] * away[..., 0])


def _sorted(front: np.ndarray, depth: FloatArray) -> list[int]:
    """Order by depth such that whoever may hide comes later (Kahn's algorithm)."""
    count = len(depth)
    blocked = front.sum(axis=1).tolist()  # each waits for all that it may hide
    waiting: list[list[int]] = [[] for _ in range(count)]
    for hider, hidden in zip(*(k.tolist() for k in np.nonzero(front)), strict=True):
        waiting[hidden].append(hider)
    away = (-depth).tolist()
    ready = [(away[i], i) for i in range(count) if blocked[i] == 0]
    heapify(ready)
    order: list[int] = []
    left = set(range(count))
    while left:
        if not ready:  # a cycle
            heappush(ready, min((away[i], i) for i in left))
        _, index = heappop(ready)
        if index not in left:
            continue
        left.remove(index)
        order.append(index)
        for other in waiting[index]:
            blocked[other] -= 1
            if blocked[other] == 0:
                heappush(ready, (away[other], other))
    return order
