"""Label Studio: tasks by hand, every region, choices, predictions, real exports."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from drivegrid.data.formats.labelstudio import (
    SIZE,
    load_labelstudio,
    recognise_labelstudio,
    save_labelstudio,
)
from drivegrid.data.formats.peek import Peek
from drivegrid.data.images import save_image
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.geometry import Box, Polygon, Polyline
from tests.data.builders import SHAPES, make_lane, make_scene
from tests.data.formats.boxed import make_box
from tests.data.formats.drawn import drawn_scenes
from tests.data.formats.labelstudio_tasks import (
    BOX,
    REGIONS,
    TRIANGLE,
    again,
    choice,
    read,
    region,
    task,
    written,
)


@pytest.mark.parametrize(("kind", "value", "geometry"), REGIONS.values(), ids=REGIONS)
def test_every_region_is_read_and_written_with_its_numbers(tmp_path, kind, value, geometry):
    source = task(region(kind, value))
    scenes = read(tmp_path, source)
    [found] = scenes[0].instances
    assert type(found.geometry) is type(geometry)
    np.testing.assert_allclose(found.geometry.vertices(), geometry.vertices(), atol=1e-9)
    assert again(scenes, tmp_path) == (scenes, [])
    assert written(tmp_path) == [source]


def test_an_ellipse_is_a_polygon(tmp_path):
    value = {"x": 50, "y": 50, "radiusX": 10, "radiusY": 10, "rotation": 0}
    [scene] = read(tmp_path, task(region("ellipselabels", value)))
    points = (scene.instances[0].geometry.vertices() - (100, 50)) / (20, 10)
    np.testing.assert_allclose(np.hypot(*points.T), 1)
    assert again([scene], tmp_path) == ([scene], [])


TURNS = {90: Box([20, 0, 60, 20]), 180: Box([140, 50, 180, 90]), 270: Box([140, 80, 180, 100])}


@pytest.mark.parametrize(("turn", "geometry"), TURNS.items())
def test_regions_of_a_turned_picture(tmp_path, turn, geometry):
    value = {"x": 80, "y": 10, "width": 20, "height": 20}
    if turn == 180:
        value = {"x": 10, "y": 10, "width": 20, "height": 40}
    if turn == 270:
        value |= {"y": 10}
    scenes = read(tmp_path, task(region("rectanglelabels", value, image_rotation=turn)))
    np.testing.assert_allclose(scenes[0].instances[0].geometry.xyxy, geometry.xyxy)
    assert again(scenes, tmp_path) == (scenes, [])


def test_a_brush_is_read_by_its_bits(tmp_path):
    """A picture of 2x1 pixels, RGBA, by hand: one run of 4 zeros, then four bytes one by one."""
    bits = f"{8:032b}" + f"{7:05b}" + "0010" + "0011" + "0111" + "1111"
    bits += "1" + "00" + f"{3:03b}" + f"{0:08b}" + "0" + "00" + f"{3:03b}" + f"{255:08b}" * 4
    bits += "0" * (-len(bits) % 8)
    rle = [int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)]
    size = {"original_width": 2, "original_height": 1}
    brush = region("brushlabels", {"format": "rle", "rle": rle}, **size)
    scenes = read(tmp_path, task(brush))
    [ring] = scenes[0].instances[0].geometry.rings
    assert {tuple(xy) for xy in ring.tolist()} == {(1, 0), (2, 0), (2, 1), (1, 1)}
    assert again(scenes, tmp_path) == (scenes, [])


def test_polygons_of_several_rings_become_a_brush(tmp_path):
    rings = ([[1, 1], [900, 1], [900, 300], [1, 300]], [[3, 3], [5, 3], [5, 5], [3, 5]])
    area = Instance("area/drivable", Polygon(rings))
    found, losses = again([make_scene(area)], tmp_path)
    assert losses == ["polygon of several rings rounded to a mask of pixels"]
    corners = [{tuple(xy) for xy in ring.tolist()} for ring in found[0].instances[0].geometry.rings]
    assert corners == [{tuple(xy) for xy in ring} for ring in rings]


def test_labels_of_bare_regions_and_lanes(tmp_path):
    bare = region("rectangle", BOX)
    named = region("labels", BOX | {"labels": ["Traffic cone"]})
    line = region("polygonlabels", TRIANGLE | {"closed": False}, label="solid white", number="b")
    source = task(bare, named, line)
    scenes = read(tmp_path, source)
    cone, lane = scenes[0].instances
    assert cone.label == "obstacle/cone"
    assert (lane.label, lane.attributes) == ("lane/line", {"style": "solid", "color": "white"})
    assert lane.geometry.xy[0].tolist() == [100, 100]
    assert again(scenes, tmp_path) == (scenes, [])
    assert written(tmp_path) == [source]


CHOICES = {
    "none": ([], {}, {}),
    "by name": ([choice("color", "orange")], {"color": "orange"}, {}),
    "by value": ([choice("state", "Mostly hidden")], {"visible_state": "mostly hidden"}, {}),
    "unknown": ([choice("state", "new")], {}, {}),
    "of the frame": ([choice("weather", "rain", "z")], {}, {"weather": "rain"}),
    "odd": ([{"id": "a", "type": "rating", "value": {"rating": 3}}], {}, {}),
}


@pytest.mark.parametrize(("results", "attributes", "frame"), CHOICES.values(), ids=CHOICES)
def test_choices_are_attributes(tmp_path, results, attributes, frame):
    source = task(*results, region("rectanglelabels", BOX))
    scenes = read(tmp_path, source)
    [cone] = scenes[0].instances
    assert (cone.attributes, scenes[0].frame.attributes) == (attributes, frame)
    assert again(scenes, tmp_path) == (scenes, [])
    assert written(tmp_path) == [source]
    black = replace(cone, attributes={"color": "black"})
    [found], losses = again([replace(scenes[0], instances=(black,))], tmp_path)
    assert (found.instances[0].attributes, losses) == ({"color": "black"}, [])


IMAGES = {
    "URL": ("https://x.org/a%20b.jpg?c=d", "https://x.org/a%20b.jpg?c=d"),
    "bucket": ("s3://bucket/a.jpg", "s3://bucket/a.jpg"),
    "upload": ("/data/upload/2/a.jpg", "data/upload/2/a.jpg"),
    "local": ("/data/local-files/?d=clips/a%20b.jpg", "clips/a b.jpg"),
    "path": ("clips/a.jpg", "clips/a.jpg"),
}


@pytest.mark.parametrize(("text", "image"), IMAGES.values(), ids=IMAGES)
def test_pictures_are_named_and_never_fetched(tmp_path, text, image):
    source = task(region("rectanglelabels", BOX), image=text)
    scenes = read(tmp_path, source)
    assert scenes[0].frame.image == image
    assert again(scenes, tmp_path) == (scenes, [])
    assert written(tmp_path)[0]["data"] == {"image": text}
    other = {"frame": text if text.endswith("jpg") else "a.jpg", "title": "x"}
    assert read(tmp_path, source | {"data": other})


def test_size_of_regions_then_picture_then_assumed(tmp_path):
    save_image(tmp_path / "b.png", np.zeros((3, 4, 3), np.uint8))
    scenes = read(tmp_path, task(region("rectanglelabels", BOX)), task(image="b.png"), task())
    assert [scene.frame.size_wh for scene in scenes] == [(200, 100), (4, 3), SIZE]
    assert [scene.extra.get("assumed_size") for scene in scenes] == [None, None, True]
    assert again(scenes, tmp_path) == (scenes, [])


def test_which_annotation_counts(tmp_path):
    first, second = (region("rectanglelabels", BOX, label=name) for name in ("cone", "rock"))
    one, two = {"result": [first]}, {"result": [second]}
    cases = {
        "obstacle/cone": [one, two],
        "obstacle/rock": [one | {"was_cancelled": True}, two],
    }
    for label, annotations in cases.items():
        source = task(annotations=annotations)
        scenes = read(tmp_path, source)
        assert [instance.label for instance in scenes[0].instances] == [label]
        assert again(scenes, tmp_path) == (scenes, [])
        assert written(tmp_path) == [source]
    truth = task(annotations=[one, two | {"ground_truth": True}])
    assert read(tmp_path, truth)[0].instances[0].label == "obstacle/rock"


def test_predictions_have_model_and_score(tmp_path):
    shared = {"model_version": "m1", "score": 0.5, "result": [region("rectanglelabels", BOX)]}
    own = {"result": [region("rectanglelabels", BOX, score=0.25), region("keypointlabels", BOX)]}
    source = task(annotations=[], predictions=[shared, own])
    scenes = read(tmp_path, source)
    told = [(one.source, one.confidence) for one in scenes[0].instances]
    assert told == [("m1", 0.5), ("prediction", 0.25), ("prediction", None)]
    assert again(scenes, tmp_path)[0] == again(again(scenes, tmp_path)[0], tmp_path)[0]
    result = written(tmp_path)[0]["predictions"][0]
    assert result == shared


def test_labels_are_annotations_and_the_rest_predictions(tmp_path):
    cone = Instance("obstacle/cone", SHAPES["box"])
    scene = make_scene(cone, replace(cone, confidence=0.5), replace(cone, source="m", confidence=1))
    found, losses = again([scene, make_scene()], tmp_path)
    assert losses == []
    [first, empty] = written(tmp_path)
    assert [len(one["result"]) for one in first["annotations"]] == [1]
    models = [(one.get("model_version"), one["result"][0]["score"]) for one in first["predictions"]]
    assert models == [(None, 0.5), ("m", 1)]
    assert empty["annotations"] == [{"result": []}]
    told = [(one.source, one.confidence) for one in found[0].instances]
    assert told == [("label", None), ("prediction", 0.5), ("m", 1)]


def test_moved_regions_keep_id_and_choices(tmp_path):
    scenes = read(
        tmp_path, task(region("rectanglelabels", BOX, number="q"), choice("color", "red", "q"))
    )
    moved = replace(scenes[0].instances[0], geometry=Box([0, 0, 50, 50]), label="obstacle/rock")
    again([replace(scenes[0], instances=(moved,))], tmp_path)
    [shape, color] = written(tmp_path)[0]["annotations"][0]["result"]
    assert (shape["id"], color["id"], shape["value"]["width"]) == ("q", "q", 25)
    assert shape["value"]["rectanglelabels"] == ["obstacle/rock"]


def test_one_task_and_no_task(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(task()))
    assert len(load_labelstudio(tmp_path / "a.json").scenes) == 1
    assert again([], tmp_path) == ([], [])


def test_what_is_lost_is_told_and_what_cannot_be_written_set_aside(tmp_path):
    cone = Instance("obstacle/cone", SHAPES["box"], {"odd": "x"}, visibility=0.5)
    others = (Instance("lane", SHAPES["seg"]), Instance("lane", SHAPES["line of no point"]))
    left = "instance left out: Label Studio has no such shape, or it has no points"
    losses = again([make_scene(cone, *others)], tmp_path)[1]
    assert losses == ["attribute odd left out", "visibility left out", left, left]
    lane = make_lane([[1, 2], [3, 4]])
    scenes = [
        make_scene(),
        make_scene(image=""),
        make_scene(replace(lane, label="\ud800")),
        make_scene(replace(lane, extra={"labelstudio": 1})),
        make_scene(replace(lane, extra={"labelstudio": {"result": {"type": "polygon"}}})),
        make_scene(extra={"labelstudio": {"task": []}}),
        make_scene(extra={"labelstudio": {"task": {"data": 1}}}),
        make_scene(extra={"labelstudio": {"task": {"annotations": [1]}}}),
        make_scene(extra={"labelstudio": {"kept": {"annotation": [[0]]}}}),
    ]
    saved = save_labelstudio(scenes, tmp_path / "c.json")
    assert [bad.item.partition(" (")[0] for bad in saved.quarantine.rejected] == [
        f"scene {i}" for i in range(1, 9)
    ]


def test_recognised_and_nothing_else(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps([task()]))
    assert recognise_labelstudio(Peek(path))
    path.write_text(json.dumps([task(), {"x": "y" * (1 << 24)}]))
    assert recognise_labelstudio(Peek(path))
    for other in (
        '{"images": [], "annotations": []}',
        "[]",
        '[{"name": "a", "labels": []}]',
        "text",
    ):
        path.write_text(other)
        assert recognise_labelstudio(Peek(path)) is None
    assert recognise_labelstudio(Peek(tmp_path)) is None


REAL = ("csv/csv_test", "json_min/data", "yolo/data", "yolo/data_obb", "yolo/data_polygons")


@pytest.mark.parametrize("name", REAL)
def test_exports_come_back_value_by_value(realdata, tmp_path, name):
    path = realdata / "format_fixtures" / "label_studio" / f"test_export_{name}.json"
    scenes = load_labelstudio(path).scenes
    assert scenes
    assert again(scenes, tmp_path) == (scenes, [])
    assert written(tmp_path) == json.loads(path.read_text())


@settings(max_examples=60)
@given(scene=drawn_scenes)
def test_drawn_scenes_come_back(tmp_path_factory, scene):
    folder = tmp_path_factory.mktemp("drawn")
    instances = tuple(one for one in scene.instances if one.geometry.kind != "seg")
    scene = replace(scene, instances=instances)
    first, losses = again([scene], folder)
    assert losses == []
    assert first[0].frame.attributes == scene.frame.attributes
    for one, other in zip(first[0].instances, instances, strict=True):
        assert (one.label, one.attributes) == (other.label, other.attributes)
        assert type(one.geometry) is type(other.geometry)
        np.testing.assert_allclose(
            one.geometry.vertices(), other.geometry.vertices(), rtol=1e-12, atol=1e-8
        )
    assert again(first, folder) == (first, [])


FRAMES = {
    "no instance": [],
    "a label": [make_box("obstacle/cone")],
    "a prediction": [make_box("obstacle/cone", confidence=0.5, source="prediction")],
    "an instance left out": [Instance("lane/line", Polyline(np.zeros((0, 2))))],
}


@pytest.mark.parametrize("instances", FRAMES.values(), ids=FRAMES)
def test_size_and_frame_attributes_come_back_whatever_is_in_the_frame(tmp_path, instances):
    frame = Frame("a.jpg", (640, 480), {"weather": "rain"})
    [found], _ = again([Scene(frame, tuple(instances))], tmp_path)
    assert found.frame == frame
    assert again([found], tmp_path)[0] == [found]
    [unsized], _ = again([Scene(frame, (), {"assumed_size": True})], tmp_path)
    assert unsized.extra["assumed_size"] is True
