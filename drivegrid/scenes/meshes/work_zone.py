"""What road works put up: cones, barriers, blocks, portable signs.

Boards show both sides alike; the signs face -z, towards the camera at yaw 0.
"""

from __future__ import annotations

import math

from drivegrid.scenes.mesh import Mesh, Part, box, cylinder
from drivegrid.scenes.meshes.model import Model
from drivegrid.scenes.meshes.shapes import circle, moved, panel, rectangle, slab, sleeve, turned

BLOCK_PROFILE = [(-0.4, 0.0), (0.4, 0.0), (0.4, 0.75), (0.34, 0.8), (-0.34, 0.8), (-0.4, 0.75)]
JERSEY_FOOT = [(-0.3, 0.0), (0.3, 0.0), (0.3, 0.08), (0.14, 0.34), (-0.14, 0.34), (-0.3, 0.08)]
JERSEY_STEM = [(-0.14, 0.33), (0.14, 0.33), (0.08, 0.82), (-0.08, 0.82)]
"""(x, y) cross-sections in metres; a jersey barrier is a foot and a stem."""


def _cone(height: float, foot: float, bands: list[tuple[float, float]]) -> tuple[Part, ...]:
    """A cone on a square foot, ``bands`` as shares of its height."""
    radius, base = 0.36 * foot * 2, 0.05

    def wide(share: float) -> float:
        return radius + (0.03 - radius) * share

    def up(share: float) -> tuple[float, float, float]:
        return (0.0, base + (height - base) * share, 0.0)

    body = cylinder(up(0), up(1), (radius, 0.03), "orange")
    rings = [
        sleeve(up(a), up(b), (wide(a) + 0.004, wide(b) + 0.004), "reflective") for a, b in bands
    ]
    return (box((-foot, 0, -foot), (foot, base, foot), "orange"), body, *rings)


def _fallen_cone() -> tuple[Part, ...]:
    """The cone on its side: turned until the body's flank and the foot's edge touch the ground."""
    foot, standing = 0.19, _cone(0.72, 0.19, [(0.3, 0.5), (0.68, 0.86)])
    lean = math.pi / 2 + math.atan2(foot - 0.03, 0.72)
    tipped = [turned(part, "z", -lean, (foot, 0.0, 0.0)) for part in standing]
    return tuple(turned(moved(part, (-0.5, 0.0, 0.0)), "y", 0.6) for part in tipped)


def _stripes(
    low: tuple[float, float], high: tuple[float, float], reach: float, material: str
) -> list[Part]:
    """Slanted stripes on both sides of a board whose faces lie at z = ±reach."""
    tall = high[1] - low[1]
    pitch = (high[0] - low[0]) / max(round((high[0] - low[0]) / (1.6 * tall)), 1)
    parts = []
    for side, at in (("+z", reach + 0.006), ("-z", -reach - 0.006)):
        for i in range(round((high[0] - low[0]) / pitch)):
            x = low[0] + i * pitch
            foot, head = x + 0.5 * pitch, x + 0.5 * pitch + min(0.5 * pitch, tall)
            shape = [(x, low[1]), (foot, low[1]), (head, high[1]), (head - 0.5 * pitch, high[1])]
            parts.append(panel(side, at, shape, material))
    return parts


def _barrier_board() -> tuple[Part, ...]:
    """One red and white board on two feet."""
    parts = []
    for x in (-0.85, 0.85):
        parts.append(box((x - 0.11, 0, -0.4), (x + 0.11, 0.12, 0.4), "dark"))
        parts.append(box((x - 0.03, 0.1, -0.025), (x + 0.03, 1.08, 0.025), "steel"))
    board = box((-1.1, 0.8, -0.03), (1.1, 1.05, 0.03), "white")
    lamps = [
        cylinder((x, 1.06, -0.04), (x, 1.22, -0.04), (0.08, 0.08), "yellow", sides=8)
        for x in (-0.85, 0.85)
    ]
    return (*parts, *lamps, board, *_stripes((-1.1, 0.8), (1.1, 1.05), 0.03, "red"))


