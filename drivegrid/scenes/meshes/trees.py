"""Trees, bushes and hedges: trunks and irregular lumps of foliage.

Foliage takes the body's first tint; its facets are flat on purpose, so that light breaks a crown
into patches; leaves are details that ruffle the crown's skin and its outline.
"""

from __future__ import annotations

import numpy as np

from drivegrid.scenes.mesh import Mesh, Part, cylinder
from drivegrid.scenes.meshes.model import Model
from drivegrid.scenes.meshes.shapes import boulder, faceted, sleeve
from drivegrid.scenes.meshes.solids import Point, hull


def _trunk(height: float, radius: float) -> Part:
    return cylinder((0, 0, 0), (0, height, 0), (radius, radius * 0.6), "bark", sides=7)


def _leaves(rng: np.random.Generator, lump: Part, count: int, size: float) -> list[Part]:
    """Tufts on the skin of a lump: flat five-sided patches that look outwards, each tilted."""
    center = lump.vertices.mean(axis=0)
    parts = []
    for i in rng.permutation(len(lump.faces))[:count].tolist():
        at = lump.vertices[list(lump.faces[i])].mean(axis=0)
        out = (at - center) / np.linalg.norm(at - center) + rng.normal(size=3) * 0.45
        out /= np.linalg.norm(out)
        u = np.cross(out, rng.normal(size=3))
        u /= np.linalg.norm(u)
        v = np.cross(out, u) * rng.uniform(0.5, 0.9)
        angles = 2 * np.pi * (np.arange(5) + rng.uniform(0, 0.6, 5)) / 5
        ring = np.cos(angles)[:, None] * u + np.sin(angles)[:, None] * v
        points = at + 0.12 * size * out + ring * size * rng.uniform(0.7, 1.2)
        points[:, 1] += max(0.02 - float(points[:, 1].min()), 0.0)
        parts.append(Part(points, (tuple(range(5)),), ("foliage",), detail=True))
    return parts


def _broadleaf(height: float, spread: float, seed: int) -> tuple[Part, ...]:
    """A trunk, a crown of seven lumps and leaves over them."""
    rng = np.random.default_rng(seed)
    middle, tall = 0.64 * height, 0.36 * height
    core = (0.6 * spread, 0.85 * tall, 0.6 * spread)
    lumps = [boulder((0, middle, 0), core, "foliage", seed=seed * 50 + 7, count=18)]
    for i in range(6):
        turn = i * 2.4 + rng.uniform(-0.4, 0.4)
        out = spread * rng.uniform(0.42, 0.58)
        at = (out * np.cos(turn), middle + tall * (0.35 - 0.15 * i), out * np.sin(turn))
        size = spread * rng.uniform(0.42, 0.56)
        radii = (size, 0.8 * size, size)
        lumps.append(boulder(at, radii, "foliage", seed=seed * 50 + i, count=18))
    leaves = [part for lump in lumps for part in _leaves(rng, lump, 14, 0.19 * spread)]
    return (_trunk(0.5 * height, 0.028 * height), *lumps, *leaves)


def _skirt(y: float, height: float, radius: float, seed: int) -> Part:
    """One whorl of a conifer: a ragged cone."""
    rng = np.random.default_rng(seed)
    angles = np.linspace(0, 2 * np.pi, 11, endpoint=False) + rng.uniform(0, 1)
    reach = radius * rng.uniform(0.78, 1.05, 11)
    drop = y + height * rng.uniform(-0.06, 0.1, 11)
    ring = np.stack([reach * np.cos(angles), drop, reach * np.sin(angles)], axis=1)
    middle = ring * [0.55, 0, 0.55] + np.stack([np.zeros(11), drop + 0.5 * height, np.zeros(11)], 1)
    return faceted(np.concatenate([ring, middle, [[0.0, y + height, 0.0]]]), "foliage")


def _conifer(height: float, radius: float, seed: int) -> tuple[Part, ...]:
    """Six ragged cones up a trunk, from wide to narrow."""
    parts = [_trunk(0.5 * height, 0.022 * height)]
    for i in range(6):
        share = i / 6
        y, tall = height * (0.12 + 0.8 * share), height * (0.3 - 0.1 * share)
        top = min(tall, height - y)
        parts.append(_skirt(y, top, radius * (1 - 0.86 * share), seed * 20 + i))
    rng = np.random.default_rng(seed)
    leaves = [part for skirt in parts[1:] for part in _leaves(rng, skirt, 10, 0.1 * radius)]
    return (*parts, *leaves)


def _poplar() -> tuple[Part, ...]:
    """A tall narrow column of foliage."""
    parts = [_trunk(4.0, 0.25)]
    for i, (y, wide, tall) in enumerate(
        ((4.2, 1.3, 2.8), (6.6, 1.5, 3.0), (9.2, 1.4, 3.0), (11.6, 1.1, 2.6), (13.6, 0.7, 2.2))
    ):
        at = (0.25 * np.cos(2.1 * i), y, 0.25 * np.sin(2.1 * i))
        parts.append(boulder(at, (wide, tall, wide), "foliage", seed=400 + i, count=24))
    rng = np.random.default_rng(9)
    leaves = [part for lump in parts[1:] for part in _leaves(rng, lump, 14, 0.4)]
    return (*parts, *leaves)


