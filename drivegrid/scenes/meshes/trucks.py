"""Trucks, trailers and caravans."""

from __future__ import annotations

from drivegrid.scenes.mesh import Mesh, Part, box, cylinder, prism
from drivegrid.scenes.meshes.model import Model
from drivegrid.scenes.meshes.solids import hub, hull, pair, patch, plan, wheel
from drivegrid.scenes.meshes.truck_body import (
    Cab,
    cab_parts,
    chassis,
    front_of,
    load_box,
    rear_of,
    side_of,
    tail_bar,
    truck_parts,
)


def _box_truck() -> list[Part]:
    cab = cab_parts(Cab(4.1, height=2.7))
    load = load_box(1.22, (1.05, 3.55), (-4.1, 2.1), "trim")
    under = [*chassis((-4.1, 2.2)), *tail_bar(1.15, -4.1)]
    return truck_parts([cab, under, load], [2.9], [-2.4])


def _flatbed() -> list[Part]:
    cab = [*cab_parts(Cab(4.2, height=2.75)),
           patch(rear_of(1.1, 1.6, 2.6, 2.3), (0.2, 0.8), (0.2, 0.8), "glass")]  # fmt: skip
    stakes = [box((-1.2, 1.3, 2.0), (1.2, 2.1, 2.1), "steel")]
    cargo = [box((-0.95, 1.35, -2.8), (0.95, 2.05, 1.4), "wood")]
    rear = rear_of(0.95, 1.35, 2.05, -2.8)
    cargo += [patch(rear, (0.0, 1.0), (v - 0.03, v + 0.03), "dark") for v in (0.33, 0.66)]
    cargo += [patch(rear, (u - 0.02, u + 0.02), (0.0, 1.0), "orange") for u in (0.25, 0.75)]
    deck = [box((-1.22, 1.12, -4.2), (1.22, 1.35, 2.1), "trim")]
    edge = rear_of(1.22, 1.12, 1.35, -4.2)
    deck += [patch(edge, (u, u + 0.08), (0.1, 0.7), "red") for u in (0.0, 0.3, 0.62, 0.92)]
    under = [*chassis((-4.2, 2.2)), *tail_bar(1.15, -4.18, 0.7)]
    return truck_parts([cab, stakes, cargo, under, deck], [3.0], [-2.5])


def _tipper() -> list[Part]:
    cab = cab_parts(Cab(3.9, height=2.95, belt=1.75))
    profile = [(-3.7, 1.15), (1.6, 1.15), (1.7, 2.75), (-4.0, 2.6)]
    tub = prism(profile, [-1.0, -1.0, -1.22, -1.22], [1.0, 1.0, 1.22, 1.22], "trim")
    gate = ((-1.0, 1.15, -3.7), (1.0, 1.15, -3.7), (1.22, 2.6, -4.0), (-1.22, 2.6, -4.0))
    wall = ((1.0, 1.15, -3.7), (1.0, 1.15, 1.6), (1.22, 2.75, 1.7), (1.22, 2.6, -4.0))
    ribs = [patch(gate, (u - 0.015, u + 0.015), (0.05, 0.9), "dark") for u in (0.06, 0.35, 0.65)]
    ribs += [patch(gate, (0.925, 0.955), (0.05, 0.9), "dark")]
    ribs += [patch(gate, (0.0, 1.0), (v, v + 0.035), "dark") for v in (0.0, 0.92)]
    walls = pair(*(patch(wall, (u, u + 0.02), (0.0, 1.0), "dark") for u in (0.2, 0.4, 0.6, 0.8)))
    under = [*chassis((-3.8, 2.0)), *tail_bar(1.15, -3.65, 0.75)]
    return truck_parts([cab, under, [tub, *ribs, *walls]], [2.6], [-1.3, -2.6])


def _semi() -> list[Part]:
    cab = Cab(8.2, width=2.5, height=3.75, depth=2.3, belt=1.95, rake=0.4)
    load = load_box(1.27, (1.15, 4.0), (-8.2, 5.3), "trim")
    skirts = [patch(side_of(1.0, 0.4, 1.0, (-3.0, 3.5)), (0.0, 1.0), (0.0, 1.0), "dark")]
    belly = [box((-1.0, 0.4, -3.0), (1.0, 1.15, 3.5), "dark"), *pair(*skirts)]
    under = [*belly, *chassis((-8.2, 5.5)), *tail_bar(1.2, -8.2)]
    return truck_parts([cab_parts(cab), under, load], [6.8], [4.6, -4.6, -5.9, -7.2], 1.25)


def _tanker() -> list[Part]:
    cab = cab_parts(Cab(4.6, height=2.9, belt=1.75))
    tank = cylinder((0, 2.15, 2.3), (0, 2.15, -4.5), (1.12, 1.12), "trim", sides=16)
    rear = rear_of(1.0, 1.15, 3.15, -4.5)
    end = [
        patch(rear, (0.46, 0.54), (0.1, 0.95), "steel"),
        patch(rear, (0.36, 0.64), (0.35, 0.48), "orange"),
        patch(rear, (0.18, 0.3), (0.3, 0.42), "red"),
    ]
    rail = [box((-1.2, 1.05, -4.5), (1.2, 1.2, 2.3), "dark")]
    under = [*chassis((-4.5, 2.5)), *tail_bar(1.2, -4.52, 0.85), *rail]
    return truck_parts([cab, under, [tank, *end]], [3.3], [-1.6, -2.9])


