"""Vehicles at work: on building sites, in emergencies, pulled by hand."""

from __future__ import annotations

from drivegrid.scenes.mesh import Mesh, Part, box, cylinder, prism
from drivegrid.scenes.meshes.car_body import Car, car_parts
from drivegrid.scenes.meshes.model import Model
from drivegrid.scenes.meshes.solids import (
    both_ways,
    hub,
    hull,
    limb,
    pair,
    patch,
    plan,
    wheel,
)
from drivegrid.scenes.meshes.truck_body import (
    Cab,
    cab_parts,
    front_of,
    rear_of,
    side_of,
    tail_bar,
    truck_parts,
)


def _glazed_cab(
    x: tuple[float, float], y: tuple[float, float], z: tuple[float, float]
) -> list[Part]:
    """Return a driver's cab, glass all round under a roof."""
    (left, right), (low, high), (back, front) = x, y, z
    frame = box((left, low, back), (right, high, front), "yellow")
    inside = (0.08, 0.92)
    front_quad = (
        (right, low, front),
        (left, low, front),
        (left, high, front),
        (right, high, front),
    )
    rear_quad = ((left, low, back), (right, low, back), (right, high, back), (left, high, back))
    left_quad = ((left, low, front), (left, low, back), (left, high, back), (left, high, front))
    quads = (front_quad, rear_quad, left_quad, side_of(right, low, high, z))
    panes = [patch(quad, inside, (0.3, 0.9), "glass") for quad in quads]
    beacon = cylinder((left + 0.3, high, back + 0.3), (left + 0.3, high + 0.18, back + 0.3),
                      (0.09, 0.07), "amber lamp", sides=6)  # fmt: skip
    return [frame, *panes, beacon]


def _excavator() -> list[Part]:
    tracks = [
        prism([(-1.7, 0.0), (1.7, 0.0), (2.05, 0.4), (1.7, 0.85), (-1.7, 0.85), (-2.05, 0.4)],
              [0.75] * 6, [1.3] * 6, "black")
    ]  # fmt: skip
    house = hull([*plan(0.95, (-2.1, 1.2), 1.25, rear=(0.3, 0.25)),
                  *plan(1.9, (-2.1, 1.0), 1.2, rear=(0.3, 0.3))], "yellow")  # fmt: skip
    weight = rear_of(0.9, 0.95, 1.9, -2.1)
    grille = [
        patch(weight, (0.0, 1.0), (0.0, 0.35), "dark"),
        patch(weight, (0.3, 0.7), (0.6, 0.75), "black"),
    ]
    boom = prism([(0.6, 1.6), (2.9, 3.5), (2.9, 3.9), (2.5, 3.9), (0.6, 2.1)],
                 [0.05] * 5, [0.4] * 5, "yellow")  # fmt: skip
    arm = prism([(3.6, 1.0), (3.8, 1.1), (3.1, 3.85), (2.7, 3.9), (2.7, 3.5)],
                [0.08] * 5, [0.36] * 5, "yellow")  # fmt: skip
    bucket = prism([(3.0, 0.35), (3.5, 0.3), (3.95, 0.8), (3.7, 1.2), (3.3, 1.1)],
                   [-0.3] * 5, [0.75] * 5, "dark")  # fmt: skip
    cab = _glazed_cab((-1.2, -0.15), (1.0, 2.95), (-0.4, 1.15))
    turn = box((-0.8, 0.6, -0.8), (0.8, 1.0, 0.8), "dark")
    groups = [[bucket], [arm], [boom], [turn], cab, [house, *grille]]
    return [*pair(*tracks), *both_ways(groups)]


def _drum(z: float) -> Part:
    return cylinder((-0.85, 0.62, z), (0.85, 0.62, z), (0.62, 0.62), ("steel", "dark"), sides=12)


