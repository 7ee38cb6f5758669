"""Traffic signs as points, from left to right."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from drivegrid.data.scene import Instance, Scene
from drivegrid.geometry import GeometryKind
from drivegrid.tasks.base import Asked, Task, pick

PARAPHRASES = ("all traffic signs", "point at the signs", "where are the traffic signs?", "signs")
LOOKS_SUFFIX = " with colour and shape"


FACELESS = ("sign/back", "sign/advertisement")
"""They tell traffic nothing, so nobody asks for them as signs."""


class Signs(Task):
    """All signs, with colour and shape on request."""

    name: ClassVar[str] = "signs"
    kind: ClassVar[GeometryKind] = "point"
    question: ClassVar[str] = PARAPHRASES[0]
    paraphrases: ClassVar[tuple[str, ...]] = PARAPHRASES

    def instances(self, scene: Scene) -> tuple[Instance, ...]:
        """Return the sign points from left to right."""
        signs = [
            i
            for i in scene.instances
            if i.geometry.kind == "point" and i.label.startswith("sign") and i.label not in FACELESS
        ]
        return tuple(sorted(signs, key=lambda i: float(i.geometry.vertices()[0, 0])))

    def wordings(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Return the plain questions, and the same with colour and shape."""
        looks = ((words + LOOKS_SUFFIX, ("color", "shape")) for words in self.paraphrases)
        return (*super().wordings(), *looks)

    def ask(self, scene: Scene, rng: np.random.Generator) -> Asked:
        """Draw a sign question; every third also asks for colour and shape."""
        signs = self.instances(scene)
        if rng.random() < 0.33:
            query = pick(rng, PARAPHRASES) + LOOKS_SUFFIX
            return Asked(query, signs, ("color", "shape"))
        return Asked(self.question if rng.random() < 0.6 else pick(rng, PARAPHRASES), signs)
