"""Scores of attribute questions for an experiment: places as tokens or drawn into the picture."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt

from drivegrid.data.attributes import attribute_questions
from drivegrid.data.scene import Scene
from drivegrid.inference.classify import ClassifySettings, Regions, classify_all
from drivegrid.inference.predictor import Predictor
from drivegrid.tasks.conversations.convert import ATTRIBUTES_DRAWN
from drivegrid.tasks.exam import marked_place

from .experiment_sums import FrameSums, Scores

MACRO = "attributes macro"


def score_attributes(
    predictor: Predictor,
    checkpoint: Path,
    frames: Iterable[tuple[npt.NDArray[Any], Scene]],
    scores: Scores,
) -> None:
    """Add the accuracy of each attribute task, and their mean, to the scores.

    Every question of every frame counts; one whose place cannot be pointed at counts as wrong.

    Args:
        predictor: The model.
        checkpoint: Its folder, whose record of the training says how places were shown to it.
        frames: Pictures and labels.
        scores: What is added to.
    """
    settings = ClassifySettings.from_checkpoint(checkpoint, shown_places(checkpoint))
    counts = [_right_and_asked(predictor, settings, *frame) for frame in frames]
    totals: Counter[str] = sum((asked for _, asked in counts), Counter())
    for right, asked in counts:
        for task in totals:
            scores.setdefault(f"attribute {task}", FrameSums()).add(right[task], asked[task])
        # A ratio of sums as the others are: its total is the mean over tasks of their shares.
        mean = sum(right[task] / total for task, total in totals.items()) / max(len(totals), 1)
        scores.setdefault(MACRO, FrameSums()).add(mean, 1 / len(counts))


def shown_places(checkpoint: Path) -> Regions:
    """Return how a checkpoint was shown places in training."""
    config: Mapping[str, Any] = json.loads((checkpoint / "training.json").read_text())["config"]
    return "drawn" if config["data"]["tasks"].get(ATTRIBUTES_DRAWN) else "tokens"


def _right_and_asked(
    predictor: Predictor, settings: ClassifySettings, image: npt.NDArray[Any], scene: Scene
) -> tuple[Counter[str], Counter[str]]:
    right, asked = Counter[str](), Counter[str]()
    questions = attribute_questions(scene)
    places = [(marked_place(scene, question.instance), question) for question in questions]
    choices = classify_all(predictor, image, places, settings)
    for question, choice in zip(questions, choices, strict=True):
        asked[question.task] += 1
        right[question.task] += choice is not None and choice.answer == question.answer
    return right, asked
