"""What must hold before the first step; each failure is a clear error, not a wasted night."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import torch
from torch import nn
from transformers import Trainer

from drivegrid.errors import ConfigError, ModelError

from .average import whole
from .config import TrainingConfig
from .student import IGNORE_INDEX, Student


def check_gradients(student: Student, batch: Mapping[str, Any]) -> None:
    """Go forth and back once, change nothing, and see what would learn.

    Args:
        student: Model on its device.
        batch: The first batch, on the same device.

    Raises:
        ModelError: If nothing in the batch is learnt, the loss is not finite, or a parameter that
            shall learn gets no gradient.
    """
    taught = int((batch["labels"] != IGNORE_INDEX).sum())
    if not taught:
        raise ModelError("first batch must hold an answer to learn, got none.")
    groups = student.parameter_groups()
    # Dropout and the like draw random numbers: a run with this look must equal one without.
    with torch.random.fork_rng():
        loss = student.losses(student.model, batch).mean()
        if not torch.isfinite(loss):
            raise ModelError(f"first loss must be finite, got {float(loss)}.")
        loss.backward()
    wanted = {id(p) for group in groups for p in group["params"]}
    try:
        _check_each(student.model, wanted)
    finally:
        student.model.zero_grad(set_to_none=True)


def _check_each(model: nn.Module, wanted: set[int]) -> None:
    for name, parameter in model.named_parameters():
        grad = parameter.grad
        if id(parameter) in wanted and grad is None:
            raise ModelError(f"{name} must get a gradient, got none. It would never learn.")
        if id(parameter) not in wanted and grad is not None:
            raise ModelError(f"{name} must not learn, got a gradient.")
        if grad is not None and not torch.isfinite(grad).all():
            raise ModelError(f"gradient of {name} must be finite in the first batch.")


def check_reporters(names: Sequence[str]) -> None:
    """Raise unless the packages that show curves are there.

    Raises:
        ConfigError: If one is not installed.
    """
    for name in names:
        if find_spec(name) is None:
            raise ConfigError(
                f"log.report_to must name installed packages, got {name!r}. Run: pip install {name}"
            )


def check_launch(trainer: Trainer, config: TrainingConfig) -> None:
    """Look at how several processes share the work.

    Args:
        trainer: Made, not started.
        config: Settings of the run.

    Raises:
        ConfigError: If the model cannot be trained that way.
    """
    if trainer.is_fsdp_enabled and not trainer.accelerator.is_fsdp2:
        raise ConfigError("fsdp_version must be 2, got 1. Launch with the packaged fsdp2.yaml.")
    if trainer.is_fsdp_enabled and config.qwen is None:
        # Its scores read the rows of the embedding, and its image the keys of each layer, outside
        # the modules that FSDP gathers weights for. It has 12 M parameters at most.
        raise ConfigError("a nano must be launched with ddp, got fsdp2. It is too small to shard.")
    if trainer.is_deepspeed_enabled:
        stage = trainer.accelerator.state.deepspeed_plugin.zero_stage
        if stage > 2:
            raise ConfigError(
                f"zero_stage must be at most 2, got {stage}. Launch with fsdp2.yaml to shard "
                "the weights too."
            )


class FrozenRows:
    """Remembers what must not change, and says so if it did.

    Args:
        student: What learns.
        every: One of so many frozen rows is compared; all would double the memory.
    """

    def __init__(self, student: Student, every: int = 97) -> None:
        learns = {id(p) for group in student.parameter_groups() for p in group["params"]}
        self.kept = {
            name: p.detach()[::every].cpu().clone()
            for name, p in student.model.named_parameters()
            if id(p) not in learns and p.ndim
        }
        self.every = every

    def check(self, model: nn.Module) -> None:
        """Compare.

        Raises:
            ModelError: If a frozen weight is no longer what it was.
        """
        for name, parameter in model.named_parameters():
            before = self.kept.get(name)
            if before is None:
                continue
            after = whole(parameter.detach())[:: self.every].cpu()
            if not torch.equal(after, before):
                raise ModelError(f"{name} must stay as it was, got other values after training.")
