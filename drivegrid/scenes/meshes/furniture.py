"""What stands on the pavement: poles, bollards, hydrants, racks, benches, boxes.

Things with a front show it towards +z. ``paint`` takes the body's first tint.
"""

from __future__ import annotations

import math

import numpy as np

from drivegrid.scenes.mesh import Mesh, Part, box, cylinder, ellipsoid, prism
from drivegrid.scenes.meshes.model import Model
from drivegrid.scenes.meshes.shapes import panel, rectangle, sleeve


def _utility_pole() -> tuple[Part, ...]:
    """A wooden pole with two crossarms across the wires, insulators and a transformer."""
    parts = [cylinder((0, 0, 0), (0, 9.5, 0), (0.16, 0.11), "bark", sides=8)]
    for y, half in ((8.9, 1.2), (8.1, 0.9)):
        parts.append(box((-half, y, -0.18), (half, y + 0.14, -0.06), "bark"))
        for x in (-0.92 * half, -0.45 * half, 0.45 * half, 0.92 * half):
            top = box((x - 0.04, y + 0.14, -0.16), (x + 0.04, y + 0.32, -0.08), "dark", detail=True)
            parts.append(top)
    parts.append(cylinder((0.36, 6.6, 0), (0.36, 7.5, 0), (0.24, 0.24), "steel", sides=8))
    return tuple(parts)


def _street_pole() -> tuple[Part, ...]:
    """A plain steel pole on a flange, with a clamp band."""
    return (
        cylinder((0, 0, 0), (0, 0.25, 0), (0.13, 0.1), "steel", sides=8),
        cylinder((0, 0.2, 0), (0, 4.6, 0), (0.065, 0.055), "steel", sides=8),
        sleeve((0, 2.2, 0), (0, 2.5, 0), (0.08, 0.08), "iron", sides=8),
    )


def _bollard(height: float, radius: float) -> tuple[Part, ...]:
    """A dark iron bollard with two white bands and a domed head."""
    body = cylinder((0, 0, 0), (0, height, 0), (radius, radius * 0.9), "dark", sides=10)
    head = ellipsoid((0, height, 0), (radius, radius * 0.6, radius), "dark", rings=3, sides=8)
    bands = [
        sleeve((0, y, 0), (0, y + 0.07, 0), (radius * 1.03, radius * 1.02), "reflective")
        for y in (height * 0.72, height * 0.88)
    ]
    return (body, head, *bands)


def _delineator() -> tuple[Part, ...]:
    """A white post with a slanted black band and a reflector on both sides."""
    profile = [(-0.05, 0.0), (0.05, 0.0), (0.05, 0.98), (-0.05, 1.02)]
    parts = [prism(profile, [-0.06] * 4, [0.06] * 4, "white")]
    band = [(-0.06, 0.66), (0.06, 0.74), (0.06, 0.94), (-0.06, 0.86)]
    for side, at in (("-z", -0.055), ("+z", 0.055)):
        parts.append(panel(side, at, band, "black"))
        inner = rectangle((-0.022, 0.73), (0.022, 0.87))
        parts.append(panel(side, at * 1.1, inner, "reflective" if side == "+z" else "orange"))
    for side, at in (("-x", -0.065), ("+x", 0.065)):
        parts.append(panel(side, at, rectangle((-0.05, 0.68), (0.05, 0.9)), "black"))
    return tuple(parts)


def _hydrant() -> tuple[Part, ...]:
    """A red hydrant with a bonnet, a flange and three outlets."""
    return (
        cylinder((0, 0, 0), (0, 0.06, 0), (0.18, 0.18), "dark red", sides=8),
        cylinder((0, 0.06, 0), (0, 0.6, 0), (0.12, 0.12), "red", sides=8),
        cylinder((0, 0.6, 0), (0, 0.65, 0), (0.16, 0.16), "dark red", sides=8),
        ellipsoid((0, 0.65, 0), (0.13, 0.13, 0.13), "red", rings=2, sides=8),
        cylinder((-0.22, 0.48, 0), (0.22, 0.48, 0), (0.06, 0.06), ("red", "pale gray"), sides=6),
        cylinder((0, 0.42, 0), (0, 0.42, 0.19), (0.08, 0.08), ("red", "pale gray"), sides=8),
    )


