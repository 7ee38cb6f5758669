"""What lies or stands on the road without belonging there, and what is let into it."""

from __future__ import annotations

import math

import numpy as np
from scipy.spatial import ConvexHull

from drivegrid.scenes.mesh import Mesh, Part, box, cylinder, prism
from drivegrid.scenes.meshes.model import Model
from drivegrid.scenes.meshes.shapes import (
    Corners,
    boulder,
    circle,
    panel,
    rectangle,
    slab,
    turned,
)


def _warning_triangle() -> tuple[Part, ...]:
    """Three red bars with an orange inner edge, on a wire stand."""
    turns = [math.radians(degrees) for degrees in (90, 210, 330)]
    outer, middle, inner = (
        [(r * math.cos(turn), 0.16 + r * math.sin(turn)) for turn in turns]
        for r in (0.27, 0.19, 0.14)
    )
    stand = [
        box((-0.2, 0.0, -0.012), (0.2, 0.02, 0.012), "steel"),
        box((-0.012, 0.0, -0.18), (0.012, 0.02, 0.18), "steel"),
    ]
    bars, glow = [], []
    for i in range(3):
        j = (i + 1) % 3
        bars.append(slab([outer[i], outer[j], middle[j], middle[i]], (-0.015, 0.015), "red"))
        edge = [middle[i], middle[j], inner[j], inner[i]]
        glow += [panel("-z", -0.01, edge, "orange"), panel("+z", 0.01, edge, "orange")]
    return (*stand, *glow, *bars)


def _debris_box() -> tuple[Part, ...]:
    """A cardboard box with tape and an open flap."""
    body = box((-0.3, 0.0, -0.25), (0.3, 0.4, 0.25), "cardboard")
    tape = [
        panel(side, at, rectangle((-0.05, 0.0), (0.05, 0.4)), "wood")
        for side, at in (("-z", -0.255), ("+z", 0.255))
    ]
    flap = box((-0.3, 0.4, 0.23), (0.3, 0.62, 0.25), "cardboard")
    inside = panel("+y", 0.405, rectangle((-0.28, -0.23), (0.28, 0.23)), "shadow")
    lid = turned(flap, "x", 0.5, (0, 0.4, 0.25))
    return tuple(turned(part, "y", 0.4) for part in (body, inside, lid, *tape))


def _debris_tyre() -> tuple[Part, ...]:
    """A tyre lying flat."""
    tread = cylinder((0, 0.03, 0), (0, 0.19, 0), (0.33, 0.33), "tyre", sides=12)
    shoulder = cylinder((0, 0.19, 0), (0, 0.22, 0), (0.33, 0.27), "tyre", sides=12)
    foot = cylinder((0, 0, 0), (0, 0.03, 0), (0.28, 0.33), "tyre", sides=12)
    rim = panel("+y", 0.224, circle((0, 0), 0.22), "dark")
    return (foot, tread, shoulder, rim, panel("+y", 0.228, circle((0.0, 0.0), 0.18), "hole"))


def _debris_plank() -> tuple[Part, ...]:
    """Two planks, one across the other."""
    lower = turned(box((-1.2, 0.0, -0.1), (1.2, 0.05, 0.1), "wood"), "y", 0.3)
    upper = box((-0.9, 0.05, -0.09), (0.9, 0.1, 0.09), "wood")
    return (lower, turned(upper, "y", -0.5))


def _debris_bag() -> tuple[Part, ...]:
    """A stuffed rubbish bag with a knotted neck."""
    body = boulder((0.0, 0.22, 0.0), (0.38, 0.32, 0.33), "dark", seed=5, count=28)
    neck = cylinder((0.03, 0.45, 0.0), (0.08, 0.62, 0.03), (0.05, 0.09), "dark", sides=6)
    return (body, neck)


def _debris_ladder() -> tuple[Part, ...]:
    """A ladder lying across the lane, 3 m long."""
    rails = [box((-1.5, 0.0, z - 0.03), (1.5, 0.08, z + 0.03), "chrome") for z in (0.2, -0.2)]
    rungs = [
        box((x - 0.02, 0.03, -0.18), (x + 0.02, 0.06, 0.18), "steel", detail=True)
        for x in np.linspace(-1.35, 1.35, 10).tolist()
    ]
    return tuple(turned(part, "y", 0.25) for part in (rails[0], *rungs, rails[1]))


