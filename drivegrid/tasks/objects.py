"""Obstacles, road users and lights as boxes, from left to right."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from drivegrid.data.scene import Instance, Scene
from drivegrid.geometry import Box, GeometryKind
from drivegrid.labels import default_label_space
from drivegrid.tasks.base import Asked, Task, pick

PARAPHRASES = (
    "all obstacles and road users",
    "detect all objects",
    "what is on the road?",
    "vehicles, people and obstacles",
    "objects",
)
NEAREST = ("the nearest {}", "the {} closest to us")
ALL_OF = ("all {many}", "every {one}", "is there any {one}?")
MIN_SHARE = 1 / 64
"""Boxes narrower or lower than this share of the frame (half a cell of the default lattice) are
not asked for: two grid tokens cannot tell their size."""
MAX_BOXES = 12
ROOTS = ("object/", "obstacle/", "light/")
# Classes asked for by name also where the scene has none: the answer "none" must be learnt.
ASKED_CLASSES = (
    "object/vehicle/car",
    "object/vehicle/truck",
    "object/vehicle/bus",
    "object/person/pedestrian",
    "obstacle/cone",
    "obstacle/barrier",
    "light/vehicle",
)


class Objects(Task):
    """All boxes, those of one class, or the nearest of a class."""

    name: ClassVar[str] = "objects"
    kind: ClassVar[GeometryKind] = "box"
    question: ClassVar[str] = PARAPHRASES[0]
    paraphrases: ClassVar[tuple[str, ...]] = PARAPHRASES

    def instances(self, scene: Scene) -> tuple[Instance, ...]:
        """Return the `MAX_BOXES` nearest boxes, from left to right."""
        least = np.asarray(scene.frame.size_wh) * MIN_SHARE
        boxes = [
            i
            for i in scene.instances
            if i.label.startswith(ROOTS)
            and isinstance(i.geometry, Box)
            and (i.geometry.wh >= least).all()
        ]
        near = sorted(boxes, key=_bottom, reverse=True)[:MAX_BOXES]
        # What comes next can be told from one corner, and nothing is named twice.
        return tuple(sorted(near, key=lambda i: float(i.geometry.vertices()[0, 0])))

    def ask(self, scene: Scene, rng: np.random.Generator) -> Asked:
        """Draw an object question; half ask for everything."""
        boxes = self.instances(scene)
        draw = rng.random()
        if draw < 0.4:
            return Asked(self.question, boxes)
        if draw < 0.55:
            return Asked(pick(rng, PARAPHRASES), boxes)
        present = sorted({i.label for i in boxes})
        label = pick(rng, present if present and draw < 0.9 else ASKED_CLASSES)
        if draw < 0.75:
            return ask_nearest(boxes, label, rng)
        return ask_all_of(boxes, label, rng)


def _bottom(instance: Instance) -> float:
    """Return the y where a box ends: the lower in the picture, the nearer."""
    return float(instance.geometry.vertices()[1, 1])


def ask_nearest(boxes: tuple[Instance, ...], label: str, rng: np.random.Generator) -> Asked:
    """Ask for the nearest of a class."""
    same = [i for i in boxes if i.label == label]
    words = default_label_space().words(label)
    nearest = (max(same, key=_bottom),) if same else ()
    return Asked(pick(rng, NEAREST).format(words), nearest, exact=True)


def ask_all_of(boxes: tuple[Instance, ...], label: str, rng: np.random.Generator) -> Asked:
    """Ask for all of a class."""
    same = tuple(i for i in boxes if i.label == label)
    return Asked(all_of(pick(rng, ALL_OF), label), same, exact=True)


def all_of(form: str, label: str) -> str:
    """Return a question of `ALL_OF` for all of a class.

    >>> [all_of(form, "object/person") for form in ALL_OF]
    ['all people', 'every person', 'is there any person?']
    """
    known = default_label_space().label(label)
    return form.format(one=known.words, many=known.plural)
