"""What runs along a road, in elements of 4 m along z: rails, fences, walls, medians.

At yaw 0 an element stands on the right of the road and shows it its -x side. The origin lies in
the middle of the element.
"""

from __future__ import annotations

import numpy as np

from drivegrid.scenes.mesh import Mesh, Part, box
from drivegrid.scenes.meshes.model import Model
from drivegrid.scenes.meshes.shapes import panel, rectangle, slab
from drivegrid.scenes.meshes.work_zone import JERSEY_FOOT, JERSEY_STEM

HALF_M = 2.0
"""Half the length of an element."""

ENDS = (-HALF_M, HALF_M)


def _guard_rail() -> tuple[Part, ...]:
    """A W-beam at 0.45 to 0.76 m on two posts."""
    posts = [box((0.0, 0.0, z - 0.06), (0.14, 0.72, z + 0.06), "steel") for z in (1.0, -1.0)]
    web = slab([(-0.02, 0.45), (0.0, 0.45), (0.0, 0.76), (-0.02, 0.76)], ENDS, "shadow")
    waves = [
        slab([(-0.1, y + 0.04), (-0.02, y), (-0.02, y + 0.14), (-0.1, y + 0.1)], ENDS, "steel")
        for y in (0.45, 0.62)
    ]
    return (*posts, web, *waves)


def _bars(count: int, low: float, high: float, material: str) -> list[Part]:
    """Upright bars seen from both sides."""
    return [
        panel(side, at, rectangle((z - 0.012, low), (z + 0.012, high)), material)
        for z in np.linspace(-HALF_M, HALF_M, count, endpoint=False).tolist()
        for side, at in (("-x", -0.01), ("+x", 0.01))
    ]


def _fence() -> tuple[Part, ...]:
    """A fence 1.6 m high: green posts, rails and wires."""
    posts = [box((-0.03, 0.0, z - 0.03), (0.03, 1.65, z + 0.03), "green") for z in (1.97, -0.03)]
    rails = [
        box((-0.015, y, -HALF_M), (0.015, y + 0.04, HALF_M), "green") for y in (0.12, 0.85, 1.54)
    ]
    return (*_bars(20, 0.12, 1.58, "green"), *rails, *posts)


def _railing() -> tuple[Part, ...]:
    """A railing 1.1 m high: posts, a hand rail and two tubes."""
    posts = [
        box((-0.03, 0.0, z - 0.03), (0.03, 1.08, z + 0.03), "steel") for z in (1.96, 0.0, -1.96)
    ]
    tubes = [box((-0.02, y, -HALF_M), (0.02, y + 0.04, HALF_M), "steel") for y in (0.3, 0.66)]
    hand = box((-0.04, 1.05, -HALF_M), (0.04, 1.12, HALF_M), "steel")
    return (*tubes, *posts, hand)


def _wall() -> tuple[Part, ...]:
    """A stone wall, 1.6 m high, of uneven blocks under a coping."""
    rng = np.random.default_rng(70)
    body = box((-0.2, 0.0, -HALF_M), (0.2, 1.5, HALF_M), "stone")
    blocks = []
    for side, at in (("-x", -0.22), ("+x", 0.22)):
        for row in range(4):
            cuts = np.linspace(-HALF_M, HALF_M, 6) + rng.uniform(-0.2, 0.2, 6)
            cuts[0], cuts[-1] = ENDS
            for low, high in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
                shape = rectangle((low + 0.03, row * 0.375 + 0.02), (high, row * 0.375 + 0.35))
                tone = ("stone", "concrete", "shadow", "stone")[int(rng.integers(4))]
                blocks.append(panel(side, at, shape, tone))
    coping = box((-0.26, 1.5, -HALF_M), (0.26, 1.6, HALF_M), "concrete")
    return (body, *blocks, coping)


def _noise_wall() -> tuple[Part, ...]:
    """Panels 4 m high between steel posts on a concrete foot."""
    foot = box((-0.16, 0.0, -HALF_M), (0.16, 0.6, HALF_M), "concrete")
    body = box((-0.12, 0.6, -HALF_M), (0.12, 4.0, HALF_M), "plaster")
    grooves = [
        panel(side, at, rectangle((-HALF_M, y), (HALF_M, y + 0.05)), "shadow")
        for y in (1.2, 1.9, 2.6, 3.3)
        for side, at in (("-x", -0.14), ("+x", 0.14))
    ]
    post = box((-0.17, 0.0, -HALF_M), (0.17, 4.05, -HALF_M + 0.18), "steel")
    return (body, *grooves, foot, post)


def _median() -> tuple[Part, ...]:
    """A raised strip 1.2 m wide and 0.2 m high: kerb stones around grass."""
    body = box((-0.6, 0.0, -HALF_M), (0.6, 0.2, HALF_M), "concrete")
    grass = panel("+y", 0.21, rectangle((-0.44, -HALF_M), (0.44, HALF_M)), "grass")
    joints = [
        panel(side, at, rectangle((z, 0.0), (z + 0.03, 0.2)), "shadow")
        for z in (-1.0, 0.0, 1.0)
        for side, at in (("-x", -0.61), ("+x", 0.61))
    ]
    return (body, grass, *joints)


def _jersey() -> tuple[Part, ...]:
    """A jersey barrier with a joint at its near end."""
    foot = slab(JERSEY_FOOT, ENDS, "concrete")
    joints = [
        panel("+x", 0.31, rectangle((-HALF_M, 0.0), (-HALF_M + 0.03, 0.08)), "shadow"),
        panel("-x", -0.31, rectangle((-HALF_M, 0.0), (-HALF_M + 0.03, 0.08)), "shadow"),
    ]
    return (foot, slab(JERSEY_STEM, ENDS, "concrete"), *joints)


def _model(name: str, label: str, parts: tuple[Part, ...], held_out: bool = False) -> Model:
    return Model(Mesh(name, parts), "barrier", f"obstacle/{label}", held_out)


ROADSIDE: dict[str, Model] = {
    model.mesh.name: model
    for model in (
        _model("guard rail element", "guard_rail", _guard_rail()),
        _model("fence element", "fence", _fence()),
        _model("railing element", "fence", _railing(), held_out=True),
        _model("wall element", "wall", _wall()),
        _model("noise wall element", "wall", _noise_wall(), held_out=True),
        _model("median element", "median", _median()),
        _model("jersey element", "concrete_block", _jersey()),
    )
}
"""Elements by name, each with its label."""
