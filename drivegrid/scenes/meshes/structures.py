"""Bridges, gantries, masts, posts, lamps and billboards.

At yaw 0 a thing stands on the right of the road: arms reach over it towards -x. Turned by pi it
stands on the left. Unit parts say so: their body's scale gives the size.
"""

from __future__ import annotations

import numpy as np

from drivegrid.scenes.mesh import Mesh, Part, box, cylinder
from drivegrid.scenes.meshes.model import Model
from drivegrid.scenes.meshes.shapes import panel, rectangle


def _bridge() -> tuple[Part, ...]:
    """A road over the road: 40 m along x, clear below 5.2 m and between ±13.9 m."""
    deck = box((-20.0, 5.2, -5.0), (20.0, 7.4, 5.0), "concrete")
    lines = []
    for side, at in (("-z", -5.03), ("+z", 5.03)):
        lines.append(panel(side, at, rectangle((-20.0, 6.25), (20.0, 6.35)), "shadow"))
        lines += [
            panel(side, at, rectangle((x - 0.04, 6.35), (x + 0.04, 7.4)), "pale gray")
            for x in np.arange(-18.0, 19.0, 4.0).tolist()
        ]
    beams = [
        box((-20.0, 5.0, z - 0.35), (20.0, 5.25, z + 0.35), "concrete", detail=True)
        for z in (3.5, 0.0, -3.5)
    ]
    banks = [box((x - 1.2, 0.0, -6.0), (x + 1.2, 5.2, 6.0), "concrete") for x in (-18.8, 18.8)]
    piers = [box((x - 0.6, 0.0, -4.2), (x + 0.6, 5.2, 4.2), "concrete") for x in (-14.5, 14.5)]
    return (deck, *lines, *beams, *banks, *piers)


def _tunnel_portal() -> tuple[Part, ...]:
    """A wall across the road, facing -z, with an opening 14 m wide and 5.6 m high.

    Closed by darkness 18 m inside.
    """
    end = box((-7.0, 0.0, 18.0), (7.0, 5.6, 18.2), "hole")
    top = box((-18.0, 5.6, 0.0), (18.0, 9.0, 18.2), "concrete")
    sides = [box((low, 0.0, 0.0), (low + 11.0, 5.6, 18.2), "concrete") for low in (-18.0, 7.0)]
    rim = [
        panel("-z", -0.03, rectangle((-7.5, 5.6), (7.5, 6.2)), "pale gray"),
        panel("-z", -0.03, rectangle((-7.5, 0.0), (-7.0, 5.6)), "pale gray"),
        panel("-z", -0.03, rectangle((7.0, 0.0), (7.5, 5.6)), "pale gray"),
    ]
    lamps = [
        panel("+x", -6.97, rectangle((z, 4.2), (z + 1.2, 4.4)), "amber lamp")
        for z in (2.0, 6.0, 10.0, 14.0)
    ]
    lamps += [
        panel("-x", 6.97, rectangle((z, 4.2), (z + 1.2, 4.4)), "amber lamp")
        for z in (2.0, 6.0, 10.0, 14.0)
    ]
    return (end, top, *sides, *lamps, *rim)


def _tunnel_wall() -> tuple[Part, ...]:
    """4 m of a tunnel's right wall along z, 5.4 m high: pale tiles below, soot above."""
    wall = box((0.0, 0.0, -2.0), (0.5, 5.4, 2.0), "shadow")
    tiles = panel("-x", -0.03, rectangle((-2.0, 0.35), (2.0, 3.1)), "pale gray")
    joints = [
        panel("-x", -0.04, rectangle((z, 0.35), (z + 0.02, 3.1)), "shadow") for z in (-2.0, 0.0)
    ]
    band = panel("-x", -0.04, rectangle((-2.0, 2.95), (2.0, 3.1)), "blue")
    rail = box((-0.09, 0.95, -2.0), (0.0, 1.02, 2.0), "steel", detail=True)
    cable = box((-0.12, 4.5, -2.0), (0.0, 4.62, 2.0), "steel", detail=True)
    return (wall, tiles, *joints, band, rail, cable)


