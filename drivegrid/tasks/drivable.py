"""The area we may drive on, as polygons."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from drivegrid.data.scene import Instance, Scene
from drivegrid.geometry import GeometryKind
from drivegrid.tasks.base import Asked, Task, pick

PARAPHRASES = ("the drivable area", "where can we drive?", "drivable area", "free road ahead")


ROAD = "area/drivable"
DIRECT = f"{ROAD}/direct"


class Drivable(Task):
    """The directly drivable area; the road, in frames that tell no more."""

    name: ClassVar[str] = "drivable"
    kind: ClassVar[GeometryKind] = "poly"
    question: ClassVar[str] = PARAPHRASES[0]
    paraphrases: ClassVar[tuple[str, ...]] = PARAPHRASES

    def instances(self, scene: Scene) -> tuple[Instance, ...]:
        """Return the directly drivable polygons, as the scene lists them.

        Cityscapes, Vistas, CamVid and KITTI mark the road as a whole: where no part of it is told
        apart, all of it is meant.
        """
        areas = [i for i in scene.instances if i.geometry.kind == "poly"]
        told_apart = any(i.label.startswith(f"{ROAD}/") for i in areas)
        return tuple(i for i in areas if i.label == (DIRECT if told_apart else ROAD))

    def ask(self, scene: Scene, rng: np.random.Generator) -> Asked:
        """Draw a phrasing."""
        return Asked(pick(rng, PARAPHRASES), self.instances(scene))
