"""The model behind its queue: in turn, in time, and through any crash."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from drivegrid.dashboard.serving.model_process import load_model
from drivegrid.dashboard.serving.model_worker import BusyError, ModelWorker

from drivegrid.geometry import Box
from drivegrid.scenes.render import render_scene
from drivegrid.tasks.table import TASKS
from tests.dashboard.serving.models import die_loading, load_nothing, load_toy

IMAGE = np.zeros((4, 6, 3), np.uint8)
LARGE = np.zeros((4000, 6000, 3), np.uint8)
LONG_S = 60
"""More than anything here takes; reached only where a test is about to fail."""


@pytest.fixture
def start():
    """Start workers that are closed at the end."""
    started = []

    def one(load=load_toy, checkpoint=None, **limits):
        started.append(ModelWorker(checkpoint, load=load, **limits))
        return started[-1]

    yield one
    for worker in started:
        worker.close()


def hold(worker, seconds=LONG_S):
    """Keep the model busy; return the ticket once it runs."""
    ticket = worker.ask(IMAGE, f"sleep {seconds}")
    with ticket._changed:
        assert ticket._changed.wait_for(lambda: ticket.state == "running", LONG_S)
    return ticket


def test_questions_are_answered(start):
    worker = start(checkpoint=Path("a"))
    asked = [
        worker.ask(IMAGE, "car"),
        worker.ask(LARGE, "car", rounds=0),
        worker.detect(IMAGE, ["lanes"], rounds=2),
        worker.classify(IMAGE, Box(np.array([1.0, 1, 2, 2])), "colour"),
        worker.segment(IMAGE, "car", rounds=0),
    ]
    assert [ticket.wait(LONG_S) for ticket in asked] == ["done"] * 5
    assert [ticket.result for ticket in asked] == [
        ("car", 1, (4, 6, 3), "a"),
        ("car", 0, (4000, 6000, 3), "a"),
        (("lanes",), 2, (4, 6, 3)),
        {"colour": 1.0, "box": 0.0},
        ("masks", "car", 0, (4, 6, 3)),
    ]
    assert {ticket.error for ticket in asked} == {""}
    assert {ticket.place for ticket in asked} == {0}
    assert {ticket._question for ticket in asked} == {None}


def test_places_move_up_and_a_full_queue_refuses(start):
    worker = start(max_waiting=3)
    running = hold(worker)
    waiting = [worker.ask(IMAGE, str(number)) for number in range(3)]
    assert (running.place, *(ticket.place for ticket in waiting)) == (0, 1, 2, 3)
    with pytest.raises(BusyError, match="got 3 questions waiting"):
        worker.ask(IMAGE, "one more")
    waiting[0].cancel()
    assert [ticket.place for ticket in waiting] == [0, 1, 2]
    assert worker.ask(IMAGE, "one more").place == 3


def test_what_waits_can_be_cancelled(start):
    worker = start()
    running = hold(worker, 0.2)
    first, second = worker.ask(IMAGE, "die"), worker.ask(IMAGE, "car")
    first.cancel()
    assert (first.state, first.wait(0), first.result) == ("cancelled", "cancelled", None)
    assert second.wait(LONG_S) == "done"
    assert running.state == "done"
    first.cancel()
    second.cancel()
    assert (first.state, second.state) == ("cancelled", "done")


def test_what_runs_can_be_cancelled_and_keeps_the_model(start):
    worker = start()
    process = worker.pid
    running = hold(worker, 0.2)
    running.cancel()
    assert running.wait(0) == "cancelled"
    assert worker.ask(IMAGE, "car").wait(LONG_S) == "done"
    assert (running.state, running.result) == ("cancelled", None)
    assert worker.pid == process


def test_a_slow_answer_is_timed_out(start):
    worker = start(timeout_s=3)
    process = worker.pid
    slow = worker.ask(IMAGE, f"sleep {LONG_S}")
    after = worker.ask(IMAGE, "car")
    assert slow.wait(LONG_S) == "timed out"
    assert slow.error == "answer must come within 3 seconds, got none by then."
    assert after.wait(LONG_S) == "done"
    assert worker.pid != process


def test_a_killed_process_fails_its_question_only(start, tmp_path):
    worker = start()
    running, after = worker.ask(IMAGE, f"hold {tmp_path / 'begun'}"), worker.ask(IMAGE, "car")
    while not (tmp_path / "begun").exists():
        time.sleep(0.01)
    process = worker.pid
    os.kill(process, signal.SIGKILL)
    assert running.wait(LONG_S) == "failed"
    assert f"stopped at this question (process {process})" in running.error
    assert after.wait(LONG_S) == "done"
    assert worker.pid != process


def test_a_process_killed_while_idle_fails_nothing(start):
    worker = start()
    assert worker.ask(IMAGE, "car").wait(LONG_S) == "done"
    process = worker.pid
    os.kill(process, signal.SIGKILL)
    while not worker._process.stopped:
        time.sleep(0.01)
    assert worker.ask(IMAGE, "car").wait(LONG_S) == "done"
    assert worker.pid != process


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("refuse", "query must hold words, got ''."),
        ("break", "model must answer, got RuntimeError. See the log of the service."),
        ("die", "stopped at this question"),
        ("odd", "stopped at this question"),
    ],
)
def test_a_question_that_fails_says_why_and_the_next_is_answered(start, query, told):
    worker = start()
    failed, after = worker.ask(IMAGE, query), worker.ask(IMAGE, "car")
    assert failed.wait(LONG_S) == "failed"
    assert told in failed.error
    assert failed.result is None
    assert after.wait(LONG_S) == "done"


@pytest.mark.parametrize(
    ("load", "told"),
    [
        (load_nothing, r"checkpoint must hold weights, got none \(a\)"),
        (die_loading, "stopped while loading"),
    ],
)
def test_a_model_that_does_not_load_fails_every_question(start, load, told):
    worker = start(load, Path("a"))
    for _ in range(2):
        ticket = worker.ask(IMAGE, "car")
        assert ticket.wait(LONG_S) == "failed"
        assert re.search(told, ticket.error)
        while worker._running is not None:
            time.sleep(0.01)
        assert worker._process.stopped  # it would only fail again, for nobody


def test_a_process_that_cannot_be_started_fails_the_question(start, monkeypatch):
    worker = start()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", "/nowhere/python")
        assert worker.ask(IMAGE, "die").wait(LONG_S) == "failed"
        ticket = worker.ask(IMAGE, "car")
        assert ticket.wait(LONG_S) == "failed"
        assert "/nowhere/python" in ticket.error
    assert worker.ask(IMAGE, "car").wait(LONG_S) == "done"


def test_closing_waits_for_nothing(start):
    worker = start()
    running, waiting = hold(worker), worker.ask(IMAGE, "car")
    child = worker._process._child
    worker.close()
    assert (running.state, waiting.state) == ("cancelled", "cancelled")
    assert child.wait(LONG_S) == -signal.SIGKILL
    with pytest.raises(BusyError, match="closed"):
        worker.ask(IMAGE, "car")
    worker.close()


def test_the_process_ends_with_its_parent(start):
    child = start()._process
    child._connection.close()
    assert child._child.wait(LONG_S) == 0


@pytest.mark.slow
def test_the_packaged_model_tells_all_that_a_page_shows(start):
    pytest.importorskip("transformers", reason="drivegrid[model] is not installed")
    worker = start(load_model)
    image = render_scene(7, (1280, 720)).image
    lanes = worker.ask(image, "all lanes from left to right")
    everything = worker.detect(image, ("lanes", "objects"))
    kind = worker.classify(image, Box(np.array([600.0, 300, 700, 360])), "obstacle_class")
    drawn = worker.segment(image, "all obstacles")
    assert [t.wait(5 * LONG_S) for t in (lanes, everything, kind, drawn)] == ["done"] * 4
    answer = lanes.result
    assert answer.size_wh == (image.shape[1], image.shape[0])
    assert len(answer.found) >= 1
    assert len(answer.texts) == 2
    for found in answer.found:
        assert found.instance.geometry.kind == "line"
        assert 0 < found.instance.confidence <= 1
        assert len(found.tokens) == 2
        assert len(found.trace.proposed) == len(found.trace.moved) == len(found.trace.deleted) > 1
    assert everything.result.queries == ("all lanes from left to right", TASKS["objects"].question)
    masks = [found.mask for found in drawn.result.found if found.mask is not None]
    assert masks and all(mask.shape == image.shape[:2] and mask.any() for mask in masks)
    assert sum(kind.result.values()) == pytest.approx(1)
    assert list(kind.result.values()) == sorted(kind.result.values(), reverse=True)


def test_the_service_itself_needs_no_torch():
    code = "import sys, drivegrid.dashboard.serving.model_worker; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
