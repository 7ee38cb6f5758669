"""nuImages: tables by hand, what they hold comes back, masks, tokens, wrong rows."""

import base64
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivegrid.data.formats.nuimages import load_nuimages, recognise_nuimages, save_nuimages
from drivegrid.data.formats.nuimages_write import TABLES, VERSION
from drivegrid.data.formats.peek import Peek
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.errors import FormatError
from drivegrid.geometry import Box, Polygon
from tests.data.builders import SHAPES, make_lane, make_scene
from tests.data.formats.mutations import mutated

SIZE = (4, 3)


def mask(text, size=SIZE):
    """A mask in base64 of COCO's text; "37" is [3, 7], 0 more than before is "0"."""
    return {"size": [size[1], size[0]], "counts": base64.b64encode(text.encode()).decode()}


# columns first: 3 pixels out, 6 in (columns 1 and 2), 3 out
MIDDLE, NOTHING, ALL = mask("363"), mask("<"), mask("0<")

GOLDEN = {
    "sensor": [{"token": "s1", "channel": "CAM_FRONT", "modality": "camera"}],
    "calibrated_sensor": [
        {"token": "c1", "sensor_token": "s1", "translation": [1.5, 0, 1], "camera_intrinsic": []},
        {"token": "unused", "sensor_token": "s1"},
    ],
    "log": [{"token": "l1", "logfile": "n003-2018", "location": "singapore-onenorth"}],
    "ego_pose": [{"token": "e1", "speed": 3.25}, {"token": "e2", "speed": 0}],
    "sample": [{"token": "p1", "timestamp": 7, "log_token": "l1", "key_camera_token": "d1"},
               {"token": "p2", "timestamp": 9, "log_token": "l1", "key_camera_token": "d2"}],
    "sample_data": [
        {"token": "d0", "filename": "sweeps/0.jpg", "is_key_frame": False, "sample_token": "p1"},
        {"token": "d1", "filename": "samples/CAM_FRONT/1.jpg", "width": 4, "height": 3,
         "is_key_frame": True, "sample_token": "p1", "ego_pose_token": "e1", "timestamp": 8,
         "calibrated_sensor_token": "c1", "fileformat": "jpg", "prev": "d0", "next": ""},
        {"token": "dl", "filename": "samples/LIDAR/1.pcd.bin", "is_key_frame": True,
         "sample_token": "p1"},
        {"token": "d2", "filename": "samples/CAM_FRONT/2.jpg", "width": 4, "height": 3,
         "is_key_frame": True, "sample_token": "p2", "ego_pose_token": "e9", "timestamp": 9,
         "calibrated_sensor_token": "c1", "fileformat": "jpg", "prev": "", "next": ""},
    ],
    "category": [
        {"token": "k1", "name": "vehicle.car", "description": "A car."},
        {"token": "k2", "name": "human.pedestrian.adult", "description": ""},
        {"token": "k3", "name": "flat.driveable_surface", "description": ""},
        {"token": "k4", "name": "vehicle.ego", "description": ""},
        {"token": "k5", "name": "vehicle.motorcycle", "description": ""},
    ],
    "attribute": [
        {"token": "t1", "name": "vehicle.parked", "description": ""},
        {"token": "t2", "name": "pedestrian.sitting_lying_down", "description": ""},
        {"token": "t3", "name": "cycle.with_rider", "description": ""},
        {"token": "t4", "name": "vehicle.moving", "description": ""},
    ],
    "object_ann": [
        {"token": "o1", "sample_data_token": "d1", "category_token": "k1",
         "attribute_tokens": ["t1"], "bbox": [-1, 0, 3, 3], "mask": MIDDLE},
        {"token": "o2", "sample_data_token": "d2", "category_token": "k1",
         "attribute_tokens": [], "bbox": [0, 0, 4, 3], "mask": None},
        {"token": "o3", "sample_data_token": "d1", "category_token": "k2",
         "attribute_tokens": ["t2"], "bbox": [0, 0, 1, 1], "mask": None},
        {"token": "o4", "sample_data_token": "d1", "category_token": "k5",
         "attribute_tokens": ["t3", "t4"], "bbox": [0, 0, 1, 2], "mask": NOTHING},
    ],
    "surface_ann": [
        {"token": "f1", "sample_data_token": "d1", "category_token": "k4", "mask": ALL},
        {"token": "f2", "sample_data_token": "d1", "category_token": "k3", "mask": MIDDLE},
        {"token": "f3", "sample_data_token": "d1", "category_token": "k3", "mask": NOTHING},
    ],
}  # fmt: skip


