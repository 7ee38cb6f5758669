"""CULane: by hand, round trips, wrong files set aside one by one, and real labels."""

import os
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivegrid.data.formats.culane import load_culane, recognise_culane, save_culane
from drivegrid.data.formats.peek import Peek
from drivegrid.data.images import save_image
from drivegrid.data.scene import Instance, Scene
from drivegrid.errors import FormatError
from tests.data.builders import SHAPES, full_disk, make_lane, make_scene

SIZE = (1640, 590)


def write_labels(root, **frames):
    for name, text in frames.items():
        path = root / "clip" / f"{name}.lines.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


def points_of(scene):
    return [instance.geometry.vertices().tolist() for instance in scene.instances]


def lines_of(scene, folder):
    """Label text of one scene, and what was lost."""
    saved = save_culane([scene], folder)
    return next(folder.rglob("*.lines.txt")).read_text(), saved.losses


def test_a_frame_by_hand(tmp_path):
    write_labels(tmp_path, a="-12.5 590 30 580.0\n1700 590 1e3 580 \n", b="")
    loaded = load_culane(tmp_path)
    assert [scene.frame.image for scene in loaded.scenes] == ["clip/a.jpg", "clip/b.jpg"]
    assert points_of(loaded.scenes[0]) == [[[-12.5, 590], [30, 580]], [[1700, 590], [1000, 580]]]
    assert points_of(loaded.scenes[1]) == []
    assert (loaded.scenes[0].frame.size_wh, loaded.scenes[0].frame.clip) == (SIZE, "clip")
    assert loaded.quarantine.num_kept == 2


TEXTS = {
    "empty": "",
    "off the image": "-99.25 590.0 2000.0 -40.5\n",
    "one point": "5.5 300.0\n",
    "top to bottom": "5.0 300.0 6.0 310.0\n",
    "across": "5.0 300.0 60.0 300.0\n",
    "uneven steps": "1.0 590.0 2.0 583.0 3.0 5.125\n4.0 590.0 5.0 580.0\n",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_odd_frames_come_back_byte_for_byte(tmp_path, text):
    write_labels(tmp_path / "in", a=text)
    [scene] = load_culane(tmp_path / "in").scenes
    again, losses = lines_of(scene, tmp_path / "out")
    assert (again, losses) == (text, [])


_number = st.floats(-1e6, 1e6)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.tuples(_number, _number), min_size=1, max_size=4), max_size=4))
def test_any_frame_comes_back(tmp_path_factory, lanes):
    folder = tmp_path_factory.mktemp("any")
    text = "".join(" ".join(f"{x!r} {y!r}" for x, y in lane) + "\n" for lane in lanes)
    [scene] = load_culane(write_labels(folder / "in", a=text)).scenes
    assert lines_of(scene, folder / "out")[0] == text


def test_lanes_run_bottom_to_top_and_one_point_is_flagged(tmp_path):
    [scene] = load_culane(write_labels(tmp_path, a="5 300 6 310\n\n7 400\n")).scenes
    assert points_of(scene) == [[[6, 310], [5, 300]], [[7, 400]]]
    assert [i.extra.get("flags") for i in scene.instances] == [None, ["one-point"]]


BAD = {
    "odd count": ("1 2 3\n", 1, "lane 0", "x y pairs, got 3 numbers"),
    "second lane": ("1 2\n3 x\n", 2, "lane 1", "got b'x' at 1"),
    "after a blank line": ("\n1 2\n\n3\n", 4, "lane 1", "pairs"),
    "NaN": ("1 nan\n", 1, "lane 0", "b'nan'"),
    "infinity": ("1 -inf\n", 1, "lane 0", "b'-inf'"),
    "far": ("1 1e8\n", 1, "lane 0", "pixel numbers"),
    "overflow": ("1 1e999\n", 1, "lane 0", "pixel numbers"),
    "underscore": ("1 1_0\n", 1, "lane 0", "pixel numbers"),
    "commas": ("1,2 3,4\n", 1, "lane 0", "b'1,2'"),
    "binary": (b"\xff\xd8\xff\xe0\x00\n", 1, "lane 0", "pixel numbers"),
}


