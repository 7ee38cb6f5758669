"""Cityscapes and Vistas: by hand, round trips, wrong files set aside, hostile extras refused."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivegrid.data.formats import detect_format, find_format
from drivegrid.data.formats.peek import Peek
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.errors import FormatError
from drivegrid.geometry import Polygon
from drivegrid.labels import default_label_space
from drivegrid.labels.mapping import MappedLabel
from tests.data.builders import SHAPES, full_disk, make_scene, scenes

GOLDEN = Path(__file__).parents[2] / "golden" / "formats"
NAMES = ("cityscapes", "vistas")
SOURCES = {"cityscapes": "cityscapes", "vistas": "mapillary_vistas"}
FILES = {
    "cityscapes": "gtFine/val/lindau/lindau_000001_000019_gtFine_polygons.json",
    "vistas": "training/v2.0/polygons/-0BtqA.json",
}
IMAGES = {
    "cityscapes": "leftImg8bit/val/lindau/lindau_000001_000019_leftImg8bit.png",
    "vistas": "training/images/-0BtqA.jpg",
}
EMPTY = {
    "cityscapes": {"imgHeight": 3, "imgWidth": 4, "objects": []},
    "vistas": {"height": 3, "width": 4, "objects": []},
}
CARS = {"cityscapes": "car", "vistas": "object--vehicle--car"}
TRIANGLE = [[1, 2], [3, 2], [3, 4.5]]


def write(root, name, record, file=None):
    path = root / (file or FILES[name])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(record if isinstance(record, bytes) else json.dumps(record).encode())
    return root


def golden(root, name):
    return write(root, name, (GOLDEN / f"{name}.json").read_bytes())


def saved_and_loaded(name, given_scenes, folder):
    saved = find_format(name).save(given_scenes, folder)
    return saved, find_format(name).load(folder)


def square(x0, y0, x1, y1):
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], dtype=float)


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_frame(tmp_path, name):
    [scene] = find_format(name).load(write(tmp_path, name, EMPTY[name])).scenes
    assert scene.frame.size_wh == (4, 3)
    assert (scene.frame.image, scene.instances, scene.extra) == (IMAGES[name], (), {})


GOLDEN_LABELS = {
    "cityscapes": ["area/drivable", "object/vehicle/car", "obstacle/guard_rail", "zeppelin"],
    "vistas": ["region/sky", "lane/line", "light/vehicle", "object/vehicle/car"],
}


@pytest.mark.parametrize("name", NAMES)
def test_the_golden_frame_is_read(tmp_path, name):
    [scene] = find_format(name).load(golden(tmp_path, name)).scenes
    record = json.loads((GOLDEN / f"{name}.json").read_text())
    assert [instance.label for instance in scene.instances] == GOLDEN_LABELS[name]
    shapes = [instance.geometry for instance in scene.instances]
    places = {"cityscapes": (0, 2, 4, 5), "vistas": (0, 1, 3, 4)}[name]
    written = [record["objects"][place]["polygon"] for place in places]
    assert [shape.rings[0].tolist() for shape in shapes] == written
    dropped = [[i, held] for i, held in enumerate(record["objects"]) if i not in places]
    assert scene.extra[name]["dropped"] == dropped
    assert scene.frame.clip == {"cityscapes": "lindau_000001", "vistas": None}[name]


@pytest.mark.parametrize("name", NAMES)
def test_the_golden_frame_comes_back_number_by_number(tmp_path, name):
    loaded = find_format(name).load(golden(tmp_path / "in", name))
    saved, again = saved_and_loaded(name, loaded.scenes, tmp_path / "out")
    assert (saved.losses, saved.quarantine.rejected) == ([], [])
    assert again.scenes == loaded.scenes
    written = json.loads((tmp_path / "out" / FILES[name]).read_text())
    assert written == json.loads((GOLDEN / f"{name}.json").read_text())


def test_class_names_say_attributes(tmp_path):
    [scene] = find_format("vistas").load(golden(tmp_path, "vistas")).scenes
    assert scene.instances[1].attributes == {"style": "dashed"}


def test_groups_keep_their_name_until_the_label_changes(tmp_path):
    [scene] = find_format("cityscapes").load(golden(tmp_path / "in", "cityscapes")).scenes
    bus = replace(scene.instances[1], label="object/vehicle/bus")
    changed = replace(scene, instances=(scene.instances[1], bus))
    find_format("cityscapes").save([changed], tmp_path / "out")
    written = json.loads((tmp_path / "out" / FILES["cityscapes"]).read_text())
    labels = [value["label"] for value in written["objects"]]
    assert labels == ["cargroup", "ego vehicle", "bus", "car"]  # what was dropped keeps its place


# Layouts ------------------------------------------------------------------------------------------

CITYSCAPES_FILES = {
    "the folder of fine labels": (
        "val/ulm/ulm_000000_000019_gtFine_polygons.json",
        "val/ulm/ulm_000000_000019_leftImg8bit.png",
        "ulm_000000",
    ),
    "coarse": (
        "gtCoarse/train_extra/ulm/ulm_000000_000019_gtCoarse_polygons.json",
        "leftImg8bit/train_extra/ulm/ulm_000000_000019_leftImg8bit.png",
        "ulm_000000",
    ),
    "another name": (
        "gtFine/a/20_gtFine_polygons.json",
        "leftImg8bit/a/20_leftImg8bit.png",
        "gtFine/a",
    ),
    "no name": ("gtFine_polygons.json", "leftImg8bit.png", "."),
}
VISTAS_FILES = {
    "version 1.2": ("training/v1.2/polygons/a.json", "training/images/a.jpg", None),
    "one split": ("v2.0/polygons/a.json", "images/a.jpg", None),
    "folders inside": ("training/v2.0/polygons/a/b.json", "training/images/a/b.jpg", None),
    "no version": ("polygons/a.json", "images/a.jpg", None),
}
LAYOUTS = {
    **{key: ("cityscapes", *row) for key, row in CITYSCAPES_FILES.items()},
    **{key: ("vistas", *row) for key, row in VISTAS_FILES.items()},
}


@pytest.mark.parametrize(("name", "file", "image", "clip"), LAYOUTS.values(), ids=LAYOUTS)
def test_layouts_are_understood_and_come_back(tmp_path, name, file, image, clip):
    root = write(tmp_path / "in", name, EMPTY[name], file)
    assert detect_format(root)[0] == name
    loaded = find_format(name).load(root)
    assert (loaded.scenes[0].frame.image, loaded.scenes[0].frame.clip) == (image, clip)
    _, again = saved_and_loaded(name, loaded.scenes, tmp_path / "out")
    assert again.scenes == loaded.scenes
    assert (tmp_path / "out" / file).is_file()


BOTH = {
    "cityscapes": FILES["cityscapes"].replace("gtFine", "gtCoarse"),
    "vistas": FILES["vistas"].replace("v2.0", "v1.2"),
}


@pytest.mark.parametrize("name", NAMES)
def test_of_two_kinds_of_labels_the_better_are_read(tmp_path, name):
    write(tmp_path, name, EMPTY[name], BOTH[name])
    assert find_format(name).load(tmp_path).scenes[0].extra[name] == {"file": BOTH[name]}
    write(tmp_path, name, EMPTY[name])
    assert [scene.extra for scene in find_format(name).load(tmp_path).scenes] == [{}]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("folder", ["absent", "empty"])
def test_folders_without_labels_are_refused(tmp_path, name, folder):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FormatError, match=f"polygons of {name}.*{folder}"):
        find_format(name).load(tmp_path / folder)


@pytest.mark.parametrize("name", NAMES)
def test_only_their_own_data_are_recognised(tmp_path, name):
    golden(tmp_path, name)
    (tmp_path / "config_v2.0.json").write_text("{}")
    assert detect_format(tmp_path)[0] == name
    for file in ("a.txt", "polygons/a.json", "a_polygons.json", "gtFine/a.json"):
        write(tmp_path / "other", name, {"shapes": []}, file)
    assert find_format(name).recognise(Peek(tmp_path / "other")) is None
    assert find_format(name).recognise(Peek(tmp_path / "other" / "a.txt")) is None


# Wrong files --------------------------------------------------------------------------------------


def with_object(name, **changes):
    return EMPTY[name] | {"objects": [{"label": CARS[name], "polygon": TRIANGLE} | changes]}


BAD = {
    "not JSON": (lambda name: b"{", "JSON"),
    "a list": (lambda name: [], "an object"),
    "no size": (lambda name: {"objects": []}, "width|imgWidth"),
    "no objects": (lambda name: {k: v for k, v in EMPTY[name].items() if v}, "objects"),
    "no width": (lambda name: EMPTY[name] | {"width": 0, "imgWidth": 0}, "1 to"),
    "a flag for a width": (lambda name: EMPTY[name] | {"width": True, "imgWidth": True}, "number"),
    "absurd": (lambda name: EMPTY[name] | {"width": 10**30, "imgWidth": 10**30}, "1 to 100000"),
    "an object that is none": (lambda name: EMPTY[name] | {"objects": [3]}, "object 0 must be"),
    "no label": (lambda name: with_object(name, label=None), "object 0, label"),
    "no polygon": (lambda name: with_object(name, polygon=None), "polygon must be a list"),
    "no pairs": (lambda name: with_object(name, polygon=[[1, 2, 3]]), "x, y pairs"),
    "words": (lambda name: with_object(name, polygon=[["1", 2]]), "x, y pairs"),
    "far": (lambda name: with_object(name, polygon=[[1e8, 2]]), "x, y pairs"),
    "climbing": (lambda name: EMPTY[name] | {"drivegrid_image": "../a.png"}, "relative"),
    "nested": (lambda name: b"[" * 100_000, "JSON"),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("record", "message"), BAD.values(), ids=BAD)
def test_a_wrong_file_is_set_aside_and_the_rest_is_read(tmp_path, name, record, message):
    golden(tmp_path, name)
    file = FILES[name].replace("lindau_0", "lindau_1").replace("-0", "-1")
    write(tmp_path, name, record(name), file)
    loaded = find_format(name).load(tmp_path)
    assert len(loaded.scenes) == 1
    [wrong] = loaded.quarantine.rejected
    assert wrong.path == str(tmp_path / file)
    assert re.search(message, wrong.message)


@settings(max_examples=40)
@given(st.data(), st.sampled_from(NAMES))
def test_broken_files_bring_nothing_but_format_errors(tmp_path_factory, data, name):
    content = bytearray((GOLDEN / f"{name}.json").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        cut = data.draw(st.integers(0, 3))
        content[place : place + cut] = data.draw(st.binary(max_size=3))
    root = write(tmp_path_factory.mktemp("broken"), name, bytes(content))
    loaded = find_format(name).load(root)
    assert loaded.quarantine.num_read == 1
    if loaded.scenes:
        _, again = saved_and_loaded(name, loaded.scenes, root / "out")
        assert again.scenes == loaded.scenes


# Writing ------------------------------------------------------------------------------------------

_number = st.floats(-1e6, 1e6) | st.integers(-99, 9999)
_ring = st.lists(st.tuples(_number, _number), max_size=5)


@st.composite
def held_scenes(draw, name):
    known = default_label_space().maps[SOURCES[name]].labels.items()
    labels = [target for _, target in known if isinstance(target, MappedLabel)]
    instances = []
    for target in draw(st.lists(st.sampled_from(labels), max_size=4)):
        ring = np.array(draw(_ring), dtype=float).reshape(-1, 2)
        instances.append(Instance(target.path, Polygon((ring,)), target.attributes))
    image = draw(st.sampled_from([IMAGES[name], "a.jpg", "clips/a b/20.jpg", "images/ü.png"]))
    return Scene(Frame(image, (1280, 720)), tuple(instances))


@settings(max_examples=40)
@given(st.data(), st.sampled_from(NAMES))
def test_what_can_be_held_comes_back(tmp_path_factory, data, name):
    scene = data.draw(held_scenes(name))
    folder = tmp_path_factory.mktemp("any")
    saved, again = saved_and_loaded(name, [scene], folder / "once")
    assert saved.losses == []
    [found] = again.scenes
    assert (found.frame.image, found.frame.size_wh) == (scene.frame.image, (1280, 720))
    for one, other in zip(found.instances, scene.instances, strict=True):
        assert (one.label, one.attributes) == (other.label, other.attributes)
        assert one.geometry == other.geometry
    _, twice = saved_and_loaded(name, again.scenes, folder / "twice")
    assert twice.scenes == again.scenes


@settings(max_examples=25)
@given(st.lists(scenes, max_size=3), st.sampled_from(NAMES))
def test_any_scenes_are_written_or_set_aside(tmp_path_factory, given_scenes, name):
    folder = tmp_path_factory.mktemp("any")
    saved = find_format(name).save(iter(given_scenes), folder / "out")
    assert saved.quarantine.num_read == len(given_scenes)
    if saved.quarantine.num_kept:
        again = find_format(name).load(folder / "out")
        assert len(again.scenes) == saved.quarantine.num_kept


HOLE = square(2, 2, 3, 3)
LOST = {
    "a box": (Instance("object/vehicle/car", SHAPES["box"]), "object/vehicle/car (box) left out"),
    "no class": (Instance("goat", Polygon((HOLE,))), "goat left out: there is no such class"),
    "a narrower label": (
        Instance("light/pedestrian/x", Polygon((HOLE,))),
        "light/pedestrian/x written as",
    ),
    "a hole": (Instance("sign", Polygon((square(0, 0, 9, 9), HOLE))), "hole left out"),
    "two parts": (Instance("sign", Polygon((square(5, 5, 9, 9), HOLE))), "part becomes"),
    "no rings": (Instance("sign", Polygon(())), "it has no rings"),
    "an attribute": (
        Instance("sign", Polygon((HOLE,)), {"sign_state": "worn"}),
        "attribute sign_state left out",
    ),
    "confidence": (Instance("sign", Polygon((HOLE,)), confidence=0.5), "confidence left out"),
}


STAND_INS = {
    "cityscapes": {"object/person/child": "person", "object/person/cyclist": "rider"},
    "vistas": {"object/person/child": "human--person--individual"},
}


@pytest.mark.parametrize("name", NAMES)
def test_labels_without_a_class_are_written_as_the_rules_of_the_data_set_say(tmp_path, name):
    things = [Instance(label, Polygon((HOLE,))) for label in STAND_INS[name]]
    saved = find_format(name).save([make_scene(*things)], tmp_path / "out")
    [file] = (tmp_path / "out").rglob("*.json")
    written = [value["label"] for value in json.loads(file.read_text())["objects"]]
    assert written == list(STAND_INS[name].values())
    assert [loss.message for loss in saved.losses] == [
        f"{label} written as {name}" for label, name in STAND_INS[name].items()
    ]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("instance", "message"), LOST.values(), ids=LOST)
def test_what_cannot_be_held_is_reported(tmp_path, name, instance, message):
    saved = find_format(name).save([make_scene(instance)], tmp_path / "out")
    [loss] = saved.losses
    assert message in loss.message
    assert loss.item == f"instance 0 ({instance.label})"


def test_islands_in_holes_are_parts(tmp_path):
    rings = (square(0, 0, 9, 9), square(1, 1, 8, 8), square(2, 2, 7, 7))
    scene = make_scene(Instance("sign", Polygon(rings)))
    saved, again = saved_and_loaded("cityscapes", [scene], tmp_path)
    found = [instance.geometry for instance in again.scenes[0].instances]
    assert found == [Polygon((rings[0],)), Polygon((rings[2],))]
    assert len(saved.losses) == 2


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("image", ["", "/a.jpg", "../a.jpg", "a\n.jpg", "b" * 300 + ".jpg"])
def test_frames_without_a_usable_name_are_set_aside(tmp_path, name, image):
    saved, again = saved_and_loaded(name, [make_scene(image=image), make_scene()], tmp_path / "out")
    [wrong] = saved.quarantine.rejected
    assert (wrong.item.partition(" (")[0], wrong.path) == ("scene 0", str(tmp_path / "out"))
    assert len(again.scenes) == saved.quarantine.num_kept == 1


@pytest.mark.parametrize("name", NAMES)
def test_two_frames_of_one_name_are_not_mixed(tmp_path, name):
    saved, again = saved_and_loaded(name, [make_scene(), make_scene()], tmp_path / "out")
    assert "file of its own" in saved.quarantine.rejected[0].message
    assert len(again.scenes) == 1


HOSTILE_FRAMES = {
    "no object": 3,
    "a file elsewhere": {"file": "../a_gtFine_polygons.json"},
    "another file": {"file": "a/config.json"},
    "file is no text": {"file": 3},
    "rest is no object": {"rest": []},
    "dropped is no list": {"dropped": {}},
    "dropped is no pair": {"dropped": [[1]]},
    "dropped is no object": {"dropped": [[0, 3]]},
    "dropped has no polygon": {"dropped": [[0, {"label": "car", "polygon": 3}]]},
    "dropped at a word": {"dropped": [["x", {}]]},
}
HOSTILE_INSTANCES = {
    "no object": [],
    "rest is no object": {"rest": 3},
    "deleted": {"rest": {"deleted": 1}},
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("extra", HOSTILE_FRAMES.values(), ids=HOSTILE_FRAMES)
def test_hostile_extras_of_frames_are_set_aside(tmp_path, name, extra):
    scene = make_scene(extra={name: extra})
    assert find_format(name).save([scene], tmp_path / "a").quarantine.num_rejected == 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("extra", HOSTILE_INSTANCES.values(), ids=HOSTILE_INSTANCES)
def test_hostile_extras_of_instances_are_set_aside(tmp_path, name, extra):
    scene = make_scene(Instance("sign", Polygon((HOLE,)), extra={name: extra}))
    assert find_format(name).save([scene], tmp_path / "a").quarantine.num_rejected == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_full_disk_leaves_nothing_behind(tmp_path, name):
    many = make_scene(*[Instance("sign", Polygon((HOLE,)))] * 99)
    with full_disk(), pytest.raises(OSError, match="out"):
        find_format(name).save([many], tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
