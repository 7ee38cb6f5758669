"""YOLO: a file by hand, counts of numbers, names, layouts, broken files, round trips."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivegrid.data.formats import detect_format
from drivegrid.data.formats.peek import Peek
from drivegrid.data.formats.yolo import SIZE, load_yolo, recognise_yolo, save_yolo
from drivegrid.data.formats.yolo_names import find_names
from drivegrid.data.images import save_image
from drivegrid.data.scene import Instance
from drivegrid.errors import FormatError
from drivegrid.geometry import Polygon
from tests.data.builders import SHAPES, make_lane, make_scene
from tests.data.formats.boxed import make_box, put, read_back_or_set_aside, read_one, trip
from tests.data.formats.drawn import broken

GOLDEN = Path(__file__).parents[2] / "golden" / "formats" / "yolo.txt"
NAMES = "train: images\nnames: [person, Traffic Cone, d40]\n"
LINE = "0 0.500000 0.250000 0.100000 0.200000\n"


def write(folder, text, name="labels/a.txt", data=NAMES, picture=None):
    put(folder, text, name)
    if data is not None:
        (folder / "data.yaml").write_text(data)
    if picture:
        (folder / picture).parent.mkdir(parents=True, exist_ok=True)
        save_image(folder / picture, np.zeros((100, 200, 3), np.uint8))
    return folder


def written(folder, name="a.txt"):
    return next(folder.rglob(name)).read_text()


def test_a_file_by_hand(tmp_path):
    scene = read_one("yolo", write(tmp_path, GOLDEN.read_text(), picture="images/a.png"))
    assert (scene.frame.image, scene.frame.size_wh) == ("images/a.png", (200, 100))
    assert [i.label for i in scene.instances] == [
        "object/person", "d40", "obstacle/cone", "obstacle/cone", "object/person"
    ]  # fmt: skip
    person, pothole, triangle, square, beyond = scene.instances
    np.testing.assert_allclose(person.geometry.xyxy, [90, 15, 110, 35])
    np.testing.assert_allclose(pothole.geometry.xyxy, [15, 0, 25, 50])
    np.testing.assert_allclose(triangle.geometry.rings, [[[20, 20], [60, 20], [60, 40]]])
    assert [len(square.geometry.rings[0]), square.confidence] == [4, 0.75]
    assert beyond.geometry.xyxy[2] == 240
    assert [i.confidence for i in (person, pothole, triangle)] == [None, 0.9, None]


@pytest.mark.parametrize("picture", [None, "images/a.jpg"])
@pytest.mark.parametrize("text", ["", GOLDEN.read_text(), "1 1 1 0 0\n0 -0.5 2 1e-1 1\n"])
def test_files_come_back_byte_for_byte(tmp_path, text, picture):
    write(tmp_path / "in", text, picture=picture)
    scene = read_one("yolo", tmp_path / "in")
    save_yolo([scene], tmp_path / "out")
    assert written(tmp_path / "out") == text
    write(tmp_path / "out", text, data=None, picture=picture)
    assert load_yolo(tmp_path / "out").scenes == [scene]


def test_without_a_picture_the_size_is_assumed_and_the_numbers_kept(tmp_path):
    scene = read_one("yolo", write(tmp_path / "in", LINE))
    assert (scene.frame.size_wh, scene.extra["assumed_size"]) == (SIZE, True)
    assert scene.instances[0].extra["yolo"]["numbers"] == LINE.split()[1:]


_share = st.integers(0, 10**6).map(lambda n: f"{n / 10**6:.6f}")


@settings(max_examples=50)
@given(
    st.lists(st.tuples(_share, _share), min_size=3, max_size=9), st.sampled_from([(7, 3), (97, 61)])
)
def test_polygons_of_six_decimals_need_no_extra(tmp_path_factory, points, size):
    folder = tmp_path_factory.mktemp("any")
    text = " ".join(["1", *(number for point in points for number in point)]) + "\n"
    write(folder / "in", text)
    (folder / "in" / "images").mkdir()
    save_image(folder / "in" / "images" / "a.jpg", np.zeros((*size, 3), np.uint8))
    scene = read_one("yolo", folder / "in")
    assert scene.instances[0].extra == {"yolo": {"class": "Traffic Cone"}}
    save_yolo([scene], folder / "out")
    assert written(folder / "out") == text


BAD = {
    "four numbers": ("0 1 1 1\n", "class and 4 numbers or more, got 4 words"),
    "class": ("0.5 0.5 0.5 0.1 0.1\n", "whole number, got '0.5'"),
    "negative class": ("-1 0.5 0.5 0.1 0.1\n", "whole number, got '-1'"),
    "no name": ("3 0.5 0.5 0.1 0.1\n", "must have a name, got 3"),
    "word": ("0 0.5 x 0.1 0.1\n", "must be a number, got 'x'"),
    "NaN": ("0 0.5 nan 0.1 0.1\n", "must be a number"),
    "far": ("0 1e6 0.5 0.1 0.1\n", "corner in pixels must be a number"),
    "far polygon": ("0 1e6 0.5 0.1 0.1 0 0\n", "x, y pairs"),
    "size": ("0 0.5 0.5 -0.1 0.1\n", "upper left"),
    "confidence": ("0 0.5 0.5 0.1 0.1 1.5\n", "[0, 1], got 1.5"),
    "binary": (b"\xff\xd8\xff\xe0 1 1 1 1\n", "whole number"),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD)
def test_a_wrong_file_is_set_aside_whole(tmp_path, text, message):
    write(tmp_path, LINE)
    write(tmp_path, (LINE + "\n").encode() + (text if isinstance(text, bytes) else text.encode()),
          "labels/b.txt")  # fmt: skip
    loaded = load_yolo(tmp_path)
    assert [scene.frame.image for scene in loaded.scenes] == ["images/a.jpg"]
    [record] = loaded.quarantine.rejected
    assert (record.path, record.line) == (str(tmp_path / "labels" / "b.txt"), 3)
    assert (record.item, message in record.message) == ("instance 1", True)


LAYOUTS = {
    "ultralytics": ("labels/val/a.txt", "images/val/a.jpg", "."),
    "roboflow": ("valid/labels/a.txt", "valid/images/a.jpg", "."),
    "beside": ("obj_train_data/a.txt", "obj_train_data/a.jpg", "."),
    "data.yaml": ("labels/val/a.txt", "images/val/a.jpg", "data.yaml"),
}


@pytest.mark.parametrize(("label", "image", "path"), LAYOUTS.values(), ids=LAYOUTS)
def test_layouts_and_pictures_without_labels(tmp_path, label, image, path):
    write(tmp_path, LINE, label, picture=image)
    write(tmp_path, "not labels", "README.md")
    write(tmp_path, "./images/val/a.jpg", "train.txt")
    empty = image.replace("a.jpg", "b.jpg")
    save_image(tmp_path / empty, np.zeros((10, 20, 3), np.uint8))
    loaded = load_yolo(tmp_path / path)
    assert loaded.quarantine.rejected == []
    assert [(s.frame.image, len(s.instances)) for s in loaded.scenes] == [(image, 1), (empty, 0)]


def test_the_name_of_a_folder_above_says_nothing(tmp_path):
    root = write(tmp_path / "labels" / "mine", LINE, "x/a.txt", picture="x/b.jpg")
    assert [s.frame.image for s in load_yolo(root).scenes] == ["x/a.jpg", "x/b.jpg"]


NAME_FILES = {
    "list": ("data.yaml", "names: [car, no, 1]", ["car", "no", "1"]),
    "dict": ("data.yaml", "names:\n  1: b\n  0: a", ["a", "b"]),
    "none": ("data.yaml", "names: []", []),
    "other name": ("coco8.yaml", "names: [a]", ["a"]),
    "labelImg": ("labels/classes.txt", "a\nb c\n\n", ["a", "b c"]),
    "darknet": ("obj.names", "a\nb\n", ["a", "b"]),
    "nothing": ("README.md", "", None),
}


@pytest.mark.parametrize(("name", "text", "names"), NAME_FILES.values(), ids=NAME_FILES)
def test_names(tmp_path, name, text, names):
    assert find_names(write(tmp_path, text, name, data=None)) == names


BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nnames: [*c, *c]\n"
BAD_NAMES = {
    "no YAML": "names: [",
    "no mapping": "- names",
    "no names": "nc: 3",
    "gap": "names: {0: a, 2: b}",
    "twice": "names: [a, a]",
    "lists": "names: [[a]]",
    "text": "names: abc",
    "bomb": BOMB,
    "deep": "names: " + "[" * 5000,
    "control character": 'names: ["a\\nb"]',
    "keypoints": "names: [a]\nkpt_shape: [17, 3]",
    "too many": "names: [" + ",".join(map(str, range(10_001))) + "]",
    "too large": "names: [a]\n#" + "x" * 2**20,
}


@pytest.mark.parametrize("data", BAD_NAMES.values(), ids=BAD_NAMES)
def test_wrong_names_are_refused(tmp_path, data):
    with pytest.raises(FormatError, match=r"data\.yaml"):
        load_yolo(write(tmp_path, LINE, data=data))


def test_classes_keep_their_ids_and_others_follow(tmp_path):
    scene = read_one("yolo", write(tmp_path / "in", LINE + LINE.replace("0", "2", 1)))
    new = replace(scene.instances[0], label="lane/crosswalk", extra={})
    changed = replace(scene, instances=(*scene.instances, new))
    trip("yolo", [changed], tmp_path / "out")
    assert [line.split()[0] for line in written(tmp_path / "out").splitlines()] == ["0", "2", "3"]
    assert find_names(tmp_path / "out") == ["person", "Traffic Cone", "d40", "lane/crosswalk"]


def test_classes_without_names_stay_numbers(tmp_path):
    scene = read_one("yolo", write(tmp_path / "in", LINE.replace("0", "7", 1), data=None))
    assert scene.instances[0].label == "7"
    assert trip("yolo", [scene], tmp_path / "out")[0] == [scene]
    assert not (tmp_path / "out" / "data.yaml").exists()
    both = [replace(scene, instances=(*scene.instances, make_box("d40")))]
    trip("yolo", both, tmp_path / "both")
    assert find_names(tmp_path / "both") == ["d40", *"1234567"]


def test_data_sets_of_other_names_share_one_table(tmp_path):
    first = read_one("yolo", write(tmp_path / "a", LINE, "labels/a.txt"))
    second = read_one("yolo", write(tmp_path / "b", LINE, "labels/b.txt", data="names: [d40, car]"))
    save_yolo([first, second], tmp_path / "out")
    assert find_names(tmp_path / "out") == ["person", "Traffic Cone", "d40", "car"]
    assert [s.instances[0].label for s in load_yolo(tmp_path / "out").scenes] == [
        "object/person", "d40"
    ]  # fmt: skip


def test_splits_are_named(tmp_path):
    scenes = [make_scene(image=f"images/{split}/a.jpg") for split in ("train", "val", "test")]
    save_yolo(scenes, tmp_path)
    text = (tmp_path / "data.yaml").read_text()
    assert "train: images/train\nval: images/val\ntest: images/test\n" in text


LOST = {
    "a line": (make_lane([[1, 2], [3, 4]]), "lane/line (line) left out: no box or polygon"),
    "a hole": (Instance("area/drivable", SHAPES["poly with a hole"]), "rings after the first"),
    "no ring": (Instance("area/drivable", Polygon(())), "left out: no box or polygon"),
    "color": (make_box("obstacle/cone", attributes={"color": "red"}), "color left out"),
}


@pytest.mark.parametrize(("instance", "message"), LOST.values(), ids=LOST)
def test_what_cannot_be_held_is_reported(tmp_path, instance, message):
    [loss] = save_yolo([make_scene(instance, size_wh=SIZE)], tmp_path).losses
    assert message in loss.message
    assert loss.item == f"instance 0 ({instance.label})"


HOSTILE = [
    [1],
    {"numbers": 1},
    {"numbers": ["1", "2\n", "3", "4"]},
    {"numbers": [1, 2, 3, 4]},
    {"numbers": ["nan"] * 4},
    {"confidence": "1 2"},
]


@pytest.mark.parametrize("extra", HOSTILE, ids=str)
def test_extras_that_no_reader_left_are_set_aside(tmp_path, extra):
    scene = make_scene(make_box("obstacle/cone", confidence=0.5, extra={"yolo": extra}))
    assert save_yolo([scene], tmp_path / "out").quarantine.num_rejected == 1


@pytest.mark.parametrize("names", [1, [1], ["a\nb"]], ids=str)
def test_names_that_no_reader_left_are_set_aside(tmp_path, names):
    saved = save_yolo([make_scene(extra={"yolo": {"names": names}})], tmp_path / "out")
    assert saved.quarantine.num_rejected == 1


@pytest.mark.parametrize("name", ["a\nb", "\ud800", "\x00"])
def test_names_that_no_file_can_hold_are_set_aside(tmp_path, name):
    assert save_yolo([make_scene(make_box(name))], tmp_path / "out").quarantine.num_rejected == 1


@settings(max_examples=80)
@given(broken(NAMES.encode()))
def test_broken_names_are_read_or_refused(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("broken")
    (write(folder, LINE) / "data.yaml").write_bytes(content)
    try:
        read_back_or_set_aside("yolo", folder)
    except FormatError as error:
        assert error.path == folder / "data.yaml"


def test_plain_folders_are_recognised(tmp_path):
    for name in ("labels/a.txt", "data/a.txt"):
        plain = write(tmp_path / "plain" / name[:4], LINE, name, data=None)
        assert detect_format(plain)[0] == "yolo"
    assert detect_format(write(tmp_path / "file", LINE) / "data.yaml")[0] == "yolo"
    assert recognise_yolo(Peek(write(tmp_path / "n", "5 300 6 310 7", "a.txt", None))) is None
