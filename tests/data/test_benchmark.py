"""Making a split: the same bytes whatever happens on the way, and nothing else overwritten."""

import json
import shutil

import pytest

from drivegrid.data.benchmark import (
    LABEL_FILES,
    Plan,
    content_hash,
    file_hash,
    image_name,
    write_split,
)
from drivegrid.data.files import walk_files
from drivegrid.data.split import load_split
from drivegrid.data.validate import validate
from drivegrid.errors import ConfigError, FormatError
from tests.data import toy_world

MADE_WITH = {"drivegrid": "1", "backend": "toy"}
PLAN = Plan("test", 500_000, 5, MADE_WITH)


def hashes(folder):
    return {str(f.relative_to(folder)): file_hash(f) for f in walk_files(folder)}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a split of five frames."""
    folder = tmp_path_factory.mktemp("bench") / "test"
    write_split(folder, PLAN, toy_world.render)
    return folder


def test_a_split_holds_what_its_manifest_says(made) -> None:
    manifest = json.loads((made / "manifest.json").read_text())
    found = hashes(made)
    del found["manifest.json"]
    assert manifest["files"] == found
    assert manifest["content_sha256"] == content_hash(found)
    assert set(found) == {*LABEL_FILES, *map(image_name, range(5))}
    assert manifest["counts"]["frames"] == 5
    assert sum(manifest["counts"]["expressions"].values()) > 20
    assert list(validate(made)) == []


def test_scenes_are_those_of_the_seeds_in_order(made) -> None:
    split = load_split(made)
    assert [scene.extra["seed"] for scene in split.scenes] == list(range(500_000, 500_005))
    assert [scene.frame.image for scene in split.scenes] == list(map(image_name, range(5)))
    labels = toy_world.random_scene(500_001).instances
    for stored, drawn in zip(split.scenes[1].instances, labels, strict=True):
        assert (stored.label, stored.attributes) == (drawn.label, drawn.attributes)
        assert abs(stored.geometry.vertices() - drawn.geometry.vertices()).max() <= 0.0005


def test_processes_do_not_change_a_byte(made, tmp_path) -> None:
    write_split(tmp_path / "two", PLAN, toy_world.render, workers=2)
    assert hashes(tmp_path / "two") == hashes(made)


def test_a_stopped_run_goes_on_where_it_was(made, tmp_path) -> None:
    drawn = []

    def dies(seed):
        drawn.append(seed)
        if len(drawn) == 4:
            raise KeyboardInterrupt
        return toy_world.render(seed)

    with pytest.raises(KeyboardInterrupt):
        write_split(tmp_path / "b", PLAN, dies)
    assert not (tmp_path / "b" / "manifest.json").exists()
    write_split(tmp_path / "b", PLAN, dies)
    assert drawn == [500_000, 500_001, 500_002, 500_003, 500_003, 500_004]
    assert hashes(tmp_path / "b") == hashes(made)


def test_half_a_picture_of_a_killed_run_is_swept_away(made, tmp_path) -> None:
    folder = tmp_path / "b"

    def dies(seed):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_split(folder, PLAN, dies)
    (folder / "images").mkdir(exist_ok=True)
    (folder / "images" / ".000000.png.12ab.part").write_bytes(b"half")
    write_split(folder, PLAN, toy_world.render)
    (folder / ".parts").mkdir()  # as if killed between the manifest and the sweeping up
    write_split(folder, PLAN, toy_world.render)
    assert hashes(folder) == hashes(made)


def test_two_runs_do_not_write_one_folder(tmp_path) -> None:
    def meanwhile(seed):
        with pytest.raises(FormatError, match="one run at a time"):
            write_split(tmp_path / "b", PLAN, toy_world.render)
        return toy_world.render(seed)

    write_split(tmp_path / "b", PLAN, meanwhile)
    assert list(validate(tmp_path / "b")) == []


def test_a_finished_split_is_not_made_again(made) -> None:
    counted = []
    write_split(made, PLAN, lambda seed: 1 / 0, on_frames=counted.append)
    assert counted == [5]


@pytest.mark.parametrize(
    "plan",
    [
        Plan("test", 500_000, 4, MADE_WITH),
        Plan("test", 600_000, 5, MADE_WITH),
        Plan("train", 500_000, 5, MADE_WITH),
        Plan("test", 500_000, 5, MADE_WITH | {"backend": "other"}),
    ],
)
def test_a_folder_made_otherwise_is_refused(made, tmp_path, plan) -> None:
    before = hashes(made)
    with pytest.raises(FormatError, match="made by the same command"):
        write_split(made, plan, toy_world.render)
    assert hashes(made) == before
    shutil.copytree(made, tmp_path / "b")
    (tmp_path / "b" / "manifest.json").unlink()
    with pytest.raises(FormatError, match="new or empty"):
        write_split(tmp_path / "b", plan, toy_world.render)


def test_a_stopped_run_of_another_plan_is_refused(tmp_path) -> None:
    with pytest.raises(ZeroDivisionError):
        write_split(tmp_path / "b", PLAN, lambda seed: 1 / 0)
    with pytest.raises(FormatError, match="made by the same command"):
        write_split(tmp_path / "b", Plan("test", 7, 5, MADE_WITH), toy_world.render)


def test_no_frames_are_no_plan() -> None:
    with pytest.raises(ConfigError, match="num_frames must be at least 1"):
        Plan("test", 0, 0, MADE_WITH)


def test_other_pictures_of_the_same_worlds_share_the_labels_hash(made, tmp_path) -> None:
    first = json.loads((made / "manifest.json").read_text())
    other = write_split(tmp_path / "b", PLAN, toy_world.render_wider)
    assert first["labels_sha256"] == other["labels_sha256"]
    assert first["content_sha256"] != other["content_sha256"]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("expressions.jsonl", "[]"),
        ("expressions.jsonl", '{"scene": 9}'),
        ("expressions.jsonl", '{"scene":0,"text":"a","kind":"odd","targets":[],"root":"x"}'),
        ("expressions.jsonl", '{"scene":0,"text":"a","kind":"single","targets":[99],"root":"x"}'),
        ("attributes.jsonl", '{"scene":0,"instance":true,"options":[],"task":"a"}'),
        ("attributes.jsonl", "{"),
    ],
)
def test_rows_of_another_form_are_named(made, tmp_path, name, line) -> None:
    shutil.copytree(made, tmp_path / "b")
    (tmp_path / "b" / name).write_text(line)
    with pytest.raises(FormatError, match=rf"{name}, line 1"):
        load_split(tmp_path / "b")
