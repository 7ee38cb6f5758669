"""SAMTok's network: a mask decoder that writes, two codebooks, and a closer look that draws.

Zhou et al., "SAMTok" (2026), section 2.1: one half of SAM writes a mask as a vector and one draws
it again, the image and prompt encoders stay as they are. Here they are drivegrid-seg's. The writer
gets the mask's box beside the mask, as in the published code. What a small network needs beside
that: four numbers of a vector are the box, not learnt, so that codes know where a mask is from the
first step on, and what draws is drivegrid-seg's closer look at the box that they tell.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor, nn

from drivegrid.masks.codebook import ResidualCodebooks
from drivegrid.masks.samtok.boxes import ask_boxes, box_at, place_of
from drivegrid.masks.seg.closer import CloserConfig, CloserLook, Sight, view_prompts
from drivegrid.masks.seg.decoder import DecoderConfig, ImageMaps
from drivegrid.masks.seg.network import SegNetwork
from drivegrid.masks.seg.prompts import PromptBatch
from drivegrid.masks.seg.two_way import TwoWayTransformer

LEVELS, CODES = 2, 256
"""Words of a mask and codes of each (SAMTok, appendix B: 256 x 2, not shared)."""
LEARNT = 12
"""Numbers of a vector beside the four of the box."""


@dataclass(frozen=True)
class SamTokConfig:
    """Sizes of SAMTok.

    Args:
        seg: SHA-256 of the drivegrid-seg weights that it was trained on.
        logits_wh: Size of drawn prompts, drivegrid-seg's.
        decoder: Of the half that writes, drivegrid-seg's.
        closer: Of the half that draws, drivegrid-seg's.
        num_codes: In each of the two codebooks.
    """

    seg: str
    logits_wh: tuple[int, int]
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    closer: CloserConfig = field(default_factory=CloserConfig)
    num_codes: int = CODES


class Quantised(NamedTuple):
    """Masks as codes.

    Args:
        vectors: (N, 16) before quantisation.
        codes: (N, 2) in [0, num_codes).
        sums: (N, 2, 16) the sum of codes up to each level.
    """

    vectors: Tensor
    codes: Tensor
    sums: Tensor


class SamTokNetwork(nn.Module):
    """Writes masks as two codes and draws them again.

    Args:
        config: Its sizes.
    """

    def __init__(self, config: SamTokConfig) -> None:
        super().__init__()
        self.config = config
        width = config.decoder.width
        self.asking = nn.Parameter(torch.zeros(1, width))
        self.writer = TwoWayTransformer(width, config.decoder.heads, config.decoder.rounds)
        self.to_learnt = nn.Linear(width, LEARNT)
        self.codebooks = ResidualCodebooks(LEVELS, config.num_codes, 4 + LEARNT)
        self.to_hint = nn.Linear(4 + LEARNT, config.closer.widths[3])
        self.drawer = CloserLook(config.closer, config.decoder)

    def begin_as(self, seg: SegNetwork) -> None:
        """Take over what drivegrid-seg knows: how prompts are read, and how masks are drawn."""
        self.drawer.load_state_dict(seg.closer.state_dict())
        self.writer.load_state_dict(seg.decoder.transformer.state_dict())
        with torch.no_grad():
            self.asking.copy_(seg.decoder.asking.weight[:1])

    def write(self, seg: SegNetwork, maps: ImageMaps, prompts: PromptBatch) -> Tensor:
        """Return (N, 16) vectors of masks: the place of the box, and what is learnt.

        Args:
            seg: Whose prompt encoder is used.
            maps: Of the image, one for each mask.
            prompts: A mask and its box each.
        """
        asked = seg.encode_prompts(maps, prompts)
        cells = (maps.cells + asked.coarse).flatten(2).transpose(1, 2)
        mine = self.asking[None].expand(len(cells), -1, -1)
        tokens = torch.cat([mine, asked.tokens], dim=1)
        seen = torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device)
        places = seg.prompts.position.lattice(*maps.cells.shape[-2:])
        found, _ = self.writer(tokens, cells, places, seen[:, None, None])
        boxes = prompts.places[:, :2].flatten(1)
        return torch.cat([place_of(boxes), self.to_learnt(found[:, 0])], dim=1)

    def quantise(self, vectors: Tensor) -> Quantised:
        """Return the codes of vectors; in training mode the codebooks follow."""
        codes, sums = self.codebooks(vectors)
        return Quantised(vectors, codes, sums)

    def draw(self, sight: Sight, images: Tensor, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Return (N, size, size) logits of masks in views, and these (N, 4).

        Args:
            sight: Of B images.
            images: (N,) which of them each mask is in.
            vectors: (N, 16) sums of codes.
        """
        asked = ask_boxes(box_at(vectors[:, :4].detach()), self.config.logits_wh)
        nothing = vectors.new_zeros(len(vectors), 1, 1)
        prompts = view_prompts(asked, images, nothing, self.drawer.size)
        return self.drawer(sight, prompts, self.to_hint(vectors))[0], prompts.views
