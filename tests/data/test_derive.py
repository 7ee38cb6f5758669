"""Data sets made of data sets: nothing lost on the way, nothing torn apart, all or nothing."""

import json
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from drivegrid.data.derive import copy_labels, merge_labels, sample_labels, split_labels
from drivegrid.data.formats import FORMATS
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.data.sources import find_source
from drivegrid.data.store import load_scenes, save_scenes
from drivegrid.data.target import Target, labels_path
from drivegrid.errors import FormatError
from drivegrid.geometry import Box
from tests.data.builders import full_disk, make_lane, make_scene
from tests.data.formats.test_formats import KEPT

SCENE = FORMATS["scene"]


def make_clips(path, num_clips, frames=3):
    """Write scenes of clips with a picture each; return their source."""
    lane, cone = make_lane([[5, 40], [9, 9]]), Instance("obstacle/cone", Box(np.arange(4.0)))
    scenes = [
        Scene(
            Frame(f"c{clip}/{frame}.png", (64, 48), clip=f"c{clip}"),
            (lane, cone) if clip % 2 else (lane,),
        )
        for clip in range(num_clips)
        for frame in range(frames)
    ]
    path.mkdir()
    for scene in scenes:
        (path / scene.frame.image).parent.mkdir(exist_ok=True)
        Image.new("RGB", (64, 48), (120, 150, 90)).save(path / scene.frame.image)
    save_scenes(scenes, path / "s.jsonl")
    return find_source(path / "s.jsonl")


def images(folder):
    return [scene.frame.image for scene in load_scenes(folder / "labels.jsonl")]


@pytest.mark.parametrize("name", [name for name in FORMATS if FORMATS[name].save])
def test_every_format_is_exported_and_imported_with_its_picture(tmp_path, name) -> None:
    shape = KEPT.get(name, make_lane([[10, 300], [20, 290]]))
    said = {"expressions": [{"text": "follow it", "targets": [0]}]}
    scene = make_scene(shape, image="a/000020.png", extra=said)
    (tmp_path / "in" / "a").mkdir(parents=True)
    Image.new("RGB", scene.frame.size_wh).save(tmp_path / "in" / "a" / "000020.png")
    save_scenes([scene], tmp_path / "in" / "s.jsonl")
    there = copy_labels(find_source(tmp_path / "in"), Target(tmp_path / "out", FORMATS[name]))
    assert (there.read, there.written, there.rejected) == (1, {"all": 1}, [])
    assert there.pictures == {"linked": 1}
    assert labels_path(tmp_path / "out", FORMATS[name]).exists()
    source = find_source(tmp_path / "out", name)
    back = copy_labels(source, Target(tmp_path / "back", SCENE))
    assert (back.read, back.written) == (1, {"all": 1})
    (again,) = load_scenes(tmp_path / "back" / "labels.jsonl")
    assert [i.label for i in again.instances] == [i.label for i in scene.instances]
    assert again.frame.size_wh == scene.frame.size_wh


def test_an_empty_data_set_makes_nothing(tmp_path) -> None:
    save_scenes([], tmp_path / "s.jsonl")
    source = find_source(tmp_path / "s.jsonl", "scene")
    for act in (
        lambda target: copy_labels(source, target),
        lambda target: merge_labels([source], target),
        lambda target: split_labels(source, target, {"a": 0.5, "b": 0.5}, "clip"),
        lambda target: sample_labels(source, target, 1),
    ):
        with pytest.raises(FormatError, match="at least one frame"):
            act(Target(tmp_path / "out", SCENE))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("mode", "is_link"), [("link", True), ("copy", False), ("none", None)])
def test_pictures(tmp_path, mode, is_link) -> None:
    source = make_clips(tmp_path / "in", 2)
    (tmp_path / "in" / "c1" / "2.png").unlink()
    outcome = copy_labels(source, Target(tmp_path / "out", SCENE, mode))
    picture = tmp_path / "out" / "c0" / "1.png"
    if is_link is None:
        assert (picture.exists(), outcome.pictures) == (False, {})
        return
    assert picture.is_symlink() == is_link
    assert picture.read_bytes() == (tmp_path / "in" / "c0" / "1.png").read_bytes()
    assert outcome.pictures == {"linked" if is_link else "copied": 5, "missing": 1}


def test_pictures_elsewhere_and_names_that_climb(tmp_path) -> None:
    names = ["a.png", "../b.png", "/c.png", "a.png"]
    for name in ("a.png", "b.png", "c.png"):
        (tmp_path / "pictures" / "deep").mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (9, 9)).save(tmp_path / "pictures" / name)
    save_scenes([make_scene(image=name) for name in names], tmp_path / "s.jsonl")
    source = find_source(tmp_path / "s.jsonl")
    target = Target(tmp_path / "out", SCENE, root=tmp_path / "pictures")
    assert copy_labels(source, target).pictures == {"linked": 3, "missing": 1}
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "a.png",
        "c.png",
        "labels.jsonl",
    ]
    target = Target(tmp_path / "deep", SCENE, root=tmp_path / "pictures" / "deep")
    assert copy_labels(source, target).pictures == {"missing": 4}


def test_read_is_written_and_quarantined(tmp_path) -> None:
    source = make_clips(tmp_path / "in", 2)
    with (tmp_path / "in" / "s.jsonl").open("a") as file:
        file.write("broken\n")
    outcome = copy_labels(source, Target(tmp_path / "out", FORMATS["tusimple"]))
    counts = outcome.counts()
    assert (counts["read"], counts["written"], counts["quarantined"]) == (7, 6, 1)
    assert [n for loss, n in counts["loss_counts"].items() if "cone" in loss] == [3]
    assert outcome.rejected[0].line == 7
    json.dumps(outcome.to_dict())


