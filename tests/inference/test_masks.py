"""Answers as masks: words read by their tokenizer, shapes drawn by a segmenter, outlines filled."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from drivegrid.data.rasters import fill, rle_decode  # noqa: E402
from drivegrid.errors import ModelError  # noqa: E402
from drivegrid.geometry import Anchors, Box, Point, Polygon, Polyline  # noqa: E402
from drivegrid.inference import masks as masks_module  # noqa: E402
from drivegrid.inference import predictor as module  # noqa: E402
from drivegrid.inference.classify import ClosedQuestion, classify  # noqa: E402
from drivegrid.inference.decoding import Decoded  # noqa: E402
from drivegrid.inference.masks import prompt_of  # noqa: E402
from drivegrid.inference.predictor import Predictor  # noqa: E402
from drivegrid.masks.seg.network import SegNetwork  # noqa: E402
from drivegrid.masks.seg.segmenter import SmallSegmenter  # noqa: E402
from drivegrid.model.words import renew_words  # noqa: E402
from drivegrid.tokens.spelling import Spelling  # noqa: E402
from tests.masks.tiny_samtok import SEG  # noqa: E402
from tests.masks.toy_tokenizer import WORDS, ToyTokenizer  # noqa: E402
from tests.toy import GRID  # noqa: E402

FRAME = np.random.default_rng(0).integers(0, 255, (96, 160, 3)).astype(np.uint8)
CORPUS = ("all regions", "puddle: ", "car: ", "lane line: ", "drivable area: ") * 9
LEFT_TOP = np.zeros((96, 160), np.bool_)
LEFT_TOP[:24, :40] = True


class Ruler:
    """A segmenter that draws the left half for points and the right half for boxes."""

    threshold = 0.0

    def __init__(self) -> None:
        self.encoded, self.asked = 0, []

    def encode(self, image):
        self.encoded += 1
        return image.shape

    def decode(self, handle, prompts):
        assert handle == FRAME.shape
        self.asked += prompts
        logits = np.full((len(prompts), 4, 8), -1.0, np.float32)
        for mine, prompt in zip(logits, prompts, strict=True):
            mine[:, 4:] += 2.0 * (prompt.box is not None)
            mine[:, :4] += 2.0 * (prompt.box is None)
        return logits, np.linspace(0.25, 0.75, len(prompts))


@pytest.fixture(scope="module")
def predictor(toy):
    model, processor = renew_words(*toy, CORPUS, Spelling("grid", GRID, WORDS))
    return Predictor(model.eval(), processor, ToyTokenizer())


@pytest.fixture
def says(predictor, monkeypatch):
    """Return a function that puts an answer in the model's mouth."""

    def say(text, words=1.0):
        ids = predictor.processor.tokenizer.encode(text, add_special_tokens=False)
        sure = [words if i in predictor.processor.vocabulary.word_range else 0.1 for i in ids]
        decoded = Decoded(ids, np.array(sure), [], None)
        monkeypatch.setattr(module, "propose", lambda *_: [decoded])

    return say


def test_nothing_named_has_no_masks(predictor, says) -> None:
    says("none")
    ruler = Ruler()
    answer = predictor.segment(FRAME, "all regions", 0, segmenter=ruler)
    assert answer.found == () and ruler.encoded == 0


def test_words_are_masks_and_outlines_of_the_answer(predictor, says) -> None:
    says("puddle: <seg><sam_1_0><sam_2_0></seg>", words=0.75)
    answer = predictor.ask(FRAME, "all regions")  # no refine turn: nothing could move
    [found] = answer.found
    assert len(answer.texts) == 1 and answer.well_formed
    assert found.tokens == ("<seg><sam_1_0><sam_2_0></seg>",)
    assert (found.instance.label, found.instance.confidence) == ("region/puddle", 0.75)
    assert isinstance(found.instance.geometry, Polygon)
    assert found.mask.shape == (96, 160) and found.mask_score is None
    assert (fill(found.instance.geometry, (160, 96)) == found.mask).all()
    overlap = (found.mask & LEFT_TOP).sum() / (found.mask | LEFT_TOP).sum()
    assert overlap > 0.5  # the toy's 4 x 4 logits, with smooth edges


