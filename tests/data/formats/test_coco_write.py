"""COCO written: ids, names, any scenes, what is lost, extras that no reader left."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivegrid.data.formats.coco import load_coco, save_coco
from drivegrid.data.formats.coco_shapes import fingerprint
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.geometry import Polygon
from tests.data.builders import SHAPES, make_lane, make_scene
from tests.data.formats.coco_content import (
    CATEGORIES,
    FULL,
    GOLDEN,
    SQUARE,
    annotation,
    box,
    load_one,
    polygon,
    written,
)


def test_ids_stay_and_new_ones_are_free(tmp_path):
    scene = load_one(tmp_path, annotation(1), annotation(3))
    new = Instance("obstacle/cone", box(0, 0, 1, 1))
    added = replace(scene, instances=(new, *scene.instances, new))
    other = make_scene(new, image="b.jpg")
    value, lost = written(tmp_path, added, other)
    assert [a["id"] for a in value["annotations"]] == [2, 1, 3, 4, 5]
    assert [(i["id"], i["file_name"]) for i in value["images"]] == [(1, "a.jpg"), (2, "b.jpg")]
    assert [a["image_id"] for a in value["annotations"]] == [1, 1, 1, 1, 2]
    assert lost == []


def test_two_data_sets_in_one_file(tmp_path):
    first = load_one(tmp_path, annotation())
    names = [{"id": 1, "name": "bus"}, {"id": 2, "name": "traffic cone"}]
    videos = [{"id": 1, "name": "b"}]
    images = [{"id": 1, "file_name": "b.jpg", "width": 8, "height": 6, "video_id": 1}]
    second = load_one(tmp_path, annotation(), categories=names, images=images, videos=videos)
    clip = replace(first, frame=replace(first.frame, clip="a"))
    value, lost = written(tmp_path, second, clip)
    assert lost == ["id changed: another has it"] * 2
    assert value["categories"] == [*names, {**CATEGORIES[0], "id": 3}]
    assert [a["category_id"] for a in value["annotations"]] == [1, 3]
    assert value["videos"] == [{"id": 1, "name": "b"}, {"id": 2, "name": "a"}]
    again = load_coco(tmp_path / "out.json").scenes
    assert [scene.instances[0].label for scene in again] == [
        "object/vehicle/bus", "object/vehicle/car"
    ]  # fmt: skip
    assert [scene.frame.clip for scene in again] == ["b", "a"]


_number = st.integers(-50, 2000).map(float) | st.floats(-1e6, 1e6)
_ring = st.lists(st.tuples(_number, _number), min_size=3, max_size=6).map(
    lambda points: np.array(points, float)
)
_shapes = st.one_of(
    st.tuples(_number, _number, _number, _number).map(
        lambda v: box(min(v[0], v[2]), min(v[1], v[3]), max(v[0], v[2]), max(v[1], v[3]))
    ),
    st.lists(_ring, min_size=1, max_size=2).map(lambda rings: Polygon(tuple(rings))),
)
_labels = st.sampled_from(["object/vehicle/car", "obstacle/cone", "area/drivable", "d40"])
_scene = st.builds(
    Scene,
    st.builds(
        Frame,
        st.just("a.jpg"),
        st.tuples(st.integers(1, 90), st.integers(1, 90)),
        st.sampled_from([{}, {"weather": "rain", "time": "night"}]),
        st.none() | st.sampled_from("ab"),
    ),
    st.lists(
        st.builds(Instance, _labels, _shapes, confidence=st.none() | st.floats(0, 1)), max_size=4
    ).map(tuple),
)


@settings(max_examples=150)
@given(st.lists(_scene, max_size=3))
def test_any_scenes_come_back(tmp_path_factory, scenes):
    folder = tmp_path_factory.mktemp("any")
    saved = save_coco(scenes, folder / "a.json")
    first = load_coco(folder / "a.json").scenes
    assert [replace(scene, extra={}, instances=()) for scene in first] == [
        replace(scene, instances=()) for scene in scenes
    ]
    if not saved.losses:
        for before, after in zip(scenes, first, strict=True):
            for one, two in zip(before.instances, after.instances, strict=True):
                assert (one.label, one.confidence) == (two.label, two.confidence)
                close = np.allclose(one.geometry.vertices(), two.geometry.vertices(), atol=1e-9)
                assert close or isinstance(one.geometry, Polygon)
                if isinstance(one.geometry, Polygon) and len(one.geometry.rings) == 1:
                    assert one.geometry == two.geometry
    save_coco(first, folder / "b.json")
    assert load_coco(folder / "b.json").scenes == first


LOST = {
    "a line": (make_lane([[1, 2], [3, 4]]), "line left out: COCO has boxes and polygons"),
    "a point": (Instance("sign", SHAPES["point"]), "point left out: COCO has boxes and polygons"),
    "anchors": (Instance("region", SHAPES["seg"]), "seg left out: COCO has boxes and polygons"),
    "no ring": (Instance("area", SHAPES["poly of no ring"]),
                "polygon of fewer than 3 points left out"),
    "a short ring": (Instance("area", polygon(SQUARE, [[7, 7]])),
                     "ring of fewer than 3 points left out"),
    "visibility": (Instance("sign", box(0, 0, 1, 1), visibility=0.5), "visibility left out"),
    "source": (Instance("sign", box(0, 0, 1, 1), source="nano"), "source left out"),
    "a point with a box": (
        Instance("sign", SHAPES["point"], extra={"box_xyxy": [0, 0, 2, 3]}),
        "point written as its box",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("instance", "message"), LOST.values(), ids=LOST)
def test_what_cannot_be_held_is_reported(tmp_path, instance, message):
    value, lost = written(tmp_path, make_scene(instance))
    assert lost == [message]
    left_out = message.endswith("polygons") or message.startswith("polygon of")
    assert len(value["annotations"]) == (0 if left_out else 1)
    for found in value["annotations"]:
        assert found["bbox"] in ([0, 0, 2, 3], [0, 0, 1, 1], [0, 0, 4, 4])


def _with(**own):
    return make_scene(Instance("sign", box(0, 0, 1, 1), extra={"coco": own}))


HOSTILE = [
    make_scene(image="../a.jpg"),
    make_scene(extra={"coco": 3}),
    make_scene(extra={"coco": {"image": []}}),
    make_scene(extra={"coco": {"image": {"attributes": 3}}}),
    make_scene(extra={"coco": {"image": {"video_id": [1]}}}),
    make_scene(extra={"coco": {"other": 3}}),
    make_scene(extra={"coco": {"other": [[0, 3]]}}),
    make_scene(extra={"coco": {"other": [[0, {"category": {"id": 1}}]]}}),
    make_scene(extra={"coco": {"file": []}}),
    make_scene(extra={"coco": {"file": {"categories": [{"id": 1}]}}}),
    make_scene(extra={"coco": {"file": {"videos": 3}}}),
    make_scene(Instance("sign", box(0, 0, 1, 1), extra={"coco": 3})),
    make_scene(Instance("sign", SHAPES["point"], extra={"box_xyxy": [1]})),
    make_scene(Instance("sign", SHAPES["point"], extra={"box_xyxy": [1, 1, 0, 0]})),
    _with(category=[]),
    _with(category={"id": 1}),
    _with(attributes=[]),
    _with(rest=3),
]


@pytest.mark.parametrize("scene", HOSTILE)
def test_hostile_extras_set_their_frame_aside(tmp_path, scene):
    saved = save_coco([scene, make_scene(image="b.jpg")], tmp_path / "out.json")
    assert (saved.quarantine.num_rejected, saved.quarantine.num_kept) == (1, 1)
    assert len(load_coco(tmp_path / "out.json").scenes) == 1


@pytest.mark.parametrize("key", ["bbox", "area", "segmentation"])
def test_what_was_said_of_a_shape_is_checked(tmp_path, key):
    scene = load_one(tmp_path, annotation(bbox=[1, 2, 3.5, 4], area=9, segmentation=FULL))
    own = scene.instances[0].extra["coco"] | {key: {"size": [6, 8], "counts": [48]}}
    hostile = replace(scene, instances=(replace(scene.instances[0], extra={"coco": own}),))
    assert save_coco([hostile], tmp_path / "out.json").quarantine.num_rejected == 1


@pytest.mark.parametrize("shape", [Polygon(()), polygon([[1, 2]])])
@pytest.mark.parametrize("key", ["area", "segmentation"])
def test_what_was_said_of_no_shape(tmp_path, shape, key):
    own = {key: FULL if key == "segmentation" else 3, "of": fingerprint(shape)}
    saved = save_coco([make_scene(Instance("area", shape, extra={"coco": own}))], tmp_path / "a")
    assert saved.losses or saved.quarantine.num_rejected


def test_saving_leaves_scenes_as_they_are(tmp_path):
    loaded = load_coco(GOLDEN)
    save_coco(loaded.scenes, tmp_path / "out.json")
    assert loaded.scenes == load_coco(GOLDEN).scenes
