"""A tiny SAMTok with all its words, on a tiny drivegrid-seg, both with random weights."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from drivegrid.masks.samtok.network import SamTokConfig, SamTokNetwork  # noqa: E402
from drivegrid.masks.samtok.tokenizer import SamTokenizer, image_side  # noqa: E402
from drivegrid.masks.seg.closer import CloserConfig  # noqa: E402
from drivegrid.masks.seg.decoder import DecoderConfig  # noqa: E402
from drivegrid.masks.seg.network import SegConfig, SegNetwork  # noqa: E402
from drivegrid.masks.seg.segmenter import SmallSegmenter  # noqa: E402

CLOSER = CloserConfig(16, (8, 8, 8, 8), 8)
SEG = SegConfig((96, 64), DecoderConfig(16, 2, 1, (8, 8, 4)), CLOSER)


def save_samtok(folder: Path) -> dict[str, str]:
    """Write both and return where they are, as ``data.masks`` takes it."""
    torch.manual_seed(0)
    SmallSegmenter(SegNetwork(SEG)).save(folder / "seg")
    segmenter = SmallSegmenter.from_pretrained(folder / "seg")
    mine = image_side(segmenter.network)
    network = SamTokNetwork(SamTokConfig(mine, SEG.logits_wh, SEG.decoder, SEG.closer, 256))
    network.begin_as(segmenter.network)
    network.codebooks(torch.randn(600, 16))  # the first batch fills the books
    SamTokenizer(network, segmenter).save(folder / "samtok")
    return {"weights": str(folder / "samtok"), "seg": str(folder / "seg")}
