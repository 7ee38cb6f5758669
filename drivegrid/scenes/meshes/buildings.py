"""Houses, blocks, shops and halls.

Fronts look towards +z; the origin lies in the middle of the plan. ``plaster``, ``brick`` and
``facade`` take the body's first tint, ``roof tiles`` the second. Windows and doors are panels
2 cm before the walls, so that each is drawn only where its wall is seen. Parts run from top to
bottom: from the street a wall hides the roof's soffit, never the other way round.
"""

from __future__ import annotations

import numpy as np

from drivegrid.scenes.mesh import Mesh, Part, box, cylinder, prism
from drivegrid.scenes.meshes.model import Model
from drivegrid.scenes.meshes.shapes import Corners, moved, panel, rectangle, slab
from drivegrid.scenes.meshes.solids import hull

PROUD_M = 0.02
"""How far panels lie before their wall."""


def _windows(
    side: str, at: float, columns: list[float], rows: list[float], size: tuple[float, float]
) -> list[Part]:
    """White frames with glass in them.

    Args:
        side: Where they look.
        at: Coordinate of the wall.
        columns: Middles along the wall.
        rows: Heights of the sills.
        size: Width and height of the glass.
    """
    out = PROUD_M if side[0] == "+" else -PROUD_M
    wide, tall = size
    parts = []
    for x in columns:
        for y in rows:
            frame = rectangle((x - wide / 2 - 0.1, y - 0.1), (x + wide / 2 + 0.1, y + tall + 0.1))
            glass = rectangle((x - wide / 2, y), (x + wide / 2, y + tall))
            parts.append(panel(side, at + out, frame, "white"))
            parts.append(panel(side, at + 2 * out, glass, "glass"))
    return parts


def _door(side: str, at: float, x: float, size: tuple[float, float], material: str) -> Part:
    out = PROUD_M if side[0] == "+" else -PROUD_M
    corners = rectangle((x - size[0] / 2, 0.0), (x + size[0] / 2, size[1]))
    return panel(side, at + out, corners, material)


def _hip(half: tuple[float, float], y: float, rise: float, ridge: float) -> Part:
    """A roof sloped on four sides with a ridge along x of half length ``ridge``."""
    eaves = [(x, y, z) for x in (-half[0], half[0]) for z in (-half[1], half[1])]
    low = [(x, y - 0.15, z) for x, _, z in eaves]
    top = [(-ridge, y + rise, 0.0), (ridge, y + rise, 0.0)]
    return hull([*eaves, *low, *top], "roof tiles")


def _gable(half: tuple[float, float], y: float, rise: float) -> Part:
    """A roof of two slopes with its ridge along x."""
    profile = [(-half[1], y - 0.1), (half[1], y - 0.1), (half[1], y + 0.05), (0.0, y + rise)]
    names = (*("roof tiles",) * 5, "plaster", "plaster")
    return prism([*profile, (-half[1], y + 0.05)], [-half[0]] * 5, [half[0]] * 5, names)


def _house() -> tuple[Part, ...]:
    """Two floors, eaves to the street."""
    walls = box((-5.0, 0.0, -4.0), (5.0, 5.6, 4.0), "plaster")
    parts = [walls, *_windows("+z", 4.0, [-3.2, 0.0, 3.2], [3.5], (1.2, 1.3))]
    parts += _windows("+z", 4.0, [-3.2, 3.2], [0.9], (1.5, 1.4))
    for side, at in (("-x", -5.0), ("+x", 5.0)):
        parts += _windows(side, at, [-1.8, 1.8], [0.9, 3.5], (1.1, 1.3))
    parts.append(_door("+z", 4.0, 0.0, (1.1, 2.2), "wood"))
    step = box((-0.9, 0.0, 4.0), (0.9, 0.3, 4.9), "concrete")
    chimney = box((1.8, 6.0, -1.2), (2.5, 8.9, -0.5), "brick")
    return (chimney, _gable((5.4, 4.6), 5.6, 2.9), *parts, step)


