"""How fast a mask becomes a few of 1,024 proposals: packed bits against boolean arrays.

python -m tests.benchmarks.bench_greedy [--instances 8] [--proposals 1024] [--side 256]

Proposals are what a decoder gives for a lattice over things of many sizes: for each point the thing
it lies on, grown or shrunk or with a part cut off. Both versions must choose the same ones.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from drivegrid.masks.greedy import largest_gain, sorted_pass
from drivegrid.masks.optimum import fewest
from drivegrid.masks.packed import PackedMasks
from tests.masks.test_greedy import literal_largest_gain, literal_sorted_pass

THRESHOLD = 0.9
SMALL = 16


def things(rng: np.random.Generator, num: int, side: int) -> np.ndarray:
    """Return masks of polygons, from a sign's size to a road's."""
    masks = np.zeros((num, side, side), np.uint8)
    for mask in masks:
        radius = side * 10 ** rng.uniform(-1.6, -0.4)
        angles = np.sort(rng.uniform(0, 2 * np.pi, 9))
        reach = radius * rng.uniform(0.5, 1.2, 9)[:, None]
        corners = rng.uniform(0, side, 2) + reach * np.stack([np.cos(angles), np.sin(angles)], 1)
        cv2.fillPoly(mask, [corners.astype(np.int32)], 1)
    return masks


def proposals(rng: np.random.Generator, shapes: np.ndarray, num: int) -> np.ndarray:
    """Return a decoder's masks for points of a lattice."""
    side = shapes.shape[1]
    found = np.zeros((num, side, side), np.uint8)
    lattice = round(num**0.5)
    for place, mask in enumerate(found):
        x, y = ((np.array(divmod(place, lattice)) + 0.5) * side / lattice).astype(int)
        on = [shape for shape in shapes if shape[y, x]]
        if on:
            size = int(rng.integers(1, 6))
            change = cv2.dilate if rng.random() < 0.5 else cv2.erode
            mask[:] = change(on[int(rng.integers(len(on)))], np.ones((size, size), np.uint8))
            if rng.random() < 0.98:  # a part of it alone
                far = int(rng.integers(side // 32, side // 8))
                mask[: max(0, y - far)] = mask[y + far :] = 0
                mask[:, : max(0, x - far)] = mask[:, x + far :] = 0
        else:
            cv2.circle(mask, (int(x), int(y)), int(rng.integers(4, side // 4)), 1, -1)
    return found.astype(bool)


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    begun = time.perf_counter()
    found = work()
    return found, 1000 * (time.perf_counter() - begun)


def main() -> None:
    """Print milliseconds an instance, ratios, and how many tokens greedy takes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--instances", type=int, default=8)
    parser.add_argument("--proposals", type=int, default=1024)
    parser.add_argument("--side", type=int, default=256)
    asked = parser.parse_args()
    rng = np.random.default_rng(0)
    shapes = things(rng, asked.instances + 8, asked.side)
    masks = proposals(rng, shapes, asked.proposals)
    packed, packing = timed(lambda: PackedMasks.pack(masks))
    _, counting = timed(lambda: packed.areas)
    print(f"{len(masks):,} proposals: packed in {packing:.1f} ms, counted in {counting:.1f} ms")
    spent: dict[str, list[tuple[float, float]]] = {"sorted pass": [], "largest gain": []}
    tokens: dict[str, list[int]] = {name: [] for name in spent}
    for shape in shapes[: asked.instances].astype(bool):
        truth = PackedMasks.pack(shape[None])
        both = {
            "sorted pass": (
                lambda truth=truth: sorted_pass(packed, truth),
                lambda shape=shape: literal_sorted_pass(masks, shape),
            ),
            "largest gain": (
                lambda truth=truth: largest_gain(packed, truth, THRESHOLD),
                lambda shape=shape: literal_largest_gain(masks, shape, THRESHOLD),
            ),
        }
        for name, (fast, slow) in both.items():
            found, fast_ms = timed(fast)
            (chosen, _), slow_ms = timed(slow)
            assert found.chosen.tolist() == chosen
            spent[name].append((fast_ms, slow_ms))
            tokens[name].append(len(chosen))
    for name, times in spent.items():
        fast, slow = (statistics.median(one) for one in zip(*times, strict=True))
        most = max(one for one, _ in times)
        print(
            f"{name}: {fast:.2f} ms an instance (most {most:.2f}), boolean {slow:.0f} ms, "
            f"{slow / fast:.0f} times; tokens {statistics.mean(tokens[name]):.1f}"
        )
    _against_optimum(rng, packed, shapes[: asked.instances].astype(bool))


def _against_optimum(rng: np.random.Generator, packed: PackedMasks, shapes: np.ndarray) -> None:
    """Print how many more tokens greedy takes than the fewest, on few proposals of each thing."""
    ratios, unsolved = [], 0
    for shape in shapes:
        truth = PackedMasks.pack(shape[None])
        near = np.flatnonzero((packed.words & truth.words).any(axis=1))
        some = packed[rng.choice(near, min(SMALL, len(near)), replace=False)]
        greedy = largest_gain(some, truth, 1.0)
        for share in (0.5, 0.8, 0.95):
            least = share * greedy.iou
            best = fewest(some, truth, least)
            if best.selection is None:
                unsolved += 1
                continue
            taken = len(largest_gain(some, truth, least).chosen)
            ratios.append(taken / len(best.selection.chosen))
    print(
        f"largest gain against the fewest, {SMALL} proposals: mean {np.mean(ratios):.3f}, "
        f"most {max(ratios):.2f} over {len(ratios)}; not solved {unsolved}"
    )


if __name__ == "__main__":
    main()