def _bike_rack() -> tuple[Part, ...]:
    """Four steel hoops on two ground rails."""
    parts = [box((-1.5, 0, z - 0.04), (1.5, 0.05, z + 0.04), "steel") for z in (0.35, -0.35)]
    for x in np.linspace(-1.4, 1.4, 4).tolist():
        for z in (0.35, -0.35):
            low, high = (x - 0.03, 0.05, z - 0.03), (x + 0.03, 0.8, z + 0.03)
            parts.append(box(low, high, "steel"))
        parts.append(box((x - 0.03, 0.75, -0.35), (x + 0.03, 0.81, 0.35), "steel"))
    return tuple(parts)


def _bench() -> tuple[Part, ...]:
    """A wooden bench, 1.8 m long, looking towards +z."""
    legs = [box((x - 0.04, 0.0, -0.25), (x + 0.04, 0.44, 0.25), "iron") for x in (-0.75, 0.75)]
    back = prism(
        [(-0.3, 0.45), (-0.25, 0.45), (-0.34, 0.9), (-0.38, 0.9)], [-0.9] * 4, [0.9] * 4, "wood"
    )
    seat = box((-0.9, 0.42, -0.25), (0.9, 0.47, 0.25), "wood")
    gaps = [panel("+y", 0.475, rectangle((-0.9, z), (0.9, z + 0.02)), "dark") for z in (-0.1, 0.08)]
    return (*legs, back, seat, *gaps)


def _mailbox() -> tuple[Part, ...]:
    """A letter box with a round top on four short legs."""
    arch = [(0.28 * math.cos(a), 0.95 + 0.28 * math.sin(a)) for a in np.linspace(0, np.pi, 7)]
    profile = [(-0.28, 0.18), (0.28, 0.18), *((float(z), float(y)) for z, y in arch)]
    legs = [
        box((x - 0.03, 0, z - 0.03), (x + 0.03, 0.2, z + 0.03), "iron")
        for x in (-0.2, 0.2)
        for z in (-0.22, 0.22)
    ]
    body = prism(profile, [-0.26] * 9, [0.26] * 9, "paint")
    label = panel("+z", 0.285, rectangle((-0.14, 0.5), (0.14, 0.72)), "white")
    slot = panel("+z", 0.285, rectangle((-0.18, 0.86), (0.18, 0.92)), "dark")
    return (*legs, body, label, slot)


def _phone_booth() -> tuple[Part, ...]:
    """A red box with glass on all sides."""
    body = box((-0.45, 0.0, -0.45), (0.45, 2.3, 0.45), "red")
    roof = box((-0.5, 2.25, -0.5), (0.5, 2.5, 0.5), "red")
    parts = [body]
    for side, at in (("-z", -0.46), ("-x", -0.46), ("+x", 0.46), ("+z", 0.46)):
        parts += [
            panel(side, at, rectangle((x, y), (x + 0.32, y + 0.5)), "glass")
            for x in (-0.36, 0.04)
            for y in (0.35, 0.92, 1.49)
        ]
    sign = panel("+z", 0.51, rectangle((-0.35, 2.3), (0.35, 2.45)), "white")
    return (*parts, roof, sign)


def _parking_meter() -> tuple[Part, ...]:
    """A coin meter on a post."""
    return (
        cylinder((0, 0, 0), (0, 1.05, 0), (0.035, 0.035), "steel", sides=6),
        box((-0.1, 1.0, -0.07), (0.1, 1.32, 0.07), "iron"),
        cylinder((0, 1.32, -0.07), (0, 1.32, 0.07), (0.1, 0.1), "iron"),
        panel("+z", 0.08, rectangle((-0.07, 1.24), (0.07, 1.36)), "glass"),
        panel("+z", 0.08, rectangle((-0.05, 1.06), (0.05, 1.16)), "chrome"),
    )


def _junction_box() -> tuple[Part, ...]:
    """A switch cabinet with two doors on a concrete foot."""
    foot = box((-0.55, 0.0, -0.2), (0.55, 0.12, 0.2), "concrete")
    body = box((-0.52, 0.12, -0.18), (0.52, 1.2, 0.18), "sheet metal")
    lid = box((-0.56, 1.2, -0.22), (0.56, 1.26, 0.22), "sheet metal")
    seam = panel("+z", 0.185, rectangle((-0.01, 0.12), (0.01, 1.2)), "dark")
    vents = [
        panel("+z", 0.185, rectangle((x, y), (x + 0.28, y + 0.02)), "dark")
        for x in (-0.42, 0.14)
        for y in (0.95, 1.0, 1.05)
    ]
    return (foot, body, seam, *vents, lid)


