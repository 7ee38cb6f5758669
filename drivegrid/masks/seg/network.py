"""The network of drivegrid-seg: EfficientNet-Lite0, prompts, a mask decoder and a closer look."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from drivegrid.errors import ConfigError
from drivegrid.geometry import Size
from drivegrid.masks.seg.closer import CloserConfig, CloserLook
from drivegrid.masks.seg.decoder import DecoderConfig, ImageMaps, MaskDecoder, Prompts
from drivegrid.masks.seg.prompts import PromptBatch, PromptEncoder
from drivegrid.trunk.efficientnet import PYRAMID, EfficientNetLite0


@dataclass(frozen=True)
class SegConfig:
    """Sizes of drivegrid-seg.

    Args:
        image_size_wh: Of the input in pixels, multiples of 32; every image is stretched to it.
        decoder: Of the mask decoder.
        closer: Of the closer look.

    Raises:
        ConfigError: If the size is none.
    """

    image_size_wh: Size = (512, 288)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    closer: CloserConfig = field(default_factory=CloserConfig)

    def __post_init__(self) -> None:
        sides = self.image_size_wh
        whole = isinstance(sides, tuple) and [type(side) for side in sides] == [int, int]
        if not whole or any(side <= 0 or side % 32 for side in sides):
            raise ConfigError(f"image_size_wh must be two multiples of 32, got {sides!r:.60}.")

    @property
    def logits_wh(self) -> Size:
        """Size of the sketches that the decoder draws, and at which prompts are drawn for it."""
        return self.image_size_wh[0] // 2, self.image_size_wh[1] // 2


class Neck(nn.Module):
    """The trunk's maps, brought to the widths and strides of the decoder.

    Args:
        config: Of the decoder.
    """

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        channels = {stride: number for stride, (_, number) in PYRAMID.items()}
        self.coarse = nn.Conv2d(channels[32], config.width, 1)
        self.cells = nn.Conv2d(channels[16], config.width, 1)
        self.near = nn.Conv2d(channels[8], config.width, 2, 2)
        self.mix = nn.Conv2d(config.width, config.width, 3, padding=1)
        self.middle = nn.Conv2d(channels[8], config.fine[0], 1)
        self.fine = nn.Conv2d(channels[4], config.fine[1], 1)
        self.edges = nn.Conv2d(3, config.fine[2], 3, 2, 1)
        # The trunk's last convolutions have no norm behind them: their maps deviate by six.
        self.norms = nn.ModuleList(nn.GroupNorm(1, n) for n in (config.width, *config.fine))

    def forward(self, pixel_values: Tensor, maps: dict[int, Tensor]) -> ImageMaps:
        """Return the decoder's maps of pictures and the trunk's maps by stride."""
        coarse = F.interpolate(self.coarse(maps[32]), maps[16].shape[-2:], mode="bilinear")
        cells = coarse + self.cells(maps[16]) + self.near(maps[8])
        cells = cells + self.mix(F.gelu(cells))
        mine = cells, self.middle(maps[8]), self.fine(maps[4]), self.edges(pixel_values)
        return ImageMaps(*(norm(m) for norm, m in zip(self.norms, mine, strict=True)))


class SegNetwork(nn.Module):
    """A promptable segmenter.

    Args:
        config: Its sizes.
    """

    def __init__(self, config: SegConfig) -> None:
        super().__init__()
        self.config = config
        self.trunk = EfficientNetLite0()
        self.neck = Neck(config.decoder)
        self.prompts = PromptEncoder(config.decoder.width, *config.decoder.fine[1:])
        self.decoder = MaskDecoder(config.decoder)
        self.closer = CloserLook(config.closer, config.decoder)

    def look(self, pixel_values: Tensor) -> ImageMaps:
        """Return the maps of (B, 3, H, W) pictures as `to_pixel_values` gives them."""
        maps: ImageMaps = self.neck(pixel_values, self.trunk(pixel_values))
        return maps

    def encode_prompts(self, maps: ImageMaps, prompts: PromptBatch) -> Prompts:
        """Return encoded prompts.

        Args:
            maps: One image for each.
            prompts: N.
        """
        sparse = self.prompts.sparse(prompts.places, prompts.kinds, maps.cells)
        return Prompts(sparse, prompts.kinds, *self.prompts.dense(prompts.drawn))

    def draw(self, maps: ImageMaps, prompts: Prompts) -> tuple[Tensor, Tensor]:
        """Return (N, 4, H/2, W/2) logits and (N, 4) estimated IoUs in [0, 1].

        The first mask is that of a prompt that says what is meant, the others are three guesses at
        one that does not.

        Args:
            maps: One image for each prompt.
            prompts: N.
        """
        drawn: tuple[Tensor, Tensor] = self.decoder(maps, prompts, self.prompts.position)
        return drawn

    def sketch(
        self, maps: ImageMaps, images: Tensor, prompts: PromptBatch, lone: Tensor, wanted: Tensor
    ) -> Tensor:
        """Return (N, H/2, W/2) logits of what prompts mean, 0 for those that nobody asks about.

        Args:
            maps: Of B images.
            images: (N,) which image each prompt is about.
            prompts: N.
            lone: (N,) whether each is a lone point, which means the guess with the highest score.
            wanted: (N,) which of them are sketched.
        """
        width, height = self.config.logits_wh
        sketches = prompts.places.new_zeros(len(images), height, width)
        rows = wanted.nonzero()[:, 0]
        if len(rows):
            mine, asked = maps.of(images[rows]), prompts.of(rows)
            logits, scores = self.draw(mine, self.encode_prompts(mine, asked))
            sketches[rows] = meant(logits, scores, lone[rows])
        return sketches


def meant(logits: Tensor, scores: Tensor, lone: Tensor) -> Tensor:
    """Return (N, h, w) the mask that each prompt means: the first, of a lone point the best guess.

    Args:
        logits: (N, 4, h, w), as `SegNetwork.draw` gives them.
        scores: (N, 4) in [0, 1].
        lone: (N,) which prompts are lone points.
    """
    best = torch.where(lone, 1 + scores[:, 1:].argmax(dim=1), 0)
    return logits[torch.arange(len(logits), device=logits.device), best]


def num_parameters(network: nn.Module) -> int:
    """Return how many parameters a network has."""
    return sum(p.numel() for p in network.parameters())