def _house_gable() -> tuple[Part, ...]:
    """Two floors and an attic, gable to the street."""
    outline: Corners = [(-4.0, 0.0), (4.0, 0.0), (4.0, 5.2), (0.0, 9.0), (-4.0, 5.2)]
    tiles = ("roof tiles", "roof tiles")
    parts = [slab(outline, (-5.5, 5.5), ("brick", "brick", "brick", "brick", *tiles, "brick"))]
    parts += _windows("+z", 5.5, [-2.2, 2.2], [3.3], (1.2, 1.4))
    parts += _windows("+z", 5.5, [-2.2], [0.8], (1.9, 1.5))
    parts += _windows("+z", 5.5, [0.0], [6.0], (1.0, 1.2))
    for side, at in (("-x", -4.0), ("+x", 4.0)):
        parts += _windows(side, at, [-3.2, 0.0, 3.2], [0.9, 3.3], (1.1, 1.3))
    parts.append(_door("+z", 5.5, 2.2, (1.1, 2.2), "green"))
    left: Corners = [(-4.5, 4.75), (0.0, 9.0), (0.0, 9.25), (-4.5, 5.0)]
    right: Corners = [(4.5, 4.75), (4.5, 5.0), (0.0, 9.25), (0.0, 9.0)]
    roof = [slab(slope, (-5.9, 5.9), "roof tiles") for slope in (left, right)]
    return (*roof, *parts)


def _villa() -> tuple[Part, ...]:
    """A white house with a hipped roof and a wing with a porch."""
    walls = box((-6.0, 0.0, -5.0), (4.0, 6.0, 3.0), "plaster")
    parts = [walls, *_windows("+z", 3.0, [-4.4, -1.6, 1.4], [3.8], (1.1, 1.5))]
    parts += _windows("+z", 3.0, [-4.4, -1.6], [0.8], (1.3, 1.9))
    for side, at in (("-x", -6.0), ("+x", 4.0)):
        parts += _windows(side, at, [-3.2, 0.8], [0.9, 3.8], (1.1, 1.5))
    wing = box((1.0, 0.0, 2.0), (6.0, 3.0, 6.0), "plaster")
    openings = [_door("+z", 6.0, 2.2, (1.2, 2.3), "wood")]
    openings += _windows("+z", 6.0, [4.5], [0.8], (1.6, 1.5))
    openings += _windows("+x", 6.0, [4.0], [0.8], (1.4, 1.5))
    cover = box((0.6, 3.0, 1.8), (6.4, 3.25, 6.5), "white")
    roof = moved(_hip((5.7, 4.7), 6.0, 2.4, 2.2), (-1.0, 0.0, -1.0))
    return (roof, *parts, cover, wing, *openings)


def _row_house() -> tuple[Part, ...]:
    """Three narrow houses under one roof, each with its door and steps."""
    parts = [box((-8.1, 0.0, -4.5), (8.1, 8.2, 4.5), "brick")]
    for x in (-5.4, 0.0, 5.4):
        parts += _windows("+z", 4.5, [x - 1.3, x + 1.3], [3.6, 6.2], (1.0, 1.5))
        parts += _windows("+z", 4.5, [x + 1.2], [1.1], (1.6, 1.6))
        parts.append(_door("+z", 4.5, x - 1.3, (1.1, 2.5), "blue" if x == 0 else "wood"))
        step = box((x - 2.0, 0.0, 4.5), (x - 0.6, 0.35, 4.95), "stone", detail=True)
        parts.append(step)
    edge = box((-8.3, 8.2, -4.7), (8.3, 8.7, 4.8), "pale gray")
    return (_hip((8.1, 4.4), 8.7, 1.6, 6.4), edge, *parts)


def _apartment_block() -> tuple[Part, ...]:
    """Five floors of windows over a base of stone, under a flat roof."""
    base = box((-10.0, 0.0, -6.5), (10.0, 3.2, 6.5), "stone")
    body = box((-9.9, 3.2, -6.4), (9.9, 17.6, 6.4), (*("facade",) * 4, "concrete", "concrete"))
    parts = [base, *_windows("+z", 6.5, [-7.6, -4.4, 4.4, 7.6], [0.9], (1.6, 1.5))]
    parts.append(_door("+z", 6.5, 0.0, (2.4, 2.6), "glass"))
    porch = box((-2.0, 2.7, 6.5), (2.0, 2.95, 8.0), "concrete")
    cornice = box((-10.2, 17.6, -6.7), (10.2, 18.2, 6.7), "concrete")
    shed = box((-2.0, 18.2, -2.0), (2.0, 20.4, 2.0), "pale gray")
    return (shed, cornice, body, *parts, porch)


