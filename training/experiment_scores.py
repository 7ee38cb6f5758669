"""Scores of a trained model frame by frame, as sums that intervals can be drawn from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from drivegrid.data.formats.tusimple import load_tusimple
from drivegrid.data.images import load_image
from drivegrid.data.scene import Scene
from drivegrid.metrics.evaluate import evaluate_scenes
from drivegrid.scenes.render import render_scene
from drivegrid.scenes.seeds import TEST_SEEDS
from drivegrid.tasks.scoring import asked_part
from drivegrid.tasks.table import TASKS

from .experiment_answers import Answers, load_answers
from .experiment_attributes import score_attributes
from .experiment_config import ATTRIBUTES, EvaluationConfig
from .experiment_sums import FrameSums, Scores

FRAME_WH = (1280, 720)
SHAPES = {"lanes": "lanes", "objects": "boxes", "signs": "points", "drivable": "polygons"}
"""Task to what its answers hold, as `evaluate_scenes` names it."""

Picture = tuple[npt.NDArray[np.uint8], Scene]


def score_run(checkpoint: Path, config: EvaluationConfig) -> Scores:
    """Score a checkpoint or adapter, constrained and with all its rounds; see `EvaluationConfig`.

    Returns:
        Figures in [0, 1] by name, but for "tokens an answer". "well-formed" is of answers that the
        model gives unconstrained, without offsets.
    """
    answers = load_answers(checkpoint)
    scores: Scores = {}
    plain = [task for task in config.tasks if task != ATTRIBUTES]
    if plain:
        _score_frames(answers, _asked(_rendered(config.frames)), config, plain, scores)
    if ATTRIBUTES in config.tasks and answers.predictor is not None:
        score_attributes(answers.predictor, checkpoint, _rendered(config.frames), scores)
    if config.real is not None:
        frames = _real(config.real, config.real_frames)
        _score_frames(answers, frames, config, ("lanes",), scores, "real ")
    if plain:
        _score_freedom(answers, config, plain, scores)
    return scores


def _rendered(count: int) -> Iterator[Picture]:
    for seed in TEST_SEEDS[:count]:
        frame = render_scene(seed, FRAME_WH)
        yield frame.image, frame.scene


def _asked(frames: Iterable[Picture]) -> Iterator[Picture]:
    """Leave of the labels what the plain questions ask for."""
    return ((image, asked_part(scene)) for image, scene in frames)


def _real(label_file: Path, count: int | None) -> Iterator[Picture]:
    for scene in load_tusimple(label_file).scenes[:count]:
        yield load_image(label_file.parent / scene.frame.image), asked_part(scene)


def _batches(frames: Iterable[Picture], size: int) -> Iterator[list[Picture]]:
    left = iter(frames)
    while some := list(islice(left, size)):
        yield some


def _score_frames(
    answers: Answers,
    frames: Iterable[Picture],
    config: EvaluationConfig,
    tasks: Iterable[str],
    scores: Scores,
    prefix: str = "",
) -> None:
    tasks = tuple(tasks)
    for some in _batches(frames, config.batch):
        scenes: list[list[Scene]] = [[] for _ in some]
        for task in tasks:
            given = answers.ask([image for image, _ in some], TASKS[task].question)
            for mine, one in zip(scenes, given, strict=True):
                mine.append(one.scene)
                scores.setdefault(f"{prefix}{task} tokens", FrameSums()).add(one.num_tokens, 1)
        for found, (_, truth) in zip(scenes, some, strict=True):
            together = tuple(one for scene in found for one in scene.instances)
            for name, above, below in _sums(replace(truth, instances=together), truth, tasks):
                scores.setdefault(f"{prefix}{name}", FrameSums()).add(above, below)


def _sums(answer: Scene, truth: Scene, tasks: Iterable[str]) -> Iterator[tuple[str, float, float]]:
    """Yield name, what counts and of how much, for one frame."""
    found: dict[str, dict[str, Any]] = evaluate_scenes([answer], [truth])
    for task in tasks:
        one = found[SHAPES[task]]
        count = one["n"]
        if task == "lanes":
            hits = (one["recall"] or 0.0) * count
            yield "lane F1@50", 2 * hits, count + one["num_pred"]
        elif task == "objects":
            yield "box Acc@50", (one["acc_50"] or 0.0) * count, count
            yield "box Acc@80", (one["acc_80"] or 0.0) * count, count
        elif task == "signs":
            yield "sign hit", (one["hit"] or 0.0) * count, count
        else:
            yield "drivable gIoU", (one["giou"] or 0.0) * count, count


def _score_freedom(
    answers: Answers, config: EvaluationConfig, tasks: Sequence[str], scores: Scores
) -> None:
    """Score how often unconstrained answers keep to the grammar."""
    for some in _batches(_rendered(config.free_frames), config.batch):
        images = [image for image, _ in some]
        right = [answers.well_formed(images, TASKS[task].question) for task in tasks]
        for kept in zip(*right, strict=True):
            scores.setdefault("well-formed", FrameSums()).add(sum(kept), len(tasks))
