"""GTSRB: a file by hand, odd columns, tracks, broken files, round trips, every class."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivegrid.data.formats import detect_format
from drivegrid.data.formats.gtsrb import load_gtsrb, recognise_gtsrb, save_gtsrb
from drivegrid.data.formats.naming import label_of
from drivegrid.data.formats.peek import Peek
from drivegrid.data.images import image_size
from drivegrid.data.scene import Instance
from drivegrid.errors import FormatError
from tests.data.builders import SHAPES, make_scene
from tests.data.formats.boxed import (
    box_scenes,
    make_box,
    read_back_or_set_aside,
    read_one,
    recognised_in,
    trip,
)
from tests.data.formats.drawn import bare, broken

GOLDEN = Path(__file__).parents[2] / "golden" / "formats" / "gtsrb.csv"
HEADER = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId\n"
STOP = {"shape": "octagon", "color": "red"}


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_file_by_hand():
    limit, stop, other = load_gtsrb(GOLDEN).scenes
    assert (limit.frame.image, limit.frame.size_wh) == ("00000_00000.ppm", (29, 30))
    assert limit.instances[0].geometry.xyxy.tolist() == [5, 6, 24, 25]
    assert limit.instances[0].attributes["limit"] == "20"
    assert (stop.instances[0].label, stop.instances[0].attributes) == ("sign/regulatory/stop", STOP)
    assert (stop.frame.clip, other.frame.clip) == ("00000", "00001")


TEXTS = {
    "empty": HEADER,
    "golden": GOLDEN.read_text(),
    "several signs": HEADER + "a.ppm;9;9;1;1;5;5;0\na.ppm;9;9;5;5;9;9;14\nb.ppm;9;9;1;1;5;5;1\n",
    "zeros": HEADER + "a.ppm;9;9;01;1.50;5;5e0;00014\n",
    "no class": HEADER + "a.ppm;9;9;1;1;5;5;\n",
    "further": HEADER.replace("\n", ';Night;"a;b"\n') + 'a.ppm;9;9;1;1;5;5;0;yes;"x;""y"""\n',
    "beyond": HEADER + "a.ppm;9;9;-3;1;50;5;0\n",
    "no track": HEADER + "x/00000_1.ppm;9;9;1;1;5;5;0\n",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_files_come_back_byte_for_byte(tmp_path, text):
    loaded = load_gtsrb(write(tmp_path / "in.csv", text))
    again, losses = trip("gtsrb", loaded.scenes, tmp_path / "out.csv")
    if loaded.scenes:
        assert (tmp_path / "out.csv").read_text() == text
    assert (again, losses, loaded.quarantine.rejected) == (loaded.scenes, [], [])


OTHER_COLUMNS = {
    "commas": "Width,Height,Roi.X1,Roi.Y1,Roi.X2,Roi.Y2,ClassId,Path\n9,8,1,2,3,4,14,Train/a.png\n",
    "spelling": "file,class_id,width,height,roi_x1,roi_y1,roi_x2,roi_y2\na.png,14,9,8,1,2,3,4\n",
    "mark": "\ufeff" + HEADER + "a.png;9;8;1;2;3;4;14\r\n",
}


@pytest.mark.parametrize("text", OTHER_COLUMNS.values(), ids=OTHER_COLUMNS)
def test_other_columns(tmp_path, text):
    scene = read_one("gtsrb", write(tmp_path / "a.csv", text))
    assert scene.frame.size_wh == (9, 8)
    assert scene.instances[0].geometry.xyxy.tolist() == [1, 2, 3, 4]
    assert scene.instances[0].label == "sign/regulatory/stop"


def test_without_a_region_the_sign_is_the_picture_and_without_a_class_any_sign(tmp_path):
    scene = read_one("gtsrb", write(tmp_path / "a.csv", "Filename;Width;Height;ClassId\na;9;8;14"))
    assert scene.instances[0].geometry.xyxy.tolist() == [0, 0, 9, 8]
    text = HEADER.replace(";ClassId", "") + "a;9;8;1;2;3;4\n"
    assert read_one("gtsrb", write(tmp_path / "b.csv", text)).instances[0].label == "sign"


