"""The same codes give the same mask on a GPU, to a thousandth of a logit."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from drivegrid.masks.samtok.tokenizer import SamTokenizer  # noqa: E402
from drivegrid.masks.seg.segmenter import SmallSegmenter  # noqa: E402
from drivegrid.masks.segmenter import Prompt  # noqa: E402
from tests.masks.samtok.test_tokenizer import IMAGE, make, masks  # noqa: E402

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


def test_prompts_and_words_give_the_same_masks(tmp_path) -> None:
    samtok = make()
    samtok.save(tmp_path / "samtok")
    SmallSegmenter(samtok.segmenter._segmenter.network).save(tmp_path / "seg")
    here, there = (
        SamTokenizer.from_pretrained(tmp_path / "samtok", tmp_path / "seg", device)
        for device in ("cpu", "cuda")
    )
    codes = here.encode_all(IMAGE, masks())
    assert [c.tolist() for c in there.encode_all(IMAGE, masks())] == [c.tolist() for c in codes]
    drawn = here.decode_all(IMAGE, codes)
    np.testing.assert_allclose(there.decode_all(IMAGE, codes), drawn, atol=1e-3)
    segmenters = [SmallSegmenter.from_pretrained(tmp_path / "seg", d) for d in ("cpu", "cuda")]
    prompts = [Prompt(box=np.array([5.0, 5, 40, 30])), Prompt(mask=masks()[0])]
    found = [one.decode(one.encode(IMAGE), prompts)[0] for one in segmenters]
    np.testing.assert_allclose(found[0], found[1], atol=1e-3)
