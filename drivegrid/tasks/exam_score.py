"""How an examined model did: each figure with its bootstrap interval over frames and its n."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from drivegrid.data.scene import Instance, Scene
from drivegrid.data.split import Split
from drivegrid.geometry import Box, FloatArray, Geometry, Point
from drivegrid.labels import default_label_space
from drivegrid.metrics.choices import ChoiceScore, score_choices
from drivegrid.metrics.evaluation import Evaluation, of_kind, tally_of
from drivegrid.metrics.lanes import DENSE_STEP_PX
from drivegrid.metrics.matching import plain
from drivegrid.metrics.pairing import FramePairs
from drivegrid.metrics.points import PointMatch, match_points
from drivegrid.metrics.rules.boxes import evaluate_boxes
from drivegrid.metrics.rules.expressions import evaluate_expressions
from drivegrid.metrics.rules.lanes import evaluate_culane
from drivegrid.metrics.rules.polygons import evaluate_polygons
from drivegrid.metrics.rules.settings import Settings
from drivegrid.metrics.rules.tusimple import evaluate_tusimple
from drivegrid.metrics.tally import Interval, Sums, Tally, intervals, mean_of, over
from drivegrid.tasks.drivable import DIRECT, ROAD
from drivegrid.tasks.exam import LanesAsked, asked_scene

LARGE_PX = 32.0
"""Boxes of at least this many pixels squared are large: COCO's border of small objects."""
ATTRIBUTES = "attributes, mean"
REFERRING = (
    ("one target F1@50", "single.f1_50", "single.n"),
    ("several targets F1@50", "multiple.f1_50", "multiple.n"),
    ("no target accuracy", "none.accuracy", "none.n"),
    ("all expressions F1@50", "all.f1_50", "all.n"),
    ("all expressions mF1", "all.mf1", "all.n"),
)
LANES = (("lane F1@50", "f1_50"), ("lane mF1", "mf1"))
BOXES = (("box Acc@50", "acc_50"), ("box Acc@80", "acc_80"), ("box F1@50", "f1_50"))
TUSIMPLE = (
    ("lane accuracy (TuSimple)", "accuracy", "frames"),
    ("lane FP (TuSimple)", "fp", "frames"),
    ("lane FN (TuSimple)", "fn", "frames"),
)
LESS_IS_BETTER = frozenset(name for name, rate, _ in TUSIMPLE if rate in {"fp", "fn"})
"""Figures that count mistakes."""


@dataclass(frozen=True)
class Sheet:
    """What was answered about one frame.

    Args:
        scene: Answers to the plain questions, in pixels of the frame.
        expressions: (E,) shapes for each referring expression; None where there was no answer,
            which is wrong, while no shapes say that there is nothing.
        choices: (Q,) option chosen for each attribute question; empty where there was none.
    """

    scene: Scene
    expressions: tuple[tuple[Geometry, ...] | None, ...]
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A rate in [0, 1] (pixels aside) with its 95 % interval, and what it is over.

    ``value`` is nan over nothing.
    """

    value: float
    interval: Interval
    n: int

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values; None for what is over nothing."""
        ends = [plain(self.interval.low), plain(self.interval.high)]
        return {"score": plain(self.value), "interval": ends, "n": self.n}


def score_sheets(
    split: Split, sheets: Sequence[Sheet], lanes: LanesAsked = "all", *, resamples: int = 1000
) -> dict[str, Figure]:
    """Return every figure that the frames have something for, by name.

    Args:
        split: What was asked, frame by frame.
        sheets: What was answered.
        lanes: Whether all lane lines count, or those of our lane.
        resamples: Of the bootstrap over frames; 0 draws no intervals.
    """
    found: dict[str, Figure] = {}
    for tally, named in _tallies(split, sheets, lanes):
        ends = intervals(tally, resamples=resamples) if resamples and tally.names else {}
        rates, sums = tally.rates_of(), tally.sums()
        for name, rate, count in named:
            if n := round(sums[count]):
                value = rates[rate]
                none = Interval(float("nan"), float("nan"))
                number = float("nan") if value is None else value
                found[name] = Figure(number, ends.get(rate, none), n)
    return found