def test_a_folder_of_class_folders(tmp_path):
    for name in ("00000", "00014"):
        row = f"{name}_00000.ppm;9;9;1;1;5;5;{int(name)}\n"
        write(tmp_path / "Images" / name / f"GT-{name}.csv", HEADER + row)
    write(tmp_path / "notes.csv", "a,b\n")
    loaded = load_gtsrb(tmp_path)
    assert [(s.frame.image, s.frame.clip) for s in loaded.scenes] == [
        ("Images/00000/00000_00000.ppm", "Images/00000/00000"),
        ("Images/00014/00014_00000.ppm", "Images/00014/00014"),
    ]
    assert detect_format(tmp_path)[0] == "gtsrb"


BAD = {
    "columns": ("b;9;9;1;1;5", "must have 8 columns, got 6"),
    "class": ("b;9;9;1;1;5;5;43", "must be 0 to 42, got 43"),
    "class word": ("b;9;9;1;1;5;5;x", "whole number, got 'x'"),
    "size": ("b;0;9;1;1;5;5;1", "must be 1 to 100000"),
    "absurd size": ("b;999999;9;1;1;5;5;1", "must be 1 to 100000"),
    "half size": ("b;9.5;9;1;1;5;5;1", "whole number, got '9.5'"),
    "corner": ("b;9;9;nan;1;5;5;1", "must be a number"),
    "corners": ("b;9;9;7;1;5;5;1", "upper left"),
    "climbs": ("../b;9;9;1;1;5;5;1", "relative"),
    "no name": (";9;9;1;1;5;5;1", "image name"),
    "quote": ('"b;9;9;1;1;5;5;1', "must be CSV"),
    "binary": (b"\xff;9;9;1;1;5;5;1", "must be UTF-8"),
    "two sizes": ("b;9;9;1;1;5;5;1\nb;9;8;1;1;5;5;1", "one size"),
}


@pytest.mark.parametrize(("line", "message"), BAD.values(), ids=BAD)
def test_a_wrong_line_is_set_aside(tmp_path, line, message):
    line = line if isinstance(line, bytes) else line.encode()
    good = b"a;9;9;1;1;5;5;1\n"
    loaded = load_gtsrb(
        write(tmp_path / "a.csv", HEADER.encode() + good + line + b"\nc" + good[1:])
    )
    assert [scene.frame.image for scene in loaded.scenes] == ["a", "c"]
    [record] = loaded.quarantine.rejected
    assert (record.path, record.line) == (str(tmp_path / "a.csv"), 3 + (b"\n" in line))
    assert message in record.message


HEADERS = ["", "a;b\n", HEADER.replace("Roi.X1;", ""), HEADER.replace("Height", "Width"), "\xff"]


@pytest.mark.parametrize("text", HEADERS)
def test_a_file_of_another_header_is_refused_and_set_aside_in_a_folder(tmp_path, text):
    with pytest.raises(FormatError) as caught:
        load_gtsrb(write(tmp_path / "a.csv", text))
    assert (caught.value.path, caught.value.line) == (tmp_path / "a.csv", 1)
    write(tmp_path / "folder" / "GT-1.csv", text)
    write(tmp_path / "folder" / "GT-2.csv", GOLDEN.read_text())
    quarantine = load_gtsrb(tmp_path / "folder").quarantine
    assert (quarantine.num_kept, quarantine.num_rejected) == (3, 1)
    assert recognise_gtsrb(Peek(tmp_path / "a.csv")) is None


