"""What failed in a run, by name: counted, left out, and in the end too much."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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
        self._write({"step": step}, failed)
        if self.count > self.most:
            last = f", the last: {failed[-1]}" if failed else ""
            raise ModelError(
                f"at most {self.most} questions must fail, got {self.count}{last} "
                f"({self.path}). Mend the data and resume, or raise optim.most_failures."
            )

    def note_held_out(self, step: int, failed: Sequence[str]) -> None:
        """Write down which held-out answers have no reward after a step; they do not count."""
        self._write({"step": step, "held_out": True}, failed)

    def restore(self, step: int, count: int) -> None:
        """Forget what failed after that many steps: it will be met again."""
        self.count = count
        if self.process == 0 and self.path.exists():
            lines = self.path.read_text().splitlines()
            kept = [line for line in lines if _is_before(line, step)]
            self.path.write_text("".join(f"{line}\n" for line in kept))

    def _write(self, facts: dict[str, Any], failed: Sequence[str]) -> None:
        if not failed:
            return
        with self.path.open("a") as file:
            for line in failed:
                record = {**facts, "process": self.process, "failure": line}
                file.write(json.dumps(record) + "\n")


def _is_before(line: str, step: int) -> bool:
    """Held-out answers are judged after a step, questions fail in it; it counts from 0.

    A line that a killed run left unfinished is of no step.
    """
    try:
        record = json.loads(line)
    except ValueError:
        return False
    return bool(record["step"] < step + record.get("held_out", False))