def _tunnel_ceiling() -> tuple[Part, ...]:
    """4 m of a tunnel's ceiling along z at 5.4 m; scale x gives half the width."""
    slab = box((-1.0, 5.4, -2.0), (1.0, 5.9, 2.0), "shadow")
    lamps = [
        panel("-y", 5.36, rectangle((x - 0.03, -1.3), (x + 0.03, 0.9)), "strip lamp")
        for x in (-0.42, 0.42)
    ]
    seam = panel("-y", 5.37, rectangle((-1.0, -2.0), (1.0, -1.95)), "dark")
    return (slab, seam, *lamps)


def _canopy_roof() -> tuple[Part, ...]:
    """The roof over a gas station's pumps, 18 x 11 m, clear below 4.9 m, lamps in its soffit.

    The rim takes the body's first tint.
    """
    roof = box((-9.0, 4.9, -5.5), (9.0, 5.8, 5.5), ("paint",) * 4 + ("concrete", "pale gray"))
    lines = [
        panel(side, at, rectangle((-9.0, 5.1), (9.0, 5.24)), "white")
        for side, at in (("-z", -5.53), ("+z", 5.53))
    ]
    lamps = [
        panel("-y", 4.87, rectangle((x - 0.45, z - 0.45), (x + 0.45, z + 0.45)), "strip lamp")
        for x in (-6.0, -2.0, 2.0, 6.0)
        for z in (-3.2, 0.0, 3.2)
    ]
    return (roof, *lines, *lamps)


def _canopy_pillar() -> tuple[Part, ...]:
    """A pillar of the canopy on the end of an island, a hoop before it towards -z."""
    kerb = box((-0.55, 0.0, -1.1), (0.55, 0.16, 1.1), "concrete")
    top = panel("+y", 0.165, rectangle((-0.42, -0.95), (0.42, 1.1)), "pale gray")
    shaft = box((-0.2, 0.1, 0.3), (0.2, 4.9, 0.7), "pale gray")
    foot = box((-0.24, 0.1, 0.26), (0.24, 0.9, 0.74), "iron")
    hoop = [box((x - 0.05, 0.1, -0.85), (x + 0.05, 0.9, -0.75), "yellow") for x in (-0.4, 0.4)]
    rail = box((-0.35, 0.8, -0.85), (0.35, 0.9, -0.75), "yellow")
    return (kerb, top, shaft, foot, *hoop, rail)


def _price_pylon() -> tuple[Part, ...]:
    """A gas station's sign 6.5 m high, facing -z: a coloured head above rows of prices."""
    body = box((-0.9, 0.0, -0.2), (0.9, 6.5, 0.2), "dark")
    parts = []
    for side, at in (("-z", -0.22), ("+z", 0.22)):
        parts.append(panel(side, at, rectangle((-0.85, 4.7), (0.85, 6.4)), "paint"))
        for y in (3.7, 2.8, 1.9):
            parts.append(panel(side, at, rectangle((-0.8, y), (0.8, y + 0.75)), "white"))
            for x in (-0.65, -0.25, 0.15):
                shape = rectangle((x, y + 0.15), (x + 0.25, y + 0.6))
                parts.append(panel(side, at * 1.1, shape, "red"))
    return (body, *parts)


def _gantry() -> tuple[Part, ...]:
    """Two posts at x = ±1 under a lattice beam at 5.9 to 6.8 m; scale x gives half the span."""
    posts = [box((x - 0.018, 0.0, -0.2), (x + 0.018, 6.8, 0.2), "steel") for x in (-1.0, 1.0)]
    beam = [
        box((-1.02, y, z - 0.08), (1.02, y + 0.14, z + 0.08), "steel")
        for y in (6.7, 5.9)
        for z in (0.3, -0.3)
    ]
    lattice = []
    for i in range(12):
        x = -1.0 + i / 6
        low, high = (x, x + 1 / 6) if i % 2 else (x + 1 / 6, x)
        shape = [(low, 6.0), (low + 0.014, 6.0), (high + 0.014, 6.75), (high, 6.75)]
        for side, at in (("-z", -0.36), ("+z", 0.36)):
            lattice.append(panel(side, at, shape, "steel"))
    return (*posts, *beam, *lattice)


