"""Scenes come back equal from JSON lines and Parquet; wrong records name their place."""

import builtins
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.data.store import (
    iter_scenes,
    load_scenes,
    load_store,
    save_scenes,
    save_store,
    scene_from_record,
    scene_to_record,
)
from drivegrid.errors import FormatError, MissingExtraError
from drivegrid.geometry import Point
from tests.data.builders import SHAPES, full_disk, make_scene, scenes

SUFFIXES = [".jsonl", ".jsonl.gz", ".parquet"]


@settings(max_examples=60, deadline=None)
@given(scenes)
def test_any_scene_survives_its_record(scene):
    again = scene_from_record(json.loads(json.dumps(scene_to_record(scene))))
    assert again == scene
    for mine, theirs in zip(again.instances, scene.instances, strict=True):
        for part, other in zip(mine.geometry.parts(), theirs.geometry.parts(), strict=True):
            assert part.tobytes() == other.tobytes()  # -0.0 and the last bit too


@settings(max_examples=15, deadline=None)
@given(scenes, scenes)
def test_any_scene_survives_a_file(first, second):
    with tempfile.TemporaryDirectory() as folder:
        for suffix in SUFFIXES:
            path = Path(folder, f"a{suffix}")
            save_scenes([first, second], path)
            assert load_scenes(path) == [first, second]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("count", [0, 1, 2500])
def test_counts_and_order(tmp_path, suffix, count):
    many = [make_scene(image=f"{index}.jpg") for index in range(count)]
    assert save_scenes(iter(many), tmp_path / f"a{suffix}") == count
    assert list(iter_scenes(tmp_path / f"a{suffix}")) == many
    assert save_store(many, tmp_path / f"b{suffix}").quarantine.num_kept == count


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_every_shape(tmp_path, shape):
    scene = make_scene(Instance("a", shape, {"color": "red"}, 0.5, 0.1 + 0.2, "nano", {"k": [1]}))
    save_scenes([scene], tmp_path / "a.jsonl")
    assert load_scenes(tmp_path / "a.jsonl") == [scene]


def test_the_record_by_hand():
    scene = Scene(Frame("a.jpg", (4, 3), {"surface": "wet"}, "drive"), (), {"k": None})
    assert scene_to_record(replace(scene, instances=(Instance("sign", Point([1, 2])),))) == {
        "schema": 1,
        "frame": {
            "image": "a.jpg",
            "size_wh": [4, 3],
            "attributes": {"surface": "wet"},
            "clip": "drive",
        },
        "instances": [
            {
                "label": "sign",
                "geometry": {"kind": "point", "points": [[1.0, 2.0]]},
                "attributes": {},
                "visibility": None,
                "confidence": None,
                "source": "label",
                "extra": {},
            }
        ],
        "extra": {"k": None},
    }


def broken(**changes):
    """A record with one value changed; dots lead inwards, None removes."""
    record = scene_to_record(make_scene(Instance("a", SHAPES["line"])))
    for path, value in changes.items():
        *steps, last = path.split("__")
        inner = record
        for step in steps:
            inner = inner[int(step) if step.isdigit() else step]
        inner[last] = value
    return record


RECORDS = {
    "no object": ([], "schema 1, got 'list'", "schema"),
    "no schema": ({}, "schema 1, got None", "schema"),
    "next schema": (broken(schema=2), "schema 1, got 2", "schema"),
    "unknown key": (broken(more=1), "keys must be", "record"),
    "frame is no object": (broken(frame=None), "keys must be", "frame"),
    "image is a number": (broken(frame__image=3), "image must be a str", "frame"),
    "size is a float": (broken(frame__size_wh=[1.5, 2]), "whole numbers", "frame"),
    "size is zero": (broken(frame__size_wh=[0, 2]), "size_wh must be positive", "frame"),
    "clip is a number": (broken(frame__clip=3), "clip must be", "frame"),
    "attribute is a number": (broken(frame__attributes={"a": 1}), "attribute a must be", "frame"),
    "instances are an object": (broken(instances={}), "instances must be a list", "record"),
    "instance is a text": (broken(instances=["a"]), "keys must be", "instance 0"),
    "label is null": (broken(instances__0__label=None), "label must be a str", "instance 0"),
    "unknown kind": (
        broken(instances__0__geometry={"kind": "cube"}),
        "geometry must.*cube",
        "instance 0",
    ),
    "kind is a list": (broken(instances__0__geometry={"kind": []}), "geometry must", "instance 0"),
    "ragged": (broken(instances__0__geometry__points=[[1, 2], [3]]), "", "instance 0"),
    "triples": (broken(instances__0__geometry__points=[[1, 2, 3]]), "shape", "instance 0"),
    "texts": (broken(instances__0__geometry__points=[["1", "2"]]), "numbers", "instance 0"),
    "box of one point": (
        broken(instances__0__geometry={"kind": "box", "points": [[1, 2]]}),
        "2 points, got 1",
        "instance 0",
    ),
    "ring is a number": (
        broken(instances__0__geometry={"kind": "poly", "rings": [3]}),
        "shape",
        "instance 0",
    ),
    "confidence of 2": (broken(instances__0__confidence=2), "confidence must lie", "instance 0"),
    "visibility is true": (broken(instances__0__visibility=True), "visibility", "instance 0"),
    "extra is a list": (broken(extra=[]), "extra must be a dict", "record"),
}


