"""labelme: a file by hand, every shape, groups, flags, odd names, broken files, round trips."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from drivegrid.data.formats.labelme import (
    SIZE,
    load_labelme,
    open_labelme,
    recognise_labelme,
    save_labelme,
)
from drivegrid.data.formats.peek import Peek
from drivegrid.data.images import save_image
from drivegrid.data.scene import Instance
from drivegrid.errors import FormatError
from drivegrid.geometry import Anchors, Box, Point, Polygon, Polyline
from tests.data.builders import SHAPES, make_lane, make_scene
from tests.data.formats.drawn import bare, broken, drawn_scenes

GOLDEN = Path(__file__).parents[2] / "golden" / "formats" / "labelme.json"


def write(path, shapes=(), **changes):
    record = {"shapes": list(shapes), "imagePath": path.with_suffix(".jpg").name}
    record |= {"imageHeight": 100, "imageWidth": 200} | changes
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record))
    return path


def shape(kind, *points, label="cone", **changes):
    return {"label": label, "points": [list(xy) for xy in points], "shape_type": kind} | changes


def read(path, *shapes, **changes):
    loaded = load_labelme(write(path / "a.json", shapes, **changes))
    assert loaded.quarantine.rejected == []
    return loaded.scenes[0]


def again(scene, folder):
    """Return a scene written and read, and what was lost."""
    saved = save_labelme([scene], folder)
    assert saved.quarantine.rejected == []
    [found] = load_labelme(folder).scenes
    return found, [loss.message for loss in saved.losses]


def test_a_file_by_hand():
    loaded = load_labelme(GOLDEN)
    [scene] = loaded.scenes
    assert (scene.frame.image, scene.frame.size_wh) == ("a.jpg", (120, 100))
    assert scene.frame.attributes == {"weather": "rain"}
    lane, area, cone, stop, crosswalk, manhole = scene.instances
    assert (lane.label, lane.attributes) == ("lane/line", {"style": "solid", "color": "white"})
    assert lane.geometry == Polyline([[20.5, 80], [40.25, 10]])
    assert [len(ring) for ring in area.geometry.rings] == [3, 3]
    assert cone.geometry == Box([70, 49.75, 75.5, 60])
    assert cone.attributes == {"color": "orange", "visible_state": "partly hidden"}
    assert stop.geometry == Point([90, 20])
    ring = crosswalk.geometry.rings[0]
    assert (ring.min(axis=0).tolist(), ring.max(axis=0).tolist()) == ([10, 20], [12, 22])
    assert np.hypot(*(manhole.geometry.vertices() - 50).T) == pytest.approx(5)


def test_a_canonical_file_comes_back_byte_for_byte(tmp_path):
    saved = save_labelme(load_labelme(GOLDEN).scenes, tmp_path)
    assert saved.losses == []
    assert (tmp_path / "labelme.json").read_bytes() == GOLDEN.read_bytes()


KINDS = {
    "polygon": ([(0, 0), (9, 0), (9, 9)], Polygon(([[0, 0], [9, 0], [9, 9]],))),
    "": ([(0, 0), (9, 0), (9, 9)], Polygon(([[0, 0], [9, 0], [9, 9]],))),
    None: ([(0, 0), (9, 0), (9, 9)], Polygon(([[0, 0], [9, 0], [9, 9]],))),
    "rotation": ([(5, 0), (9, 5), (5, 9), (0, 5)], Polygon(([[5, 0], [9, 5], [5, 9], [0, 5]],))),
    "linestrip": ([(0, 9), (5, 5), (-9.5, 0)], Polyline([[0, 9], [5, 5], [-9.5, 0]])),
    "line": ([(0, 9), (5, 5)], Polyline([[0, 9], [5, 5]])),
    "rectangle": ([(9, 0.5), (0, 7)], Box([0, 0.5, 9, 7])),
    "point": ([(9, 0.5)], Point([9, 0.5])),
    "points": ([(9, 0.5), (1, 1)], Anchors([[9, 0.5], [1, 1]])),
}


@pytest.mark.parametrize(("kind", "points", "geometry"), [(k, *v) for k, v in KINDS.items()])
def test_every_type_of_shape_is_read_and_written_as_it_was(tmp_path, kind, points, geometry):
    scene = read(tmp_path, shape(kind, *points))
    assert scene.instances[0].geometry == geometry
    save_labelme([scene], tmp_path / "out")
    written = json.loads((tmp_path / "out" / "a.json").read_text())
    source = json.loads((tmp_path / "a.json").read_text())
    assert written == source


def test_rectangles_of_four_corners(tmp_path):
    upright = shape("rectangle", (0, 0), (9, 0), (9, 5), (0, 5))
    turned = shape("rectangle", (0, 0), (9, 1), (8, 5), (-1, 4))
    first, second = read(tmp_path, upright, turned).instances
    assert first.geometry == Box([0, 0, 9, 5])
    assert isinstance(second.geometry, Polygon)


LABELS = {
    "path": ("lane/line", "lane/line", {}),
    "words": ("Traffic Cone", "obstacle/cone", {}),
    "lane": ("lane", "lane", {}),
    "paint": ("solid white", "lane/line", {"style": "solid", "color": "white"}),
    "turned round": ("yellow_dashed", "lane/line", {"style": "dashed", "color": "yellow"}),
    "with line": ("Botts-Dots lane line", "lane/line", {"style": "botts dots"}),
    "colour alone": ("white", "lane/line", {"color": "white"}),
    "unknown": ("d40", "d40", {}),
}


@pytest.mark.parametrize(("name", "label", "attributes"), LABELS.values(), ids=LABELS)
def test_names_of_lines(tmp_path, name, label, attributes):
    scene = read(tmp_path, shape("linestrip", (0, 9), (5, 5), label=name))
    [lane] = scene.instances
    assert (lane.label, lane.attributes) == (label, attributes)
    found, losses = again(scene, tmp_path / "out")
    assert (found.instances, losses) == (scene.instances, [])
    moved = replace(lane, label="lane/curb")
    found, _ = again(make_scene(moved), tmp_path / "moved")
    assert found.instances[0].label == "lane/curb"


FLAGS = {
    "none": ({}, {}),
    "off": ({"yellow": False}, {}),
    "value": ({"orange": True}, {"color": "orange"}),
    "spelling": ({"Mostly-Hidden": True}, {"visible_state": "mostly hidden"}),
    "name and value": ({"color: other": True}, {"color": "other"}),
    "vague": ({"other": True}, {}),
    "unknown": ({"dent": True}, {}),
    "contradiction": ({"red": True, "yellow": True}, {}),
    "no flags": (None, {}),
}


@pytest.mark.parametrize(("flags", "attributes"), FLAGS.values(), ids=FLAGS)
def test_flags_are_attributes_where_the_taxonomy_knows_them(tmp_path, flags, attributes):
    scene = read(tmp_path, shape("rectangle", (0, 0), (5, 5), flags=flags))
    assert scene.instances[0].attributes == attributes
    save_labelme([scene], tmp_path / "out")
    assert json.loads((tmp_path / "out" / "a.json").read_text())["shapes"][0]["flags"] == flags
    changed = make_scene(replace(scene.instances[0], attributes={"color": "black"}))
    assert again(changed, tmp_path / "new")[0].instances[0].attributes == {"color": "black"}


def test_groups_join_polygons_of_one_label_only(tmp_path):
    corners = [(0, 0), (9, 0), (9, 9)]
    drawn = [
        shape("polygon", *corners, group_id=1),
        shape("polygon", *corners, group_id=1, label="rock"),
        shape("linestrip", *corners, group_id=1),
        shape("polygon", *corners, group_id=2),
        shape("polygon", (20, 0), (29, 0), (29, 9), group_id=1, description="far part"),
    ]
    scene = read(tmp_path, *drawn)
    assert [len(instance.geometry.parts()) for instance in scene.instances] == [2, 1, 1, 1]
    found, losses = again(scene, tmp_path / "out")
    assert (found, losses) == (scene, [])


def test_instances_never_melt_together(tmp_path):
    one = read(tmp_path, shape("polygon", (0, 0), (9, 0), (9, 9), group_id=1)).instances[0]
    found, _ = again(make_scene(one, one), tmp_path / "out")
    assert [instance.geometry for instance in found.instances] == [one.geometry] * 2


def test_holes_are_kept_and_told(tmp_path):
    rings = ([[0, 0], [9, 0], [9, 9], [0, 9]], [[1, 1], [2, 1], [2, 2]])
    area = Instance("area/drivable", Polygon(rings))
    found, losses = again(make_scene(area), tmp_path)
    assert found.instances[0].geometry == area.geometry
    assert losses == ["hole kept as a polygon of the group, which labelme fills"]


def test_changed_shapes_are_written_afresh(tmp_path):
    scene = load_labelme(GOLDEN).scenes[0]
    moved = [
        replace(one, geometry=type(one.geometry)(one.geometry.xyxy + 1))
        if isinstance(one.geometry, Box)
        else replace(one, geometry=Polygon(([[1, 1], [5, 1], [5, 5]],)))
        for one in scene.instances
    ]
    found, losses = again(replace(scene, instances=tuple(moved)), tmp_path)
    assert losses == []
    assert sorted(map(hash, (one.geometry for one in found.instances))) == sorted(
        map(hash, (one.geometry for one in moved))
    )


NAMES = {
    "beside": ("ann/a.json", "a.jpg", "ann/a.jpg"),
    "folder beside": ("ann/a.json", "../img/a.jpg", "img/a.jpg"),
    "windows": ("ann/a.json", "..\\img\\a.jpg", "img/a.jpg"),
    "outside": ("ann/a.json", "../../img/a.jpg", "ann/a.jpg"),
    "absolute": ("ann/a.json", "/home/x/a.jpg", "ann/a.jpg"),
    "drive": ("a.json", "C:\\pictures\\a.jpg", "a.jpg"),
    "other stem": ("a.json", "b.png", "b.png"),
}


@pytest.mark.parametrize(("file", "written", "image"), NAMES.values(), ids=NAMES)
def test_picture_names(tmp_path, file, written, image):
    write(tmp_path / "in" / file, imagePath=written)
    [scene] = load_labelme(tmp_path / "in").scenes
    assert scene.frame.image == image
    found, losses = again(scene, tmp_path / "out")
    assert (found, losses) == (scene, [])
    assert json.loads((tmp_path / "out" / file).read_text())["imagePath"] == written


def test_size_of_file_then_picture_then_assumed(tmp_path):
    for name in "abc":
        write(tmp_path / f"{name}.json", imageWidth=None, imageHeight=None)
    write(tmp_path / "a.json")
    save_image(tmp_path / "b.jpg", np.zeros((3, 4, 3), np.uint8))
    scenes = load_labelme(tmp_path).scenes
    assert [scene.frame.size_wh for scene in scenes] == [(200, 100), (4, 3), SIZE]
    assert [scene.extra.get("assumed_size") for scene in scenes] == [None, None, True]
    assert again(scenes[2], tmp_path / "out")[0] == scenes[2]


BAD = {
    "no object": ("[]", "object"),
    "no JSON": ("{", "JSON"),
    "not UTF-8": (b"\xff", "UTF-8"),
    "no shapes": ('{"imagePath": "a.jpg"}', "shapes"),
    "no picture": ('{"shapes": []}', "imagePath"),
    "picture is null": ('{"shapes": [], "imagePath": null}', "imagePath"),
    "shape is no object": ({"shapes": [1]}, "shape 0"),
    "no label": ({"shapes": [{"points": [[1, 1]]}]}, "label"),
    "points missing": ({"shapes": [{"label": "x"}]}, "points"),
    "half a point": ({"shapes": [shape("point", (1,))]}, "pairs"),
    "far away": ({"shapes": [shape("point", (1e9, 1))]}, "pairs"),
    "two points": ({"shapes": [shape("point", (1, 1), (2, 2))]}, "1 points"),
    "odd rectangle": ({"shapes": [shape("rectangle", (1, 1))]}, "2 points"),
    "odd type": ({"shapes": [shape("cuboid", (1, 1))]}, "shape_type"),
    "odd group": ({"shapes": [shape("point", (1, 1), group_id=[1])]}, "group_id"),
    "mask missing": ({"shapes": [shape("mask", (0, 0), (1, 1))]}, "mask"),
    "mask no base64": ({"shapes": [shape("mask", (0, 0), (1, 1), mask="!")]}, "PNG"),
    "mask no picture": ({"shapes": [shape("mask", (0, 0), (1, 1), mask="AAAA")]}, "PNG"),
    "huge": ({"imageWidth": 10**9}, "size"),
    "zero": ({"imageHeight": 0}, "size"),
    "half a size": ({"imageHeight": None}, "size"),
    "true": ({"imageHeight": True}, "size"),
}


@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD)
def test_a_wrong_file_is_set_aside_and_the_rest_loads(tmp_path, content, message):
    write(tmp_path / "a.json")
    bad = write(tmp_path / "b.json", **(content if isinstance(content, dict) else {}))
    if not isinstance(content, dict):
        bad.write_bytes(content.encode() if isinstance(content, str) else content)
    loaded = load_labelme(tmp_path)
    assert [scene.frame.image for scene in loaded.scenes] == ["a.jpg"]
    [rejected] = loaded.quarantine.rejected
    assert rejected.path == str(bad)
    assert message in rejected.message + str(rejected.item)


def test_the_size_of_a_mask_is_checked(tmp_path):
    record = json.loads(GOLDEN.read_text())
    record["shapes"][5]["points"][1] = [12.0, 21.0]
    (tmp_path / "a.json").write_text(json.dumps(record))
    [rejected] = load_labelme(tmp_path).quarantine.rejected
    assert "3x2 pixels as its points say, got 2x2" in rejected.message


def test_a_folder_without_labels_is_refused(tmp_path):
    with pytest.raises(FormatError, match=r"\*\.json files, got none"):
        list(open_labelme(tmp_path))


def test_what_is_lost_is_told(tmp_path):
    scene = make_scene(
        Instance("obstacle/cone", SHAPES["box"], {"odd": "x"}, visibility=0.5, source="model"),
        Instance("obstacle/cone", SHAPES["poly of no ring"], confidence=0.5),
        Instance("obstacle/cone", SHAPES["point"], confidence=0.25),
    )
    found, losses = again(scene, tmp_path)
    left_out = ["attribute odd", "visibility", "source", "instance"]
    assert [loss.split(" left out")[0] for loss in losses] == left_out
    assert found.instances[1].confidence == 0.25


def test_frames_that_cannot_be_written_are_set_aside(tmp_path):
    lane = make_lane([[1, 2], [3, 4]])
    scenes = [
        make_scene(image="a.jpg"),
        make_scene(image="a.png"),
        make_scene(image="../a.jpg"),
        make_scene(image="x" * 300 + ".jpg"),
        make_scene(image=""),
        make_scene(replace(lane, extra={"labelme": 1}), image="b.jpg"),
        make_scene(replace(lane, extra={"labelme": {"parts": [1]}}), image="c.jpg"),
        make_scene(image="d.jpg", extra={"labelme": {"file": "../../d.json"}}),
    ]
    saved = save_labelme(iter(scenes), tmp_path)
    assert saved.quarantine.num_kept == 1
    assert [bad.item.partition(" (")[0] for bad in saved.quarantine.rejected] == [
        f"scene {i}" for i in range(1, 8)
    ]


def test_recognised_and_nothing_else(tmp_path):
    assert recognise_labelme(Peek(GOLDEN))
    folder = write(tmp_path / "in" / "a.json").parent
    assert recognise_labelme(Peek(folder))
    large = write(tmp_path / "large" / "a.json", imageData="A" * (1 << 24))
    assert recognise_labelme(Peek(large))
    for other in ('{"frames": []}', "[]", "text", '{"shapes": 1}'):
        (tmp_path / "b.json").write_text(other)
        assert recognise_labelme(Peek(tmp_path / "b.json")) is None


@settings(max_examples=60)
@given(scene=drawn_scenes)
def test_drawn_scenes_come_back(tmp_path_factory, scene):
    folder = tmp_path_factory.mktemp("drawn")
    first, losses = again(scene, folder / "1")
    assert (bare(first), losses) == (scene, [])
    second, losses = again(first, folder / "2")
    assert (second, losses) == (first, [])


@settings(max_examples=150)
@given(content=broken(GOLDEN.read_bytes()))
def test_broken_files_are_read_or_set_aside(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("broken")
    (folder / "a.json").write_bytes(content)
    loaded = load_labelme(folder)
    assert loaded.quarantine.num_read == 1
    for scene in loaded.scenes:
        save_labelme([scene], folder / "out")
