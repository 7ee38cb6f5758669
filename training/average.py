"""A running average of the weights: steadier than the weights of the last step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule
from torch.distributed.tensor import DTensor, distribute_tensor

FILE = "average.safetensors"


class WeightAverage:
    """Exponential moving average of what a model learns, in single precision.

    The decay grows with the steps, as min(decay, (1 + t) / (10 + t)), so that early weights are
    soon forgotten. Of a model whose weights are sharded over processes each process averages its
    own shard.

    Args:
        model: The model; only parameters that need a gradient are averaged.
        decay: Share of the average that each step keeps; 0 gives the last weights.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay, self.steps = decay, 0
        self.weights = {name: p.detach().float().clone() for name, p in learnt(model)}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take in the weights after a step."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for name, parameter in learnt(model):
            self.weights[name].lerp_(parameter.detach().float(), 1 - decay)

    @contextmanager
    def applied(self, model: nn.Module) -> Iterator[None]:
        """Let the model have the averaged weights for a while."""
        kept = {name: p.detach().clone() for name, p in learnt(model)}
        _fill(model, self.weights)
        try:
            yield
        finally:
            # Shards that were gathered to look at held-out scenes may still be together.
            for module in model.modules():
                if isinstance(module, FSDPModule):
                    module.reshard()
            _fill(model, kept)

    def whole(self) -> dict[str, Tensor]:
        """Return the average on the CPU, gathered from all shards: every process must call it."""
        return {name: whole(weight).cpu() for name, weight in self.weights.items()}

    def save(self, folder: Path, *, write: bool = True) -> None:
        """Write the average beside a checkpoint; every process calls it and one writes."""
        weights = self.whole()
        if write:
            folder.mkdir(parents=True, exist_ok=True)
            save_file(weights, folder / FILE, metadata={"steps": str(self.steps)})

    @torch.no_grad()
    def load(self, folder: Path, steps: int) -> None:
        """Go on from the average beside a checkpoint of that many steps."""
        self.steps = steps
        for name, tensor in load_file(folder / FILE).items():
            self.weights[name].copy_(_sharded_like(tensor, self.weights[name]))


def whole(tensor: Tensor) -> Tensor:
    """Return a tensor with all its shards; every process must call it if there are several."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def _sharded_like(tensor: Tensor, other: Tensor) -> Tensor:
    if isinstance(other, DTensor):
        return distribute_tensor(tensor.to(other.device), other.device_mesh, other.placements)
    return tensor


def learnt(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Yield the parameters that need a gradient, with their names."""
    return ((name, p) for name, p in model.named_parameters() if p.requires_grad)


@torch.no_grad()
def _fill(model: nn.Module, weights: dict[str, Tensor]) -> None:
    for name, parameter in learnt(model):
        parameter.copy_(weights[name])
