"""BDD100K: one frame by hand in each of its generations, what cannot be said, real files."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drivegrid.data.formats import detect_format
from drivegrid.data.formats.bdd100k import load_bdd100k, save_bdd100k
from drivegrid.data.images import image_size
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.errors import FormatError
from drivegrid.geometry import Box, Point, Polygon, Polyline
from tests.data.builders import make_scene

GOLDEN = Path(__file__).parents[2] / "golden" / "formats"
GENERATIONS = ("oldest", "middle", "newest")


def golden(generation):
    return GOLDEN / f"bdd100k_{generation}.json"


def save(scenes, path):
    saved = save_bdd100k(scenes, path)
    assert saved.quarantine.rejected == []
    return json.loads(path.read_text()), dict(saved.loss_counts)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_each_generation_by_hand(generation):
    loaded = load_bdd100k(golden(generation))
    assert loaded.quarantine.rejected == []
    [scene] = loaded.scenes
    facts = {"weather": "cloudy", "place": "city", "time": "dusk"}
    name = "0000f77c-6257be58"
    assert scene.frame == Frame(f"{name}.jpg", (1280, 720), facts, clip=name)
    light, car, lane, curb, direct, other, person = scene.instances
    assert [i.label for i in scene.instances] == [
        "light",
        "object/vehicle/car",
        "lane/line",
        "lane/curb",
        "area/drivable/direct",
        "area/drivable/alternative",
        "object/person/pedestrian",
    ]
    assert light.geometry == Box([1125.902264, 133.184488, 1157.978645, 211.875445])
    assert light.attributes == {"state": "green"}
    assert (car.geometry, car.attributes) == (
        Box([0, 255.5, 361, 491]),
        {"visible_state": "cut off"},
    )
    assert lane.geometry == Polyline([[450.5, 720], [500, 400]])  # from bottom to top
    assert lane.attributes == {"color": "white", "style": "dashed", "direction": "along"}
    assert curb.attributes == {"style": "curb", "direction": "along"}
    assert curb.geometry.xy[[0, -1]].tolist() == [[1000, 700], [800, 400]]
    assert direct.geometry == Polygon(([[300, 720], [600, 400], [700, 400], [900, 720]],))
    assert other.geometry == Polygon(([[900, 720], [700, 400], [750, 400]],))
    assert person.attributes == {"visible_state": "partly hidden"}


def test_all_generations_are_the_same_scene_and_written_as_the_newest(tmp_path):
    scenes = [load_bdd100k(golden(generation)).scenes for generation in GENERATIONS]
    assert scenes[0] == scenes[1] == scenes[2]
    written, lost = save(scenes[0], tmp_path / "a.json")
    assert (written, lost) == (json.loads(golden("newest").read_text()), {})
    assert load_bdd100k(tmp_path / "a.json").scenes == scenes[0]


@pytest.mark.parametrize("generation", GENERATIONS)
def test_each_generation_is_recognised(tmp_path, generation):
    assert detect_format(golden(generation))[0] == "bdd100k"
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "a.json").write_text(golden(generation).read_text())
    assert detect_format(tmp_path)[0] == "bdd100k"
    assert len(load_bdd100k(tmp_path).scenes) == 1


def test_a_folder_of_images_files_is_read_by_name_and_a_broken_one_counted(tmp_path):
    for name in ("b", "a"):
        record = {"name": name, "frames": [{"timestamp": 0, "objects": []}] * 2, "attributes": {}}
        (tmp_path / f"{name}.json").write_text(json.dumps(record))
    (tmp_path / "c.json").write_text('{"name": "c", "frames": [{"obj')
    loaded = load_bdd100k(tmp_path)
    names = ["a.jpg", "a-0000002.jpg", "b.jpg", "b-0000002.jpg"]
    assert [scene.frame.image for scene in loaded.scenes] == names
    assert [scene.frame.clip for scene in loaded.scenes] == ["a", "a", "b", "b"]
    [wrong] = loaded.quarantine.rejected
    assert wrong.path.endswith("c.json")
    assert "well formed" in wrong.message


@pytest.mark.parametrize("value", ["R", "G", "Y", "NA", "red", "green", "yellow", "none"])
def test_both_sets_of_light_colors(tmp_path, value):
    label = {"id": "a", "category": "traffic light", "attributes": {"trafficLightColor": value}}
    box = {"box2d": {"x1": 0, "y1": 0, "x2": 1, "y2": 1}}
    frames = [{"name": "a.jpg", "labels": [label | box]}]
    (tmp_path / "a.json").write_text(json.dumps(frames))
    [scene] = load_bdd100k(tmp_path / "a.json").scenes
    states = {"r": "red", "g": "green", "y": "yellow", "n": "unknown"}
    assert scene.instances[0].attributes == {"state": states[value[0].lower()]}
    assert save([scene], tmp_path / "b.json")[0] == frames


LINE = Polyline([[0, 9], [5, 0]])
WRITTEN = {
    "a lane without anything": (
        Instance("lane/line", LINE),
        {"category": "lane"},
        [],
    ),
    "a double line": (
        Instance("lane/line", LINE, {"color": "yellow", "style": "double solid"}),
        {"category": "double yellow", "attributes": {"laneStyle": "solid"}},
        [],
    ),
    "a style of ours": (
        Instance("lane/line", LINE, {"color": "white", "style": "zigzag"}),
        {"category": "single white"},
        ["attribute style left out"],
    ),
    "a police car": (
        Instance("object/vehicle/emergency/police", Box([0, 0, 9, 9]), {"activity": "moving"}),
        {"category": "other vehicle"},
        ["label written as 'other vehicle'", "attribute activity left out"],
    ),
    "a stop sign at a point": (
        Instance("sign/regulatory/stop", Point([4, 4]), extra={"box_xyxy": [1, 2, 9, 10]}),
        {"category": "traffic sign", "box2d": {"x1": 1.0, "y1": 2.0, "x2": 8.0, "y2": 9.0}},
        ["label written as 'traffic sign'", "point written as its box"],
    ),
    "a hidden car": (
        Instance("object/vehicle/car", Box([0, 0, 9, 9]), {"visible_state": "partly hidden"}),
        {"category": "car", "attributes": {"occluded": True}},
        [],
    ),
    "a rock": (
        Instance("obstacle/rock", Box([0, 0, 9, 9])),
        None,
        ["instance left out: no class for obstacle/rock"],
    ),
    "a bare point": (Instance("sign", Point([4, 4])), None, ["point or anchors left out"]),
    "no points": (Instance("lane/line", Polyline([])), None, ["empty line left out"]),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_what_is_written_and_what_is_lost(tmp_path, name):
    instance, expected, lost = WRITTEN[name]
    [frame], losses = save([make_scene(instance)], tmp_path / "a.json")
    undefined = dict.fromkeys(("weather", "scene", "timeofday"), "undefined")
    assert frame["attributes"] == undefined
    assert sorted(losses) == sorted(lost)
    assert len(frame["labels"]) == (expected is not None)
    for label in frame["labels"]:
        assert label["id"] == "0"
        assert label | expected == label
        assert ("attributes" in label) == ("attributes" in expected)
    assert detect_format(tmp_path / "a.json")[0] == "bdd100k"


def test_frame_attributes_and_their_losses(tmp_path):
    facts = {"weather": "rain", "time": "day", "place": "rural", "surface": "wet"}
    scene = Scene(Frame("a.jpg", (1280, 720), facts))
    [frame], losses = save([scene], tmp_path / "a.json")
    assert frame["attributes"] == {"weather": "rainy", "timeofday": "daytime", "scene": "undefined"}
    assert sorted(losses) == [
        "frame attribute place left out",
        "frame attribute surface left out",
    ]


def test_an_edited_instance_is_written_anew_and_the_rest_stays(tmp_path):
    [scene] = load_bdd100k(golden("newest")).scenes
    light, car, lane, curb, *rest = scene.instances
    edited = (
        replace(light, attributes={"state": "red"}),
        replace(car, geometry=Box([1, 2, 3, 4])),
        replace(lane, attributes={"color": "yellow", "style": "solid", "direction": "along"}),
        replace(curb, geometry=Polyline(curb.geometry.xy[:2])),
        *rest,
    )
    [frame], losses = save([replace(scene, instances=edited)], tmp_path / "a.json")
    [original] = json.loads(golden("newest").read_text())
    assert losses == {}
    labels = frame["labels"]
    assert labels[0] == original["labels"][0] | {
        "attributes": {"occluded": False, "truncated": False, "trafficLightColor": "R"}
    }
    corners = {"x1": 1.0, "y1": 2.0, "x2": 2.0, "y2": 3.0}
    assert labels[1] == original["labels"][1] | {"box2d": corners}
    assert (labels[2]["id"], labels[2]["category"]) == (2, "single yellow")
    assert labels[2]["attributes"] == {"laneDirection": "parallel", "laneStyle": "solid"}
    assert labels[3]["poly2d"][0]["types"] == "LL"
    assert labels[4:] == original["labels"][4:]
    [again] = load_bdd100k(tmp_path / "a.json").scenes
    for one, other in zip(again.instances, edited, strict=True):
        assert (one.label, one.geometry, one.attributes) == (
            other.label,
            other.geometry,
            other.attributes,
        )


def test_classes_that_nobody_knows_stay_and_background_is_no_instance(tmp_path):
    box = {"box2d": {"x1": 0, "y1": 0, "x2": 1, "y2": 1}}
    labels = [{"id": "b", "category": "background"} | box, {"id": "s", "category": "ufo"} | box]
    frames = [{"name": "a.jpg", "labels": labels}]
    (tmp_path / "a.json").write_text(json.dumps(frames))
    [scene] = load_bdd100k(tmp_path / "a.json").scenes
    assert [instance.label for instance in scene.instances] == ["ufo"]
    assert save([scene], tmp_path / "b.json")[0] == frames


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"objects": 3}, "labels must be a list"),
        ({"objects": [3]}, "label 0 must be an object"),
        ({"objects": [{"category": "lane/x", "poly2d": [[1, 2]]}]}, "vertex must be x, y"),
        ({"objects": [{"category": "lane/x", "poly2d": [[1, 2, "Q"]]}]}, "types must be one L or"),
    ],
)
def test_wrong_frames_of_the_oldest_generation_are_set_aside(tmp_path, frame, message):
    record = {"name": "a", "frames": [frame, {"objects": []}]}
    (tmp_path / "a.json").write_text(json.dumps(record))
    loaded = load_bdd100k(tmp_path / "a.json")
    assert len(loaded.scenes) == 1
    [wrong] = loaded.quarantine.rejected
    assert message in wrong.message
    assert wrong.item.startswith("frame 0")


def test_a_folder_without_labels_is_refused(tmp_path):
    with pytest.raises(FormatError, match="masks"):
        load_bdd100k(tmp_path)


def test_real_frames(realdata, tmp_path):
    labels = realdata / "bdd100k_mini" / "labels" / "det_20" / "det_train.json"
    pictures = realdata / "bdd100k_mini" / "images" / "100k" / "train"
    loaded = load_bdd100k(labels, pictures)
    assert (loaded.quarantine.num_kept, loaded.quarantine.rejected) == (2, [])
    for scene in loaded.scenes:
        assert scene.frame.size_wh == image_size(pictures / scene.frame.image)
        assert not scene.extra.get("assumed_size")
        for instance in scene.instances:
            assert np.all(instance.geometry.xyxy <= (1281, 721, 1281, 721))
    frames, losses = save(loaded.scenes, tmp_path / "a.json")
    assert losses == {}
    sizes = {"size": {"width": 1280, "height": 720}}
    assert frames == [frame | sizes for frame in json.loads(labels.read_text())]
    assert load_bdd100k(tmp_path / "a.json").scenes == loaded.scenes
