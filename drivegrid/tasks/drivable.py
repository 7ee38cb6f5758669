"""The area we may drive on, as polygons."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from drivegrid.data.scene import Instance, Scene
from drivegrid.geometry import GeometryKind
from drivegrid.tasks.base import Asked, Task, pick

PARAPHRASES = ("the drivable area", "where can we drive?", "drivable area", "free road ahead")


class Drivable(Task):
    """The directly drivable area."""

    name: ClassVar[str] = "drivable"
    kind: ClassVar[GeometryKind] = "poly"
    question: ClassVar[str] = PARAPHRASES[0]
    paraphrases: ClassVar[tuple[str, ...]] = PARAPHRASES

    def instances(self, scene: Scene) -> tuple[Instance, ...]:
        """Return the directly drivable polygons, as the scene lists them."""
        return tuple(
            i
            for i in scene.instances
            if i.geometry.kind == "poly" and i.label == "area/drivable/direct"
        )

    def ask(self, scene: Scene, rng: np.random.Generator) -> Asked:
        """Draw a phrasing."""
        return Asked(pick(rng, PARAPHRASES), self.instances(scene))