@pytest.mark.parametrize(("text", "line", "item", "message"), BAD.values(), ids=BAD)
def test_a_wrong_file_is_set_aside_and_the_rest_loads(tmp_path, text, line, item, message):
    loaded = load_culane(write_labels(tmp_path, a="1 2 3 4\n", b=text, c=""))
    assert [scene.frame.image for scene in loaded.scenes] == ["clip/a.jpg", "clip/c.jpg"]
    [record] = loaded.quarantine.rejected
    assert (record.path, record.line) == (str(tmp_path / "clip" / "b.lines.txt"), line)
    assert record.item == item
    assert message in record.message


def test_pictures_give_size_and_suffix(tmp_path):
    write_labels(tmp_path, a="", b="")
    save_image(tmp_path / "clip" / "a.png", np.zeros((3, 4, 3), np.uint8))
    (tmp_path / "clip" / "b.jpg").write_bytes(b"no picture")
    loaded = load_culane(tmp_path)
    assert [(s.frame.image, s.frame.size_wh) for s in loaded.scenes] == [("clip/a.png", (4, 3))]
    assert "b.jpg" in loaded.quarantine.rejected[0].path


@pytest.mark.parametrize(("name", "message"), [("empty", "got none"), ("absent", "No such file")])
def test_a_folder_without_labels_is_refused(tmp_path, name, message):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FormatError, match=f"{message}.*{name}"):
        load_culane(tmp_path / name)


def test_linked_folders_are_read_once_and_rings_end(tmp_path):
    write_labels(tmp_path / "far", a="", b="")
    write_labels(tmp_path / "root", c="")
    (tmp_path / "root" / "all").symlink_to(tmp_path / "far")
    (tmp_path / "root" / "again").symlink_to(tmp_path / "far" / "clip")
    (tmp_path / "root" / "ring").symlink_to(tmp_path / "root")
    (tmp_path / "root" / "itself").symlink_to("itself")
    images = [scene.frame.image for scene in load_culane(tmp_path / "root").scenes]
    assert images == ["again/a.jpg", "again/b.jpg", "clip/c.jpg"]


def test_label_files_of_undecodable_names_are_set_aside(tmp_path):
    write_labels(tmp_path, a="")
    (tmp_path / os.fsdecode(b"\xff.lines.txt")).touch()
    loaded = load_culane(tmp_path)
    assert [scene.frame.image for scene in loaded.scenes] == ["clip/a.jpg"]
    assert "line of text" in loaded.quarantine.rejected[0].message


# Lists --------------------------------------------------------------------------------------------

LISTS = {
    "empty": ("", []),
    "blank lines": ("\n\n", []),
    "slash": ("/clip/b.jpg\n/clip/a.jpg\n", [{}, {}]),
    "no slash": ("clip/b.jpg", [{}]),
    "mask and flags": (
        "/clip/b.jpg /laneseg/b.png 0 1 0 0\n",
        [{"mask": "/laneseg/b.png", "exist": [0, 1, 0, 0]}],
    ),
    "flags only": ("/clip/b.jpg 0 0 1 0\n", [{"exist": [0, 0, 1, 0]}]),
    "mask only": ("/clip/b.jpg /laneseg/b.png\r\n", [{"mask": "/laneseg/b.png"}]),
    "space in the name": ("/clip/b c.JPG 0\n", [{"exist": [0]}]),
}


@pytest.mark.parametrize(("text", "extras"), LISTS.values(), ids=LISTS)
def test_lists_are_read_in_their_order_and_come_back(tmp_path, text, extras):
    write_labels(tmp_path / "in", **{"a": "", "b": "1 2\n", "b c": ""})
    (tmp_path / "in" / "list.txt").write_text(text)
    loaded = load_culane(tmp_path / "in", "list.txt")
    assert [scene.extra["culane"] for scene in loaded.scenes] == extras
    assert save_culane(loaded.scenes, tmp_path / "out").losses == []
    words = [line.lstrip("/").split() for line in text.splitlines() if line]
    listed = (tmp_path / "out" / "list" / "all.txt").read_text()
    assert [line.lstrip("/").split() for line in listed.splitlines()] == words