def _barrier_gate() -> tuple[Part, ...]:
    """Two orange and white boards between A-shaped legs."""
    parts = []
    for x in (-0.58, 0.58):
        for z in (-0.3, 0.3):
            leg = box((x - 0.03, 0.0, -0.02), (x + 0.03, 1.04, 0.02), "white")
            parts.append(turned(leg, "x", math.atan2(-z, 1.0), (x, 1.04, 0.0)))
    low = min(float(part.vertices[:, 1].min()) for part in parts)
    parts = [moved(part, (0.0, -low, 0.0)) for part in parts]
    for y, reach in ((0.3, 0.24), (0.75, 0.11)):
        board = box((-0.62, y, -reach), (0.62, y + 0.25, reach), "white")
        parts += [board, *_stripes((-0.62, y), (0.62, y + 0.25), reach, "orange")]
    return tuple(parts)


def _pedestrian_fence() -> tuple[Part, ...]:
    """A crowd barrier: a frame of tubes, upright bars, two flat feet."""
    parts = [box((x - 0.03, 0, -0.3), (x + 0.03, 0.03, 0.3), "steel") for x in (-0.7, 0.7)]
    for x in (-1.0, 1.0):
        parts.append(box((x - 0.02, 0.02, -0.02), (x + 0.02, 1.1, 0.02), "steel"))
    for y in (0.17, 1.08):
        parts.append(box((-1.0, y - 0.02, -0.02), (1.0, y + 0.02, 0.02), "steel"))
    for i in range(1, 14):
        x = -1.0 + i / 7
        shape = rectangle((x - 0.01, 0.17), (x + 0.01, 1.08))
        parts += [panel("-z", -0.01, shape, "steel"), panel("+z", 0.01, shape, "steel")]
    return tuple(parts)


def _water_barrier(material: str, groove: str) -> tuple[Part, ...]:
    """A hollow plastic block, 1.5 m long along x, on two feet, with grooves."""
    foot = box((-0.75, 0.0, -0.26), (0.75, 0.22, 0.26), material)
    profile = [(-0.75, 0.2), (0.75, 0.2), (0.72, 0.85), (-0.72, 0.85)]
    parts = [foot, slab(profile, (-0.15, 0.15), material)]
    for side, at in (("+z", 0.265), ("-z", -0.265)):
        parts += [
            panel(side, at, rectangle((x - 0.15, 0.0), (x + 0.15, 0.09)), "black")
            for x in (-0.4, 0.4)
        ]
    for side, at in (("+z", 0.16), ("-z", -0.16)):
        parts += [
            panel(side, at, rectangle((x - 0.05, 0.3), (x + 0.05, 0.76)), groove)
            for x in (-0.42, 0.0, 0.42)
        ]
        parts.append(panel(side, at + 0.005, rectangle((-0.68, 0.62), (0.68, 0.7)), "reflective"))
    return tuple(parts)


def _jersey_block() -> tuple[Part, ...]:
    """A jersey barrier, 2.5 m along x."""
    stem = slab(JERSEY_STEM, (-1.25, 1.25), "concrete")
    parts = [slab(JERSEY_FOOT, (-1.25, 1.25), "concrete"), stem]
    seen = [turned(part, "y", math.pi / 2) for part in parts]
    slots = [
        panel(side, at, rectangle((x - 0.2, 0.0), (x + 0.2, 0.07)), "shadow")
        for side, at in (("+z", 0.31), ("-z", -0.31))
        for x in (-0.6, 0.6)
    ]
    return (*seen, *slots)


def _concrete_block() -> tuple[Part, ...]:
    """A cast block with bevelled edges and lifting eyes, 1.6 m along x."""
    body = turned(slab(BLOCK_PROFILE, (-0.8, 0.8), "concrete"), "y", math.pi / 2)
    eyes = [
        cylinder((x, 0.78, 0), (x, 0.85, 0), (0.05, 0.05), "dark", sides=6, detail=True)
        for x in (-0.5, 0.5)
    ]
    seams = [
        panel(side, at, rectangle((-0.8, 0.37), (0.8, 0.4)), "shadow")
        for side, at in (("+z", 0.41), ("-z", -0.41))
    ]
    return (body, *eyes, *seams)


