"""Ways to write masks, and their comparison."""

import numpy as np
import pytest

pytest.importorskip("torch")

from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.geometry import Box
from drivegrid.inference.mask_comparison import CLASSES, compare
from drivegrid.inference.mask_peers import (
    RLE_WH,
    BoxedAnchorsWriter,
    EllipseWriter,
    PolygonWriter,
    RunLengthWriter,
    TokenizerWriter,
    Written,
)
from drivegrid.masks.grid_tokenizer import GridMaskTokenizer
from drivegrid.masks.labelled import LabelledMasks
from drivegrid.masks.oracle import OracleSegmenter
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


def test_a_box_and_anchors_are_one_prompt() -> None:
    boxes = ((40.0, 40.0, 120.0, 110.0), (200.0, 20.0, 300.0, 60.0))
    instances = tuple(Instance("obstacle", Box(np.array(box))) for box in boxes)
    scene = Scene(Frame("a.png", (320, 256)), instances)
    tokenizer = GridMaskTokenizer(OracleSegmenter(scene, (320, 256)))
    writer, asked = BoxedAnchorsWriter(tokenizer, "both"), []
    assert writer.write(IMAGE, np.zeros((0, 256, 320), np.bool_)) == []
    assert writer.draw(IMAGE, []).shape == (0, 256, 320)
    truth = np.stack([shape((40, 40, 120, 110)), shape((200, 20, 300, 60))])
    written = writer.write(IMAGE, truth)
    for one, mask in zip(written, truth, strict=True):
        # Two corners and their offsets, the anchors, and tags around all three.
        assert one.tokens == 2 + 2 + len(one.value[1]) + 3 * 2
        points = tokenizer.points_of(one.value[1], (320, 256)).astype(int)
        assert mask[points[:, 1], points[:, 0]].all()
    decode = tokenizer.segmenter.decode
    tokenizer.segmenter.decode = lambda handle, prompts: (
        asked.extend(prompts) or decode(handle, prompts)
    )
    np.testing.assert_array_equal(writer.draw(IMAGE, written), truth)
    for prompt, box in zip(asked, boxes, strict=True):
        assert len(prompt.points)
        # One round of offsets: within a quarter of a cell.
        np.testing.assert_allclose(prompt.box, box, atol=320 / 32 / 4)


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