def _road_roller() -> list[Part]:
    def frame(back: float, front: float) -> Part:
        profile = [(back, 0.75), (front, 0.75), (front - 0.1, 1.5), (back + 0.1, 1.5)]
        return prism(profile, [-0.95] * 4, [0.95] * 4, "yellow")

    rear = ((-0.95, 0.75, -2.3), (0.95, 0.75, -2.3), (0.95, 1.5, -2.2), (-0.95, 1.5, -2.2))
    tail = [
        patch(rear, (0.2, 0.8), (0.3, 0.8), "dark"),
        *(patch(rear, u, (0.4, 0.7), "rear lamp") for u in ((0.03, 0.13), (0.87, 0.97))),
        *(patch(rear, (u, u + 0.08), (0.05, 0.2), "red") for u in (0.1, 0.3, 0.5, 0.7)),
    ]
    front = front_of(0.95, 0.75, 1.5, 2.3, 0.1)
    nose = [patch(front, u, (0.4, 0.7), "front lamp") for u in ((0.05, 0.18), (0.82, 0.95))]
    posts = [limb((0.8, 1.45, z), (0.8, 2.75, z), (0.04, 0.04), "black") for z in (-0.9, 0.7)]
    roof = box((-0.95, 2.75, -1.1), (0.95, 2.87, 0.9), "yellow")
    seat = box((-0.3, 1.4, -0.6), (0.3, 2.05, -0.4), "black")
    beacon = cylinder((0, 2.87, 0), (0, 3.05, 0), (0.09, 0.07), "amber lamp", sides=6)
    groups = [[_drum(1.55), frame(0.3, 2.3), *nose], [seat, *pair(*posts), roof, beacon],
              [_drum(-1.55), frame(-2.3, -0.3), *tail]]  # fmt: skip
    return both_ways(groups)


def _wheel_loader() -> list[Part]:
    radius, half = 0.75, 1.25
    wheels = pair(*(wheel(half, z, radius, 0.55) for z in (1.5, -1.5)))
    hood = hull([*plan(0.8, (-3.2, -0.3), 0.85, rear=(0.2, 0.2)),
                 *plan(1.95, (-3.05, -0.3), 0.75, rear=(0.15, 0.2))], "yellow")  # fmt: skip
    rear = ((-0.65, 0.8, -3.2), (0.65, 0.8, -3.2), (0.6, 1.95, -3.05), (-0.6, 1.95, -3.05))
    tail = [
        patch(rear, (0.15, 0.85), (0.35, 0.95), "dark"),
        *(patch(rear, u, (0.15, 0.3), "rear lamp") for u in ((0.0, 0.15), (0.85, 1.0))),
        patch(rear, (0.4, 0.6), (0.12, 0.26), "plate"),
    ]
    front = box((-0.55, 0.6, 0.4), (0.55, 1.4, 2.1), "yellow")
    arms = pair(prism([(1.4, 1.3), (3.0, 0.45), (3.1, 0.7), (1.4, 1.7)], [0.5] * 4, [0.75] * 4,
                      "yellow"))  # fmt: skip
    bucket = prism([(2.9, 0.15), (4.1, 0.1), (3.2, 0.9), (2.9, 1.1)], [-1.35] * 4, [1.35] * 4,
                   "dark")  # fmt: skip
    cab = _glazed_cab((-0.75, 0.75), (1.5, 3.25), (-1.0, 0.5))
    guards = pair(box((0.85, 1.5, -2.2), (1.25, 1.62, -0.8), "black"))
    body = both_ways([[bucket], arms, [front], cab, [hood, *tail, *guards]])
    return [
        *wheels,
        *body,
        *pair(*(p for z in (1.5, -1.5) for p in hub(half, z, radius, rim="yellow"))),
    ]


def _light_bar(half: float, y: float, z: float, *, amber: bool = False) -> list[Part]:
    """Return a bar of lamps across a roof, its foot at y."""
    lamp = "amber lamp" if amber else "blue lamp"
    bar = box((-half, y - 0.02, z - 0.14), (half, y + 0.13, z + 0.14), lamp)
    middle = box((-half * 0.3, y - 0.02, z - 0.145), (half * 0.3, y + 0.135, z + 0.145), "white",
                 detail=True)  # fmt: skip
    return [bar, middle]


