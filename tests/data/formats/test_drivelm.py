"""DriveLM: a golden file, the real sample, wrong files."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from drivegrid.data.formats import detect_format
from drivegrid.data.formats.drivelm import load_drivelm, recognise_drivelm
from drivegrid.data.formats.peek import Peek
from drivegrid.data.images import save_image
from drivegrid.errors import FormatError
from tests.data.formats.mutations import mutated

GOLDEN = (Path(__file__).parents[2] / "golden" / "formats" / "drivelm.json").read_text()
BROWN, GREEN = "<c1,CAM_BACK,1088.3,497.5>", "<c2,CAM_FRONT,1043.2,82.2>"


def load(folder, text):
    (folder / "a.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_drivelm(folder / "a.json")


def test_a_file_without_drives(tmp_path):
    assert load(tmp_path, "{}").quarantine.num_read == 0


def test_the_golden_file_by_hand(tmp_path):
    front, back = load(tmp_path, GOLDEN).scenes
    assert front.frame.image == "nuscenes/samples/CAM_FRONT/a.jpg"
    assert (front.frame.size_wh, front.frame.clip) == ((1600, 900), "drive-1")
    light, man = front.instances
    assert (light.label, light.attributes) == ("light", {"state": "green"})
    assert light.geometry.xyxy.tolist() == [676.4, 0, 1452.6, 171.5]
    assert (man.label, man.attributes, man.geometry.xy.tolist()) == (
        "object/person/pedestrian", {}, [10.5, 20.25]
    )  # fmt: skip
    [car] = back.instances
    assert (car.label, car.attributes) == ("object/vehicle/car", {"activity": "moving"})
    assert car.extra["drivelm"]["id"] == BROWN
    assert front.extra["drivelm"] == {
        "scene": "drive-1", "frame": "frame-1", "camera": "CAM_FRONT",
        "scene_description": "The ego vehicle goes straight.",
        "image_path": "../nuscenes/samples/CAM_FRONT/a.jpg",
    }  # fmt: skip


def test_questions_go_to_the_pictures_they_name(tmp_path):
    front, back = load(tmp_path, GOLDEN).scenes
    matter = {"question": "Which objects matter?", "answer": f"{BROWN} and {GREEN}.",
              "tag": "perception"}  # fmt: skip
    assert front.extra["questions"] == [
        {"question": "What is ahead?", "answer": "Nothing.", "tag": "perception", "refers": {},
         "rest": {"cluster": 3}},
        matter | {"refers": {GREEN: 0}, "elsewhere": [BROWN]},
    ]  # fmt: skip
    assert back.extra["questions"] == [
        matter | {"refers": {BROWN: 0}, "elsewhere": [GREEN]},
        {"question": "What is <c9,CAM_BACK,5.0,6.0>?", "answer": "", "tag": "perception",
         "refers": {}, "elsewhere": ["<c9,CAM_BACK,5.0,6.0>"]},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("category", "described", "label"),
    [
        ("Vehicle", "White sedan car.", "object/vehicle/car"),
        ("Vehicle", "White truck.", "object/vehicle/truck"),
        ("Vehicle", "Something.", "object/vehicle"),
        ("Vehicle", None, "object/vehicle"),
        ("Traffic element", "No entry.", "sign/regulatory/no_entry"),
        ("Traffic element", "Traffic light.", "light"),
        ("Traffic element", "No left turn.", "sign"),
        ("Spaceship", "Silver.", "Spaceship"),
    ],
)
def test_descriptions_say_more_than_categories(tmp_path, category, described, label):
    text = GOLDEN.replace('"Vehicle"', json.dumps(category))
    [_, back] = load(tmp_path, text.replace('"Brown SUV."', json.dumps(described))).scenes
    assert back.instances[0].label == label


def test_pictures_give_the_size(tmp_path):
    save_image(tmp_path / "nuscenes/samples/CAM_FRONT/a.jpg", np.zeros((3, 4, 3), np.uint8))
    front, back = load(tmp_path, GOLDEN).scenes
    assert front.frame.size_wh == (4, 3)
    assert "assumed_size" not in front.extra
    assert back.extra["assumed_size"]


BAD = {
    "a drive no object": ('{"a": 3}', 1, "drive a", "object"),
    "a list": ('{"a": [{}, {}]}', 1, "drive a", "object"),
    "no key frames": ('{"a": {}}', 1, "drive a", "must be there"),
    "no front picture": (GOLDEN.replace('"CAM_FRONT":', '"CAM_SIDE":'), 1, "frame-1", "CAM_FRONT"),
    "no tag": (GOLDEN.replace("<c1,CAM_BACK", "<CAM_BACK", 1), 2, "frame-1", "tagged"),
    "no camera": (GOLDEN.replace("<c1,CAM_BACK", "<c1,CAM_UP", 1), 2, "frame-1", "camera"),
    "three corners": (GOLDEN.replace("[966.6, ", "["), 2, BROWN, "4 numbers"),
    "corners": (GOLDEN.replace("966.6", "1966.6"), 2, BROWN, "upper left"),
    "a text": (GOLDEN.replace("966.6", '"966.6"'), 2, BROWN, "number"),
    "no category": (GOLDEN.replace('"Category": "Vehicle", ', ""), 2, BROWN, "must be there"),
    "no question": (GOLDEN.replace('"Q": "What is ahead?", ', ""), 2, "perception 0", "there"),
    "absolute": (GOLDEN.replace('"../nuscenes', '"/nuscenes'), 2, "image name", "relative"),
    "climbs": (GOLDEN.replace('"../nuscenes', '"a/../../nuscenes'), 2, "image name", "image"),
    "cut": (GOLDEN[:500], 1, "character", "JSON"),
}


@pytest.mark.parametrize(("text", "num", "item", "message"), BAD.values(), ids=BAD)
def test_a_wrong_key_frame_is_set_aside_whole(tmp_path, text, num, item, message):
    loaded = load(tmp_path, text)
    assert loaded.scenes == []
    assert len(loaded.quarantine.rejected) == num
    for record in loaded.quarantine.rejected:
        assert item in record.item
        assert message in record.message


@settings(max_examples=300)
@given(mutated(GOLDEN.encode()))
def test_broken_files_are_read_or_set_aside(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("fuzz")
    try:
        load(folder, content)
    except FormatError:
        return


@pytest.mark.parametrize("text", ["{}", "[]", '{"a": {"frames": {}}}', '{"key_frames": {}}', "x"])
def test_other_files_are_not_recognised(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    assert recognise_drivelm(Peek(tmp_path / "a.json")) is None
    assert recognise_drivelm(Peek(tmp_path)) is None
    (tmp_path / "a.json").write_text(GOLDEN)
    assert "key_frames" in recognise_drivelm(Peek(tmp_path / "a.json"))
    assert detect_format(tmp_path / "a.json")[0] == "drivelm"


def test_the_real_sample(realdata):
    file = realdata / "nuscenes_drivelm_sample" / "train_sample.json"
    loaded = load_drivelm(file)
    drives = json.loads(file.read_text())
    frames = [frame for drive in drives.values() for frame in drive["key_frames"].values()]
    assert (loaded.quarantine.num_rejected, len(loaded.scenes)) == (0, 6 * len(frames))
    written = Counter(
        tuple(info["2d_bbox"]) for f in frames for info in f["key_object_infos"].values()
    )
    read = Counter(tuple(i.geometry.xyxy.tolist()) for s in loaded.scenes for i in s.instances)
    assert read == written
    asked = {(s.extra["drivelm"]["frame"], q["question"], q["answer"])
             for s in loaded.scenes for q in s.extra["questions"]}  # fmt: skip
    assert asked == {
        (token, pair["Q"], pair["A"])
        for drive in drives.values() for token, frame in drive["key_frames"].items()
        for pairs in frame["QA"].values() for pair in pairs
    }  # fmt: skip
    for scene in loaded.scenes:
        assert scene.frame.size_wh == (1600, 900)
        assert "assumed_size" not in scene.extra
        for question in scene.extra["questions"]:
            for tag, index in question["refers"].items():
                assert scene.instances[index].extra["drivelm"]["id"] == tag
