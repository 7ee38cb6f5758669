"""What refinements of one proposal are worth (GETok section 3.3.2).

The proposal is matched with the goal once, as it stands before these offsets; who belongs to whom
does not change afterwards. What each of the ten offsets of each anchor is worth is then a table,
and only the shapes that come out are measured sample by sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from drivegrid.geometry import BoolArray, FloatArray, IntArray
from drivegrid.tasks.rewards.anchors import (
    UNMATCHED,
    Anchors,
    anchor_table,
    anchors_of,
    match_items,
    parts_left,
    point_table,
)
from drivegrid.tasks.rewards.goal import Goal
from drivegrid.tasks.rewards.masks import (
    MaskDecoder,
    has_mask,
    mask_gain,
    mask_size,
    masks_apply,
    matched_mask_iou,
    object_parts,
    prompts_of,
    truth_masks,
)
from drivegrid.tasks.rewards.settings import RewardSettings
from drivegrid.tasks.rewards.truth import Parts, TrueShapes
from drivegrid.tokens.answer import AnswerItem
from drivegrid.tokens.codec import Codec
from drivegrid.tokens.grammar import parse_offsets
from drivegrid.tokens.grid import DELETE, STAY, GridGeometry


@dataclass(frozen=True, slots=True)
class Refinement:
    """A proposal, matched with its goal, and what each offset of each anchor is worth.

    Args:
        items: The shapes of the proposal.
        partners: (I,) the true instance of each, `UNMATCHED` without one.
        anchors: Where they are, and where each offset would bring them.
        worth: (A, 10) by anchor and offset.
    """

    items: tuple[GridGeometry, ...]
    partners: IntArray
    anchors: Anchors
    worth: FloatArray
    truth: TrueShapes


@dataclass(frozen=True, slots=True)
class Refined:
    """What N refinements did to the O shapes of a proposal that were not deleted before.

    Args:
        belongs: (O,) whether the shape belongs to something.
        changed: (O, N) whether an offset of the shape is another than "stay".
        gain: (O, N) in [-1, 1], how much of what was missing was gained, -1 for a shape that is
            gone; of one that belongs to nothing ``deletion`` where it is gone, else 0.
        fit_before: (M,) in [0, 1] how well each shape that belongs to something fits: IoU, of
            lines with a fixed width, of points the hit.
        fit_after: (M, N) the same after each refinement.
    """

    belongs: BoolArray
    changed: BoolArray
    gain: FloatArray
    fit_before: FloatArray
    fit_after: FloatArray

    def told(self) -> dict[str, FloatArray]:
        """Return values to take means of, by name.

        ``changed``, ``fit_before`` and ``fit_after`` are over shapes that belong to something,
        ``improved`` over those of them that were changed, ``spare_deleted`` over the others.
        """
        changed, gain = self.changed[self.belongs], self.gain[self.belongs]
        before = np.repeat(self.fit_before, self.fit_after.shape[1])
        return {
            "changed": changed.ravel().astype(np.float64),
            "improved": (gain[changed] > 0).astype(np.float64),
            "spare_deleted": (self.gain[~self.belongs] > 0).ravel().astype(np.float64),
            "fit_before": before,
            "fit_after": self.fit_after.ravel(),
        }


@dataclass(frozen=True, slots=True)
class OffsetWorth:
    """What N refinements of a proposal are worth.

    Args:
        components: Every component that applies to goal and proposal, (N,) each, unweighted.
            `format` and `box_gain` lie in [0, 1], `point_refinement`, `anchor_refinement`, `gain`
            and `mask_gain` in [-1, 1].
        anchors: (N, A) what the offset of each anchor is worth, in [-1, 1]; A anchors that were
            not deleted before, in the order of the proposal.
        parts: (A,) the component whose mean each anchor is part of.
        refined: What became of the shapes; None if nothing was proposed.
    """

    components: dict[str, FloatArray]
    anchors: FloatArray
    parts: tuple[str, ...]
    refined: Refined | None = None


def offset_worth(
    goal: Goal,
    proposal: Sequence[AnswerItem],
    texts: Sequence[str],
    codec: Codec,
    settings: RewardSettings,
    masks: MaskDecoder[Any] | None = None,
) -> OffsetWorth:
    """Return what refinements are worth, component by component and anchor by anchor.

    Args:
        goal: The right answer.
        proposal: What is refined, with the rounds of offsets it was given already.
        texts: N refinements as the model wrote them.
        codec: Lattice, and how true shapes are written.
        settings: Constants.
        masks: A mask decoder that has looked at the image; without one there is no `mask_gain`.

    Raises:
        ModelError: If the decoder fails.
    """
    items = [item.geometry for item in proposal]
    parsed = [parse_offsets(text, items) for text in texts]
    right = [not answer.diagnostics for answer in parsed]
    rewards = {"format": np.array(right, dtype=np.float64)}
    if not items or not texts:
        return OffsetWorth(rewards, np.zeros((len(texts), 0)), ())
    told = np.array([_last_round(answer.geometries) for answer in parsed])
    refinement = prepare(goal, proposal, codec, settings)
    kept = np.flatnonzero(refinement.anchors.kept)
    values = refinement.worth[np.arange(told.shape[1]), told]
    parts = tuple(_part_of(items[i]) for i in refinement.anchors.owner[kept])
    rewards |= _anchor_rewards(refinement, values)
    geometries = [one.geometries for one in parsed]
    refined, shapes = _shape_rewards(refinement, geometries, told)
    rewards |= shapes
    if masks is not None and masks_apply(goal, settings):
        versions = [proposal, *(_moved(proposal, one) for one in geometries)]
        rewards |= _mask_rewards(refinement, versions, masks)
    return OffsetWorth(rewards, values[:, kept], parts, refined)


def prepare(
    goal: Goal, proposal: Sequence[AnswerItem], codec: Codec, settings: RewardSettings
) -> Refinement:
    """Match a proposal of at least one item with its goal."""
    items = tuple(item.geometry for item in proposal)
    truth = TrueShapes(goal, codec, settings)
    anchors = anchors_of(items, codec.grid, goal.size_wh)
    partners = match_items(proposal, anchors, truth)
    worth = np.zeros((len(anchors.kept), 10))
    for i, geometry in enumerate(items):
        mine = anchors.owner == i
        reach = anchors.reach[mine]
        if partners[i] == UNMATCHED:
            worth[mine, DELETE] = 1.0 if geometry.kind == "seg" else settings.deletion
        elif geometry.kind == "seg":
            worth[mine] = point_table(reach, truth, int(partners[i]))
        else:
            worth[mine] = anchor_table(reach, anchors.step, geometry.kind, truth, int(partners[i]))
    return Refinement(items, partners, anchors, worth, truth)


def _last_round(geometries: Sequence[GridGeometry]) -> IntArray:
    return np.concatenate([part for one in geometries for part in one.offsets[-1]])


def _part_of(item: GridGeometry) -> str:
    """Return the component that the anchors of an item count to."""
    return "point_refinement" if item.kind == "seg" else "anchor_refinement"


def _anchor_rewards(refinement: Refinement, values: FloatArray) -> dict[str, FloatArray]:
    """Return the mean over items of the mean over their anchors that are not deleted yet."""
    anchors, means = refinement.anchors, dict[str, list[FloatArray]]()
    for i, item in enumerate(refinement.items):
        mine = (anchors.owner == i) & anchors.kept
        if mine.any():
            means.setdefault(_part_of(item), []).append(values[:, mine].mean(axis=1))
    return {name: np.mean(found, axis=0) for name, found in means.items()}


def _shape_rewards(
    refinement: Refinement, answers: Sequence[Sequence[GridGeometry]], told: IntArray
) -> tuple[Refined, dict[str, FloatArray]]:
    """Return how much better the shapes are than before, and `box_gain` and `gain` of it."""
    items, partners, anchors = refinement.items, refinement.partners, refinement.anchors
    alive = [i for i in _alive(refinement) if items[i].kind != "seg"]
    mine = {i: told[:, anchors.owner == i] for i in alive}
    deletion = refinement.truth.settings.deletion
    gains = {i: (mine[i] == DELETE).all(axis=1) * deletion for i in alive}
    fits = _fits(refinement, answers, told)
    for i, (first, *after) in fits.items():
        before = np.nan_to_num(first)
        gain = (np.array(after) - before) / max(1.0 - before, 1e-6)
        gains[i] = np.where(np.isnan(gain), -1.0, np.clip(gain, -1.0, 1.0))
    fit = np.nan_to_num(list(fits.values())).reshape(-1, len(answers) + 1)
    shape = (len(alive), len(answers))
    refined = Refined(
        np.array([partners[i] != UNMATCHED for i in alive], dtype=np.bool_),
        np.array([(mine[i] != STAY).any(axis=1) for i in alive], dtype=np.bool_).reshape(shape),
        np.array([gains[i] for i in alive]).reshape(shape),
        fit[:, 0],
        fit[:, 1:],
    )
    rewards = {"gain": refined.gain.mean(axis=0)} if alive else {}
    boxes = [i for i in alive if items[i].kind == "box"]
    if boxes:
        rises = [gains[i] > 0 for i in boxes if partners[i] != UNMATCHED]
        rewards["box_gain"] = np.sum(rises, axis=0) / len(boxes) * np.ones(len(answers))
    return refined, rewards


def _fits(
    refinement: Refinement, answers: Sequence[Sequence[GridGeometry]], told: IntArray
) -> dict[int, FloatArray]:
    """Return for each shape that belongs to something (1 + N,) its fit, before and after.

    It is nan where nothing is left of the shape.
    """
    truth, partners = refinement.truth, refinement.partners
    matched = [i for i in _alive(refinement) if partners[i] != UNMATCHED]
    found: dict[int, FloatArray] = {}
    for kind in ("point", "box", "line", "poly"):
        some = [i for i in matched if refinement.items[i].kind == kind]
        if some:
            shapes = [part for i in some for part in _versions(refinement, i, answers, told)]
            theirs = np.repeat(partners[some], len(answers) + 1)
            scores = truth.scores(kind, shapes, (np.arange(len(shapes)), theirs))
            scores[[shape is None for shape in shapes]] = np.nan
            found |= dict(zip(some, scores.reshape(len(some), -1), strict=True))
    return found


def _mask_rewards(
    refinement: Refinement, versions: Sequence[Sequence[AnswerItem]], masks: MaskDecoder[Any]
) -> dict[str, FloatArray]:
    """Return `mask_gain`: summed over the pairs, over the objects that ask for a mask.

    What is matched with a thing of unknown mask does not count; what is matched with nothing does.

    Args:
        refinement: The proposal, matched.
        versions: The proposal, then what each sample makes of it.
        masks: Draws all of them at once.
    """
    truth, size = refinement.truth, refinement.truth.size_wh
    partners = [
        int(refinement.partners[next(iter(parts.values()))]) for parts in object_parts(versions[0])
    ]
    asked = [prompt is not None for prompt in prompts_of(versions[0], truth.codec, size)]
    counted = [
        k
        for k, g in enumerate(partners)
        if asked[k] and (g == UNMATCHED or has_mask(truth.instances[g]))
    ]
    if not counted:
        return {}
    matched = [k for k in counted if partners[k] != UNMATCHED]
    drawn = masks.draw(versions, truth.codec, size)
    true = truth_masks([truth.instances[partners[k]] for k in matched], size, mask_size(drawn))
    firsts = np.arange(len(versions)) * len(partners)
    gains = np.zeros(len(versions) - 1)
    for number, k in enumerate(matched):
        pairs = np.stack([firsts + k, np.full(len(firsts), number)], axis=1)
        before, after = np.split(matched_mask_iou(drawn, true, pairs), [1])
        gains += mask_gain(np.repeat(before, len(after)), after)
    return {"mask_gain": gains / len(counted)}


def _moved(proposal: Sequence[AnswerItem], geometries: Sequence[GridGeometry]) -> list[AnswerItem]:
    return [
        replace(item, geometry=geometry)
        for item, geometry in zip(proposal, geometries, strict=True)
    ]


def _alive(refinement: Refinement) -> list[int]:
    """Return the items of which something is left."""
    anchors = refinement.anchors
    return sorted(set(anchors.owner[anchors.kept].tolist()))


def _versions(
    refinement: Refinement, i: int, answers: Sequence[Sequence[GridGeometry]], told: IntArray
) -> list[Parts | None]:
    """Return an item as it was, and as each sample leaves it."""
    item, anchors, truth = refinement.items[i], refinement.anchors, refinement.truth
    if item.kind == "poly":
        shapes = (truth.codec.decode(a, truth.size_wh) for a in (item, *(a[i] for a in answers)))
        return [None if shape is None else shape.parts() for shape in shapes]
    mine = np.flatnonzero(anchors.owner == i)
    offsets = np.concatenate([np.full((1, len(mine)), STAY), told[:, mine]])
    points = anchors.reach[mine, np.minimum(offsets, DELETE - 1)]
    kept = anchors.kept[mine] & (offsets != DELETE)
    return [parts_left(item.kind, *one) for one in zip(points, kept, strict=True)]
