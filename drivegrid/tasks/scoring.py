"""How answers about whole scenes are scored: the four headline figures, model beside ceiling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from drivegrid.data.scene import Instance, Scene
from drivegrid.errors import GeometryError
from drivegrid.metrics.evaluate import evaluate_scenes
from drivegrid.tasks.base import at_basic_level
from drivegrid.tasks.table import SCORED
from drivegrid.tokens.codec import Codec

HEADLINES = (
    ("lane F1@50", "lanes", "f1_50"),
    ("box Acc@50", "boxes", "acc_50"),
    ("sign hit", "points", "hit"),
    ("drivable gIoU", "polygons", "giou"),
)
"""Name, kind and key in what `evaluate_scenes` returns."""


def asked_part(scene: Scene) -> Scene:
    """Return the scene with only what the tasks ask for, in their order, at the basic level."""
    asked = (i for task in SCORED.values() for i in task.instances(scene))
    instances = tuple(at_basic_level(instance) for instance in asked)
    return replace(scene, instances=instances)


def perfect_answer(scene: Scene, codec: Codec) -> Scene:
    """Return the scene after encoding and decoding: the best any model on this lattice can say."""
    kept: list[Instance] = []
    for instance in scene.instances:
        try:
            tokens = codec.encode(instance.geometry, scene.frame.size_wh)
        except GeometryError:
            continue
        shape = codec.decode(tokens, scene.frame.size_wh)
        if shape is not None:
            kept.append(replace(instance, geometry=shape))
    return replace(scene, instances=tuple(kept))


def headline(answers: Sequence[Scene], truth: Sequence[Scene]) -> dict[str, float | None]:
    """Return the headline figures in [0, 1] by name; None where the truth holds none.

    Args:
        answers: Predicted scenes.
        truth: True scenes, as `asked_part` returns them.
    """
    return headline_of(evaluate_scenes(answers, truth))


def headline_of(scores: Mapping[str, Any]) -> dict[str, float | None]:
    """Return the headline figures of what `evaluate_scenes` returned."""
    return {name: scores[kind][key] for name, kind, key in HEADLINES}
