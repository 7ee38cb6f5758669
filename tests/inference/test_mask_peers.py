"""Ways to write masks, and their comparison."""

import numpy as np
import pytest

pytest.importorskip("torch")

from drivegrid.inference.mask_comparison import CLASSES, compare
from drivegrid.inference.mask_peers import (
    RLE_WH,
    EllipseWriter,
    PolygonWriter,
    RunLengthWriter,
    TokenizerWriter,
    Written,
)
from drivegrid.masks.labelled import LabelledMasks
from drivegrid.metrics.masks import mask_iou
from tests.masks.test_mask_text import Pairs

IMAGE = np.zeros((256, 320, 3), np.uint8)
WRITERS = [PolygonWriter(0), PolygonWriter(1), RunLengthWriter(), EllipseWriter()]


def shape(*boxes):
    mask = np.zeros((256, 320), np.bool_)
    for left, top, right, bottom in boxes:
        mask[top:bottom, left:right] ^= True
    return mask


SHAPES = {
    "square": shape((80, 80, 200, 200)),
    "two parts": shape((20, 20, 120, 120), (180, 140, 300, 240)),
    "a hole": shape((40, 20, 280, 240), (120, 90, 210, 170)),
    "all": shape((0, 0, 320, 256)),
}


@pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: writer.name)
def test_no_masks(writer) -> None:
    assert writer.write(IMAGE, np.zeros((0, 256, 320), np.bool_)) == []
    assert writer.draw(IMAGE, []).shape == (0, 256, 320)


@pytest.mark.parametrize("mask", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("writer", WRITERS[:3], ids=lambda writer: writer.name)
def test_large_shapes_come_back(writer, mask) -> None:
    [written] = writer.write(IMAGE, mask[None])
    [drawn] = writer.draw(IMAGE, [written])
    assert mask_iou(drawn, mask) > 0.9
    assert written.tokens > 0


def test_what_is_smaller_than_a_cell_is_lost() -> None:
    dot = shape((100, 100, 101, 101))
    written = PolygonWriter(0).write(IMAGE, dot[None])
    [drawn] = PolygonWriter(0).draw(IMAGE, written)
    assert mask_iou(drawn, dot) < 0.5


def test_tokens_by_hand() -> None:
    [square] = PolygonWriter(0).write(IMAGE, shape((85, 84, 205, 204))[None])
    assert square.tokens == sum(len(part) for part in square.value[0].cells) + 2
    [refined] = PolygonWriter(1).write(IMAGE, shape((85, 84, 205, 204))[None])
    assert refined.tokens == 2 * sum(len(part) for part in refined.value[0].cells) + 4
    [runs] = RunLengthWriter().write(IMAGE, SHAPES["square"][None])
    assert sum(runs.value) == RLE_WH[0] * RLE_WH[1]
    assert runs.tokens == len(runs.value)
    [pair] = TokenizerWriter(Pairs(), "pairs").write(IMAGE, SHAPES["all"][None])
    assert pair.tokens == 4


class Half:
    """Gives back the left half of what it is told."""

    name = "half"

    def write(self, image, masks):
        return [Written(mask, 7) for mask in masks]

    def draw(self, image, written):
        drawn = np.array([one.value for one in written]).reshape(-1, *image.shape[:2])
        drawn[:, :, image.shape[1] // 2 :] = False
        return drawn


def test_rows_are_means_over_masks() -> None:
    frames = [
        LabelledMasks.of(IMAGE, [("area/drivable", SHAPES["all"]),
                                 ("sign/stop", shape((10, 10, 20, 20)))]),
        LabelledMasks.of(IMAGE, []),
        LabelledMasks.of(IMAGE, [("sign/stop", shape((300, 10, 310, 20)))]),
    ]  # fmt: skip
    moves = []
    comparison = compare(frames, [Half()], moves.append)
    [row] = comparison.rows()
    assert comparison.frames == 2
    assert len(moves) == 4
    assert row["masks"] == 3
    assert row["iou"] == pytest.approx((0.5 + 1 + 0) / 3)
    assert row["small_iou"] == pytest.approx(0.5)
    assert row["sign"] == pytest.approx(0.5)
    assert row["road"] == pytest.approx(0.5)
    assert row["tokens"] == 7
    assert row["pole"] is None
    assert set(CLASSES) <= row.keys()


def test_nothing_to_compare() -> None:
    [row] = compare([], [Half()]).rows()
    assert row["masks"] == 0
    assert row["iou"] is None
    assert row["encode_ms"] is None
