"""Street furniture: convex, outward, on the ground and of real size."""

import pytest

from drivegrid.scenes.meshes.furniture import FURNITURE
from tests.scenes.meshes.rules import (
    Limits,
    check_held_out,
    check_standing,
)

TABLE = {
    "utility pole": ("obstacle/pole", (2.4, 9.5, 0.48)),
    "street pole": ("obstacle/pole", (0.26, 4.6, 0.26)),
    "bollard": ("obstacle/bollard", (0.16, 0.9, 0.16)),
    "delineator": ("obstacle/bollard", (0.12, 1.02, 0.1)),
    "bollard tall": ("obstacle/bollard", (0.22, 1.22, 0.22)),
    "hydrant": ("obstacle/hydrant", (0.44, 0.78, 0.37)),
    "bike rack": ("obstacle/bike_rack", (3, 0.8, 0.78)),
    "bench": ("obstacle/street_furniture", (1.8, 0.9, 0.63)),
    "mailbox": ("obstacle/street_furniture", (0.52, 1.23, 0.56)),
    "phone booth": ("obstacle/street_furniture", (1, 2.5, 1)),
    "parking meter": ("obstacle/street_furniture", (0.2, 1.42, 0.14)),
    "junction box": ("obstacle/street_furniture", (1.12, 1.26, 0.44)),
    "trash can": ("obstacle/street_furniture", (0.57, 1.1, 0.6)),
    "fuel pump": ("obstacle/street_furniture", (1.1, 2.05, 2.4)),
    "bus shelter": ("obstacle/street_furniture", (4.4, 2.55, 1.7)),
}
"""Name -> label and width, height, length of the outline in metres."""


def test_all_keys() -> None:
    assert set(FURNITURE) == set(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_model(name: str) -> None:
    limits = Limits((20, 180), reach=0.35, outline=14)
    check_standing(FURNITURE[name], *TABLE[name], limits)


def test_held_out() -> None:
    check_held_out(FURNITURE)
