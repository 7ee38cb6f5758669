"""The kinds of conversation with one question: each gives the turns a scene allows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, TypeAlias

import numpy as np

from drivegrid.data.attributes import AttributeQuestion, attribute_questions
from drivegrid.data.expressions import choose, kind_of
from drivegrid.data.fields import as_kind, field
from drivegrid.data.queries import Query, labels_asked, query_from_json
from drivegrid.data.scene import Instance
from drivegrid.errors import FormatError
from drivegrid.geometry import clip_points
from drivegrid.tasks.base import Asked
from drivegrid.tasks.conversations.talk import Talk, Turn
from drivegrid.tasks.drivable import Drivable
from drivegrid.tasks.irregular import ASKED_REGIONS, ROOT, Regions, ask_regions_of
from drivegrid.tasks.lanes import ORDINALS, Lanes, ask_by_place, ask_ego
from drivegrid.tasks.objects import ASKED_CLASSES, ROOTS, Objects, ask_all_of, ask_nearest
from drivegrid.tasks.regions import attribute_prompt, describe, describe_prompt
from drivegrid.tasks.signs import Signs
from drivegrid.tasks.table import TASKS
from drivegrid.tokens.vocabulary import escape_text

Turns = Iterator[Turn | None]
"""Turns as they are drawn; None where a draw came to nothing."""
SUBJECTS: Mapping[str, tuple[str, ...]] = {
    Lanes.name: ("lane/line",),
    Objects.name: tuple(root.rstrip("/") for root in ROOTS),
    Signs.name: ("sign",),
    Drivable.name: ("area/drivable/direct",),
    Regions.name: (ROOT.rstrip("/"),),
}
"""The labels a task asks for: all must be covered for the answer "none"."""
SAME_CELLS = 2.0
"""Shapes whose corners lie further apart, in cells, do not have the same tokens."""
DESCRIBED = ("lane", "obstacle", "object", "sign", "light", "area", "region")


def ask_everything(talk: Talk, name: str, rng: np.random.Generator) -> Turns:
    """Ask for all a task asks for, in different words each time."""
    instances = talk.subjects[name]
    if not instances and not all(talk.denies(path) for path in SUBJECTS[name]):
        return
    known = cache(lambda attribute: all(talk.knows(one, attribute) for one in instances))
    wordings = [(query, names) for query, names in TASKS[name].wordings() if all(map(known, names))]
    for number in rng.permutation(len(wordings)):
        query, names = wordings[number]
        yield talk.turn(Asked(query, instances, names))


def ask_lane(talk: Talk, rng: np.random.Generator) -> Turns:
    """Ask for the ego lane or one line by its place; for one that is not there if that is known."""
    lines = talk.subjects[Lanes.name]
    denied = talk.denies("lane/line")
    has_roles = any(line.attributes.get("role", "").startswith("ego") for line in lines)
    places = len(ORDINALS) if denied else min(len(lines), len(ORDINALS))
    while places:
        if has_roles and rng.random() < 0.3:
            yield talk.turn(ask_ego(lines, rng), whole=True)
        else:
            yield talk.turn(ask_by_place(lines, places, rng), whole=True)


def ask_object(talk: Talk, rng: np.random.Generator) -> Turns:
    """Ask for the nearest or all of a class, one time in four of a class that is absent."""
    boxes = talk.subjects[Objects.name]
    present = sorted({box.label for box in boxes})
    absent = [path for path in ASKED_CLASSES if path not in talk.labels and talk.denies(path)]
    while present or absent:
        here = bool(present) and (not absent or rng.random() < 0.75)
        options = present if here else absent
        label = options[int(rng.integers(len(options)))]
        ask = ask_nearest if rng.random() < 0.4 else ask_all_of
        yield talk.turn(ask(boxes, label, rng), whole=True)


def ask_region(talk: Talk, rng: np.random.Generator) -> Turns:
    """Ask for all regions of a kind, one time in four of one that is absent."""
    regions = talk.subjects[Regions.name]
    present = sorted({region.label for region in regions})
    absent = [path for path in ASKED_REGIONS if path not in talk.labels and talk.denies(path)]
    while present or absent:
        here = bool(present) and (not absent or rng.random() < 0.75)
        options = present if here else absent
        label = options[int(rng.integers(len(options)))]
        yield talk.turn(ask_regions_of(regions, label, rng), whole=True)


def ask_expression(talk: Talk, kind: str) -> Turns:
    """Ask by referring expressions: first those the data set brings, then drawn ones."""
    yield from (_told(talk, *given) for given in _given(talk, kind))
    for expression in talk.expressions:
        if expression.kind != kind:
            continue
        if kind == "none" and not all(map(talk.denies, labels_asked(expression.query))):
            continue
        instances = [talk.scene.instances[index] for index in expression.targets]
        yield _expressed(talk, expression.text, instances, expression.query)


def _given(talk: Talk, kind: str) -> Iterator[tuple[str, list[int], Query | None]]:
    """Yield the expressions of ``extra["expressions"]`` that have this kind of targets."""
    for text, row in _rows(talk.scene.extra, "expressions", "text"):
        targets = [as_kind(index, int, "targets") for index in field(row, "targets", list)]
        if not all(0 <= index < talk.num_read for index in targets):
            raise FormatError(
                f"targets must be instances 0 to {talk.num_read - 1}, got {targets!s:.100}.",
                item="expressions",
            )
        form = query_from_json(row["form"]) if row.get("form") is not None else None
        if kind_of(tuple(targets)) == kind:
            yield text, targets, form


def _told(talk: Talk, text: str, targets: list[int], form: Query | None) -> Turn | None:
    places = [talk.place.get(index) for index in targets]
    shown = [talk.scene.instances[place] for place in places if place is not None]
    if len(shown) < len(targets):
        return None
    return _expressed(talk, escape_text(text), shown, form)


def _expressed(
    talk: Talk, text: str, instances: Sequence[Instance], form: Query | None
) -> Turn | None:
    turn = talk.turn(Asked(text, talk.ordered(instances), exact=True), whole=True)
    return turn and replace(turn, form=form)


def _rows(extra: Mapping[str, Any], key: str, text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the objects of a list in a scene's extras, with one text each.

    Raises:
        FormatError: If one is something else.
    """
    for number, row in enumerate(as_kind(extra.get(key, []), list, key)):
        item = f"{key} {number}"
        found = as_kind(row, dict, item)
        words = " ".join(field(found, text, str, item).split())
        if not words:
            raise FormatError(f"{text} must not be empty, got {row!r:.100}.", item=item)
        yield words, found