CHANGES = {
    "nothing": (lambda lanes: lanes, True),
    "a lane is moved": (
        lambda lanes: (lanes[0], replace(lanes[1], geometry=SHAPES["line of one point"])),
        True,
    ),
    "a lane is gone": (lambda lanes: lanes[:1], False),
    "a lane is new": (lambda lanes: (*lanes, make_lane([[5, 6]])), False),
    "one for another": (lambda lanes: (lanes[0], make_lane([[5, 6]])), False),
    "a lane has no points now": (
        lambda lanes: (lanes[0], replace(lanes[1], geometry=SHAPES["line of no point"])),
        False,
    ),
    "all are gone": (lambda lanes: (), False),
    "an obstacle is new": (lambda lanes: (*lanes, Instance("sign", SHAPES["box"])), True),
}


@pytest.mark.parametrize("flags", ["0 1 1 0", "1 1 1 0"], ids=["agree", "never agreed"])
@pytest.mark.parametrize(("change", "kept"), CHANGES.values(), ids=CHANGES)
def test_flags_are_written_while_the_lanes_are_those_that_were_read(tmp_path, change, kept, flags):
    write_labels(tmp_path / "in", a="1 2\n3 4\n")
    (tmp_path / "in" / "list.txt").write_text(f"/clip/a.jpg {flags}\n")
    [scene] = load_culane(tmp_path / "in", "list.txt").scenes
    changed = Scene(scene.frame, tuple(change(scene.instances)), scene.extra)
    losses = save_culane([changed], tmp_path / "out").losses
    listed = (tmp_path / "out" / "list" / "all.txt").read_text()
    assert listed == (f"/clip/a.jpg {flags}\n" if kept else "/clip/a.jpg\n")
    assert [loss.item for loss in losses if "flags left out" in loss.message] == [None] * (not kept)


BAD_LINES = {
    "no label file": ("/clip/x.jpg", "must have a label file x.lines.txt"),
    "listed twice": ("/clip/a.jpg 1 1", "listed once"),
    "climbs": ("/../../etc/x.jpg", "relative"),
    "no picture": ("/clip/a.txt", "picture's path"),
    "other words": ("/clip/a.jpg 1 2 3", "picture's path"),
    "endless": ("/clip/" + "a" * 5000 + ".jpg", "picture's path"),
}


@pytest.mark.parametrize(("line", "message"), BAD_LINES.values(), ids=BAD_LINES)
def test_wrong_list_lines_are_set_aside(tmp_path, line, message):
    write_labels(tmp_path, a="", b="")
    (tmp_path / "list.txt").write_text(f"/clip/a.jpg\n{line}\n/clip/b.jpg\n")
    loaded = load_culane(tmp_path, tmp_path / "list.txt")
    assert [scene.frame.image for scene in loaded.scenes] == ["clip/a.jpg", "clip/b.jpg"]
    [record] = loaded.quarantine.rejected
    assert (record.path, record.line) == (str(tmp_path / "list.txt"), 2)
    assert message in record.message


@pytest.mark.parametrize("name", ["list/test.txt", "list/test_split/test0_normal.txt"])
def test_a_list_in_the_data_set_opens_it(tmp_path, name):
    write_labels(tmp_path, a="", b="1 2\n")
    listed = tmp_path / name
    listed.parent.mkdir(parents=True)
    listed.write_text("clip/none.jpg\n?\n/clip/b.jpg 1\n")
    loaded = load_culane(listed)
    assert [scene.frame.image for scene in loaded.scenes] == ["clip/b.jpg"]
    assert loaded.scenes[0].extra["culane"] == {"exist": [1]}
    assert [(r.path, r.line) for r in loaded.quarantine.rejected] == [
        (str(listed), 1), (str(listed), 2)
    ]  # fmt: skip
    assert "b.lines.txt" in recognise_culane(Peek(listed))


