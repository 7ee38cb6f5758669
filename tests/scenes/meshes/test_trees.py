"""Vegetation: convex, outward, on the ground and of real size."""

import pytest

from drivegrid.scenes.meshes.trees import TREES
from tests.scenes.meshes.rules import (
    Limits,
    check_held_out,
    check_standing,
)

TABLE = {
    "broadleaf small": ("vegetation", (3.14, 4.51, 2.76)),
    "broadleaf": ("vegetation", (5.74, 7.67, 5.17)),
    "broadleaf large": ("vegetation", (8.51, 12.12, 7.52)),
    "conifer": ("vegetation", (4.64, 11, 4.88)),
    "poplar": ("vegetation", (3.07, 15.5, 3.26)),
    "palm": ("vegetation", (4.42, 8.42, 4.51)),
    "bare tree": ("vegetation", (4.53, 7.65, 3.58)),
    "bush": ("vegetation", (2, 1.23, 1.55)),
    "hedge element": ("vegetation", (0.98, 1.37, 4)),
}
"""Name -> segment and width, height, length of the outline in metres."""


def test_all_keys() -> None:
    assert set(TREES) == set(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_model(name: str) -> None:
    limits = Limits((150, 700), reach=2.0, outline=8)
    check_standing(TREES[name], *TABLE[name], limits)


def test_held_out() -> None:
    check_held_out(TREES)
