"""The camera's projection and its inverse agree, on hills too."""

import numpy as np
import pytest

from drivegrid.scenes import render
from drivegrid.scenes.camera import Camera
from drivegrid.scenes.surface import trace_ground


def make_camera(**changes):
    settings = {
        "focal": 1000.0,
        "height_m": 1.5,
        "center_xy": (640.0, 300.0),
        "roll_rad": 0.0,
        "stretch_xy": (1.0, 1.0),
    }
    return Camera(**(settings | changes))


@pytest.mark.parametrize(
    ("changes", "point", "pixel"),
    [
        ({}, (0.0, 0.0, 10.0), (640.0, 450.0)),
        ({}, (2.0, 1.5, 20.0), (740.0, 300.0)),
        ({"stretch_xy": (0.5, 2.0)}, (2.0, 0.0, 10.0), (740.0, 600.0)),
        ({"roll_rad": np.pi / 2}, (1.0, 1.5, 10.0), (640.0, 400.0)),
    ],
)
def test_project_by_hand(changes, point, pixel):
    np.testing.assert_allclose(make_camera(**changes).project(np.array([point])), [pixel])


@pytest.mark.parametrize("seed", range(12))
def test_traced_pixels_project_back_onto_themselves(seed):
    world = render.sample_world(seed)
    ground = trace_ground(world.camera, world.road, (320, 180))
    rows, columns = np.nonzero(ground.seen & (ground.depth < 80) & (ground.depth > 1.5))
    picked = slice(None, None, 97)
    rows, columns = rows[picked], columns[picked]
    depth = ground.depth[rows, columns].astype(float)
    points = world.road.points(ground.offset[rows, columns].astype(float), depth)
    pixels = world.camera.project(points) / 4
    expected = np.stack([columns + 0.5, rows + ground.top + 0.5], axis=1)
    np.testing.assert_allclose(pixels, expected, atol=0.05)