@pytest.mark.parametrize("text", ["", "words\n", "clip/none.jpg\n", "clip/" + "a" * 300 + ".jpg\n"])
def test_a_list_of_no_data_set_is_refused(tmp_path, text):
    write_labels(tmp_path, a="")
    (tmp_path / "list.txt").write_text(text)
    assert recognise_culane(Peek(tmp_path / "list.txt")) is None
    with pytest.raises(FormatError, match=r"below a folder above it, got none.*list\.txt"):
        load_culane(tmp_path / "list.txt")


def test_a_missing_list(tmp_path):
    with pytest.raises(FormatError, match=r"absent\.txt"):
        load_culane(write_labels(tmp_path, a=""), "absent.txt")


# Writing ------------------------------------------------------------------------------------------

SAMPLED = {
    "every tenth row": ([[0, 590], [30, 560]], "0.0 590.0 10.0 580.0 20.0 570.0 30.0 560.0\n"),
    "both ends stay": ([[0, 585], [20, 565]], "0.0 585.0 5.0 580.0 15.0 570.0 20.0 565.0\n"),
    "between two rows": ([[0, 588], [4, 584]], "0.0 588.0 4.0 584.0\n"),
    "one point": ([[3, 300]], "3.0 300.0\n"),
    "across": ([[0, 300], [90, 300]], "0.0 300.0 90.0 300.0\n"),
    "up and down": ([[0, 300], [9, 200], [18, 300]], "0.0 300.0 9.0 200.0 18.0 300.0\n"),
}


@pytest.mark.parametrize(("points", "text"), SAMPLED.values(), ids=SAMPLED)
def test_other_lanes_are_sampled_where_they_climb(tmp_path, points, text):
    scene = make_scene(make_lane(points), size_wh=SIZE)
    assert lines_of(scene, tmp_path) == (text, [])


BEYOND = {
    "far below": ([[0, 1e6], [0, 560]], "0.0 590.0 0.0 580.0 0.0 570.0 0.0 560.0\n", "part of"),
    "far above": ([[5, 20], [5, -1e8]], "5.0 20.0 5.0 10.0 5.0 0.0\n", "part of"),
    "on a slope": ([[0, 610], [40, 570]], "20.0 590.0 30.0 580.0 40.0 570.0\n", "part of"),
    "all below": ([[0, 1e6], [0, 600]], "", "lies above or below"),
    "all above": ([[0, -5], [0, -1e6]], "", "lies above or below"),
    "across below": ([[0, 1e6], [9, 1e6]], "0.0 1000000.0 9.0 1000000.0\n", None),
}


@pytest.mark.parametrize(("points", "text", "message"), BEYOND.values(), ids=BEYOND)
def test_sampled_rows_stay_inside_the_image(tmp_path, points, text, message):
    found, losses = lines_of(make_scene(make_lane(points), size_wh=SIZE), tmp_path)
    assert found == text
    assert [message in loss.message for loss in losses] == [True] * (message is not None)


def test_an_endless_lane_crosses_the_image_in_sixty_points(tmp_path):
    scene = make_scene(make_lane([[-1e6, 1e6], [1e6, -1e6]]), size_wh=SIZE)
    text, _ = lines_of(scene, tmp_path)
    assert len(text.split()) == 2 * 60


LOST = {
    "a box": (Instance("obstacle/cone", SHAPES["box"]), "obstacle/cone (box) left out"),
    "a lane area": (Instance("lane/line", SHAPES["poly with a hole"]), "(poly) left out"),
    "no points": (make_lane([]), "no points"),
    "style": (make_lane([[1, 2]], attributes={"style": "solid"}), "attribute style left out"),
    "visibility": (make_lane([[1, 2]], visibility=0.5), "visibility left out"),
}


@pytest.mark.parametrize(("instance", "message"), LOST.values(), ids=LOST)
def test_what_cannot_be_held_is_reported(tmp_path, instance, message):
    _, [loss] = lines_of(make_scene(instance, size_wh=SIZE), tmp_path)
    assert message in loss.message
    assert loss.item == f"instance 0 ({instance.label})"


def test_frame_facts_are_reported(tmp_path):
    scene = make_scene(size_wh=(64, 48))
    object.__setattr__(scene.frame, "attributes", {"surface": "wet"})
    _, losses = lines_of(scene, tmp_path)
    assert [loss.message.split(" left")[0] for loss in losses] == [
        "frame attribute surface", "image size"
    ]  # fmt: skip