def _frond(top: Point, turn: float, length: float, droop: float, detail: bool) -> Part:
    """A palm leaf: narrow at the stem, wide in the middle, hanging to a point."""
    ahead = np.array([np.cos(turn), 0, np.sin(turn)])
    aside = np.array([-np.sin(turn), 0, np.cos(turn)])
    up = np.array([0.0, 1.0, 0.0])
    spine = [0.0 * up, ahead * 0.45 + 0.16 * up, ahead * 0.8 - 0.1 * droop * up, ahead - droop * up]
    widths = [0.02, 0.13, 0.1, 0.01]
    points = [
        np.array(top) + length * (joint + side * width * aside - drop * up)
        for joint, width in zip(spine, widths, strict=True)
        for side, drop in ((-1, 0.06), (0, 0.0), (1, 0.06))
    ]
    return hull(np.array(points).tolist(), "foliage", detail=detail)


def _palm() -> tuple[Part, ...]:
    """A bent stem under a head of hanging leaves."""
    top = (0.35, 8.0, 0.1)
    stem = [
        cylinder((0.1, 4.1, 0.02), top, (0.16, 0.14), "bark", sides=7),
        cylinder((0, 0, 0), (0.1, 4.2, 0.02), (0.22, 0.16), "bark", sides=7),
    ]
    turns = np.arange(12) * 2.4
    leaves = [
        _frond(top, float(turn), 2.3 + 0.3 * np.sin(3 * turn), 0.3 + 0.25 * (i % 3), i >= 6)
        for i, turn in enumerate(turns)
    ]
    return (*stem, *leaves)


def _fork(start: Point, turn: float, rise: float, length: float) -> Point:
    """Return the end of a branch that leaves at these angles."""
    flat = float(np.cos(rise)) * length
    return (
        start[0] + flat * float(np.cos(turn)),
        start[1] + length * float(np.sin(rise)),
        start[2] + flat * float(np.sin(turn)),
    )


def _bare_tree() -> tuple[Part, ...]:
    """A winter tree: a trunk, seven limbs, and forks of twigs as details beyond the outline."""
    rng = np.random.default_rng(31)
    limbs, twigs = [_trunk(5.0, 0.26)], []
    for i in range(7):
        start, turn = (0.0, 2.6 + 0.38 * i, 0.0), 2.4 * i
        end = _fork(start, turn, 0.65 + 0.1 * i, rng.uniform(2.6, 3.4))
        limbs.append(cylinder(start, end, (0.1, 0.04), "bark", sides=5))
        for share in (0.4, 0.6, 0.8, 1.0):
            fork = (end[0] * share, start[1] + (end[1] - start[1]) * share, end[2] * share)
            away, rise = turn + rng.uniform(-1, 1), rng.uniform(0.3, 1.2)
            tip = _fork(fork, away, rise, 1.4)
            twigs.append(sleeve(fork, tip, (0.05, 0.02), "bark", sides=3))
            for part in (0.5, 1.0):
                knot = _fork(fork, away, rise, 1.4 * part)
                last = _fork(knot, away + rng.uniform(-1.3, 1.3), rise, rng.uniform(0.6, 1.0))
                twigs.append(sleeve(knot, last, (0.03, 0.012), "bark", sides=3))
    return (*limbs, *twigs)


def _bush() -> tuple[Part, ...]:
    """Four lumps close to the ground."""
    spots = [
        ((0.0, 0.6, 0.1), (0.75, 0.65, 0.7)),
        ((-0.55, 0.35, 0.0), (0.5, 0.45, 0.5)),
        ((0.6, 0.4, -0.1), (0.5, 0.5, 0.5)),
        ((0.1, 0.35, -0.45), (0.5, 0.4, 0.45)),
    ]
    lumps = [boulder(at, r, "foliage", seed=500 + i) for i, (at, r) in enumerate(spots)]
    rng = np.random.default_rng(510)
    return (*lumps, *(part for lump in lumps for part in _leaves(rng, lump, 12, 0.15)))


def _hedge() -> tuple[Part, ...]:
    """4 m of hedge along z, six trimmed lumps that run into each other."""
    parts = []
    for i, z in enumerate(np.linspace(-1.66, 1.66, 6).tolist()):
        rng = np.random.default_rng(600 + i)
        corners = np.array([(x, y, s) for x in (-1, 0, 1) for y in (0, 0.5, 1) for s in (-1, 0, 1)])
        points = corners * [0.42, 1.3, 0.4] + rng.uniform(-0.07, 0.07, corners.shape)
        points[:, 1] = np.maximum(points[:, 1], 0) * (corners[:, 1] > 0)
        points[:, 2] = np.clip(points[:, 2] + z, -2.0, 2.0)
        parts.append(faceted(points, "foliage"))
    rng = np.random.default_rng(610)
    return (*parts, *(part for lump in parts for part in _leaves(rng, lump, 9, 0.16)))


def _model(name: str, parts: tuple[Part, ...], held_out: bool = False) -> Model:
    return Model(Mesh(name, parts), "vegetation", held_out=held_out)


TREES: dict[str, Model] = {
    model.mesh.name: model
    for model in (
        _model("broadleaf small", _broadleaf(5.0, 1.7, 1)),
        _model("broadleaf", _broadleaf(8.5, 3.0, 2)),
        _model("broadleaf large", _broadleaf(13.0, 4.6, 3)),
        _model("conifer", _conifer(11.0, 2.6, 4)),
        _model("poplar", _poplar(), held_out=True),
        _model("palm", _palm(), held_out=True),
        _model("bare tree", _bare_tree()),
        _model("bush", _bush()),
        _model("hedge element", _hedge()),
    )
}
"""Vegetation by name, without labels."""
