"""Masks as grid anchors and back."""

import numpy as np
import pytest

from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.errors import GeometryError, TokenError
from drivegrid.geometry import Box
from drivegrid.masks.grid_tokenizer import GridMaskTokenizer
from drivegrid.masks.oracle import OracleSegmenter
from drivegrid.masks.shapes import inside_of
from drivegrid.metrics.masks import mask_iou

SIZE_WH = (320, 160)
IMAGE = np.zeros((160, 320, 3), np.uint8)
BOXES = ((10, 20, 110, 120), (150, 30, 260, 90), (180, 100, 300, 150))


def tokenizer(most=16):
    instances = tuple(Instance("obstacle", Box(np.array(box, float))) for box in BOXES)
    scene = Scene(Frame("a.png", SIZE_WH), instances)
    return GridMaskTokenizer(OracleSegmenter(scene, SIZE_WH), most=most)


def drawn(boxes):
    masks = np.zeros((len(boxes), 160, 320), np.bool_)
    for mask, (left, top, right, bottom) in zip(masks, boxes, strict=True):
        mask[top:bottom, left:right] = True
    return masks


def test_no_masks() -> None:
    assert tokenizer().encode_all(IMAGE, np.zeros((0, 160, 320), np.bool_)) == []
    assert len(tokenizer().decode_all(IMAGE, [])) == 0


def test_shapes_go_there_and_back_through_text() -> None:
    grid, truth = tokenizer(), drawn(BOXES)
    for mask in truth:
        codes = grid.encode(IMAGE, mask)
        [again] = grid.parse(grid.text_of(codes)).codes
        assert again.tolist() == codes.tolist()
        inside = inside_of(grid.decode(IMAGE, again), grid.threshold, SIZE_WH)
        assert mask_iou(inside, mask) > 0.99
    assert grid.segmenter.num_encodes == 1


def test_pictures_are_not_mixed_up() -> None:
    grid, mask = tokenizer(), drawn(BOXES[:1])[0]
    before = grid.encode(IMAGE, mask)
    other = np.full_like(IMAGE, 7)
    grid.encode(other, mask)
    assert grid.encode(IMAGE, mask).tolist() == before.tolist()
    assert grid.segmenter.num_encodes == 3


def test_masks_that_nobody_would_draw() -> None:
    grid = tokenizer()
    one_pixel = np.zeros((160, 320), np.bool_)
    one_pixel[159, 319] = True
    assert grid.encode(IMAGE, one_pixel).tolist() == [32 * 31 + 31]
    everything = np.ones((160, 320), np.bool_)
    assert len(grid.encode(IMAGE, everything)) >= 1


def test_tokens_and_errors() -> None:
    grid = tokenizer()
    assert grid.num_tokens == 1024
    assert grid.text_of(np.array([33])) == "<seg><grid_1_1></seg>"
    assert grid.parse("<seg><grid_1_1><sam_1_2></seg>").codes == ()
    with pytest.raises(TokenError):
        grid.decode(IMAGE, np.array([1024]))
    with pytest.raises(TokenError):
        grid.decode(IMAGE, np.zeros(0, int))
    with pytest.raises(GeometryError, match="must be given"):
        grid.encode(None, np.ones((160, 320), np.bool_))


def test_anchors_that_make_the_drawn_mask_worse_are_left_out() -> None:
    class Shy(OracleSegmenter):
        """Draws nothing as soon as there are three points."""

        def decode(self, handle, prompts):
            logits, scores = super().decode(handle, prompts)
            for drawn, prompt in zip(logits, prompts, strict=True):
                if len(prompt.points) >= 3:
                    drawn[:] = -1
            return logits, scores

    instances = tuple(Instance("obstacle", Box(np.array(box, float))) for box in BOXES)
    shy = GridMaskTokenizer(Shy(Scene(Frame("a.png", SIZE_WH), instances), SIZE_WH))
    everything = drawn(BOXES).any(axis=0)
    codes = shy.encode(IMAGE, everything)
    assert 1 <= len(codes) <= 2
    assert mask_iou(inside_of(shy.decode(IMAGE, codes), 0.0, SIZE_WH), everything) > 0.3