def _office_tower() -> tuple[Part, ...]:
    """Ten bands of glass between bands of concrete, a glazed hall below."""
    half, floor = 9.0, 3.8
    parts = [box((-half, 0.0, -half), (half, 10.6 * floor, half), "concrete")]
    for side, at in (("-z", -half), ("-x", -half), ("+x", half), ("+z", half)):
        out = at + (PROUD_M if at > 0 else -PROUD_M)
        for i in range(10):
            low, high = i * floor + (0.3 if i == 0 else 1.1), (i + 1) * floor
            parts.append(panel(side, out, rectangle((-8.7, low), (8.7, high)), "glass"))
        for x in (-4.5, 0.0, 4.5):
            mullion = rectangle((x - 0.12, 0.0), (x + 0.12, 10 * floor))
            parts.append(panel(side, out + (out - at), mullion, "pale gray"))
    plant = box((-4.0, 10.6 * floor, -4.0), (4.0, 10.6 * floor + 3.0, 4.0), "sheet metal")
    return (plant, *parts)


def _shop() -> tuple[Part, ...]:
    """One floor with a wide window under an awning and a name board; both take the second tint."""
    parts = [box((-6.0, 0.0, -5.0), (6.0, 5.0, 5.0), "plaster")]
    parts += _windows("+z", 5.0, [-3.4, 3.4], [0.6], (4.2, 2.1))
    parts.append(_door("+z", 5.0, 0.0, (1.8, 2.6), "glass"))
    parts += _windows("+x", 6.0, [0.0], [1.0], (2.0, 1.6))
    parts += _windows("-x", -6.0, [0.0], [1.0], (2.0, 1.6))
    parts.append(panel("+z", 5.04, rectangle((-5.6, 3.5), (5.6, 4.5)), "trim"))
    words = [
        panel("+z", 5.06, rectangle((x, 3.75), (x + 0.5, 4.25)), "white")
        for x in np.linspace(-2.4, 2.0, 6).tolist()
    ]
    slope = [(5.0, 3.1), (6.3, 2.6), (6.3, 2.7), (5.0, 3.35)]
    awning = prism(slope, [-5.8] * 4, [5.8] * 4, "trim")
    edge = box((-6.1, 5.0, -5.1), (6.1, 5.3, 5.1), "pale gray")
    return (edge, *parts, *words, awning)


def _warehouse() -> tuple[Part, ...]:
    """A hall of sheet metal with roller doors and a band of windows."""
    outline: Corners = [(-15.0, 0.0), (15.0, 0.0), (15.0, 7.4), (0.0, 9.0), (-15.0, 7.4)]
    parts = [slab(outline, (-10.0, 10.0), "sheet metal")]
    for x in (-9.5, -3.5, 2.5):
        parts.append(_door("+z", 10.0, x, (4.2, 4.4), "pale gray"))
        parts += [
            panel("+z", 10.04, rectangle((x - 2.1, y), (x + 2.1, y + 0.08)), "shadow")
            for y in (1.1, 2.2, 3.3)
        ]
    parts.append(_door("+z", 10.0, 8.0, (1.1, 2.2), "blue"))
    for side, at in (("-x", -15.02), ("+x", 15.02)):
        parts.append(panel(side, at, rectangle((-9.0, 5.2), (9.0, 6.2)), "glass"))
        parts.append(panel(side, at, rectangle((-10.0, 0.0), (10.0, 0.8)), "concrete"))
    parts.append(panel("+z", 10.02, rectangle((9.6, 1.0), (14.0, 2.4)), "glass"))
    parts.append(panel("+z", 10.02, rectangle((-6.0, 5.6), (6.0, 6.9)), "trim"))
    return tuple(parts)


