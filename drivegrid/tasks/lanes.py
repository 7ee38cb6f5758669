"""Lanes: every line between lanes as a polyline, from left to right."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from drivegrid.data.scene import Instance, Scene
from drivegrid.geometry import GeometryKind, x_at_bottom
from drivegrid.tasks.base import Asked, Task, pick

PARAPHRASES = (
    "all lanes from left to right",
    "detect all lane lines",
    "show the lanes",
    "where are the lane lines?",
    "lane detection",
    "lanes",
)
EGO = ("the ego lane lines", "the lines of our lane", "left and right line of the ego lane")
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
STYLE_SUFFIX = " with style and colour"


class Lanes(Task):
    """All lanes, the ego lane, one by its place, or all of a style."""

    name: ClassVar[str] = "lanes"
    kind: ClassVar[GeometryKind] = "line"
    question: ClassVar[str] = PARAPHRASES[0]
    paraphrases: ClassVar[tuple[str, ...]] = PARAPHRASES

    def instances(self, scene: Scene) -> tuple[Instance, ...]:
        """Return lane lines with at least two points, from left to right."""
        lines = [
            instance
            for instance in scene.instances
            if instance.label == "lane/line"
            and instance.geometry.kind == "line"
            and len(instance.geometry.vertices()) > 1
        ]
        size = scene.frame.size_wh
        return tuple(sorted(lines, key=lambda line: x_at_bottom(line.geometry.vertices(), size)))

    def wordings(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Return the plain questions, and the same with style and colour."""
        styled = ((words + STYLE_SUFFIX, ("style", "color")) for words in self.paraphrases)
        return (*super().wordings(), *styled)

    def ask(self, scene: Scene, rng: np.random.Generator) -> Asked:
        """Draw a lane question; four in ten ask for everything in the plain words."""
        lines = self.instances(scene)
        draw = rng.random()
        if draw < 0.4:
            return Asked(self.question, lines)
        if draw < 0.6:
            return Asked(pick(rng, PARAPHRASES), lines)
        if draw < 0.7:
            return Asked(pick(rng, PARAPHRASES) + STYLE_SUFFIX, lines, ("style", "color"))
        if draw < 0.85:
            return ask_ego(lines, rng)
        return ask_by_place(lines, len(ORDINALS), rng)


def ask_ego(lines: tuple[Instance, ...], rng: np.random.Generator) -> Asked:
    """Ask for the lines of our lane, which their attribute ``role`` tells."""
    ego = tuple(i for i in lines if i.attributes.get("role", "").startswith("ego"))
    return Asked(pick(rng, EGO), ego)


def ask_by_place(lines: tuple[Instance, ...], places: int, rng: np.random.Generator) -> Asked:
    """Ask for one line by its place from the left or right.

    Args:
        lines: From left to right.
        places: Places that may be asked for, 1 to 6; where there is no line the answer is "none".
        rng: Source of the draw.
    """
    place = int(rng.integers(places))
    side = pick(rng, ("left", "right"))
    ordered = lines if side == "left" else lines[::-1]
    query = f"the {ORDINALS[place]} lane line from the {side}"
    return Asked(query, ordered[place : place + 1])
