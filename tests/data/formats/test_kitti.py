"""KITTI objects: a file by hand, DontCare, scores, odd layouts, broken files, round trips."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drivegrid.data.formats import detect_format
from drivegrid.data.formats.kitti import SIZE, TYPES, load_kitti, recognise_kitti, save_kitti
from drivegrid.data.formats.peek import Peek
from drivegrid.data.images import save_image
from drivegrid.data.scene import Instance, Scene
from drivegrid.errors import FormatError
from drivegrid.labels import default_label_space
from tests.data.builders import SHAPES, make_scene
from tests.data.formats.boxed import make_box, put, read_one, trip

GOLDEN = Path(__file__).parents[2] / "golden" / "formats" / "kitti.txt"
CAR = "Car 0.00 0 1.50 100.25 50.00 200.00 120.75 1.50 1.60 3.90 -2.00 1.60 12.34 1.34"


def write(folder, text, name="training/label_2/000001.txt"):
    return put(folder, text, name)


def written(folder):
    return next(folder.rglob("*.txt")).read_text()


def test_a_file_by_hand(tmp_path):
    scene = read_one("kitti", write(tmp_path, GOLDEN.read_text()))
    assert (scene.frame.image, scene.frame.size_wh) == ("training/image_2/000001.png", SIZE)
    assert scene.extra["assumed_size"] is True
    assert [(i.label, dict(i.attributes)) for i in scene.instances] == [
        ("object/vehicle/car", {"visible_state": "fully visible"}),
        ("object/person/pedestrian", {"visible_state": "partly hidden"}),
        ("object/person/pedestrian", {"activity": "sitting", "visible_state": "cut off"}),
        ("object/vehicle/van", {}),
        ("object/vehicle/train", {"visible_state": "mostly hidden"}),
    ]
    assert scene.instances[1].geometry.xyxy.tolist() == [-3.5, 40, 20, 130]
    assert scene.instances[0].extra["kitti"]["z"] == "12.34"
    assert [place for place, _ in scene.extra["kitti"]["dont_care"]] == [2, 6]


TEXTS = {
    "empty": "",
    "golden": GOLDEN.read_text(),
    "only DontCare": "DontCare -1 -1 -10 1 2 3 4 -1 -1 -1 -1000 -1000 -1000 -10\n",
    "odd numbers": "Car 0 0 1e-3 100 50.123456 2E2 +120.75 1 1 3 -2 1 12 1\n",
    "score": f"{CAR} 0.93\n",
    "score beyond one": f"{CAR} 12.50\n{CAR} -3\n",
    "unknown type": f"{CAR.replace('Car', 'Spaceship')}\n",
    "detection": "Car -1 -1 -10 1.00 2.00 3.00 4.00 -1 -1 -1 -1000 -1000 -1000 -10 0.50\n",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_files_come_back_byte_for_byte(tmp_path, text):
    scene = read_one("kitti", write(tmp_path / "in", text))
    [again], losses = trip("kitti", [scene], tmp_path / "out")
    assert (written(tmp_path / "out"), again, losses) == (text, scene, [])


def test_scores(tmp_path):
    scene = read_one("kitti", write(tmp_path, f"{CAR} 0.93\n{CAR} 12.5\n{CAR}\n"))
    assert [i.confidence for i in scene.instances] == [0.93, None, None]
    surer = replace(scene, instances=(replace(scene.instances[0], confidence=1 / 3),))
    again, _ = trip("kitti", [surer], tmp_path / "out")
    assert again[0].instances[0].confidence == 1 / 3
    label = replace(scene, instances=(replace(scene.instances[0], confidence=None),))
    trip("kitti", [label], tmp_path / "label")
    assert written(tmp_path / "label") == f"{CAR}\n"


CHANGES = {
    "nothing": ({}, CAR),
    "hidden": ({"attributes": {"visible_state": "mostly hidden"}}, CAR.replace(" 0 ", " 2 ")),
    "cut": ({"attributes": {"visible_state": "cut off"}}, CAR.replace("0.00 0", "1.00 3")),
    "unknown": ({"attributes": {}}, CAR.replace("0.00 0", "-1 -1")),
    "label": ({"label": "object/vehicle/truck"}, CAR.replace("Car", "Truck")),
}


@pytest.mark.parametrize(("change", "line"), CHANGES.values(), ids=CHANGES)
def test_a_changed_object_keeps_the_other_columns(tmp_path, change, line):
    scene = read_one("kitti", write(tmp_path / "in", CAR))
    changed = replace(scene, instances=(replace(scene.instances[0], **change),))
    trip("kitti", [changed], tmp_path / "out")
    assert written(tmp_path / "out") == f"{line}\n"


BAD = {
    "columns": (CAR.rsplit(" ", 1)[0], "15 or 16 columns, got 14"),
    "tracking": (f"0 1 {CAR}", "got 17"),
    "word": (CAR.replace("1.60", "x"), "width must be a number"),
    "NaN": (CAR.replace("1.60", "nan"), "must be a number"),
    "far": (CAR.replace("100.25", "1e9"), "left must be a number"),
    "corners": (CAR.replace("100.25", "300"), "upper left"),
    "YOLO": (" ".join(["0"] + ["0.5"] * 14), "type must be a name"),
    "binary": (b"\xff\xd8" + CAR.encode(), "type must be a name"),
}


@pytest.mark.parametrize(("line", "message"), BAD.values(), ids=BAD)
def test_a_wrong_file_is_set_aside_whole(tmp_path, line, message):
    line = line if isinstance(line, bytes) else line.encode()
    write(tmp_path, CAR, "label_2/a.txt")
    write(tmp_path, f"{CAR}\n\n".encode() + line, "label_2/b.txt")
    loaded = load_kitti(tmp_path)
    assert [scene.frame.image for scene in loaded.scenes] == ["image_2/a.png"]
    [record] = loaded.quarantine.rejected
    assert (record.path, record.line) == (str(tmp_path / "label_2" / "b.txt"), 3)
    assert (record.item, message in record.message) == ("object 1", True)


LAYOUTS = {
    "data set": ("training/label_2/1.txt", ".", "training/image_2/1.png"),
    "part": ("training/label_2/1.txt", "training", "image_2/1.png"),
    "labels": ("training/label_2/1.txt", "training/label_2", "image_2/1.png"),
    "detections": ("data/1.txt", ".", "data/1.png"),
    "list": ("training/label_2/1.txt", "ImageSets/train.txt", "training/image_2/1.png"),
}


@pytest.mark.parametrize(("label", "path", "image"), LAYOUTS.values(), ids=LAYOUTS)
def test_layouts(tmp_path, label, path, image):
    write(tmp_path, CAR, label)
    if "label_2" in label:
        write(tmp_path, "not a label", "training/calib/1.txt")
        write(tmp_path, "1\n", "ImageSets/train.txt")
    assert read_one("kitti", tmp_path / path).frame.image == image


def test_lists_say_what_is_missing_or_twice(tmp_path):
    write(tmp_path, CAR, "label_2/1.txt")
    write(tmp_path, CAR, "label_2/2.txt")
    write(tmp_path, "2\n\n3\n2\n", "ImageSets/train.txt")
    loaded = load_kitti(tmp_path / "ImageSets" / "train.txt")
    assert [scene.frame.image for scene in loaded.scenes] == ["image_2/2.png"]
    assert [record.line for record in loaded.quarantine.rejected] == [3, 4]
    write(tmp_path, "2\n", "else.txt")
    with pytest.raises(FormatError, match="ImageSets"):
        load_kitti(tmp_path / "else.txt")


def test_pictures_give_size_and_suffix(tmp_path):
    write(tmp_path, CAR, "label_2/a.txt")
    write(tmp_path, CAR, "label_2/b.txt")
    (tmp_path / "image_2").mkdir()
    save_image(tmp_path / "image_2" / "a.jpg", np.zeros((3, 4, 3), np.uint8))
    (tmp_path / "image_2" / "b.png").write_bytes(b"no picture")
    loaded = load_kitti(tmp_path)
    assert [(s.frame.image, s.frame.size_wh) for s in loaded.scenes] == [("image_2/a.jpg", (4, 3))]
    assert "b.png" in loaded.quarantine.rejected[0].path


LOST = {
    "a polygon": (Instance("object/vehicle/car", SHAPES["poly with a hole"]), "no box"),
    "a cone": (make_box("obstacle/cone"), "KITTI has no type"),
    "an area": (make_box("area/drivable"), "KITTI has no type"),
    "a bus": (make_box("object/vehicle/bus"), "object/vehicle/bus written as Misc"),
    "moving": (make_box("object/vehicle/car", attributes={"activity": "moving"}), "activity left"),
    "visibility": (make_box("object/vehicle/car", visibility=0.5), "visibility left out"),
}


@pytest.mark.parametrize(("instance", "message"), LOST.values(), ids=LOST)
def test_what_cannot_be_held_is_reported(tmp_path, instance, message):
    saved = save_kitti([make_scene(instance, image="image_2/a.png", size_wh=SIZE)], tmp_path)
    [loss] = saved.losses
    assert message in loss.message
    assert loss.item == f"instance 0 ({instance.label})"


def test_frames_that_the_reader_would_not_find_are_set_aside(tmp_path):
    images = ["image_2/a.png", "b.png", "image_2/a.jpg", "../c.png", "image_2/d.txt"]
    saved = save_kitti([make_scene(image=image) for image in images], tmp_path / "out")
    assert saved.quarantine.num_kept == 1
    assert [r.item.partition(" (")[0] for r in saved.quarantine.rejected] == [
        f"scene {i}" for i in range(1, 5)
    ]


HOSTILE = {
    "no object": {"extra": {"kitti": [1]}},
    "line break": {"extra": {"kitti": {"alpha": "1\nCar"}}},
    "blank": {"extra": {"kitti": {"alpha": "1 2"}}},
    "number": {"extra": {"kitti": {"alpha": 1}}},
    "type of two words": {"label": "My Car", "extra": {"kitti": {"type": "My Car"}}},
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_extras_that_no_reader_left_are_set_aside(tmp_path, change):
    car = replace(make_box("object/vehicle/car"), **change)
    saved = save_kitti([make_scene(car, image="a.png")], tmp_path / "out")
    assert saved.quarantine.num_rejected == 1


@pytest.mark.parametrize("kept", [1, [1], [[0, CAR]], [[-1, "DontCare"]], [[0, "DontCare\n" * 9]]])
def test_dont_care_lines_that_no_reader_left_are_set_aside(tmp_path, kept):
    scene = make_scene(image="a.png", extra={"kitti": {"dont_care": kept}})
    assert save_kitti([scene], tmp_path / "out").quarantine.num_rejected == 1


def test_plain_folders_are_recognised(tmp_path):
    plain = write(tmp_path / "plain", CAR, "data/1.txt")
    assert detect_format(plain)[0] == "kitti"
    assert recognise_kitti(Peek(write(tmp_path / "other", "0 0.5 0.5 0.1 0.1", "1.txt"))) is None


def test_every_type_is_a_label_and_written_as_itself(tmp_path):
    text = "".join(CAR.replace("Car", name) + "\n" for name in TYPES)
    scene = read_one("kitti", write(tmp_path / "in", text))
    assert all(i.label in default_label_space().labels for i in scene.instances)
    bare_scene = Scene(scene.frame, tuple(replace(i, extra={}) for i in scene.instances))
    trip("kitti", [bare_scene], tmp_path / "out")
    assert [line.split()[0] for line in written(tmp_path / "out").splitlines()] == list(TYPES)


def test_real_labels_come_back_byte_for_byte(realdata, tmp_path):
    root = realdata / "kitti_sample" / "object"
    loaded = load_kitti(root)
    assert (loaded.quarantine.num_kept, loaded.quarantine.num_rejected) == (3, 0)
    assert [scene.frame.size_wh for scene in loaded.scenes] == [(1224, 370), SIZE, SIZE]
    save_kitti(loaded.scenes, tmp_path)
    for label in (root / "label_2").iterdir():
        assert (tmp_path / "label_2" / label.name).read_bytes() == label.read_bytes()