def _barn() -> tuple[Part, ...]:
    """A wooden barn with a broken roof line and a double door."""
    outline: Corners = [(-5.5, 0.0), (5.5, 0.0), (5.5, 4.4), (3.8, 7.2), (0.0, 8.8)]
    outline += [(-3.8, 7.2), (-5.5, 4.4)]
    rim = ("wood", "wood", *("roof tiles",) * 4, "wood")
    parts = [slab(outline, (-8.0, 8.0), ("wood", "wood", *rim))]
    parts.append(_door("+z", 8.0, 0.0, (3.8, 3.8), "bark"))
    frame = [(-1.9, 0.0), (-1.6, 0.0), (1.9, 3.8), (1.6, 3.8)]
    parts.append(panel("+z", 8.04, frame, "white"))
    parts.append(panel("+z", 8.04, [(-x, y) for x, y in frame], "white"))
    parts.append(panel("+z", 8.02, rectangle((-0.7, 5.2), (0.7, 6.6)), "hole"))
    slopes: list[Corners] = [
        [(-5.9, 3.9), (-3.8, 7.2), (-3.8, 7.5), (-6.0, 4.05)],
        [(-3.85, 7.2), (0.0, 8.8), (0.0, 9.1), (-3.85, 7.5)],
    ]
    slopes += [[(-x, y) for x, y in reversed(slope)] for slope in slopes]
    return (*(slab(slope, (-8.3, 8.3), "roof tiles") for slope in slopes), *parts)


def _garage() -> tuple[Part, ...]:
    """A double garage with a flat roof."""
    parts = [box((-3.2, 0.0, -3.0), (3.2, 2.7, 3.0), "plaster")]
    for x in (-1.5, 1.5):
        parts.append(_door("+z", 3.0, x, (2.5, 2.2), "white"))
        parts += [
            panel("+z", 3.04, rectangle((x - 1.25, y), (x + 1.25, y + 0.04)), "shadow")
            for y in (0.55, 1.1, 1.65)
        ]
    return (box((-3.4, 2.7, -3.2), (3.4, 2.95, 3.3), "pale gray"), *parts)


def _church() -> tuple[Part, ...]:
    """A nave with tall windows behind a tower with a pointed spire."""
    nave = box((-5.0, 0.0, -18.0), (5.0, 8.0, 0.0), "stone")
    sides = []
    for side, at in (("-x", -5.02), ("+x", 5.02)):
        for z in (-15.0, -11.5, -8.0, -4.5):
            arch = [(z - 0.6, 2.2), (z + 0.6, 2.2), (z + 0.6, 5.2), (z, 6.2), (z - 0.6, 5.2)]
            sides.append(panel(side, at, arch, "glass"))
    ridge: Corners = [(-5.5, 7.8), (5.5, 7.8), (0.0, 13.5)]
    tower = box((-2.6, 0.0, -1.0), (2.6, 17.0, 4.2), "stone")
    parts = [tower, _door("+z", 4.2, 0.0, (1.8, 3.2), "bark")]
    for side, at, middle in (("+z", 4.22, 0.0), ("-x", -2.62, 1.6), ("+x", 2.62, 1.6)):
        for y in (7.0, 13.0):
            arch = [(-0.5, 0.0), (0.5, 0.0), (0.5, 1.8), (0.0, 2.4), (-0.5, 1.8)]
            parts.append(panel(side, at, [(middle + u, y + v) for u, v in arch], "hole"))
    spire = cylinder((0, 17, 1.6), (0, 27, 1.6), (3.6, 0.05), "iron", sides=8)
    return (slab(ridge, (-18.2, 0.0), "roof tiles"), nave, *sides, spire, *parts)


def _model(name: str, parts: tuple[Part, ...], held_out: bool = False) -> Model:
    return Model(Mesh(name, parts), "building", held_out=held_out)


BUILDINGS: dict[str, Model] = {
    model.mesh.name: model
    for model in (
        _model("house", _house()),
        _model("house gable", _house_gable()),
        _model("villa", _villa(), held_out=True),
        _model("row house", _row_house()),
        _model("apartment block", _apartment_block()),
        _model("office tower", _office_tower()),
        _model("shop", _shop()),
        _model("warehouse", _warehouse()),
        _model("barn", _barn(), held_out=True),
        _model("garage", _garage()),
        _model("church", _church()),
    )
}
"""Buildings by name, without labels."""
