"""The job that trains a checkpoint on a set of reviewed frames, in a process of its own.

The process is the command ``drivegrid train``; what happens is read from the files of its run. A
job that was cut short goes on from the last step that was saved.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from drivegrid.dashboard.database import Database
from drivegrid.dashboard.run_files import RunFiles
from drivegrid.dashboard.store.jobs import Job, get_job
from drivegrid.dashboard.store.people import append_audit
from drivegrid.dashboard.training_sets import HELD_OUT, TRAIN, TRAINING_SET
from drivegrid.dashboard.work import Beat

from drivegrid.data.files import write_text
from drivegrid.errors import ConfigError, DriveGridError

FINE_TUNING = "fine-tuning"
"""Kind of the job."""
Method = Literal["sft", "grpo-1", "grpo-2"]
METHODS: tuple[Method, ...] = get_args(Method)
NANO = "nano"
"""Name of the packaged checkpoint, to begin with."""
PRESET = "nano-reviewed"
"""Packaged config that both ways of training begin from."""
CONFIG, RUN, OUTPUT = "asked.yaml", "run", "output.log"
MAX_STEPS = 100_000
LEAST_RATE, MOST_RATE = 1e-9, 0.03
"""Of learning; the higher one is 150 times what the preset takes."""
LEAST_BETWEEN = 10
"""Steps between two looks at the held-out frames, which cost as much as some steps."""
SAVE_EVERY = 20
PYTHON = (sys.executable, "-P", "-m")
"""Runs a module; nothing that lies beside a run is imported."""
POLL_S = 0.5
CLOSE_S = 30.0
"""How long a run that is given up may take to save what it has."""
KILLED = 128
"""Exit statuses above it tell a signal, see `tethered`."""
TAIL_BYTES = 4_000
"""Of what a run wrote, where it says at last why it stopped."""


class TrainingError(DriveGridError):
    """A run of training stopped before its end."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be trained.

    Args:
        set_folder: See `SetBuilder`.
        method: Supervised fine-tuning, or the stage of reinforcement learning.
        steps: How many.
        start: Checkpoint to go on from; ``nano`` is the packaged one.
        tasks: Questions of reinforcement learning; empty takes those that the set allows.
        rendered: How often a rendered scene is drawn for each reviewed frame.
        learning_rate: None takes that of the preset.
        seed: Another seed gives another run.
    """

    set_folder: Path
    method: Method
    steps: int
    start: str
    tasks: Mapping[str, float]
    rendered: float
    learning_rate: float | None
    seed: int

    @property
    def stage(self) -> str | None:
        """Stage of reinforcement learning; None for supervised fine-tuning."""
        return None if self.method == "sft" else self.method.removeprefix("grpo-")

    def settings(self) -> dict[str, Any]:
        """Return what differs from the preset, by dotted names as ``--set`` takes them."""
        found: dict[str, Any] = {
            "init_from": self.start,
            "data.labelled": [{"path": str(self.set_folder / TRAIN)}],
            "data.held_out": str(self.set_folder / HELD_OUT),
            "data.rendered": self.rendered,
            "optim.steps": self.steps,
            "optim.warmup_steps": min(10, self.steps // 5),
            "optim.judge_every": max(self.steps // 4, min(self.steps, LEAST_BETWEEN)),
            "optim.save_every": min(self.steps, SAVE_EVERY),
            "optim.seed": self.seed,
            "log.every": max(1, self.steps // 100),
        }
        if self.learning_rate is not None:
            found["optim.learning_rate"] = self.learning_rate
        if self.stage is not None:
            found["data.tasks"] = dict(self.tasks)
        return found

    def command(self, out: str | Path, *, resume: bool) -> list[str]:
        """Return the command that trains into a folder, as people could type it."""
        way = ["sft"] if self.stage is None else ["grpo", "--stage", self.stage]
        asked = [f"{name}={_in_yaml(value)}" for name, value in self.settings().items()]
        return [
            "drivegrid", "train", *way, "--config", PRESET, "--out", str(out),
            *(part for one in asked for part in ("--set", one)), *(["--resume"] if resume else []),
        ]  # fmt: skip


class FineTuner:
    """Does jobs of the kind ``fine-tuning``.

    Args:
        database: The store.
        folder: Where runs go, each into a folder of its own.
    """

    def __init__(self, database: Database, folder: Path) -> None:
        self._database, self._folder = database, folder

    def folder(self, job_id: int) -> Path:
        """Return where the files of a training lie, once it has begun."""
        return self._folder.resolve() / f"training-{job_id}"

    def files(self, job_id: int) -> RunFiles:
        """Return what a training has left so far."""
        return RunFiles(self.folder(job_id) / RUN)

    def run(self, job: Job, beat: Beat) -> dict[str, Any]:
        """Train; return the checkpoint and how it was judged.

        Raises:
            ConfigError: If the parameters are none of a training.
            TrainingError: If the run stops; it says why.
            OSError: If the disk is full or the folder cannot be written.
        """
        order, folder = read_order(self._database, job.parameters), self.folder(job.id)
        files = self.files(job.id)
        folder.mkdir(parents=True, exist_ok=True)
        if not files.checkpoint.is_dir():
            command = order.command(files.folder, resume=files.has_saved_step())
            write_text(folder / CONFIG, yaml.safe_dump(order.settings(), sort_keys=False))
            with _running(command, folder / OUTPUT) as process:
                _watch(process, files, order, beat)
            if process.returncode or not files.checkpoint.is_dir():
                raise TrainingError(_why(folder / OUTPUT, process.returncode))
        with self._database.write() as connection:
            details = {"method": order.method, "steps": order.steps}
            append_audit(connection, job.user_id, FINE_TUNING, f"training {job.id}", details)
        return {"folder": str(folder), "checkpoint": str(files.checkpoint), **files.verdict()}


def read_order(database: Database, parameters: Mapping[str, Any]) -> Order:
    """Return what a job asks for.

    Raises:
        ConfigError: If a setting is out of range, or the set or the checkpoint is not there.
    """
    method, steps = parameters.get("method"), parameters.get("steps")
    if method not in METHODS:
        raise ConfigError(f"method must be one of {', '.join(METHODS)}, got {method!r:.50}.")
    if type(steps) is not int or not 1 <= steps <= MAX_STEPS:
        raise ConfigError(f"steps must lie between 1 and {MAX_STEPS:,}, got {steps!r:.50}.")
    made = done_job(database, parameters.get("set"), TRAINING_SET).result
    asked = made["counts"]["asked"]
    if not asked and method != "sft":
        raise ConfigError("set must hold lanes, objects, signs or areas to ask for, got none.")
    start, rate = parameters.get("start"), parameters.get("learning_rate")
    rendered = _within("rendered", parameters.get("rendered", 1.0), 0.0, 100.0)
    if rate is not None:
        _within("learning_rate", rate, LEAST_RATE, MOST_RATE)
    return Order(
        set_folder=Path(made["folder"]),
        method=method,
        steps=steps,
        start=NANO if start is None else _checkpoint_of(database, start),
        tasks=dict.fromkeys(asked, 1.0),
        rendered=rendered,
        learning_rate=rate,
        seed=int(parameters.get("seed", 0)),
    )


def _within(name: str, value: Any, least: float, most: float) -> float:
    if not isinstance(value, int | float) or not least <= value <= most:
        raise ConfigError(f"{name} must lie between {least:g} and {most:g}, got {value!r:.50}.")
    return float(value)


def done_job(database: Database, job_id: Any, kind: str) -> Job:
    """Return a job of a kind that is done, and whose folder is still there.

    Raises:
        ConfigError: If it is not.
        StoreError: If there is no such job.
    """
    if type(job_id) is not int:
        raise ConfigError(f"{kind} must be the number of a job, got {job_id!r:.50}.")
    job = get_job(database, job_id)
    if job.kind != kind or job.state != "done" or job.result is None:
        raise ConfigError(f"{kind} must be done, got job {job_id} ({job.kind}, {job.state}).")
    if not Path(job.result["folder"]).is_dir():
        raise ConfigError(f"{kind} must be on this machine, got none ({job.result['folder']}).")
    return job


def _checkpoint_of(database: Database, job_id: Any) -> str:
    return str(done_job(database, job_id, FINE_TUNING).result["checkpoint"])


def _in_yaml(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True, width=10**6).removesuffix("...\n").strip()


def _program(command: list[str]) -> list[str]:
    """Return the program of a command of ours."""
    return [*PYTHON, *command]


@contextmanager
def _running(command: list[str], output: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command of ours on a tether: it ends with the block, and with this process."""
    with output.open("ab") as log:
        process = subprocess.Popen(
            [*PYTHON, "drivegrid.dashboard.tethered", *_program(command)],
            cwd=output.parent, stdin=subprocess.PIPE, stdout=log, stderr=log, process_group=0,
        )  # fmt: skip
    assert process.stdin is not None
    try:
        yield process
    finally:
        process.stdin.close()
        try:
            process.wait(CLOSE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _watch(process: subprocess.Popen[bytes], files: RunFiles, order: Order, beat: Beat) -> None:
    """Tell how far a run is until it ends."""
    while process.poll() is None:
        step = files.last_step()
        told = f"step {step:,} of {order.steps:,}" if step else "preparing"
        beat(min(1.0, step / order.steps), told)
        time.sleep(POLL_S)


def _why(output: Path, status: int) -> str:
    """Return why a run stopped: its last error, in the words of the command."""
    with output.open("rb") as file:
        file.seek(max(0, output.stat().st_size - TAIL_BYTES))
        lines = file.read().decode("utf-8", "replace").splitlines()
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    if errors:
        return errors[-1]
    if status > KILLED:
        number = status - KILLED
        return f"training must come to its end, got killed by signal {number} ({output})."
    last = next((line for line in reversed(lines) if line.strip()), "nothing")
    return f"training must come to its end, got status {status}: {last:.300} ({output})."
