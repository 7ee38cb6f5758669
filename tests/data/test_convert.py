"""Conversions add up, lose only what they report, and leave nothing half done."""

import json
import os
from dataclasses import replace

import pytest

from drivegrid.data import convert as module
from drivegrid.data.convert import convert
from drivegrid.data.engines import Engine
from drivegrid.data.formats import FORMATS, load_culane, load_tusimple, save_culane
from drivegrid.data.quarantine import Loss, Rejected
from drivegrid.data.scene import Instance
from drivegrid.data.store import load_scenes, save_scenes
from drivegrid.errors import FormatError
from tests.data.builders import SHAPES, make_lane, make_scene

LANE = make_lane([[100, 700], [640, 160]])
SIGN = Instance("sign/regulatory/stop", SHAPES["box"])


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("target_format", [name for name in FORMATS if FORMATS[name].save])
@pytest.mark.parametrize("count", [1, 3])
def test_every_frame_arrives(tmp_path, target_format, count):
    said = {"expressions": [{"text": "stop there", "targets": [1]}]}
    scenes = [make_scene(LANE, SIGN, image=f"{i}.jpg", extra=said) for i in range(count)]
    save_scenes(scenes, tmp_path / "a.jsonl")
    report = convert(tmp_path / "a.jsonl", "scene", tmp_path / "b.jsonl", target_format)
    assert (report.read, report.written, report.quarantined) == (count, count, 0)
    assert names(tmp_path) == ["a.jsonl", "b.jsonl"]
    assert len(FORMATS[target_format].load(tmp_path / "b.jsonl").scenes) == count


@pytest.mark.parametrize("source_format", ["scene", "tusimple"])
@pytest.mark.parametrize("text", ["", "\n\n"])
def test_labels_without_a_frame_are_refused(tmp_path, source_format, text):
    (tmp_path / "a.jsonl").write_text(text)
    with pytest.raises(FormatError, match=r"at least one frame, got none.*a\.jsonl"):
        convert(tmp_path / "a.jsonl", source_format, tmp_path / "b.jsonl", "scene")
    assert names(tmp_path) == ["a.jsonl"]


def test_what_the_reader_and_the_writer_set_aside_adds_up(tmp_path):
    box = Instance("obstacle/cone", SHAPES["box"])
    good = make_scene(make_lane([[100, 580], [640, 160]]), box, size_wh=(1640, 590))
    save_scenes([good, good, make_scene(image="../a.jpg")], tmp_path / "a.jsonl")
    with (tmp_path / "a.jsonl").open("a") as file:
        file.write("{}\n")
    report = convert(tmp_path / "a.jsonl", "scene", tmp_path / "out", "culane")
    assert (report.read, report.written, report.quarantined) == (4, 1, 3)
    assert [record.item.partition(" (")[0] for record in report.rejected] == [
        "schema",
        "scene 1",
        "scene 2",
    ]
    assert [record.path for record in report.rejected[1:]] == [str(tmp_path / "out")] * 2
    assert [loss.item for loss in report.losses] == ["instance 1 (obstacle/cone)"]


def test_the_report_on_disk(tmp_path):
    report = module.Report(2, 1, [Rejected("a", "bad", 3)], [Loss("b.jpg", "a box")], {"a box": 1})
    report.save(tmp_path / "r.json")
    assert json.loads((tmp_path / "r.json").read_text()) == {
        "read": 2,
        "written": 1,
        "quarantined": 1,
        "loss_counts": {"a box": 1},
        "assumed_sizes": 0,
        "records": [{"path": "a", "message": "bad", "line": 3, "item": None}],
        "losses": [{"image": "b.jpg", "message": "a box", "item": None}],
    }


def test_a_file_is_replaced_and_an_empty_folder_filled(tmp_path):
    save_scenes([make_scene(LANE)], tmp_path / "a.jsonl")
    (tmp_path / "b.jsonl").write_text("old")
    (tmp_path / "empty").mkdir()
    convert(tmp_path / "a.jsonl", "scene", tmp_path / "b.jsonl", "scene")
    convert(tmp_path / "a.jsonl", "scene", tmp_path / "empty", "culane")
    assert load_scenes(tmp_path / "b.jsonl") == load_scenes(tmp_path / "a.jsonl")
    assert len(load_culane(tmp_path / "empty").scenes) == 1