def _garbage_truck() -> list[Part]:
    cab = cab_parts(Cab(4.5, height=2.8, paint="orange"))
    body = load_box(1.22, (1.1, 3.4), (-2.7, 2.4), "orange")[:1]
    profile = [(-4.3, 0.75), (-2.7, 0.75), (-2.7, 3.45), (-3.5, 3.45), (-4.5, 2.0)]
    hopper = prism(profile, [-1.22] * 5, [1.22] * 5, "orange")
    rear = ((-1.22, 0.75, -4.3), (1.22, 0.75, -4.3), (1.22, 2.0, -4.5), (-1.22, 2.0, -4.5))
    roof = ((-1.22, 2.0, -4.5), (1.22, 2.0, -4.5), (1.22, 3.45, -3.5), (-1.22, 3.45, -3.5))
    tail = [
        patch(rear, (0.1, 0.9), (0.35, 0.95), "black"),
        patch(roof, (0.12, 0.88), (0.12, 0.6), "dark"),
        *(patch(rear, u, (0.05, 0.22), "rear lamp") for u in ((0.02, 0.12), (0.88, 0.98))),
        patch(rear, (0.4, 0.6), (0.06, 0.2), "plate"),
        *(patch(roof, u, (0.86, 0.95), "amber lamp") for u in ((0.03, 0.1), (0.9, 0.97))),
        *(patch(rear, u, (0.3, 0.98), "white") for u in ((0.0, 0.08), (0.92, 1.0))),
    ]
    return truck_parts([cab, chassis((-3.8, 2.4)), body, [hopper, *tail]], [3.2], [-1.2, -2.5])


def _trailer() -> list[Part]:
    body = hull([*plan(0.5, (-1.6, 1.4), 0.85), *plan(1.0, (-1.6, 1.4), 0.85),
                 *plan(1.75, (-1.6, 1.4), 0.8), *plan(1.85, (-1.5, 1.3), 0.6)],
                lambda center, _: "steel" if center[1] < 1 else "paint")  # fmt: skip
    rear = rear_of(0.85, 0.5, 1.0, -1.6)
    tail = [
        patch(rear, (0.0, 1.0), (0.0, 1.0), "steel"),
        *(patch(rear, u, (0.05, 0.4), "rear lamp") for u in ((0.02, 0.18), (0.82, 0.98))),
        patch(rear, (0.36, 0.64), (0.08, 0.34), "plate"),
        patch(rear, (0.0, 1.0), (0.94, 1.0), "black"),
    ]
    bar = prism([(1.3, 0.42), (2.6, 0.36), (2.6, 0.46), (1.3, 0.52)],
                [-0.4, -0.06, -0.06, -0.4], [0.4, 0.06, 0.06, 0.4], "dark")  # fmt: skip
    return [
        bar,
        *pair(wheel(0.98, -0.2, 0.3, 0.18)),
        body,
        *tail,
        *pair(*hub(0.97, -0.2, 0.3)),
        *pair(box((0.72, 0.56, -0.55), (0.98, 0.64, 0.15), "dark")),
    ]


def _caravan() -> list[Part]:
    points = [*plan(0.32, (-2.7, 2.4), 1.1, rear=(0.12, 0.12), front=(0.15, 0.2))]
    points += plan(1.3, (-2.85, 2.75), 1.12, rear=(0.15, 0.15), front=(0.2, 0.25))
    points += plan(2.35, (-2.75, 2.3), 1.08, rear=(0.15, 0.15), front=(0.2, 0.25))
    points += plan(2.55, (-2.45, 1.7), 0.85)
    body = hull(points, lambda center, n: "dark" if center[1] < 0.4 or n[1] < -0.9 else "white")
    low = ((-0.97, 0.32, -2.7), (0.97, 0.32, -2.7), (0.98, 1.3, -2.85), (-0.98, 1.3, -2.85))
    high = ((-0.97, 1.3, -2.85), (0.97, 1.3, -2.85), (0.93, 2.35, -2.75), (-0.93, 2.35, -2.75))
    wall = ((1.12, 1.3, -2.7), (1.12, 1.3, 2.5), (1.08, 2.35, 2.05), (1.08, 2.35, -2.6))
    nose = front_of(0.92, 1.3, 2.35, 2.75, 0.45)
    bar = prism([(2.3, 0.42), (3.8, 0.36), (3.8, 0.46), (2.3, 0.52)],
                [-0.5, -0.06, -0.06, -0.5], [0.5, 0.06, 0.06, 0.5], "dark")  # fmt: skip
    return [
        bar,
        *pair(wheel(1.1, -0.3, 0.33, 0.2)),
        body,
        patch(high, (0.12, 0.88), (0.1, 0.75), "glass"),
        patch(low, (0.0, 1.0), (0.5, 0.58), "paint"),
        *(patch(low, u, (0.12, 0.4), "rear lamp") for u in ((0.0, 0.16), (0.84, 1.0))),
        patch(low, (0.37, 0.63), (0.16, 0.3), "plate"),
        patch(nose, (0.12, 0.88), (0.1, 0.75), "glass"),
        *pair(*(patch(wall, u, (0.1, 0.7), "glass") for u in ((0.1, 0.3), (0.42, 0.6)))),
        *pair(*hub(1.1, -0.3, 0.33, arch=0.06)),
    ]


_BUILDERS = {
    "box truck": (_box_truck, "truck"),
    "flatbed": (_flatbed, "truck"),
    "tipper": (_tipper, "truck"),
    "semi": (_semi, "truck"),
    "tanker": (_tanker, "truck"),
    "garbage truck": (_garbage_truck, "truck"),
    "trailer": (_trailer, "trailer"),
    "caravan": (_caravan, "caravan"),
}

_HELD_OUT = {"tanker"}

TRUCKS: dict[str, Model] = {
    name: Model(Mesh(name, tuple(build())), "vehicle", f"object/vehicle/{label}", name in _HELD_OUT)
    for name, (build, label) in _BUILDERS.items()
}
"""Model name -> model. Tint 0 is the cab, tint 1 the load box."""
