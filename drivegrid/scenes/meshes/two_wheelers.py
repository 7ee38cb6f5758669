"""Motorcycles, scooters and bicycles, ridden or left standing."""

from __future__ import annotations

from drivegrid.scenes.mesh import Mesh, Part, box, cylinder, prism
from drivegrid.scenes.meshes.figures import Look, Pose, by_depth, figure
from drivegrid.scenes.meshes.model import Model
from drivegrid.scenes.meshes.solids import hub, hull, limb, pair, patch, plan
from drivegrid.scenes.meshes.truck_body import front_of, rear_of

_MOTORCYCLIST = Pose((62.0, 62.0), (88.0, 88.0), (38.0, 38.0), (30.0, 30.0), lean=18.0,
                     spread=0.56, reach=0.66)  # fmt: skip
_SCOOTERIST = Pose((78.0, 78.0), (72.0, 72.0), (35.0, 35.0), (38.0, 38.0), lean=4.0,
                   spread=0.4, reach=0.6)  # fmt: skip
_CYCLIST = Pose((72.0, 22.0), (84.0, 28.0), (58.0, 58.0), (4.0, 4.0), lean=32.0,
                spread=0.3, reach=0.52)  # fmt: skip

_LEATHERS = Look("trousers", "trousers", "dark", "dark", hat="helmet", hat_material="black")
_JACKET = Look("trousers", "trousers", "dark", "dark", hat="helmet", hat_material="white")
_LIGHT = Look("trousers", "skin", "dark", "dark", shoes="white", hat="helmet", hat_material="red")


def _disc(z: float, radius: float, width: float, middle: str) -> list[Part]:
    """Return a wheel in the middle plane with its sides."""
    half = width / 2
    tyre = cylinder((-half, radius, z), (half, radius, z), (radius, radius), "tyre", sides=12)
    return [tyre, *pair(*hub(half, z, radius, rim=middle))]


def _motorcycle() -> list[Part]:
    radius = 0.31
    body = hull([*plan(0.62, (-0.35, 0.42), 0.13), *plan(0.92, (-0.3, 0.4), 0.15),
                 *plan(1.0, (0.0, 0.32), 0.1)], "paint")  # fmt: skip
    engine = box((-0.2, 0.25, -0.3), (0.2, 0.64, 0.4), "dark")
    tail = prism([(-0.85, 0.82), (-0.2, 0.7), (-0.2, 0.86), (-0.85, 0.93)],
                 [-0.1, -0.14, -0.14, -0.1], [0.1, 0.14, 0.14, 0.1], "black")  # fmt: skip
    lamp = rear_of(0.09, 0.82, 0.92, -0.85)
    mount = box((-0.1, 0.5, -0.9), (0.1, 0.72, -0.86), "dark")
    fairing = hull([*plan(0.72, (0.4, 0.72), 0.16), *plan(0.95, (0.35, 0.75), 0.19),
                    *plan(1.18, (0.36, 0.46), 0.13)], "paint")  # fmt: skip
    face = front_of(0.16, 0.74, 0.94, 0.74)
    bar = limb((-0.38, 1.0, 0.38), (0.38, 1.0, 0.38), (0.022, 0.022), "black")
    mirrors = pair(box((0.28, 1.08, 0.38), (0.42, 1.18, 0.42), "black"))
    forks = pair(limb((0.1, 0.8, 0.5), (0.1, radius, 0.72), (0.035, 0.03), "steel"))
    pipe = limb((0.2, 0.42, -0.15), (0.22, 0.5, -0.8), (0.05, 0.06), "chrome")
    parts = [*_disc(-0.7, radius, 0.17, "dark"), *_disc(0.72, radius, 0.13, "dark"), engine, body,
             tail, mount, fairing, bar, *mirrors, *forks, pipe]  # fmt: skip
    parts += [patch(lamp, (0.05, 0.95), (0.1, 0.9), "rear lamp")]
    parts += [patch(rear_of(0.1, 0.5, 0.72, -0.9), (0.05, 0.95), (0.15, 0.85), "plate")]
    return [*parts, patch(face, (0.15, 0.85), (0.1, 0.95), "front lamp")]


