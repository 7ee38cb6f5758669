"""What failed in a run, by name: counted, left out, and in the end too much."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from drivegrid.errors import ModelError

FAILURES = "failures.jsonl"


class Failures:
    """Keeps ``failures.jsonl`` of a run.

    Args:
        folder: Of the run.
        most: So many may fail, over all processes.
        process: Number of this process.
    """

    def __init__(self, folder: Path, most: int, process: int) -> None:
        self.path, self.most, self.process = folder / FAILURES, most, process
        self.count = 0

    def note(self, step: int, failed: Sequence[str], everywhere: int) -> None:
        """Write down what failed in a step.

        Args:
            step: Its number.
            failed: In this process, by name.
            everywhere: How many failed in all processes.

        Raises:
            ModelError: If more have failed by now than may; the run can be resumed.
        """
        self.count += everywhere
        self.write(step, failed)
        if self.count > self.most:
            last = f", the last: {failed[-1]}" if failed else ""
            raise ModelError(
                f"at most {self.most} questions must fail, got {self.count}{last} "
                f"({self.path}). Mend the data and resume, or raise optim.most_failures."
            )

    def write(self, step: int, failed: Sequence[str]) -> None:
        """Write down what failed and does not count: held-out answers that have no reward."""
        if not failed:
            return
        with self.path.open("a") as file:
            for line in failed:
                record = {"step": step, "process": self.process, "failure": line}
                file.write(json.dumps(record) + "\n")
