"""Refer-KITTI: a tree by hand, wrong files, telling it from other trees."""

import json

import numpy as np
import pytest
from hypothesis import given, settings

from drivegrid.data.formats import FORMATS
from drivegrid.data.formats.peek import Peek
from drivegrid.data.formats.referkitti import load_referkitti, recognise_referkitti
from drivegrid.data.images import save_image
from drivegrid.errors import FormatError
from tests.data.formats.mutations import mutated

RED = json.dumps({
    "label": {"0": [1], "2": [1, 7], "3": []}, "ignore": {"2": [7]}, "video_name": "0001",
    "sentence": "red-cars",
})  # fmt: skip
LABELS = "0 1 0.25 0.2 0.5 0.4\n0 7 -0.1 0.5 0.25 0.6\n"


def write(root, labels=LABELS, sentence=RED):
    """Write drive 0001 with label files of frames 0, 1 and 2."""
    boxes = root / "KITTI" / "labels_with_ids" / "image_02" / "0001"
    said = root / "expression" / "0001"
    for folder in (boxes, said):
        folder.mkdir(parents=True, exist_ok=True)
    for frame, text in ((0, LABELS), (1, labels), (2, LABELS)):
        content = text if isinstance(text, bytes) else text.encode()
        (boxes / f"{frame:06d}.txt").write_bytes(content)
    (said / "red-cars.json").write_bytes(
        sentence if isinstance(sentence, bytes) else sentence.encode()
    )
    return root


def test_a_drive_by_hand(tmp_path):
    scenes = load_referkitti(write(tmp_path)).scenes
    assert [s.frame.image for s in scenes] == [
        f"KITTI/training/image_02/0001/00000{frame}.png" for frame in range(4)
    ]
    assert {(s.frame.clip, s.frame.size_wh) for s in scenes} == {("0001", (1242, 375))}
    car, other = scenes[0].instances
    np.testing.assert_allclose(car.geometry.xyxy, [310.5, 75, 931.5, 225])
    np.testing.assert_allclose(other.geometry.xyxy, [-124.2, 187.5, 186.3, 412.5])
    assert (car.label, car.extra) == ("object", {"referkitti": {"class": 0, "id": 1}})
    said = {"text": "red-cars", "source": "referkitti"}
    assert [s.extra["expressions"] for s in scenes] == [
        [said | {"targets": [0]}],
        [],
        [said | {"targets": [0, 1], "ignore": [1]}],
        [said | {"targets": []}],
    ]
    assert scenes[3].instances == ()


def test_pictures_give_the_size(tmp_path):
    save_image(
        write(tmp_path) / "KITTI/training/image_02/0001/000001.png", np.zeros((5, 8, 3), np.uint8)
    )
    scene = load_referkitti(tmp_path).scenes[1]
    assert scene.frame.size_wh == (8, 5)
    assert "assumed_size" not in scene.extra
    np.testing.assert_allclose(scene.instances[0].geometry.xyxy, [2, 1, 6, 3])


def test_a_tree_without_the_folder_kitti(tmp_path):
    root = write(tmp_path / "a")
    (root / "KITTI" / "labels_with_ids").rename(root / "labels_with_ids")
    (root / "KITTI").rmdir()
    assert len(load_referkitti(root).scenes[0].instances) == 2
    assert recognise_referkitti(Peek(root))


BAD_LABELS = {
    "five words": ("0 1 0.2 0.2 0.2", "got 5 words"),
    "a word": ("0 1 0.2 x 0.2 0.2", "number"),
    "half an id": ("0 1.5 0.2 0.2 0.2 0.2", "whole number"),
    "twice": ("0 1 0 0 1 1\n0 1 0 0 1 1", "once"),
    "negative": ("0 1 0.2 0.2 -0.2 0.2", "upper left"),
    "far": ("0 1 0.2 0.2 99999 0.2", "number"),
    "no text": (b"\xff\xfe", "words"),
}


@pytest.mark.parametrize(("labels", "message"), BAD_LABELS.values(), ids=BAD_LABELS)
def test_a_wrong_label_file_is_set_aside(tmp_path, labels, message):
    loaded = load_referkitti(write(tmp_path, labels=labels))
    assert len(loaded.scenes) == 3
    [record] = loaded.quarantine.rejected
    assert record.path.endswith("000001.txt")
    assert message in record.message


BAD_SENTENCES = {
    "no JSON": ("{", "JSON"),
    "a list": ("[]", "object"),
    "no sentence": ('{"label": {}}', "sentence"),
    "no label": ('{"sentence": "a"}', "label"),
    "a frame": ('{"sentence": "a", "label": {"x": []}}', "number"),
    "an id": ('{"sentence": "a", "label": {"1": ["1"]}}', "whole number"),
    "no list": ('{"sentence": "a", "label": {"1": 1}}', "list"),
}


@pytest.mark.parametrize(("sentence", "message"), BAD_SENTENCES.values(), ids=BAD_SENTENCES)
def test_a_wrong_sentence_is_set_aside_alone(tmp_path, sentence, message):
    loaded = load_referkitti(write(tmp_path, sentence=sentence))
    assert len(loaded.scenes) == 3
    [record] = loaded.quarantine.rejected
    assert record.path.endswith("red-cars.json")
    assert message in f"{record.item} {record.message}"


@pytest.mark.parametrize("frame", [1, 9])
def test_ids_that_the_labels_lack_set_the_frame_aside(tmp_path, frame):
    sentence = json.dumps({"sentence": "a", "label": {str(frame): [55]}})
    loaded = load_referkitti(write(tmp_path, sentence=sentence))
    [record] = loaded.quarantine.rejected
    assert f"00000{frame}.txt" in record.path
    assert "[55] of 'a'" in record.message


@settings(max_examples=200)
@given(mutated(LABELS.encode()), mutated(RED.encode()))
def test_broken_files_are_read_or_set_aside(tmp_path_factory, labels, sentence):
    loaded = load_referkitti(write(tmp_path_factory.mktemp("fuzz"), labels, sentence))
    assert loaded.quarantine.num_read >= 3


def test_what_is_no_such_tree(tmp_path):
    assert recognise_referkitti(Peek(tmp_path)) is None
    with pytest.raises(FormatError, match="expression"):
        load_referkitti(tmp_path)
    (tmp_path / "expression").mkdir()
    assert recognise_referkitti(Peek(tmp_path)) is None
    with pytest.raises(FormatError, match="expression"):
        load_referkitti(tmp_path)


def test_it_is_told_from_other_formats(tmp_path):
    look = Peek(write(tmp_path))
    said = {name for name, entry in FORMATS.items() if entry.recognise(look)}
    assert said == {"referkitti"}