def write(folder, tables=GOLDEN):
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        text = rows if isinstance(rows, str | bytes) else json.dumps(rows)
        (folder / f"{name}.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def rows_in(root):
    return {name: json.loads((root / VERSION / f"{name}.json").read_text()) for name in TABLES}


def written(root, *scenes):
    saved = save_nuimages(scenes, root)
    assert saved.quarantine.num_rejected == 0
    return rows_in(root), [loss.message for loss in saved.losses]


def changed(**tables):
    """The golden tables with the first row of each changed."""
    return GOLDEN | {
        name: [GOLDEN[name][0] | changes, *GOLDEN[name][1:]] for name, changes in tables.items()
    }


def box(*xyxy):
    return Box(np.array(xyxy, dtype=float))


def polygon(*rings):
    return Polygon(tuple(np.array(ring, dtype=float) for ring in rings))


SQUARE = polygon([[1, 0], [3, 0], [3, 3], [1, 3]])


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


BAD_ROWS = {
    "category": (changed(object_ann={"category_token": "?"}), "object_ann o1", "table"),
    "attribute": (changed(object_ann={"attribute_tokens": ["?"]}), "object_ann o1", "table"),
    "attributes": (changed(object_ann={"attribute_tokens": 3}), "object_ann o1", "list"),
    "bbox": (changed(object_ann={"bbox": [1, 2, 3]}), "object_ann o1", "4 numbers"),
    "swapped": (changed(object_ann={"bbox": [3, 0, 1, 3]}), "object_ann o1", "corner"),
    "base64": (changed(object_ann={"mask": {"size": [3, 4], "counts": "~"}}), "o1", "base64"),
    "mask's size": (changed(object_ann={"mask": mask("363", (3, 4))}), "o1", "size"),
    "cut off mask": (changed(object_ann={"mask": mask("36o")}), "o1", "whole number"),
    "short mask": (changed(object_ann={"mask": mask("36")}), "o1", "12 pixels"),
    "mask": (changed(object_ann={"mask": []}), "o1", "object"),
    "token": (changed(object_ann={"token": 3}), "object_ann 3", "text"),
    "huge": (changed(object_ann={"mask": {"size": [2**20] * 2, "counts": ""}}), "d1", "pixels"),
    "surface": (GOLDEN | {"surface_ann": [GOLDEN["surface_ann"][1] | {"mask": mask("1")}]},
                "surface_ann f2", "fill"),
    "width": (GOLDEN | {"sample_data": [GOLDEN["sample_data"][1] | {"width": None},
                                        GOLDEN["sample_data"][3]]}, "d1", "width"),
    "name": (GOLDEN | {"sample_data": [GOLDEN["sample_data"][1] | {"filename": "../1.jpg"},
                                       GOLDEN["sample_data"][3]]}, "d1", "relative"),
}  # fmt: skip


@pytest.mark.parametrize(("tables", "item", "message"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_a_wrong_row_sets_its_frame_aside(tmp_path, tables, item, message):
    loaded = load_nuimages(write(tmp_path, tables))
    assert [scene.frame.image for scene in loaded.scenes] == ["samples/CAM_FRONT/2.jpg"]
    [record] = loaded.quarantine.rejected
    assert record.item.startswith("sample_data d1")
    assert item in record.item
    assert message in record.message


STRAYS = {
    "of a sweep": (changed(object_ann={"sample_data_token": "d0"}), "object_ann.json"),
    "of no frame": (changed(surface_ann={"sample_data_token": 3}), "surface_ann.json"),
    "no row": (GOLDEN | {"object_ann": [3, *GOLDEN["object_ann"]]}, "object_ann.json"),
    "a frame twice": (GOLDEN | {"sample_data": GOLDEN["sample_data"][1:] * 2}, "sample_data.json"),
    "a frame without a token": (changed(sample_data={"is_key_frame": True, "token": None}),
                                "sample_data.json"),
}  # fmt: skip


@pytest.mark.parametrize(("tables", "file"), STRAYS.values(), ids=STRAYS)
def test_rows_of_no_frame_are_set_aside(tmp_path, tables, file):
    loaded = load_nuimages(write(tmp_path, tables))
    assert len(loaded.scenes) == 2
    assert {record.path for record in loaded.quarantine.rejected} == {str(tmp_path / file)}


BAD_TABLES = {
    "nothing": {},
    "no objects": {name: rows for name, rows in GOLDEN.items() if name != "object_ann"},
    "a broken table": GOLDEN | {"category": "["},
    "an object": GOLDEN | {"sample_data": {}},
    "a category without a name": changed(category={"name": None}),
    "a log without a token": changed(log={"token": 3}),
}


@pytest.mark.parametrize("tables", BAD_TABLES.values(), ids=BAD_TABLES)
def test_tables_that_cannot_be_read(tmp_path, tables):
    with pytest.raises(FormatError, match="data"):
        load_nuimages(write(tmp_path / "data", tables))
    with pytest.raises(FormatError, match="absent"):
        load_nuimages(tmp_path / "absent")


def test_several_sets_of_tables_are_named(tmp_path):
    write(tmp_path / "v1.0-train")
    write(tmp_path / "v1.0-val")
    with pytest.raises(FormatError, match=r"v1\.0-train, v1\.0-val"):
        load_nuimages(tmp_path)


def test_folders_are_recognised(tmp_path):
    assert recognise_nuimages(Peek(tmp_path)) is None
    tables = write(tmp_path / "v1.0-mini")
    assert recognise_nuimages(Peek(tmp_path))
    assert recognise_nuimages(Peek(tables))
    assert recognise_nuimages(Peek(tables / "category.json")) is None


@settings(max_examples=200)
@given(st.sampled_from(TABLES).flatmap(
    lambda name: st.tuples(st.just(name), mutated(json.dumps(GOLDEN[name]).encode()))
))  # fmt: skip
def test_broken_tables_are_read_or_refused(tmp_path_factory, broken):
    root = tmp_path_factory.mktemp("fuzz")
    try:
        loaded = load_nuimages(write(root / "in", GOLDEN | dict([broken])))
    except FormatError:
        return
    saved = save_nuimages(loaded.scenes, root / "out")
    assert saved.quarantine.num_read == len(loaded.scenes)
    assert len(load_nuimages(root / "out").scenes) == saved.quarantine.num_kept


def _own(**own):
    return make_scene(extra={"nuimages": own})


def _with(**own):
    return make_scene(Instance("object/animal", box(0, 0, 1, 1), extra={"nuimages": own}))


HOSTILE = [
    make_scene(image="../a.jpg"),
    make_scene(extra={"nuimages": []}),
    make_scene(Instance("object/animal", box(0, 0, 1, 1), extra={"nuimages": 3})),
    _own(sample=3),
    _own(log={}),
    _own(kept=3),
    _own(kept={"object_ann": [3]}),
    _own(kept={"object_ann": [[0, {"token": "a"}]]}),
    _own(kept={"object_ann": [[0, {"token": "a", "category": "b", "attributes": [3]}]]}),
    _own(tables=3),
    _own(tables={"category": [{"name": "a"}]}),
    _with(token=3),
    _with(attributes=3),
    _with(attributes=[3]),
    _with(bbox=[1, 2]),
    _with(bbox=[0, 0, 1, 1], mask=3),
    make_scene(Instance("area/drivable", SQUARE, extra={"nuimages": {"mask": 3}})),
    make_scene(Instance("area/drivable", SQUARE), size_wh=(100_000, 100_000)),
]


@pytest.mark.parametrize("scene", HOSTILE)
def test_hostile_extras_set_their_frame_aside(tmp_path, scene):
    saved = save_nuimages([scene, make_scene(image="b.jpg")], tmp_path)
    assert (saved.quarantine.num_rejected, saved.quarantine.num_kept) == (1, 1)
    assert len(load_nuimages(tmp_path).scenes) == 1


def test_a_frame_is_written_once(tmp_path):
    saved = save_nuimages([make_scene(), make_scene()], tmp_path)
    assert (saved.quarantine.num_rejected, saved.quarantine.num_kept) == (1, 1)
