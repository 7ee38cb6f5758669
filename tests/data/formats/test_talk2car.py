"""Talk2Car: a golden file, both ways, losses, wrong files."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivegrid.data.formats.peek import Peek
from drivegrid.data.formats.talk2car import load_talk2car, recognise_talk2car, save_talk2car
from drivegrid.data.images import save_image
from drivegrid.data.scene import Instance
from drivegrid.errors import FormatError
from drivegrid.geometry import Box
from tests.data.builders import SHAPES, make_scene
from tests.data.formats.mutations import mutated


def command(text, sample, token, **more):
    return {
        "scene_token": "drive-1", "sample_token": sample, "translation": [-12.9, 1.35, 34.6],
        "command": text, "obj_name": "vehicle.car", "box_token": "b1", "command_token": token,
        "2d_box": [260, 479, 191, 82], "t2c_img": f"img_{token}.jpg",
    } | more  # fmt: skip


UNTOLD = {"scene_token": "drive-1", "sample_token": "s1", "command": "stop", "command_token": "c9"}
GOLDEN = {
    "commands": [
        command("turn left behind the silver car", "s1", "c0"),
        command("let the truck pass", "s1", "c1", obj_name="vehicle.truck", box_token="b2",
                **{"2d_box": [572.5, 408, 221, 189.25]}),
        command("park behind the car. ", "s2", "c2"),
        command("follow the silver car", "s1", "c3"),
        UNTOLD,
    ],
    "scene_tokens": ["drive-1"],
}  # fmt: skip
TEXT = json.dumps(GOLDEN)


def load(folder, content):
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    (folder / "a.json").write_bytes(text)
    return load_talk2car(folder / "a.json")


def save(scenes, folder):
    saved = save_talk2car(scenes, folder / "out.json")
    return saved, json.loads((folder / "out.json").read_text())


def test_no_commands(tmp_path):
    assert load(tmp_path, {"commands": []}).quarantine.num_read == 0
    assert save([], tmp_path)[1] == {"commands": [], "scene_tokens": []}


def test_the_golden_file_by_hand(tmp_path):
    first, second = load(tmp_path, GOLDEN).scenes
    assert (first.frame.image, first.frame.clip) == ("img_c0.jpg", "drive-1")
    assert first.frame.size_wh == (1600, 900)
    assert [(i.label, i.geometry.xyxy.tolist()) for i in first.instances] == [
        ("object/vehicle/car", [260, 479, 451, 561]),
        ("object/vehicle/truck", [572.5, 408, 793.5, 597.25]),
    ]
    assert [(e["text"], e["targets"], e["source"]) for e in first.extra["expressions"]] == [
        ("turn left behind the silver car", [0], "talk2car"),
        ("let the truck pass", [1], "talk2car"),
        ("follow the silver car", [0], "talk2car"),
    ]
    assert first.extra["talk2car"] == {"open": [UNTOLD]}
    assert [e["text"] for e in second.extra["expressions"]] == ["park behind the car. "]


def test_frames_come_back(tmp_path):
    scenes = load(tmp_path, GOLDEN).scenes
    saved, written = save(scenes, tmp_path)
    assert saved.losses == []
    by_token = {one["command_token"]: one for one in written["commands"]}
    assert by_token == {one["command_token"]: one for one in GOLDEN["commands"]}
    assert written["scene_tokens"] == ["drive-1"]
    assert load_talk2car(tmp_path / "out.json").scenes == scenes


_sides = st.tuples(*[st.floats(-1e5, 1e5) | st.integers(-99, 9999)] * 2,
                   *[st.floats(0, 1e4) | st.integers(0, 999)] * 2)  # fmt: skip
_classes = st.sampled_from(
    ["vehicle.car", "vehicle.bus.bendy", "human.pedestrian.adult", "noise", "x"]
)
_commands = st.lists(
    st.tuples(_sides, _classes, st.sampled_from("pq"), st.text(max_size=5)), max_size=5
)


@settings(max_examples=100)
@given(_commands)
def test_any_commands_come_back(tmp_path_factory, drawn):
    folder = tmp_path_factory.mktemp("any")
    commands = [
        command(text, sample, f"c{number}", obj_name=name, **{"2d_box": list(sides)})
        for number, (sides, name, sample, text) in enumerate(drawn)
    ]
    scenes = load(folder, {"commands": commands}).scenes
    saved, written = save(scenes, folder)
    assert saved.losses == []
    key = lambda one: one["command_token"]  # noqa: E731
    assert sorted(written["commands"], key=key) == commands
    assert load_talk2car(folder / "out.json").scenes == scenes


def test_scenes_from_elsewhere(tmp_path):
    cone = Instance("obstacle/cone", SHAPES["box"], {"color": "red"}, visibility=0.5)
    said = [{"text": "the cone", "targets": [0]}, {"text": "all", "targets": [0, 1]},
            {"text": "none", "targets": []}, {"text": "the place", "targets": [1]}]  # fmt: skip
    scene = make_scene(cone, Instance("sign", SHAPES["point"]), extra={"expressions": said})
    saved, written = save([scene, make_scene()], tmp_path)
    [one] = written["commands"]
    assert (one["command"], one["obj_name"]) == ("the cone", "movable_object.trafficcone")
    np.testing.assert_allclose(one["2d_box"], [0.1, 0.2, 30.2, 40.2])
    assert sorted(saved.loss_counts.items()) == [
        ("attribute color left out", 1),
        ("expression left out: not about exactly one box", 3),
        ("sign (point) left out: no command is about it", 1),
        ("visibility left out", 1),
    ]
    [rejected] = saved.quarantine.rejected
    assert "must have a command" in rejected.message


def test_a_moved_box_is_written_anew(tmp_path):
    first, *_ = load(tmp_path, GOLDEN).scenes
    car = replace(first.instances[0], geometry=Box(np.array([1.0, 2, 4, 8])), label="obstacle/cone")
    changed = replace(first, instances=(car, *first.instances[1:]))
    _, written = save([changed], tmp_path)
    assert written["commands"][0]["2d_box"] == [1, 2, 3, 6]
    assert written["commands"][0]["obj_name"] == "movable_object.trafficcone"


def test_pictures_give_the_size(tmp_path):
    save_image(tmp_path / "img_c0.jpg", np.zeros((3, 4, 3), np.uint8))
    assert load(tmp_path, GOLDEN).scenes[0].frame.size_wh == (4, 3)


BAD = {
    "no object": (3, "object"),
    "no sample": ({"command": "x"}, "sample_token"),
    "no command": ({"sample_token": "q"}, "command must be there"),
    "three sides": (command("x", "q", "c", **{"2d_box": [1, 2, 3]}), "width and height"),
    "negative": (command("x", "q", "c", **{"2d_box": [1, 2, -3, 4]}), "upper left"),
    "a text": (command("x", "q", "c", **{"2d_box": [1, 2, "3", 4]}), "number"),
    "no class": (command("x", "q", "c", obj_name=None), "text"),
    "climbs": (command("x", "q", "c", t2c_img="../a.jpg"), "image name"),
    "clip": (command("x", "q", "c", scene_token=7), "text"),
}


@pytest.mark.parametrize(("wrong", "message"), BAD.values(), ids=BAD)
def test_a_wrong_command_sets_its_frame_aside(tmp_path, wrong, message):
    loaded = load(tmp_path, {"commands": [GOLDEN["commands"][0], wrong]})
    assert len(loaded.scenes) == 1
    [record] = loaded.quarantine.rejected
    assert "command 1" in record.item
    assert message in f"{record.item} {record.message}"


@settings(max_examples=300)
@given(mutated(TEXT.encode()))
def test_broken_files_are_read_or_set_aside(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("fuzz")
    try:
        scenes = load(folder, content).scenes
    except FormatError:
        return
    save_talk2car(scenes, folder / "out.json")


HOSTILE = {
    "expressions": {"expressions": 3},
    "an expression": {"expressions": [3]},
    "no text": {"expressions": [{"targets": [0]}]},
    "a far target": {"expressions": [{"text": "x", "targets": [7]}]},
    "a text target": {"expressions": [{"text": "x", "targets": ["a"]}]},
    "own": {"expressions": [], "talk2car": 3},
    "open": {"expressions": [], "talk2car": {"open": [3]}},
}


@pytest.mark.parametrize("extra", HOSTILE.values(), ids=HOSTILE)
def test_a_malformed_extra_sets_its_frame_aside(tmp_path, extra):
    scene = make_scene(Instance("obstacle/cone", SHAPES["box"]), extra=extra)
    saved, written = save([scene], tmp_path)
    assert (saved.quarantine.num_rejected, written["commands"]) == (1, [])


@pytest.mark.parametrize("text", ["{}", "[]", '{"commands": []}', '{"command_token": 1}', "x"])
def test_other_files_are_not_recognised(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    assert recognise_talk2car(Peek(tmp_path / "a.json")) is None
    assert recognise_talk2car(Peek(tmp_path)) is None
    (tmp_path / "a.json").write_text(TEXT)
    assert "command_token" in recognise_talk2car(Peek(tmp_path / "a.json"))