@pytest.mark.parametrize(("record", "message", "item"), RECORDS.values(), ids=RECORDS)
def test_wrong_records_name_file_line_and_item(tmp_path, record, message, item):
    good = make_scene()
    save_scenes([good], tmp_path / "a.jsonl")
    with (tmp_path / "a.jsonl").open("a") as file:
        file.write("\n" + json.dumps(record) + "\n")
    with pytest.raises(FormatError, match=rf"{message}.*a\.jsonl, line 3, {item}\)"):
        load_scenes(tmp_path / "a.jsonl")
    loaded = load_store(tmp_path / "a.jsonl")
    assert loaded.scenes == [good]
    assert (loaded.quarantine.num_read, loaded.quarantine.rejected[0].line) == (2, 3)


NOT_FINITE = {
    "point": broken(instances__0__geometry__points=[[float("inf"), 2]]),
    "confidence": broken(instances__0__confidence=float("nan")),
    "extra of the scene": broken(extra={"k": [float("nan")]}),
    "extra of an instance": broken(instances__0__extra={"k": {"k": float("-inf")}}),
}


@pytest.mark.parametrize("record", NOT_FINITE.values(), ids=NOT_FINITE)
def test_numbers_that_are_not_finite_are_refused_as_in_writing(tmp_path, record):
    (tmp_path / "a.jsonl").write_text(json.dumps(record) + "\n")
    with pytest.raises(FormatError, match=r"finite numbers.*a\.jsonl, line 1\)"):
        load_scenes(tmp_path / "a.jsonl")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("value", [float("nan"), np.float32(1), {1, 2}], ids=repr)
def test_values_that_are_no_json_write_nothing(tmp_path, suffix, value):
    bad = make_scene(extra={"k": value})
    with pytest.raises(FormatError, match=r"JSON values.*scene 1"):
        save_scenes([make_scene(), bad], tmp_path / f"a{suffix}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_full_disk_leaves_nothing(tmp_path, suffix):
    many = [make_scene(image=f"{index * 7919 % 9973}.jpg") for index in range(3000)]
    with full_disk(), pytest.raises(OSError, match=rf"a\{suffix}"):
        save_scenes(many, tmp_path / f"a{suffix}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.json", "a", "a.txt", "parquet"])
def test_other_suffixes_are_refused(tmp_path, name):
    for act in (load_scenes, lambda path: save_scenes([], path)):
        with pytest.raises(FormatError, match=r"\.jsonl, \.jsonl\.gz, \.parquet"):
            act(tmp_path / name)


def test_undecodable_file_names_survive_json_lines(tmp_path):
    scene = make_scene(image=b"\xff.jpg".decode("utf-8", "surrogateescape"))
    save_scenes([scene], tmp_path / "a.jsonl")
    assert load_scenes(tmp_path / "a.jsonl") == [scene]
    with pytest.raises(FormatError, match="Parquet"):
        save_scenes([scene], tmp_path / "a.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


def test_parquet_columns_can_be_filtered(tmp_path):
    import pyarrow.parquet as pq

    save_scenes([make_scene(Instance("sign/light", SHAPES["box"]))], tmp_path / "a.parquet")
    table = pq.read_table(tmp_path / "a.parquet")
    assert table.schema.metadata[b"drivegrid_schema"] == b"1"
    columns = {"image": "clips/a/20.jpg", "clip": None, "width": 1280, "height": 720}
    assert table.drop(["record"]).to_pylist() == [columns | {"labels": ["sign/light"]}]


def test_parquet_of_another_kind_or_broken(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"record": ["{}"]}), tmp_path / "a.parquet")
    with pytest.raises(FormatError, match="schema 1, got schema none"):
        load_scenes(tmp_path / "a.parquet")
    for content in (b"", b"PAR1 not really PAR1"):
        (tmp_path / "a.parquet").write_bytes(content)
        with pytest.raises(FormatError, match="must be Parquet"):
            load_scenes(tmp_path / "a.parquet")
    with pytest.raises(FormatError, match="must be Parquet"):
        load_scenes(tmp_path / "absent.parquet")


def test_parquet_rows_are_named(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    good = json.dumps(scene_to_record(make_scene()))
    table = pa.table({"record": [good, "", None]}).replace_schema_metadata(
        {"drivegrid_schema": "1"}
    )
    pq.write_table(table, tmp_path / "a.parquet")
    quarantine = load_store(tmp_path / "a.parquet").quarantine
    assert [record.line for record in quarantine.rejected] == [2, 3]
    assert quarantine.num_kept == 1


def test_without_pyarrow_the_extra_is_named(tmp_path, monkeypatch):
    real = builtins.__import__

    def no_pyarrow(name, *rest):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", no_pyarrow)
    with pytest.raises(MissingExtraError, match=r"drivegrid\[parquet\]"):
        save_scenes([], tmp_path / "a.parquet")
