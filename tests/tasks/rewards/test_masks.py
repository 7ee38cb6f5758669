"""Rewards by masks: the curve, the gain, prompts of answers, matched masks."""

from dataclasses import replace

import numpy as np
import pytest

from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.errors import GeometryError, ModelError
from drivegrid.geometry import Box, Point, Polygon
from drivegrid.masks.cache import CachedSegmenter
from drivegrid.masks.oracle import OracleSegmenter
from drivegrid.masks.segmenter import Prompt
from drivegrid.metrics.regions import mask_overlap
from drivegrid.tasks.rewards.masks import (
    MaskDecoder,
    mask_gain,
    mask_reward,
    matched_mask_iou,
    prompts_of,
    truth_masks,
)
from drivegrid.tasks.rewards.shapes import objects_of
from drivegrid.tokens.codec import Codec
from drivegrid.tokens.grammar import parse_answer, parse_offsets
from drivegrid.tokens.grid import GridSpec

SIZE_WH = (320, 160)
CODEC = Codec(GridSpec(), rounds=1)
"""Cells of 10 x 5 pixels, steps of 5 x 2.5."""
CAR = Instance("car", Box(np.array([100.0, 60, 180, 120])))
ROAD = Instance("road", Polygon((np.array([[0.0, 130], [320, 130], [320, 160], [0, 160]]),)))
SCENE = Scene(Frame("a.jpg", SIZE_WH), (CAR, ROAD))
CAR_ITEM = "car: <box><grid_10_12><grid_17_23></box>"
ROAD_ITEM = "road: <seg><grid_3_28><grid_30_28></seg>"


PICTURE = np.zeros((160, 320, 3), np.uint8)


def items(text):
    return parse_answer(text, CODEC.grid).items


def oracle(images=1):
    return CachedSegmenter(OracleSegmenter(SCENE), images)


def masks(segmenter, *texts):
    decoder = MaskDecoder.of(segmenter, PICTURE, "a.jpg")
    return decoder.draw([items(text) for text in texts], CODEC, SIZE_WH)


@pytest.mark.parametrize(
    ("iou", "reward"),
    [(0, 0), (0.1, 0.2), (0.5, 1), (0.65, 1.5), (0.8, 2), (0.84, 2), (0.96, 2), (1, 2)],
)
def test_the_reward_of_a_mask(iou, reward) -> None:
    assert mask_reward(np.array([iou]))[0] == pytest.approx(reward)


def test_the_reward_never_falls_and_no_iou_is_no_reward() -> None:
    assert mask_reward(np.zeros(0)).shape == (0,)
    curve = mask_reward(np.linspace(0, 1, 1001))
    assert (np.diff(curve) >= 0).all()
    assert (np.diff(curve)[:799] > 0).all()
    assert np.isnan(mask_reward(np.array([np.nan]))).all()  # not a silent zero


@pytest.mark.parametrize(
    ("before", "after", "gain"),
    [
        (0, 0, 0),
        (0, 1, 1),
        (0.5, 0.75, 0.5),
        (0.5, 0.25, -0.5),
        (0.84, 0.96, 0.75),
        (0.9, 0.1, -1),
        (1, 1, 0),
        (1, 0.99, -1),
    ],
)
def test_the_gain_of_a_refinement(before, after, gain) -> None:
    found = mask_gain(np.array([before, 0.0]), np.array([after, 0.0]))
    assert found.tolist() == pytest.approx([gain, 0])


def prompt(xy, box=None):
    points = np.array(xy, float).reshape(-1, 2)
    return Prompt(points, np.ones(len(points), bool), None if box is None else np.array(box, float))


BOX_TOKENS, BOX_XYXY = "<box><grid_0_0><grid_1_1></box>", (5, 2.5, 15, 7.5)
SEG_TOKENS, SEG_XY = "<seg><grid_3_0></seg>", [(35, 2.5)]


@pytest.mark.parametrize(
    ("text", "prompts"),
    [
        ("none", []),
        ("", []),
        (f"car: {BOX_TOKENS}", [prompt([], BOX_XYXY)]),
        ("a: <seg><grid_0_0><grid_2_0></seg>", [prompt([(5, 2.5), (25, 2.5)])]),
        (f"a: {BOX_TOKENS}{SEG_TOKENS}", [prompt(SEG_XY, BOX_XYXY)]),
        (f"a: {SEG_TOKENS}{BOX_TOKENS}", [prompt(SEG_XY, BOX_XYXY)]),
        (f"a: {SEG_TOKENS}\na: {BOX_TOKENS}", [prompt(SEG_XY), prompt([], BOX_XYXY)]),
        (
            f"a: {BOX_TOKENS}<box><grid_0_0><grid_2_1></box>{SEG_TOKENS}",
            [prompt([], BOX_XYXY), prompt(SEG_XY, (5, 2.5, 25, 7.5))],
        ),
        (f"a: <point><grid_0_0></point>\nb: {SEG_TOKENS}", [prompt(SEG_XY)]),
        (f"a: {BOX_TOKENS}<point><grid_0_0></point>{SEG_TOKENS}", [prompt(SEG_XY, BOX_XYXY)]),
    ],
)
def test_objects_are_those_that_are_matched(text, prompts) -> None:
    assert prompts_of(items(text), CODEC, SIZE_WH) == tuple(prompts)
    answer = parse_answer(text, CODEC.grid)
    objects = objects_of([answer], CODEC.grid, SIZE_WH)
    found = [(p.points.tolist(), p.box is None) for p in prompts]
    wanted = zip(objects.anchors, np.isnan(objects.boxes).any(axis=1), strict=True)
    assert found == [(xy.tolist(), no_box) for xy, no_box in wanted]


