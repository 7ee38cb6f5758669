"""Scenes come back equal from JSON lines and Parquet; wrong records name their place."""

import builtins
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from drivegrid.data.formats.scene import open_scene, save_scene
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.data.store import (
    iter_scenes,
    load_scenes,
    save_scenes,
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
    assert save_scene(many, tmp_path / f"b{suffix}").quarantine.num_kept == count


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
    "schema is true": (broken(schema=True), "schema 1, got True", "schema"),
    "schema is a float": (broken(schema=1.0), "schema 1, got 1.0", "schema"),
    "unknown key": (broken(more=1), "keys must be", "record"),
    "frame is no object": (broken(frame=None), "keys must be", "frame"),
    "image is a number": (broken(frame__image=3), "image must be a str", "frame"),
    "size is a float": (broken(frame__size_wh=[1.5, 2]), "whole numbers", "frame"),
    "size is zero": (broken(frame__size_wh=[0, 2]), "size_wh must be 1 to 100000", "frame"),
    "size is endless": (broken(frame__size_wh=[10**30, 10]), "size_wh must be 1 to", "frame"),
    "size is large": (broken(frame__size_wh=[10, 100_001]), "size_wh must be 1 to", "frame"),
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
    "far": (broken(instances__0__geometry__points=[[1, -1.1e7]]), "within 1e.07", "instance 0"),
    "far in integers": (
        broken(instances__0__geometry__points=[[10**11, 1]]),
        "within 1e.07",
        "instance 0",
    ),
    "beyond integers": (
        broken(instances__0__geometry__points=[[10**30, 1]]),
        "pairs of numbers",
        "instance 0",
    ),
    "far box": (
        broken(instances__0__geometry={"kind": "box", "points": [[0, 0], [1e308, 1]]}),
        "within 1e.07",
        "instance 0",
    ),
    "far ring": (
        broken(instances__0__geometry={"kind": "poly", "rings": [[[0, 0], [1, -1e308]]]}),
        "within 1e.07",
        "instance 0",
    ),
    "ring is a number": (
        broken(instances__0__geometry={"kind": "poly", "rings": [3]}),
        "shape",
        "instance 0",
    ),
    "confidence of 2": (broken(instances__0__confidence=2), "confidence must lie", "instance 0"),
    "visibility is true": (broken(instances__0__visibility=True), "visibility", "instance 0"),
    "extra of a format": (broken(extra={"culane": 7}), "must be an object", "extra culane"),
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
    loaded = open_scene(tmp_path / "a.jsonl").load()
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


HOLDS_ITSELF: list[object] = []
HOLDS_ITSELF.append(HOLDS_ITSELF)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("value", [float("nan"), np.float32(1), {1, 2}, HOLDS_ITSELF], ids=repr)
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


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_names_that_are_not_utf8_are_not_written(tmp_path, suffix):
    scene = make_scene(image=b"\xff.jpg".decode("utf-8", "surrogateescape"))
    with pytest.raises(FormatError, match=r"JSON.*scene 0"):
        save_scenes([scene], tmp_path / f"a{suffix}")
    assert list(tmp_path.iterdir()) == []
    emoji = make_scene(image="\U0001f600.jpg")  # a pair of surrogates in JSON
    save_scenes([emoji], tmp_path / f"a{suffix}")
    assert load_scenes(tmp_path / f"a{suffix}") == [emoji]


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
    quarantine = open_scene(tmp_path / "a.parquet").load().quarantine
    assert [record.line for record in quarantine.rejected] == [2, 3]
    assert quarantine.num_kept == 1


def test_parquet_rows_that_are_not_utf8_are_set_aside(tmp_path):
    many = [make_scene(image=f"{index}.jpg") for index in range(3)]
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    texts = [json.dumps(scene_to_record(scene)).encode() for scene in many]
    texts[1] = texts[1][:20] + b"\xff" + texts[1][21:]
    column = pa.Array.from_buffers(pa.string(), 3, pa.array(texts, pa.binary()).buffers())
    table = pa.table({"record": column}).replace_schema_metadata({"drivegrid_schema": "1"})
    pq.write_table(table, tmp_path / "a.parquet")
    loaded = open_scene(tmp_path / "a.parquet").load()
    assert loaded.scenes == [many[0], many[2]]
    assert [record.line for record in loaded.quarantine.rejected] == [2]


@pytest.mark.parametrize("table", ["schema of bytes", "records of numbers"])
def test_parquet_of_other_values_is_refused(tmp_path, table):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    key = b"\xff" if table == "schema of bytes" else b"1"
    values = ["{}"] if table == "schema of bytes" else [5]
    made = pa.table({"record": values}).replace_schema_metadata({b"drivegrid_schema": key})
    pq.write_table(made, tmp_path / "a.parquet")
    with pytest.raises(FormatError, match=r"a\.parquet"):
        open_scene(tmp_path / "a.parquet").load()


def test_random_damage_to_parquet_is_never_another_error(tmp_path):
    save_scenes([make_scene(image=f"{index}.jpg") for index in range(50)], tmp_path / "a.parquet")
    whole, rng = (tmp_path / "a.parquet").read_bytes(), np.random.default_rng(5)
    refused = 0
    for _ in range(150):
        content = bytearray(whole)
        for where in rng.integers(0, len(content), 3):
            content[where] = rng.integers(256)
        (tmp_path / "b.parquet").write_bytes(content)
        try:
            open_scene(tmp_path / "b.parquet").load()
        except FormatError:
            refused += 1
    assert 0 < refused < 150


def test_without_pyarrow_the_extra_is_named(tmp_path, monkeypatch):
    real = builtins.__import__

    def no_pyarrow(name, *rest):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", no_pyarrow)
    with pytest.raises(MissingExtraError, match=r"drivegrid\[parquet\]"):
        save_scenes([], tmp_path / "a.parquet")
