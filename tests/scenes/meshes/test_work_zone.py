"""Road works: convex, outward, on the ground and of real size."""

import numpy as np
import pytest

from drivegrid.scenes.meshes.work_zone import WORK_ZONE
from tests.scenes.meshes.rules import (
    Limits,
    check_held_out,
    check_standing,
)

TABLE = {
    "cone": ("obstacle/cone", (0.38, 0.72, 0.38)),
    "tall cone": ("obstacle/cone", (0.4, 1.05, 0.4)),
    "cone fallen": ("obstacle/cone", (0.74, 0.38, 0.6)),
    "barrier board": ("obstacle/barrier", (2.2, 1.22, 0.8)),
    "barrier gate": ("obstacle/barrier", (1.24, 1.01, 0.64)),
    "pedestrian fence": ("obstacle/barrier", (2.04, 1.1, 0.6)),
    "water barrier": ("obstacle/water_barrier", (1.5, 0.85, 0.52)),
    "water barrier white": ("obstacle/water_barrier", (1.5, 0.85, 0.52)),
    "concrete block": ("obstacle/concrete_block", (1.6, 0.8, 0.8)),
    "jersey block": ("obstacle/concrete_block", (2.5, 0.82, 0.6)),
    "work sign stand": ("obstacle/construction_sign", (1.24, 1.8, 0.78)),
    "arrow board": ("obstacle/construction_sign", (2.4, 2.54, 1.6)),
}
"""Name -> label and width, height, length of the outline in metres."""


def test_all_keys() -> None:
    assert set(WORK_ZONE) == set(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_model(name: str) -> None:
    limits = Limits((30, 180), reach=0.16, outline=7)
    check_standing(WORK_ZONE[name], *TABLE[name], limits)


def test_held_out() -> None:
    check_held_out(WORK_ZONE)


def test_cone_bands_hug_the_cone() -> None:
    body, *bands = WORK_ZONE["cone"].mesh.parts[1:]
    slope = np.polyfit(body.vertices[:, 1], np.hypot(*body.vertices[:, [0, 2]].T), 1)
    for band in bands:
        gap = np.hypot(*band.vertices[:, [0, 2]].T) - np.polyval(slope, band.vertices[:, 1])
        assert (gap > 0.001).all()
        assert (gap < 0.01).all()


@pytest.mark.parametrize(
    "name, material", [("work sign stand", "orange"), ("arrow board", "amber lamp")]
)
def test_signs_face_the_camera(name: str, material: str) -> None:
    shown = [p for p in WORK_ZONE[name].mesh.parts if p.detail and p.materials == (material,)]
    assert shown
    for part in shown:
        a, b, c = part.vertices[list(part.faces[0][:3])]
        assert np.cross(b - a, c - a)[2] < 0


def test_fallen_cone_rests_on_its_tip_and_foot() -> None:
    foot, body, *_ = WORK_ZONE["cone fallen"].mesh.parts
    tip = body.vertices[len(body.vertices) // 2 :]
    assert abs(tip[:, 1].min()) < 0.01
    assert abs(foot.vertices[:, 1].min()) < 0.02
