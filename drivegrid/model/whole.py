"""Whether the weights of a Qwen2.5-VL folder are those of the model its settings describe.

transformers fills what a checkpoint lacks with random numbers. Here only names and shapes are
compared, before anything is loaded; the model is built without memory for its weights.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import AutoConfig, Qwen2_5_VLForConditionalGeneration

from drivegrid.errors import ModelError
from drivegrid.model.adapter_files import base_name
from drivegrid.model.stored import tensor_files, tensor_shape

HEAD = "lm_head.weight"


def check_whole(folder: str | Path) -> None:
    """Raise unless a checkpoint holds every tensor of its model, in the model's shape.

    Raises:
        ModelError: Naming the file and what is missing or does not fit.
    """
    folder = Path(folder)
    files = tensor_files(folder)
    settings = folder / "config.json"
    try:
        with torch.device("meta"):
            model = Qwen2_5_VLForConditionalGeneration(AutoConfig.from_pretrained(folder))
    except Exception as error:  # whatever transformers makes of sizes that fit nothing
        raise ModelError(f"{settings.name} must describe a model: {error} ({settings}).") from error
    tied = model.config.tie_word_embeddings
    for name, tensor in model.state_dict().items():
        stored = base_name(name, files)
        if stored is not None:
            shape = tensor_shape(files[stored], stored)
            if shape != list(tensor.shape):
                raise ModelError(
                    f"{stored} must have the shape {list(tensor.shape)} that config.json "
                    f"describes, got {shape} ({files[stored]})."
                )
        elif not (tied and name == HEAD):
            raise ModelError(f"weights must hold every tensor, got no {name} ({folder}).")


def check_finite(name: str, tensor: Tensor, where: Path) -> None:
    """Raise unless all numbers of a tensor are finite.

    Raises:
        ModelError: Naming the tensor.
    """
    if not tensor.is_floating_point() or tensor.itemsize < 2:  # of quantised weights
        return
    # The sum of a tensor is finite only if all of it is; the other way round it may overflow.
    if not tensor.sum(dtype=torch.float32).isfinite() and not tensor.isfinite().all():
        raise ModelError(f"{name} must hold finite numbers, got others ({where}).")


def check_all_finite(model: nn.Module, where: Path) -> None:
    """Raise unless all weights of a model are finite.

    Raises:
        ModelError: Naming the first that is not.
    """
    for name, parameter in model.named_parameters():
        check_finite(name, parameter.detach(), where)
