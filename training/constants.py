"""What constants score: the loss of the best answer that ignores question, picture and place."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

import numpy as np

from drivegrid.data.scene import Scene
from drivegrid.geometry import FloatArray

from .config import TrainingConfig
from .examples import DialogueDrawer
from .nano_student import NanoStudent
from .student import IGNORE_INDEX

DRAWN = 4
"""Questions of a kind that are drawn about a scene."""


def constant_losses(
    config: TrainingConfig,
    student: NanoStudent,
    training: Iterable[Scene],
    held_out: Iterable[Scene],
) -> dict[str, float]:
    """Return for each kind of question the loss of the usual tokens of its training answers.

    The constant gives every token of the vocabulary its share among the answer tokens of that kind
    in training (one added to each count), whatever stands before it. A model's loss, which also
    counts cells and pays for soft targets, is comparable where it is lower.

    Args:
        config: Of the run: kinds, and how shapes are written.
        student: Turns dialogues into tokens.
        training: Scenes that the shares are taken from.
        held_out: Scenes that are answered.
    """
    training, held_out = list(training), list(held_out)
    size, losses = len(student.processor.tokenizer), {}
    for kind in (kind for kind, weight in config.data.tasks.items() if weight):
        data = config.data.model_copy(update={"tasks": {kind: 1.0}, "refine": 0.0})
        drawer = DialogueDrawer(data, config.written(student.grid), in_context=True)
        learnt, asked = (_counts(drawer, student, one, size) for one in (training, held_out))
        shares = (learnt + 1) / (learnt + 1).sum()
        losses[kind] = float(-(asked * np.log(shares)).sum() / asked.sum())
    return losses


def _counts(
    drawer: DialogueDrawer, student: NanoStudent, scenes: Iterable[Scene], size: int
) -> FloatArray:
    """Return (size,) how often each token is to be learnt."""
    counts = np.zeros(size)
    for index, scene in enumerate(scenes):
        for dialogue in islice(drawer.draw(scene, np.random.default_rng(index)), DRAWN):
            labels = student.write(dialogue).labels
            counts += np.bincount(labels[labels != IGNORE_INDEX], minlength=size)
    return counts
