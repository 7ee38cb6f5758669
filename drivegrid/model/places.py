"""What the vision tower of a Qwen2.5-VL checkpoint says of a place in the picture.

The tower has no position embedding to copy rows from: its positions are rotary and change only
how patches attend to each other. What remains of a place in its output is found by averaging
visual tokens over pictures of noise, at the size where every visual token is a cell of the
lattice: what the noise shows averages out, and what stays is the border, the attention window
and the place in it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import AutoConfig
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import (
    Qwen2_5_VisionTransformerPretrainedModel,
)

from drivegrid.errors import ModelError
from drivegrid.geometry import FloatArray
from drivegrid.model.processor import MERGE, VISUAL_PITCH, to_patches
from drivegrid.model.stored import tensor_files
from drivegrid.model.weight_files import read_tensor
from drivegrid.tokens.grid import GridSpec

NUM_PICTURES = 4


def place_tokens(
    folder: str | Path, grid: GridSpec, num_pictures: int = NUM_PICTURES, seed: int = 0
) -> FloatArray:
    """Return the mean visual token of each cell over pictures of noise.

    At 896 x 896 and the true size of the tower a picture costs about five TFLOP and 4 GB.

    Args:
        folder: Qwen2.5-VL checkpoint.
        grid: Lattice; the pictures have a visual token for each cell.
        num_pictures: How many are averaged.
        seed: Of the noise.

    Returns:
        (num_cells, dim), row-major over the lattice; dim is the width of the language model.

    Raises:
        ModelError: If the folder does not hold the whole tower.
    """
    tower = _load_tower(Path(folder))
    generator = np.random.default_rng(seed)
    shape = (grid.rows * VISUAL_PITCH, grid.cols * VISUAL_PITCH, 3)
    grid_thw = torch.tensor([[1, grid.rows * MERGE, grid.cols * MERGE]])
    total = np.zeros((grid.num_cells, tower.config.out_hidden_size))
    for _ in range(num_pictures):
        noise = generator.integers(0, 256, shape, dtype=np.uint8)
        with torch.inference_mode():
            seen = tower(to_patches(noise, (shape[1], shape[0])), grid_thw).pooler_output
        total += seen.double().numpy()
    return total / num_pictures


def _load_tower(folder: Path) -> Qwen2_5_VisionTransformerPretrainedModel:
    """Return the vision tower alone, in fp32."""
    config = AutoConfig.from_pretrained(folder).vision_config
    tower = Qwen2_5_VisionTransformerPretrainedModel(config)  # without dropout: no mode to set
    weights: dict[str, Tensor] = {}
    for name, path in tensor_files(folder).items():
        # Old files begin with "visual.", newer ones with "model.visual."
        prefix, found, rest = name.partition("visual.")
        if found and prefix in ("", "model."):
            weights[rest] = read_tensor(path, name)
    try:
        tower.load_state_dict(weights)
    except RuntimeError as error:
        first = str(error).splitlines()[1].strip()
        raise ModelError(f"weights must hold the vision tower, got: {first} ({folder}).") from error
    for parameter in tower.parameters():
        parameter.data = parameter.data.float()
    return tower
