"""Put things on the ground without running them into each other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from drivegrid.scenes.body import Body
from drivegrid.scenes.mesh import Color
from drivegrid.scenes.meshes import CATALOGUE
from drivegrid.scenes.road import Road
from drivegrid.scenes.segments import SEGMENT

_NEUTRAL: Color = (150.0, 150.0, 150.0)


@dataclass(frozen=True, slots=True)
class Spot:
    """A place and pose on the road.

    Args:
        offset_m: Lateral offset from the road's middle.
        depth_m: Distance Z.
        turn_rad: Direction against the road's: 0 ahead, pi oncoming.
        up_m: Height above the pavement there, kerbs included.
    """

    offset_m: float
    depth_m: float
    turn_rad: float = 0.0
    up_m: float = 0.0


@dataclass(frozen=True, slots=True)
class Thing:
    """What one label stands for.

    Args:
        label: Taxonomy path.
        bodies: What is drawn for it; ``part_of`` is filled in when the world is put together.
        spot: Where it stands.
        attributes: Attributes known before the picture is drawn.
        shape: ``box``, or ``point`` for signs (the middle of the first body).
    """

    label: str
    bodies: tuple[Body, ...]
    spot: Spot
    attributes: Mapping[str, str] = field(default_factory=dict)
    shape: str = "box"


def stand(
    road: Road,
    mesh: str,
    spot: Spot,
    *,
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0),
    tints: tuple[Color, Color] = (_NEUTRAL, _NEUTRAL),
    lamps: float = 0.0,
) -> Body:
    """Return a model standing on what is paved at its spot, turned with the road."""
    alignment = road.alignment
    up = spot.up_m + road.raised_m(spot.offset_m, spot.depth_m)
    return Body(
        mesh,
        alignment.point(spot.offset_m, spot.depth_m, up),
        alignment.yaw(spot.depth_m) + spot.turn_rad,
        scale,
        alignment.grade(spot.depth_m),
        tints,
        lamps,
        segment=SEGMENT[CATALOGUE[mesh].segment],
    )


def thing_of(body: Body, spot: Spot, attributes: Mapping[str, str] | None = None) -> Thing:
    """Return the thing that a labelled model is."""
    label = CATALOGUE[body.mesh].label
    assert label is not None, body.mesh
    return Thing(label, (body,), spot, attributes or {})


class Occupancy:
    """Which rectangles of the ground (offset, Z) are taken."""

    def __init__(self) -> None:
        self._taken: list[tuple[float, float, float, float]] = []

    def take(self, spot: Spot, size_m: tuple[float, float], margin_m: float = 0.3) -> bool:
        """Claim a rectangle of width and length round a spot; False if something is there."""
        half_q, half_z = size_m[0] / 2 + margin_m, size_m[1] / 2 + margin_m
        low_q, high_q = spot.offset_m - half_q, spot.offset_m + half_q
        low_z, high_z = spot.depth_m - half_z, spot.depth_m + half_z
        for a, b, c, e in self._taken:
            if low_q < b and a < high_q and low_z < e and c < high_z:
                return False
        self._taken.append((low_q, high_q, low_z, high_z))
        return True


@cache
def plan_of(mesh: str) -> tuple[float, float, float, float]:
    """Return least x, least z, greatest x and greatest z of a model, metres."""
    points = np.concatenate([part.vertices for part in CATALOGUE[mesh].mesh.parts])[:, ::2]
    (x0, z0), (x1, z1) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return x0, z0, x1, z1


def footprint(mesh: str, turn_rad: float) -> tuple[float, float]:
    """Return the width across and the length along the road of a turned model, metres.

    The rectangle has the model's origin in its middle, so it reaches as far on both sides.
    """
    x0, z0, x1, z1 = plan_of(mesh)
    wide, long = 2 * max(-x0, x1), 2 * max(-z0, z1)
    cos, sin = abs(math.cos(turn_rad)), abs(math.sin(turn_rad))
    return wide * cos + long * sin, long * cos + wide * sin


def numbered(thing: Thing, number: int, lamps: float = 0.0) -> Thing:
    """Return the thing with its instance id, and lamps at least as bright, in its bodies."""
    bodies = tuple([body.numbered(number, lamps) for body in thing.bodies])
    return Thing(thing.label, bodies, thing.spot, thing.attributes, thing.shape)
