"""What is asked: of splits and of labels, with their pictures."""

from dataclasses import replace

import numpy as np
import pytest

from drivegrid.data.benchmark import Plan, write_split
from drivegrid.data.images import save_image
from drivegrid.data.store import save_scenes
from drivegrid.errors import ConfigError, FormatError
from drivegrid.geometry import Box, Point
from drivegrid.tasks.exam import asked_scene, load_exam, marked_place
from tests.data.toy_world import area, line, random_scene, render, scene, sign, thing


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    for name, seed in (("train", 100), ("test", 0)):
        write_split(folder / name, Plan(name, seed, 4, {}), render)
    return folder


def labelled(folder, scenes):
    """Write scenes with grey pictures; return the label file."""
    for one in scenes:
        width, height = one.frame.size_wh
        save_image(folder / one.frame.image, np.zeros((height, width, 3), np.uint8))
    save_scenes(scenes, folder / "labels.jsonl")
    return folder / "labels.jsonl"


def numbered(scenes):
    return [replace(s, frame=replace(s.frame, image=f"{i}.png")) for i, s in enumerate(scenes)]


def test_a_split_or_its_parent_is_an_exam_with_training_beside(bench) -> None:
    exam = load_exam(bench)
    assert exam == load_exam(bench / "test")
    assert len(exam.pictures) == len(exam.split.scenes) == 4
    assert exam.training is not None and len(exam.training.scenes) == 4
    assert exam.tasks == ("lanes", "objects", "signs", "drivable") and exam.lanes == "all"
    assert load_exam(bench / "train").training is None


def test_labels_bring_their_expressions_and_attributes(tmp_path) -> None:
    one = scene(thing("obstacle/cone", visible_state="cut off"), image="a.png")
    told = [{"text": "the cone", "targets": [0]}, {"text": "a car", "targets": []}]
    exam = load_exam(labelled(tmp_path, [replace(one, extra={"expressions": told})]))
    assert [(e.text, e.kind) for e in exam.split.expressions[0]] == [
        ("the cone", "single"),
        ("a car", "none"),
    ]
    assert [q.task for q in exam.split.questions[0]] == ["obstacle_class", "obstacle_visible_state"]
    assert exam.tasks == ("objects",) and exam.training is None


def test_signs_labelled_as_boxes_are_asked_for_as_points(tmp_path) -> None:
    box = replace(sign("sign/warning"), geometry=Box(np.array([10.0, 10.0, 30.0, 20.0])))
    exam = load_exam(labelled(tmp_path, [scene(box, image="a.png")]))
    place = marked_place(exam.split.scenes[0], 0)
    assert isinstance(place, Point) and place.xy.tolist() == [20.0, 15.0]


def test_frames_without_picture_are_set_aside(tmp_path) -> None:
    path = labelled(tmp_path, numbered([scene(line(90, 0), area()) for _ in range(3)]))
    (tmp_path / "1.png").unlink()
    exam = load_exam(path)
    assert [picture.name for picture in exam.pictures] == ["0.png", "2.png"]
    assert [error.path for error in exam.rejected] == [tmp_path / "1.png"]
    assert len(exam.split.scenes) == len(exam.split.questions) == 2


def test_labels_without_any_picture_are_left_out_with_a_note(tmp_path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        labelled(tmp_path / name, [scene(area(), image="0.png")])
    (tmp_path / "b" / "0.png").unlink()
    exam = load_exam(tmp_path)
    assert len(exam.pictures) == 1 and not exam.rejected
    assert len(exam.notes) == 1 and "1 frames left out" in exam.notes[0]
    (tmp_path / "a" / "0.png").unlink()
    with pytest.raises(ConfigError, match="frames with pictures"):
        load_exam(tmp_path)
    with pytest.raises(FormatError):
        load_exam(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("count", "places"), [(1, [0]), (2, [0, 8]), (3, [0, 4, 8]), (9, range(9)), (99, range(9))]
)
def test_frames_are_spread_evenly(tmp_path, count, places) -> None:
    exam = load_exam(labelled(tmp_path, numbered([random_scene(s) for s in range(9)])))
    assert [p.stem for p in exam.spread(count).pictures] == [str(i) for i in places]


@pytest.mark.parametrize(
    ("instances", "lanes"),
    [
        ([line(60, 0), line(200, 1)], "ego"),
        ([line(60, 0), line(130, 1), line(200, 2)], "all"),
        ([line(60, 0), area()], "all"),
        ([area()], "all"),
    ],
    ids=["two", "three", "other things", "no lane"],
)
def test_two_lines_and_nothing_else_are_those_of_our_lane(tmp_path, instances, lanes) -> None:
    path = labelled(tmp_path, [scene(*instances, image="0.png")])
    assert load_exam(path).lanes == lanes
    assert load_exam(path, "all").lanes == "all"


def test_our_own_lines_are_told_by_their_role() -> None:
    roles = scene(line(20, 0), line(90, 1, "ego-left"), line(200, 2, "ego-right"), area())
    assert [i.label for i in asked_scene(roles, "ego").instances].count("lane/line") == 2
    assert len(asked_scene(roles, "all").instances) == 4
    bare = scene(line(20, 0, ""), line(90, 1, ""))
    assert len(asked_scene(bare, "ego").instances) == 2
