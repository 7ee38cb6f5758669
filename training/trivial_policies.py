"""Answers that take no skill, and the best there are: what a learner's rewards are held against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from drivegrid.data.scene import Instance
from drivegrid.geometry import FloatArray, GeometryKind, IntArray, Polygon
from drivegrid.tasks.rewards.anchors import UNMATCHED, lost_anchors
from drivegrid.tasks.rewards.goal import Goal, true_words
from drivegrid.tasks.rewards.objects import pixels_of
from drivegrid.tasks.rewards.refinement import Refinement, prepare
from drivegrid.tasks.rewards.settings import Regions, RewardSettings
from drivegrid.tasks.rewards.truth import TrueShapes
from drivegrid.tokens.answer import AnswerItem
from drivegrid.tokens.codec import Codec
from drivegrid.tokens.grammar import format_answer, format_offsets
from drivegrid.tokens.grid import DELETE, STAY, GridGeometry, GridSpec
from drivegrid.tokens.mask_words import mask_geometry
from drivegrid.tokens.offsets import offsets_toward
from drivegrid.tokens.vocabulary import escape

MOST_SEG_ANCHORS = 10
"""Mask anchors of the best answer: about where eq. 10 stops paying for more."""
SPAM_SIDE = 6
"""Spam puts a shape into each of so many by so many parts of the frame."""
BY_LENGTH = (STAY, 1, 3, 5, 7, 0, 2, 6, 8, DELETE)
"""Offsets, the shortest moves first."""


def trivial_proposals(
    goal: Goal, prompt: str, codec: Codec, rng: np.random.Generator, *, regions: Regions = "poly"
) -> dict[str, str]:
    """Return the answers of policies that do not look at the picture, and the best answer.

    All but ``empty`` and ``copy`` are wrapped in ``<think>`` and ``<answer>``, so that they are
    well-formed under any settings.

    Args:
        goal: The right answer.
        prompt: The question.
        codec: Lattice, and how true shapes are written.
        rng: Source of the random cells.
        regions: How regions are answered, as in the settings of the reward.

    Returns:
        ``empty``, ``none``, ``format`` (one shape, the same for every picture), ``spam`` (shapes
        all over the frame), ``copy`` (of the prompt), ``random`` (as many shapes as are right, in
        random cells), ``ahead`` (of areas: the road as it usually lies) and ``ceiling`` (the truth
        through the codec, before any offset).
    """
    fixed = {"empty": "", "none": _wrapped("none"), "copy": prompt}
    if goal.words is not None:
        said = prompt.split() or [""]
        return fixed | {
            "format": _wrapped("it"),
            "spam": _wrapped(escape(prompt.replace("\n", " "))),
            "random": _wrapped(escape(said[int(rng.integers(len(said)))])),
            "ceiling": _wrapped(escape(goal.words)),
        }
    grid = codec.grid
    kinds = [(i.label, kind) for i in goal.instances for kind in _kinds_of(i, regions)]
    asked: list[tuple[str, GeometryKind]] = list(dict.fromkeys(kinds)) or [("thing", "box")]
    middle = np.array([grid.cols, grid.rows]) // 2
    spam = [
        _item(label, kind, corner + _pattern(kind), grid)
        for corner in _corners(grid)
        for label, kind in asked
    ]
    sides = (grid.cols, grid.rows)
    anywhere = [
        _item(label, kind, rng.integers(0, sides, _pattern(kind).shape), grid)
        for label, kind in kinds or asked
    ]
    areas = [label for label, kind in asked if kind == "poly"]
    if areas:
        fixed["ahead"] = _written([_road_ahead(label, grid) for label in areas])
    best = [one for i in goal.instances for one in _best(i, goal, codec, regions)]
    return fixed | {
        "format": _written([_item(*asked[0], middle + _pattern(asked[0][1]), grid)]),
        "spam": _written(spam),
        "random": _written(anywhere),
        "ceiling": _written(best),
    }


def trivial_offsets(
    proposal: Sequence[AnswerItem], goal: Goal, codec: Codec, rng: np.random.Generator
) -> dict[str, str]:
    """Return refinements that take no skill, and the best.

    Args:
        proposal: What is refined, at least one item, with the rounds it was given already.
        goal: The right answer.
        codec: Lattice, and how true shapes are written.
        rng: Source of the random offsets.

    Returns:
        ``stay`` (every anchor), ``delete`` (every anchor), ``random`` (of all ten) and ``best``
        (of each anchor the move nearest to its place, or DELETE where it belongs to nothing).
    """
    refinement = prepare(goal, proposal, codec, RewardSettings())
    num = len(refinement.anchors.owner)
    told = {
        "stay": np.full(num, STAY),
        "delete": np.full(num, DELETE),
        "random": rng.integers(0, 10, num),
        "best": _best_offsets(refinement),
    }
    return {name: _told(refinement, offsets) for name, offsets in told.items()}


def _kinds_of(instance: Instance, regions: Regions) -> tuple[GeometryKind, ...]:
    if isinstance(instance.geometry, Polygon) and regions == "seg":
        return ("box", "seg")
    return (instance.geometry.kind,)


def _pattern(kind: GeometryKind) -> IntArray:
    """Return (N, 2) cells of a small shape of a kind."""
    shapes: dict[GeometryKind, list[tuple[int, int]]] = {
        "point": [(2, 2)],
        "box": [(0, 0), (4, 4)],
        "line": [(2, 4), (2, 2), (2, 0)],
        "poly": [(0, 0), (4, 0), (4, 4), (0, 4)],
        "seg": [(1, 1), (3, 1), (1, 3), (3, 3)],
    }
    return np.array(shapes[kind], dtype=np.int64)


def _road_ahead(label: str, grid: GridSpec) -> AnswerItem:
    """Return an outline from the lower border up to the middle, the same for every picture."""
    shares = np.array([(0.0, 1.0), (0.36, 0.58), (0.64, 0.58), (1.0, 1.0)])
    cells = np.rint(shares * (grid.cols - 1, grid.rows - 1)).astype(np.int64)
    return _item(label, "poly", cells, grid)


def _corners(grid: GridSpec) -> IntArray:
    """Return (N, 2) the corner cells of the parts of the frame."""
    xs, ys = (np.arange(SPAM_SIDE) * side // SPAM_SIDE for side in (grid.cols, grid.rows))
    return np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)


def _item(label: str, kind: GeometryKind, cells: IntArray, grid: GridSpec) -> AnswerItem:
    """Return an item with these cells, moved onto the lattice."""
    inside = np.clip(cells, 0, (grid.cols - 1, grid.rows - 1))
    if kind == "box":
        inside = np.sort(inside, axis=0)
    return AnswerItem(label, {}, GridGeometry(kind, (inside,)), same_instance=kind == "seg")


def _best(instance: Instance, goal: Goal, codec: Codec, regions: Regions) -> list[AnswerItem]:
    """Return the items of an instance that its tokens before any offset allow."""
    if words := true_words(instance):
        return [_stated(instance, mask_geometry(words))]
    if _kinds_of(instance, regions) != ("box", "seg"):
        tokens = codec.encode(instance.geometry, goal.size_wh)
        return [_stated(instance, GridGeometry(tokens.kind, tokens.cells))]
    return _mask_items(instance, goal, codec)


def _mask_items(instance: Instance, goal: Goal, codec: Codec) -> list[AnswerItem]:
    """Return box and mask anchors of an outlined instance."""
    grid, size = codec.grid, goal.size_wh
    truth = TrueShapes(Goal((instance,), size), codec, RewardSettings())
    corners = truth.nearest("box", np.zeros((2, 2)), 0)
    cells = np.stack(np.meshgrid(np.arange(grid.cols), np.arange(grid.rows)), axis=-1)
    cells = cells.reshape(-1, 2)
    centers = grid.centers_of(cells, size)
    region = truth.region(0)
    inside = region.holds(pixels_of(centers, size, region.size_wh))
    if not inside.any():  # a mask between the centres: the cell in its middle
        inside[((centers - corners.mean(axis=0)) ** 2).sum(axis=1).argmin()] = True
    chosen = cells[inside][_far_apart(centers[inside], MOST_SEG_ANCHORS)]
    box = GridGeometry("box", (grid.cells_of(corners, size),))
    seg = _stated(instance, GridGeometry("seg", (chosen,)))
    return [_stated(instance, box), replace(seg, same_instance=True)]


def _stated(instance: Instance, geometry: GridGeometry) -> AnswerItem:
    """Return an item that states what the goal wants of an instance."""
    return AnswerItem(instance.label, dict(instance.attributes), geometry)


def _far_apart(points: FloatArray, most: int) -> list[int]:
    """Return which points to take so that each is as far as can be from those before."""
    chosen = [0]
    gaps = np.hypot(*(points - points[0]).T)
    while len(chosen) < min(most, len(points)):
        chosen.append(int(gaps.argmax()))
        gaps = np.minimum(gaps, np.hypot(*(points - points[chosen[-1]]).T))
    return chosen


def _wrapped(answer: str) -> str:
    return f"<think></think><answer>{answer}</answer>"


def _written(items: Sequence[AnswerItem]) -> str:
    return format_answer(items, think="")


def _best_offsets(refinement: Refinement) -> IntArray:
    """Return (A,) the best offset of each anchor."""
    anchors, best = refinement.anchors, np.full(len(refinement.anchors.owner), DELETE)
    for i, (item, g) in enumerate(zip(refinement.items, refinement.partners.tolist(), strict=True)):
        mine = anchors.owner == i
        if g == UNMATCHED:
            continue
        if item.kind == "seg":
            # The shortest of the moves that pay most: staying inside, or the way in.
            worth = refinement.worth[mine][:, BY_LENGTH]
            best[mine] = np.array(BY_LENGTH)[worth.argmax(axis=1)]
        else:
            here = anchors.reach[mine, STAY]
            places = refinement.truth.places(item.kind, here[:, None], g)[:, 0]
            lost = lost_anchors(places - here, item.kind, refinement.truth)
            best[mine] = np.where(lost, DELETE, offsets_toward(places, here, anchors.step))
    return best


def _told(refinement: Refinement, offsets: IntArray) -> str:
    """Return offsets as text; what is deleted already stays so."""
    told = np.where(refinement.anchors.kept, offsets, DELETE)
    lengths = [len(part) for item in refinement.items for part in item.cells]
    parts = iter(np.split(told, np.cumsum(lengths)[:-1]))
    shapes = [
        replace(item, offsets=(*item.offsets, tuple(next(parts) for _ in item.cells)))
        for item in refinement.items
    ]
    return format_offsets(shapes)
