"""The loop that every mask network is trained by: steps, saved and resumed, judged now and then.

Step k always learns from the same batch with the same draws, so that a run that was interrupted
ends with the weights of one that was not.
"""

from __future__ import annotations

import json
import math
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import torch
from rich.progress import Progress
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from drivegrid.data.files import write_text
from drivegrid.errors import ModelError
from drivegrid.model.stored import read_json

from ..average import WeightAverage
from ..run_folder import (
    STATE,
    STEPS,
    begin,
    check_new,
    check_same,
    keep,
    last_saved,
    put_step,
    resumed_from,
    step_part,
    writing,
)
from .settings import MaskSettings, OptimSettings

LOG_FILE, JUDGED_FILE = "log.jsonl", "judged.json"
LOG_EVERY = 20
WEIGHTS, OPTIMIZER = "weights.safetensors", "optimizer.pt"

Batch = dict[str, Tensor]
"""Tensors of one step by name."""


class BatchSource(ABC):
    """Draws the batch of any step; is sent to the processes that prepare them."""

    @abstractmethod
    def batch(self, step: int) -> Batch:
        """Return the batch of a step; the same step gives the same batch."""


class Lesson(ABC):
    """What is learnt, and how it is judged.

    Attributes:
        network: What learns.
        source: Draws batches.
    """

    network: nn.Module
    source: BatchSource

    @abstractmethod
    def groups(self) -> list[dict[str, Any]]:
        """Return the parameters that learn, in AdamW's groups."""

    @abstractmethod
    def loss(self, batch: Batch, rng: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """Return the loss of a batch, and what the log tells of it.

        Args:
            batch: On the network's device.
            rng: Source of draws, on the CPU.
        """

    @abstractmethod
    def judge(self) -> dict[str, float]:
        """Return scores on held-out masks; the checkpoint with the highest ``iou`` is kept."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the network as it is used."""


def prepare(folder: Path, settings: MaskSettings, resume: bool) -> None:
    """Begin a run in a folder, or make sure that it can be gone on with.

    Raises:
        ConfigError: If the folder holds something else, or a run with other settings.
    """
    if resume:
        resumed_from(folder, last_saved(folder))
        check_same(folder, settings, ("optim.steps",))
    else:
        check_new(folder, last_saved(folder))
        begin(folder, settings)


def train(lesson: Lesson, settings: MaskSettings, folder: Path, resume: bool) -> Path:
    """Learn and return the best checkpoint.

    Args:
        lesson: Its network lies on the device where it learns.
        settings: Of the run.
        folder: That `prepare` prepared.
        resume: Whether to go on from the last saved step.

    Raises:
        ModelError: If a loss is not finite.
    """
    run = _Run(lesson, settings, folder)
    start = run.restore() if resume else 0
    total = settings.optim.steps
    batches = iter_batches(lesson.source, range(start, total), settings.data.workers)
    with Progress() as progress:
        bar = progress.add_task("training", total=total, completed=start)
        for step, batch in zip(range(start, total), batches, strict=True):
            run.learn(step, batch)
            done = step + 1
            if done % settings.optim.judge_every == 0 or done == total:
                run.judge(done)
            if done % settings.optim.save_every == 0 or done == total:
                run.save(done)
            progress.update(bar, completed=done)
    keep(folder / "best", folder / "checkpoint")
    return folder / "checkpoint"


class _Steps(Dataset[Batch]):
    """The batches of some steps."""

    def __init__(self, source: BatchSource, steps: Sequence[int]) -> None:
        self.source, self.steps = source, steps

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, index: int) -> Batch:
        return self.source.batch(self.steps[index])


def iter_batches(source: BatchSource, steps: Sequence[int], workers: int) -> Iterator[Batch]:
    """Yield the batch of each step, prepared by other processes if there are some."""
    options: dict[str, Any] = {}
    if workers:
        options = {"multiprocessing_context": "spawn", "prefetch_factor": 4}
    return iter(
        DataLoader(
            _Steps(source, steps),
            batch_size=None,
            num_workers=workers,
            worker_init_fn=_one_thread,
            **options,
        )
    )


def _one_thread(_: int) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(0)


