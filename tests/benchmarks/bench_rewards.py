"""Speed of the rewards, a group of eight answers at a time; and how near bands come to the raster.

Times are CPU seconds, so that a busy machine blurs them less. A goal is rewarded twice: the second
time its lines are known, as they are to refinements of an answer that was rewarded.

Run: python tests/benchmarks/bench_rewards.py [groups a task, default 100]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from drivegrid.training.rewards import offset_rewards, preset, proposal_rewards
from scipy.stats import spearmanr

from drivegrid.data.scene import Instance
from drivegrid.geometry import Box, FloatArray, Geometry, Point, Polygon, Polyline
from drivegrid.metrics.culane import lane_iou
from drivegrid.metrics.lanes import densify
from drivegrid.tasks.base import Asked, answer_items
from drivegrid.tasks.refine import Noise, noisy_proposal
from drivegrid.tasks.rewards.bands import band_iou, canvas_line, row_spans, spline_line
from drivegrid.tasks.rewards.goal import Goal
from drivegrid.tokens.answer import AnswerItem
from drivegrid.tokens.codec import Codec
from drivegrid.tokens.grammar import format_answer, format_offsets, parse_answer, parse_offsets
from drivegrid.tokens.grid import GridGeometry

SIZE = (1280, 720)
GROUP = 8


def random_lane(rng: np.random.Generator, num: int = 14) -> FloatArray:
    """Return a bent lane line from the lower border up to a vanishing region."""
    share = np.linspace(0.0, 1.0, num)[:, None]
    bottom, top = rng.uniform(-200, 1480), rng.uniform(500, 780)
    bow = rng.normal(0, 60) * 4 * share * (1 - share)
    return np.hstack([bottom + (top - bottom) * share + bow, 720 - share * 400])


def shapes(rng: np.random.Generator, task: str) -> list[tuple[str, Geometry]]:
    """Return 4 to 6 lanes, 8 boxes, 10 signs, or one drivable area."""
    if task == "lanes":
        return [("lane/line", Polyline(random_lane(rng))) for _ in range(int(rng.integers(4, 7)))]
    if task == "objects":
        corners = rng.uniform((0, 200), (1100, 500), (8, 2))
        boxes = np.hstack([corners, corners + rng.uniform(40, 180, (8, 2))])
        return [("object/vehicle/car", Box(box)) for box in boxes]
    if task == "signs":
        return [("sign/warning", Point(place)) for place in rng.uniform((0, 0), SIZE, (10, 2))]
    left, right = random_lane(rng), random_lane(rng)
    ring = np.concatenate([np.minimum(left, right), np.maximum(left, right)[::-1]])
    return [("area/drivable/direct", Polygon((ring,)))]


def group(rng: np.random.Generator, task: str, codec: Codec) -> tuple[Goal, list[AnswerItem]]:
    """Return a goal and the answer to it, without offsets."""
    asked = Asked("", tuple(Instance(label, shape) for label, shape in shapes(rng, task)))
    items, kept = answer_items(asked, codec, SIZE)
    return Goal.from_answer(items, kept, SIZE), items


def without_offsets(item: AnswerItem) -> AnswerItem:
    """Return an item as it was proposed."""
    return replace(item, geometry=GridGeometry(item.geometry.kind, item.geometry.cells))


def clock(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def speed(task: str, groups: int, codec: Codec) -> None:
    rng, settings = np.random.default_rng(0), preset("no-decoder")
    seconds = dict.fromkeys(("new goal", "known goal", "parse", "refine", "parse offsets"), 0.0)
    for _ in range(groups):
        goal, items = group(rng, task, codec)
        noisy = [
            noisy_proposal(items, goal.instances, codec.grid, SIZE, rng, Noise(0.4, 0.02, 0.2))
            for _ in range(GROUP)
        ]
        texts = [format_answer(one) for one in noisy]
        for goal_is in ("new goal", "known goal"):
            seconds[goal_is] += clock(lambda: proposal_rewards(goal, texts, codec, settings))  # noqa: B023
        seconds["parse"] += clock(lambda: [parse_answer(text, codec.grid) for text in texts])  # noqa: B023
        proposal = [without_offsets(item) for item in noisy[0]]
        cells = [item.geometry for item in proposal]
        told = [_random_offsets(cells, rng) for _ in range(GROUP)]
        seconds["refine"] += clock(
            lambda: offset_rewards(goal, proposal, told, codec, settings)  # noqa: B023
        )
        seconds["parse offsets"] += clock(lambda: [parse_offsets(text, cells) for text in told])  # noqa: B023
    rates = ", ".join(f"{name} {groups * GROUP / s:,.0f}/s" for name, s in seconds.items())
    print(f"{task}, {codec.line_encoder}: {rates}")


def _random_offsets(cells: list[GridGeometry], rng: np.random.Generator) -> str:
    return format_offsets(
        [
            replace(one, offsets=(tuple(rng.integers(0, 9, len(part)) for part in one.cells),))
            for one in cells
        ]
    )


def agreement(num: int) -> None:
    rng, exact, bands = np.random.default_rng(1), [], []
    for _ in range(num):
        true = random_lane(rng, int(rng.integers(3, 20)))
        shift = rng.choice([2.0, 5.0, 10.0, 20.0, 40.0])
        pred = true + rng.normal(0, shift / 2, true.shape) + rng.normal(0, shift, 2) * (1, 0)
        exact.append(lane_iou([densify(pred)], [true], SIZE)[0, 0])
        spans = row_spans([canvas_line(pred, SIZE), spline_line(canvas_line(true, SIZE))])
        bands.append(band_iou(spans[0], spans[1]))
    gap = np.abs(np.array(exact) - bands)
    rank = spearmanr(exact, bands).statistic
    print(
        f"bands against the CULane raster, {num} shaken lanes of mean IoU {np.mean(exact):.2f}: "
        f"mean difference {gap.mean():.4f}, largest {gap.max():.3f}, rank correlation {rank:.4f}"
    )


if __name__ == "__main__":
    agreement(2000)
    for each in ("lanes", "objects", "signs", "drivable"):
        speed(each, int(sys.argv[1]) if len(sys.argv) > 1 else 100, Codec(rounds=0))
    speed("lanes", 20, Codec(rounds=0, line_encoder="fewest"))
