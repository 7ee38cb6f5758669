"""How tokenizers and segmenters are judged: values by hand."""

import numpy as np
import pytest

pytest.importorskip("torch")

from drivegrid.training.masks.judging import judge_tokenizer
from drivegrid.training.masks.seg_judging import ious_of, judge_segmenter

from drivegrid.masks.labelled import LabelledMasks
from tests.masks.toy_tokenizer import ToyTokenizer

IMAGE = np.zeros((16, 16, 3), np.uint8)


def rectangle(left: int, top: int, right: int, bottom: int) -> np.ndarray:
    mask = np.zeros((16, 16), np.bool_)
    mask[top:bottom, left:right] = True
    return mask


EMPTY = LabelledMasks.of(IMAGE, [])
FRAME = LabelledMasks.of(
    IMAGE,
    [
        ("sign/stop", rectangle(4, 4, 8, 8)),  # the toy's cell
        ("sign/stop", rectangle(4, 4, 8, 6)),  # half of it
        ("area/drivable", rectangle(0, 8, 16, 12)),  # four of its cells
    ],
)


class Boxes:
    """Draws the box of a prompt; a click means the upper left quarter, or the lower half."""

    threshold = 0.0

    def encode(self, image):
        return image.shape[:2]

    def decode(self, handle, prompts):
        logits = np.full((len(prompts), *handle), -1.0, np.float32)
        for drawn, prompt in zip(logits, prompts, strict=True):
            if prompt.box is None:
                guesses, scores = self.candidates(handle, prompt.points)
                drawn[:] = guesses[0, scores[0].argmax()]
                continue
            left, top, right, bottom = prompt.box.astype(int)
            drawn[top:bottom, left:right] = 1.0
        return logits, np.ones(len(prompts))

    def candidates(self, handle, points):
        quarter, half = rectangle(0, 0, 8, 8), rectangle(0, 8, 16, 16)
        logits = np.where([quarter, half], 1.0, -1.0).astype(np.float32)
        return np.tile(logits, (len(points), 1, 1, 1)), np.tile([0.9, 0.1], (len(points), 1))


def test_iou_of_logits_of_any_size() -> None:
    none = ious_of(np.zeros((0, 4, 4), np.float32), np.zeros((0, 16, 16), np.bool_), 0.0)
    assert none.shape == (0,)
    logits = np.array([[[1.0, -1.0], [-1.0, -1.0]]] * 2, np.float32)
    truth = np.array([rectangle(0, 0, 8, 8), rectangle(8, 8, 16, 16)])
    near, far = ious_of(logits, truth, 0.0)
    assert near > 0.5
    assert far == 0.0


def test_a_tokenizer_by_hand() -> None:
    scores = judge_tokenizer(ToyTokenizer(), [EMPTY, FRAME])
    drawn = ToyTokenizer().decode_all(None, [np.array([1, 5]), np.array([1, 5]), np.array([2, 6])])
    one, two, three = ious_of(drawn, FRAME.masks.unpack(), 0.0)
    assert one > two > three > 0
    expected = {"iou": (one + two + three) / 3, "sign": (one + two) / 2, "road": three}
    assert scores == pytest.approx(expected)


def test_a_segmenter_by_hand() -> None:
    scores = judge_segmenter(Boxes(), [EMPTY, FRAME])
    # The quarter has 64 pixels: 16 and 8 of them are the signs, the road lies in the lower half.
    click = {"click/sign": (16 / 64 + 8 / 64) / 2, "click/road": 0.0}
    assert scores == pytest.approx(
        {
            "click": (16 / 64 + 8 / 64) / 3,
            "best": (16 / 64 + 8 / 64 + 64 / 128) / 3,
            "box": 1.0,
            "iou": ((16 / 64 + 8 / 64) / 3 + 1.0) / 2,
            "box/sign": 1.0,
            "box/road": 1.0,
            **click,
        }
    )
