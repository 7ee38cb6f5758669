"""What stands along the road without being asked for: trees, houses, lamps; and rails and walls."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from drivegrid.scenes.body import Body
from drivegrid.scenes.draws import Draws
from drivegrid.scenes.mesh import Color
from drivegrid.scenes.placing import Occupancy, Spot, Thing, footprint, stand
from drivegrid.scenes.road import Course, Road
from drivegrid.scenes.stock import Stock
from drivegrid.scenes.templates import Template
from drivegrid.scenes.tunnel import sample_tunnel, tunnel_lamps

_TREES = (
    "broadleaf small",
    "broadleaf",
    "broadleaf large",
    "conifer",
    "poplar",
    "bare tree",
    "bush",
)
_STREET_TREES = ("broadleaf small", "broadleaf", "poplar", "bare tree", "bare tree")
_HOUSES = (
    *("house", "house", "house gable", "house gable", "villa"),
    *("row house", "row house", "garage", "shop", "shop", "church"),
)
_BLOCKS = ("apartment block", "office tower", "shop", "row house", "warehouse")
_FARMS = ("barn", "house gable", "warehouse", "villa")
_WALLS: tuple[Color, ...] = (
    (110, 80, 65),
    (190, 180, 160),
    (150, 148, 145),
    (120, 112, 100),
    (205, 200, 192),
    (96, 92, 90),
    (165, 140, 110),
    (140, 70, 55),
)
_ROOFS: tuple[Color, ...] = ((105, 60, 48), (70, 68, 70), (120, 90, 70), (52, 50, 52))
_ELEMENT_M = 4.0


@dataclass
class Roadside:
    """What was drawn.

    Args:
        bodies: Scenery without labels.
        things: Rails, walls and fences, each run one thing.
        lamps: Lamp heads: offset, Z.
        groves: Shade of trees: offset, Z, radius.
    """

    bodies: list[Body] = field(default_factory=list)
    things: list[Thing] = field(default_factory=list)
    lamps: list[tuple[float, float]] = field(default_factory=list)
    groves: list[tuple[float, float, float]] = field(default_factory=list)


def sample_roadside(
    d: Draws, template: Template, road: Road, stock: Stock, taken: Occupancy
) -> Roadside:
    """Draw both sides of the road up to about 120 m, rails left out."""
    side = Roadside()
    if template.has("tunnel"):
        side.lamps = tunnel_lamps(road)
        return side
    if template.has("lamps") or (template.place == "highway" and d.chance(0.25)):
        _lamps(d, template, road, stock, side, taken)
    if template.has("poles") or d.chance(0.6 if template.has("kerbs") else 0.2):
        _poles(d, template, road, stock, side, taken)
    if template.has("buildings"):
        _buildings(d, template, road, stock, side, taken)
    elif d.chance(0.35):
        _farms(d, road, stock, side)
    _trees(d, template, road, stock, side, taken)
    if template.has("bridge"):
        z = d.between(28, 75)
        side.bodies.append(stand(road, "bridge", Spot(0.0, z), tints=(d.pick(_WALLS),) * 2))
    return side


def sample_rails(
    d: Draws, template: Template, road: Road, stock: Stock, taken: Occupancy
) -> tuple[list[Thing], list[Body]]:
    """Draw rails, walls, fences and, without labels, hedges; nothing else may stand in them."""
    things: list[Thing] = []
    hedges: list[Body] = []
    runs: list[tuple[str, Course]] = []
    left, right = road.verges
    if template.has("tunnel"):
        things.append(sample_tunnel(d, road, taken))
    if template.has("rails"):
        runs += [("guard rail element", right.shifted(0.5))] if d.chance(0.6) else []
        runs += [("guard rail element", left.shifted(-0.4))] if d.chance(0.65) else []
    if template.has("jersey") and d.chance(0.85):
        runs.append(("jersey element", left.shifted(-0.35)))
    if template.has("walls") and d.chance(0.8):
        runs.append((stock.scenery(d, ("noise wall element", "wall element")), right.shifted(1.2)))
    if template.has("kerbs") and d.chance(0.45):
        runs.append(
            (
                stock.scenery(
                    d, ("fence element", "hedge element", "wall element", "railing element")
                ),
                right.shifted(0.3),
            )
        )
    if template.place == "rural" and d.chance(0.3):
        runs.append((d.pick(("fence element", "hedge element")), right.shifted(d.between(2, 4))))
    if template.has("median") and d.chance(0.4):
        runs.append(("fence element", left.shifted(-0.6)))
    for mesh, course in runs:
        run = _run(d, road, taken, mesh, course)
        if mesh == "hedge element":
            hedges += run.bodies
        else:
            things.append(run)
    return things, hedges


def _run(d: Draws, road: Road, taken: Occupancy, mesh: str, course: Course) -> Thing:
    """A row of elements from beside us to about 100 m, longer ones farther away."""
    bodies, z, factor = [], d.between(-1.0, 3.0), 1.0
    wide = footprint(mesh, 0.0)[0]
    gap = (road.junction.near_m - 8, road.junction.far_m + 6) if road.junction else (1e9, 1e9)
    tone = d.pick(_WALLS)
    green: Color = (58 + d.bell(10), 72 + d.bell(12), 40)
    tints = (green, green) if mesh == "hedge element" else (tone, tone)
    while z < 105:
        factor = 1.0 if z < 34 else 2.0 if z < 66 else 4.0
        long = _ELEMENT_M * factor
        middle = z + long / 2
        if not (gap[0] < middle < gap[1]) and middle - long / 2 > 1.2:
            spot = Spot(course.here(middle), middle)
            taken.take(spot, (wide, long), -0.05)
            bodies.append(stand(road, mesh, spot, scale=(1.0, 1.0, factor), tints=tints))
        z += long
    label = _RUN_LABELS[mesh]
    return Thing(label, tuple(bodies), Spot(course.here(10.0), 10.0))


_RUN_LABELS = {
    "guard rail element": "obstacle/guard_rail",
    "jersey element": "obstacle/concrete_block",
    "noise wall element": "obstacle/wall",
    "wall element": "obstacle/wall",
    "fence element": "obstacle/fence",
    "railing element": "obstacle/fence",
    "hedge element": "region/vegetation",
}


def _lamps(
    d: Draws, template: Template, road: Road, stock: Stock, side: Roadside, taken: Occupancy
) -> None:
    step, mesh = d.between(22, 38), stock.scenery(d, ("lamp post", "lamp post double"))
    which = d.pick((1, -1))
    z = d.between(2, step)
    while z < 110:
        q = _at_kerb(d, template, road, which, z)
        spot = Spot(q, z, 0.0 if which > 0 else math.pi)
        side.lamps.append((q - which * 1.6, z))
        if taken.take(spot, (0.3, 0.3), 0.05):
            side.things.append(Thing("obstacle/pole", (stand(road, mesh, spot),), spot))
        z += step


def _poles(
    d: Draws, template: Template, road: Road, stock: Stock, side: Roadside, taken: Occupancy
) -> None:
    which, step = d.pick((1, -1)), d.between(28, 45)
    z = d.between(5, step)
    while z < 110:
        q = _at_kerb(d, template, road, which, z)
        q += 0.0 if template.has("kerbs") else which * d.between(0.9, 2.7)
        spot = Spot(q, z)
        body = stand(road, stock.pick(d, "obstacle/pole"), spot)
        if taken.take(spot, (0.4, 0.4), 0.05):
            side.things.append(Thing("obstacle/pole", (body,), spot))
        z += step


def _at_kerb(d: Draws, template: Template, road: Road, which: int, z: float) -> float:
    """Offset of a post: on the sidewalk behind the kerb, else beside the pavement."""
    rim = (road.verges[1] if which > 0 else road.verges[0]).here(z)
    if not template.has("kerbs"):
        return rim + which * 0.3
    kerb = (road.paved[1] if which > 0 else road.paved[0]).here(z)
    return kerb + which * min(d.between(0.45, 0.75), max(abs(rim - kerb) - 0.3, 0.3))


def _buildings(
    d: Draws, template: Template, road: Road, stock: Stock, side: Roadside, taken: Occupancy
) -> None:
    names = _BLOCKS if template.place == "city" and d.chance(0.6) else _HOUSES
    for which in (-1, 1):
        back = d.between(0.4, 4.5)
        base = road.verges[1] if which > 0 else road.verges[0]
        shift = 16.0 if which < 0 and template.has("median") else 0.0
        z = d.between(-4, 12)
        while z < 130:
            mesh = stock.scenery(d, names)
            turn = -which * math.pi / 2  # the front, +z, looks at the road
            wide, deep = footprint(mesh, turn)
            middle = z + deep / 2
            cross = (
                road.junction
                and road.junction.near_m - 9 < middle + deep / 2
                and middle - deep / 2 < road.junction.far_m + 6
            )
            q = base.here(middle) + which * (back + shift + wide / 2)
            spot = Spot(q, middle, turn)
            if not cross and z > 2.5 and taken.take(spot, (wide, deep), 0.0):
                tints = (_vary(d, d.pick(_WALLS)), d.pick(_ROOFS))
                side.bodies.append(replace(stand(road, mesh, spot, tints=tints), grade=0.0))
            z += deep + (d.between(0, 1.5) if d.chance(0.6) else d.between(3, 14))


def _farms(d: Draws, road: Road, stock: Stock, side: Roadside) -> None:
    for _ in range(d.whole(1, 3)):
        which, z = d.pick((1, -1)), d.between(35, 150)
        edge = (road.verges[1] if which > 0 else road.verges[0]).here(z)
        shift = 18.0 if which < 0 and road.divided else 6.0
        mesh = stock.scenery(d, _FARMS)
        q = edge + which * (shift + d.between(4, 30) + max(footprint(mesh, 0.0)) / 2)
        tints = (_vary(d, d.pick(_WALLS)), d.pick(_ROOFS))
        spot = Spot(q, z, d.between(-math.pi, math.pi))
        side.bodies.append(stand(road, mesh, spot, tints=tints))


def _trees(
    d: Draws, template: Template, road: Road, stock: Stock, side: Roadside, taken: Occupancy
) -> None:
    mean = {"highway": 7.0, "rural": 12.0, "city": 4.0, "residential": 7.0}.get(template.place, 3.0)
    count = int(mean * (1.7 if template.has("trees") else 1.0) * d.between(0.2, 1.4))
    dull = d.between(0.6, 1.1)
    for _ in range(count):
        which = 1 if d.chance(0.58) else -1
        z = d.between(7, 120)
        edge = (road.verges[1] if which > 0 else road.verges[0]).here(z)
        near = d.between(3.0, 22.0)
        if template.has("kerbs"):  # in the sidewalk, or behind it where no house stands
            walk = abs((road.paved[1] if which > 0 else road.paved[0]).here(z) - edge)
            near = 0.9 - walk if walk > 2.4 and d.chance(0.7) else d.between(0.9, 4.0)
        if which < 0 and (template.has("divided") or template.has("median")):
            near += 17.0
        name = stock.scenery(d, _STREET_TREES if near < 0 else _TREES)
        size = d.between(0.75, 1.25)
        level = d.between(0.6, 1.15) * dull
        leaf: Color = (64 * level + d.bell(9), 76 * level + d.bell(9), 44 * level + d.bell(7))
        spot = Spot(edge + which * near, z, d.between(-math.pi, math.pi))
        if not taken.take(spot, (0.7, 0.7), 0.1):
            continue
        side.bodies.append(stand(road, name, spot, scale=(size, size, size), tints=(leaf, leaf)))
        if near < 9:
            side.groves.append((edge + which * (near - 3), z, 3.0 * size))


def _vary(d: Draws, color: Color) -> Color:
    gain, cast = d.between(0.55, 1.2), d.bell(8)
    return (color[0] * gain + cast, color[1] * gain, color[2] * gain - cast)