def _ambulance() -> list[Part]:
    size = (2.1, 2.65, 6.0)
    car = Car(
        size, heights=(1.08, 1.3, 1.05), bonnet=0.8, boot=0.05, rakes=(0.95, 0.06),
        axles=(1.0, 1.3), radius=0.36, clearance=0.26, lean=0.08, lamp=(0.07, 0.35, 1.0),
        glass=(0.4, 0.75), doors=True, windows=(0.79, 0.95), paint="white", bumper="dark",
    )  # fmt: skip
    half = size[0] / 2
    side = (
        (half, 0.7, -2.7),
        (half, 0.7, 1.6),
        (half - 0.03, 1.05, 1.6),
        (half - 0.03, 1.05, -2.7),
    )
    upper = ((half - 0.1, 1.35, -2.8), (half - 0.1, 1.35, 0.9), (half - 0.12, 1.6, 0.9),
             (half - 0.12, 1.6, -2.8))  # fmt: skip
    rear = ((-0.85, 1.1, -2.94), (0.85, 1.1, -2.94), (0.85, 1.5, -2.92), (-0.85, 1.5, -2.92))
    stripes = [patch(side, (k / 8, (k + 1) / 8), (0.3, 0.95), "yellow" if k % 2 else "green")
               for k in range(8)]  # fmt: skip
    stripes += [patch(upper, (0.0, 1.0), (0.1, 0.9), "red")]
    tail = [patch(rear, u, (0.0, 0.7), "red") for u in ((0.04, 0.46), (0.54, 0.96))]
    bars = [*_light_bar(0.75, size[1], 1.0), *_light_bar(0.7, size[1], -2.4)]
    return [*bars, *car_parts(car), *pair(*stripes), *tail]


def _police_car() -> list[Part]:
    size = (1.83, 1.48, 4.75)
    car = Car(size, boot=0.65, plate=0.4, lamp=(0.22, 0.45, 0.8), paint="white")
    half = size[0] / 2
    door = (
        (half, 0.5, -1.2),
        (half, 0.5, 1.1),
        (half - 0.05, 0.95, 1.1),
        (half - 0.05, 0.95, -1.2),
    )
    rear = ((-0.7, 0.52, -2.37), (0.7, 0.52, -2.37), (0.7, 1.0, -2.295), (-0.7, 1.0, -2.3))
    stripes = [patch(door, (0.0, 1.0), (0.05, 0.85), "blue")]
    tail = [patch(rear, (0.2, 0.8), (0.04, 0.16), "blue")]
    return [*_light_bar(0.6, size[1], -0.3), *car_parts(car), *pair(*stripes), *tail]


def _fire_engine() -> list[Part]:
    cab = cab_parts(Cab(3.9, width=2.45, height=2.9, depth=2.6, paint="red"))
    bars = _light_bar(0.95, 2.9, 2.6)
    low, high, back, front = 0.55, 3.0, -3.9, 1.35
    half = 1.24
    body = [box((-half, low, back), (half, high, front), "red")]
    rear = rear_of(half, low, high, back)
    body += [
        patch(rear, (0.24, 0.76), (0.2, 0.92), "steel"),
        *(patch(rear, (0.24, 0.76), (v, v + 0.012), "dark") for v in (0.35, 0.5, 0.65, 0.8)),
        *(patch(rear, u, (v, v + 0.12), "yellow") for u in ((0.02, 0.22), (0.78, 0.98))
          for v in (0.3, 0.54, 0.78)),
        *(patch(rear, u, (0.12, 0.24), "rear lamp") for u in ((0.02, 0.12), (0.88, 0.98))),
        *(patch(rear, u, (0.93, 0.99), "blue lamp") for u in ((0.02, 0.14), (0.86, 0.98))),
    ]  # fmt: skip
    side = side_of(half, low, high, (back, front))
    body += pair(
        *(patch(side, u, (0.25, 0.92), "steel") for u in ((0.04, 0.3), (0.4, 0.66), (0.7, 0.96))),
        patch(side, (0.0, 1.0), (0.14, 0.21), "white"),
    )
    ladder = pair(box((0.3, 3.0, -3.7), (0.4, 3.18, 2.4), "steel"))
    under = tail_bar(1.15, back - 0.02, 0.62)
    return truck_parts([[*ladder], [*bars, *cab], body, under], [2.6], [-2.2], 1.22)