def _scooter() -> list[Part]:
    radius = 0.24
    rear = hull([*plan(0.32, (-0.85, -0.15), 0.17), *plan(0.72, (-0.9, -0.1), 0.2),
                 *plan(0.78, (-0.85, -0.15), 0.17)], "paint")  # fmt: skip
    seat = box((-0.16, 0.74, -0.8), (0.16, 0.82, -0.05), "black")
    floor = box((-0.19, 0.28, -0.2), (0.19, 0.36, 0.4), "dark")
    shield = prism([(0.32, 0.3), (0.5, 0.3), (0.42, 1.0), (0.34, 1.0)],
                   [-0.22, -0.2, -0.14, -0.14], [0.22, 0.2, 0.14, 0.14], "paint")  # fmt: skip
    bar = limb((-0.34, 1.05, 0.34), (0.34, 1.05, 0.34), (0.022, 0.022), "black")
    head = box((-0.14, 0.94, 0.3), (0.14, 1.12, 0.46), "paint")
    mirrors = pair(box((0.24, 1.16, 0.36), (0.37, 1.26, 0.4), "black"))
    case = hull([*plan(0.8, (-1.12, -0.76), 0.2), *plan(1.08, (-1.08, -0.8), 0.16)], "dark")
    tail = ((-0.17, 0.32, -0.85), (0.17, 0.32, -0.85), (0.2, 0.72, -0.9), (-0.2, 0.72, -0.9))
    parts = [*_disc(-0.6, radius, 0.12, "rim"), *_disc(0.62, radius, 0.11, "rim"), floor, rear,
             seat, shield, bar, head, *mirrors, case]  # fmt: skip
    parts += [
        patch(tail, (0.2, 0.8), (0.72, 0.95), "rear lamp"),
        patch(tail, (0.25, 0.75), (0.2, 0.6), "plate"),
        patch(front_of(0.14, 0.94, 1.12, 0.46), (0.1, 0.9), (0.2, 0.9), "front lamp"),
    ]
    return [*parts, *pair(box((0.08, 0.3, 0.6), (0.11, 0.5, 0.66), "steel"))]


def _bicycle() -> list[Part]:
    radius, seat, head, crank = 0.34, (0, 0.9, -0.25), (0, 0.88, 0.4), (0, 0.3, -0.03)
    tube = (0.028, 0.028)
    frame = [
        limb(crank, head, tube, "paint"),
        limb(crank, seat, tube, "paint"),
        limb((0, 0.78, -0.2), (0, 0.8, 0.38), tube, "paint"),
        limb(crank, (0, radius, -0.53), tube, "paint"),
        limb((0, 0.98, 0.37), (0, radius, 0.53), tube, "dark"),
    ]
    bar = limb((-0.28, 1.0, 0.4), (0.28, 1.0, 0.4), (0.018, 0.018), "black")
    saddle = box((-0.07, 0.9, -0.4), (0.07, 0.96, -0.12), "black")
    lamp = box((-0.04, 0.66, -0.44), (0.04, 0.73, -0.4), "rear lamp")
    front = box((-0.04, 0.9, 0.46), (0.04, 0.97, 0.5), "front lamp")
    wheels = [*_disc(-0.53, radius, 0.045, "spokes"), *_disc(0.53, radius, 0.045, "spokes")]
    return [*wheels, *frame, bar, saddle, lamp, front]


def _motorcycle_ridden() -> list[Part]:
    return [*_motorcycle(), *figure(_MOTORCYCLIST, _LEATHERS, hip=(0.0, 0.94, -0.22))]


def _scooter_ridden() -> list[Part]:
    return [*_scooter(), *figure(_SCOOTERIST, _JACKET, hip=(0.0, 0.9, -0.4))]


def _bicycle_ridden() -> list[Part]:
    return [*_bicycle(), *figure(_CYCLIST, _LIGHT, hip=(0.0, 1.02, -0.26))]


_BUILDERS = {
    "motorcycle with rider": (_motorcycle_ridden, "motorcycle"),
    "scooter with rider": (_scooter_ridden, "motorcycle"),
    "bicycle with rider": (_bicycle_ridden, "bicycle"),
    "motorcycle": (_motorcycle, "motorcycle"),
    "bicycle": (_bicycle, "bicycle"),
}

_HELD_OUT = {"scooter with rider"}

TWO_WHEELERS: dict[str, Model] = {
    name: Model(
        Mesh(name, tuple(by_depth(build()))),
        "two-wheeler",
        f"object/vehicle/{label}",
        name in _HELD_OUT,
    )
    for name, (build, label) in _BUILDERS.items()
}
"""Model name -> model. Tint 0 is the machine, tint 1 the rider's jacket."""
