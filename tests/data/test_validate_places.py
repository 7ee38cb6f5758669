"""Where findings stand, what is passed over, and what is told without being a fault."""

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from drivegrid.cli.main import app
from drivegrid.data.convert import convert
from drivegrid.data.scene import Instance
from drivegrid.data.store import save_scenes
from drivegrid.data.validate import Validation, validate
from drivegrid.geometry import Box
from tests.data.builders import make_lane, make_scene

CAR = Instance("object/vehicle/car", Box(np.array([5.0, 5.0, 50.0, 40.0])))
TWICE = make_scene(CAR, CAR, image="a.jpg", size_wh=(640, 480))


def run(*arguments: object):
    return CliRunner().invoke(app, ["data", *map(str, arguments)])


@pytest.mark.parametrize(
    ("to", "file"),
    [
        ("voc", "a.xml"),
        ("labelme", "a.json"),
        ("kitti", "a.txt"),
        ("yolo", "a.txt"),
        ("mtsd", "a.json"),
        ("cvat", "annotations.xml"),
    ],
)
def test_findings_name_the_file_of_their_frame(tmp_path, to, file) -> None:
    sign = Instance("sign/regulatory/stop", CAR.geometry)
    twice = make_scene(CAR, CAR, sign, sign, image="leftImg8bit/a.jpg", size_wh=(640, 480))
    save_scenes([twice], tmp_path / "s.jsonl")
    convert(tmp_path / "s.jsonl", "scene", tmp_path / "out" / "annotations.xml", to)
    found = [f for f in Validation(tmp_path / "out", name=to) if "must occur once" in f.message]
    assert found
    assert all(f.file.endswith(file) for f in found), found


def test_frames_of_one_name_in_two_files_are_told_apart(tmp_path) -> None:
    for name in ("det_train.json", "det_val.json"):
        save_scenes([TWICE], tmp_path / "s.jsonl")
        convert(tmp_path / "s.jsonl", "scene", tmp_path / "bdd" / name, "bdd100k")
    files = [f.file for f in validate(tmp_path / "bdd") if f.rule == "image must occur once"]
    assert files == [str(tmp_path / "bdd" / "det_val.json")]


def test_lost_pictures_are_looked_for_where_people_say(tmp_path) -> None:
    save_scenes([TWICE], tmp_path / "s.jsonl")
    (tmp_path / "pictures").mkdir()
    ran = run("validate", tmp_path / "s.jsonl", "--root", tmp_path / "pictures")
    assert f"picture must stand in {tmp_path / 'pictures'}, got none" in ran.stdout
    assert "not checked" not in ran.stdout
    assert "not checked" in run("validate", tmp_path / "s.jsonl").stdout


def test_what_leaves_the_image_is_counted_not_a_fault(tmp_path) -> None:
    border = Instance("object/vehicle/car", Box(np.array([-1.0, 5.0, 50.0, 481.0])))
    beyond = Instance("object/vehicle/bus", Box(np.array([-10.5, 5.0, 50.0, 40.0])))
    lane = make_lane([[100, 480], [700, 200]])
    save_scenes([make_scene(border, beyond, lane, size_wh=(640, 480))], tmp_path / "s.jsonl")
    ran = run("validate", tmp_path / "s.jsonl")
    assert ran.exit_code == 0, ran.output
    assert "partly outside the image, which labels may be: 1 box, 1 line" in ran.stdout


def test_labels_below_a_size_that_was_assumed_are_a_finding(tmp_path) -> None:
    lane = make_lane([[100, 710], [600, 300]])
    save_scenes([make_scene(lane, size_wh=(1280, 720))], tmp_path / "s.jsonl")
    convert(tmp_path / "s.jsonl", "scene", tmp_path / "lanes", "culane")
    ran = run("validate", tmp_path / "lanes")
    assert ran.exit_code == 1
    assert "1640x590, and points down to y = 710" in ran.stdout
    assert "size of 1 frame is assumed" in ran.stderr
    ran = run("validate", tmp_path / "lanes", "--size", "1280x720", "--json")
    assert (ran.exit_code, json.loads(ran.stdout)["assumed_sizes"]) == (0, 0)
    Image.new("RGB", (1280, 720)).save(tmp_path / "20.jpg")
    counted = run("stats", tmp_path / "lanes", "--size", "1280x720", "--json")
    assert json.loads(counted.stdout)["frame_sizes"] == {"1280x720": 1}


def test_files_of_no_known_format_are_named(tmp_path) -> None:
    save_scenes([make_scene(CAR, size_wh=(640, 480))], tmp_path / "s.jsonl")
    (tmp_path / "map.json").write_text('{"centerlines": 3}')
    ran = run("validate", tmp_path)
    assert ran.exit_code == 0, ran.output
    assert f"passed over: 1 files, first {tmp_path / 'map.json'}" in ran.stdout
    assert json.loads(run("validate", tmp_path, "--json").stdout)["skipped"] == [
        str(tmp_path / "map.json")
    ]
