"""What a run says while it trains: a line of JSON every so many steps, and the progress line."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from .examples import KIND_NAMES

LOG_FILE = "log.jsonl"


class StepTotals:
    """Sums over the steps since the last line: losses by kind, pictures, work and seconds."""

    def __init__(self) -> None:
        self.sums = torch.zeros(2, len(KIND_NAMES))
        self.images, self.flops = 0, 0.0
        self.started, self.away = time.perf_counter(), 0.0

    @torch.no_grad()
    def add(self, kinds: Tensor, losses: Tensor) -> None:
        """Take in (N,) losses of tokens and their kinds, places in ``KIND_NAMES``."""
        self.sums = self.sums.to(losses.device)
        self.sums[0].index_add_(0, kinds, losses.detach().float())
        self.sums[1].index_add_(0, kinds, torch.ones_like(losses, dtype=torch.float32))

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Do not count the seconds spent in here."""
        left = time.perf_counter()
        try:
            yield
        finally:
            self.away += time.perf_counter() - left

    def losses(self, over_processes: Callable[[Tensor], Tensor]) -> dict[str, float]:
        """Return the mean loss of a token by kind, of the kinds that were asked.

        Args:
            over_processes: Sums a tensor over all processes.
        """
        sums, counts = over_processes(self.sums).tolist()
        return {
            kind: total / count
            for kind, total, count in zip(KIND_NAMES, sums, counts, strict=True)
            if count
        }

    @property
    def seconds(self) -> float:
        """Seconds since the start without pauses."""
        return time.perf_counter() - self.started - self.away


class RunLog:
    """The file ``log.jsonl`` of a run: one line of JSON a record, each with its ``step``.

    Args:
        folder: Of the run.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / LOG_FILE

    def start(self, step: int) -> None:
        """Forget the lines after a step: they will be written again."""
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        kept = [line for line in lines if _step_of(line) <= step]
        self.path.write_text("".join(f"{line}\n" for line in kept))

    def write(self, record: Mapping[str, object]) -> None:
        """Add a line."""
        with self.path.open("a") as file:
            file.write(json.dumps(record) + "\n")


def _step_of(line: str) -> float:
    """Return the step of a line; one that a killed run left unfinished is of no step."""
    try:
        return int(json.loads(line)["step"])
    except ValueError:
        return float("inf")
