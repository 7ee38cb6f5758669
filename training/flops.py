"""Floating-point operations of a training step, by arithmetic from the shapes.

A product of (m, k) by (k, n) counts 2 m k n, forth; so much again for the gradient of its input,
and for that of its weights, where they are needed. Only such products count, as in Kaplan et al.
2020 (arXiv 2001.08361, table 1) and Chowdhery et al. 2022 (PaLM, arXiv 2204.02311, appendix B,
where model-FLOPs utilisation is defined): attention is counted whole although it is causal, what
checkpointing computes twice is counted once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from drivegrid.model.nano_config import NanoConfig
from drivegrid.model.vision import FINE_CHANNELS, FOURIER_BANDS
from drivegrid.tokens.grid import offset_vectors
from drivegrid.trunk.efficientnet import FIRST_ABOVE, PYRAMID, STAGES

PEAK_BF16 = {"H200": 989e12, "H100": 989e12, "A100": 312e12}
"""Dense bf16 operations a second, by a part of the device's name (NVIDIA's data sheets, SXM)."""
FROZEN_INPUT, FROZEN_WEIGHT, LEARNT = 2, 2, 3
"""How often a product is computed forth and back: no gradient of input, of weight, both."""


def peak_flops(device: str, precision: str) -> float | None:
    """Return the dense peak of a device by its name, operations a second; None if not known.

    >>> peak_flops("NVIDIA H100 80GB HBM3", "bf16")
    989000000000000.0
    >>> peak_flops("NVIDIA H100 80GB HBM3", "fp32") is None
    True
    """
    if precision != "bf16":
        return None
    return next((peak for name, peak in PEAK_BF16.items() if name in device), None)


def trunk_flops(size_wh: Sequence[int], first: int = 0) -> float:
    """Return the operations of EfficientNet-Lite0 on a picture, forth.

    Args:
        size_wh: Of the picture in pixels.
        first: First block that is run.
    """
    width, height = (side // 2 for side in size_wh)
    stem, c_in, blocks = 2.0 * width * height * 3 * 3**2 * 32, 32, []
    for expand, kernel, stride, c_out, repeat in STAGES:
        for index in range(repeat):
            wide, step = c_in * expand, stride if index == 0 else 1
            flops = 2.0 * width * height * c_in * wide * (expand != 1)
            width, height = -(-width // step), -(-height // step)
            blocks.append(flops + 2 * width * height * wide * (kernel**2 + c_out))
            c_in = c_out
    return stem * (first == 0) + sum(blocks[first:])


def nano_flops(config: NanoConfig, batch: Mapping[str, Any], *, tuned_trunk: bool) -> float:
    """Return the operations of a training step of drivegrid-nano.

    Args:
        config: Of the nano.
        batch: Its input, with ``labels``.
        tuned_trunk: Whether the trunk learns too.
    """
    ids = batch["input_ids"]
    images, length = ids.shape
    flops = _encoder_flops(config, tuned_trunk) * images
    runs = images * (LEARNT if tuned_trunk else 1)
    if "pixel_values" in batch:
        flops += trunk_flops(config.image_size_wh) * runs
    elif 16 not in batch["pyramid"]:
        flops += trunk_flops(config.image_size_wh, FIRST_ABOVE) * runs
    dim, layers, places = config.hidden_size, config.num_layers, _num_places(config)
    linear = 14 * dim**2 + 2 * dim * (length + places)
    flops += LEARNT * 2 * images * length * layers * linear
    taught = int((batch["labels"] != -100).sum())
    flops += LEARNT * 2 * taught * dim * config.vocab_size
    if config.grounded:
        cells, start = config.grid_spec.num_cells, config.spatial_base_id
        seen = int(((ids >= start) & (ids < start + cells)).sum())
        flops += LEARNT * 2 * dim * (taught * (dim + cells) + seen * dim)
    if config.grounded_moves:
        flops += LEARNT * _move_flops(config, int((batch["anchor_xyr"][..., 0] >= 0).sum()))
    return float(flops)


def _num_places(config: NanoConfig) -> int:
    return config.image_size_wh[0] * config.image_size_wh[1] // 16**2


def _encoder_flops(config: NanoConfig, tuned_trunk: bool) -> float:
    """Forth and back, from the trunk's maps of a picture to memory, cells and keys."""
    dim, places, cells = config.hidden_size, _num_places(config), config.grid_spec.num_cells
    channels = {stride: count for stride, (_, count) in PYRAMID.items()}
    first = LEARNT if tuned_trunk else FROZEN_INPUT
    flops = first * places * dim * (4 * channels[8] + channels[16] + channels[32])
    flops += FROZEN_INPUT * places * dim * 4 * FOURIER_BANDS
    layer = 12 * dim**2 + 2 * dim * places
    flops += LEARNT * places * config.num_image_layers * layer
    flops += LEARNT * cells * dim * (8 * channels[4] + 2 * channels[8] + 2 * dim)
    flops += LEARNT * cells * dim * config.num_cell_classes
    flops += LEARNT * places * dim * 2 * dim * config.num_layers
    if config.grounded_moves:
        flops += LEARNT * places * dim * FINE_CHANNELS
    return 2.0 * flops