def test_every_shape_becomes_a_mask(predictor, says) -> None:
    says(
        "car: <box><grid_1_1><grid_3_3></box>\nsign: <point><grid_5_5></point>\n"
        "puddle: <seg><grid_2_2><grid_3_3></seg>\npuddle: <seg><sam_1_3><sam_2_3></seg>\n"
        "drivable area: <poly><grid_0_7><grid_7_7><grid_4_4></poly>\n"
        "lane line: <line><grid_1_7><grid_3_3></line>"
    )
    ruler = Ruler()
    answer = predictor.segment(FRAME, "all regions", 0, segmenter=ruler)
    box, point, anchors, words, polygon, line = answer.found
    right = np.zeros((96, 160), np.bool_)
    right[:, 80:] = True
    for found, expected in ((box, right), (point, ~right), (anchors, ~right)):
        assert (found.mask == expected).mean() > 0.95
    assert [f.mask_score for f in (box, point, anchors)] == [0.25, 0.5, 0.75]
    assert words.mask[80, 150] and not words.mask[10, 10] and words.mask_score is None
    assert (polygon.mask == fill(polygon.instance.geometry, (160, 96))).all()
    assert line.mask is None and ruler.encoded == 1 and len(ruler.asked) == 3
    assert all(f.mask is None or f.mask.shape == (96, 160) for f in answer.found)


def test_box_and_anchors_of_one_instance_are_one_prompt(predictor, says) -> None:
    says(
        "car: <box><grid_1_1><grid_3_3></box><seg><grid_2_2></seg>\n"
        "car: <seg><grid_5_5></seg><box><grid_4_4><grid_6_6></box>\n"
        "sign: <point><grid_0_0></point><point><grid_7_7></point>"
    )
    ruler = Ruler()
    answer = predictor.segment(FRAME, "all regions", 0, segmenter=ruler)
    assert [found.number for found in answer.found] == [0, 0, 1, 1, 2, 2]
    asked = [(len(p.points), p.box is not None) for p in ruler.asked]
    assert asked == [(1, True)] * 4 + [(1, False)] * 2
    assert ruler.asked[0] == ruler.asked[1] != ruler.asked[2] == ruler.asked[3]
    assert (answer.found[0].mask == answer.found[1].mask).all()


def test_a_mask_without_a_pixel_is_left_out_and_told(predictor, says, monkeypatch) -> None:
    monkeypatch.setattr(ToyTokenizer, "threshold", 2.0)
    says("puddle: <seg><sam_1_0><sam_2_0></seg>")
    answer = predictor.ask(FRAME, "all regions")
    assert answer.found == () and answer.well_formed
    assert "empty_mask" in {note.code for note in answer.diagnostics}


def test_broken_words_are_told_and_nothing_is_drawn(predictor, says) -> None:
    says("puddle: <seg><sam_2_0></seg>\npuddle: <seg><sam_1_0><sam_2_1></seg>")
    answer = predictor.ask(FRAME, "all regions")
    assert [f.tokens[0] for f in answer.found] == ["<seg><sam_1_0><sam_2_1></seg>"]
    assert "count_mismatch" in {note.code for note in answer.diagnostics}


def test_answers_give_masks_to_other_tools(predictor, says) -> None:
    says("car: <box><grid_1_1><grid_3_3></box>\npuddle: <seg><sam_1_0><sam_2_0></seg>")
    plain = predictor.ask(FRAME, "all regions", 0).to_dict()["instances"]
    assert "mask" not in plain[0] and "mask" in plain[1]
    answer = predictor.segment(FRAME, "all regions", 0, segmenter=Ruler())
    shown = json.loads(json.dumps(answer.to_dict()))["instances"]
    annotations = answer.to_coco()
    for found, one, annotation in zip(answer.found, shown, annotations, strict=True):
        assert one["mask"]["size"] == [96, 160]
        assert (rle_decode(one["mask"]["counts"], (160, 96)) == found.mask).all()
        assert annotation["segmentation"] == one["mask"]
        assert annotation["area"] == found.mask.sum()
        x, y, width, height = annotation["bbox"]
        assert (
            found.mask[int(y) : int(y + height), int(x) : int(x + width)].sum() == found.mask.sum()
        )
    assert shown[0]["mask_score"] == 0.25
    pytest.importorskip("supervision")
    detections = answer.to_supervision()
    assert detections.mask.shape == (2, 96, 160)
    assert (detections.mask == [found.mask for found in answer.found]).all()


