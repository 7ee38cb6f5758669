"""Class masks: pixels in, polygons, the same pixels out; lists, layouts and hostile files."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from drivegrid.data.formats import detect_format
from drivegrid.data.formats.mask_classes import read_class_list
from drivegrid.data.formats.masks import MASKS, load_masks, open_masks, save_masks
from drivegrid.data.formats.peek import Peek
from drivegrid.data.scene import Instance
from drivegrid.errors import FormatError
from drivegrid.geometry import Polygon
from tests.data.builders import SHAPES, full_disk, make_scene, scenes

CAMVID = """0 Sky
1 Building
2 Pole
3 Road
8 Car
11 Unlabelled
"""


def write(root, values, mask="trainannot/0001TP_006690.png", classes=CAMVID):
    """Write a mask of numbers (H, W) or colours (H, W, 3), and the class list."""
    path = root / mask
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.asarray(values)
    Image.fromarray(values.astype(np.uint8 if values.max() < 256 else np.uint16)).save(path)
    if classes is not None:
        (root / "classes.txt").write_text(classes)
    return root


def pixels(path):
    with Image.open(path) as image:
        return np.array(image)


def region(x0, y0, x1, y1, label="area/drivable", **changes):
    ring = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], dtype=float)
    return Instance(label, Polygon((ring,)), **changes)


def small_scene(*instances, **changes):
    return make_scene(*instances, size_wh=(6, 4), **changes)


def painted(folder, *instances, **changes):
    """Return the pixels of one scene, the class list, and what was lost."""
    saved = save_masks([small_scene(*instances, **changes)], folder)
    [mask] = folder.rglob("*.png")
    return pixels(mask).tolist(), (folder / "classes.txt").read_text().splitlines(), saved.losses


def test_a_mask_of_one_void_class_has_no_instances(tmp_path):
    [scene] = load_masks(write(tmp_path, np.full((2, 3), 11))).scenes
    assert (scene.instances, scene.frame.size_wh) == ((), (3, 2))
    assert scene.extra["masks"]["background"] == "Unlabelled"


def test_a_mask_by_hand(tmp_path):
    write(tmp_path, [[0, 0, 11, 3], [8, 0, 3, 3], [8, 255, 3, 11]])
    [scene] = load_masks(tmp_path).scenes
    assert (scene.frame.image, scene.frame.clip) == ("train/0001TP_006690.jpg", "0001TP")
    found = [(instance.label, instance.extra["masks"]["class"]) for instance in scene.instances]
    assert found == [
        ("region/sky", "Sky"),
        ("area/drivable", "Road"),
        ("object/vehicle/car", "Car"),
    ]
    car = scene.instances[2].geometry
    assert car.rings[0].tolist() == [[0, 1], [1, 1], [1, 3], [0, 3]]
    assert scene.extra["masks"]["background"] == "Unlabelled"
    assert list(scene.extra["masks"]["dropped"]) == ["ignore"]


_values = st.sampled_from([0, 1, 2, 3, 8, 11, 255])
_masks = st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(
    lambda shape: arrays(np.uint8, shape, elements=_values)
)


@settings(max_examples=60)
@given(_masks)
def test_any_mask_comes_back_pixel_by_pixel(tmp_path_factory, values):
    folder = tmp_path_factory.mktemp("any")
    loaded = load_masks(write(folder / "in", values))
    saved = save_masks(loaded.scenes, folder / "out")
    assert saved.losses == []
    assert (pixels(folder / "out/trainannot/0001TP_006690.png") == values).all()
    assert (folder / "out/classes.txt").read_text() == CAMVID
    assert load_masks(folder / "out").scenes == loaded.scenes


def test_colours_come_back(tmp_path):
    colors = np.array([[[128, 64, 128], [0, 0, 0]], [[0, 0, 0], [64, 0, 128]]])
    listed = "128 64 128\tRoad\n0 0 0\tVoid\n64 0 128\tCar\n"
    loaded = load_masks(write(tmp_path / "in", colors, "labels/a_L.png", listed))
    labels = [instance.label for instance in loaded.scenes[0].instances]
    assert labels == ["area/drivable", "object/vehicle/car"]
    assert save_masks(loaded.scenes, tmp_path / "out").losses == []
    assert (pixels(tmp_path / "out/labels/a_L.png") == colors).all()
    assert (tmp_path / "out/classes.txt").read_text() == listed.replace("\t", " ")
    assert load_masks(tmp_path / "out").scenes == loaded.scenes


def test_numbers_above_255_take_16_bits(tmp_path):
    values = np.array([[300, 2], [2, 7]])
    loaded = load_masks(write(tmp_path / "in", values, classes="300 car\n2 road\n7 goat\n"))
    labels = [instance.label for instance in loaded.scenes[0].instances]
    assert labels == ["object/vehicle/car", "area/drivable", "area/drivable", "goat"]
    save_masks(loaded.scenes, tmp_path / "out")
    assert (pixels(tmp_path / "out/trainannot/0001TP_006690.png") == values).all()


def test_palette_pictures_give_their_indices(tmp_path):
    write(tmp_path, [[0]])
    image = Image.fromarray(np.array([[3, 8]], np.uint8))
    image.putpalette([7] * 768)
    image.save(tmp_path / "trainannot/0001TP_006690.png")
    [scene] = load_masks(tmp_path).scenes
    assert [instance.extra["masks"]["class"] for instance in scene.instances] == ["Road", "Car"]


# Layouts ------------------------------------------------------------------------------------------

LAYOUTS = {
    "SegNet's CamVid": ("testannot/Seq05VD_f00090.png", "test/Seq05VD_f00090.png", "Seq05VD"),
    "masks": ("masks/a/b.png", "images/a/b.jpg", "images/a"),
    "labels": ("val/labels/b.png", "val/images/b.webp", "val/images"),
    "an ending of its own": ("train_labels/x_L.png", "train/x.png", "train"),
    "a mask": ("masks/x_mask.png", "images/x.jpg", "images"),
    "no picture": ("masks/x_mask.png", None, "images"),
    "no folder": ("annot/20.png", "20.jpg", "."),
}


@pytest.mark.parametrize(("mask", "image", "clip"), LAYOUTS.values(), ids=LAYOUTS)
def test_layouts_are_understood(tmp_path, mask, image, clip):
    write(tmp_path, [[3]], mask)
    if image:
        (tmp_path / image).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / image).touch()
    assert detect_format(tmp_path)[0] == "masks"
    [scene] = load_masks(tmp_path).scenes
    assert scene.frame.image == (image or "images/x_mask.jpg")
    assert scene.frame.clip == clip


def test_kitti_road_has_known_colours(tmp_path):
    colors = np.array([[[255, 0, 255], [255, 0, 0], [255, 0, 0], [0, 0, 0]]])
    write(tmp_path, colors, "training/gt_image_2/um_road_000003.png", None)
    write(tmp_path, colors, "training/gt_image_2/um_lane_000003.png", None)
    assert detect_format(tmp_path)[0] == "masks"
    loaded = load_masks(tmp_path)
    [scene] = loaded.scenes
    assert scene.frame.image == "training/image_2/um_000003.jpg"
    assert [instance.label for instance in scene.instances] == ["area/drivable"]
    save_masks(loaded.scenes, tmp_path / "out")
    assert (pixels(tmp_path / "out/training/gt_image_2/um_road_000003.png") == colors).all()
    assert load_masks(tmp_path / "out").scenes == loaded.scenes


def test_a_list_of_frames_gives_order_and_names(tmp_path):
    for stem in "abc":
        write(tmp_path, [[3]], f"masks/{stem}.png")
    listed = b"x/c.jpg\tmasks/c.png\n\nx/a b.jpg\tmasks/a.png\n\xff\tmasks/b.png\nx.jpg\n"
    (tmp_path / "frames.txt").write_bytes(listed + b"../x.jpg\tmasks/b.png\nx/c.jpg\tmasks/c.png\n")
    loaded = load_masks(tmp_path)
    assert [scene.frame.image for scene in loaded.scenes] == ["x/c.jpg", "x/a b.jpg"]
    assert [wrong.line for wrong in loaded.quarantine.rejected] == [4, 5, 6, 7]


def test_others_are_not_recognised(tmp_path):
    write(tmp_path / "no list", [[3]], classes=None)
    write(tmp_path / "no mask", [[3]], "train/a.png")
    (tmp_path / "yolo" / "labels").mkdir(parents=True)
    (tmp_path / "yolo" / "labels" / "a.txt").touch()
    (tmp_path / "yolo" / "classes.txt").write_text("car\n")
    for name in ("no list", "no mask", "yolo", "yolo/classes.txt"):
        assert MASKS.recognise(Peek(tmp_path / name)) is None


@pytest.mark.parametrize(
    ("folder", "message"), [("absent", "class list"), ("no list", "class list"), ("none", "PNG")]
)
def test_folders_without_masks_are_refused(tmp_path, folder, message):
    write(tmp_path / "no list", [[3]], classes=None)
    write(tmp_path / "none", [[3]], "train/a.png")
    with pytest.raises(FormatError, match=f"{message}.*{folder}"):
        load_masks(tmp_path / folder)


# Wrong masks --------------------------------------------------------------------------------------


def test_values_outside_the_list_set_the_frame_aside(tmp_path):
    write(tmp_path, [[3, 77]])
    write(tmp_path, [[3]], "trainannot/b.png")
    loaded = load_masks(tmp_path)
    assert len(loaded.scenes) == 1
    [wrong] = loaded.quarantine.rejected
    assert "class list, got 77" in wrong.message
    assert wrong.path.endswith("0001TP_006690.png")


def test_colours_where_numbers_belong_set_the_frame_aside(tmp_path):
    write(tmp_path, [[[3, 3, 3]]])
    assert "one channel, got RGB" in load_masks(tmp_path).quarantine.rejected[0].message


def test_colours_outside_the_list_set_the_frame_aside(tmp_path):
    write(tmp_path, [[[3, 3, 10]]], classes="1 2 3 Road")
    assert "got #03030a" in load_masks(tmp_path).quarantine.rejected[0].message


def test_large_masks_and_noise_are_refused(tmp_path, monkeypatch):
    write(tmp_path, np.eye(9) * 3)
    monkeypatch.setattr("drivegrid.data.rasters.MAX_CORNERS", 24)
    assert "at most 24 corners" in load_masks(tmp_path).quarantine.rejected[0].message
    monkeypatch.setattr("drivegrid.data.formats.masks.MAX_MASK_PIXELS", 80)
    assert "at most 80 pixels" in load_masks(tmp_path).quarantine.rejected[0].message


@settings(max_examples=60)
@given(st.data())
def test_broken_files_bring_nothing_but_format_errors(tmp_path_factory, data):
    root = write(tmp_path_factory.mktemp("broken"), [[0, 0, 11, 3], [8, 0, 3, 3], [8, 255, 3, 11]])
    (root / "frames.txt").write_text("train/a.jpg\ttrainannot/0001TP_006690.png\n")
    path = root / data.draw(
        st.sampled_from(["trainannot/0001TP_006690.png", "classes.txt", "frames.txt"])
    )
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    path.write_bytes(content)
    try:
        loaded = load_masks(root)
    except FormatError:
        return
    saved = save_masks(loaded.scenes, root / "out")
    assert saved.quarantine.num_read == len(loaded.scenes)


# Writing ------------------------------------------------------------------------------------------


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
    assert (wrong.item, wrong.path) == ("scene 0", str(tmp_path / "out"))
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


def test_real_masks_come_back_pixel_by_pixel(realdata, tmp_path):
    root = realdata / "camvid11"
    source = open_masks(root)
    found = [source.parse(entry) for entry in list(source.entries)[::20]]
    assert all(len(scene.instances) > 10 for scene in found)
    assert {scene.frame.clip for scene in found} <= {"0001TP", "0006R0", "0016E5", "Seq05VD"}
    saved = save_masks(found, tmp_path)
    assert (saved.losses, saved.quarantine.num_kept) == ([], len(found))
    for path in tmp_path.rglob("*.png"):
        assert (pixels(path) == pixels(root / path.relative_to(tmp_path))).all()
    assert (tmp_path / "classes.txt").read_text() == (root / "classes.txt").read_text()
    assert load_masks(tmp_path).scenes == found
    assert json.loads(json.dumps(found[0].extra)) == found[0].extra
    assert detect_format(root)[0] == "masks"