def _move_flops(config: NanoConfig, anchors: int) -> float:
    """Forth, of what offsets see around anchors."""
    dim, moves = config.hidden_size, len(offset_vectors())
    fine = PYRAMID[4][1] + PYRAMID[8][1] + FINE_CHANNELS
    key = moves * (fine * dim + dim**2)
    hint = (moves * dim + 4 * FOURIER_BANDS) * dim
    return 2.0 * anchors * (key + hint + dim**2 + moves * dim)


def qwen_flops(
    config: Any, batch: Mapping[str, Any], rank: int | None, *, tuned_tower: bool = False
) -> float:
    """Return the operations of a training step of Qwen2.5-VL.

    Args:
        config: Of the model, as transformers defines it.
        batch: Its input, with ``labels``.
        rank: Of the LoRA pairs, beside which only spatial rows learn; None if all weights of the
            language body do.
        tuned_tower: Whether the vision tower learns too.
    """
    text = config.get_text_config()
    rows, length = batch["input_ids"].shape
    dim, wide = text.hidden_size, text.intermediate_size
    keys = dim // text.num_attention_heads * text.num_key_value_heads
    shapes = [(dim, dim), (dim, keys), (dim, keys), (dim, dim)]
    shapes += [(dim, wide), (dim, wide), (wide, dim)]
    linear = sum(a * b for a, b in shapes)
    pairs = (rank or 0) * sum(a + b for a, b in shapes)
    body = LEARNT if rank is None else FROZEN_WEIGHT
    token = body * linear + LEARNT * (pairs + 2 * dim * length)
    flops = 2.0 * rows * length * text.num_hidden_layers * token
    columns = int((batch["labels"][:, 1:] != -100).any(dim=0).sum())
    flops += LEARNT * 2 * rows * columns * dim * text.vocab_size
    tower = vision_flops(config.vision_config, batch["image_grid_thw"])
    return float(flops + tower * (LEARNT if tuned_tower else 1))


def vision_flops(config: Any, grid_thw: Tensor) -> float:
    """Return the operations of the vision tower, forth.

    Args:
        config: Vision part of a Qwen2.5-VL config.
        grid_thw: (N, 3) patches of each picture.
    """
    dim, merge = config.hidden_size, config.spatial_merge_size**2
    patch = config.in_channels * config.temporal_patch_size * config.patch_size**2
    window = (config.window_size // config.patch_size) ** 2
    whole = len(config.fullatt_block_indexes)
    flops = 0.0
    for patches in grid_thw.prod(dim=1).tolist():
        linear = config.depth * (4 * dim**2 + 3 * dim * config.intermediate_size)
        seen = whole * patches + (config.depth - whole) * min(window, patches)
        merger = (merge * dim) * (merge * dim + config.out_hidden_size) / merge
        flops += 2 * patches * (patch * dim + linear + 2 * dim * seen + merger)
    return flops
