"""Saved steps of a GRPO run: what learns and its average, the optimiser, chance, and counts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from drivegrid.errors import ConfigError
from drivegrid.model.stored import read_json

from .average import WeightAverage, learnt
from .grpo_config import Stage
from .run_folder import STATE, last_saved, put_step, resumed_from, step_part

LEARNT = "learnt.safetensors"


def check_stage(folder: Path, stage: Stage) -> None:
    """Raise unless a run is gone on with in its own stage.

    Raises:
        ConfigError: If its last saved step is of another.
    """
    path = resumed_from(folder, last_saved(folder)) / STATE
    known = read_json(path).get("stage")
    if known != stage:
        raise ConfigError(f"a run must be resumed in its own stage {known}, got {stage} ({path}).")


class SavedSteps:
    """Saves steps of a run, one at a time, and goes on from the last.

    Of the weights only those that learn are saved: beside an adapter the base is not written again.

    Args:
        folder: Of the run.
        accelerator: Knows the model, its optimiser and the other processes.
        average: Of the weights.
    """

    def __init__(self, folder: Path, accelerator: Accelerator, average: WeightAverage) -> None:
        self.folder, self.accelerator, self.average = folder, accelerator, average
        accelerator.register_save_state_pre_hook(self._save_learnt)
        accelerator.register_load_state_pre_hook(self._load_learnt)

    def save(self, step: int, **state: Any) -> None:
        """Save a step whole or not at all; the one before goes. Every process calls it.

        Args:
            step: Its number.
            **state: JSON values that `restore` gives back.
        """
        part = step_part(self.folder)
        self.accelerator.save_state(str(part))
        self.average.save(part, write=self.accelerator.is_main_process)
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            put_step(self.folder, step, **state)
        self.accelerator.wait_for_everyone()

    def restore(self) -> dict[str, Any]:
        """Go on from the last saved step; return its number, as ``step``, and its state."""
        step = resumed_from(self.folder, last_saved(self.folder))
        self.accelerator.load_state(str(step))
        state = read_json(step / STATE)
        self.average.load(step, state["step"])
        return state

    def _save_learnt(
        self, models: Sequence[nn.Module], weights: list[dict[str, Tensor]], folder: str
    ) -> None:
        """Save what learns in place of the whole weights: accelerate writes what is left."""
        weights.clear()
        if self.accelerator.is_main_process:
            [model] = models
            mine = {name: p.detach().contiguous() for name, p in learnt(model)}
            save_file(mine, Path(folder) / LEARNT)

    @torch.no_grad()
    def _load_learnt(self, models: list[nn.Module], folder: str) -> None:
        [model] = models
        models.clear()
        saved = load_file(Path(folder) / LEARNT)
        for name, parameter in learnt(model):
            parameter.copy_(saved[name])
