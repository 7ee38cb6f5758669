"""A folder of shards is read as scenes, and every fault in it is found."""

import json

import pytest

from drivegrid.data.folders import LocalFolder
from drivegrid.data.formats import detect_format
from drivegrid.data.formats.scene import open_scene
from drivegrid.data.scene import Instance
from drivegrid.data.shard_writer import make_config, write_shards
from drivegrid.data.shards import check_shards, is_shards, read_manifest, read_rejected
from drivegrid.data.sources import find_sources
from drivegrid.data.store import save_scenes
from drivegrid.data.validate import validate
from drivegrid.errors import FormatError
from tests.data.builders import SHAPES, make_lane, make_scene

pytest.importorskip("pyarrow")

SCENES = [make_scene(make_lane([[i, 700], [i, 160]]), image=f"{i}.jpg") for i in range(5)]


def parse(index):
    """Return a scene; every fourth is set aside."""
    if index % 4 == 3:
        raise FormatError("frame must be good, got a bad one.", "a.json", index)
    return SCENES[index]


@pytest.fixture
def out(tmp_path):
    write_shards(range(5), parse, LocalFolder(tmp_path), make_config("a.json", "tusimple", 2))
    return tmp_path


def test_scenes_come_back_in_order(out):
    loaded = open_scene(out).load()
    assert loaded.scenes == [SCENES[index] for index in (0, 1, 2, 4)]
    assert loaded.quarantine.rejected == []
    assert [r.line for r in read_rejected(LocalFolder(out), 9)] == [3]
    assert read_rejected(LocalFolder(out), 0) == []


def test_scenes_come_back_from_a_url(out):
    assert open_scene(f"local://{out}").load() == open_scene(out).load()


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_every_shape_comes_back(tmp_path, shape):
    scene = make_scene(Instance("lane/line", shape))
    config = make_config("a", "scene")
    write_shards([0], [scene].__getitem__, LocalFolder(tmp_path), config)
    assert open_scene(tmp_path).load().scenes == [scene]


def test_the_manifest(out):
    held = json.loads((out / "manifest.json").read_text())
    assert (held["format"], held["schema"]) == ("drivegrid-shards", 1)
    assert (held["count"], held["rejected"], held["quarantine"]) == (4, 1, "quarantine.jsonl")
    assert held["config"]["source"] == "a.json"
    assert [shard["count"] for shard in held["shards"]] == [2, 1, 1]
    assert list(held["shards"][0]) == ["name", "count", "rejected", "sha256"]


def test_shards_are_recognised(tmp_path, out):
    assert detect_format(out)[0] == "scene"
    assert not is_shards(LocalFolder(tmp_path / "absent"))


def test_an_unfinished_folder_says_what_to_do(out):
    (out / "manifest.json").unlink()
    assert detect_format(out)[0] == "scene"
    with pytest.raises(FormatError, match="has not ended: run it again"):
        open_scene(out)
    assert ["run it again" in str(fault) for fault in check_shards(LocalFolder(out))] == [True]


def edit(change):
    """Return a damage that changes the manifest's values."""

    def damage(out):
        held = json.loads((out / "manifest.json").read_text())
        change(held)
        (out / "manifest.json").write_text(json.dumps(held))

    return damage


BAD_MANIFESTS = {
    "no JSON": lambda out: (out / "manifest.json").write_text("{"),
    "a list": lambda out: (out / "manifest.json").write_text("[]"),
    "another format": edit(lambda held: held.update(format="bench")),
    "another schema": edit(lambda held: held.update(schema=2)),
    "no shards": edit(lambda held: held.pop("shards")),
    "shards of numbers": edit(lambda held: held.update(shards=[1])),
    "another count": edit(lambda held: held.update(count=5)),
    "a negative count": edit(lambda held: held["shards"][0].update(count=-2)),
    "a name that climbs": edit(lambda held: held["shards"][0].update(name="../part-00000.parquet")),
    "no hash": edit(lambda held: held["shards"][0].pop("sha256")),
}


@pytest.mark.parametrize("damage", BAD_MANIFESTS.values(), ids=BAD_MANIFESTS)
def test_a_manifest_that_is_wrong_is_refused(out, damage):
    damage(out)
    with pytest.raises(FormatError, match=r"manifest\.json"):
        read_manifest(LocalFolder(out))


FAULTS = {
    "none": (lambda out: None, []),
    "hash": (
        edit(lambda held: held["shards"][1].update(sha256="0")),
        ["part-00001.parquet: shard must have sha256 0"],
    ),
    "missing": (
        lambda out: (out / "part-00000.parquet").unlink(),
        ["part-00000.parquet: shard must be readable"],
    ),
    "left over": (
        lambda out: (out / "part-00003.parquet").write_bytes(b""),
        ["part-00003.parquet: shard must be in the manifest"],
    ),
    "quarantine": (
        lambda out: (out / "quarantine.jsonl").write_text(""),
        ["quarantine.jsonl: quarantine must hold 1 lines, got 0"],
    ),
    "no quarantine": (
        lambda out: (out / "quarantine.jsonl").unlink(),
        ["quarantine.jsonl: quarantine must be readable"],
    ),
}


@pytest.mark.parametrize(("damage", "named"), FAULTS.values(), ids=FAULTS)
def test_faults_of_files_are_named(out, damage, named):
    damage(out)
    found = [f"{fault.path}: {fault.message}" for fault in check_shards(LocalFolder(out))]
    assert len(found) == len(named)
    assert all(name in text for name, text in zip(named, found, strict=True))


def test_a_shard_of_another_count_is_refused_before_it_is_read(out):
    (out / "part-00001.parquet").write_bytes((out / "part-00000.parquet").read_bytes())
    with pytest.raises(FormatError, match=r"must hold 1 scenes, got 2.*part-00001"):
        open_scene(out).load()


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" * 9])
def test_a_torn_shard_is_refused(out, content):
    (out / "part-00000.parquet").write_bytes(content)
    with pytest.raises(FormatError, match=r"must be Parquet.*part-00000"):
        open_scene(out).load()


def test_validation_looks_at_hashes_and_scenes_of_all_shards(out):
    assert list(validate(out)) == []
    (out / "part-00003.parquet").write_bytes((out / "part-00002.parquet").read_bytes())
    messages = [finding.message for finding in validate(out)]
    assert messages == ["shard must be in the manifest, got another."]


def test_shards_among_other_labels_are_one_data_set(tmp_path, out):
    [source] = find_sources(out)
    assert (source.path, source.format.name) == (out, "scene")
    assert find_sources(out, "scene") == [source]
    save_scenes(SCENES, tmp_path / "other" / "a.jsonl")
    assert [s.path.name for s in find_sources(tmp_path / "other", "scene")] == ["a.jsonl"]


def test_an_image_in_two_shards_is_found(tmp_path):
    twice, config = [SCENES[0], SCENES[1], SCENES[0]], make_config("b", "scene", 2)
    write_shards(range(3), twice.__getitem__, LocalFolder(tmp_path), config)
    [found] = validate(tmp_path)
    assert found.message == "image must occur once, got 0.jpg again"
    assert (found.file, found.line) == (str(tmp_path / "part-00001.parquet"), 1)
