import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard import fine_tuning
from drivegrid.dashboard.database import Database, StoreError
from drivegrid.dashboard.fine_tuning import FINE_TUNING, METHODS, FineTuner, Order, read_order
from drivegrid.dashboard.store.jobs import (
    cancel,
    claim,
    enqueue,
    finish,
    get_job,
)
from drivegrid.dashboard.store.people import audit_page, ensure_user
from drivegrid.dashboard.training_sets import TRAINING_SET
from drivegrid.dashboard.work import Worker

from drivegrid.errors import ConfigError
from tests.dashboard.stand_in_training import BABBLING, BROKEN, ENDLESS

STAND_IN = str(Path(__file__).with_name("stand_in_training.py"))
PATIENCE_S = 60


def until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


class Trainings:
    """A store with a set, and a tuner whose runs only pretend."""

    def __init__(self, database: Database, tmp_path: Path) -> None:
        self.database, self.ada = database, ensure_user(database, "ada", "admin").id
        self.set_folder = tmp_path / "sets" / "set-1"
        self.set_folder.mkdir(parents=True)
        result = {"folder": str(self.set_folder), "counts": {"asked": {"lanes": 3}}}
        self.set_id = self.done(TRAINING_SET, result)
        self.tuner = FineTuner(database, tmp_path / "trainings")

    def done(self, kind: str, result: dict) -> int:
        number = enqueue(self.database, kind, {}, self.ada)
        finish(self.database, claim(self.database, [kind]), result)
        return number

    def ask(self, **parameters) -> int:
        asked = {"set": self.set_id, "method": "sft", "steps": 4, **parameters}
        return enqueue(self.database, FINE_TUNING, asked, self.ada)

    def run(self, **parameters) -> dict:
        self.ask(**parameters)
        return self.tuner.run(claim(self.database, [FINE_TUNING]), lambda *_: None)


@pytest.fixture
def trainings(database, tmp_path, monkeypatch) -> Trainings:
    stand_in = [sys.executable, STAND_IN]
    monkeypatch.setattr(fine_tuning, "_program", lambda command: [*stand_in, *command])
    return Trainings(database, tmp_path)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"method": None}, "method must be one of"),
        ({"method": "ppo"}, "method must be one of"),
        ({"steps": 0}, "steps must lie"),
        ({"steps": 10**9}, "steps must lie"),
        ({"steps": "many"}, "steps must lie"),
        ({"set": None}, "training-set must be the number"),
        ({"start": "nano"}, "fine-tuning must be the number"),
        ({"start": 1}, "fine-tuning must be done, got job 1"),
        ({"rendered": -1.0}, "rendered must lie"),
        ({"learning_rate": 0.0}, "learning_rate must lie"),
        ({"learning_rate": float("inf")}, "learning_rate must lie"),
    ],
)
def test_what_cannot_be_asked_for_is_named(trainings, asked, told) -> None:
    parameters = {"set": trainings.set_id, "method": "sft", "steps": 4, **asked}
    with pytest.raises(ConfigError, match=told):
        read_order(trainings.database, parameters)


def test_a_set_that_is_unknown_or_gone_is_named(trainings) -> None:
    asked = {"set": 99, "method": "sft", "steps": 4}
    with pytest.raises(StoreError, match="99"):
        read_order(trainings.database, asked)
    trainings.set_folder.rmdir()
    with pytest.raises(ConfigError, match="must be on this machine"):
        read_order(trainings.database, {**asked, "set": trainings.set_id})


def test_the_trainer_takes_the_settings(trainings, tmp_path) -> None:
    """They are those of the trainer itself, which the dashboard does not import."""
    from drivegrid.training.config import load_config
    from drivegrid.training.grpo_config import load_grpo_config

    for method in METHODS:
        order = Order(tmp_path, method, 30, "nano", {"lanes": 1.0}, 0.5, 1e-4, 7)
        command = order.command(tmp_path / "out", resume=False)
        changes = [command[n + 1] for n, part in enumerate(command) if part == "--set"]
        load = load_config if method == "sft" else load_grpo_config
        config = load(fine_tuning.PRESET, changes)
        assert config.optim.steps == 30 and config.optim.learning_rate == 1e-4
        assert config.data.labelled[0].path == tmp_path / "train"
        assert config.data.held_out == tmp_path / "held-out" and config.data.rendered == 0.5
        assert (config.data.tasks == {"lanes": 1.0}) == (method != "sft")
        assert config.optim.seed == 7 and config.optim.save_every <= 30


