"""A small data set with labels and two model runs, made at random."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from drivegrid.dashboard.database import Database

from drivegrid.data.scene import Instance
from drivegrid.geometry import Box, Point, Polyline
from tests.dashboard.store.rows import add_frames, add_shapes, add_source, add_users

LABELS = ("obstacle/car", "obstacle/truck", "obstacle/cone")


@dataclass
class World:
    user: int
    dataset: int
    frames: list[int]
    truth: int
    runs: list[int]
    instances: dict[int, dict[int, list[Instance]]]
    """Source, then frame, to what is there."""


def make_world(database: Database, seed: int = 0, num: int = 12, **columns) -> World:
    rng = np.random.default_rng(seed)
    [user] = add_users(database, "ada")
    dataset, ids = add_frames(database, num, **columns)
    truth = add_source(database, dataset, "labels")
    runs = [add_source(database, dataset, name, "model") for name in ("one", "two")]
    world = World(user, dataset, ids, truth, runs, {source: {} for source in (truth, *runs)})
    for frame in ids:
        things = scene(rng)
        world.instances[truth][frame] = things
        for run in runs:
            world.instances[run][frame] = guess(rng, things)
        for source, by_frame in world.instances.items():
            add_shapes(database, source, frame, by_frame[frame])
    return world


def scene(rng: np.random.Generator) -> list[Instance]:
    found = []
    for i in range(rng.integers(0, 4)):
        low = np.array([40.0 + 150 * i, 200.0])
        size = rng.uniform(10, 130, 2)
        label = LABELS[rng.integers(len(LABELS))]
        found.append(Instance(label, Box(np.concatenate([low, low + size]))))
    for i in range(rng.integers(0, 3)):
        x = 100.0 + 200 * i
        found.append(Instance("lane/line", Polyline([[x, 480.0], [x + 30, 300.0]])))
    if rng.random() < 0.5:
        found.append(Instance("sign", Point(rng.uniform(50, 400, 2))))
    return found


def guess(rng: np.random.Generator, things: list[Instance]) -> list[Instance]:
    """Return things moved, mislabelled, left out or made up."""
    found = []
    for thing in things:
        if rng.random() < 0.2:
            continue
        shift = rng.choice([0.0, 2.0, 30.0])
        parts = [part + shift for part in thing.geometry.parts()]
        geometry = {
            "box": lambda p: Box(p[0].ravel()),
            "line": lambda p: Polyline(p[0]),
            "point": lambda p: Point(p[0][0]),
        }[thing.geometry.kind](parts)
        label = thing.label
        if thing.geometry.kind == "box" and rng.random() < 0.3:
            label = LABELS[rng.integers(len(LABELS))]
        sure = None if rng.random() < 0.1 else float(rng.integers(1, 10) / 10)
        found.append(Instance(label, geometry, confidence=sure))
    if rng.random() < 0.3:
        found.append(Instance(LABELS[0], Box([500.0, 10.0, 540.0, 60.0]), confidence=0.5))
    return found
