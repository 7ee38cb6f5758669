"""All that a point may mean: every segmenter agrees with itself; masks as prompts."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from drivegrid.data.scene import Frame, Instance, Scene  # noqa: E402
from drivegrid.errors import GeometryError  # noqa: E402
from drivegrid.geometry import Box  # noqa: E402
from drivegrid.masks.cache import CachedSegmenter  # noqa: E402
from drivegrid.masks.oracle import OracleSegmenter  # noqa: E402
from drivegrid.masks.sam2 import Sam2Segmenter  # noqa: E402
from drivegrid.masks.seg.batching import batch_prompts  # noqa: E402
from drivegrid.masks.seg.decoder import DecoderConfig  # noqa: E402
from drivegrid.masks.seg.network import SegConfig, SegNetwork  # noqa: E402
from drivegrid.masks.seg.segmenter import SmallSegmenter  # noqa: E402
from drivegrid.masks.segmenter import Prompt  # noqa: E402
from tests.masks.tiny_sam2 import make_sam2  # noqa: E402

SIZE_WH = (96, 48)
IMAGE = np.random.default_rng(0).integers(0, 256, (48, 96, 3), dtype=np.uint8)
POINTS = np.array([[5.0, 5.0], [50.0, 24.0], [95.0, 47.0]])


def small():
    torch.manual_seed(0)
    return SmallSegmenter(SegNetwork(SegConfig((96, 64), DecoderConfig(16, 2, 1, (8, 8, 4)))))


def oracle():
    boxes = ((0, 0, 40, 40), (2, 2, 10, 10), (45, 10, 60, 30))
    instances = tuple(Instance("obstacle", Box(np.array(box, float))) for box in boxes)
    return OracleSegmenter(Scene(Frame("a.png", SIZE_WH), instances), (96, 48))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_sam2(tmp_path_factory.mktemp("sam2"))


@pytest.fixture(params=["sam2", "small", "oracle", "cached"])
def segmenter(request, folder):
    match request.param:
        case "sam2":
            return Sam2Segmenter.from_pretrained(folder)
        case "small":
            return small()
        case "oracle":
            return oracle()
        case _:
            return CachedSegmenter(small(), 1)


def lone(point):
    return Prompt(point[None], np.ones(1, np.bool_))


def test_no_points(segmenter) -> None:
    logits, scores = segmenter.candidates(segmenter.encode(IMAGE), np.zeros((0, 2)))
    assert logits.ndim == 4
    assert (len(logits), scores.shape) == (0, (0, 3))


@pytest.mark.parametrize("segmenter", ["sam2", "oracle"], indirect=True)
def test_the_best_candidate_is_what_the_point_alone_draws(segmenter) -> None:
    handle = segmenter.encode(IMAGE)
    logits, scores = segmenter.candidates(handle, POINTS)
    assert logits.shape[:2] == scores.shape == (3, 3)
    assert np.isfinite(logits).all()
    drawn, best = segmenter.decode(handle, [lone(point) for point in POINTS])
    rows = np.arange(3)
    chosen = scores.argmax(axis=1)
    np.testing.assert_allclose(logits[rows, chosen], drawn, atol=1e-5)
    np.testing.assert_allclose(scores[rows, chosen], best, atol=1e-6)


def test_drivegrid_seg_looks_closer_at_the_best_candidate() -> None:
    segmenter = small()
    handle = segmenter.encode(IMAGE)
    logits, scores = segmenter.candidates(handle, POINTS)
    assert logits.shape[:2] == scores.shape == (3, 3)
    asked = batch_prompts([lone(point) for point in POINTS], SIZE_WH, (48, 32))
    images = torch.zeros(3, dtype=torch.long)
    with torch.inference_mode():
        every = images == 0
        sketches = segmenter.network.sketch(handle.sight.maps, images, asked, every, every)
    np.testing.assert_allclose(logits[range(3), scores.argmax(axis=1)], sketches, atol=1e-5)


def test_a_mask_as_prompt_matters_and_stands_alone(segmenter) -> None:
    handle = segmenter.encode(IMAGE)
    masks = np.zeros((2, 48, 96), np.bool_)
    masks[0, 2:10, 2:10] = True
    masks[1, 10:30, 45:60] = True
    prompts = [Prompt(mask=mask) for mask in masks]
    mixed = [prompts[0], lone(POINTS[1]), prompts[1]]
    logits, scores = segmenter.decode(handle, mixed)
    assert not np.allclose(logits[0], logits[2])
    for i, prompt in enumerate(mixed):
        alone, score = segmenter.decode(handle, [prompt])
        np.testing.assert_allclose(alone[0], logits[i], rtol=1e-4, atol=1e-4)
        assert score[0] == pytest.approx(scores[i], abs=1e-6)


def test_the_oracle_takes_the_shape_most_like_the_mask() -> None:
    mask = np.zeros((24, 48), np.bool_)
    mask[1:5, 1:6] = True
    segmenter = oracle()
    logits, scores = segmenter.decode(segmenter.encode(IMAGE), [Prompt(mask=mask)])
    rows, cols = np.nonzero(logits[0] > 0)
    assert (rows.min(), rows.max(), cols.min(), cols.max()) == (2, 9, 2, 9)
    assert scores[0] == pytest.approx(64 / 80)  # the mask is 8 x 10 pixels of the picture


def test_masks_and_boxes_and_points_together(segmenter) -> None:
    mask = np.zeros((48, 96), np.bool_)
    mask[2:10, 2:10] = True
    prompt = Prompt(POINTS[:1], np.ones(1, np.bool_), np.array([1.0, 1, 12, 12]), mask)
    logits, _ = segmenter.decode(segmenter.encode(IMAGE), [prompt])
    assert np.isfinite(logits).all()


@pytest.mark.parametrize("mask", [np.zeros((0, 4)), np.zeros(4), np.zeros((1, 4, 4))])
def test_masks_that_no_prompt_can_hold(mask) -> None:
    with pytest.raises(GeometryError, match="mask of a prompt"):
        Prompt(mask=mask)


def test_prompts_with_other_masks_differ() -> None:
    one, other = np.zeros((2, 4), np.bool_), np.zeros((4, 2), np.bool_)
    assert Prompt(mask=one) == Prompt(mask=one.copy())
    assert Prompt(mask=one) != Prompt(mask=other)
    assert Prompt(mask=one) != Prompt(mask=~one)