def test_the_shipped_tokenizer_is_loaded_when_a_mask_is_read(predictor, says, monkeypatch) -> None:
    loaded = []
    toy_loader = lambda name: loaded.append(name) or ToyTokenizer()  # noqa: E731
    monkeypatch.setattr(masks_module, "load_tokenizer", toy_loader)
    lazy = Predictor(predictor.model, predictor.processor)
    says("none")
    lazy.ask(FRAME, "all regions")
    assert loaded == []
    says("puddle: <seg><sam_1_0><sam_2_0></seg>")
    assert len(lazy.ask(FRAME, "all regions").found) == len(lazy.ask(FRAME, "x").found) == 1
    assert loaded == ["samtok"]


def test_a_tokenizer_of_other_words_is_refused(predictor) -> None:
    class Longer(ToyTokenizer):
        tokens = (*WORDS.tokens, "<sam_2_4>")

    with pytest.raises(ModelError, match="must have the 8 words of samtok, got 9"):
        Predictor(predictor.model, predictor.processor, Longer())


def test_an_untrained_model_writes_whole_masks(predictor, monkeypatch) -> None:
    monkeypatch.undo()
    answer = predictor.ask(FRAME, "all regions", samples=2, temperature=3.0)
    known = {"unknown_label", "repeated", "unfamiliar_query", "empty_mask"}
    assert {note.code for note in answer.diagnostics} <= known


def test_a_model_without_words_is_drawn_for(toy, monkeypatch) -> None:
    plain = Predictor(*toy)
    assert plain.reader.words is None
    segmenter = SmallSegmenter(SegNetwork(SEG))
    made = []
    monkeypatch.setattr(
        SmallSegmenter, "from_pretrained", classmethod(lambda cls: made.append(1) or segmenter)
    )
    ids = plain.processor.tokenizer.encode("car: <box><grid_1_1><grid_3_3></box>")
    decoded = Decoded(ids, np.ones(len(ids)), [], None)
    monkeypatch.setattr(module, "propose", lambda *_: [decoded])
    for _ in range(2):
        [found] = plain.segment(FRAME, "car", 0).found
        assert found.mask.shape == (96, 160) and 0 <= found.mask_score <= 1
    assert len(made) == 1 and plain._segmenter.num_encodes == 1


SHAPES = {
    "box": (Box(np.array([1.0, 2, 3, 4])), ([], [1, 2, 3, 4])),
    "point": (Point(np.array([5.0, 6])), ([[5, 6]], None)),
    "anchors": (Anchors(np.array([[5.0, 6], [7, 8]])), ([[5, 6], [7, 8]], None)),
}


@pytest.mark.parametrize(("shape", "expected"), SHAPES.values(), ids=SHAPES)
def test_prompts(shape, expected) -> None:
    prompt, (points, box) = prompt_of(shape), expected
    assert prompt.points.tolist() == points and prompt.positive.all()
    assert (None if prompt.box is None else prompt.box.tolist()) == box


def test_lines_and_outlines_are_no_prompts() -> None:
    triangle = np.array([[0.0, 0], [9, 0], [9, 9]])
    assert prompt_of(Polyline(triangle)) is None and prompt_of(Polygon((triangle,))) is None


def test_outlined_places_are_asked_about_by_their_mask(predictor, monkeypatch) -> None:
    asked = []
    turn_ids = predictor.processor.turn_ids
    monkeypatch.setattr(
        predictor.processor, "turn_ids", lambda prompt: asked.append(prompt) or turn_ids(prompt)
    )
    corner = Polygon((np.array([[0.0, 0], [39, 0], [39, 23], [0, 23]]),))
    question = ClosedQuestion("is it wet?", ("yes", "no"))
    choice = classify(predictor, FRAME, corner, question)
    assert asked == ["is it wet? <seg><sam_1_0><sam_2_0></seg> Options: yes, no."]
    assert choice.probabilities.sum() == pytest.approx(1.0)
