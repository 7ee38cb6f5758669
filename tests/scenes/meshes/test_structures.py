"""Structures: convex, outward, on the ground and of real size."""

import numpy as np
import pytest

from drivegrid.scenes.meshes.structures import STRUCTURES
from tests.scenes.meshes.rules import (
    Limits,
    check_held_out,
    check_standing,
)

TABLE = {
    "bridge": ("building", (40, 7.4, 12)),
    "tunnel portal": ("building", (36, 9, 18.2)),
    "gantry": ("pole", (2.04, 6.84, 0.76)),
    "mast arm": ("pole", (7.26, 6.6, 0.52)),
    "sign post": ("pole", (0.08, 1, 0.08)),
    "wood post": ("pole", (0.12, 1, 0.12)),
    "lamp post": ("pole", (2.58, 8.3, 0.26)),
    "lamp post double": ("pole", (4.9, 8.3, 0.26)),
    "billboard": ("sign", (6.2, 6.6, 0.34)),
    "tunnel wall": ("building", (0.5, 5.4, 4)),
    "tunnel ceiling": ("building", (2, 0.5, 4)),
    "canopy roof": ("building", (18, 0.9, 11)),
    "canopy pillar": ("pole", (1.1, 4.9, 2.2)),
    "price pylon": ("sign", (1.8, 6.5, 0.4)),
}
"""Name -> segment and width, height, length of the outline in metres."""

HANGING = {"tunnel ceiling": 5.4, "canopy roof": 4.9}
"""Name -> height of what does not stand on the ground."""


def test_all_keys() -> None:
    assert set(STRUCTURES) == set(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_model(name: str) -> None:
    limits = Limits((12, 150), reach=0.55, on_ground=name not in HANGING)
    check_standing(STRUCTURES[name], *TABLE[name], limits)


def test_held_out() -> None:
    check_held_out(STRUCTURES)


def test_bridge_leaves_the_road_free() -> None:
    for part in STRUCTURES["bridge"].mesh.parts:
        low, high = part.vertices.min(axis=0), part.vertices.max(axis=0)
        assert low[1] >= 5.0 or low[0] >= 13.0 or high[0] <= -13.0


def test_tunnel_opening_is_free() -> None:
    for part in STRUCTURES["tunnel portal"].mesh.parts:
        low, high = part.vertices.min(axis=0), part.vertices.max(axis=0)
        assert low[1] >= 5.5 or low[0] >= 6.9 or high[0] <= -6.9 or low[2] >= 18.0


@pytest.mark.parametrize("name", HANGING)
def test_lorries_pass_below(name: str) -> None:
    (outline,) = STRUCTURES[name].mesh.outline_vertices()
    assert outline[:, 1].min() == HANGING[name] > 4.5


@pytest.mark.parametrize("name", ["lamp post", "mast arm"])
def test_arm_reaches_to_the_left(name: str) -> None:
    points = np.concatenate(STRUCTURES[name].mesh.outline_vertices())
    assert -points[:, 0].min() > 5 * points[:, 0].max()


def test_billboard_shows_its_board_to_the_camera() -> None:
    (face,) = [p for p in STRUCTURES["billboard"].mesh.parts if "white" in p.materials]
    assert np.ptp(face.vertices, axis=0).tolist() == [6.0, 3.0, 0.0]
    a, b, c = face.vertices[list(face.faces[0][:3])]
    assert np.cross(b - a, c - a)[2] < 0
