"""Colours of obstacles: named as people would, by hand."""

import pytest

from drivegrid.labels import default_label_space
from drivegrid.scenes.body import Body
from drivegrid.scenes.looks import color_name, color_of
from drivegrid.scenes.meshes import CATALOGUE

COLORS = {
    (20, 20, 22): "black",
    (235, 235, 230): "white",
    (128, 128, 128): "gray",
    (235, 88, 22): "orange",
    (190, 28, 30): "red",
    (240, 190, 30): "yellow",
    (120, 90, 60): "brown",
    (40, 90, 50): "green",
    (28, 52, 106): "blue",
    (220, 120, 200): "other",
}


@pytest.mark.parametrize("color", COLORS)
def test_color_name(color):
    assert color_name(color) == COLORS[color]


MODELS = {
    "cone": "orange",
    "barrier board": "red-white",
    "concrete block": "gray",
    "hydrant": "red",
    "utility pole": "brown",
    "bollard": "black",
    "water barrier white": "white",
}


@pytest.mark.parametrize("mesh", MODELS)
def test_color_of_model(mesh):
    assert color_of(Body(mesh, (0.0, 0.0, 9.0))) == MODELS[mesh]


@pytest.mark.parametrize("tint", [(38.0, 66.0, 44.0), (28.0, 52.0, 106.0)])
def test_color_of_tinted_model(tint):
    assert color_of(Body("wheelie bin", (0.0, 0.0, 9.0), tints=(tint, tint))) == color_name(tint)


def test_all_obstacles_have_a_color_of_the_taxonomy():
    values = default_label_space().attributes_of("obstacle")["color"]
    for name, model in CATALOGUE.items():
        if (model.label or "").startswith("obstacle"):
            assert color_of(Body(name, (0.0, 0.0, 9.0))) in values
