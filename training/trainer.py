"""Transformers' trainer with what grounding needs: groups of rates, averages, a judge."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import Dataset
from transformers import Trainer, TrainerCallback, TrainingArguments

from drivegrid.data.files import write_text

from .average import WeightAverage
from .student import Row, Student

JUDGED = "judged.json"
BEST = "best"
FIRST_ROWS = 8
"""Rows that are looked at before the first step."""


class SftTrainer(Trainer):
    """Supervised training of a student.

    Every so often the averaged weights are judged on held-out scenes, a loss for each kind of
    question; the weights with the least mean loss are kept in ``best``.

    Args:
        student: What learns.
        folder: Where ``best``, ``judged.json`` and the steps go.
        facts: What is saved with each checkpoint (JSON values).
        average: Decay of the averaged weights.
        args: Settings of the trainer.
        **datasets: ``train_dataset``, and ``eval_dataset``: kind of question to its rows.
    """

    def __init__(
        self,
        student: Student,
        folder: Path,
        facts: Mapping[str, Any],
        average: float,
        args: TrainingArguments,
        **datasets: Dataset[Row] | dict[str, Dataset[Row]],
    ) -> None:
        self.student, self.folder, self.facts = student, folder, facts
        self.groups = student.parameter_groups()
        self.averaged = WeightAverage(student.model, average)
        super().__init__(
            model=student.model,
            args=args,
            data_collator=student.collate,
            callbacks=[_Averaging(self.averaged)],
            **datasets,  # type: ignore[arg-type]
        )

    def first_batch(self) -> dict[str, Any]:
        """Return some rows as model input, on the model's device."""
        rows: Any = self.train_dataset
        few = [rows[index] for index in range(min(len(rows), FIRST_ROWS))]
        batch: dict[str, Any] = self._prepare_inputs(self.student.collate(few))
        return batch

    def create_optimizer(self, *_: Any) -> torch.optim.Optimizer:
        """AdamW over the student's groups."""
        if self.optimizer is None:
            self.optimizer = torch.optim.AdamW(self.groups, betas=(0.9, 0.95))
        return self.optimizer

    def compute_loss(
        self, model: torch.nn.Module, inputs: dict[str, Any], *_: Any, **__: Any
    ) -> torch.Tensor:
        """Return the student's loss."""
        return self.student.loss(model, inputs)

    def prediction_step(
        self, model: torch.nn.Module, inputs: dict[str, Any], *_: Any, **__: Any
    ) -> tuple[torch.Tensor, None, None]:
        """Return the loss of held-out rows; nothing is decoded."""
        with torch.no_grad():
            loss = self.student.loss(model, self._prepare_inputs(inputs))
        return loss, None, None

    def evaluate(self, eval_dataset: Any = None, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Judge the averaged weights; keep them if they are the best so far."""
        if eval_dataset is not None:  # one kind of question, as the trainer calls itself
            return super().evaluate(eval_dataset, *args, **kwargs)
        with self.averaged.applied(self.student.model):
            metrics: dict[str, float] = super().evaluate(None, *args, **kwargs)
            losses = {
                key.removeprefix("eval_").removesuffix("_loss"): value
                for key, value in metrics.items()
                if key.endswith("_loss")
            }
            self._judge(losses)
        return metrics

    def judged(self) -> list[dict[str, Any]]:
        """Return what was judged so far: step, mean loss, and the loss by kind of question."""
        path = self.folder / JUDGED
        found: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
        return found

    def best(self) -> dict[str, Any]:
        """Return what was judged best."""
        return min(self.judged(), key=lambda entry: entry["mean"])

    def _judge(self, losses: dict[str, float]) -> None:
        # A resumed run judges some steps again.
        judged = [entry for entry in self.judged() if entry["step"] < self.state.global_step]
        mean = sum(losses.values()) / len(losses)
        if mean < min((entry["mean"] for entry in judged), default=float("inf")):
            self.student.save(self.folder / BEST, {**self.facts, "step": self.state.global_step})
        judged.append({"step": self.state.global_step, "mean": mean, "losses": losses})
        write_text(self.folder / JUDGED, json.dumps(judged, indent=1) + "\n")


class _Averaging(TrainerCallback):
    """Updates the average after each step, and saves it with each checkpoint."""

    def __init__(self, averaged: WeightAverage) -> None:
        self.averaged = averaged

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step:
            self.averaged.load(_step_folder(args, state), state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.averaged.update(kwargs["model"])

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.averaged.save(_step_folder(args, state))


def _step_folder(args: Any, state: Any) -> Path:
    return Path(args.output_dir) / f"checkpoint-{state.global_step}"


def forget_best(folder: Path) -> None:
    """Remove what an earlier run judged."""
    (folder / JUDGED).unlink(missing_ok=True)
    shutil.rmtree(folder / BEST, ignore_errors=True)
