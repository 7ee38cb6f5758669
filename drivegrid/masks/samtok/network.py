"""SAMTok's network: a mask decoder that writes, two codebooks, and a mask decoder that draws.

Zhou et al., "SAMTok" (2026), section 2.1: both halves are SAM's decoder, the image and prompt
encoders stay as they are. Here they are drivegrid-seg's. Two things are added that a small network
needs: the writer gets the mask's box beside the mask (as the published code does), and the codes
also draft a coarse mask, which the drawing half takes as a mask prompt.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor, nn

from drivegrid.masks.codebook import ResidualCodebooks
from drivegrid.masks.seg.decoder import DecoderConfig, ImageMaps, MaskDecoder, Prompts
from drivegrid.masks.seg.network import PromptBatch, SegNetwork
from drivegrid.masks.seg.prompts import CHANNELS, POSITIVE
from drivegrid.masks.seg.two_way import TwoWayTransformer

LEVELS, CODES = 2, 256
"""Words of a mask and codes of each (SAMTok, appendix B: 256 x 2, not shared)."""
DECAY = 0.97
"""Of the codebooks' averages. The published .99 looks back on 100 steps of hundreds of masks; with
two dozen in a step, vectors have moved on by then and leave nine codes in ten behind."""
DRAFT_STRIDE = 8
"""Pixels of a drawn prompt for one of a draft."""


@dataclass(frozen=True)
class SamTokConfig:
    """Sizes of SAMTok.

    Args:
        seg: SHA-256 of the drivegrid-seg weights that it was trained on.
        logits_wh: Size of the masks that are drawn and of drawn prompts, drivegrid-seg's.
        decoder: Of both halves, drivegrid-seg's.
        num_codes: In each of the two codebooks.
    """

    seg: str
    logits_wh: tuple[int, int]
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    num_codes: int = CODES

    @property
    def draft_wh(self) -> tuple[int, int]:
        """Size of the drafts."""
        return self.logits_wh[0] // DRAFT_STRIDE, self.logits_wh[1] // DRAFT_STRIDE


class Quantised(NamedTuple):
    """Masks as codes.

    Args:
        vectors: (N, width) before quantisation.
        codes: (N, 2) in [0, num_codes).
        sums: (N, 2, width) the sum of codes up to each level.
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
        self.to_vector = nn.Linear(width, width)
        self.codebooks = ResidualCodebooks(LEVELS, config.num_codes, width, DECAY)
        columns, rows = config.draft_wh
        self.draft = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, columns * rows)
        )
        self.drawer = MaskDecoder(config.decoder, masks=1)

    def begin_as(self, seg: SegNetwork) -> None:
        """Take over the weights of drivegrid-seg's decoder, where both have the same parts."""
        mine = {name: tensor.shape for name, tensor in self.drawer.state_dict().items()}
        theirs = seg.decoder.state_dict()
        fitting = {
            name: theirs[name] for name, shape in mine.items() if theirs[name].shape == shape
        }
        self.drawer.load_state_dict(fitting, strict=False)
        self.writer.load_state_dict(seg.decoder.transformer.state_dict())
        with torch.no_grad():
            self.asking.copy_(seg.decoder.asking.weight[:1])
            self.drawer.asking.weight.copy_(seg.decoder.asking.weight[:2])

    def write(self, seg: SegNetwork, maps: ImageMaps, prompts: PromptBatch) -> Tensor:
        """Return (N, width) vectors of masks.

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
        vectors: Tensor = self.to_vector(found[:, 0])
        return vectors

    def quantise(self, vectors: Tensor) -> Quantised:
        """Return the codes of vectors; in training mode the codebooks follow."""
        codes, sums = self.codebooks(vectors)
        return Quantised(vectors, codes, sums)

    def draw(self, seg: SegNetwork, maps: ImageMaps, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Return (N, h, w) logits of masks, and those of their coarse drafts.

        Args:
            seg: Whose prompt encoder is used.
            maps: Of the image, one for each mask.
            vectors: (N, width) sums of codes.
        """
        count, (columns, rows) = len(vectors), self.config.draft_wh
        draft = self.draft(vectors).view(count, 1, rows, columns)
        drawn = nn.functional.interpolate(
            draft.sigmoid(), scale_factor=DRAFT_STRIDE, mode="bilinear", align_corners=False
        )
        absent = drawn.new_zeros(count, CHANNELS - 1, *drawn.shape[2:])
        kinds = torch.full((count, 1), POSITIVE, device=vectors.device)
        dense = seg.prompts.dense(torch.cat([drawn, absent], dim=1))
        prompts = Prompts(vectors[:, None], kinds, *dense)
        logits, _ = self.drawer(maps, prompts, seg.prompts.position)
        return logits[:, 0], draft[:, 0]