@pytest.mark.parametrize("index", range(43))
def test_every_class_is_written_as_itself(tmp_path, index):
    target = label_of("gtsrb", str(index))
    scene = make_scene(make_box(target.path, attributes=target.attributes))
    trip("gtsrb", [scene], tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text().splitlines()[1].endswith(f";{index}")


_labels = [
    ("sign/regulatory/stop", STOP),
    ("sign/regulatory/speed_limit", dict(label_of("gtsrb", "7").attributes)),
    ("sign", {}),
]


@settings(max_examples=50)
@given(st.lists(box_scenes(_labels, min_size=1), max_size=3))
def test_any_scenes_come_back(tmp_path_factory, scenes):
    folder = tmp_path_factory.mktemp("any")
    scenes = [replace(s, frame=replace(s.frame, image=f"{i}.png")) for i, s in enumerate(scenes)]
    again, losses = trip("gtsrb", scenes, folder / "a.csv")
    assert ([bare(scene) for scene in again], losses) == (scenes, [])
    assert trip("gtsrb", again, folder / "b.csv")[0] == again


LOST = {
    "a point": (Instance("sign/regulatory/stop", SHAPES["point"]), "no box"),
    "a cone": (make_box("obstacle/cone"), "GTSRB has no class"),
    "any limit": (make_box("sign/regulatory/speed_limit"), "GTSRB has no class"),
    "other limit": (
        make_box("sign/regulatory/speed_limit", attributes={"limit": "90"}), "GTSRB has no class"
    ),
    "state": (make_box("sign", attributes={"visible_state": "clear"}), "visible_state left out"),
}  # fmt: skip


@pytest.mark.parametrize(("instance", "message"), LOST.values(), ids=LOST)
def test_what_cannot_be_held_is_reported(tmp_path, instance, message):
    [loss] = save_gtsrb([make_scene(make_box("sign"), instance)], tmp_path / "a.csv").losses
    assert message in loss.message
    assert loss.item == f"instance 1 ({instance.label})"


def test_a_limit_alone_tells_the_class(tmp_path):
    limit = make_box("sign/regulatory/speed_limit", attributes={"limit": "50"})
    trip("gtsrb", [make_scene(limit)], tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text().endswith(";2\n")


def test_frames_without_signs_and_further_columns_of_later_ones(tmp_path):
    extra = {"gtsrb": {"rest": {"night": "yes"}}}
    scenes = [
        make_scene(make_box("obstacle/cone")),
        make_scene(make_box("sign")),
        make_scene(make_box("sign", extra=extra), image="b.png"),
    ]
    saved = save_gtsrb(scenes, tmp_path)
    assert [record.item.partition(" (")[0] for record in saved.quarantine.rejected] == ["scene 0"]
    assert [loss.message for loss in saved.losses] == ["column night left out"]
    assert load_gtsrb(tmp_path).quarantine.num_kept == 2


HOSTILE = [
    [1],
    {"roi": 1},
    {"roi": ["1", "2", "3", "x"]},
    {"rest": {"a": 1}},
    {"rest": {"a": "b\nc"}},
    {"rest": {"Width": "3"}},
    {"class": 3},
]


@pytest.mark.parametrize("extra", HOSTILE, ids=str)
def test_extras_that_no_reader_left_are_set_aside(tmp_path, extra):
    scene = make_scene(make_box("sign/regulatory/stop", extra={"gtsrb": extra}))
    good = make_scene(make_box("sign"), image="b.png")
    saved = save_gtsrb([scene, good], tmp_path / "a.csv")
    assert (saved.quarantine.num_rejected, saved.quarantine.num_kept) == (1, 1)
    assert load_gtsrb(tmp_path / "a.csv").quarantine.num_kept == 1


@settings(max_examples=150)
@given(broken(GOLDEN.read_bytes()))
def test_broken_bytes_are_read_or_set_aside(tmp_path_factory, content):
    path = write(tmp_path_factory.mktemp("broken") / "in.csv", content)
    try:
        if load_gtsrb(path).quarantine.num_read:
            read_back_or_set_aside("gtsrb", path)
    except FormatError as error:
        assert (error.path, error.line) == (path, 1)


def test_recognised_among_all_formats(tmp_path):
    assert recognised_in("gtsrb", tmp_path) == ["gtsrb"]


@pytest.mark.parametrize("name", ["empty", "absent.csv"])
def test_nothing_there(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FormatError, match=name):
        load_gtsrb(tmp_path / name)


def test_real_crops_come_back(realdata, tmp_path):
    path = realdata / "gtsrb_crops" / "labels.csv"
    loaded = load_gtsrb(path)
    assert (loaded.quarantine.num_kept, loaded.quarantine.num_rejected) == (428, 0)
    assert detect_format(path)[0] == "gtsrb"
    for scene in loaded.scenes[::20]:
        assert image_size(path.parent / scene.frame.image) == scene.frame.size_wh
        np.testing.assert_array_equal(scene.instances[0].geometry.wh, scene.frame.size_wh)
    assert len({s.instances[0].extra["gtsrb"]["rest"]["class_name"] for s in loaded.scenes}) == 43
    again, losses = trip("gtsrb", loaded.scenes, tmp_path / "a.csv")
    assert (again, losses) == (loaded.scenes, [])
