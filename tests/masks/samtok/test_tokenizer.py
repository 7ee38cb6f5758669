"""SAMTok on random weights: two words a mask, the same mask again and again."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from drivegrid.errors import GeometryError, ModelError, TokenError  # noqa: E402
from drivegrid.masks.samtok.network import SamTokConfig, SamTokNetwork  # noqa: E402
from drivegrid.masks.samtok.tokenizer import (  # noqa: E402
    MASKS_PER_PASS,
    SamTokenizer,
    image_side,
)
from drivegrid.masks.seg.closer import CloserConfig  # noqa: E402
from drivegrid.masks.seg.decoder import DecoderConfig  # noqa: E402
from drivegrid.masks.seg.network import SegConfig, SegNetwork  # noqa: E402
from drivegrid.masks.seg.segmenter import SmallSegmenter  # noqa: E402
from drivegrid.masks.shapes import inside_of, overlap  # noqa: E402

CLOSER = CloserConfig(16, (8, 8, 8, 8), 8)
SEG = SegConfig((96, 64), DecoderConfig(16, 2, 1, (8, 8, 4)), CLOSER)
IMAGE = np.random.default_rng(0).integers(0, 256, (48, 80, 3), dtype=np.uint8)


def make(codes=8):
    torch.manual_seed(0)
    seg = SegNetwork(SEG)
    network = SamTokNetwork(
        SamTokConfig(image_side(seg), SEG.logits_wh, SEG.decoder, SEG.closer, codes)
    )
    network.begin_as(seg)
    network.codebooks(torch.randn(64, 16))  # the first batch fills the books
    return SamTokenizer(network, SmallSegmenter(seg))


@pytest.fixture(scope="module")
def samtok():
    return make()


def masks(count=3):
    rng = np.random.default_rng(1)
    found = np.zeros((count, 48, 80), np.bool_)
    for mask in found:
        x, y = rng.integers(0, 60), rng.integers(0, 30)
        mask[y : y + rng.integers(1, 18), x : x + rng.integers(1, 20)] = True
    return found


ODD = {
    "one pixel": np.eye(1, 48 * 80, 48 * 80 - 1, dtype=np.bool_).reshape(48, 80),
    "full": np.ones((48, 80), np.bool_),
    "many parts": (np.indices((48, 80)).sum(axis=0) % 7 == 0),
    "a hole": ~np.pad(np.ones((20, 20), np.bool_), ((10, 18), (20, 40))),
}


def test_no_masks(samtok) -> None:
    assert samtok.encode_all(IMAGE, np.zeros((0, 48, 80), np.bool_)) == []
    assert samtok.decode_all(IMAGE, []).shape[0] == 0


def test_a_mask_is_two_words_and_text_keeps_them(samtok) -> None:
    for codes in samtok.encode_all(IMAGE, masks()):
        first, second = codes.tolist()
        assert 0 <= first < 8 <= second < 16
        text = samtok.text_of(codes)
        assert text == f"<seg><sam_1_{first}><sam_2_{second - 8}></seg>"
        assert samtok.parse(text).codes[0].tolist() == [first, second]


@pytest.mark.parametrize("mask", ODD.values(), ids=ODD)
def test_odd_masks(samtok, mask) -> None:
    codes = samtok.encode(IMAGE, mask)
    assert np.isfinite(samtok.decode(IMAGE, codes)).all()


def test_batches_change_nothing(samtok) -> None:
    truth = masks(MASKS_PER_PASS + 2)
    together = samtok.encode_all(IMAGE, truth)
    logits = samtok.decode_all(IMAGE, together)
    for place in (0, MASKS_PER_PASS, len(truth) - 1):
        assert samtok.encode(IMAGE, truth[place]).tolist() == together[place].tolist()
        alone = samtok.decode(IMAGE, together[place])
        np.testing.assert_allclose(alone, logits[place], atol=1e-4)


def test_encoding_learns_nothing(samtok) -> None:
    before = {name: tensor.clone() for name, tensor in samtok.network.state_dict().items()}
    samtok.encode_all(IMAGE, masks())
    for name, tensor in samtok.network.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_codes_are_the_nearest_ones_level_by_level(samtok) -> None:
    vectors = torch.randn(5, 16)
    found = samtok.network.quantise(vectors)
    first, second = (level.codes for level in samtok.network.codebooks.levels)
    for vector, codes, sums in zip(vectors, found.codes.tolist(), found.sums, strict=True):
        one = min(range(8), key=lambda i: float((vector - first[i]).square().sum()))
        rest = vector - first[one]
        two = min(range(8), key=lambda i: float((rest - second[i]).square().sum()))
        assert codes == [one, two]
        torch.testing.assert_close(sums[1], first[one] + second[two])
    again = samtok.network.codebooks.lookup(found.codes)
    torch.testing.assert_close(again, found.sums[:, 1])


def test_of_the_codes_near_by_those_are_written_that_draw_best(samtok) -> None:
    truth, size_wh = masks(12), (80, 48)
    written = samtok.encode_all(IMAGE, truth)
    with torch.inference_mode():
        vectors = samtok._vectors(samtok.segmenter.encode(IMAGE).sight, truth)
    nearest = samtok.network.quantise(vectors).codes.numpy() + np.array([0, 8])

    def ious(codes):
        logits = samtok.decode_all(IMAGE, list(codes))
        drawn = [inside_of(one, samtok.threshold, size_wh) for one in logits]
        return np.array([overlap(*pair) for pair in zip(drawn, truth, strict=True)])

    gained = ious(written) - ious(nearest)
    # They are judged at the size they are drawn at.
    assert gained.min() > -0.05
    assert gained.mean() > 0


@pytest.mark.parametrize(
    ("codes", "error"),
    [
        (np.zeros(0, int), TokenError),
        (np.array([1]), TokenError),
        (np.array([9, 1]), TokenError),
        (np.array([1, 2]), TokenError),
        (np.array([1, 9, 10]), TokenError),
        (np.array([1, 16]), TokenError),
        (np.array([-1, 9]), TokenError),
    ],
    ids=str,
)
def test_broken_codes_are_never_drawn(samtok, codes, error) -> None:
    before = codes.copy()
    with pytest.raises(error):
        samtok.decode(IMAGE, codes)
    assert codes.tolist() == before.tolist()


def test_an_image_is_needed(samtok) -> None:
    with pytest.raises(GeometryError, match="samtok"):
        samtok.decode(None, np.array([1, 9]))
    with pytest.raises(GeometryError, match="size of their image"):
        samtok.encode(IMAGE, np.ones((48, 48), np.bool_))


def test_a_folder_and_the_segmenter_it_belongs_to(samtok, tmp_path) -> None:
    samtok.save(tmp_path / "samtok")
    SmallSegmenter(samtok.segmenter._segmenter.network).save(tmp_path / "seg")
    again = SamTokenizer.from_pretrained(tmp_path / "samtok", tmp_path / "seg")
    assert again.tokens == samtok.tokens
    once = SamTokenizer.from_pretrained(tmp_path / "samtok", tmp_path / "seg")
    codes = again.encode(IMAGE, masks()[0])
    assert once.encode(IMAGE, masks()[0]).tolist() == codes.tolist()
    np.testing.assert_array_equal(again.decode(IMAGE, codes), once.decode(IMAGE, codes))
    torch.manual_seed(1)
    SmallSegmenter(SegNetwork(SEG)).save(tmp_path / "other")
    with pytest.raises(ModelError, match="trained on"):
        SamTokenizer.from_pretrained(tmp_path / "samtok", tmp_path / "other")
