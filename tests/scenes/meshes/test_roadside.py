"""Elements along the road: convex, outward, on the ground and of real size."""

import numpy as np
import pytest

from drivegrid.scenes.meshes.roadside import ROADSIDE
from tests.scenes.meshes.rules import (
    Limits,
    check_held_out,
    check_standing,
)

TABLE = {
    "guard rail element": ("obstacle/guard_rail", (0.24, 0.76, 4)),
    "fence element": ("obstacle/fence", (0.06, 1.65, 4)),
    "railing element": ("obstacle/fence", (0.08, 1.12, 4)),
    "wall element": ("obstacle/wall", (0.52, 1.6, 4)),
    "noise wall element": ("obstacle/wall", (0.34, 4.05, 4)),
    "median element": ("obstacle/median", (1.2, 0.2, 4)),
    "jersey element": ("obstacle/concrete_block", (0.6, 0.82, 4)),
}
"""Name -> label and width, height, length of the outline in metres."""


def test_all_keys() -> None:
    assert set(ROADSIDE) == set(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_model(name: str) -> None:
    limits = Limits((20, 150), reach=0.05)
    check_standing(ROADSIDE[name], *TABLE[name], limits)


def test_held_out() -> None:
    check_held_out(ROADSIDE)


@pytest.mark.parametrize("name", ROADSIDE)
def test_elements_join(name: str) -> None:
    points = np.concatenate([part.vertices for part in ROADSIDE[name].mesh.parts])
    assert (points[:, 2].min(), points[:, 2].max()) == pytest.approx((-2.0, 2.0), abs=0.02)
