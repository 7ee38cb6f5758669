"""Kinds of roads that scenes are drawn from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Template:
    """A kind of road.

    Args:
        place: Frame attribute ``place`` of the taxonomy.
        ours: Least and most lanes in our direction.
        oncoming: Least and most lanes beside ours in the other direction.
        features: What it has; see ``layout`` and ``furnish`` for each.
        bend: Typical curvature, 1/m.
        hill: Typical change of grade over the visible road.
        weight: How often it is drawn.
        held_out: Only test scenes show it.
        lot_m: How far paved ground reaches beside a lane across a lot.
    """

    place: str
    ours: tuple[int, int]
    oncoming: tuple[int, int] = (0, 0)
    features: frozenset[str] = frozenset()
    bend: float = 1 / 1500
    hill: float = 0.008
    weight: float = 1.0
    held_out: bool = False
    lot_m: float = 0.0

    def has(self, feature: str) -> bool:
        """Return whether it has a feature."""
        return feature in self.features


def _with(*features: str) -> frozenset[str]:
    return frozenset(features)


TEMPLATES: dict[str, Template] = {
    "motorway": Template(
        "highway", (2, 5), features=_with("divided", "shoulder", "rails", "gantry"), weight=3.2
    ),
    "motorway merge": Template(
        "highway", (2, 4), features=_with("divided", "shoulder", "rails", "merge"), weight=1.2
    ),
    "motorway exit": Template(
        "highway", (2, 4), features=_with("divided", "shoulder", "rails", "exit", "gantry")
    ),
    "motorway split": Template(
        "highway",
        (3, 5),
        features=_with("divided", "shoulder", "rails", "split", "gantry"),
        held_out=True,
    ),
    "lane drop": Template(
        "highway", (2, 4), features=_with("divided", "shoulder", "drop", "jersey"), held_out=True
    ),
    "motorway work zone": Template(
        "highway", (2, 4), features=_with("divided", "shoulder", "works", "jersey"), weight=0.8
    ),
    "overpass": Template(
        "highway", (2, 4), features=_with("divided", "shoulder", "walls", "bridge"), weight=0.8
    ),
    "expressway": Template(
        "highway",
        (3, 6),
        features=_with("divided", "narrow shoulder", "jersey", "walls", "gantry"),
        weight=1.2,
    ),
    "rural road": Template(
        "rural", (1, 1), (1, 1), _with("verge", "trees", "poles"), bend=1 / 500, hill=0.025
    ),
    "hilly road": Template(
        "rural", (1, 2), (1, 2), _with("verge", "rails", "poles"), bend=1 / 450, hill=0.06
    ),
    "winding road": Template(
        "rural",
        (1, 1),
        (1, 1),
        _with("verge", "trees", "rails", "chevrons"),
        bend=1 / 130,
        hill=0.03,
        held_out=True,
    ),
    "gravel road": Template(
        "rural",
        (1, 1),
        (0, 1),
        _with("verge", "trees", "gravel", "unmarked"),
        bend=1 / 350,
        hill=0.03,
        weight=0.5,
    ),
    "city street": Template(
        "city", (1, 2), (1, 2), _with("kerbs", "parking", "buildings", "lamps"), weight=1.6
    ),
    "avenue": Template(
        "city", (2, 3), features=_with("median", "kerbs", "buildings", "lamps", "trees")
    ),
    "bike lane street": Template(
        "city", (1, 2), (1, 1), _with("kerbs", "bike lane", "buildings", "lamps", "trees")
    ),
    "intersection": Template(
        "city",
        (1, 3),
        (1, 2),
        _with("kerbs", "junction", "signals", "buildings", "lamps"),
        weight=1.6,
    ),
    "yield junction": Template(
        "residential", (1, 1), (1, 1), _with("kerbs", "junction", "yield", "buildings", "trees")
    ),
    "crosswalk street": Template(
        "city", (1, 1), (1, 1), _with("kerbs", "crosswalk", "buildings", "parking", "lamps")
    ),
    "residential street": Template(
        "residential",
        (1, 1),
        (1, 1),
        _with("kerbs", "parking", "unmarked", "buildings", "trees"),
        weight=1.2,
    ),
    "street work zone": Template(
        "city", (1, 2), (1, 1), _with("kerbs", "works", "buildings", "lamps"), weight=0.8
    ),
    "one-way street": Template(
        "city",
        (1, 3),
        features=_with("kerbs", "parking", "both sides", "buildings", "lamps"),
        held_out=True,
    ),
    "tunnel": Template(
        "tunnel", (2, 3), (0, 1), _with("tunnel"), bend=1 / 700, hill=0.012, weight=0.6
    ),
    "parking lot": Template(
        "parking",
        (1, 1),
        (0, 1),
        _with("lot", "bays", "unmarked", "lamps"),
        bend=0.0,
        hill=0.002,
        weight=0.7,
        lot_m=22.0,
    ),
    "gas station": Template(
        "gas station",
        (1, 1),
        features=_with("lot", "pumps", "unmarked"),
        bend=0.0,
        hill=0.002,
        weight=0.6,
        lot_m=16.0,
    ),
}
"""Template name -> template."""