def ask_attribute(talk: Talk, rng: np.random.Generator, *, drawn: bool = False) -> Turns:
    """Ask about marked places with the options in the question.

    Tasks and answers take turns, so that a rare answer is asked for as often as a common one. Two
    things in the same cells that differ in the answer are not asked about: nobody could tell which
    one is marked.

    Args:
        talk: The scene.
        rng: Source of the draws.
        drawn: The same questions without tokens: the place of the target is marked in the picture.
    """
    questions = attribute_questions(talk.scene, talk.space)
    answers: dict[str, set[str]] = {}
    marked = []
    for question in questions:
        region = talk.region(question.instance)
        if region:
            prompt = attribute_prompt(question, region)
            answers.setdefault(prompt, set()).add(question.answer)
            marked.append((prompt, question))
    clear = [(prompt, question) for prompt, question in marked if len(answers[prompt]) == 1]
    for prompt, question in _in_turns(clear, rng):
        target = talk.number[id(talk.scene.instances[question.instance])]
        told = attribute_prompt(question, "") if drawn else prompt
        yield Turn(told, question.answer, (target,))


_Marked: TypeAlias = tuple[str, AttributeQuestion]


def _in_turns(marked: Sequence[_Marked], rng: np.random.Generator) -> Iterator[_Marked]:
    """Yield all questions; each is of a drawn task, and of a drawn answer to it."""
    left: dict[str, dict[str, list[_Marked]]] = {}
    for one in marked:
        left.setdefault(one[1].task, {}).setdefault(one[1].answer, []).append(one)
    while left:
        task = choose(rng, list(left))
        answer = choose(rng, list(left[task]))
        found = left[task][answer]
        yield found.pop(int(rng.integers(len(found))))
        if not found:
            del left[task][answer]
        if not left[task]:
            del left[task]


def ask_description(talk: Talk, rng: np.random.Generator) -> Turns:
    """Ask to describe a marked place that holds one thing."""
    instances = talk.scene.instances
    places = [p for p, i in enumerate(instances) if i.label.partition("/")[0] in DESCRIBED]
    corners = np.array([_corner_cells(talk, instances[p]) for p in places]).reshape(-1, 4)
    for index in rng.permutation(len(places)):
        instance, region = instances[places[index]], talk.region(places[index])
        apart = np.abs(corners - corners[index]).max(axis=1, initial=0)
        near = [places[other] for other in np.flatnonzero(apart < SAME_CELLS) if other != index]
        if region and all(talk.region(other) != region for other in near):
            words = describe(instance, talk.space)
            yield Turn(describe_prompt(region, rng), words, (talk.number[id(instance)],))


def _corner_cells(talk: Talk, instance: Instance) -> list[float]:
    """Return the corners of what is seen of a shape, in cells; -1 where it has no point."""
    points = clip_points(instance.geometry.vertices(), talk.size_wh)
    if not len(points):
        return [-1.0] * 4
    grid = talk.codec.grid
    cells = points / talk.size_wh * (grid.cols, grid.rows)
    return [*cells.min(axis=0).tolist(), *cells.max(axis=0).tolist()]


def ask_given(talk: Talk, rng: np.random.Generator) -> Turns:
    """Ask the questions in words that the data set brings (``extra["questions"]``).

    A name that stands for an instance (``refers``) is said as the place of that instance. What
    names things of other pictures (``elsewhere``) is not asked: nobody sees them in this one.
    """
    rows = list(_rows(talk.scene.extra, "questions", "question"))
    for index in rng.permutation(len(rows)):
        question, row = rows[index]
        answer = field(row, "answer", str).strip()
        if answer and not row.get("elsewhere"):
            yield _with_places(
                talk, question, answer, as_kind(row.get("refers", {}), dict, "refers")
            )


def _with_places(talk: Talk, question: str, answer: str, refers: dict[str, Any]) -> Turn | None:
    """Return question and answer with places for names; None where one cannot be told."""
    said: dict[str, str] = {}
    for name, index in refers.items() if all(refers) else ():
        place = talk.place.get(as_kind(index, int, "refers"))
        said[name] = "" if place is None else talk.region(place)
        if not said[name]:
            return None
    names = re.compile("({})".format("|".join(map(re.escape, said))) if said else "($^)")
    parts = [names.split(text) for text in (question, answer)]
    asked, told = ("".join(said.get(p) or escape_text(p) for p in each) for each in parts)
    return Turn(asked, told, tuple(refers[part] for part in parts[1] if part in said))