def _crate() -> tuple[Part, ...]:
    """A wooden crate with slats and corner posts."""
    body = box((-0.4, 0.0, -0.4), (0.4, 0.7, 0.4), "wood")
    slats = []
    for side, at in (("-z", -0.41), ("+z", 0.41), ("-x", -0.41), ("+x", 0.41)):
        for y in (0.22, 0.45):
            slats.append(panel(side, at, rectangle((-0.4, y), (0.4, y + 0.025)), "bark"))
        for x in (-0.36, 0.3):
            slats.append(panel(side, at, rectangle((x, 0.0), (x + 0.06, 0.7)), "bark"))
    return (body, *slats)


def _rock_pile() -> tuple[Part, ...]:
    """Rubble that slid onto the road."""
    spots = [
        ((0.1, 0.2, 0.5), (0.5, 0.42, 0.45)),
        ((-0.7, 0.12, 0.2), (0.4, 0.3, 0.35)),
        ((0.8, 0.1, 0.1), (0.42, 0.28, 0.4)),
        ((0.0, 0.3, 0.0), (0.6, 0.55, 0.5)),
        ((-0.35, 0.1, -0.5), (0.35, 0.26, 0.3)),
        ((0.45, 0.08, -0.5), (0.3, 0.24, 0.28)),
    ]
    return tuple(boulder(at, r, "stone", seed=20 + i, count=16) for i, (at, r) in enumerate(spots))


def _uneven(radii: tuple[float, float], seed: int, share: float = 1.0) -> Corners:
    """An irregular convex outline around the origin in (x, z)."""
    rng = np.random.default_rng(seed)
    angles = np.linspace(0, 2 * np.pi, 13, endpoint=False)
    reach = rng.uniform(0.84, 1.0, len(angles)) * share
    points = np.stack([np.cos(angles) * reach * radii[0], np.sin(angles) * reach * radii[1]], 1)
    return [(float(x), float(z)) for x, z in points[ConvexHull(points).vertices]]


def _pothole(radii: tuple[float, float], seed: int) -> tuple[Part, ...]:
    """A broken rim, a dark hollow and a darker bottom, laid 1 cm over the road."""
    rim = _uneven(radii, seed)
    flat = slab([(x, -z) for x, z in reversed(rim)], (0.0, 0.01), "asphalt edge")
    lying = turned(flat, "x", -math.pi / 2)
    hollow = panel("+y", 0.012, _uneven(radii, seed + 1, 0.84), "shadow")
    bottom = [(x * 0.95, z + 0.06 * radii[1]) for x, z in _uneven(radii, seed + 2, 0.74)]
    return (lying, hollow, panel("+y", 0.014, bottom, "hole"))


def _speed_bump() -> tuple[Part, ...]:
    """A rubber sill across one lane, yellow and black in turn."""
    profile = [(-0.25, 0.0), (0.25, 0.0), (0.12, 0.06), (-0.12, 0.06)]
    body = prism(profile, [-1.7] * 4, [1.7] * 4, "black")
    wide = [(z * 1.01, y * 1.06) for z, y in profile]
    marks = []
    for x in np.arange(-1.7, 1.5, 0.85).tolist():
        marks.append(prism(wide, [x] * 4, [x + 0.43] * 4, "yellow", detail=True))
    return (body, *marks)


def _manhole() -> tuple[Part, ...]:
    """A round iron cover in its frame."""
    frame = cylinder((0, 0, 0), (0, 0.008, 0), (0.36, 0.36), "asphalt edge", sides=14)
    parts = [panel("+y", 0.01, circle((0, 0), 0.32, 14), "iron")]
    for x in (-0.16, 0.0, 0.16):
        parts.append(panel("+y", 0.012, rectangle((x - 0.025, -0.22), (x + 0.025, 0.22)), "hole"))
    return (frame, *parts)


def _catch_basin() -> tuple[Part, ...]:
    """A square gully grate."""
    frame = box((-0.3, 0.0, -0.3), (0.3, 0.008, 0.3), "iron")
    slots = [
        panel("+y", 0.012, rectangle((-0.23, z - 0.03), (0.23, z + 0.03)), "hole")
        for z in (-0.2, -0.07, 0.07, 0.2)
    ]
    return (frame, *slots)


