"""nuImages: golden tables, changed objects, any scenes, folders."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivegrid.data.formats.nuimages import load_nuimages, recognise_nuimages, save_nuimages
from drivegrid.data.formats.nuimages_write import TABLES
from drivegrid.data.formats.peek import Peek
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.geometry import Polygon
from tests.data.builders import SHAPES, make_lane, make_scene
from tests.data.formats.nuimages_tables import (
    GOLDEN,
    MIDDLE,
    SIZE,
    SQUARE,
    box,
    polygon,
    write,
    written,
)


def test_the_golden_tables(tmp_path):
    loaded = load_nuimages(write(tmp_path / "in" / "v1.0-mini").parent)
    assert loaded.quarantine.num_rejected == 0
    first, second = loaded.scenes
    assert (first.frame.image, first.frame.size_wh) == ("samples/CAM_FRONT/1.jpg", SIZE)
    assert first.frame.clip == "n003-2018"
    assert [(i.label, i.geometry, dict(i.attributes)) for i in first.instances] == [
        ("object/vehicle/car", box(-1, 0, 3, 3), {"activity": "parked"}),
        ("object/person/pedestrian", box(0, 0, 1, 1), {}),
        ("object/vehicle/motorcycle", box(0, 0, 1, 2),
         {"ridden": "with rider", "activity": "moving"}),
        ("area/drivable", SQUARE, {}),
    ]  # fmt: skip
    assert [i.label for i in second.instances] == ["object/vehicle/car"]
    rows, lost = written(tmp_path / "out", first, second)
    assert lost == []
    expected = dict(GOLDEN)
    expected["calibrated_sensor"] = GOLDEN["calibrated_sensor"][:1]
    expected["ego_pose"] = GOLDEN["ego_pose"][:1]
    expected["sample_data"] = [
        row | {"prev": "", "next": ""} for row in GOLDEN["sample_data"] if row.get("timestamp")
    ]

    def by_token(tables):
        return {name: {row["token"]: row for row in rows} for name, rows in tables.items()}

    assert by_token(rows) == by_token(expected)
    assert load_nuimages(tmp_path / "out").scenes == [first, second]


def test_no_scenes(tmp_path):
    rows, _ = written(tmp_path)
    assert rows == {name: [] for name in TABLES}
    assert load_nuimages(tmp_path).scenes == []


@pytest.mark.parametrize("more", [(), ("sample",), ("calibrated_sensor",)])
def test_tables_that_are_not_needed(tmp_path, more):
    names = ("sample_data", "category", "attribute", "object_ann", *more)
    few = {name: GOLDEN[name] for name in names}
    first, second = load_nuimages(write(tmp_path / "in", few)).scenes
    assert (first.frame.clip, len(first.instances)) == (None, 3)
    rows, _ = written(tmp_path / "out", first, second)
    assert {name for name in TABLES if rows[name]} == set(names)
    assert load_nuimages(tmp_path / "out").scenes == [first, second]
    named = replace(first, frame=replace(first.frame, clip="drive 7"))
    written(tmp_path / "named", named)
    assert load_nuimages(tmp_path / "named").scenes[0].frame.clip == "drive 7"


CHANGES = {
    "nothing": ({}, {}, []),
    "label": ({"label": "object/vehicle/bus"}, {"category": "vehicle.bus.rigid"}, []),
    "attribute": ({"attributes": {"activity": "stopped"}}, {"attributes": ["vehicle.stopped"]}, []),
    "no attribute": ({"attributes": {}}, {"attributes": []}, []),
    "unknown attribute": ({"attributes": {"activity": "sitting"}}, {"attributes": []},
                          ["attribute activity left out"]),
    "box": ({"geometry": box(0, 0, 2, 2.25)}, {"bbox": [0, 0, 2, 2], "mask": None},
            ["mask left out: the box is another"]),
    "polygon": ({"geometry": polygon([[1, 0], [3, 0], [3, 2.9], [1, 2.9]])},
                {"bbox": [1, 0, 3, 3], "mask": MIDDLE}, ["polygon written as box and mask"]),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "said", "lost"), CHANGES.values(), ids=CHANGES)
def test_a_changed_object_keeps_what_still_holds(tmp_path, changes, said, lost):
    first = load_nuimages(write(tmp_path / "in")).scenes[0]
    scene = replace(first, instances=(replace(first.instances[0], **changes),))
    rows, messages = written(tmp_path / "out", scene)
    assert messages == lost
    named = {row["token"]: row["name"] for name in ("category", "attribute") for row in rows[name]}
    [row] = rows["object_ann"]
    found = {key: row[key] for key in ("token", "bbox", "mask")}
    found["category"] = named[row["category_token"]]
    found["attributes"] = [named[token] for token in row["attribute_tokens"]]
    usual = {"token": "o1", "bbox": [-1, 0, 3, 3], "mask": MIDDLE, "category": "vehicle.car"}
    assert found == usual | {"attributes": ["vehicle.parked"]} | said


ELSEWHERE = {
    "a car": (Instance("object/vehicle/car", box(1, 2, 3, 4)), "object_ann", []),
    "half a pixel": (Instance("obstacle/cone", box(1, 2.25, 3, 4)), "object_ann",
                     ["corners rounded to whole pixels"]),
    "a child of a class": (Instance("object/vehicle/emergency/ambulance", box(1, 2, 3, 4)),
                           "object_ann", []),
    "below a class": (Instance("area/drivable/direct", SQUARE), "surface_ann",
                      ["area/drivable/direct written as flat.driveable_surface"]),
    "a slanting area": (Instance("area/drivable", polygon([[0, 0], [9, 0], [9, 9]])),
                        "surface_ann", ["polygon written as a mask of whole pixels"]),
    "visibility": (Instance("object/animal", box(1, 2, 3, 4), visibility=1.0), "object_ann",
                   ["visibility left out"]),
    "no class": (Instance("sign", box(1, 2, 3, 4)), None, ["sign left out: no class for it"]),
    "a building": (Instance("region/building", SQUARE), None,
                   ["region/building left out: no class for it"]),
    "a line": (make_lane([[1, 2], [3, 4]]), None, ["lane/line left out: no class for it"]),
    "a box of an area": (Instance("area/drivable", box(1, 2, 3, 4)), None,
                         ["area/drivable (box) left out: surface_ann cannot hold it"]),
    "anchors": (Instance("object/animal", SHAPES["seg"]), None,
                ["object/animal (seg) left out: object_ann cannot hold it"]),
    "no ring": (Instance("object/animal", Polygon(())), None, ["empty polygon left out"]),
    "off the image": (Instance("area/drivable", polygon([[-9, 0], [-5, 0], [-5, 5]])), None,
                      ["polygon left out: it covers no pixel of the image"]),
}  # fmt: skip


@pytest.mark.parametrize(("instance", "table", "lost"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_instances_from_elsewhere(tmp_path, instance, table, lost):
    rows, messages = written(tmp_path, make_scene(instance, size_wh=(16, 9)))
    assert messages == lost
    assert [name for name in ("object_ann", "surface_ann") if rows[name]] == [table] * bool(table)
    [scene] = load_nuimages(tmp_path).scenes
    assert len(scene.instances) == bool(table)
    if table and not lost:
        again = scene.instances[0]
        assert (again.label, again.geometry) == (instance.label, instance.geometry)


_corner = st.integers(-50, 50) | st.floats(-1e6, 1e6)
_box = st.tuples(_corner, _corner, _corner, _corner).map(
    lambda v: box(min(v[0], v[2]), min(v[1], v[3]), max(v[0], v[2]), max(v[1], v[3]))
)
_object = st.builds(
    Instance,
    st.sampled_from(["object/vehicle/car", "obstacle/cone", "object/person/pedestrian"]),
    _box,
    st.sampled_from([{}, {"activity": "moving"}, {"activity": "standing"}]),
)
_ring = st.lists(st.tuples(st.integers(-3, 12), st.integers(-3, 12)), min_size=3, max_size=6)
_surface = st.builds(
    Instance,
    st.sampled_from(["area/drivable", "area/sidewalk", "object/vehicle/truck"]),
    st.lists(_ring, max_size=2).map(lambda rings: polygon(*rings)),
)
_frame = st.builds(
    Frame,
    st.sampled_from(["a.jpg", "samples/b.png"]),
    st.tuples(st.integers(1, 12), st.integers(1, 12)),
    clip=st.none() | st.sampled_from(["a", "b"]),
)
_scenes = st.lists(
    st.builds(Scene, _frame, st.lists(_object | _surface, max_size=4).map(tuple)),
    max_size=2,
    unique_by=lambda scene: scene.frame.image,
)


@settings(max_examples=100)
@given(_scenes)
def test_any_scenes_come_back(tmp_path_factory, scenes):
    folder = tmp_path_factory.mktemp("any")
    saved = save_nuimages(scenes, folder / "a")
    assert saved.quarantine.num_rejected == 0
    first = load_nuimages(folder / "a").scenes
    assert [scene.frame for scene in first] == [scene.frame for scene in scenes]
    again = save_nuimages(first, folder / "b")
    assert again.losses == []
    assert load_nuimages(folder / "b").scenes == first


def test_folders_are_recognised(tmp_path):
    assert recognise_nuimages(Peek(tmp_path)) is None
    tables = write(tmp_path / "v1.0-mini")
    assert recognise_nuimages(Peek(tmp_path))
    assert recognise_nuimages(Peek(tables))
    assert recognise_nuimages(Peek(tables / "category.json")) is None
