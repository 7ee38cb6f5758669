"""Class masks: masks by hand, pixels that come back, layouts, wrong masks, real masks."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from drivegrid.data.formats import detect_format
from drivegrid.data.formats.masks import MASKS, load_masks, open_masks, save_masks
from drivegrid.data.formats.peek import Peek
from drivegrid.errors import FormatError
from tests.data.formats.mask_folders import CAMVID, pixels, write


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
    "no folder": ("annot/20.png", "20.jpg", None),
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
