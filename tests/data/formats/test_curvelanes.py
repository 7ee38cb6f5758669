"""CurveLanes: by hand, texts kept as they stood, wrong files set aside, lists, losses."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivegrid.data.formats.curvelanes import load_curvelanes, recognise_curvelanes, save_curvelanes
from drivegrid.data.formats.peek import Peek
from drivegrid.data.images import save_image
from drivegrid.data.scene import Instance
from drivegrid.errors import FormatError
from tests.data.builders import SHAPES, make_lane, make_scene
from tests.data.formats.mutations import mutated

SIZE = (2560, 1440)
BY_HAND = (
    '{"Lines": [[{"y": "1439.0", "x": "2079.41"}, {"y": "1438.08", "x": "2078.19"}],'
    ' [{"y": "700.5", "x": "-12.25"}, {"y": "900.0", "x": "2600.0"}]]}'
)


def write_labels(root, **frames):
    for name, text in frames.items():
        label = root / "train" / "labels" / f"{name}.lines.json"
        label.parent.mkdir(parents=True, exist_ok=True)
        label.write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


def points_of(scene):
    return [instance.geometry.vertices().tolist() for instance in scene.instances]


def test_a_frame_by_hand(tmp_path):
    write_labels(tmp_path / "in", a=BY_HAND, b='{"Lines": []}')
    loaded = load_curvelanes(tmp_path / "in")
    assert [s.frame.image for s in loaded.scenes] == ["train/images/a.jpg", "train/images/b.jpg"]
    assert points_of(loaded.scenes[0]) == [
        [[2079.41, 1439], [2078.19, 1438.08]], [[2600, 900], [-12.25, 700.5]]
    ]  # fmt: skip
    assert points_of(loaded.scenes[1]) == []
    frame = loaded.scenes[0].frame
    assert (frame.size_wh, frame.clip, loaded.scenes[0].extra["assumed_size"]) == (SIZE, None, True)
    assert save_curvelanes(loaded.scenes, tmp_path / "out").losses == []
    assert (tmp_path / "out/train/labels/a.lines.json").read_text() == BY_HAND
    assert (tmp_path / "out/all.txt").read_text() == "/train/images/a.jpg\n/train/images/b.jpg\n"


LINES = {
    "no lanes": [],
    "numbers": [[{"x": 1, "y": 2}, {"x": 1.5, "y": -0.0}]],
    "texts of their own": [[{"x": "1.50", "y": "2"}, {"x": " 3", "y": "+1e2"}]],
    "empty lanes": [[], [{"x": "1.0", "y": "2.0"}], []],
    "one point": [[{"x": "1.0", "y": "2.0"}]],
    "across": [[{"x": "1.0", "y": "2.0"}, {"x": "9.0", "y": "2.0"}]],
    "other keys": [[{"x": "1.0", "y": "2.0", "z": None}]],
    "far off": [[{"x": "-9999.25", "y": "2.0"}, {"x": "1e7", "y": "1.0"}]],
}


@pytest.mark.parametrize("lines", LINES.values(), ids=LINES)
def test_odd_frames_come_back_as_they_stood(tmp_path, lines):
    record = {"version": 2, "Lines": lines}
    write_labels(tmp_path / "in", a=json.dumps(record))
    [scene] = load_curvelanes(tmp_path / "in").scenes
    assert save_curvelanes([scene], tmp_path / "out").losses == []
    assert json.loads((tmp_path / "out/train/labels/a.lines.json").read_text()) == record
    assert load_curvelanes(tmp_path / "out").scenes == [scene]


_texts = st.floats(-1e7, 1e7).flatmap(lambda v: st.sampled_from([repr(v), f"{v:.2f}", v]))
_lines = st.lists(st.lists(st.fixed_dictionaries({"x": _texts, "y": _texts}), max_size=4))


@settings(max_examples=60)
@given(_lines)
def test_any_frame_comes_back(tmp_path_factory, lines):
    folder = tmp_path_factory.mktemp("any")
    write_labels(folder / "in", a=json.dumps({"Lines": lines}))
    [scene] = load_curvelanes(folder / "in").scenes
    save_curvelanes([scene], folder / "out")
    assert json.loads((folder / "out/train/labels/a.lines.json").read_text()) == {"Lines": lines}


def test_a_moved_lane_is_written_anew(tmp_path):
    write_labels(tmp_path / "in", a='{"Lines": [[{"x": "1", "y": "2"}, {"x": "3", "y": "4"}]]}')
    [scene] = load_curvelanes(tmp_path / "in").scenes
    moved = replace(scene.instances[0], geometry=make_lane([[5, 6], [7, 3]]).geometry)
    save_curvelanes([replace(scene, instances=(moved,))], tmp_path / "out")
    [again] = load_curvelanes(tmp_path / "out").scenes
    assert points_of(again) == [[[5, 6], [7, 3]]]


BAD = {
    "no JSON": ("{", None, "JSON"),
    "a list": ("[]", None, "object"),
    "no lines": ('{"lines": []}', None, "Lines"),
    "lines no list": ('{"Lines": {}}', None, "list"),
    "a lane no list": ('{"Lines": [3]}', "lane 0", "list"),
    "a point no object": ('{"Lines": [[], [[1, 2]]]}', "lane 1", "object"),
    "no y": ('{"Lines": [[{"x": "1"}]]}', "lane 0, y", "None"),
    "words": ('{"Lines": [[{"x": "1", "y": "two"}]]}', "lane 0", "'two'"),
    "NaN": ('{"Lines": [[{"x": "nan", "y": "1"}]]}', "lane 0", "'nan'"),
    "far": ('{"Lines": [[{"x": "1e8", "y": "1"}]]}', "lane 0", "'1e8'"),
    "binary": (b"\xff\xd8\xff\xe0\x00", None, "UTF-8"),
}


@pytest.mark.parametrize(("text", "item", "message"), BAD.values(), ids=BAD)
def test_a_wrong_file_is_set_aside_and_the_rest_loads(tmp_path, text, item, message):
    loaded = load_curvelanes(write_labels(tmp_path, a=BY_HAND, b=text, c='{"Lines": []}'))
    assert [s.frame.image[-5:] for s in loaded.scenes] == ["a.jpg", "c.jpg"]
    [record] = loaded.quarantine.rejected
    assert record.path == str(tmp_path / "train/labels/b.lines.json")
    assert message in record.message
    assert item is None or record.item == item


@settings(max_examples=150)
@given(mutated(BY_HAND.encode()))
def test_broken_files_are_read_or_set_aside(tmp_path_factory, content):
    root = tmp_path_factory.mktemp("fuzz")
    assert load_curvelanes(write_labels(root, a=content)).quarantine.num_read == 1


def test_pictures_give_size_and_suffix(tmp_path):
    write_labels(tmp_path, a=BY_HAND)
    (tmp_path / "loose.lines.json").write_text(BY_HAND)
    for name in ("train/images/a.png", "loose.webp"):
        save_image(tmp_path / name, np.zeros((3, 4, 3), np.uint8))
    frames = [scene.frame for scene in load_curvelanes(tmp_path).scenes]
    assert [(f.image, f.size_wh) for f in frames] == [
        ("loose.webp", (4, 3)), ("train/images/a.png", (4, 3))
    ]  # fmt: skip


@pytest.mark.parametrize("line", ["images/b.jpg", "/train/images/b.jpg", "train/images/b.jpg 1"])
def test_a_list_in_the_data_set_opens_it(tmp_path, line):
    write_labels(tmp_path, a=BY_HAND, b=BY_HAND)
    listed = tmp_path / "train" / "train.txt"
    listed.write_text(f"{line}\nimages/none.jpg\n")
    loaded = load_curvelanes(listed)
    assert [s.frame.image for s in loaded.scenes] == [line.split()[0].lstrip("/")]
    assert [(r.path, r.line) for r in loaded.quarantine.rejected] == [(str(listed), 2)]
    assert "b.lines.json" in recognise_curvelanes(Peek(listed))


@pytest.mark.parametrize("name", ["empty", "absent"])
def test_a_folder_without_labels_is_refused(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FormatError, match=name):
        load_curvelanes(tmp_path / name)


RECOGNISED = {
    "labels": ("a.lines.json", BY_HAND, True),
    "stars": ("constellations.lines.json", '{"type": "FeatureCollection"}', False),
    "CULane": ("a.lines.txt", "1 2\n", False),
    "no JSON": ("a.lines.json", "{", False),
}


@pytest.mark.parametrize(("name", "text", "known"), RECOGNISED.values(), ids=RECOGNISED)
def test_only_curvelanes_is_recognised(tmp_path, name, text, known):
    (tmp_path / name).write_text(text)
    assert bool(recognise_curvelanes(Peek(tmp_path))) == known


LOST = {
    "a box": (Instance("obstacle/cone", SHAPES["box"]), "obstacle/cone (box) left out"),
    "no points": (make_lane([]), "no points"),
    "style": (make_lane([[1, 2]], attributes={"style": "solid"}), "attribute style left out"),
}


@pytest.mark.parametrize(("instance", "message"), LOST.values(), ids=LOST)
def test_what_cannot_be_held_is_reported(tmp_path, instance, message):
    [loss] = save_curvelanes([make_scene(instance, size_wh=SIZE)], tmp_path / "out").losses
    assert message in loss.message


def test_another_size_is_reported(tmp_path):
    [loss] = save_curvelanes([make_scene()], tmp_path / "out").losses
    assert "2560x1440" in loss.message


SET_ASIDE = {
    "a folder of labels": ({"image": "labels/a.jpg"}, "folder of labels"),
    "no picture": ({"image": "a"}, "picture of its own"),
    "extra no object": ({"image": "a.jpg", "extra": {"curvelanes": 3}}, "object"),
    "places": ({"image": "a.jpg", "extra": {"curvelanes": {"empty": [-1]}}}, "pairs"),
    "places too": ({"image": "a.jpg", "extra": {"curvelanes": {"empty": 3}}}, "list"),
}


@pytest.mark.parametrize(("changes", "message"), SET_ASIDE.values(), ids=SET_ASIDE)
def test_frames_that_cannot_be_written_are_set_aside(tmp_path, changes, message):
    saved = save_curvelanes([make_scene(**changes), make_scene(image="b.jpg")], tmp_path / "out")
    [record] = saved.quarantine.rejected
    assert (record.item.partition(" (")[0], saved.quarantine.num_kept) == ("scene 0", 1)
    assert message in record.message


@pytest.mark.parametrize("points", [3, [3], [{"x": "nan", "y": 1}]])
def test_a_hostile_lane_sets_its_frame_aside(tmp_path, points):
    lane = make_lane([[1, 2]], extra={"curvelanes": {"points": points}})
    assert save_curvelanes([make_scene(lane)], tmp_path / "out").quarantine.num_rejected == 1
