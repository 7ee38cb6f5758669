"""Hazards on the road: convex, outward, on the ground and of real size."""

import numpy as np
import pytest

from drivegrid.scenes.meshes.obstacles import OBSTACLES
from tests.scenes.meshes.rules import (
    Limits,
    check_held_out,
    check_standing,
)

TABLE = {
    "warning triangle": ("obstacle/warning_triangle", (0.47, 0.43, 0.36)),
    "debris box": ("obstacle/debris", (0.79, 0.6, 0.79)),
    "debris tyre": ("obstacle/debris", (0.66, 0.22, 0.66)),
    "debris plank": ("obstacle/debris", (2.35, 0.1, 1.02)),
    "debris bag": ("obstacle/debris", (0.66, 0.65, 0.63)),
    "debris ladder": ("obstacle/debris", (3.02, 0.08, 1.19)),
    "crate": ("obstacle/debris", (0.8, 0.7, 0.8)),
    "rock small": ("obstacle/rock", (0.4, 0.25, 0.36)),
    "rock large": ("obstacle/rock", (1.31, 0.94, 1.15)),
    "rock pile": ("obstacle/rock", (2.22, 0.79, 1.63)),
    "pothole": ("obstacle/pothole", (0.87, 0.01, 0.69)),
    "pothole wide": ("obstacle/pothole", (1.51, 0.01, 0.82)),
    "speed bump": ("obstacle/speed_bump", (3.4, 0.06, 0.5)),
    "manhole": ("obstacle/manhole", (0.7, 0.01, 0.72)),
    "catch basin": ("obstacle/manhole", (0.6, 0.01, 0.6)),
    "wheelie bin": ("obstacle/pushable", (0.6, 1.07, 0.71)),
    "shopping cart": ("obstacle/pushable", (0.56, 1.02, 1.02)),
}
"""Name -> label and width, height, length of the outline in metres."""


def test_all_keys() -> None:
    assert set(OBSTACLES) == set(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_model(name: str) -> None:
    limits = Limits((20, 200), reach=0.05)
    check_standing(OBSTACLES[name], *TABLE[name], limits)


def test_held_out() -> None:
    check_held_out(OBSTACLES)


@pytest.mark.parametrize("name", ["pothole", "pothole wide", "manhole", "catch basin"])
def test_flat_things_lie_in_the_road(name: str) -> None:
    model = OBSTACLES[name]
    assert model.segment == "road"
    assert max(float(part.vertices[:, 1].max()) for part in model.mesh.parts) <= 0.015


def test_warning_triangle_shows_both_sides() -> None:
    red = [part for part in OBSTACLES["warning triangle"].mesh.parts if "orange" in part.materials]
    assert sorted(np.sign(part.vertices[:, 2]).mean() for part in red) == [-1] * 3 + [1] * 3
