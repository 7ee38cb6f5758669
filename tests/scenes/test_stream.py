"""The stream gives the same scenes for any number of workers and leaves no process behind."""

import multiprocessing
import os
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from drivegrid.errors import ConfigError, DriveGridError
from drivegrid.scenes.seeds import FIRST_TRAIN_SEED, TEST_SEEDS, VALIDATION_SEEDS
from drivegrid.scenes.stream import iter_scenes, stream_scenes
from tests.scenes import faked

SIZE_WH = (24, 10)


def taken(number: int, first_seed: int = 5, workers: int = 0, **options):
    options = {"render": faked.render} | options
    stream = stream_scenes(first_seed, SIZE_WH, workers, **options)
    try:
        return list(islice(stream, number))
    finally:
        stream.close()


def runs(pid: int) -> bool:
    """Tell whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_seed_ranges_do_not_meet() -> None:
    assert VALIDATION_SEEDS.stop == TEST_SEEDS.start
    assert TEST_SEEDS.stop == FIRST_TRAIN_SEED
    assert VALIDATION_SEEDS.start == 0


@pytest.mark.parametrize("seeds", [[], [7], [3, 9, 4]])
def test_iter_scenes_takes_any_seeds_in_their_order(seeds) -> None:
    scenes = list(iter_scenes(seeds, SIZE_WH, faked.render))
    assert [rendered.scene.extra["seed"] for rendered in scenes] == seeds


@pytest.mark.parametrize(("workers", "ahead"), [(0, 1), (1, 1), (2, 3), (3, 2)])
def test_order_and_bytes_do_not_depend_on_workers(workers, ahead) -> None:
    found = taken(17, workers=workers, ahead=ahead, render=faked.render_unevenly)
    assert len(found) == 17
    for seed, rendered in enumerate(found, start=5):
        expected = faked.render(seed, SIZE_WH)
        for name in ("image", "segments", "instances"):
            plane, right = getattr(rendered, name), getattr(expected, name)
            assert (plane.dtype, plane.shape) == (right.dtype, right.shape)
            assert plane.tobytes() == right.tobytes()
            assert plane.flags.owndata
        assert rendered.scene.extra["seed"] == seed
        assert rendered.scene.instances == expected.scene.instances
        assert rendered.scene.frame == expected.scene.frame
    pids = {rendered.scene.extra["pid"] for rendered in found}
    assert len(pids) == max(workers, 1)
    assert (os.getpid() in pids) == (workers == 0)


def test_real_scenes_are_the_same_from_a_worker() -> None:
    stream = stream_scenes(FIRST_TRAIN_SEED, (96, 64), 1, ahead=1, render=faked.render_really)
    there = next(stream)
    stream.close()
    here = faked.render_really(FIRST_TRAIN_SEED, (96, 64))
    for plane in ("image", "segments", "instances"):
        assert np.array_equal(getattr(there, plane), getattr(here, plane))
    assert repr(there.scene) == repr(here.scene)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_stream_goes_on_where_another_stopped(workers) -> None:
    whole, rest = taken(6, 40), taken(3, 43, workers)
    for again, expected in zip(rest, whole[3:], strict=True):
        assert np.array_equal(again.image, expected.image)


def test_pictures_are_the_callers_own() -> None:
    first, *others = taken(9, workers=1, ahead=2)
    assert np.array_equal(first.image, faked.render(5, SIZE_WH).image)  # its slot was used again
    first.image[:] = 0
    assert others[1].image.any()


def test_labels_longer_than_a_pipe_get_through() -> None:
    found = taken(7, workers=2, ahead=3, render=faked.render_many_labels)
    assert [len(rendered.scene.extra["long"]) for rendered in found] == [1_000_000] * 7


def test_workers_run_on_one_thread_and_this_process_stays_as_it_was(monkeypatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("LP_NUM_THREADS", raising=False)
    ((rendered,), (here,)) = taken(1, workers=1), taken(1)
    assert (rendered.scene.extra["OMP_NUM_THREADS"], here.scene.extra["OMP_NUM_THREADS"]) == (
        "1",
        "7",
    )
    assert rendered.scene.extra["LP_NUM_THREADS"] == "0"
    assert "LP_NUM_THREADS" not in os.environ


@pytest.mark.parametrize("workers", [0, 2])
def test_a_seed_that_fails_is_named_with_its_cause(workers) -> None:
    stream = stream_scenes(faked.FAILING - 3, SIZE_WH, workers, render=faked.render_or_fail)
    assert len(list(islice(stream, 3))) == 3
    with pytest.raises(DriveGridError, match=r"(?s)no such road.*seed 13.*Start at 14"):
        next(stream)
    assert multiprocessing.active_children() == []
    assert next(stream, None) is None


def test_a_worker_that_dies_is_named_by_its_seed() -> None:
    stream = stream_scenes(faked.DYING - 5, SIZE_WH, 2, render=faked.render_or_die)
    assert len(list(islice(stream, 5))) == 5
    with pytest.raises(DriveGridError, match=r"exit code -9.*\(seed 17\)"):
        next(stream)
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("number", [0, 1, 4])
def test_closing_early_ends_every_worker(number) -> None:
    stream = stream_scenes(0, SIZE_WH, 2, ahead=3, render=faked.render)
    pids = {rendered.scene.extra["pid"] for rendered in islice(stream, number)}
    assert len(multiprocessing.active_children()) == (2 if number else 0)
    stream.close()
    assert multiprocessing.active_children() == []
    assert not any(runs(pid) for pid in pids)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc to see processes of others")
def test_workers_end_with_a_parent_that_was_killed() -> None:
    code = f"""
import os, signal, sys
from itertools import islice
from drivegrid.scenes.stream import stream_scenes
from tests.scenes import faked
stream = stream_scenes(0, {SIZE_WH}, 2, render=faked.render)
print(*[rendered.scene.extra["pid"] for rendered in islice(stream, 2)], flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    command, root = [sys.executable, "-c", code], Path(__file__).parents[2]
    ran = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    pids = [int(pid) for pid in ran.stdout.split()]
    assert len(pids) == 2, ran.stderr
    for _ in range(200):
        if not any(map(runs, pids)):
            return
        time.sleep(0.05)
    pytest.fail(f"{pids} still run")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((-1, SIZE_WH), "first_seed must be >= 0, got -1"),
        ((0, (0, 9)), "width must be >= 1, got 0"),
        ((0, (9, 0)), "height must be >= 1, got 0"),
        ((0, SIZE_WH, -1), "workers must be >= 0, got -1"),
    ],
)
def test_wrong_numbers_are_refused_at_once(arguments, named) -> None:
    with pytest.raises(ConfigError, match=named):
        stream_scenes(*arguments, render=faked.render)


def test_ahead_must_hold_one_picture() -> None:
    with pytest.raises(ConfigError, match="ahead must be >= 1, got 0"):
        stream_scenes(0, SIZE_WH, 1, ahead=0, render=faked.render)
