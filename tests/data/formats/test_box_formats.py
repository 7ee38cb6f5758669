"""What all formats do that have a label file of boxes for each picture."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivegrid.data.formats import FORMATS, kitti, yolo
from drivegrid.data.formats.naming import label_of_word
from drivegrid.errors import FormatError
from tests.data.builders import make_scene
from tests.data.formats.boxed import (
    box_scenes,
    make_box,
    put,
    read_back_or_set_aside,
    read_one,
    recognised_in,
    trip,
)
from tests.data.formats.drawn import bare, broken

GOLDEN = Path(__file__).parents[2] / "golden" / "formats"


class Case(NamedTuple):
    """A format.

    Args:
        label: Name of a label file.
        scenes: Scenes that it holds.
        within: By what part of the picture coordinates may be off.
        beside: Name and content of a file that its labels need.
    """

    label: str
    scenes: st.SearchStrategy
    within: float = 0.0
    beside: tuple[str, str] | None = None


def of_size(scenes, size_wh):
    return scenes.map(lambda scene: replace(scene, frame=replace(scene.frame, size_wh=size_wh)))


_voc_labels = [("obstacle/cone", {}), ("object/vehicle/car", {}), ("sign/regulatory/stop", {})]
_kitti_labels = [
    ("object/vehicle/car", {}),
    ("object/person/pedestrian", {"activity": "sitting"}),
    ("object/person/cyclist", {}),
    ("object/vehicle", {}),
]
_mtsd_labels = [
    ("sign/regulatory/speed_limit", {"limit": "100"}),
    ("sign/regulatory/end_speed_limit", {"limit": "30"}),
    ("sign/complementary/advisory_speed", {"limit": "35"}),
    ("sign/regulatory/stop", {"shape": "octagon", "color": "red"}),
    ("sign/warning/road_work", {}),
    ("sign", {}),
]
_yolo_labels = [("object/person", {}), ("obstacle/cone", {}), ("d40", {}), ("7", {})]
_kitti_states = ("fully visible", "partly hidden", "mostly hidden", "cut off")
_kitti_scenes = box_scenes(_kitti_labels, _kitti_states, confidence=True, image="image_2/a.png")
CASES = {
    "kitti": Case("training/label_2/1.txt", of_size(_kitti_scenes, kitti.SIZE)),
    "voc": Case("Annotations/a.xml", box_scenes(_voc_labels, ["cut off", "partly hidden"])),
    "mtsd": Case(
        "annotations/a.json",
        box_scenes(_mtsd_labels, ["clear", "partly hidden", "cut off", "unreadable"]),
    ),
    "yolo": Case(
        "labels/a.txt",
        of_size(box_scenes(_yolo_labels, confidence=True), yolo.SIZE),
        within=1e-9,
        beside=("data.yaml", "train: images\nnames: [person, Traffic Cone, d40]\n"),
    ),
}


def assert_same(found, expected, within):
    if not within:
        assert found == expected
        return
    assert found.frame == expected.frame
    for ours, theirs in zip(found.instances, expected.instances, strict=True):
        assert replace(ours, geometry=theirs.geometry) == theirs
        far = within * max(expected.frame.size_wh)
        np.testing.assert_allclose(
            ours.geometry.vertices(), theirs.geometry.vertices(), rtol=within, atol=far
        )


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=50)
@given(data=st.data())
def test_any_scene_comes_back(tmp_path_factory, name, data):
    case = CASES[name]
    scene = data.draw(case.scenes)
    folder = tmp_path_factory.mktemp("any")
    [again], losses = trip(name, [scene], folder / "a")
    assert losses == []
    assert_same(bare(again), scene, case.within)
    assert trip(name, [again], folder / "b")[0] == [again]


@pytest.mark.parametrize("name", ["voc", "yolo"])
@settings(max_examples=30)
@given(word=st.text(max_size=6))
def test_any_word_comes_back_or_is_set_aside(tmp_path_factory, name, word):
    folder = tmp_path_factory.mktemp("any")
    saved = FORMATS[name].save([make_scene(make_box(word))], folder / "a")
    if saved.quarantine.num_kept:
        # A label outside the taxonomy that spells one of its words is read as that word.
        assert read_one(name, folder / "a").instances[0].label == label_of_word(word)


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=150)
@given(data=st.data())
def test_broken_bytes_are_read_or_set_aside(tmp_path_factory, name, data):
    case, folder = CASES[name], tmp_path_factory.mktemp("broken") / "in"
    golden = (GOLDEN / name).with_suffix(Path(case.label).suffix)
    put(folder, data.draw(broken(golden.read_bytes())), case.label)
    if case.beside:
        put(folder, case.beside[1], case.beside[0])
    read_back_or_set_aside(name, folder)


@pytest.mark.parametrize("name", CASES)
def test_recognised_among_all_formats(tmp_path, name):
    assert recognised_in(name, tmp_path) == [name]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("folder", ["empty", "absent"])
def test_a_folder_without_labels_is_refused(tmp_path, name, folder):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FormatError, match=folder) as error:
        FORMATS[name].load(tmp_path / folder)
    if folder == "empty":
        assert f"*{Path(CASES[name].label).suffix}" in error.value.message
