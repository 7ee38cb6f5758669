"""Regions of no regular shape, such as puddles, patches and vegetation, as masks."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from drivegrid.data.scene import Instance, Scene
from drivegrid.geometry import GeometryKind, Polygon
from drivegrid.tasks.base import Asked, Task, pick
from drivegrid.tasks.objects import ALL_OF, all_of

PARAPHRASES = ("all regions", "segment all regions", "which regions are there?", "regions")
ROOT = "region/"
MAX_REGIONS = 8
# Asked for by name also where the scene has none: the answer "none" must be learnt.
ASKED_REGIONS = (
    "region/puddle",
    "region/patch",
    "region/crack",
    "region/snow",
    "region/ice",
    "region/oil",
    "region/vegetation",
    "region/construction_zone",
)


class Regions(Task):
    """All regions, or those of one kind.

    Their answers are masks where a mask tokenizer writes them, else outlines.
    """

    name: ClassVar[str] = "regions"
    kind: ClassVar[GeometryKind] = "seg"
    question: ClassVar[str] = PARAPHRASES[0]
    paraphrases: ClassVar[tuple[str, ...]] = PARAPHRASES

    def instances(self, scene: Scene) -> tuple[Instance, ...]:
        """Return the `MAX_REGIONS` largest outlined regions, from left to right."""
        outlined = [i for i in scene.instances if is_region(i) and len(i.geometry.vertices())]
        large = sorted(outlined, key=_extent, reverse=True)[:MAX_REGIONS]
        return tuple(sorted(large, key=_left))

    def ask(self, scene: Scene, rng: np.random.Generator) -> Asked:
        """Draw a question about regions; half ask for everything."""
        regions = self.instances(scene)
        if rng.random() < 0.5:
            return Asked(pick(rng, PARAPHRASES), regions)
        present = sorted({i.label for i in regions})
        label = pick(rng, present if present and rng.random() < 0.75 else ASKED_REGIONS)
        return ask_regions_of(regions, label, rng)


def is_region(instance: Instance) -> bool:
    """Tell whether an instance is an outlined region."""
    return instance.label.startswith(ROOT) and isinstance(instance.geometry, Polygon)


def ask_regions_of(regions: tuple[Instance, ...], label: str, rng: np.random.Generator) -> Asked:
    """Ask for all regions of a kind."""
    same = tuple(i for i in regions if i.label == label)
    return Asked(all_of(pick(rng, ALL_OF), label), same, exact=True)


def _extent(instance: Instance) -> float:
    return float(np.ptp(instance.geometry.vertices(), axis=0).prod())


def _left(instance: Instance) -> float:
    return float(instance.geometry.vertices()[:, 0].min())
