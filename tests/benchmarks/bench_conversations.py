"""How many frames a second become conversations, in one process: run by hand.

PYTHONPATH=. python tests/benchmarks/bench_conversations.py [LABELS]
"""

import sys
import time
from dataclasses import replace
from pathlib import Path

from drivegrid.data.formats import detect_format, find_format
from drivegrid.tasks.conversations import convert
from drivegrid.tasks.settings import KINDS, ConversationConfig
from tests.data.toy_world import random_scene


def named(scene, number):
    return replace(scene, frame=replace(scene.frame, image=f"{number}.png"))


def speed(scenes, **changes):
    config = ConversationConfig(covered=("*",), **changes)
    for scene in scenes[:20]:
        convert(scene, config)
    start, records = time.process_time(), 0
    for scene in scenes:
        records += len(convert(scene, config))
    seconds = time.process_time() - start
    return len(scenes) / seconds, records / len(scenes)


def loop_ns():
    """Nanoseconds of a plain Python step: about 60 on an idle core; more where many share it."""
    start, total = time.process_time(), 0
    for number in range(2_000_000):
        total += number * number % 7
    return (time.process_time() - start) / 2e6 * 1e9


if __name__ == "__main__":
    if len(sys.argv) > 1:
        path = Path(sys.argv[1])
        scenes = find_format(detect_format(path)[0]).load(path).scenes
    else:
        scenes = [named(random_scene(seed), seed) for seed in range(400)]
    print(f"a plain step takes {loop_ns():.0f} ns")
    each = [(kind, {"tasks": {kind: count}}) for kind, count in KINDS.items()]
    for name, changes in [("all", {}), *each]:
        rate, records = speed(scenes, **changes)
        print(f"{name:<14}{rate:>9.0f} frames/s of CPU time {records:>6.1f} records a frame")