def test_a_run_leaves_a_checkpoint_and_how_it_was_judged(trainings) -> None:
    found = trainings.run()
    folder = Path(found["folder"])
    assert Path(found["checkpoint"]) == folder / "run" / "checkpoint"
    assert (found["before"], found["best"], found["best_step"]) == (2.0, 1.0, 4)
    assert "optim.steps: 4" in (folder / "asked.yaml").read_text()
    assert [row.action for row in audit_page(trainings.database)] == [FINE_TUNING]
    assert trainings.tuner.files(get_job(trainings.database, 2).id).last_step() == 4


def test_a_run_goes_on_from_a_checkpoint_of_another(trainings) -> None:
    job_id = trainings.ask()
    job = claim(trainings.database, [FINE_TUNING])
    first = trainings.tuner.run(job, lambda *_: None)
    assert finish(trainings.database, job, first)
    asked = {"set": trainings.set_id, "method": "sft", "steps": 4, "start": job_id}
    assert read_order(trainings.database, asked).start == first["checkpoint"]


@pytest.mark.parametrize(
    ("seed", "told"),
    [(BROKEN, "optim.steps must be even, got 3."), (BABBLING, "killed by signal 9 ")],
)
def test_why_a_run_stopped_is_told(trainings, seed, told) -> None:
    with pytest.raises(fine_tuning.TrainingError, match=told):
        trainings.run(seed=seed)


def test_a_run_that_is_cancelled_is_interrupted_and_goes_on_later(trainings) -> None:
    job_id = trainings.ask(seed=ENDLESS)
    folder = trainings.tuner.folder(job_id) / "run"
    worker = Worker(trainings.database, {FINE_TUNING: trainings.tuner.run}, poll_s=0.02)
    try:
        until(lambda: trainings.tuner.files(job_id).last_step() > 2)
        assert cancel(trainings.database, job_id)
        until((folder / "interrupted").exists)
    finally:
        worker.close()
    assert get_job(trainings.database, job_id).state == "cancelled"


def test_a_worker_that_is_closed_gives_the_run_back_and_the_next_resumes_it(trainings) -> None:
    job_id = trainings.ask(steps=40)
    files = trainings.tuner.files(job_id)
    worker = Worker(trainings.database, {FINE_TUNING: trainings.tuner.run}, poll_s=0.02)
    until(lambda: files.last_step() > 2)
    worker.close()
    assert get_job(trainings.database, job_id).state == "waiting"
    worker = Worker(trainings.database, {FINE_TUNING: trainings.tuner.run}, poll_s=0.02)
    try:
        until(lambda: get_job(trainings.database, job_id).state == "done")
    finally:
        worker.close()
    assert [line["step"] for line in files.log()] == list(range(1, 41))
    output = (trainings.tuner.folder(job_id) / "output.log").read_text()
    runs = [line for line in output.splitlines() if line.startswith("arguments")]
    assert [json.loads(run.partition(" ")[2])[-1] == "--resume" for run in runs] == [False, True]


def test_a_result_that_is_there_is_not_trained_again(trainings) -> None:
    """The worker may have been killed between the end of the run and telling of it."""
    job_id = trainings.ask(seed=BROKEN)
    trainings.tuner.files(job_id).checkpoint.mkdir(parents=True)
    found = trainings.tuner.run(claim(trainings.database, [FINE_TUNING]), lambda *_: None)
    assert found["checkpoint"].endswith("checkpoint") and found["best"] is None


@pytest.mark.skipif(os.name != "posix", reason="kills by a signal")
def test_a_program_ends_with_the_process_that_holds_its_tether(tmp_path) -> None:
    script = tmp_path / "holder.py"
    script.write_text(
        "import subprocess, sys, time\n"
        f"program = [sys.executable, {STAND_IN!r}, '--out', {str(tmp_path / 'run')!r},\n"
        f"    '--set', 'optim.steps=4', '--set', 'optim.seed={ENDLESS}']\n"
        "tether = [sys.executable, '-P', '-m', 'drivegrid.dashboard.tethered', *program]\n"
        "subprocess.Popen(tether, stdin=subprocess.PIPE, process_group=0)\n"
        "time.sleep(600)\n"
    )
    holder = subprocess.Popen([sys.executable, str(script)])
    try:
        until((tmp_path / "run" / "log.jsonl").exists)
        holder.send_signal(signal.SIGKILL)
        until((tmp_path / "run" / "interrupted").exists)
    finally:
        holder.kill()
        holder.wait()


def test_the_tether_passes_the_exit_status_on() -> None:
    tether = [sys.executable, "-P", "-m", "drivegrid.dashboard.tethered"]
    for code, status in (("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 9)", 137)):
        program = [sys.executable, "-c", code]
        with subprocess.Popen([*tether, *program], stdin=subprocess.PIPE) as process:
            assert process.wait(PATIENCE_S) == status
