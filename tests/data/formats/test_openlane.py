"""OpenLane: a golden file, real frames byte for byte, CIPO boxes, wrong files, losses."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivegrid.data.formats.openlane import load_openlane, recognise_openlane, save_openlane
from drivegrid.data.formats.peek import Peek
from drivegrid.data.images import save_image
from drivegrid.data.scene import Instance
from drivegrid.errors import FormatError
from drivegrid.geometry import Box
from tests.data.builders import SHAPES, make_lane, make_scene
from tests.data.formats.mutations import mutated

GOLDEN = (Path(__file__).parents[2] / "golden" / "formats" / "openlane.json").read_text()
IMAGE = "validation/segment-1/10.jpg"
SIZE = (1920, 1280)
CIPO = json.dumps(
    {
        "results": [
            {"width": 20.5, "height": 10.0, "x": 100, "y": 600.25, "id": "1", "type": 1},
            {"width": 4.0, "height": 4.0, "x": 0.0, "y": 0.0, "id": "4", "type": 0},
            {"width": 2, "height": 4, "x": 5, "y": 6, "id": "2", "type": 3, "score": 0.5},
        ],
        "raw_file_path": "training/segment-1/images/10.jpg",
    }
)


def write(root, **files):
    """Write label files; ``a`` is a/segment-1/10.json, ``a_cipo`` 10.jpg.json beside it."""
    for name, text in files.items():
        tree, _, kind = name.partition("_")
        path = root / tree / "segment-1" / ("10.jpg.json" if kind else "10.json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


def frame_of(*lanes, **rest):
    return json.dumps({"file_path": IMAGE, "lane_lines": list(lanes), **rest})


def load_one(root, text):
    [scene] = load_openlane(write(root, a=text)).scenes
    return scene


def lanes_of(scene, folder):
    """Lanes written of a scene, and the messages of what was lost."""
    saved = save_openlane([scene], folder)
    text = (folder / scene.frame.image).with_suffix(".json").read_text()
    return json.loads(text)["lane_lines"], [loss.message for loss in saved.losses]


def test_the_golden_frame(tmp_path):
    scene = load_one(tmp_path / "in", GOLDEN)
    assert (scene.frame.image, scene.frame.size_wh) == (IMAGE, SIZE)
    assert scene.frame.clip == "validation/segment-1"
    assert [(i.label, dict(i.attributes)) for i in scene.instances] == [
        ("lane/line", {"style": "solid-dashed", "color": "yellow", "role": "ego-left"}),
        ("lane/curb", {"style": "curb"}),
        ("lane/line", {"style": "dashed", "color": "white", "role": "right"}),
    ]
    assert [i.geometry.vertices().tolist() for i in scene.instances] == [
        [[700.25, 1279.75], [900.5, 700]],
        [[1920.0000000000002, 884], [1000, 690]],
        [[960, 800], [950, 700]],
    ]
    assert save_openlane([scene], tmp_path / "out").losses == []
    assert (tmp_path / "out" / "validation/segment-1/10.json").read_text() == GOLDEN
    assert (tmp_path / "out" / "all.txt").read_text() == f"/{IMAGE}\n"
    assert load_openlane(tmp_path / "out" / "all.txt").scenes == [scene]


_uv = st.lists(st.tuples(*[st.floats(-1e6, 1e6) | st.integers(-999, 9999)] * 2), max_size=4).map(
    lambda points: [[u for u, _ in points], [v for _, v in points]]
)
_lane = st.fixed_dictionaries(
    {"category": st.integers(-1, 25), "uv": _uv},
    optional={
        "attribute": st.integers(0, 6),
        "track_id": st.integers(),
        "xyz": st.just([[1.0], [2.0], [3.0]]),
    },
)


@settings(max_examples=100)
@given(st.lists(_lane, max_size=4))
def test_any_frame_comes_back(tmp_path_factory, lanes):
    folder = tmp_path_factory.mktemp("any")
    text = frame_of(*lanes)
    scene = load_one(folder / "in", text)
    assert save_openlane([scene], folder / "out").losses == []
    assert (folder / "out" / IMAGE).with_suffix(".json").read_text() == text


BAD = {
    "no JSON": (b"{", None, "JSON"),
    "a list": ("[]", "file", "object"),
    "no file_path": ('{"lane_lines": []}', "file_path", "must be there"),
    "climbs": ('{"file_path": "../a.jpg", "lane_lines": []}', "image name", "relative"),
    "no lanes": ('{"file_path": "a.jpg"}', "lane_lines", "must be there"),
    "a lane no object": (frame_of(3), "lane 0", "object"),
    "no uv": (frame_of({"category": 1}), "lane 0", "two lists"),
    "n x 2": (frame_of({"category": 1, "uv": [[1, 2], [3, 4], [5, 6]]}), "lane 0", "two lists"),
    "uneven": (frame_of({"category": 1, "uv": [[1], [3, 4]]}), "lane 0", "as many"),
    "a text": (frame_of({"category": 1, "uv": [[1], ["2"]]}), "lane 0", "'2'"),
    "no category": (frame_of({"uv": [[1], [2]]}), "lane 0", "category"),
    "a flag": (frame_of({"uv": [[1], [2]], "category": True}), "lane 0", "category"),
    "attribute": (frame_of({"uv": [[1], [2]], "category": 1, "attribute": []}), "lane 0", "attri"),
}


@pytest.mark.parametrize(("text", "item", "message"), BAD.values(), ids=BAD)
def test_a_wrong_file_is_set_aside_and_the_rest_loads(tmp_path, text, item, message):
    loaded = load_openlane(write(tmp_path, a=GOLDEN, b=text, c=GOLDEN))
    assert len(loaded.scenes) == 2
    [record] = loaded.quarantine.rejected
    assert (record.path, record.item) == (str(tmp_path / "b/segment-1/10.json"), item)
    assert message in record.message


@settings(max_examples=200)
@given(mutated(GOLDEN.encode()), mutated(CIPO.encode()))
def test_broken_files_are_read_or_set_aside(tmp_path_factory, lanes, cipo):
    root = write(tmp_path_factory.mktemp("fuzz"), a=lanes, b_cipo=cipo)
    loaded = load_openlane(root)
    assert loaded.quarantine.num_read == 2
    save_openlane(loaded.scenes, root / "out")


CATEGORIES = {
    "no style": ("lane/line", {}, 0, 0, []),
    "unknown": ("lane/line", {"style": "unknown"}, 0, 0, []),
    "solid yellow": ("lane/line", {"style": "solid", "color": "yellow"}, 8, 0, []),
    "no color": ("lane/line", {"style": "solid"}, 0, 0, ["style"]),
    "worn": ("lane/line", {"style": "worn", "color": "white"}, 0, 0, ["color", "style"]),
    "role": ("lane/line", {"role": "ego-right"}, 0, 3, []),
    "far": ("lane/line", {"role": "far-left"}, 0, 0, ["role"]),
    "curb": ("lane/curb", {"style": "curb"}, 20, 0, []),
    "plain lane": ("lane", {"direction": "along"}, 0, 0, ["direction"]),
}


@pytest.mark.parametrize(
    ("label", "attributes", "category", "attribute", "lost"), CATEGORIES.values(), ids=CATEGORIES
)
def test_lanes_from_elsewhere(tmp_path, label, attributes, category, attribute, lost):
    lane = Instance(label, make_lane([[100, 1200], [300, 700]]).geometry, attributes)
    [found], messages = lanes_of(make_scene(lane, size_wh=SIZE), tmp_path)
    uv = [[300.0, 100.0], [700.0, 1200.0]]
    assert found == {"category": category, "attribute": attribute, "uv": uv}
    told = ["lane written as lane/line"] if label == "lane" else []
    assert sorted(messages) == [f"attribute {name} left out" for name in lost] + told


def test_a_right_curb(tmp_path):
    lane = Instance("lane/curb", make_lane([[1500, 1200], [300, 700]]).geometry)
    [found], _ = lanes_of(make_scene(lane, size_wh=SIZE), tmp_path)
    assert found["category"] == 21


CHANGES = {
    "nothing": ({}, {}, []),
    "style": ({"attributes": {"style": "solid", "color": "white", "role": "ego-left"}},
              {"category": 2}, []),
    "role": ({"attributes": {"style": "solid-dashed", "color": "yellow"}}, {"attribute": 0}, []),
    "moved": ({"geometry": make_lane([[5, 9], [6, 7]]).geometry}, {"uv": [[6.0, 5.0], [7.0, 9.0]]},
              ["xyz left out: the line is another", "visibility left out: the line is another"]),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "written", "lost"), CHANGES.values(), ids=CHANGES)
def test_a_changed_lane_keeps_what_still_holds(tmp_path, changes, written, lost):
    scene = load_one(tmp_path / "in", GOLDEN)
    original = json.loads(GOLDEN)["lane_lines"][0]
    changed = replace(scene, instances=(replace(scene.instances[0], **changes),))
    (found, *_), messages = lanes_of(changed, tmp_path / "out")
    gone = {message.split()[0] for message in lost}
    expected = {key: value for key, value in original.items() if key not in gone} | written
    assert (found, messages) == (expected, lost)


def test_names_of_categories_unknown_to_the_taxonomy_stay(tmp_path):
    scene = load_one(tmp_path, frame_of({"category": 13, "uv": [[1.0], [2.0]]}))
    assert scene.instances[0].label == "13"
    assert scene.instances[0].extra["flags"] == ["one-point"]
    assert lanes_of(scene, tmp_path / "out")[0][0]["category"] == 13


# CIPO ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["beside", "tree", "alone"])
def test_cipo_boxes_by_hand(tmp_path, place):
    root = write(tmp_path / "in", lane3d=GOLDEN) if place != "alone" else tmp_path / "in"
    write(root, **({"lane3d_cipo": CIPO} if place == "beside" else {"cipo_cipo": CIPO}))
    [scene] = load_openlane(root).scenes
    boxes = [found for found in scene.instances if isinstance(found.geometry, Box)]
    assert [(b.label, b.geometry.xyxy.tolist(), b.confidence) for b in boxes] == [
        ("object/vehicle", [100, 600.25, 120.5, 610.25], None), ("sign", [5, 6, 7, 10], 0.5)
    ]  # fmt: skip
    image = IMAGE if place != "alone" else "training/segment-1/images/10.jpg"
    assert scene.frame.image == image
    assert save_openlane([scene], tmp_path / "out").losses == []
    assert (tmp_path / "out" / f"{image}.json").read_text() == CIPO
    assert (tmp_path / "out" / image).with_suffix(".json").is_file() == (place != "alone")
    assert load_openlane(tmp_path / "out").scenes == [scene]


BAD_BOXES = {
    "no results": ("{}", "results", "must be there"),
    "no width": ('{"results": [{"x": 1, "y": 1, "height": 1, "type": 1}]}', "width", "None"),
    "negative": (CIPO.replace("20.5", "-20.5"), "result 0", "size"),
    "no type": (CIPO.replace('"type": 1', '"kind": 1'), "result 0", "type"),
    "score": (CIPO.replace('"score": 0.5', '"score": 1.5'), "result 2", "[0, 1]"),
    "far": (CIPO.replace("20.5", "1e7"), "result 0", "number"),
}


@pytest.mark.parametrize(("text", "item", "message"), BAD_BOXES.values(), ids=BAD_BOXES)
def test_a_wrong_box_sets_its_frame_aside(tmp_path, text, item, message):
    loaded = load_openlane(write(tmp_path, a=GOLDEN, a_cipo=text, b=GOLDEN))
    assert len(loaded.scenes) == 1
    [record] = loaded.quarantine.rejected
    assert record.path == str(tmp_path / "a/segment-1/10.jpg.json")
    assert item in record.item
    assert message in record.message


def test_a_changed_box(tmp_path):
    [scene] = load_openlane(write(tmp_path / "in", a_cipo=CIPO)).scenes
    cars, sign = scene.instances
    moved = replace(cars, geometry=Box(np.array([1.0, 2, 4, 8])), label="object/person/pedestrian")
    changed = replace(scene, instances=(moved, replace(sign, confidence=None)))
    assert save_openlane([changed], tmp_path / "out").losses == []
    [again] = load_openlane(tmp_path / "out").scenes
    assert [(i.label, i.geometry, i.confidence) for i in again.instances] == [
        (moved.label, moved.geometry, None), ("sign", sign.geometry, None)
    ]  # fmt: skip


# Files --------------------------------------------------------------------------------------------


def test_pictures_give_the_size(tmp_path):
    save_image(tmp_path / IMAGE, np.zeros((3, 4, 3), np.uint8))
    scene = load_one(tmp_path, GOLDEN)
    assert scene.frame.size_wh == (4, 3)
    assert "assumed_size" not in scene.extra


def test_one_file_and_lists(tmp_path):
    write(tmp_path / "data", validation=GOLDEN, other="{}")
    one = tmp_path / "data" / "validation" / "segment-1" / "10.json"
    (tmp_path / "data" / "test").mkdir()
    listed = tmp_path / "data" / "test" / "1000_curve.txt"
    listed.write_text(f"{IMAGE}\nvalidation/segment-1/none.jpg\n")
    scenes = [load_openlane(path).scenes for path in (one, listed)]
    scenes.append(load_openlane(tmp_path / "data", listed).scenes)
    assert [[s.frame.image for s in found] for found in scenes] == [[IMAGE]] * 3
    [record] = load_openlane(listed).quarantine.rejected
    assert (record.path, record.line) == (str(listed), 2)
    for path in (one, listed, tmp_path / "data" / "validation"):
        assert "file_path and lane_lines" in recognise_openlane(Peek(path))


@pytest.mark.parametrize("name", ["empty", "absent", "list.txt"])
def test_what_holds_no_labels_is_refused(tmp_path, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "list.txt").write_text("a.jpg\n")
    with pytest.raises(FormatError, match=name):
        load_openlane(tmp_path / name)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"results": []}', '{"lanes": []}', ""])
@pytest.mark.parametrize("kind", ["file", "folder", "list"])
def test_other_json_is_not_recognised(tmp_path, text, kind):
    (tmp_path / "a.json").write_text(text)
    (tmp_path / "list.txt").write_text("a.jpg\n")
    name = {"file": "a.json", "folder": "", "list": "list.txt"}[kind]
    assert recognise_openlane(Peek(tmp_path / name)) is None


LOST = {
    "a box": (Instance("obstacle/cone", SHAPES["box"]), "obstacle/cone (box) left out"),
    "no points": (make_lane([]), "no points"),
    "visibility": (make_lane([[1, 2]], visibility=0.5), "visibility left out"),
}


@pytest.mark.parametrize(("instance", "message"), LOST.values(), ids=LOST)
def test_what_cannot_be_held_is_reported(tmp_path, instance, message):
    _, [found] = lanes_of(make_scene(instance, size_wh=SIZE), tmp_path)
    assert message in found


HOSTILE = [
    make_scene(extra={"openlane": 3}),
    make_scene(extra={"openlane": {"frame": []}}),
    make_scene(extra={"openlane": {"frame": {"lane_lines": [[0, {"uv": 3}]]}}}),
    make_scene(extra={"openlane": {"frame": {"lane_lines": [[10**30]]}}}),
    make_scene(extra={"openlane": {"cipo": {}}}),
    make_scene(extra={"openlane": {"cipo": {"results": [[0, 3]]}}}),
    make_scene(make_lane([[1, 2]], extra={"openlane": 3})),
    make_scene(make_lane([[1, 2]], extra={"openlane": {"lane": []}})),
    make_scene(make_lane([[1, 2]], extra={"openlane": {"lane": {"uv": [1, 2]}}})),
    make_scene(Instance("sign", SHAPES["box"], extra={"openlane": {"cipo": {"x": "1"}}})),
    make_scene(image="a"),
]


@pytest.mark.parametrize("scene", HOSTILE)
def test_hostile_extras_set_their_frame_aside(tmp_path, scene):
    saved = save_openlane([scene, make_scene(image="b.jpg")], tmp_path / "out")
    assert (saved.quarantine.num_rejected, saved.quarantine.num_kept) == (1, 1)


@pytest.mark.parametrize("name", ["lane2d/annotations", "lane2d/results", "cipo_annotations"])
def test_real_files_come_back_byte_for_byte(realdata, tmp_path, name):
    root = realdata / "openlane_sample" / name
    loaded = load_openlane(root)
    assert loaded.quarantine.num_kept == loaded.quarantine.num_read == 2
    assert all(found.label != "lane" for scene in loaded.scenes for found in scene.instances)
    assert save_openlane(loaded.scenes, tmp_path).losses == []
    for file in root.rglob("*.json"):
        [again] = tmp_path.rglob(file.name)
        assert again.read_text() == file.read_text()
    assert load_openlane(tmp_path).scenes == loaded.scenes