def test_targets_with_content_and_the_source_itself_are_refused(tmp_path):
    save_scenes([make_scene(LANE)], tmp_path / "a.jsonl")
    os.link(tmp_path / "a.jsonl", tmp_path / "hard.jsonl")
    (tmp_path / "soft.jsonl").symlink_to("a.jsonl")
    before = names(tmp_path)
    for target in ("", "a.jsonl", "x/../a.jsonl", "hard.jsonl", "soft.jsonl"):
        with pytest.raises(FormatError, match=r"empty folder|read or written already"):
            convert(tmp_path / "a.jsonl", "scene", tmp_path / target, "scene")
    assert names(tmp_path) == before


FRAME = json.dumps({"lanes": [[5]], "h_samples": [500], "raw_file": "a.jpg"})
TYPES = json.dumps({"raw_file": "a.jpg", "lane_types": ["dashed"]})


@pytest.mark.parametrize(
    ("side", "target", "good"),
    [
        ("a.lane_types.jsonl", "a.jsonl", False),
        ("a.lane_types.jsonl", "a.json.gz", False),
        ("a.lane_types.jsonl", "a.lane_types.jsonl", False),
        ("lane_types.jsonl", "lane_types.jsonl", False),
        ("lane_types.jsonl", "a.json.gz", False),  # its types would be read for a.json too
        ("lane_types.jsonl", "b.json", True),
        ("none", "a.json.gz", True),
    ],
)
def test_the_side_files_of_the_source_are_not_written_over(tmp_path, side, target, good):
    (tmp_path / "a.json").write_text(FRAME)
    (tmp_path / side).write_text(TYPES)
    before = load_tusimple(tmp_path / "a.json").scenes
    if good:
        convert(tmp_path / "a.json", "tusimple", tmp_path / target, "tusimple")
        assert load_tusimple(tmp_path / target).scenes == before
    else:
        with pytest.raises(FormatError, match="read or written already"):
            convert(tmp_path / "a.json", "tusimple", tmp_path / target, "tusimple")
    assert load_tusimple(tmp_path / "a.json").scenes == before
    assert (tmp_path / side).read_text() == TYPES


@pytest.mark.parametrize(
    ("target_format", "target", "report"),
    [
        ("scene", "b.jsonl", "a.json"),
        ("scene", "b.jsonl", "a.lane_types.jsonl"),
        ("scene", "b.jsonl", "b.jsonl"),
        ("scene", "b.jsonl", "x/../b.jsonl"),
        ("tusimple", "b.json", "b.lane_types.jsonl"),
        ("culane", "out", "out"),
        ("culane", "out", "out/a.lines.txt"),
    ],
)
def test_a_report_in_place_of_labels_is_refused(tmp_path, target_format, target, report):
    (tmp_path / "a.json").write_text(FRAME)
    (tmp_path / "a.lane_types.jsonl").write_text(TYPES)
    arguments = (tmp_path / "a.json", "tusimple", tmp_path / target, target_format)
    with pytest.raises(FormatError, match=r"already|must not replace"):
        convert(*arguments, tmp_path / report)
    assert names(tmp_path) == ["a.json", "a.lane_types.jsonl"]


@pytest.mark.parametrize("report", ["r.json", "out/r.json"])
def test_a_report_is_written_beside_or_among_the_labels(tmp_path, report):
    (tmp_path / "a.json").write_text(FRAME)
    (tmp_path / "r.json").write_text("old")
    made = convert(tmp_path / "a.json", "tusimple", tmp_path / "out", "culane", tmp_path / report)
    assert json.loads((tmp_path / report).read_text()) == made.to_dict()


def test_no_label_file_of_a_source_folder_is_written_over(tmp_path):
    save_culane([make_scene(LANE, image="a.jpg")], tmp_path / "in")
    with pytest.raises(FormatError, match="already"):
        convert(tmp_path / "in", "culane", tmp_path / "in" / "a.lines.txt", "tusimple")
    convert(tmp_path / "in", "culane", tmp_path / "in" / "new.json", "tusimple")
    assert names(tmp_path / "in") == ["a.lines.txt", "list", "new.json"]


@pytest.mark.parametrize("wrong", [("cocoa", "culane"), ("culane", "cocoa")])
def test_unknown_formats_are_refused_before_anything_is_read(tmp_path, wrong):
    with pytest.raises(FormatError, match="got 'cocoa'"):
        convert(tmp_path / "absent", wrong[0], tmp_path / "out", wrong[1])


def test_a_failing_writer_leaves_no_folder(tmp_path, monkeypatch):
    def save(scenes, path):
        FORMATS["culane"].save(scenes, path)
        raise OSError(28, "No space left on device")

    save_scenes([make_scene(LANE)], tmp_path / "a.jsonl")
    broken = replace(FORMATS["culane"], save=save)
    monkeypatch.setattr(module, "find_format", {"scene": FORMATS["scene"], "x": broken}.get)
    with pytest.raises(OSError, match="No space"):
        convert(tmp_path / "a.jsonl", "scene", tmp_path / "out", "x")
    assert names(tmp_path) == ["a.jsonl"]


