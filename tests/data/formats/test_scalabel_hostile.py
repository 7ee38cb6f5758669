"""Scalabel files and extras that are wrong: set aside alone, never more than that."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivegrid.data.formats.scalabel import load_scalabel, open_scalabel, save_scalabel
from drivegrid.data.formats.scalabel_shapes import MAX_CURVES
from drivegrid.errors import FormatError
from tests.data.builders import full_disk, make_lane, make_scene
from tests.data.formats.test_scalabel import BOX, FRAMES, SQUARE, frame, label, path2d, write

WRONG = {
    "no object": ([1], "frame must be an object"),
    "no name": ([{"labels": []}], "image name"),
    "a name that climbs": ([frame(name="../a.jpg")], "image name"),
    "labels in an object": ([frame() | {"labels": {}}], "labels must be a list"),
    "a label that is none": ([frame(3)], "label 0 must be an object"),
    "a class by number": ([frame(label(category=3, box2d=BOX))], "category must be a text"),
    "attributes in a list": ([frame(label(attributes=[], box2d=BOX))], "attributes must be"),
    "a box without a corner": ([frame(label(box2d={"x1": 1}))], "y1 must be a number"),
    "a box inside out": ([frame(label(box2d=BOX | {"x2": -5}))], "upper left"),
    "a huge number": ([frame(label(box2d=BOX | {"x2": 1e300}))], "must be a number"),
    "a path that is none": ([frame(label(poly2d=["a"]))], "poly2d must be an object"),
    "a path neither open nor closed": ([frame(label(poly2d=[{"vertices": []}]))], "closed must"),
    "a point of three": ([frame(label(poly2d=[path2d([[1, 2, 3]])]))], "x, y pairs"),
    "too few letters": ([frame(label(poly2d=[path2d(SQUARE, "LLL")]))], "types must be"),
    "a curve first": ([frame(label(poly2d=[path2d(SQUARE, "CLLL")]))], "the first L"),
    "a curve without end": (
        [frame(label(poly2d=[path2d(SQUARE, "LLCC", closed=False)]))],
        "curve must have",
    ),
    "a mask without size": ([frame(label(rle={"counts": "021O"}))], "size must be there"),
    "a mask of one side": ([frame(label(rle={"counts": "", "size": [1]}))], "height and width"),
    "a mask too short": ([frame(label(rle={"counts": "02", "size": [9, 9]}))], "fill"),
    "a mask of nothing": ([frame(label(rle={"counts": 3, "size": [9, 9]}))], "counts must be"),
    "a mask as large as a town": (
        [frame(label(rle={"counts": "0", "size": [10**6, 10**6]}))],
        "at most",
    ),
    "many masks": ([frame(*[label(rle={"counts": "", "size": [8000, 8000]})] * 20)], "at most"),
    "many curves": (
        [frame(label(poly2d=[path2d([[0, 0]] * 30_001, "L" + "CCL" * 10_000)] * 2))],
        f"at most {MAX_CURVES} curves",
    ),
    "many paths": ([frame(label(poly2d=[path2d(SQUARE)] * 501))], "at most 500 paths"),
    "long paths on each other": (
        [frame(label(poly2d=[path2d(SQUARE * 200)] * 2))],
        "at most 1000 points",
    ),
    "many long paths": ([frame(label(poly2d=[path2d(SQUARE * 13_000)] * 2))], "at most 100000"),
    "a mask with a size of many digits": (
        [frame(label(rle={"counts": "0", "size": [10**4000, 1]}))],
        "at most",
    ),
    "a size of nothing": ([frame(size={"width": 0, "height": 2})], "size_wh must be"),
    "a size in words": ([frame(size={"width": "1", "height": 2})], "width must be a whole number"),
    "a video by number": ([frame(videoName=3)], "videoName must be a text"),
    "no finite number": ('[{"name": "a.jpg", "labels": [], "timestamp": NaN}]', "finite"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_frame_is_set_aside_alone(tmp_path, name):
    content, message = WRONG[name]
    text = content if isinstance(content, str) else json.dumps(content)
    path = write(tmp_path / "a.json", f"{text[:-1]}, {json.dumps(frame(name='good.jpg'))}]")
    loaded = load_scalabel(path)
    assert [scene.frame.image for scene in loaded.scenes] == ["good.jpg"]
    [wrong] = loaded.quarantine.rejected
    assert message in wrong.message
    assert wrong.path == str(path)
    assert wrong.item.startswith("frame 0")


def test_frames_before_a_break_are_read_and_the_break_counts(tmp_path):
    path = write(tmp_path / "a.json", json.dumps([frame(), frame(name="b.jpg")])[:-9])
    loaded = load_scalabel(path)
    assert (loaded.quarantine.num_kept, loaded.quarantine.num_rejected) == (1, 1)


@pytest.mark.parametrize("content", ["", "text", "3", "\x00"])
def test_what_is_no_label_file_is_refused(tmp_path, content):
    with pytest.raises(FormatError, match="must be JSON"):
        load_scalabel(write(tmp_path / "a.json", content))
    for path in (tmp_path / "none.json", tmp_path / "none"):
        with pytest.raises(FormatError):
            load_scalabel(path)


_GOOD = json.dumps(
    {
        "frames": [
            FRAMES[name] | {"size": {"width": 64, "height": 48}}
            for name in ("a score", "a curve", "an area and lines", "a mask", "facts of both")
        ]
    }
).encode()


@settings(max_examples=150)
@given(st.data())
def test_mutated_files_are_read_or_set_aside(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "mutated.json"
    text = bytearray(_GOOD)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text) - 1))
        piece = data.draw(st.binary(max_size=3) | st.sampled_from([b"null", b"[", b"-1e9", b'"']))
        text[at : at + data.draw(st.integers(0, 6))] = piece
    path.write_bytes(text)
    try:
        loaded = load_scalabel(path)
    except FormatError:
        return
    saved = save_scalabel(loaded.scenes, path)
    assert saved.quarantine.rejected == []
    assert load_scalabel(path).scenes == loaded.scenes


EXTRAS = [
    3,
    {"class": 3},
    {"attributes": []},
    {"rest": []},
    {"label": "1"},
    {"shape": {"box2d": 3}},
    {"shape": {"rle": {"counts": "0", "size": [10**9, 10**9]}}},
]


@pytest.mark.parametrize("extra", EXTRAS)
def test_extras_that_no_reader_leaves_set_the_scene_aside(tmp_path, extra):
    bad = make_scene(make_lane([[0, 9], [1, 2]], extra={"scalabel": extra}))
    saved = save_scalabel([bad, make_scene()], tmp_path / "a.json")
    assert (saved.quarantine.num_kept, saved.quarantine.num_rejected) == (1, 1)
    assert saved.quarantine.rejected[0].item.startswith("scene 0")


@pytest.mark.parametrize("extra", [[], {"other": [3]}, {"other": [["1", {}]]}, {"rest": 3}])
def test_extras_of_a_frame_that_no_reader_leaves(tmp_path, extra):
    saved = save_scalabel([make_scene(extra={"scalabel": extra})], tmp_path / "a.json")
    assert saved.quarantine.num_rejected == 1


def test_a_frame_without_a_usable_name_is_set_aside(tmp_path):
    saved = save_scalabel([make_scene(image=""), make_scene()], tmp_path / "a.json.gz")
    assert (saved.quarantine.num_kept, saved.quarantine.num_rejected) == (1, 1)
    assert load_scalabel(tmp_path / "a.json.gz").quarantine.num_read == 1


def test_a_full_disk_leaves_nothing(tmp_path):
    scenes = [make_scene(make_lane([[0, 9], [1, 2]]))] * 100
    with full_disk(), pytest.raises(OSError, match=r"a\.json"):
        save_scalabel(scenes, tmp_path / "a.json")
    assert list(tmp_path.iterdir()) == []


def test_frames_are_read_one_by_one(tmp_path):
    path = write(tmp_path / "a.json", json.dumps([frame()] * 3)[:-1] + " broken")
    entries = open_scalabel(path).entries
    assert next(entries).number == 0  # the break lies behind