def frame_scores(
    split: Split, sheets: Sequence[Sheet], lanes: LanesAsked = "all"
) -> dict[str, FloatArray]:
    """Return (N,) each figure of each frame alone, by name; nan where it is over nothing."""
    found = {}
    for tally, named in _tallies(split, sheets, lanes):
        rates = tally.rates_by_frame()
        for name, rate, count in named:
            found[name] = np.where(tally.columns[count] > 0, rates[rate], np.nan)
    return found


def choice_scores(split: Split, sheets: Sequence[Sheet]) -> dict[str, ChoiceScore]:
    """Return right and given answers of each attribute task that is asked."""
    given: dict[str, list[tuple[str, str]]] = {}
    for questions, sheet in zip(split.questions, sheets, strict=True):
        for question, choice in zip(questions, sheet.choices, strict=True):
            given.setdefault(question.task, []).append((choice, question.answer))
    return {
        task: score_choices([one for one, _ in given[task]], [right for _, right in given[task]])
        for task in default_label_space().tasks
        if task in given
    }


_Named = tuple[tuple[str, str, str], ...]
"""Name of a figure, of its rate in a tally, and of the column that counts what it is over."""


def _tallies(
    split: Split, sheets: Sequence[Sheet], lanes: LanesAsked
) -> Iterator[tuple[Tally, _Named]]:
    truth = [asked_scene(scene, lanes) for scene in split.scenes]
    yield from _scene_tallies(_paired([sheet.scene for sheet in sheets], truth))
    yield _referring_tally(split, sheets), REFERRING
    yield _attribute_tally(split, sheets)


def _paired(answers: Sequence[Scene], truth: Sequence[Scene]) -> FramePairs:
    """Bring answers and truth together by place: images of two sources may share a name."""
    both = enumerate(zip(answers, truth, strict=True))
    pairs = {f"{i}:{gt.frame.image}": (pred, gt) for i, (pred, gt) in both}
    return FramePairs(pairs, (), ())


def _scene_tallies(pairs: FramePairs) -> Iterator[tuple[Tally, _Named]]:
    lanes = evaluate_culane(pairs, Settings(DENSE_STEP_PX)).tally
    yield lanes, tuple((name, rate, "num_gt") for name, rate in LANES)
    if all("tusimple" in gt.extra for _, gt in pairs.pairs.values()):
        yield evaluate_tusimple(pairs, Settings()).tally, TUSIMPLE
    boxes = evaluate_boxes(pairs, Settings())
    yield boxes.tally, tuple((name, rate, "num_gt") for name, rate in BOXES)
    yield (
        _large_tally(pairs, boxes),
        (("box Acc@50, 32 px up", "acc_50", "n"), ("box Acc@80, 32 px up", "acc_80", "n")),
    )
    yield (
        _sign_tally(pairs),
        (
            ("sign hit", "hit", "n"),
            ("sign F1", "f1", "n"),
            ("sign label of hits", "label", "hits"),
            ("sign hit with label", "both", "n"),
        ),
    )
    roads = FramePairs({k: (_road(p), _road(g)) for k, (p, g) in pairs.pairs.items()}, (), ())
    if any(gt.instances for _, gt in roads.pairs.values()):
        yield evaluate_polygons(roads, Settings()).tally, (("drivable gIoU", "giou", "n"),)


def _road(scene: Scene) -> Scene:
    """Return the drivable polygons as one label; whether a lane apart is meant is no matter."""
    areas = (i for i in scene.instances if i.geometry.kind == "poly")
    kept = (replace(i, label=DIRECT) for i in areas if i.label.startswith(ROAD))
    return replace(scene, instances=tuple(kept))


def _large_tally(pairs: FramePairs, boxes: Evaluation) -> Tally:
    """Return hits and number of the large true boxes; they are matched beside the small ones."""
    counted: dict[str, dict[str, float]] = {name: {} for name in pairs.pairs}
    for row in boxes.rows:
        if row.gt is None:
            continue
        shape = pairs.pairs[row.frame][1].instances[row.gt].geometry
        if not isinstance(shape, Box) or float(np.prod(shape.wh)) < LARGE_PX**2:
            continue
        frame = counted[row.frame]
        for key, hit in (("n", True), ("tp_50", row.overlap >= 0.5), ("tp_80", row.overlap >= 0.8)):
            frame[key] = frame.get(key, 0.0) + hit

    def rates(sums: Sums) -> dict[str, FloatArray]:
        return {f"acc_{t}": over(sums[f"tp_{t}"], sums["n"]) for t in (50, 80)}

    return tally_of(tuple(counted), list(counted.values()), ("n", "tp_50", "tp_80"), rates)


