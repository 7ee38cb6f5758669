"""Mapillary Traffic Sign: a file by hand, panoramas, properties, broken files, round trips."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drivegrid.data.formats.mtsd import load_mtsd, recognise_mtsd, save_mtsd
from drivegrid.data.formats.peek import Peek
from drivegrid.data.images import save_image
from drivegrid.data.scene import Instance
from tests.data.builders import SHAPES, make_scene
from tests.data.formats.boxed import make_box, put, read_one, trip

GOLDEN = Path(__file__).parents[2] / "golden" / "formats" / "mtsd.json"
BOX = {"xmin": 10.0, "ymin": 20.0, "xmax": 30.0, "ymax": 40.0}
STOP = "regulatory--stop--g1"


def write(folder, text, name="annotations/a.json"):
    return put(folder, text, name)


def a_file(*objects, **changes):
    record = {"width": 100, "height": 50, "ispano": False, "objects": list(objects)} | changes
    return json.dumps(record, indent=4) + "\n"


def an_object(label=STOP, **changes):
    return {"key": "k", "label": label, "bbox": BOX, "properties": {}} | changes


def written(folder):
    return next(folder.rglob("*.json")).read_text()


def test_a_file_by_hand(tmp_path):
    scene = read_one("mtsd", write(tmp_path, GOLDEN.read_text()))
    assert (scene.frame.image, scene.frame.size_wh) == ("images/a.jpg", (1000, 500))
    limit, other = scene.instances
    assert limit.label == "sign/regulatory/speed_limit"
    assert limit.attributes == {"limit": "50", "visible_state": "partly hidden"}
    assert limit.geometry.xyxy.tolist() == [10.25, 20.5, 30, 40]
    assert (other.label, other.attributes) == ("sign", {"visible_state": "clear"})
    assert other.geometry.xyxy.tolist() == [980, 100, 1015.5, 130]


TEXTS = {
    "empty": a_file(),
    "golden": GOLDEN.read_text(),
    "whole numbers": a_file(an_object(bbox={"xmin": 1, "ymin": 2, "xmax": 3, "ymax": 4.5})),
    "other order": a_file(an_object(bbox={"ymin": 2.0, "xmin": 1.0, "ymax": 4.0, "xmax": 3.0})),
    "keys": a_file({"label": STOP, "key": "k", "bbox": BOX}, more=1),
    "frame keys": json.dumps({"objects": [], "height": 9, "width": 8}, indent=4) + "\n",
    "correspondence": a_file(an_object(correspondance={"image_key": "a", "object_key": "b"})),
    "variant": a_file(an_object("regulatory--stop--g10")),
    "unknown label": a_file(an_object("spaceship")),
    "odd properties": a_file(an_object(properties={"occluded": "yes", "new": [1]})),
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_files_come_back_byte_for_byte(tmp_path, text):
    scene = read_one("mtsd", write(tmp_path / "in", text))
    [again], losses = trip("mtsd", [scene], tmp_path / "out")
    assert (written(tmp_path / "out"), again, losses) == (text, scene, [])


STATES = {
    "nothing said": ({}, None),
    "in part": ({"occluded": False}, None),
    "clear": ({"occluded": False, "out-of-frame": False, "ambiguous": False}, "clear"),
    "occluded": ({"occluded": True}, "partly hidden"),
    "cut off": ({"occluded": True, "out-of-frame": True, "ambiguous": True}, "cut off"),
    "ambiguous": ({"occluded": True, "out-of-frame": False, "ambiguous": True}, "unreadable"),
}


@pytest.mark.parametrize(("properties", "state"), STATES.values(), ids=STATES)
def test_properties_are_the_visible_state(tmp_path, properties, state):
    scene = read_one("mtsd", write(tmp_path / "in", a_file(an_object(properties=properties))))
    assert scene.instances[0].attributes.get("visible_state") == state


@pytest.mark.parametrize("before", [state for _, state in STATES.values()])
@pytest.mark.parametrize("after", [None, "clear", "partly hidden", "cut off", "unreadable"])
def test_a_changed_state_changes_the_properties(tmp_path, before, after):
    properties = next(p for p, state in STATES.values() if state == before) | {"dummy": True}
    scene = read_one("mtsd", write(tmp_path / "in", a_file(an_object(properties=properties))))
    [stop] = scene.instances
    attributes = {name: v for name, v in stop.attributes.items() if name != "visible_state"}
    attributes |= {"visible_state": after} if after else {}
    changed = replace(scene, instances=(replace(stop, attributes=attributes),))
    [again], losses = trip("mtsd", [changed], tmp_path / "out")
    assert (again.instances[0].attributes, losses) == (attributes, [])
    assert again.instances[0].extra["mtsd"]["properties"]["dummy"] is True


SEAMS = {
    "inside": ([10, 0, 90, 9], False),
    "to the edge": ([10, 0, 100, 9], False),
    "across": ([90, 0, 105, 9], True),
    "far across": ([90, 0, 189, 9], True),
    "more than a turn": ([90, 0, 195, 9], False),
    "outside": ([110, 0, 120, 9], False),
    "left": ([-5, 0, 5, 9], False),
}


@pytest.mark.parametrize(("xyxy", "crosses"), SEAMS.values(), ids=SEAMS)
def test_boxes_across_the_seam(tmp_path, xyxy, crosses):
    scene = make_scene(make_box("sign", *xyxy), image="a.jpg", size_wh=(100, 50))
    [again], _ = trip("mtsd", [scene], tmp_path)
    [box] = [found["bbox"] for found in json.loads(written(tmp_path))["objects"]]
    assert ("cross_boundary" in box, box["xmin"] > box["xmax"]) == (crosses, crosses)
    assert again.instances[0].geometry == scene.instances[0].geometry


BAD = {
    "empty": ("", "must be JSON"),
    "list": ("[]", "must be an object"),
    "NaN": (a_file(an_object(bbox=BOX | {"xmin": float("nan")})), "finite"),
    "no size": ('{"objects": []}', "width must be there"),
    "zero size": (a_file(width=0), "size must be 1 to"),
    "absurd size": (a_file(width=10**9), "size must be 1 to"),
    "objects": (a_file(objects={}), "objects must be a list"),
    "an object": (a_file(3), "object 0 must be an object"),
    "no label": (a_file({"bbox": BOX}), "label must be there"),
    "no box": (a_file({"label": STOP}), "bbox must be there"),
    "a corner": (a_file(an_object(bbox={"xmin": 1})), "ymin must be a number"),
    "text": (a_file(an_object(bbox=BOX | {"xmin": "1"})), "xmin must be a number"),
    "corners": (a_file(an_object(bbox=BOX | {"xmin": 35.0})), "upper left"),
    "properties": (a_file(an_object(properties=[])), "properties must be an object"),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD)
def test_a_wrong_file_is_set_aside_whole(tmp_path, text, message):
    write(write(tmp_path, a_file(an_object())), text, "annotations/b.json")
    loaded = load_mtsd(tmp_path)
    assert [scene.frame.image for scene in loaded.scenes] == ["images/a.jpg"]
    [record] = loaded.quarantine.rejected
    assert record.path == str(tmp_path / "annotations" / "b.json")
    assert message in record.message


LAYOUTS = {
    "flat": ("annotations/a.json", "images/a.jpg", "."),
    "splits": ("annotations/a.json", "images/val/a.jpg", "."),
    "beside": ("x/a.json", "x/a.jpg", "."),
    "list": ("annotations/a.json", "images/a.jpg", "splits/val.txt"),
}


@pytest.mark.parametrize(("label", "image", "path"), LAYOUTS.values(), ids=LAYOUTS)
def test_layouts(tmp_path, label, image, path):
    write(write(tmp_path, a_file(), label), "a\n", "splits/val.txt")
    (tmp_path / image).parent.mkdir(parents=True, exist_ok=True)
    save_image(tmp_path / image, np.zeros((3, 4, 3), np.uint8))
    scene = read_one("mtsd", tmp_path / path)
    assert scene.frame.image == image
    save_mtsd([scene], tmp_path / "out")
    assert (tmp_path / "out" / label).is_file()


LOST = {
    "a point": (Instance("sign/regulatory/stop", SHAPES["point"]), "no box"),
    "a cone": (make_box("obstacle/cone"), "Mapillary has no sign"),
    "any limit": (make_box("sign/regulatory/speed_limit"), "speed_limit written as other-sign"),
    "group": (make_box("sign/warning"), "sign/warning written as other-sign"),
    "turned": (
        make_box("sign", attributes={"visible_state": "turned away"}), "visible_state left out"
    ),
    "confidence": (make_box("sign", confidence=0.5), "confidence left out"),
}  # fmt: skip


@pytest.mark.parametrize(("instance", "message"), LOST.values(), ids=LOST)
def test_what_cannot_be_held_is_reported(tmp_path, instance, message):
    [loss] = save_mtsd([make_scene(instance)], tmp_path).losses
    assert message in loss.message
    assert loss.item == f"instance 0 ({instance.label})"


def test_a_stop_sign_without_shape_and_colour_is_a_stop_sign(tmp_path):
    trip("mtsd", [make_scene(make_box("sign/regulatory/stop"))], tmp_path)
    assert STOP in written(tmp_path)


HOSTILE = [[1], {"properties": 1}, {"keys": 1}, {"keys": [1]}, {"bbox": {"xmin": "a"}}]


@pytest.mark.parametrize("extra", HOSTILE, ids=str)
def test_extras_that_no_reader_left_are_set_aside(tmp_path, extra):
    scene = make_scene(make_box("sign", extra={"mtsd": extra}))
    assert save_mtsd([scene], tmp_path / "out").quarantine.num_rejected == 1


@pytest.mark.parametrize("extra", [1, {"file": "../a.json"}, {"file": 1}, {"keys": 3}], ids=str)
def test_extras_of_frames_that_no_reader_left_are_set_aside(tmp_path, extra):
    saved = save_mtsd([make_scene(extra={"mtsd": extra})], tmp_path / "out")
    assert saved.quarantine.num_rejected == 1


def test_polygons_of_the_same_keys_are_another_format(tmp_path):
    vistas = {"label": "object--vehicle--car", "polygon": [[1, 2]]}
    text = json.dumps({"width": 9, "height": 9, "objects": [vistas]})
    assert recognise_mtsd(Peek(write(tmp_path, text, "v2.0/polygons/a.json"))) is None
