"""The anchors of a proposal: whose they are, and what each of ten offsets is worth to each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drivegrid.geometry import (
    BoolArray,
    FloatArray,
    GeometryKind,
    IntArray,
    Size,
    clip_points,
)
from drivegrid.tasks.refine import DELETE_CELLS
from drivegrid.tasks.rewards.objects import pixels_of
from drivegrid.tasks.rewards.shapes import assign, equal_labels
from drivegrid.tasks.rewards.truth import Parts, TrueShapes
from drivegrid.tokens.answer import AnswerItem
from drivegrid.tokens.grid import DELETE, STAY, GridGeometry, GridSpec, offset_vectors

UNMATCHED = -1
_MOVES = offset_vectors()


@dataclass(frozen=True, slots=True)
class Anchors:
    """All anchors of a proposal, item by item.

    Args:
        owner: (A,) the item each belongs to.
        kept: (A,) False where an earlier round deleted it.
        reach: (A, 9, 2) where each move would bring it, in pixels, inside the frame.
        step: (2,) how far a move goes, in pixels.
    """

    owner: IntArray
    kept: BoolArray
    reach: FloatArray
    step: FloatArray


def anchors_of(items: Sequence[GridGeometry], grid: GridSpec, size_wh: Size) -> Anchors:
    """Return the anchors of a proposal, all items of which had equally many rounds."""
    rounds = len(items[0].offsets)
    cells = np.concatenate([part for item in items for part in item.cells])
    points, kept = grid.centers_of(cells, size_wh), np.ones(len(cells), dtype=np.bool_)
    moves = np.concatenate([_MOVES, [[0, 0]]])
    for number in range(rounds):
        told = np.concatenate([part for item in items for part in item.offsets[number]])
        points = points + moves[told] * grid.offset_step(size_wh, number + 1)
        kept &= told != DELETE
    step = grid.offset_step(size_wh, rounds + 1)
    reach = points[:, None] + _MOVES * step
    owner = np.repeat(np.arange(len(items)), [item.num_anchors for item in items])
    return Anchors(owner, kept, clip_points(reach.reshape(-1, 2), size_wh).reshape(-1, 9, 2), step)


def parts_left(kind: GeometryKind, points: FloatArray, kept: BoolArray) -> Parts | None:
    """Return the vertex list of a point, box or line, None where it is gone.

    As `Codec.decode` does: deleted anchors drop out, a box needs both corners. A line of one
    anchor is gone too: it has no length that could overlap anything.

    Args:
        kind: Of the shape.
        points: (A, 2) its anchors in pixels.
        kept: (A,) whether each is there.
    """
    left = points[kept]
    if len(left) < (1 if kind == "point" else 2):
        return None
    return (np.sort(left, axis=0) if kind == "box" else left,)


def match_items(proposal: Sequence[AnswerItem], anchors: Anchors, truth: TrueShapes) -> IntArray:
    """Return (I,) the true instance of each item, `UNMATCHED` without one.

    Shapes on one line are one thing and go together. A thing goes with one of its label that it
    overlaps, or whose place its anchors could still be moved to: that is on average less than
    the `DELETE_CELLS` from which on an anchor is taught to be deleted.
    """
    lines: list[list[int]] = []
    for i, item in enumerate(proposal):
        if item.same_instance and lines:
            lines[-1].append(i)
        else:
            lines.append([i])
    affinity = _affinities(proposal, anchors, truth)
    similarity = np.array([affinity[line].sum(axis=0) for line in lines])
    pred, true = assign(similarity, similarity > 0, np.zeros(len(lines), dtype=np.int64))
    partners = np.full(len(proposal), UNMATCHED, dtype=np.int64)
    for line, g in zip(pred.tolist(), true.tolist(), strict=True):
        partners[[i for i in lines[line] if truth.fits(proposal[i].geometry.kind, g)]] = g
    return partners


def _affinities(proposal: Sequence[AnswerItem], anchors: Anchors, truth: TrueShapes) -> FloatArray:
    """Return (I, G) overlap and nearness of items and instances of one label."""
    allowed = equal_labels([item.label for item in proposal], [i.label for i in truth.instances])
    affinity = np.zeros(allowed.shape)
    shapes = [item.geometry for item in proposal]
    for kind in {shape.kind for shape in shapes}:
        fits = np.array([truth.fits(kind, g) for g in range(len(truth.instances))], dtype=np.bool_)
        rows = np.array([i for i, shape in enumerate(shapes) if shape.kind == kind])
        index, cols = np.nonzero(allowed[rows] & fits)
        if kind != "seg":
            found = [_parts_now(shapes[i], anchors, i, truth) for i in rows.tolist()]
            affinity[rows[index], cols] = truth.scores(kind, found, (index, cols))
        mine = np.isin(anchors.owner, rows)
        for g in np.unique(cols).tolist():
            near = _nearness(kind, anchors.reach[mine], truth, g) * anchors.kept[mine]
            total = np.bincount(anchors.owner[mine], near, len(shapes))
            count = np.bincount(anchors.owner, anchors.kept, len(shapes))
            affinity[:, g] += np.maximum(total / np.maximum(count, 1), 0.0) * allowed[:, g]
    return affinity


def _parts_now(item: GridGeometry, anchors: Anchors, i: int, truth: TrueShapes) -> Parts | None:
    if item.kind == "poly":
        polygon = truth.codec.decode(item, truth.size_wh)
        return None if polygon is None else polygon.parts()
    mine = anchors.owner == i
    return parts_left(item.kind, anchors.reach[mine, STAY], anchors.kept[mine])


def _nearness(kind: GeometryKind, reach: FloatArray, truth: TrueShapes, g: int) -> FloatArray:
    """Return (A,) 1 for an anchor in its place, 0 and less where it should be deleted."""
    if kind == "seg":
        near: FloatArray = np.max(_inside(reach, truth, g).astype(np.float64), axis=1)
        return near
    here = reach[:, STAY]
    cell = truth.codec.grid.cell_size(truth.size_wh)
    gap: FloatArray = np.abs(truth.nearest(kind, here, g) - here) / cell
    near = np.min(1 - gap / DELETE_CELLS, axis=1)
    return near


def _inside(places: FloatArray, truth: TrueShapes, g: int) -> BoolArray:
    """Return (...) whether places lie in the mask of an instance."""
    region = truth.region(g)
    return region.holds(pixels_of(places, truth.size_wh, region.size_wh))


def point_table(reach: FloatArray, truth: TrueShapes, g: int) -> FloatArray:
    """Return (A, 10) what each offset is worth to each mask anchor (eq. 13).

    The 3x3 neighbourhood, within which nothing may be inside for a deletion to be right, is that
    of the nine moves: Algorithm 1 asks the same. Deleting an anchor that is inside counts as
    leaving the mask; the paper does not say.

    Args:
        reach: (A, 9, 2) where each move would bring the anchors, in pixels.
        truth: The goal.
        g: The outlined instance they stand for.
    """
    hits = _inside(reach, truth, g)
    inside = hits[:, [STAY]]
    moves = np.where(inside, np.where(hits, truth.settings.stay, -1.0), hits)
    hopeless = ~hits.any(axis=1, keepdims=True)
    return np.concatenate([moves, np.where(inside, -1.0, hopeless)], axis=1)


def anchor_table(
    reach: FloatArray, step: FloatArray, kind: GeometryKind, truth: TrueShapes, g: int
) -> FloatArray:
    """Return (A, 10) what each offset is worth to each anchor of a box, line, outline or point.

    Args:
        reach: (A, 9, 2) where each move would bring the anchors, in pixels.
        step: (2,) of a move, in pixels.
        kind: Of the item.
        truth: The goal.
        g: The instance the item stands for.

    +1 for coming nearer by more than the margin, -1 for going away. An anchor within half a step
    of its place, on both axes, is right: it earns ``stay`` by staying and loses 1 by deletion.
    One of a line or outline that is lost, as the labels of supervised training have it, is better
    deleted: the rest still tells the shape.
    """
    gaps = truth.places(kind, reach, g) - reach
    steps = gaps / step
    distance = np.hypot(steps[..., 0], steps[..., 1])
    here = distance[:, [STAY]]
    moves = np.where(distance <= here - truth.settings.margin, 1.0, 0.0)
    moves[distance > here + 1e-9] = -1.0
    right = np.abs(steps[:, STAY]).max(axis=1) <= 0.5 + 1e-9
    moves[:, STAY] = np.where(right, truth.settings.stay, 0.0)
    needed = right if kind in ("line", "poly") else np.ones_like(right)
    deleted = np.where(needed, -1.0, lost_anchors(gaps[:, STAY], kind, truth))
    return np.concatenate([moves, deleted[:, None]], axis=1)


def lost_anchors(gaps: FloatArray, kind: GeometryKind, truth: TrueShapes) -> BoolArray:
    """Return (A,) which anchors of a line or outline are too far from their places to be mended.

    None is where too few others would be left to tell the shape.

    Args:
        gaps: (A, 2) from each anchor to its place, in pixels.
        kind: Of the item; nothing else can spare an anchor.
        truth: Lattice and frame.
    """
    if kind not in ("line", "poly"):
        return np.zeros(len(gaps), dtype=np.bool_)
    cells = np.abs(gaps) / truth.codec.grid.cell_size(truth.size_wh)
    lost: BoolArray = np.any(cells > DELETE_CELLS, axis=1)
    enough = np.count_nonzero(~lost) >= (2 if kind == "line" else 3)
    return lost & enough
