"""Corpora of words: written, gone on with, drawn, and what is broken is told."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from drivegrid.data.images import save_image
from drivegrid.data.quarantine import Quarantine
from drivegrid.data.rasters import rle_decode
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.data.sources import find_source
from drivegrid.data.store import save_scenes
from drivegrid.errors import ConfigError, FormatError
from drivegrid.geometry import Polygon
from drivegrid.inference.mask_corpus import draw_words, write_words
from drivegrid.inference.mask_frames import labelled_frames, rendered_frames
from drivegrid.masks.tokenizer import MaskTokenizer

SIZE_WH = (16, 8)


class Columns(MaskTokenizer):
    """Tells the first and the last column of a mask."""

    name = "himtok"
    needs_image = False

    @property
    def tokens(self):
        return tuple(f"<him_{column}>" for column in range(16))

    def fault(self, codes):
        return "" if len(codes) == 2 else "have two codes"

    def encode_all(self, image, masks):
        return [np.flatnonzero(mask.any(axis=0))[[0, -1]] for mask in masks]

    def decode_all(self, image, codes):
        logits = np.full((len(codes), 8, 16), -1, np.float32)
        for drawn, (first, last) in zip(logits, codes, strict=True):
            drawn[:, first : last + 1] = 1
        return logits


def box(left, right):
    return Polygon((np.array([[left, 0.0], [right, 0], [right, 8], [left, 8]]),))


@pytest.fixture
def data(tmp_path):
    scenes = [
        Scene(Frame(f"{name}.png", SIZE_WH), tuple(Instance("region/puddle", s) for s in shapes))
        for name, shapes in (("a", [box(2.0, 6.0), box(8.0, 16.0)]), ("b", []), ("c", [box(0, 16)]))
    ]
    for scene in scenes:
        save_image(tmp_path / scene.frame.image, np.zeros((8, 16, 3), np.uint8))
    save_scenes(scenes, tmp_path / "scenes.jsonl")
    return tmp_path


def frames(data, quarantine=None):
    source = find_source(data / "scenes.jsonl")
    return labelled_frames(source, None, quarantine or Quarantine())


def test_masks_go_there_and_back(data, tmp_path) -> None:
    path = tmp_path / "words.jsonl"
    done = write_words(frames(data), Columns(), path)
    assert (done.frames, done.masks, done.before) == (3, 3, 0)
    assert done.ious == pytest.approx(3.0)
    quarantine = Quarantine()
    drawn = list(draw_words(path, Columns(), data, quarantine))
    assert [frame["image"] for frame, _ in drawn] == ["a.png", "b.png", "c.png"]
    rle = drawn[0][1][0]["segmentation"]
    assert rle["size"] == [8, 16]
    mask = rle_decode(rle["counts"], SIZE_WH)
    assert np.flatnonzero(mask.any(axis=0)).tolist() == [2, 3, 4, 5]
    assert quarantine.num_kept == 3


def test_polygons_outside_of_the_picture_are_counted(data, tmp_path) -> None:
    shapes = tuple(Instance("region/puddle", box(*s)) for s in ((0.0, 4.0), (20.0, 30.0)))
    save_scenes([Scene(Frame("a.png", SIZE_WH), shapes)], data / "scenes.jsonl")
    done = write_words(frames(data), Columns(), tmp_path / "words.jsonl")
    assert (done.masks, done.outside) == (1, 1)


def test_an_interrupted_run_goes_on(data, tmp_path) -> None:
    path = tmp_path / "words.jsonl"
    write_words(frames(data), Columns(), path)
    whole = path.read_text()
    lines = whole.splitlines(keepends=True)
    for left, before in (("", 0), (lines[0][:9], 0), (lines[0], 0), (lines[0] + lines[1][:9], 0),
                         ("".join(lines[:2]) + lines[2][:9], 1), (whole, 3)):  # fmt: skip
        path.write_text(left)
        done = write_words(frames(data), Columns(), path)
        assert (done.before, done.frames) == (before, 3 - before)
        assert path.read_text() == whole


def test_files_of_others_are_refused(data, tmp_path) -> None:
    path = tmp_path / "words.jsonl"
    write_words(frames(data), Columns(), path)

    class Other(Columns):
        name = "samtok"

    with pytest.raises(ConfigError, match="of the tokenizer samtok, got himtok"):
        write_words(frames(data), Other(), path)
    with pytest.raises(ConfigError, match="of the tokenizer samtok, got himtok"):
        list(draw_words(path, Other(), data, Quarantine()))


def test_words_of_other_weights_are_other_masks(data, tmp_path) -> None:
    class Learnt(Columns):
        def __init__(self, weights):
            self.known = weights

        weights = property(lambda self: self.known)

    path = tmp_path / "words.jsonl"
    write_words(frames(data), Learnt("a1"), path)
    assert write_words(frames(data), Learnt("a1"), path).before == 3
    for work in (lambda one: write_words(frames(data), one, path),
                 lambda one: list(draw_words(path, one, data, Quarantine()))):  # fmt: skip
        with pytest.raises(ConfigError, match="of the weights b2, got a1"):
            work(Learnt("b2"))
        work(Learnt("a1"))
    # A file that tells no weights, as a model's answers, goes with all of them.
    path.write_text(path.read_text().replace(', "weights": "a1"', "", 1))
    assert len(list(draw_words(path, Learnt("b2"), data, Quarantine()))) == 3


def test_words_go_to_a_device_too(data) -> None:
    assert write_words(frames(data), Columns(), Path("/dev/null")).frames == 3


@pytest.mark.parametrize("content", ["notes", "notes\nand more", '{"a": 1}', "[1]\n2"])
def test_files_of_others_stay_as_they_are(data, tmp_path, content) -> None:
    path = tmp_path / "notes.txt"
    path.write_text(content)
    with pytest.raises(FormatError, match=r"notes\.txt") as caught:
        write_words(frames(data), Columns(), path)
    assert str(caught.value).count("must") == 1
    assert path.read_text() == content


@pytest.mark.parametrize(
    "content",
    ['{"a": 1}\n', "[]\n", "no JSON\n", '{"form": "drivegrid masks 1", "tokenizer": "himtok"}\n3\n',
     '{"form": "drivegrid masks 1", "tokenizer": "himtok"}\n{"image": "a.png", "masks": [{}]}\n'],
)  # fmt: skip
def test_other_files_are_named(data, tmp_path, content) -> None:
    path = tmp_path / "words.jsonl"
    path.write_text(content)
    with pytest.raises(FormatError) as caught:
        list(draw_words(path, Columns(), data, Quarantine()))
    assert str(path) in str(caught.value)


def test_broken_words_give_no_mask_and_are_told(data, tmp_path) -> None:
    path = tmp_path / "words.jsonl"
    head = {"form": "drivegrid masks 1", "tokenizer": "himtok"}
    texts = ["<seg><him_1><him_3></seg>", "<seg><him_1></seg>", "puddle", "<seg><sam_1_1></seg>"]
    frame = {"image": "a.png", "masks": [{"text": text} for text in texts]}
    lost = {"image": "gone.png", "masks": []}
    path.write_text("\n".join(json.dumps(line) for line in (head, frame, lost)) + "\n")
    quarantine = Quarantine()
    [(_, masks)] = draw_words(path, Columns(), data, quarantine)
    assert [mask["segmentation"] is not None for mask in masks] == [True, False, False, False]
    assert "two codes" in masks[1]["why"][0]
    assert "one mask, got 0" in masks[2]["why"][0]
    assert "<sam_1_1>" in masks[3]["why"][0]
    assert (quarantine.num_kept, quarantine.num_rejected) == (1, 1)


def test_frames_that_cannot_be_read_are_counted(data) -> None:
    save_image(data / "a.png", np.zeros((8, 17, 3), np.uint8))
    (data / "b.png").unlink()
    quarantine = Quarantine()
    found = list(frames(data, quarantine))
    assert [scene.frame.image for scene, _ in found] == ["c.png"]
    assert (quarantine.num_kept, quarantine.num_rejected) == (1, 2)
    assert "size of its labels" in quarantine.rejected[0].message


def test_rendered_frames_have_masks() -> None:
    [one, two] = rendered_frames(2, (128, 64))
    assert one.masks.size_wh == (128, 64)
    assert len(one.labels) > 3
    assert not np.array_equal(one.image, two.image)