def _trash_can() -> tuple[Part, ...]:
    """A round litter bin with a lid and a dark mouth."""
    body = cylinder((0, 0.0, 0), (0, 0.85, 0), (0.24, 0.28), "green", sides=10)
    ribs = [
        sleeve((0, y, 0), (0, y + 0.04, 0), (0.27 + 0.03 * y, 0.27 + 0.03 * y), "dark")
        for y in (0.12, 0.72)
    ]
    mouth = cylinder((0, 0.85, 0), (0, 1.0, 0), (0.24, 0.24), "hole", sides=10)
    lid = cylinder((0, 1.0, 0), (0, 1.1, 0), (0.3, 0.12), "iron", sides=10)
    return (body, *ribs, mouth, lid)


def _bus_shelter() -> tuple[Part, ...]:
    """Glass on three sides, a flat roof, a bench and a poster; open towards +z."""
    glass = ("glass",) * 6
    back = box((-2.0, 0.25, -0.72), (2.0, 2.3, -0.68), glass)
    left = box((-2.02, 0.25, -0.7), (-1.98, 2.3, 0.5), glass)
    poster = box((1.9, 0.2, -0.7), (2.05, 2.2, 0.6), "iron")
    advert = [
        panel(side, at, rectangle((-0.6, 0.35), (0.5, 2.05)), "trim")
        for side, at in (("-x", 1.89), ("+x", 2.06))
    ]
    posts = [
        box((x - 0.04, 0, -0.74), (x + 0.04, 2.4, -0.66), "iron", detail=abs(x) < 1)
        for x in (-1.96, -0.65, 0.65, 1.96)
    ]
    seat = box((-1.4, 0.42, -0.6), (0.9, 0.48, -0.25), "wood", detail=True)
    roof = box((-2.2, 2.4, -0.85), (2.2, 2.55, 0.85), "iron")
    return (back, *posts, seat, left, poster, *advert, roof)


def _fuel_pump() -> tuple[Part, ...]:
    """A pump on 2.4 m of a kerbed island, displays and nozzles on both sides.

    It takes the body's first tint.
    """
    kerb = box((-0.55, 0.0, -1.2), (0.55, 0.16, 1.2), "concrete")
    top = panel("+y", 0.165, rectangle((-0.42, -1.2), (0.42, 1.2)), "pale gray")
    body = box((-0.3, 0.1, -0.5), (0.3, 1.75, 0.5), "paint")
    head = box((-0.33, 1.7, -0.55), (0.33, 2.05, 0.55), "white")
    parts = []
    for side, sign in (("-x", -1), ("+x", 1)):
        parts.append(panel(side, sign * 0.31, rectangle((-0.4, 1.15), (0.4, 1.6)), "white"))
        parts.append(panel(side, sign * 0.32, rectangle((-0.3, 1.25), (0.3, 1.5)), "glass"))
        parts.append(panel(side, sign * 0.31, rectangle((-0.42, 0.5), (0.42, 1.05)), "dark"))
    for z in (-0.5, 0.5):
        shape = rectangle((-0.2, 0.7), (0.2, 1.5))
        parts.append(panel("-z" if z < 0 else "+z", z * 1.02, shape, "dark"))
    nozzles = [
        box((x - 0.05, 0.6, z - 0.04), (x + 0.05, 1.0, z + 0.04), "black", detail=True)
        for x in (-0.35, 0.35)
        for z in (-0.25, 0.25)
    ]
    return (kerb, top, body, *parts, *nozzles, head)


def _model(name: str, label: str, parts: tuple[Part, ...], held_out: bool = False) -> Model:
    segment = "pole" if label in ("pole", "bollard") else "obstacle"
    return Model(Mesh(name, parts), segment, f"obstacle/{label}", held_out)


FURNITURE: dict[str, Model] = {
    model.mesh.name: model
    for model in (
        _model("utility pole", "pole", _utility_pole()),
        _model("street pole", "pole", _street_pole()),
        _model("bollard", "bollard", _bollard(0.85, 0.08)),
        _model("delineator", "bollard", _delineator()),
        _model("bollard tall", "bollard", _bollard(1.15, 0.11), held_out=True),
        _model("hydrant", "hydrant", _hydrant()),
        _model("bike rack", "bike_rack", _bike_rack()),
        _model("bench", "street_furniture", _bench()),
        _model("mailbox", "street_furniture", _mailbox()),
        _model("phone booth", "street_furniture", _phone_booth(), held_out=True),
        _model("parking meter", "street_furniture", _parking_meter()),
        _model("junction box", "street_furniture", _junction_box(), held_out=True),
        _model("trash can", "street_furniture", _trash_can()),
        _model("fuel pump", "street_furniture", _fuel_pump()),
        _model("bus shelter", "street_furniture", _bus_shelter()),
    )
}
"""Street furniture by name, each with its label."""