def _mast_arm() -> tuple[Part, ...]:
    """A mast with an arm 7 m long at 5.9 m, for lights over the lanes."""
    return (
        cylinder((0, 0, 0), (0, 0.4, 0), (0.26, 0.2), "steel", sides=8),
        cylinder((0, 0.3, 0), (0, 6.6, 0), (0.15, 0.11), "steel", sides=8),
        cylinder((0, 5.7, 0), (-7.0, 6.0, 0), (0.1, 0.05), "steel", sides=8),
    )


def _lamp_arm(reach: float) -> tuple[Part, Part, Part]:
    """An arm at 8 m that rises towards x = reach, the lamp head on it and its glass."""
    sign = 1.0 if reach > 0 else -1.0
    arm = cylinder((0, 7.7, 0), (reach, 8.2, 0), (0.05, 0.035), "steel", sides=6)
    low, high = sorted((reach - 0.1 * sign, reach + 0.65 * sign))
    head = box((low, 8.16, -0.13), (high, 8.3, 0.13), "pale gray")
    lamp = box((low + 0.08, 8.1, -0.1), (high - 0.08, 8.17, 0.1), "white", detail=True)
    return arm, head, lamp


def _lamp_post(reaches: tuple[float, ...]) -> tuple[Part, ...]:
    """A post 8 m high with lamps over the road."""
    parts = [part for reach in reaches for part in _lamp_arm(reach)]
    pole = cylinder((0, 0.9, 0), (0, 7.85, 0), (0.08, 0.05), "steel", sides=8)
    return (*parts, cylinder((0, 0, 0), (0, 1.0, 0), (0.13, 0.1), "steel", sides=8), pole)


def _billboard() -> tuple[Part, ...]:
    """A white board 6 x 3 m on two posts, facing -z.

    ``face`` maps [-1, 1]² alone, so that a picture is a body of its own: a ``plate rectangle``
    scaled by (3, 1.5, 1) at height 5 m, 0.15 m before the board.
    """
    posts = [box((x - 0.12, 0.0, 0.0), (x + 0.12, 4.2, 0.24), "steel") for x in (-1.8, 1.8)]
    board = box((-3.1, 3.4, -0.1), (3.1, 6.6, 0.1), "iron")
    walk = box((-3.1, 3.2, -0.6), (3.1, 3.28, 0.0), "steel", detail=True)
    poster = panel("-z", -0.12, rectangle((-3.0, 3.5), (3.0, 6.5)), "white")
    return (*posts, board, poster, walk)


def _model(name: str, segment: str, parts: tuple[Part, ...], held_out: bool = False) -> Model:
    return Model(Mesh(name, parts), segment, held_out=held_out)


_SIGN_POST = (cylinder((0, 0, 0), (0, 1, 0), (0.04, 0.04), "steel", sides=8),)
_WOOD_POST = (box((-0.06, 0.0, -0.06), (0.06, 1.0, 0.06), "wood"),)

STRUCTURES: dict[str, Model] = {
    model.mesh.name: model
    for model in (
        _model("bridge", "building", _bridge()),
        _model("tunnel portal", "building", _tunnel_portal()),
        _model("gantry", "pole", _gantry()),
        _model("mast arm", "pole", _mast_arm()),
        _model("sign post", "pole", _SIGN_POST),
        _model("wood post", "pole", _WOOD_POST, held_out=True),
        _model("lamp post", "pole", _lamp_post((-1.8,))),
        _model("lamp post double", "pole", _lamp_post((1.8, -1.8)), held_out=True),
        _model("billboard", "sign", _billboard()),
        _model("tunnel wall", "building", _tunnel_wall()),
        _model("tunnel ceiling", "building", _tunnel_ceiling()),
        _model("canopy roof", "building", _canopy_roof()),
        _model("canopy pillar", "pole", _canopy_pillar()),
        _model("price pylon", "sign", _price_pylon()),
    )
}
"""Structures by name; sign post and wood post are 1 m high, to be scaled along y."""