def test_merge_keeps_order_and_roots(tmp_path) -> None:
    first, second = make_clips(tmp_path / "a", 1), make_clips(tmp_path / "b", 2)
    with pytest.raises(FormatError, match=r"got 'c0/0.png' again.*--on-duplicate"):
        merge_labels([first, second], Target(tmp_path / "out", SCENE))
    assert not (tmp_path / "out").exists()
    outcome = merge_labels([first, second], Target(tmp_path / "out", SCENE), "keep-first")
    assert (outcome.read, outcome.written, len(outcome.rejected)) == (9, {"all": 6}, 3)
    assert images(tmp_path / "out") == [f"c{clip}/{n}.png" for clip in (0, 1) for n in range(3)]
    linked = tmp_path / "out" / "c0" / "0.png", tmp_path / "out" / "c1" / "0.png"
    assert [link.resolve().parents[1].name for link in linked] == ["a", "b"]


def parts_of(folder):
    return {part.name: images(part) for part in folder.iterdir()}


def test_split_tears_no_clip_and_stays_when_more_comes(tmp_path) -> None:
    shares = {"train": 0.6, "val": 0.2, "test": 0.2}
    few, many = make_clips(tmp_path / "few", 30), make_clips(tmp_path / "many", 60)
    outcome = split_labels(few, Target(tmp_path / "x", SCENE), shares, "clip", 3)
    split_labels(many, Target(tmp_path / "y", SCENE), shares, "clip", 3)
    assert (outcome.read, sum(outcome.written.values()), outcome.torn, outcome.left) == (
        90,
        90,
        0,
        0,
    )
    small, large = parts_of(tmp_path / "x"), parts_of(tmp_path / "y")
    places = Counter(clip for part in small.values() for clip in {i.split("/")[0] for i in part})
    assert set(places.values()) == {1}
    assert all(set(small[part]) <= set(large[part]) for part in shares)
    again = split_labels(few, Target(tmp_path / "z", SCENE), shares, "clip", 4)
    assert again.written != outcome.written or parts_of(tmp_path / "z") != small


@pytest.mark.parametrize("clip", [None, "", "."])
def test_frames_of_no_clip_tear_none(tmp_path, clip) -> None:
    frames = [Scene(Frame(f"{i}.jpg", (64, 48), clip=clip)) for i in range(20)]
    save_scenes(frames, tmp_path / "a.jsonl")
    source = find_source(tmp_path / "a.jsonl")
    target = Target(tmp_path / "x", SCENE, "none")
    assert split_labels(source, target, {"a": 0.5, "b": 0.5}, "clip").torn == 0


def test_split_to_a_format_without_clips_says_so(tmp_path) -> None:
    target = Target(tmp_path / "x", FORMATS["curvelanes"], "none")
    outcome = split_labels(make_clips(tmp_path / "a", 20), target, {"a": 0.5, "b": 0.5}, "clip")
    assert outcome.counts()["loss_counts"]["clip left out"] == 60


def test_split_by_frame_counts_torn_clips(tmp_path) -> None:
    source = make_clips(tmp_path / "in", 4, frames=8)
    halves = {"a": 0.5, "b": 0.5}
    assert split_labels(source, Target(tmp_path / "x", SCENE), halves, "frame").torn == 4


def test_a_part_without_frames_is_refused(tmp_path) -> None:
    source = make_clips(tmp_path / "in", 1)
    with pytest.raises(FormatError, match="must get frames"):
        split_labels(source, Target(tmp_path / "x", SCENE), {"a": 0.5, "b": 0.5}, "clip")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("num", "labels", "drawn"),
    [(1, (), 1), (7, (), 7), (99, (), 12), (99, ["obstacle"], 6), (2, ["lane/line"], 2)],
)
def test_sample(tmp_path, num, labels, drawn) -> None:
    source = make_clips(tmp_path / "in", 4)
    outcome = sample_labels(source, Target(tmp_path / "x", SCENE), num, 0, labels)
    found = images(tmp_path / "x")
    assert (len(found), outcome.left) == (drawn, 12 - drawn)
    assert found == sorted(found)
    assert labels != ["obstacle"] or {name[:2] for name in found} == {"c1", "c3"}


def test_sample_draws_others_with_another_seed_and_refuses_what_is_not_there(tmp_path) -> None:
    source = make_clips(tmp_path / "in", 20)
    for seed, name in ((0, "x"), (0, "y"), (1, "z")):
        sample_labels(source, Target(tmp_path / name, SCENE, "none"), 9, seed)
    assert images(tmp_path / "x") == images(tmp_path / "y") != images(tmp_path / "z")
    with pytest.raises(FormatError, match="with sign"):
        sample_labels(source, Target(tmp_path / "w", SCENE), 1, 0, ["sign"])
    with pytest.raises(FormatError, match="with obst, got none"):
        sample_labels(source, Target(tmp_path / "w", SCENE), 1, 0, ["obst"])


def test_targets_in_use_are_refused(tmp_path) -> None:
    source = make_clips(tmp_path / "in", 1)
    with pytest.raises(FormatError, match="new or an empty folder"):
        copy_labels(source, Target(tmp_path / "in", SCENE))
    copy_labels(source, Target(tmp_path / "lanes", FORMATS["culane"]))
    lanes = find_source(tmp_path / "lanes")
    with pytest.raises(FormatError, match="must not lie in"):
        copy_labels(lanes, Target(tmp_path / "lanes" / "more", SCENE))


def test_a_full_disk_leaves_nothing(tmp_path) -> None:
    source = make_clips(tmp_path / "in", 20)
    with full_disk(), pytest.raises(OSError, match="File too large"):
        copy_labels(source, Target(tmp_path / "out", SCENE))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]