def _boat() -> list[Part]:
    hull_points = [(s * x, y, z) for s in (-1, 1) for x, y, z in (
        (1.05, 1.5, -2.7), (0.95, 0.9, -2.7), (0.3, 0.62, -2.6), (1.1, 1.55, 0.6),
        (0.25, 0.65, 1.0), (0.05, 1.7, 3.0), (0.05, 1.4, 2.8))]  # fmt: skip
    body = hull(hull_points, lambda center, _: "blue" if center[1] < 1.0 else "white")
    cabin = hull([*plan(1.5, (-0.8, 1.3), 0.75), *plan(2.15, (-0.7, 0.5), 0.6)], "white")
    screen = ((0.75, 1.5, 1.3), (-0.75, 1.5, 1.3), (-0.6, 2.15, 0.5), (0.6, 2.15, 0.5))
    motor = box((-0.22, 0.95, -3.05), (0.22, 1.95, -2.65), "black")
    bar = box((-0.06, 0.4, -2.4), (0.06, 0.55, 4.0), "steel")
    cross = box((-1.0, 0.38, -1.2), (1.0, 0.5, -0.9), "dark")
    lamps = [*tail_bar(0.95, -2.75, 0.55)]
    rear = ((-0.75, 1.5, -0.8), (0.75, 1.5, -0.8), (0.6, 2.15, -0.7), (-0.6, 2.15, -0.7))
    top = [cabin, patch(screen, (0.0, 1.0), (0.15, 0.9), "glass"),
           patch(rear, (0.1, 0.9), (0.2, 0.85), "glass")]  # fmt: skip
    return [
        *pair(wheel(1.1, -1.05, 0.32, 0.2)),
        bar,
        cross,
        *both_ways([top, [body], lamps, [motor]]),
        *pair(*hub(1.1, -1.05, 0.32)),
    ]


def _handcart() -> list[Part]:
    tub = hull([*plan(0.45, (-0.7, 0.6), 0.38), *plan(0.95, (-0.75, 0.65), 0.42)], "wood")
    rear = rear_of(0.4, 0.47, 0.95, -0.72)
    load = [hull([*plan(0.9, (-0.6, 0.5), 0.36), *plan(1.3, (-0.4, 0.3), 0.25)], "paint")]
    shafts = pair(limb((0.36, 0.7, 0.6), (0.3, 0.95, 1.5), (0.03, 0.03), "wood"))
    leg = pair(limb((0.3, 0.0, 0.75), (0.3, 0.75, 0.75), (0.025, 0.025), "steel"))
    slats = [patch(rear, (0.0, 1.0), (v, v + 0.05), "dark") for v in (0.3, 0.65)]
    wheels = [*pair(wheel(0.52, -0.1, 0.34, 0.06))]
    return [*wheels, *both_ways([[*shafts, *leg], [tub, *load, *slats]]),
            *pair(*hub(0.52, -0.1, 0.34))]  # fmt: skip


_BUILDERS = {
    "excavator": (_excavator, "construction"),
    "road roller": (_road_roller, "construction"),
    "wheel loader": (_wheel_loader, "construction"),
    "ambulance": (_ambulance, "emergency/ambulance"),
    "police car": (_police_car, "emergency/police"),
    "fire engine": (_fire_engine, "emergency/fire"),
    "boat": (_boat, "boat"),
    "handcart": (_handcart, "slow"),
}

_HELD_OUT = {"road roller"}

MACHINES: dict[str, Model] = {
    name: Model(Mesh(name, tuple(build())), "vehicle", f"object/vehicle/{label}", name in _HELD_OUT)
    for name, (build, label) in _BUILDERS.items()
}
"""Model name -> model; all in colours of their own but the handcart's load, tint 0."""
