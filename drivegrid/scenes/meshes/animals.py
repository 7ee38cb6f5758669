"""Animals on or beside the road."""

from __future__ import annotations

from dataclasses import dataclass

from drivegrid.scenes.mesh import Mesh, Part, cylinder, ellipsoid
from drivegrid.scenes.meshes.figures import by_depth, scaled
from drivegrid.scenes.meshes.model import Model
from drivegrid.scenes.meshes.solids import Point, hull, limb, pair


@dataclass(frozen=True, slots=True)
class _Beast:
    """Proportions of a four-legged animal, in metres.

    Args:
        length: Of the trunk.
        leg: Height of the belly.
        trunk: Half width and half height of the trunk.
        head: Place of the head's back end.
        muzzle: Place of its front end.
        neck: Radii of the neck at the trunk and at the head.
        bone: Radii of the legs at top and bottom.
        fur: Material of trunk and head.
        feet: Material of the lower legs.
    """

    length: float
    leg: float
    trunk: tuple[float, float]
    head: Point
    muzzle: Point
    neck: tuple[float, float]
    bone: tuple[float, float]
    fur: str
    feet: str


_BEASTS = {
    "deer": _Beast(1.15, 0.68, (0.19, 0.23), (0, 1.5, 0.85), (0, 1.4, 1.15), (0.15, 0.09),
                   (0.09, 0.032), "brown fur", "brown fur"),
    "dog": _Beast(0.62, 0.32, (0.11, 0.13), (0, 0.72, 0.44), (0, 0.66, 0.66), (0.1, 0.07),
                  (0.055, 0.025), "dark fur", "brown fur"),
    "cow": _Beast(1.75, 0.65, (0.34, 0.4), (0, 1.4, 1.15), (0, 1.12, 1.5), (0.28, 0.17),
                  (0.15, 0.06), "pale fur", "brown fur"),
    "horse": _Beast(1.6, 0.85, (0.27, 0.33), (0, 1.85, 1.25), (0, 1.5, 1.6), (0.26, 0.13),
                    (0.13, 0.05), "brown fur", "dark fur"),
}  # fmt: skip


def _beast(shape: _Beast) -> list[Part]:
    """Return trunk, neck, head, ears and legs in mid stride."""
    wide, tall = shape.trunk
    end, spine = shape.length / 2, shape.leg + tall
    trunk = ellipsoid((0, spine, 0), (wide, tall, end * 1.12), shape.fur, rings=5, sides=8)
    neck = limb((0, spine + tall * 0.2, end * 0.72), shape.head, shape.neck, shape.fur)
    radius = shape.neck[1]
    head = cylinder(shape.head, shape.muzzle, (radius * 1.15, radius * 0.65), shape.fur, sides=6)
    x, y, z = shape.head
    ears = pair(limb((x + radius * 0.7, y + radius * 0.5, z),
                     (x + radius * 1.9, y + radius * 1.8, z - 0.03), (radius * 0.45, 0.01),
                     shape.fur))  # fmt: skip
    parts = [trunk, neck, head, *ears]
    for side, rear, front in ((-1, -0.1, 0.12), (1, 0.1, -0.08)):
        for root, step in ((-end * 0.72, rear), (end * 0.7, front)):
            hip = (side * wide * 0.55, spine - tall * 0.3, root)
            hock = (side * wide * 0.6, shape.leg * 0.5, root + step * shape.leg)
            foot = (side * wide * 0.6, 0.0, root + step * 1.6 * shape.leg)
            parts.append(limb(hip, hock, shape.bone, shape.fur))
            ends = (shape.bone[1] * 1.1, shape.bone[1])
            parts.append(_on_ground(limb(hock, foot, ends, shape.feet)))
    return parts


def _on_ground(leg: Part) -> Part:
    """Cut a lower leg off at the ground."""
    vertices = leg.vertices.copy()
    low = vertices[:, 1] < vertices[:, 1].mean()
    vertices[low, 1] = 0.0
    return hull([(float(x), float(y), float(z)) for x, y, z in vertices], leg.materials[0])


def _tail(shape: _Beast, drop: float, radius: float, material: str) -> Part:
    z, y = -shape.length / 2 * 1.05, shape.leg + shape.trunk[1] * 1.2
    return limb((0, y, z), (0, y - drop, z - 0.12), (radius, radius * 0.6), material)


def _deer() -> list[Part]:
    shape = _BEASTS["deer"]
    antlers = pair(
        limb((0.05, 1.58, 0.84), (0.26, 1.95, 0.72), (0.022, 0.012), "bark"),
        limb((0.15, 1.75, 0.79), (0.2, 1.93, 0.95), (0.015, 0.008), "bark"),
    )
    mirror = ellipsoid((0, 0.95, -0.55), (0.1, 0.13, 0.11), "pale fur", rings=3, sides=6)
    return [*_beast(shape), *antlers, mirror]


def _dog() -> list[Part]:
    shape = _BEASTS["dog"]
    return [*_beast(shape), _tail(shape, -0.22, 0.035, shape.fur)]


def _cow() -> list[Part]:
    shape = _BEASTS["cow"]
    patches = [
        ellipsoid((0, 1.1, 0.35), (0.345, 0.37, 0.35), "dark fur", rings=3),
        ellipsoid((0, 1.13, -0.55), (0.3, 0.31, 0.3), "dark fur", rings=3),
    ]
    horns = pair(limb((0.1, 1.52, 1.12), (0.3, 1.66, 1.12), (0.03, 0.01), "bark"))
    return [*_beast(shape), *patches, *horns, _tail(shape, 0.7, 0.04, "dark fur")]


def _horse() -> list[Part]:
    shape = _BEASTS["horse"]
    mane = hull([(s * 0.04, y, z) for s in (-1, 1) for y, z in (
        (1.98, 1.2), (1.85, 1.02), (1.5, 0.55), (1.62, 0.75), (2.0, 1.1))], "dark fur")  # fmt: skip
    return [*_beast(shape), mane, _tail(shape, 0.75, 0.09, "dark fur")]


def _bird() -> list[Part]:
    body = ellipsoid((0, 0.2, 0), (0.08, 0.08, 0.15), "steel", rings=3, sides=6)
    head = ellipsoid((0, 0.32, 0.12), (0.045, 0.05, 0.05), "dark", rings=3, sides=6)
    beak = limb((0, 0.315, 0.15), (0, 0.3, 0.22), (0.016, 0.004), "yellow")
    tail = hull([(s * x, y, z) for s in (-1, 1) for x, y, z in (
        (0.04, 0.2, -0.1), (0.06, 0.16, -0.3), (0.06, 0.18, -0.3))], "dark")  # fmt: skip
    legs = pair(limb((0.035, 0.0, 0.02), (0.035, 0.15, 0.0), (0.012, 0.015), "orange"))
    return scaled([body, head, beak, tail, *legs], 1.1)


_BUILDERS = {
    "deer": (_deer, "object/animal"),
    "dog": (_dog, "object/animal"),
    "cow": (_cow, "object/animal"),
    "horse": (_horse, "object/animal"),
    "bird": (_bird, "object/animal/bird"),
}

_HELD_OUT = {"horse"}

ANIMALS: dict[str, Model] = {
    name: Model(Mesh(name, tuple(by_depth(build()))), "animal", label, name in _HELD_OUT)
    for name, (build, label) in _BUILDERS.items()
}
"""Model name -> model, in colours of their own."""