class _Run:
    """A run under way."""

    def __init__(self, lesson: Lesson, settings: MaskSettings, folder: Path) -> None:
        self.lesson, self.settings, self.folder = lesson, settings, folder
        optim = settings.optim
        self.optimizer = torch.optim.AdamW(
            lesson.groups(), lr=optim.learning_rate, weight_decay=optim.weight_decay
        )
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, lambda step: rate(step, optim)
        )
        self.average = WeightAverage(lesson.network, optim.average)
        self.device = next(lesson.network.parameters()).device
        self.sums: dict[str, float] = {}
        self.since, self.started = 0, time.perf_counter()

    def learn(self, step: int, batch: Batch) -> None:
        """Take one step."""
        seed = self.settings.optim.seed * 1_000_003 + step
        torch.manual_seed(seed)
        rng = torch.Generator().manual_seed(seed)
        self.lesson.network.train()
        batch = {name: tensor.to(self.device, non_blocking=True) for name, tensor in batch.items()}
        loss, told = self.lesson.loss(batch, rng)
        if not torch.isfinite(loss):
            raise ModelError(
                f"loss must be finite, got {loss.item()} (step {step}). Lower optim.learning_rate."
            )
        self.optimizer.zero_grad()
        loss.backward()
        learnt = [p for group in self.optimizer.param_groups for p in group["params"]]
        nn.utils.clip_grad_norm_(learnt, self.settings.optim.max_grad_norm)
        self.optimizer.step()
        self.schedule.step()
        self.average.update(self.lesson.network)
        self._log(step + 1, {"loss": loss.item(), **told})

    def _log(self, done: int, told: Mapping[str, float]) -> None:
        for name, value in told.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        self.since += 1
        if done % LOG_EVERY == 0:
            seconds = time.perf_counter() - self.started
            line = {name: round(total / self.since, 5) for name, total in self.sums.items()}
            line |= {"step": done, "seconds_a_step": round(seconds / self.since, 4)}
            with (self.folder / LOG_FILE).open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            self.sums, self.since, self.started = {}, 0, time.perf_counter()

    def judge(self, done: int) -> None:
        """Judge the averaged weights; keep them if they are the best so far."""
        path = self.folder / JUDGED_FILE
        judged = read_json(path)["judged"] if path.exists() else []
        judged = [entry for entry in judged if entry["step"] < done]
        with self.average.applied(self.lesson.network):
            self.lesson.network.eval()
            scores = self.lesson.judge()
            if all(scores["iou"] > entry["iou"] for entry in judged):
                self._keep_best()
        judged.append({"step": done, **scores})
        write_text(path, json.dumps({"judged": judged}, indent=2) + "\n")
        self.started = time.perf_counter()

    def _keep_best(self) -> None:
        """Write the network in the place of the best one before."""
        best, part = self.folder / "best", self.folder / STEPS / "best"
        shutil.rmtree(part, ignore_errors=True)
        with writing(part):
            self.lesson.save(part)
        shutil.rmtree(best, ignore_errors=True)
        part.rename(best)

    def save(self, done: int) -> None:
        """Save a step whole or not at all; the one before goes."""
        part = step_part(self.folder)
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        weights = self.lesson.network.state_dict()
        state = {"optimizer": self.optimizer.state_dict(), "schedule": self.schedule.state_dict()}
        with writing(part):
            save_file({name: t.contiguous() for name, t in weights.items()}, part / WEIGHTS)
            torch.save(state, part / OPTIMIZER)
            self.average.save(part)
        put_step(self.folder, done)

    def restore(self) -> int:
        """Go on from the last saved step; return how many are done."""
        step = resumed_from(self.folder, last_saved(self.folder))
        done = int(read_json(step / STATE)["step"])
        self.lesson.network.load_state_dict(load_file(step / WEIGHTS))
        state = torch.load(step / OPTIMIZER, map_location=self.device, weights_only=True)
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.average.load(step, done)
        return done


def rate(step: int, optim: OptimSettings) -> float:
    """Return the share of the learning rate at a step: up over the warm-up, down a cosine.

    >>> optim = OptimSettings(steps=100, warmup_steps=10)
    >>> [round(rate(step, optim), 2) for step in (0, 9, 55, 99)]
    [0.1, 1.0, 0.5, 0.0]
    """
    if step < optim.warmup_steps:
        return (step + 1) / optim.warmup_steps
    left = (step - optim.warmup_steps) / max(1, optim.steps - optim.warmup_steps)
    return 0.5 * (1 + math.cos(math.pi * min(left, 1.0)))
