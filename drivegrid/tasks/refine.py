"""The refine turn: noisy proposals and the offsets that mend them.

GETok section 3.2.2 builds offset labels from simulated mistakes, and so does this module: each
anchor of the right answer is shaken by a few cells, and its label is the one of the nine moves
that brings it nearest to where it should be, or DELETE where no number of rounds could.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from drivegrid.data.scene import Instance
from drivegrid.geometry import (
    Box,
    FloatArray,
    Geometry,
    IntArray,
    Point,
    Polygon,
    Polyline,
    Size,
    clip_points,
)
from drivegrid.tokens.answer import AnswerItem
from drivegrid.tokens.codec import Codec
from drivegrid.tokens.grammar import format_answer, format_offsets
from drivegrid.tokens.grid import DELETE, STAY, GridGeometry, GridSpec
from drivegrid.tokens.offsets import decode_points, offsets_toward
from drivegrid.tokens.rings import clip_rings

QUESTION = "refine"
DELETE_CELLS = 2.0
"""An anchor further than this many cells (on either axis) from its place is deleted."""


@dataclass(frozen=True, slots=True)
class Noise:
    """How proposals are shaken.

    Args:
        shake: Chance that an anchor moves to a neighbouring cell, on each axis.
        lose: Chance that an anchor jumps 3 to 6 cells away (to be deleted).
        invent: Chance that an answer gets an instance that is not there.
    """

    shake: float = 0.35
    lose: float = 0.02
    invent: float = 0.15


def refine_prompt(query: str, items: Sequence[AnswerItem], done: int = 0) -> str:
    """Return a refine turn that can stand alone: the question and the proposal are repeated.

    Args:
        query: The question the proposal answers.
        items: The proposal.
        done: Rounds of offsets in it that were given already; they are repeated too.

    >>> item = AnswerItem("cone", {}, GridGeometry("point", (np.array([[3, 4]]),)))
    >>> print(refine_prompt("all cones", [item]))
    refine: all cones
    cone: <point><grid_3_4></point>
    """
    shapes = [item.geometry for item in items]
    rounds = [format_offsets(shapes, number) for number in range(1, done + 1)]
    return "\n".join([f"{QUESTION}: {query}", format_answer(items), *rounds])


def noisy_proposal(
    items: Sequence[AnswerItem],
    instances: Sequence[Instance],
    grid: GridSpec,
    size_wh: Size,
    rng: np.random.Generator,
    noise: Noise = Noise(),
) -> list[AnswerItem]:
    """Shake an answer and label every anchor with its mending offset.

    Args:
        items: The right answer.
        instances: The instance behind each item, geometry in pixels.
        grid: Lattice.
        size_wh: Frame size in pixels.
        rng: Source of the noise.
        noise: How much.

    Returns:
        The shaken items; the one round of offsets in their geometry mends them.
    """
    shaken = []
    for item, instance in zip(items, instances, strict=True):
        cells = tuple(_shake(part, grid, rng, noise) for part in item.geometry.cells)
        if item.geometry.kind == "box":  # corners that passed each other swap places
            cells = (np.sort(cells[0], axis=0),)
        offsets = _mending(cells, instance.geometry, item.geometry, grid, size_wh)
        shaken.append(_with(item, cells, offsets))
    if items and rng.random() < noise.invent:
        wrong = invent(items, grid, rng)
        shaken.insert(int(rng.integers(len(shaken) + 1)), wrong)
    return shaken


def unmoved(geometry: GridGeometry, rounds: int) -> GridGeometry:
    """Return a shape with so many rounds of offsets in which every anchor stays."""
    stay = tuple(np.full(len(part), STAY) for part in geometry.cells)
    return replace(geometry, offsets=(stay,) * rounds)


def invent(items: Sequence[AnswerItem], grid: GridSpec, rng: np.random.Generator) -> AnswerItem:
    """Return one of the items 4 to 9 cells away, where nothing is; all of it is to be deleted."""
    model = items[int(rng.integers(len(items)))]
    shift = rng.integers(4, 10, 2) * rng.choice([-1, 1], 2)
    limit = (grid.cols - 1, grid.rows - 1)
    cells = tuple(np.clip(part + shift, 0, limit) for part in model.geometry.cells)
    offsets = tuple(np.full(len(part), DELETE) for part in cells)
    return _with(model, cells, offsets)


def mend_further(
    geometry: GridGeometry, clean: GridGeometry, truth: Geometry, size_wh: Size, codec: Codec
) -> GridGeometry:
    """Return a mended proposal with more rounds of offsets, up to those of a codec.

    Args:
        geometry: Proposal with its first rounds; deleted anchors stay deleted.
        clean: The right tokens, anchor by anchor.
        truth: The right shape, in pixels.
        size_wh: Frame size in pixels.
        codec: Lattice and number of rounds.
    """
    grid = codec.grid
    for round_ in range(len(geometry.offsets) + 1, codec.rounds + 1):
        step, told = grid.offset_step(size_wh, round_), []
        for i, cells in enumerate(geometry.cells):
            given = [offsets[i] for offsets in geometry.offsets]
            anchors, kept = decode_points(cells, given, grid, size_wh)
            goals = anchors
            if kept.any():
                goals = goal_places(
                    anchors, grid.centers_of(clean.cells[i], size_wh), truth, size_wh
                )
            told.append(np.where(kept, offsets_toward(goals, anchors, step), DELETE))
        geometry = replace(geometry, offsets=(*geometry.offsets, tuple(told)))
    return geometry


def _with(
    item: AnswerItem, cells: tuple[IntArray, ...], offsets: tuple[IntArray, ...]
) -> AnswerItem:
    geometry = GridGeometry(item.geometry.kind, cells, (offsets,))
    return AnswerItem(item.label, item.attributes, geometry)


def _shake(cells: IntArray, grid: GridSpec, rng: np.random.Generator, noise: Noise) -> IntArray:
    shift = rng.integers(-1, 2, cells.shape) * (rng.random(cells.shape) < noise.shake)
    lost = rng.random(len(cells)) < noise.lose
    jump = rng.integers(3, 7, cells.shape) * rng.choice([-1, 1], cells.shape)
    shift = np.where(lost[:, None], jump, shift)
    moved: IntArray = np.maximum(np.minimum(cells + shift, (grid.cols - 1, grid.rows - 1)), 0)
    return moved


def _mending(
    cells: tuple[IntArray, ...],
    truth: Geometry,
    clean: GridGeometry,
    grid: GridSpec,
    size_wh: Size,
) -> tuple[IntArray, ...]:
    """Return the offset label of every anchor of one instance."""
    limit = DELETE_CELLS * grid.cell_size(size_wh)
    step = grid.offset_step(size_wh)
    labels = []
    for i, part in enumerate(cells):
        anchors = grid.centers_of(part, size_wh)
        goals = goal_places(anchors, grid.centers_of(clean.cells[i], size_wh), truth, size_wh)
        offsets = offsets_toward(goals, anchors, step)
        lost = (np.abs(goals - anchors) > limit).any(axis=1)
        labels.append(np.where(lost, DELETE, offsets))
    return tuple(labels)


def goal_places(
    anchors: FloatArray, clean: FloatArray, truth: Geometry, size_wh: Size
) -> FloatArray:
    """Return (N, 2) where each anchor should be.

    Points and box corners have one right place. An anchor of a line or ring may lie anywhere on
    it, so the nearest place counts; the ends of a line are places of their own. What reaches out
    of the image ends at its border.
    """
    if isinstance(truth, Point | Box):
        return clip_points(truth.parts()[0], size_wh)
    if isinstance(truth, Polyline):
        places = nearest_on_line(np.concatenate([anchors, clean[[0, -1]]]), truth.xy)
        places[[0, -3]] = places[-2:]
        return places[:-2]
    if isinstance(truth, Polygon):
        ring = _matching_ring(clean, truth, size_wh)
        return nearest_on_line(anchors, np.concatenate([ring, ring[:1]]))
    return clean


def _matching_ring(clean: FloatArray, truth: Polygon, size_wh: Size) -> FloatArray:
    """Return the true ring that the clean anchors trace (encoders may drop small rings)."""
    points = truth.vertices()
    outside = (points < 0).any() or (points > np.asarray(size_wh)).any()
    rings = clip_rings(truth.rings, size_wh) if outside else truth.rings
    if len(rings) == 1:
        return rings[0]
    gaps = [
        np.abs(nearest_on_line(clean, np.concatenate([r, r[:1]])) - clean).sum()
        for r in rings
        if len(r)
    ]
    return [r for r in rings if len(r)][int(np.argmin(gaps))]


def nearest_on_line(points: FloatArray, line: FloatArray) -> FloatArray:
    """Return (N, 2) the nearest places on a polyline.

    Args:
        points: (N, 2) in pixels.
        line: (M, 2) vertices in pixels, M at least 1.

    >>> nearest_on_line(np.array([[1.0, 5.0]]), np.array([[0.0, 0.0], [10.0, 0.0]])).tolist()
    [[1.0, 0.0]]
    """
    if len(line) == 1:
        line = np.concatenate([line, line])
    start, along = line[:-1], np.diff(line, axis=0)
    length2 = np.maximum((along**2).sum(1), 1e-12)
    t = ((points[:, None] - start) * along).sum(2) / length2
    places = start + np.clip(t, 0, 1)[..., None] * along
    best = ((places - points[:, None]) ** 2).sum(2).argmin(1)
    nearest: FloatArray = places[np.arange(len(points)), best]
    return nearest
