"""Class masks written: what lies over what, what is lost, extras that no reader left."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivegrid.data.formats.mask_classes import read_class_list
from drivegrid.data.formats.masks import load_masks, save_masks
from drivegrid.data.scene import Instance
from drivegrid.geometry import Polygon
from tests.data.builders import SHAPES, full_disk, make_scene, scenes
from tests.data.formats.mask_folders import CAMVID, painted, region, small_scene, write


def test_later_ones_lie_over_earlier_ones_and_the_rest_is_void(tmp_path):
    values, classes, losses = painted(
        tmp_path / "out", region(0, 1, 5, 4), region(2, 2, 4, 4, "object/vehicle/car")
    )
    assert values == [[0] * 6, [1] * 5 + [0], [1, 1, 2, 2, 1, 0], [1, 1, 2, 2, 1, 0]]
    assert classes == ["1 area/drivable", "2 object/vehicle/car", "0 Void"]
    assert [loss.item for loss in losses] == ["instance 0 (area/drivable)"]
    assert "shape changed" in losses[0].message


LOST = {
    "a box": (Instance("object/vehicle/car", SHAPES["box"]), "object/vehicle/car (box) left out"),
    "between pixels": (region(0.2, 0, 2, 2), "shape changed"),
    "nothing": (Instance("sign", Polygon(())), "shape changed"),
    "off the image": (region(-2, -2, 2, 2), "shape changed"),
    "a word": (region(0, 0, 2, 2, "car"), "car left out: as a class"),
    "a void": (region(0, 0, 2, 2, "Void"), "Void left out: as a class"),
    "an attribute": (region(0, 0, 2, 2, attributes={"side": "left"}), "attribute side left out"),
    "confidence": (region(0, 0, 2, 2, confidence=0.5), "confidence left out"),
}


@pytest.mark.parametrize(("instance", "message"), LOST.values(), ids=LOST)
def test_what_cannot_be_held_is_reported(tmp_path, instance, message):
    _, _, [loss] = painted(tmp_path / "out", instance)
    assert message in loss.message
    assert loss.item == f"instance 0 ({instance.label})"


def test_touching_regions_of_one_class_become_one(tmp_path):
    _, _, losses = painted(tmp_path / "out", region(0, 0, 2, 2), region(2, 0, 4, 2))
    assert len(losses) == 2


def test_a_changed_label_takes_another_class(tmp_path):
    road = region(0, 0, 6, 4, extra={"masks": {"class": "Road"}})
    bus = region(0, 0, 2, 2, "object/vehicle/bus", extra={"masks": {"class": "Road"}})
    _, classes, _ = painted(tmp_path / "out", road, bus)
    assert classes == ["1 Road", "2 object/vehicle/bus"]


def test_lists_of_two_data_sets_are_joined(tmp_path):
    colors = np.array([[[9, 9, 9]]])
    found = load_masks(write(tmp_path / "a", [[3]])).scenes
    found += load_masks(write(tmp_path / "b", [[3]], "masks/b.png", "3 Car\n")).scenes
    found += load_masks(write(tmp_path / "c", colors, "masks/c.png", "9 9 9 Tree\n")).scenes
    saved = save_masks(found, tmp_path / "out")
    assert saved.quarantine.num_kept == 3
    assert (tmp_path / "out/classes.txt").read_text() == CAMVID + "4 Tree\n"
    again = load_masks(tmp_path / "out").scenes
    for one, other in zip(again, found, strict=True):
        assert one.instances == other.instances


def test_free_colours_are_found(tmp_path):
    [scene] = load_masks(write(tmp_path / "in", [[[9, 9, 9]]], classes="9 9 9 Tree\n")).scenes
    more = [region(0, 0, 1, 1, label) for label in ("sign", "light")]
    save_masks([make_scene(*more, size_wh=(1, 1), extra=scene.extra)], tmp_path / "out")
    listed = read_class_list(tmp_path / "out/classes.txt")
    assert listed.colors
    assert list(listed.values) == ["Tree", "sign", "light"]


@settings(max_examples=25)
@given(st.lists(scenes, max_size=3))
def test_any_scenes_are_written_or_set_aside(tmp_path_factory, given_scenes):
    small = [make_scene(*s.instances, image=s.frame.image, size_wh=(9, 5)) for s in given_scenes]
    folder = tmp_path_factory.mktemp("any") / "out"
    saved = save_masks(iter(small), folder)
    assert saved.quarantine.num_read == len(small)
    if saved.quarantine.num_kept:
        assert len(load_masks(folder).scenes) == saved.quarantine.num_kept


@pytest.mark.parametrize(
    "image", ["", "/a.jpg", "../a.jpg", " a.jpg", "a\t.jpg", "x/" + "b" * 300 + ".jpg"]
)
def test_frames_without_a_usable_name_are_set_aside(tmp_path, image):
    saved = save_masks([small_scene(image=image), small_scene()], tmp_path / "out")
    [wrong] = saved.quarantine.rejected
    assert (wrong.item.partition(" (")[0], wrong.path) == ("scene 0", str(tmp_path / "out"))
    assert len(load_masks(tmp_path / "out").scenes) == 1


HOSTILE = {
    "no object": 3,
    "a mask elsewhere": {"mask": "../a.png"},
    "no picture": {"mask": "a.txt"},
    "a mask in a list's place": {"mask": "classes.txt/a.png"},
    "a number for a mask": {"mask": 3},
    "classes without a kind": {"classes": {"Sky": 0}},
    "classes are no object": {"classes": [], "colors": False},
    "a word for a value": {"classes": {"Sky": "x"}, "colors": False},
    "a value too high": {"classes": {"Sky": 70_000}, "colors": False},
    "a name of two lines": {"classes": {"Sky\n7 Car": 3}, "colors": False},
    "no name": {"classes": {"": 3}, "colors": False},
    "a name that looks like colours": {"classes": {"3 4 Sky": 5}, "colors": False},
    "background is no text": {"background": 3},
    "dropped is no object": {"dropped": []},
    "dropped is no text": {"dropped": {"Sky": 3}},
    "dropped has another size": {"dropped": {"Sky": "1"}},
}


@pytest.mark.parametrize("extra", HOSTILE.values(), ids=HOSTILE)
def test_hostile_extras_are_set_aside(tmp_path, extra):
    saved = save_masks([small_scene(extra={"masks": extra}), small_scene()], tmp_path / "out")
    assert (saved.quarantine.num_rejected, saved.quarantine.num_kept) == (1, 1)
    assert len(load_masks(tmp_path / "out").scenes) == 1


@pytest.mark.parametrize("extra", [3, {"class": 3}])
def test_hostile_extras_of_instances_are_set_aside(tmp_path, extra):
    scene = small_scene(region(0, 0, 1, 1, extra={"masks": extra}))
    assert save_masks([scene], tmp_path / "out").quarantine.num_rejected == 1


def test_frames_too_large_to_paint_are_set_aside(tmp_path):
    saved = save_masks([make_scene(size_wh=(99_999, 99_999))], tmp_path / "out")
    assert "pixels" in saved.quarantine.rejected[0].message


def test_a_full_disk_leaves_nothing_behind(tmp_path):
    rng = np.random.default_rng(0)
    noise = write(tmp_path / "in", rng.integers(0, 4, (90, 90)))
    found = load_masks(noise).scenes
    with full_disk(), pytest.raises(OSError, match="out"):
        save_masks(found, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]