@pytest.mark.parametrize(
    ("offsets", "wanted"),
    [
        (
            "<box><OFF_0_0><OFF_1_1></box><seg><OFF_-1_0><DELETE></seg>",
            prompt([(0, 2.5)], (5, 2.5, 20, 10)),
        ),
        (
            "<box><OFF_0_0><OFF_1_1></box><seg><DELETE><DELETE></seg>",
            prompt([], (5, 2.5, 20, 10)),
        ),
        ("<box><OFF_0_0><DELETE></box><seg><DELETE><OFF_0_0></seg>", prompt([(25, 2.5)])),
        ("<box><DELETE><DELETE></box><seg><DELETE><DELETE></seg>", None),
    ],
)
def test_offsets_move_prompts_and_what_is_deleted_asks_for_nothing(offsets, wanted) -> None:
    proposal = items("a: <box><grid_0_0><grid_1_1></box><seg><grid_0_0><grid_2_0></seg>")
    refined = parse_offsets(f"<offset>{offsets}</offset>", [i.geometry for i in proposal])
    moved = [
        replace(item, geometry=geometry)
        for item, geometry in zip(proposal, refined.geometries, strict=True)
    ]
    assert prompts_of(moved, CODEC, SIZE_WH) == (wanted,)
    found = MaskDecoder.of(oracle(), PICTURE, "a.jpg").draw([moved], CODEC, SIZE_WH)
    assert found.shape == (1, 256, 256)
    assert wanted is not None or not found.any()


def test_a_group_is_decoded_by_one_call_and_equal_prompts_once() -> None:
    segmenter = oracle()
    texts = ["none", CAR_ITEM, f"{CAR_ITEM}\n{ROAD_ITEM}", f"{ROAD_ITEM}\n{CAR_ITEM}"]
    found = masks(segmenter, *texts)
    assert (segmenter.num_encodes, segmenter.num_decodes, segmenter.num_prompts) == (1, 1, 2)
    car, road = truth_masks([CAR, ROAD], SIZE_WH, (256, 256))
    np.testing.assert_array_equal(found, [car, car, road, road, car])


def test_answers_without_prompts_still_have_masks_of_the_right_size() -> None:
    found = masks(oracle(), "", "a: <point><grid_0_0></point>")
    assert found.shape == (0, 256, 256)
    assert masks(oracle()).shape == (0, 256, 256)


class Broken:
    """Gives, or raises, what a decoder should not."""

    threshold = 0.0

    def __init__(self, result):
        self.result = result

    def encode(self, image):
        return None

    def decode(self, handle, prompts):
        if isinstance(self.result, Exception):
            raise self.result
        return self.result, np.zeros(len(self.result))


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (RuntimeError("out of memory"), "must be decoded, got: RuntimeError.*out of memory"),
        (ModelError("no weights"), "must be decoded, got: ModelError.*no weights"),
        (np.zeros((2, 4, 4)), r"shape \(1, h, w\), got \(2, 4, 4\)"),
        (np.zeros((1, 4)), r"shape \(1, h, w\), got \(1, 4\)"),
        (np.full((1, 4, 4), np.nan), "must be finite"),
        (np.full((1, 4, 4), -np.inf), "must be finite"),
    ],
)
def test_a_decoder_that_fails_is_an_error_that_names_the_image(result, message) -> None:
    with pytest.raises(ModelError, match=rf"{message}.*a\.jpg, 1 prompts"):
        masks(Broken(result), CAR_ITEM)


def test_matched_masks_against_one_by_one() -> None:
    rng = np.random.default_rng(1)
    pred, truth = rng.random((5, 9, 7)) < 0.4, rng.random((4, 9, 7)) < 0.6
    pairs = np.array([(p, g) for p in range(5) for g in range(4)])
    found = matched_mask_iou(pred, truth, pairs)
    wanted = [mask_overlap(pred[p], truth[g]).iou for p, g in pairs]
    np.testing.assert_allclose(found, wanted)
    np.testing.assert_array_equal(
        found, matched_mask_iou(pred.astype(np.uint8), 255 * truth.astype(np.uint8), pairs)
    )
    none = matched_mask_iou(pred, truth, np.zeros((0, 2), int))
    assert none.shape == (0,)


def test_an_empty_prediction_overlaps_nothing() -> None:
    pred, truth = np.zeros((1, 2, 2), bool), np.ones((1, 2, 2), bool)
    assert matched_mask_iou(pred, truth, np.array([[0, 0]])).tolist() == [0]


@pytest.mark.parametrize(
    ("pred", "truth", "message"),
    [
        (np.ones((1, 2, 2)), np.ones((1, 2, 3)), r"one size, got \(2, 2\) and \(2, 3\)"),
        (np.ones((1, 2, 2)), np.zeros((1, 2, 2)), r"hold a pixel.*\(instance 0\)"),
    ],
)
def test_masks_that_do_not_compare(pred, truth, message) -> None:
    with pytest.raises(GeometryError, match=message):
        matched_mask_iou(pred.astype(bool), truth.astype(bool), np.array([[0, 0]]))


def test_truth_masks() -> None:
    assert truth_masks([], SIZE_WH, (8, 4)).shape == (0, 4, 8)
    road = truth_masks([ROAD], SIZE_WH, (8, 16))[0]
    assert road.sum(axis=1).tolist() == [0] * 13 + [8] * 3
    with pytest.raises(GeometryError, match="got a point"):
        truth_masks([Instance("sign", Point(np.array([1.0, 2.0])))], SIZE_WH, (8, 4))
