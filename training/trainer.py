"""Transformers' trainer with what grounding needs: groups of rates, averages, a judge."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import Dataset
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from drivegrid.data.files import write_text

from .average import WeightAverage
from .flops import peak_flops
from .run_log import RunLog, StepTotals
from .student import IGNORE_INDEX, Row, Student

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
        self.averages = _Averaging(student.model, average)
        self.totals, self.run_log = StepTotals(), RunLog(folder)
        self.judged = _read_judged(folder)
        super().__init__(
            model=student.model,
            args=args,
            data_collator=student.collate,
            callbacks=[self.averages, _Logging(self)],
            **datasets,  # type: ignore[arg-type]
        )
        # Have `compute_loss` told how many tokens a step teaches.
        self.model_accepts_loss_kwargs = True

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
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor:
        """Return what a batch adds to the loss of its step.

        Each token of a step weighs the same, whichever batch and process it is in. Processes
        average their gradients, hence the factor.
        """
        assert isinstance(num_items_in_batch, torch.Tensor) and not return_outputs
        losses = self.student.losses(model, inputs)
        learnt = inputs["labels"] != IGNORE_INDEX
        self.totals.add(inputs["kinds"][learnt], losses.tokens)
        self.totals.images += len(learnt)
        self.totals.flops += self.student.flops(inputs)
        share = self.args.world_size / num_items_in_batch.clamp(min=1)
        loss: torch.Tensor = losses.tokens.sum() * share
        return loss + losses.beside / self.args.gradient_accumulation_steps

    def prediction_step(
        self, model: torch.nn.Module, inputs: dict[str, Any], *_: Any, **__: Any
    ) -> tuple[torch.Tensor, None, None]:
        """Return the loss of held-out rows; nothing is decoded."""
        with torch.no_grad():
            loss = self.student.losses(model, self._prepare_inputs(inputs)).mean()
        return loss, None, None

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add what transformers does not know: losses by kind, speed; keep it in a file."""
        if "loss" in logs:
            logs.update(self._since_last_line(logs))
        super().log(logs, start_time)

    def _since_last_line(self, logs: dict[str, float]) -> dict[str, float]:
        """Return what is shown of the steps since the last line, and write it down."""
        totals, self.totals = self.totals, StepTotals()
        losses = totals.losses(lambda sums: self.accelerator.reduce(sums, "sum"))
        images = totals.images * self.args.world_size
        rate = totals.flops / totals.seconds
        speed = {"images_per_s": images / totals.seconds, "seconds": totals.seconds}
        speed["tflops"] = rate / 1e12
        if torch.cuda.is_available():
            speed["memory_gb"] = torch.cuda.max_memory_allocated() / 2**30
            precision = "bf16" if self.args.bf16 else "fp32"
            peak = peak_flops(torch.cuda.get_device_name(), precision)
            if peak is not None:
                speed["mfu"] = rate / peak
        if self.args.should_save:
            line = {"step": self.state.global_step, **logs, "losses": losses, **speed}
            self.run_log.write(line)
        return {f"loss_{kind}": loss for kind, loss in losses.items()} | speed

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Save weights and their average; of a step this comes before its state."""
        with self.totals.pause():
            super().save_model(output_dir, _internal_call)
            folder = Path(output_dir or str(self.args.output_dir))
            self.averages.averaged.save(folder, write=self.args.should_save)

    def evaluate(self, eval_dataset: Any = None, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Judge the averaged weights; keep them if they are the best so far."""
        if eval_dataset is not None:  # one kind of question, as the trainer calls itself
            return super().evaluate(eval_dataset, *args, **kwargs)
        with self.totals.pause(), self.averages.averaged.applied(self.student.model):
            metrics: dict[str, float] = super().evaluate(None, *args, **kwargs)
            losses = {
                key.removeprefix("eval_").removesuffix("_loss"): value
                for key, value in metrics.items()
                if key.endswith("_loss")
            }
            self._judge(losses)
        return metrics

    def best(self) -> dict[str, Any]:
        """Return what was judged best."""
        return min(self.judged, key=lambda entry: entry["mean"])

    def _judge(self, losses: dict[str, float]) -> None:
        """Note what was judged; all processes know it, one writes."""
        step = self.state.global_step
        # A resumed run judges some steps again.
        self.judged = [entry for entry in self.judged if entry["step"] < step]
        mean = sum(losses.values()) / len(losses)
        better = mean < min((entry["mean"] for entry in self.judged), default=float("inf"))
        self.judged.append({"step": step, "mean": mean, "losses": losses})
        weights = self.averages.averaged.whole() if better else None
        if not self.args.should_save:
            return
        if weights is not None:
            self.student.save(self.folder / BEST, {**self.facts, "step": step}, weights)
        write_text(self.folder / JUDGED, json.dumps(self.judged, indent=1) + "\n")


class _Averaging(TrainerCallback):
    """Averages the weights after each step."""

    def __init__(self, model: torch.nn.Module, decay: float) -> None:
        self.decay = decay
        self.averaged = WeightAverage(model, decay)

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        # By now the weights may be sharded, on another device, and those of a saved step.
        self.averaged = WeightAverage(kwargs["model"], self.decay)
        if state.global_step:
            self.averaged.load(_step_folder(args, state), state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.averaged.update(kwargs["model"])


class _Logging(TrainerCallback):
    """Starts the log at the step that a run starts or goes on at, and has a line end there.

    A line tells of the steps since the one before. A resumed run knows nothing from before its
    saved step, so a line of the run it equals must not reach over that step either.
    """

    def __init__(self, trainer: SftTrainer) -> None:
        self.trainer = trainer

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if args.should_save:
            self.trainer.run_log.start(state.global_step)
        self.trainer.totals = StepTotals()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if control.should_save:
            control.should_log = True


def _step_folder(args: Any, state: Any) -> Path:
    return Path(args.output_dir) / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}"


def last_step(folder: Path) -> Path | None:
    """Return the newest step that was saved whole, of those in a folder; None without any.

    A run may be killed while it saves: the state of the trainer is what is written last.
    """

    def number(step: Path) -> int:
        return int(step.name.rpartition("-")[2])

    steps = sorted(folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*"), key=number, reverse=True)
    return next((step for step in steps if _is_json(step / TRAINER_STATE_NAME)), None)


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_text())
    except (OSError, ValueError):
        return False
    return True


def _read_judged(folder: Path) -> list[dict[str, Any]]:
    """Return what was judged so far: step, mean loss, and the loss by kind of question."""
    path = folder / JUDGED
    found: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
    return found
