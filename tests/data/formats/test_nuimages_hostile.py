"""nuImages: wrong rows, broken tables, extras that no reader left."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivegrid.data.formats.nuimages import load_nuimages, save_nuimages
from drivegrid.data.formats.nuimages_write import TABLES
from drivegrid.data.scene import Instance
from drivegrid.errors import FormatError
from tests.data.builders import make_scene
from tests.data.formats.mutations import mutated
from tests.data.formats.nuimages_tables import GOLDEN, SQUARE, box, changed, mask, write

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
