"""What the benchmark is worth to those who do not look: trivial predictors beside the ceiling.

*Ceiling*: perfect tokens, encoded and decoded. *Nothing*: no answer. *Everything*: the whole frame
as one box and as drivable area, and a sign in every cell. *Centre*: one box of the usual size and
one sign in the middle of the frame. *Average*: of some training scenes the one whose labels answer
others best, given every time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from drivegrid.data.scene import Instance, Scene
from drivegrid.data.split import Split
from drivegrid.geometry import Box, Geometry, Point, Polygon, Size, from_parts
from drivegrid.labels import default_label_space
from drivegrid.metrics.choices import ChoiceScore, score_choices
from drivegrid.metrics.evaluate import evaluate_scenes
from drivegrid.metrics.referring import ReferringScore, score_referring
from drivegrid.tasks.base import Asked, answer_items
from drivegrid.tasks.refine import noisy_proposal
from drivegrid.tasks.scoring import asked_part, headline, perfect_answer
from drivegrid.tasks.table import SCORED
from drivegrid.tokens.codec import Codec
from drivegrid.tokens.grid import GridGeometry

MEDOID_CANDIDATES, MEDOID_OTHERS = 32, 64
REFINE_STREAM = 11
FIGURES = (
    ("lane F1@50", "lanes", "f1_50"),
    ("lane mF1", "lanes", "mf1"),
    ("box Acc@50", "boxes", "acc_50"),
    ("box Acc@80", "boxes", "acc_80"),
    ("box F1@50", "boxes", "f1_50"),
    ("sign hit", "points", "hit"),
    ("sign F1", "points", "f1"),
    ("drivable gIoU", "polygons", "giou"),
)
"""Columns of the table of scenes: name, kind and key in what `evaluate_scenes` returns."""

Row = dict[str, float | None]
_Refer = Callable[[Scene, Sequence[Instance], str], list[Geometry]]


def scale_scene(scene: Scene, size_wh: Size) -> Scene:
    """Return the scene in a frame of another size."""
    ratio = np.asarray(size_wh) / scene.frame.size_wh
    instances = []
    for instance in scene.instances:
        parts = tuple(part * ratio for part in instance.geometry.parts())
        instances.append(replace(instance, geometry=from_parts(instance.geometry.kind, parts)))
    frame = replace(scene.frame, size_wh=size_wh)
    return replace(scene, frame=frame, instances=tuple(instances))


def given(answer: Scene, frames: Sequence[Scene]) -> list[Scene]:
    """Return the same answer for every frame."""
    return [
        replace(scale_scene(answer, scene.frame.size_wh), frame=scene.frame) for scene in frames
    ]


def average_scene(scenes: Sequence[Scene]) -> Scene:
    """Return the scene whose labels answer others best, by the mean of the headline figures.

    Args:
        scenes: At least one; the first `MEDOID_CANDIDATES` are tried on the `MEDOID_OTHERS` after
            them, or on all where there are too few.
    """
    candidates = [asked_part(scene) for scene in scenes[:MEDOID_CANDIDATES]]
    others = [asked_part(s) for s in scenes[MEDOID_CANDIDATES:][:MEDOID_OTHERS]] or candidates
    scores = [
        np.mean([value or 0.0 for value in headline(given(candidate, others), others).values()])
        for candidate in candidates
    ]
    return candidates[int(np.argmax(scores))]


def scene_table(truth: Sequence[Scene], training: Sequence[Scene], codec: Codec) -> dict[str, Row]:
    """Return `FIGURES` in [0, 1] by predictor, for lanes, boxes, signs and drivable area.

    Args:
        truth: Scenes to answer.
        training: Scenes to learn averages from; without any there is no "average", and "centre"
            and "everything" take their usual classes from the truth.
        codec: Gives the ceiling.
    """
    asked = [asked_part(scene) for scene in truth]
    answers = {
        "ceiling": [perfect_answer(scene, codec) for scene in asked],
        **trivial_answers(asked, training, codec),
    }
    return {name: _figures(scenes, asked) for name, scenes in answers.items()}


def trivial_answers(
    asked: Sequence[Scene], training: Sequence[Scene], codec: Codec
) -> dict[str, list[Scene]]:
    """Return what each trivial predictor answers to every frame.

    Args:
        asked: Frames with what is asked for, as `asked_part` returns them.
        training: Scenes to learn averages from, see `scene_table`.
        codec: Its lattice says how many signs "everything" holds.
    """
    known = [asked_part(scene) for scene in training] or asked
    blank = [replace(scene, instances=()) for scene in asked]
    answers = {
        "nothing": blank,
        "everything": [_filled(scene, known, codec) for scene in blank],
        "centre": [_centred(scene, known) for scene in blank],
    }
    if training:
        answers["average"] = given(average_scene(training), asked)
    return answers


def _figures(answers: Sequence[Scene], truth: Sequence[Scene]) -> Row:
    scores = evaluate_scenes(answers, truth)
    return {name: scores[kind].get(key) for name, kind, key in FIGURES}


def _usual(scenes: Iterable[Scene], kind: type) -> str | None:
    """Return the most frequent label of a kind of shape."""
    labels = Counter(
        i.label for scene in scenes for i in scene.instances if isinstance(i.geometry, kind)
    )
    return max(sorted(labels), key=labels.__getitem__, default=None)


def _instances(shapes: Mapping[type, Sequence[Geometry]], known: Sequence[Scene]) -> list[Instance]:
    labels = {kind: _usual(known, kind) for kind in shapes}
    return [
        Instance(label, shape)
        for kind, label in labels.items()
        if label is not None
        for shape in shapes[kind]
    ]


def _filled(blank: Scene, known: Sequence[Scene], codec: Codec) -> Scene:
    width, height = blank.frame.size_wh
    grid = codec.grid
    cells = np.stack(np.meshgrid(np.arange(grid.cols), np.arange(grid.rows)), -1).reshape(-1, 2)
    frame = np.array([[0.0, 0.0], [width, 0.0], [width, height], [0.0, height]])
    shapes: dict[type, list[Geometry]] = {
        Box: [Box(np.array([0.0, 0.0, width, height]))],
        Point: [Point(xy) for xy in grid.centers_of(cells, blank.frame.size_wh)],
        Polygon: [Polygon((frame,))],
    }
    return replace(blank, instances=tuple(_instances(shapes, known)))


def _centred(blank: Scene, known: Sequence[Scene]) -> Scene:
    middle = np.asarray(blank.frame.size_wh) / 2
    sides = [
        i.geometry.wh / scene.frame.size_wh
        for scene in known
        for i in scene.instances
        if isinstance(i.geometry, Box)
    ]
    half = np.median(sides, axis=0) * middle if sides else middle
    box = Box(np.concatenate([middle - half, middle + half]))
    shapes: dict[type, list[Geometry]] = {Box: [box], Point: [Point(middle)]}
    return replace(blank, instances=tuple(_instances(shapes, known)))


def referring_table(split: Split, codec: Codec) -> dict[str, Row]:
    """Return the rates of referring expressions by predictor.

    "everything of the kind" and "centre of the kind" know all labels of the root asked for, and
    nothing else of the expression: what language adds lies above them.
    """
    predictors: dict[str, _Refer] = {
        "ceiling": lambda scene, targets, root: through_tokens(targets, codec, scene.frame.size_wh),
        "nothing": lambda scene, targets, root: [],
        "everything of the kind": lambda scene, targets, root: everything_of(scene, root),
        "centre of the kind": lambda scene, targets, root: centre_of(scene, root),
    }
    rows: dict[str, Row] = {}
    for name, predict in predictors.items():
        answers = []
        for scene, expressions in zip(split.scenes, split.expressions, strict=True):
            for expression in expressions:
                targets = [scene.instances[index] for index in expression.targets]
                shapes = predict(scene, targets, expression.root)
                answers.append(score_referring(shapes, targets, scene.frame.size_wh))
        rates = ReferringScore(tuple(answers)).as_dict()
        rows[name] = {
            "single F1@50": rates["single"]["f1_50"],
            "multiple F1@50": rates["multiple"]["f1_50"],
            "none accuracy": rates["none"]["accuracy"],
            "all F1@50": rates["all"]["f1_50"],
            "all mF1": rates["all"]["mf1"],
        }
    return rows


def through_tokens(targets: Sequence[Instance], codec: Codec, size_wh: Size) -> list[Geometry]:
    """Return the shapes of instances after encoding and decoding."""
    items, _ = answer_items(Asked("", tuple(targets)), codec, size_wh)
    shapes = (codec.decode(item.geometry, size_wh) for item in items)
    return [shape for shape in shapes if shape is not None]


def everything_of(scene: Scene, root: str) -> list[Geometry]:
    """Return the shapes of all instances of a root, for example "lane"."""
    return [i.geometry for i in scene.instances if i.label.partition("/")[0] == root]


def centre_of(scene: Scene, root: str) -> list[Geometry]:
    """Return the shape of the instance of a root that is nearest to the middle of the frame."""
    middle = np.asarray(scene.frame.size_wh) / 2
    shapes = [shape for shape in everything_of(scene, root) if len(shape.vertices())]
    gaps = [float(np.hypot(*(shape.vertices().mean(axis=0) - middle))) for shape in shapes]
    return [shapes[int(np.argmin(gaps))]] if shapes else []


def usual_answers(test: Split, training: Split | None) -> dict[str, str]:
    """Return the most frequent answer of each attribute task.

    It is that of the training questions, or without any of the test's own.
    """
    return {
        name: max(task.options, key=lambda option: counted[option])
        for name, task in default_label_space().tasks.items()
        for counted in [Counter(_answers(training or test, name))]
    }


def attribute_table(test: Split, training: Split | None) -> dict[str, dict[str, Any]]:
    """Return, by attribute task, top-1 and macro-F1 of the usual answer, and of chance."""
    usual = usual_answers(test, training)
    rows: dict[str, dict[str, Any]] = {}
    for name, task in default_label_space().tasks.items():
        right, answer = _answers(test, name), usual[name]
        score: ChoiceScore = score_choices([answer] * len(right), right)
        rows[name] = {
            "majority": answer,
            "top-1": score.as_dict()["top_1"],
            "macro-F1": score.as_dict()["macro_f1"],
            "chance": 1 / len(task.options),
            "n": len(right),
        }
    return rows


def _answers(split: Split, task: str) -> list[str]:
    return [q.answer for questions in split.questions for q in questions if q.task == task]


def refine_table(truth: Sequence[Scene], codec: Codec) -> dict[str, Row]:
    """Return `FIGURES` of noisy proposals as they are, and after the offsets that mend them.

    The proposals are those the refine turn is trained on, drawn from each scene's place in the
    split; what a model gains on "proposal" is its refinement gain.
    """
    asked = [asked_part(scene) for scene in truth]
    answers: dict[str, list[Scene]] = {"proposal": [], "ceiling": []}
    for index, scene in enumerate(asked):
        rng = np.random.default_rng([index, REFINE_STREAM])
        for name, shapes in _proposals(scene, codec, rng).items():
            answers[name].append(replace(scene, instances=tuple(shapes)))
    return {name: _figures(scenes, asked) for name, scenes in answers.items()}


def _proposals(scene: Scene, codec: Codec, rng: np.random.Generator) -> dict[str, list[Instance]]:
    """Return what a shaken answer to every task decodes to, without and with its offsets."""
    space, size_wh = default_label_space(), scene.frame.size_wh
    found: dict[str, list[Instance]] = {"proposal": [], "ceiling": []}
    for task in SCORED.values():
        items, kept = answer_items(Asked("", task.instances(scene)), codec, size_wh)
        for item in noisy_proposal(items, kept, codec.grid, size_wh, rng):
            bare = GridGeometry(item.geometry.kind, item.geometry.cells, ())
            for name, tokens in (("proposal", bare), ("ceiling", item.geometry)):
                shape = codec.decode(tokens, size_wh)
                if shape is not None:
                    found[name].append(Instance(space.path_of(item.label), shape))
    return found