def test_real_tusimple_through_culane_keeps_every_point(realdata, tmp_path):
    source = realdata / "tusimple" / "label_data.json"
    report = convert(source, "tusimple", tmp_path / "culane", "culane")
    assert (report.read, report.written) == (132, 132)
    for picture in source.parent.rglob("*.jpg"):  # without pictures CULane means 1640x590
        (tmp_path / "culane" / picture.relative_to(source.parent)).symlink_to(picture)
    back = convert(tmp_path / "culane", "culane", tmp_path / "back.json", "tusimple")
    assert (back.read, back.written) == (132, 132)
    assert back.losses == []
    before = {scene.frame.image: scene for scene in load_tusimple(source).scenes}
    for scene in load_tusimple(tmp_path / "back.json").scenes:
        lanes = [i.geometry for i in before[scene.frame.image].instances]
        assert [i.geometry for i in scene.instances] == lanes


def write_frames(path, num_frames):
    """Write TuSimple frames of which every seventh is broken."""
    broken = FRAME.replace("[5]", '["x"]')
    good = (FRAME.replace("a.jpg", f"{index}.jpg") for index in range(num_frames))
    path.write_text("\n".join(broken if i % 7 == 6 else line for i, line in enumerate(good)))


@pytest.mark.parametrize(
    ("target_format", "name"),
    [("scene", "{}.jsonl"), ("tusimple", "{}.json"), ("culane", "{}")],
)
def test_workers_write_the_same_labels_as_one_process(tmp_path, target_format, name, monkeypatch):
    monkeypatch.setattr(module, "FRAMES_PER_JOB", 3)
    write_frames(tmp_path / "a.json", 20)
    seen, reports, scenes = [], [], []
    for workers in (1, 2):
        target, engine = tmp_path / name.format(workers), Engine("local", workers, seen.append)
        reports.append(
            convert(tmp_path / "a.json", "tusimple", target, target_format, engine=engine)
        )
        scenes.append(FORMATS[target_format].load(target).scenes)
    assert (reports[0].read, reports[0].written, reports[0].quarantined) == (20, 18, 2)
    assert reports[0] == reports[1]
    assert scenes[0] == scenes[1]
    assert sum(seen) == 40


@pytest.mark.parametrize("target", ["out", "out/", "file://{}/out", "local://{}/out"])
def test_scenes_in_a_folder_are_shards(tmp_path, target, monkeypatch):
    monkeypatch.setattr(module, "FRAMES_PER_SHARD", 6)
    monkeypatch.chdir(tmp_path)
    write_frames(tmp_path / "a.json", 20)
    target = target.format(tmp_path)
    report = convert("a.json", "tusimple", target, "scene", "r.json")
    assert (report.read, report.written, report.quarantined) == (20, 18, 2)
    assert [record.line for record in report.rejected] == [7, 14]
    assert len(list((tmp_path / "out").glob("part-*.parquet"))) == 4
    assert json.loads((tmp_path / "r.json").read_text()) == report.to_dict()
    assert convert("a.json", "tusimple", target, "scene") == report
    back = convert(target if "://" in target else "out", "scene", "b.jsonl", "scene")
    assert (back.read, back.written) == (18, 18)
    assert load_scenes("b.jsonl") == load_tusimple("a.json").scenes


def test_shards_in_memory_and_without_a_frame(tmp_path):
    write_frames(tmp_path / "a.json", 3)
    url = f"memory://{tmp_path}"
    assert convert(tmp_path / "a.json", "tusimple", url, "scene").written == 3
    assert convert(url, "scene", tmp_path / "b.jsonl", "scene").written == 3
    write_frames(tmp_path / "a.json", 0)
    with pytest.raises(FormatError, match="at least one frame"):
        convert(tmp_path / "a.json", "tusimple", tmp_path / "out", "scene")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("source", "target", "report"),
    [
        ("a.json", "full", None),
        ("a.json", "out", "out/r.json"),
        ("a.json", "out", "a.json"),
        ("shards", "shards", None),
        ("a.json", "a.txt", None),
    ],
)
def test_shards_do_not_replace_anything(tmp_path, monkeypatch, source, target, report):
    monkeypatch.chdir(tmp_path)
    write_frames(tmp_path / "a.json", 3)
    convert("a.json", "tusimple", "shards", "scene")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a.txt").write_text("mine")
    before = {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")}
    with pytest.raises(FormatError, match="must"):
        convert(source, "tusimple" if source == "a.json" else "scene", target, "scene", report)
    assert {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")} == before
