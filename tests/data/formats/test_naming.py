"""Class names of sources: to labels and back, nothing lost on the way in."""

import numpy as np
import pytest

from drivegrid.data.formats.naming import class_of, label_of, label_of_word
from drivegrid.data.scene import Instance
from drivegrid.geometry import Point
from drivegrid.labels import default_label_space
from drivegrid.labels.mapping import MappedLabel


def thing(label, **attributes):
    return Instance(label, Point(np.zeros(2)), attributes)


def test_an_unknown_class_keeps_its_name():
    assert label_of("kitti", "Spaceship") == MappedLabel("Spaceship", {})
    assert class_of("kitti", thing("Spaceship"), "Spaceship").name == "Spaceship"
    assert class_of("kitti", thing("Spaceship")) is None


@pytest.mark.parametrize("source", default_label_space().sources)
def test_every_class_of_every_source_comes_back(source):
    for name, target in default_label_space().maps[source].labels.items():
        if isinstance(target, MappedLabel):
            instance = thing(target.path, **target.attributes)
            found = class_of(source, instance)
            assert label_of(source, found.name) == target
            assert found.says == target.attributes.keys()
            assert class_of(source, instance, name).name == name


def test_the_name_it_was_read_with_holds_only_while_it_is_true():
    assert class_of("kitti", thing("object/vehicle/van"), "Car").name == "Van"


def test_attributes_choose_among_names_and_ancestors_help_out():
    lane = thing("lane/line", color="white", style="double dashed", role="left")
    assert class_of("openlane", lane).name == "3"
    assert class_of("openlane", lane).says == {"color", "style"}
    assert class_of("kitti", thing("object/vehicle/emergency/police")).path == "object/vehicle"
    assert class_of("kitti", thing("sign/warning")) is None


@pytest.mark.parametrize(
    ("name", "label"),
    [("", ""), ("light", "light"), ("PYLON", "obstacle/cone"), ("D40", "D40")],
)
def test_words_of_users(name, label):
    assert label_of_word(name) == label