def _wheelie_bin() -> tuple[Part, ...]:
    """A bin on two wheels; ``paint`` takes the body's first tint."""
    wheels = [
        cylinder((x, 0.1, -0.27), (x + 0.06, 0.1, -0.27), (0.1, 0.1), "tyre", sides=8)
        for x in (-0.27, 0.21)
    ]
    profile = [(-0.27, 0.06), (0.2, 0.06), (0.3, 0.96), (-0.33, 0.96)]
    body = prism(profile, [-0.22, -0.22, -0.28, -0.28], [0.22, 0.22, 0.28, 0.28], "paint")
    lid = prism(
        [(-0.36, 0.96), (0.34, 0.96), (0.32, 1.0), (-0.28, 1.07)], [-0.3] * 4, [0.3] * 4, "paint"
    )
    gap = panel("+z", 0.33, rectangle((-0.28, 0.93), (0.28, 0.96)), "dark")
    back = panel("-z", -0.35, rectangle((-0.28, 0.93), (0.28, 0.96)), "dark")
    return (*wheels, body, gap, back, lid)


def _shopping_cart() -> tuple[Part, ...]:
    """A wire basket on a frame with four castors."""
    frame = box((-0.26, 0.14, -0.4), (0.26, 0.18, 0.4), "steel", detail=True)
    wheels = [
        cylinder((x - 0.02, 0.06, z), (x + 0.02, 0.06, z), (0.06, 0.06), "tyre", sides=5)
        for x in (-0.24, 0.24)
        for z in (-0.36, 0.36)
    ]
    posts = [
        box((x - 0.015, 0.1, -0.4), (x + 0.015, 0.6, -0.36), "steel", detail=True)
        for x in (-0.23, 0.23)
    ]
    profile = [(-0.42, 0.5), (0.46, 0.56), (0.46, 0.92), (-0.42, 0.98)]
    basket = prism(profile, [-0.24] * 4, [0.24] * 4, "shadow")
    wires = []
    for z in np.linspace(-0.41, 0.42, 8).tolist():
        shape = rectangle((z, 0.55), (z + 0.02, 0.93))
        wires += [panel("-x", -0.245, shape, "chrome"), panel("+x", 0.245, shape, "chrome")]
    for x in np.linspace(-0.23, 0.21, 6).tolist():
        shape = rectangle((x, 0.55), (x + 0.02, 0.93))
        wires += [panel("-z", -0.425, shape, "chrome"), panel("+z", 0.465, shape, "chrome")]
    handle = box((-0.28, 0.98, -0.56), (0.28, 1.02, -0.5), "red")
    return (*wheels, frame, *posts, basket, *wires, handle)


def _model(
    name: str,
    label: str,
    parts: tuple[Part, ...],
    held_out: bool = False,
    segment: str = "obstacle",
) -> Model:
    return Model(Mesh(name, parts), segment, f"obstacle/{label}", held_out)


OBSTACLES: dict[str, Model] = {
    model.mesh.name: model
    for model in (
        _model("warning triangle", "warning_triangle", _warning_triangle()),
        _model("debris box", "debris", _debris_box()),
        _model("debris tyre", "debris", _debris_tyre()),
        _model("debris plank", "debris", _debris_plank()),
        _model("debris bag", "debris", _debris_bag(), held_out=True),
        _model("debris ladder", "debris", _debris_ladder(), held_out=True),
        _model("crate", "debris", _crate()),
        _model("rock small", "rock", (boulder((0, 0.1, 0), (0.22, 0.17, 0.2), "stone", seed=11),)),
        _model("rock large", "rock", (boulder((0, 0.3, 0), (0.8, 0.65, 0.7), "stone", seed=12),)),
        _model("rock pile", "rock", _rock_pile(), held_out=True),
        _model("pothole", "pothole", _pothole((0.5, 0.38), 3), segment="road"),
        _model("pothole wide", "pothole", _pothole((0.85, 0.45), 8), segment="road"),
        _model("speed bump", "speed_bump", _speed_bump(), segment="road"),
        _model("manhole", "manhole", _manhole(), segment="road"),
        _model("catch basin", "manhole", _catch_basin(), True, segment="road"),
        _model("wheelie bin", "pushable", _wheelie_bin()),
        _model("shopping cart", "pushable", _shopping_cart(), held_out=True),
    )
}
"""Hazards by name, each with its label; what lies flat belongs to the segment ``road``."""