def _sign_stand() -> tuple[Part, ...]:
    """An orange diamond with the sign of a digging man, on three legs."""
    legs = [
        cylinder((x, 0, z), (0, 0.75, 0.03), (0.02, 0.02), "steel", sides=5)
        for x, z in ((-0.55, -0.25), (0.55, -0.25), (0.0, 0.5))
    ]
    edge = [(0.0, 0.55), (0.62, 1.17), (0.0, 1.79), (-0.62, 1.17)]
    board = slab(edge, (-0.02, 0.02), ("black", "steel", "black"))
    inner = [(x * 0.93, 1.17 + (y - 1.17) * 0.93) for x, y in edge]
    man = [
        circle((0.05, 1.42), 0.07, 8),
        [(-0.02, 1.34), (0.08, 1.34), (-0.06, 1.1), (-0.16, 1.14)],
        [(-0.16, 1.14), (-0.06, 1.1), (-0.2, 0.92), (-0.27, 0.94)],
        [(-0.12, 1.12), (-0.05, 1.1), (0.03, 0.92), (-0.05, 0.92)],
        [(0.02, 1.3), (0.06, 1.26), (0.24, 1.06), (0.2, 1.04)],
        [(0.08, 0.92), (0.36, 0.92), (0.22, 1.05)],
    ]
    face = panel("-z", -0.03, inner, "orange")
    return (*legs, board, face, *(panel("-z", -0.04, shape, "black") for shape in man))


def _arrow_board() -> tuple[Part, ...]:
    """A trailer with a black board and an arrow of amber lamps that points left."""
    wheels = [
        cylinder((x, 0.3, 0.2), (x + 0.18, 0.3, 0.2), (0.3, 0.3), ("tyre", "rim"), sides=10)
        for x in (-0.95, 0.77)
    ]
    mast = box((-0.08, 0.5, 0.1), (0.08, 1.4, 0.25), "steel", detail=True)
    bed = box((-0.75, 0.38, -0.7), (0.75, 0.6, 0.9), "orange")
    board = box((-1.2, 1.3, 0.04), (1.2, 2.55, 0.14), ("black", "steel", *("dark",) * 4))
    lamps = [(x, 1.92) for x in (-0.9, -0.6, -0.3, 0.0, 0.3, 0.6, 0.9)]
    lamps += [(-0.67, 2.12), (-0.67, 1.72), (-0.44, 2.32), (-0.44, 1.52)]
    shown = [panel("-z", 0.02, circle(spot, 0.085, 8), "amber lamp") for spot in lamps]
    return (*wheels, mast, bed, board, *shown)


def _model(name: str, label: str, parts: tuple[Part, ...], held_out: bool = False) -> Model:
    return Model(Mesh(name, parts), "obstacle", f"obstacle/{label}", held_out)


WORK_ZONE: dict[str, Model] = {
    model.mesh.name: model
    for model in (
        _model("cone", "cone", _cone(0.72, 0.19, [(0.3, 0.5), (0.68, 0.86)])),
        _model("tall cone", "cone", _cone(1.05, 0.2, [(0.3, 0.42), (0.52, 0.64), (0.74, 0.86)])),
        _model("cone fallen", "cone", _fallen_cone(), held_out=True),
        _model("barrier board", "barrier", _barrier_board()),
        _model("barrier gate", "barrier", _barrier_gate()),
        _model("pedestrian fence", "barrier", _pedestrian_fence(), held_out=True),
        _model("water barrier", "water_barrier", _water_barrier("red", "dark red")),
        _model(
            "water barrier white",
            "water_barrier",
            _water_barrier("white", "pale gray"),
            held_out=True,
        ),
        _model("concrete block", "concrete_block", _concrete_block()),
        _model("jersey block", "concrete_block", _jersey_block()),
        _model("work sign stand", "construction_sign", _sign_stand()),
        _model("arrow board", "construction_sign", _arrow_board()),
    )
}
"""Cones, barriers, blocks and portable signs by name, each with its label."""
