"""What must hold before the first step; each failure is a clear error, not a wasted night."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Trainer

from drivegrid.errors import ConfigError, ModelError
from drivegrid.model.adapter import adapter_groups

from .average import whole
from .config import TrainingConfig
from .learning import ROW_MATRICES
from .student import IGNORE_INDEX, Student

ROWS = 4096
"""Rows that are looked at together."""


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
        _check_rows(student, batch)
    finally:
        student.model.zero_grad(set_to_none=True)


def check_room(folder: Path, groups: Iterable[Mapping[str, Any]]) -> None:
    """Raise unless the disk has room for what the run will save, now instead of at the first save.

    A saved step has the weights that learn, their average and two moments, in single precision;
    the one before goes when the new one is whole. The best weights, likewise.

    Args:
        folder: Of the run; it may not be there yet.
        groups: What learns, as an optimiser has it.

    Raises:
        ConfigError: If there is too little.
    """
    learnt = 4 * sum(p.numel() for group in groups for p in group["params"])
    disk = next(path for path in (folder.resolve(), *folder.resolve().parents) if path.exists())
    needed, free = (2 * 4 + 2) * learnt, shutil.disk_usage(disk).free
    if free < needed:
        raise ConfigError(f"disk must have {needed:,} bytes free, got {free:,} ({folder}).")


def _check_each(model: nn.Module, wanted: set[int]) -> None:
    for name, parameter in model.named_parameters():
        grad = parameter.grad
        if id(parameter) in wanted and grad is None:
            raise ModelError(f"{name} must get a gradient, got none. It would never learn.")
        if id(parameter) not in wanted and grad is not None:
            raise ModelError(f"{name} must not learn, got a gradient.")
        if grad is not None and not torch.isfinite(grad).all():
            raise ModelError(f"gradient of {name} must be finite in the first batch.")


def _check_rows(student: Student, batch: Mapping[str, Any]) -> None:
    """Raise if the rows of the spatial tokens in a batch would not move."""
    vocabulary = student.processor.vocabulary
    rows = batch["input_ids"].unique() - vocabulary.base_id
    rows = rows[(rows >= 0) & (rows < len(vocabulary))]
    of_adapter = adapter_groups(student.model)["rows"]
    for name, parameter in student.model.named_parameters():
        if name in of_adapter:
            first = 0
        elif name.endswith(ROW_MATRICES) and parameter.requires_grad:
            first = vocabulary.base_id
        else:
            continue
        grad = parameter.grad
        if len(rows) and (grad is None or not whole(grad)[rows.to(grad.device) + first].any()):
            raise ModelError(f"rows in {name} must get a gradient, got none. They would not learn.")


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
    for name in ("FSDP", "DEEPSPEED"):
        asked = os.environ.get(f"ACCELERATE_USE_{name}", "false").lower() == "true"
        if asked and not (trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled):
            # accelerate would train on, every process with the whole model.
            raise ConfigError(f"{name} must have GPUs, got none. Launch with ddp.yaml.")
    if trainer.is_fsdp_enabled:
        _check_sharded(trainer, config)
    if trainer.is_deepspeed_enabled:
        stage = trainer.accelerator.state.deepspeed_plugin.zero_stage
        if stage > 2:
            raise ConfigError(
                f"zero_stage must be at most 2, got {stage}. Launch with fsdp2.yaml to shard "
                "the weights too."
            )


def _check_sharded(trainer: Trainer, config: TrainingConfig) -> None:
    """Raise unless the weights can be sharded over processes."""
    if not trainer.accelerator.is_fsdp2:
        raise ConfigError("fsdp_version must be 2, got 1. Launch with the packaged fsdp2.yaml.")
    if config.qwen is None:
        # Its scores read the rows of the embedding, and its image the keys of each layer, outside
        # the modules that FSDP gathers weights for. It has 12 M parameters at most.
        raise ConfigError("a nano must be launched with ddp, got fsdp2. It is too small to shard.")
    if trainer.model.config.tie_word_embeddings:
        # accelerate 1.15 does not see behind peft that head and embedding are one, and puts them
        # into two groups, which torch refuses; it was not tried without peft.
        raise ConfigError(
            f"a tied head must be launched with ddp or zero2, got fsdp2 ({config.qwen.base})."
        )


class FrozenRows:
    """Remembers what must not change, and says so if it did.

    Args:
        student: What learns. Of every frozen row the sum of its bits is kept.
    """

    def __init__(self, student: Student) -> None:
        learns = {id(p) for group in student.parameter_groups() for p in group["params"]}
        self.kept = {
            name: _row_sums(p)
            for name, p in student.model.named_parameters()
            if id(p) not in learns and p.ndim
        }

    def check(self, model: nn.Module) -> None:
        """Compare.

        Raises:
            ModelError: If a frozen weight is no longer what it was.
        """
        for name, parameter in model.named_parameters():
            before = self.kept.get(name)
            if before is None:
                continue
            changed = (_row_sums(parameter) != before).nonzero().flatten().tolist()
            if changed:
                raise ModelError(
                    f"{name} must stay as it was, got other values in {len(changed)} of its "
                    f"{len(before)} rows after training, such as {changed[0]}."
                )


def _row_sums(parameter: Tensor) -> Tensor:
    """Return (rows,) int64 the sum of each row's bits; it hardly ever outlives a change."""
    parts = whole(parameter.detach()).flatten(1 if parameter.ndim > 1 else 0).split(ROWS)
    # In single precision, which holds the halves exactly: a launch may have widened the weights.
    bits = [part.float().view(torch.int32).reshape(len(part), -1) for part in parts]
    return torch.cat([part.sum(dim=1, dtype=torch.int64) for part in bits]).cpu()
