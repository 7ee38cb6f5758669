"""Counts against a plain loop, and what is too rare."""

from collections import Counter

import numpy as np

from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.data.stats import count_scenes
from drivegrid.geometry import Box, Polygon, Polyline
from drivegrid.labels import default_label_space
from tests.data.toy_world import random_scene

SPACE = default_label_space()


def test_no_scenes_have_every_option_at_zero() -> None:
    stats = count_scenes([])
    assert stats.per_frame() == {"frames": 0}
    assert stats.classes == {}
    assert set(stats.tasks) == set(SPACE.tasks)
    assert {n for table in stats.tasks.values() for n in table.values()} == {0}
    assert set(stats.frame["weather"]) == set(SPACE.frame_attributes["weather"])


def test_counts_are_those_of_a_plain_loop() -> None:
    scenes = [random_scene(seed) for seed in range(20)]
    stats = count_scenes(iter(scenes))
    instances = [instance for scene in scenes for instance in scene.instances]
    assert stats.classes == Counter(i.label for i in instances)
    assert stats.geometry == Counter(i.geometry.kind for i in instances)
    assert stats.templates == Counter(s.extra["template"] for s in scenes)
    assert stats.frame_sizes == {"320x180": 20}
    assert stats.attributes["lane.style"] == Counter(
        i.attributes["style"] for i in instances if i.label.startswith("lane")
    )
    signs = Counter(i.attributes["color"] for i in instances if i.label.startswith("sign"))
    assert {k: n for k, n in stats.tasks["sign_color"].items() if n} == signs
    numbers = [len(s.instances) for s in scenes]
    assert stats.per_frame() == {
        "frames": 20, "instances": sum(numbers), "least": min(numbers),
        "mean": round(np.mean(numbers), 2), "median": np.median(numbers), "most": max(numbers),
    }  # fmt: skip


def test_box_sizes() -> None:
    sides = (31.9, 32, 95.9, 96)
    boxes = [Instance("obstacle", Box(np.array([0, 0, side, side]))) for side in sides]
    stats = count_scenes([Scene(Frame("", (200, 200)), tuple(boxes))])
    assert stats.box_sizes == {"large": 1, "medium": 2, "small": 1}


def test_spread() -> None:
    rng = np.random.default_rng(0)
    sides = [0.5, 1, 3, 4, 31]
    boxes = [Instance("obstacle", Box(np.array([0, 0, side, side]))) for side in sides]
    line = Instance("lane/line", Polyline(np.array([[0, 0], [1, 1], [63.9, 63.9], [64, 99]])))
    unknown = Instance("spaceship", Polygon((np.array([[10.0, 10], [30, 10], [20, 30]]),)))
    frame = Frame("", (64, 64))
    scenes = [Scene(frame, tuple(boxes)), Scene(frame, (line, unknown)), Scene(frame)]
    stats = count_scenes(scenes[index] for index in rng.permutation(3))
    assert stats.instances_per_frame == {0: 1, 2: 1, 5: 1}
    assert stats.lanes_per_frame == {0: 2, 1: 1}
    assert stats.box_sides == {0: 1, 1: 1, 2: 1, 4: 1, 8: 0, 16: 1}
    assert list(stats.positions) == ["lane", "obstacle", "other"]
    assert np.argwhere(stats.positions["lane"]).tolist() == [[0, 0], [31, 31]]
    assert np.argwhere(stats.positions["other"]).tolist() == [[10, 10]]  # (20, 20) of 64
    assert stats.positions["obstacle"].sum() == 5


def test_what_is_too_rare() -> None:
    stats = count_scenes([Scene(Frame("", (9, 9), {"time": "night"}), (), {"template": "curve"})])
    assert stats.rarer_than(0) == {}
    rare = stats.rarer_than(1)
    assert rare["frame time"] == {"day": 0, "dusk": 0}
    assert "template" not in rare
    assert stats.rarer_than(2)["template"] == {"curve": 1}
    assert "frame size" not in stats.rarer_than(2)
