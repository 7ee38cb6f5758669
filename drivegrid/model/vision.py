"""From pixels to what the nano decoder looks at: memory, cell features, fine maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from drivegrid.model.attention import ImageLayer, KeyValue
from drivegrid.model.nano_config import NanoConfig
from drivegrid.trunk.efficientnet import PYRAMID

FINE_CHANNELS = 64
FOURIER_BANDS = 16


@dataclass(frozen=True)
class ImageFeatures:
    """An encoded image; made once, used by every turn of the conversation.

    Args:
        cross: For each decoder layer the keys and values of the image memory.
        cells: (B, num_cells, d) features of the lattice cells, row-major.
        fine: Maps at strides 4, 8 and 16, each (B, C, H, W), to look up around an anchor.
    """

    cross: tuple[KeyValue, ...]
    cells: Tensor
    fine: tuple[Tensor, ...]

    @property
    def num_images(self) -> int:
        """How many images these are."""
        return len(self.cells)

    @classmethod
    def join(cls, features: Sequence[ImageFeatures]) -> ImageFeatures:
        """Put encoded images side by side in one batch, for rows that each look at one.

        Where equally many rows in a row look at each image, as samples of the same questions do,
        it is there once; see `shared`.
        """
        runs = [list(run) for _, run in groupby(features, key=id)]
        once = [run[0] for run in runs] if len({len(run) for run in runs}) == 1 else features
        if len(once) == 1:
            return once[0]
        layers = zip(*(f.cross for f in once), strict=True)
        cross = tuple(
            (torch.cat([key for key, _ in rows]), torch.cat([value for _, value in rows]))
            for rows in layers
        )
        fine = tuple(torch.cat(maps) for maps in zip(*(f.fine for f in once), strict=True))
        return cls(cross, torch.cat([f.cells for f in once]), fine)


def shared(x: Tensor, num_images: int) -> Tensor:
    """Line up what looks at the same image: (B, T, ..) to (num_images, B / num_images * T, ..).

    Args:
        x: Of B rows; those of an image stand together, equally many of each.
        num_images: M, a divisor of B.
    """
    return x.reshape(num_images, -1, *x.shape[2:])


def fourier_features(xy: Tensor) -> Tensor:
    """Return (..., 4 * FOURIER_BANDS) sines and cosines of places in [0, 1]^2."""
    octaves = 2.0 ** torch.linspace(0, 6, FOURIER_BANDS, device=xy.device)
    angles = (xy[..., None] * octaves * torch.pi).flatten(-2)
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


def lattice_places(cols: int, rows: int) -> Tensor:
    """Return (rows * cols, 2) cell centres in [0, 1]^2, row-major, x first."""
    x, y = (torch.arange(cols) + 0.5) / cols, (torch.arange(rows) + 0.5) / rows
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1).reshape(-1, 2)


class ImageEncoder(nn.Module):
    """Turns the trunk's pyramid into image memory and cell features."""

    def __init__(self, config: NanoConfig) -> None:
        super().__init__()
        dim = config.hidden_size
        channels = {stride: count for stride, (_, count) in PYRAMID.items()}
        self.cols, self.rows = config.grid_spec.cols, config.grid_spec.rows
        self.memory_in = nn.Linear(4 * channels[8] + channels[16] + channels[32], dim)
        self.place = nn.Linear(4 * FOURIER_BANDS, dim)
        self.layers = nn.ModuleList(
            ImageLayer(dim, config.num_heads) for _ in range(config.num_image_layers)
        )
        self.memory_norm = nn.LayerNorm(dim)
        self.cell_in = nn.Linear(8 * channels[4] + 2 * channels[8] + dim, dim)
        self.cell_out = nn.Sequential(nn.GELU(), nn.Linear(dim, dim), nn.LayerNorm(dim))
        self.memory_fine = nn.Linear(dim, FINE_CHANNELS) if config.grounded_moves else None

    def forward(self, pyramid: dict[int, Tensor]) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """Encode the pyramid.

        Args:
            pyramid: Stride to (B, C, H / stride, W / stride).

        Returns:
            Memory (B, S, d) at stride 16, cell features (B, num_cells, d), fine maps; none
            where no offset looks at them.
        """
        height, width = pyramid[16].shape[-2:]
        wide = F.interpolate(pyramid[32], size=(height, width), mode="nearest")
        mixed = torch.cat([F.pixel_unshuffle(pyramid[8], 2), pyramid[16], wide], dim=1)
        memory = self.memory_in(mixed.flatten(2).transpose(1, 2))
        places = lattice_places(width, height).to(memory.device)
        memory = memory + self.place(fourier_features(places).to(memory.dtype))
        for layer in self.layers:
            memory = layer(memory)
        memory = self.memory_norm(memory)
        memory_map = memory.transpose(1, 2).unflatten(2, (height, width))
        cells = self._cells(pyramid, memory_map)
        if self.memory_fine is None:
            return memory, cells, ()
        fine = self.memory_fine(memory).transpose(1, 2).unflatten(2, (height, width))
        return memory, cells, (pyramid[4], pyramid[8], fine)

    def _cells(self, pyramid: dict[int, Tensor], memory_map: Tensor) -> Tensor:
        """Resample three maps to the lattice; a cell keeps 4 x 2 places of stride 4, 2 x 1 of 8."""
        finest = self._split(pyramid[4], 2, 4)
        near = self._split(pyramid[8], 1, 2)
        far = self._split(memory_map, 1, 1)
        cells: Tensor = self.cell_out(self.cell_in(torch.cat([finest, near, far], dim=-1)))
        return cells

    def _split(self, x: Tensor, down: int, across: int) -> Tensor:
        """(B, C, H, W) to (B, num_cells, C * down * across), so many places a cell."""
        size = (down * self.rows, across * self.cols)
        x = F.interpolate(x, size=size, mode="bilinear", align_corners=False)
        x = x.unflatten(3, (self.cols, across)).unflatten(2, (self.rows, down))
        return x.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)


def sample_maps(maps: tuple[Tensor, ...], places: Tensor) -> Tensor:
    """Look up maps at places, bilinearly.

    Args:
        maps: Each (B, C_i, H_i, W_i).
        places: (B, N, 2) x, y in [0, 1]; outside, the border value is taken.

    Returns:
        (B, N, sum of C_i).
    """
    lookup = (places * 2 - 1)[:, :, None]
    found = [
        F.grid_sample(m, lookup.to(m.dtype), padding_mode="border", align_corners=False)[..., 0]
        for m in maps
    ]
    return torch.cat(found, dim=1).transpose(1, 2)
