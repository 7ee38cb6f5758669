"""How distinct new rows are in bfloat16, by init, at the widths of Qwen2.5-VL 3B and 7B.

Run by hand, about a minute for each: python tests/benchmarks/bench_row_inits.py 3B 7B

The old rows are drawn with moments like those of a language model. The vision tower has its true
width, random weights and two blocks, the last one with global attention.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from transformers import Qwen2_5_VLConfig
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import (
    Qwen2_5_VisionTransformerPretrainedModel,
)

from drivegrid.model.places import place_tokens
from drivegrid.model.rows import grid_rows, spread_of
from drivegrid.tokens.grid import GridSpec

GRID = GridSpec()
NUM_PICTURES = 2
WIDTHS = {"3B": 2048, "7B": 3584}
BLOCKS = 2


def save_tower(folder: Path, width: int) -> None:
    """Write a random vision tower of true width as a checkpoint."""
    torch.manual_seed(0)
    vision = {"depth": BLOCKS, "hidden_size": 1280, "num_heads": 16, "intermediate_size": 3420}
    vision |= {"out_hidden_size": width, "fullatt_block_indexes": [BLOCKS - 1]}
    config = Qwen2_5_VLConfig(vision_config=vision, text_config={"hidden_size": width})
    tower = Qwen2_5_VisionTransformerPretrainedModel(config.vision_config)
    config.save_pretrained(folder)
    tensors = {f"visual.{name}": tensor for name, tensor in tower.state_dict().items()}
    save_file(tensors, folder / "model.safetensors")


def cosine_at(rows: np.ndarray, step: int) -> float:
    """Return the mean cosine of the rows of cells some columns apart."""
    centred = rows - rows.mean(axis=0)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True).clip(1e-30)
    cells = unit.reshape(GRID.rows, GRID.cols, -1)
    return float((cells[:, step:] * cells[:, :-step]).sum(axis=-1).mean())


def main() -> None:
    generator = np.random.default_rng(0)
    for size in sys.argv[1:]:
        width = WIDTHS[size]
        mean = generator.normal(0.0, 0.002, width)
        std = 0.016 * np.exp(generator.normal(0.0, 0.2, width))
        with tempfile.TemporaryDirectory() as folder:
            save_tower(Path(folder), width)
            places = place_tokens(folder, GRID, NUM_PICTURES)
            others = place_tokens(folder, GRID, NUM_PICTURES, seed=1)
        for init in ("mean", "gaussian", "fourier", "vision"):
            rows = grid_rows(init, GRID, mean, std, places=places)
            stored = torch.from_numpy(rows).to(torch.bfloat16).double().numpy()
            distance, rank = spread_of(stored, std)
            near, far = cosine_at(stored, 1), cosine_at(stored, 16)
            print(
                f"{size} {width} {init:9} rank {rank:.1%} least distance {distance:.3g} "
                f"cosine at 1 cell {near:.2f}, at 16 {far:.2f}"
            )
        halves = [(part - part.mean(axis=0)).ravel() for part in (places, others)]
        print(f"{size} vision: correlation of other noise {np.corrcoef(*halves)[0, 1]:.3f}")


if __name__ == "__main__":
    main()
