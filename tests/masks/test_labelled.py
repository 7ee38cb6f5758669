"""Pictures with masks."""

import numpy as np
import pytest

from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.errors import GeometryError
from drivegrid.geometry import Box, Polygon
from drivegrid.masks.labelled import LabelledMasks, by_class, class_of, draw_labelled
from drivegrid.masks.packed import PackedMasks

IMAGE = np.zeros((8, 16, 3), np.uint8)


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("area/drivable", "road"),
        ("area/drivable/direct", "road"),
        ("area/sidewalk", "scenery"),
        ("obstacle/pole", "pole"),
        ("obstacle/cone", "obstacle"),
        ("object/vehicle/car", "obstacle"),
        ("sign/regulatory/stop", "sign"),
        ("light/vehicle", "sign"),
        ("region/vegetation", "vegetation"),
        ("region/puddle", "region"),
        ("signpost", "region"),
        ("", "region"),
    ],
)
def test_classes(label, name) -> None:
    assert class_of(label) == name


def test_no_masks_at_all() -> None:
    empty = LabelledMasks.of(IMAGE, [])
    assert len(empty.masks) == 0
    assert empty.classes == []
    assert by_class(empty.classes) == {}


def test_masks_must_fit_their_picture() -> None:
    mask = np.ones((1, 8, 16), np.bool_)
    with pytest.raises(GeometryError, match="one for each of 2 labels"):
        LabelledMasks(IMAGE, ("sign", "sign"), PackedMasks.pack(mask))
    with pytest.raises(GeometryError, match="picture's size"):
        LabelledMasks(IMAGE, ("sign",), PackedMasks.pack(mask[:, :, :8]))


def test_polygons_become_masks_and_nothing_else_does() -> None:
    ring = np.array([[0.0, 0.0], [16.0, 0.0], [16.0, 16.0], [0.0, 16.0]])
    scene = Scene(
        Frame("a.png", (32, 16)),
        (
            Instance("region/puddle", Polygon((ring,))),
            Instance("sign", Box(np.array([0.0, 0, 4, 4]))),
            Instance("region/snow", Polygon((ring + 100,))),
        ),
    )
    found = draw_labelled(np.zeros((16, 32, 3), np.uint8), scene, (16, 8))
    assert found.labels == ("region/puddle",)
    assert found.masks.unpack()[0, :, :8].all()
    assert not found.masks.unpack()[0, :, 8:].any()