def _sign_tally(pairs: FramePairs) -> Tally:
    """Return how many true signs were pointed at, whatever they were called, and called right."""
    counted = []
    for pred, gt in pairs.pairs.values():
        mine, true = ([item for _, item in of_kind(scene, Point)] for scene in (pred, gt))
        hits = [pair for pair in _point_pairs(mine, true) if pair.hit]
        right = sum(mine[pair.pred].label == true[pair.gt].label for pair in hits)
        given, n = float(len(mine)), float(len(true))
        counted.append({"n": n, "given": given, "hits": float(len(hits)), "right": float(right)})

    def rates(sums: Sums) -> dict[str, FloatArray]:
        return {
            "hit": over(sums["hits"], sums["n"]),
            "f1": over(2 * sums["hits"], sums["n"] + sums["given"]),
            "label": over(sums["right"], sums["hits"]),
            "both": over(sums["right"], sums["n"]),
        }

    return tally_of(tuple(pairs.pairs), counted, ("n", "given", "hits", "right"), rates)


def _point_pairs(pred: Sequence[Instance], gt: Sequence[Instance]) -> Sequence[PointMatch]:
    mine, true = (
        np.asarray([i.geometry.vertices()[0] for i in side]).reshape(-1, 2) for side in (pred, gt)
    )
    held = [i.extra.get("box_xyxy") for i in gt]
    boxes = [None if box is None else np.asarray(box, dtype=np.float64) for box in held]
    return match_points(mine, true, boxes)


def _referring_tally(split: Split, sheets: Sequence[Sheet]) -> Tally:
    answers, truth = [], []
    asked = zip(split.scenes, split.expressions, sheets, strict=True)
    for scene, expressions, sheet in asked:
        shapes: list[Geometry] = []
        told: list[dict[str, Any]] = []
        for expression, given in zip(expressions, sheet.expressions, strict=True):
            if given is not None:
                places = range(len(shapes), len(shapes) + len(given))
                told.append({"text": expression.text, "targets": list(places)})
                shapes += given
        meant = [{"text": e.text, "targets": list(e.targets)} for e in expressions]
        instances = tuple(Instance("", shape) for shape in shapes)
        answers.append(Scene(scene.frame, instances, {"expressions": told}))
        truth.append(replace(scene, extra={"expressions": meant}))
    return evaluate_expressions(_paired(answers, truth), Settings()).tally


def _attribute_tally(split: Split, sheets: Sequence[Sheet]) -> tuple[Tally, _Named]:
    """Return right answers and questions by task; the mean is over tasks, each counting once."""
    counted: list[dict[str, float]] = []
    for questions, sheet in zip(split.questions, sheets, strict=True):
        frame: dict[str, float] = {"n": float(len(questions))}
        for question, choice in zip(questions, sheet.choices, strict=True):
            for what, value in (("n", True), ("right", choice == question.answer)):
                key = f"{question.task}.{what}"
                frame[key] = frame.get(key, 0.0) + value
        counted.append(frame)
    held = {question.task for questions in split.questions for question in questions}
    tasks = [task for task in default_label_space().tasks if task in held]
    columns = ("n", *(f"{task}.{what}" for task in tasks for what in ("right", "n")))

    def rates(sums: Sums) -> dict[str, FloatArray]:
        each = {task: over(sums[f"{task}.right"], sums[f"{task}.n"]) for task in tasks}
        return each | ({ATTRIBUTES: mean_of(list(each.values()))} if each else {})

    names = tuple(f"{i}:{scene.frame.image}" for i, scene in enumerate(split.scenes))
    named: _Named = tuple((task, task, f"{task}.n") for task in tasks)
    if tasks:
        named = (*named, (ATTRIBUTES, ATTRIBUTES, "n"))
    return tally_of(names, counted, columns, rates), named
