"""Every engine gives the same results in the same order, and takes jobs only as it needs them."""

import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from drivegrid.data.engines import AHEAD, Engine
from drivegrid.data.files import parse_json, read_whole
from drivegrid.errors import ConfigError, DriveGridError, FormatError

LOCAL = [Engine(), Engine("local", 2)]


@pytest.mark.parametrize("engine", LOCAL, ids=lambda engine: f"{engine.workers}")
@pytest.mark.parametrize("jobs", [[], [-1], [*range(-20, 20)]], ids=len)
def test_results_come_in_the_order_of_jobs(engine, jobs):
    assert list(engine.map(abs, jobs)) == [abs(job) for job in jobs]


@pytest.mark.parametrize("engine", LOCAL, ids=lambda engine: f"{engine.workers}")
def test_jobs_are_taken_as_there_is_room(engine):
    taken = []
    results = engine.map(abs, (taken.append(job) or job for job in range(100)))
    for done in range(1, 4):
        next(results)
        assert len(taken) < done + AHEAD * engine.workers
    results.close() if engine.workers > 1 else None


@pytest.mark.parametrize("engine", LOCAL, ids=lambda engine: f"{engine.workers}")
def test_errors_arrive_as_they_were_raised(engine, tmp_path):
    with pytest.raises(FormatError, match="JSON in UTF-8"):
        list(engine.map(parse_json, [b"1", b"{"]))
    with pytest.raises(FormatError) as caught:
        list(engine.map(partial(read_whole, max_bytes=1), [tmp_path / "absent"]))
    assert caught.value.path == tmp_path / "absent"


def test_errors_of_the_jobs_themselves_end_the_workers():
    def jobs():
        yield 1
        raise FormatError("rest must be readable, got nothing.")

    with pytest.raises(FormatError, match="rest must be readable"):
        list(Engine("local", 2).map(abs, jobs()))


def test_a_killed_worker_is_named():
    with pytest.raises(DriveGridError, match="must live to its end"):
        list(Engine("local", 2).map(os._exit, [1]))


@pytest.mark.parametrize("wrong", [{"name": "spark"}, {"workers": 0}])
def test_unknown_engines_and_no_workers_are_refused(wrong):
    with pytest.raises(ConfigError, match=r"must be"):
        Engine(**wrong)


def parent_of(pid):
    """Return a living process's parent; None of one that ended."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return None if status[0] == "Z" else int(status[1])


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
def test_workers_end_when_their_parent_is_killed():
    code = (
        "import time\nfrom drivegrid.data.engines import Engine\n"
        "for done in Engine('local', 2).map(time.sleep, [0, 60, 60, 60]):\n"
        "    print(done, flush=True)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout.readline() == b"None\n"
        pids = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
        workers = [pid for pid in pids if parent_of(pid) == parent.pid]
        parent.kill()
    assert workers
    for _ in range(600):
        if not any(parent_of(worker) for worker in workers):
            return
        time.sleep(0.05)
    raise AssertionError("workers live on")
