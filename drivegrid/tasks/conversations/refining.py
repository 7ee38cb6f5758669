"""Refine turns: proposals with simulated mistakes, and the offsets that mend them.

The proposal stands in the user's turn, as GETok's Algorithm 1 writes it, so that no trainer
learns its mistakes. Boxes and masks are handled as that algorithm says; lines, rings and points
by ``refine.noisy_proposal``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from drivegrid.data.scene import Instance
from drivegrid.errors import GeometryError
from drivegrid.geometry import Box, Polygon, clip_points
from drivegrid.tasks.base import Asked
from drivegrid.tasks.conversations.asking import SUBJECTS, Turns
from drivegrid.tasks.conversations.record import INVENTED
from drivegrid.tasks.conversations.talk import Talk, Turn
from drivegrid.tasks.offsets import propose_box, propose_seg
from drivegrid.tasks.refine import (
    Noise,
    invent,
    mend_further,
    noisy_proposal,
    refine_prompt,
    unmoved,
)
from drivegrid.tasks.table import TASKS
from drivegrid.tokens.answer import AnswerItem
from drivegrid.tokens.codec import Codec
from drivegrid.tokens.grammar import format_offsets


def ask_refine(talk: Talk, rng: np.random.Generator) -> Turns:
    """Ask to mend an answer with simulated mistakes: to a task or to an expression."""
    answers = [
        Asked(TASKS[name].question, talk.subjects[name]) for name in SUBJECTS if talk.subjects[name]
    ]
    for expression in talk.expressions:
        instances = talk.ordered(talk.scene.instances[index] for index in expression.targets)
        answers += [Asked(expression.text, instances, exact=True)] if instances else []
    for index in rng.permutation(len(answers)):
        turn = talk.turn(answers[index], whole=True)
        yield mistaken(talk, turn, rng) if turn and can_move(turn.items) else None


def can_move(items: Sequence[AnswerItem]) -> bool:
    """Tell whether an answer has an anchor that offsets could move: words for masks have none."""
    return any(item.geometry.num_anchors for item in items)


def mistaken(talk: Talk, turn: Turn, rng: np.random.Generator, rounds: int = 1) -> Turn:
    """Return the refine turn of an answer that somebody got slightly wrong.

    Of several rounds one is drawn; the proposal then has been through those before it.
    """
    items, targets = mistakes(talk, turn, rng, rounds)
    done = int(rng.integers(rounds)) if rounds > 1 else 0
    return _refine_turn(turn.query, items, targets, done)


def mistakes(
    talk: Talk, turn: Turn, rng: np.random.Generator, rounds: int = 1
) -> tuple[list[AnswerItem], list[int]]:
    """Return an answer got slightly wrong, with its targets.

    Args:
        talk: The scene.
        turn: Question and right answer, with items.
        rng: Source of the mistakes.
        rounds: Rounds of offsets that mend it, at least 1.
    """
    config, grid = talk.config.offsets, talk.codec.grid
    shown = [talk.scene.instances[talk.place[index]] for index in turn.targets]
    items = [
        _shaken(talk, item, instance, rng) for item, instance in zip(turn.items, shown, strict=True)
    ]
    if rounds > 1:
        codec = replace(talk.codec, rounds=rounds)
        items = [
            _further(item, right, instance, talk, codec)
            for item, right, instance in zip(items, turn.items, shown, strict=True)
        ]
    targets = list(turn.targets)
    movable = [item for item in turn.items if item.geometry.num_anchors]
    if movable and rng.random() < config.invent:
        place = int(rng.integers(len(items) + 1))
        wrong = invent(movable, grid, rng)
        geometry = replace(wrong.geometry, offsets=wrong.geometry.offsets * rounds)
        items.insert(place, replace(wrong, geometry=geometry))
        targets.insert(place, INVENTED)
    return items, targets


def _further(
    item: AnswerItem, right: AnswerItem, instance: Instance, talk: Talk, codec: Codec
) -> AnswerItem:
    if _is_mask(item, instance):
        return replace(item, geometry=unmoved(item.geometry, codec.rounds))
    mended = mend_further(item.geometry, right.geometry, instance.geometry, talk.size_wh, codec)
    return replace(item, geometry=mended)


def _shaken(
    talk: Talk, item: AnswerItem, instance: Instance, rng: np.random.Generator
) -> AnswerItem:
    config, grid = talk.config.offsets, talk.codec.grid
    if _is_mask(item, instance):
        return replace(item, geometry=unmoved(item.geometry, 1))
    if isinstance(instance.geometry, Box):
        box = _cut(instance.geometry, talk)
        return replace(item, geometry=propose_box(box, talk.size_wh, grid, config, rng))
    noise = Noise(config.shake, config.lose, invent=0.0)
    return noisy_proposal([item], [instance], grid, talk.size_wh, rng, noise)[0]


def _is_mask(item: AnswerItem, instance: Instance) -> bool:
    """Tell whether an outlined thing is told by a mask; nothing of it is got wrong or moved."""
    return item.geometry.kind == "seg" and isinstance(instance.geometry, Polygon)


def _cut(box: Box, talk: Talk) -> Box:
    """Return the part of a box inside the frame."""
    return Box(clip_points(box.parts()[0], talk.size_wh).ravel())


def _refine_turn(
    query: str, items: Sequence[AnswerItem], targets: Sequence[int], done: int = 0
) -> Turn:
    answer = format_offsets([item.geometry for item in items], done + 1)
    return Turn(refine_prompt(query, items, done), answer, tuple(targets), query=query)


def ask_refine_mask(talk: Talk, rng: np.random.Generator) -> Turns:
    """Ask to mend boxes and mask anchors of outlined things of one label (Algorithm 1)."""
    outlined: dict[str, list[int]] = {}
    for place, instance in enumerate(talk.originals):
        if isinstance(instance.geometry, Polygon):
            outlined.setdefault(instance.label, []).append(place)
    if not talk.marks_all:
        return
    few = [label for label in sorted(outlined) if len(outlined[label]) <= talk.config.max_instances]
    for index in rng.permutation(len(few)):
        items: list[AnswerItem] = []
        targets: list[int] = []
        for place in outlined[few[index]]:
            found = _outlined_items(talk, talk.originals[place], rng)
            items += found
            targets += [talk.number[id(talk.scene.instances[place])]] * len(found)
        if items:
            query = f"all {talk.space.label(few[index]).plural}"
            yield _refine_turn(query, items, targets)


def _outlined_items(talk: Talk, instance: Instance, rng: np.random.Generator) -> list[AnswerItem]:
    """Return box and mask anchors of one outlined thing; nothing where it cannot be seen."""
    grid, config = talk.codec.grid, talk.config.offsets
    assert isinstance(instance.geometry, Polygon)
    try:
        seg = propose_seg(instance.geometry, talk.size_wh, grid, config, rng)
    except GeometryError:
        return []
    if seg is None:
        return []
    points = instance.geometry.vertices()
    bounds = _cut(Box(np.concatenate([points.min(axis=0), points.max(axis=0)])), talk)
    box = propose_box(bounds, talk.size_wh, grid, config, rng)
    words = talk.space.words(instance.label)
    return [AnswerItem(words, {}, box), AnswerItem(words, {}, seg, same_instance=True)]


def mask_mistakes(talk: Talk, turn: Turn, rng: np.random.Generator) -> list[AnswerItem]:
    """Return a right answer with simulated mistakes, its outlines as boxes and mask anchors.

    Outlined things are those of `ask_refine_mask`: one that cannot be seen is left out. Nothing is
    invented.

    Args:
        talk: The picture.
        turn: Question and right answer, with items.
        rng: Source of the mistakes.
    """
    items: list[AnswerItem] = []
    for index, item in zip(turn.targets, turn.items, strict=True):
        instance = talk.outlined(talk.place[index])
        if isinstance(instance.geometry, Polygon):
            found = _outlined_items(talk, instance, rng)
            items += [replace(one, label=item.label) for one in found]
        else:
            items.append(_shaken(talk, item, instance, rng))
    return items


def refine_chain(turn: Turn, rounds: int) -> Iterator[Turn]:
    """Yield the refine turns that follow a right answer, one for each round of its offsets."""
    shapes = [item.geometry for item in turn.items]
    for done in range(rounds):
        prompt = refine_prompt(turn.query, turn.items, done)
        yield Turn(prompt, format_offsets(shapes, done + 1), turn.targets, query=turn.query)
