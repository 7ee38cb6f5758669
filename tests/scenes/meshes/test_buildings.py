"""Buildings: convex, outward, on the ground and of real size."""

import pytest

from drivegrid.scenes.meshes.buildings import BUILDINGS
from tests.scenes.meshes.rules import (
    Limits,
    check_held_out,
    check_standing,
)

TABLE = {
    "house": ("building", (10.8, 8.9, 9.5)),
    "house gable": ("building", (9, 9.25, 11.8)),
    "villa": ("building", (13.1, 8.4, 12.2)),
    "row house": ("building", (16.6, 10.3, 9.5)),
    "apartment block": ("building", (20.4, 20.4, 14.7)),
    "office tower": ("building", (18, 43.28, 18)),
    "shop": ("building", (12.2, 5.3, 11.4)),
    "warehouse": ("building", (30, 9, 20)),
    "barn": ("building", (12, 9.1, 16.6)),
    "garage": ("building", (6.8, 2.95, 6.5)),
    "church": ("building", (11, 27, 23.4)),
}
"""Name -> segment and width, height, length of the outline in metres."""


def test_all_keys() -> None:
    assert set(BUILDINGS) == set(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_model(name: str) -> None:
    limits = Limits((40, 300), reach=0.15)
    check_standing(BUILDINGS[name], *TABLE[name], limits)


def test_held_out() -> None:
    check_held_out(BUILDINGS)
