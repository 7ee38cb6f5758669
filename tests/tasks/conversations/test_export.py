"""Whole data sets: counted, the same for any number of processes, nothing lost silently."""

import json
from dataclasses import replace

import pytest

from drivegrid.data.formats import Source
from drivegrid.data.formats.scene import open_scene
from drivegrid.data.scene import Frame, Scene
from drivegrid.data.store import save_scenes
from drivegrid.errors import FormatError
from drivegrid.tasks.conversations import convert, export, load_records
from drivegrid.tasks.settings import ConversationConfig
from tests.data.toy_world import random_scene

CONFIG = ConversationConfig(covered=("*",))


def toy(seed):
    scene = random_scene(seed)
    return replace(scene, frame=replace(scene.frame, image=f"{seed}.png"))


def test_no_frame_no_record(tmp_path) -> None:
    path = tmp_path / "r.jsonl"
    done = export(Source(iter([]), lambda entry: entry), path, "ours", CONFIG)
    assert done.to_dict() == {
        "frames": 0, "quarantined": 0, "without_records": 0, "records": 0, "tasks": {},
        "brought": {}, "assumed_sizes": 0,
    }  # fmt: skip
    assert path.read_text() == ""


def test_frames_are_kept_or_set_aside_and_counted(tmp_path) -> None:
    scenes = [
        toy(0),
        FormatError("line must be JSON", "a.jsonl", 3),
        Scene(Frame("", (9, 9))),
        Scene(Frame("bare.png", (9, 9))),
        Scene(Frame("odd.png", (9, 9)), extra={"questions": 3}),
    ]
    config = ConversationConfig()
    path = tmp_path / "r.jsonl"
    done = export(Source(iter(scenes), lambda entry: entry), path, "ours", config)
    assert (done.quarantine.num_read, done.quarantine.num_rejected, done.num_silent) == (5, 3, 1)
    assert [r.item for r in done.quarantine.rejected] == [None, "frame", "odd.png, questions"]
    assert list(load_records(path)) == convert(toy(0), config)
    assert done.counts.total() == len(convert(toy(0), config))


def test_what_the_data_set_brings_is_counted(tmp_path) -> None:
    asked = [{"question": f"why {n}?", "answer": "so"} for n in range(9)]
    scenes = [Scene(Frame("a.png", (9, 9)), extra={"questions": asked}), Scene(Frame("b", (9, 9)))]
    done = export(Source(iter(scenes), lambda entry: entry), tmp_path / "r.jsonl", "ours", CONFIG)
    assert (done.counts["questions"], dict(done.brought)) == (4, {"questions": 9})


def test_any_number_of_processes_writes_the_same_file(tmp_path) -> None:
    save_scenes((toy(seed) for seed in range(70)), tmp_path / "s.jsonl")
    config = ConversationConfig(tasks={"lanes": 1, "lane_query": 2, "refine": 1})
    for workers in (1, 2):
        path = tmp_path / f"{workers}.jsonl"
        done = export(open_scene(tmp_path / "s.jsonl"), path, "ours", config, workers=workers)
        assert done.quarantine.num_kept == 70
        assert len(path.read_text().splitlines()) == done.counts.total() > 100
    assert (tmp_path / "1.jsonl").read_bytes() == (tmp_path / "2.jsonl").read_bytes()


def test_a_source_that_breaks_off_leaves_no_file(tmp_path) -> None:
    def torn():
        yield toy(0)
        raise FormatError("file must be readable", "s.jsonl")

    with pytest.raises(FormatError):
        export(Source(torn(), lambda entry: entry), tmp_path / "r.jsonl", "ours", CONFIG)
    assert list(tmp_path.iterdir()) == []


def test_the_form_is_checked_before_the_work(tmp_path) -> None:
    def never():
        pytest.fail("nothing must be read")
        yield

    with pytest.raises(FormatError, match="form"):
        export(Source(never(), lambda entry: entry), tmp_path / "r.jsonl", "csv", CONFIG)


def test_tusimple_in_every_form(realdata, tmp_path) -> None:
    from drivegrid.data.formats import find_format

    labels = realdata / "tusimple" / "label_data.json"
    config = ConversationConfig(tasks={"lanes": 1}, covered=("lane/line",))
    for form, name in [("swift", "r.jsonl"), ("trl", "r.jsonl"), ("llava", "r.json")]:
        done = export(find_format("tusimple").open(labels), tmp_path / name, form, config)
        assert dict(done.counts) == {"lanes": 132}
    rows = json.loads((tmp_path / "r.json").read_text())
    assert len({row["image"] for row in rows}) == 132
    assert (realdata / "tusimple" / rows[0]["image"]).is_file()