@pytest.mark.parametrize("image", ["", "/a.jpg", "../a.jpg", "a", "clip/a.png"])
def test_frames_without_a_file_of_their_own_are_set_aside(tmp_path, image):
    saved = save_culane([make_scene(image="clip/a.jpg"), make_scene(image=image)], tmp_path / "out")
    assert (saved.quarantine.num_read, saved.quarantine.num_kept) == (2, 1)
    assert saved.quarantine.rejected[0].item.startswith("scene 1")
    assert sorted(p.name for p in tmp_path.rglob("*.txt")) == ["a.lines.txt", "all.txt"]
    assert saved.quarantine.rejected[0].path == str(tmp_path / "out")


IN_THE_WAY = {
    "too long": ["a.jpg", "b" * 300 + ".jpg", "c.jpg"],
    "a file, then a folder": ["a.jpg", "a.lines.txt/b.jpg", "c.jpg"],
    "a file, then a deeper folder": ["a.jpg", "a.lines.txt/b/c.jpg", "c.jpg"],
    "a folder, then a file": ["a.lines.txt/b.jpg", "a.jpg", "c.jpg"],
    "the list": ["a.jpg", "list/all.txt/b.jpg", "list/all.jpg"],
    "half a surrogate pair": ["a.jpg", "\ud800.jpg", "c.jpg"],
}


@pytest.mark.parametrize("root", ["new", "full"])
@pytest.mark.parametrize("images", IN_THE_WAY.values(), ids=IN_THE_WAY)
def test_names_that_cannot_be_files_set_only_their_frame_aside(tmp_path, images, root):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    saved = save_culane([make_scene(image=image) for image in images], tmp_path / root)
    assert [record.item.partition(" (")[0] for record in saved.quarantine.rejected] == ["scene 1"]
    assert saved.quarantine.num_kept == 2
    assert {loss.image for loss in saved.losses} == {images[0], images[2]}
    listed = (tmp_path / root / "list" / "all.txt").read_text()
    assert listed == f"/{images[0]}\n/{images[2]}\n"
    assert len(load_culane(tmp_path / root).scenes) == 2


@pytest.mark.parametrize("folder", ["new", "empty", "full"])
def test_a_full_disk_leaves_no_half_written_folder(tmp_path, folder):
    for name in ("empty", "full"):
        (tmp_path / name).mkdir()
    (tmp_path / "full" / "a.jpg").touch()
    before = sorted(tmp_path.rglob("*"))
    long = make_scene(*[make_lane([[0, 590], [9, 0]])] * 9, image="b.jpg", size_wh=SIZE)
    with full_disk(), pytest.raises(OSError, match=folder):
        save_culane([make_scene(image="a.jpg", size_wh=SIZE), long], tmp_path / folder)
    after = sorted(tmp_path.rglob("*"))
    whole = [tmp_path / "full" / "a.lines.txt"] if folder == "full" else []
    assert sorted(set(after) - set(before)) == whole


def test_labels_join_what_a_folder_holds(tmp_path):
    write_labels(tmp_path, a="1 2\n", b="3 4\n")
    save_culane([make_scene(image="clip/a.jpg", size_wh=SIZE)], tmp_path)
    assert (tmp_path / "clip" / "a.lines.txt").read_text() == ""
    assert (tmp_path / "clip" / "b.lines.txt").read_text() == "3 4\n"


def test_real_labels_come_back_byte_for_byte(realdata, tmp_path):
    root = realdata / "culane_sample"
    loaded = load_culane(root, "list/ego_day.txt")
    assert loaded.quarantine.num_read == loaded.quarantine.num_kept == 45
    saved = save_culane(loaded.scenes, tmp_path)
    assert saved.losses == []
    for scene in loaded.scenes:
        name = scene.frame.image.replace(".jpg", ".lines.txt")
        assert (tmp_path / name).read_text().split() == (root / name).read_text().split()
    assert (tmp_path / "list/all.txt").read_text() == (root / "list/ego_day.txt").read_text()
    assert load_culane(root).quarantine.num_kept == 45
