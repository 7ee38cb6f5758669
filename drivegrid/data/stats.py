"""What labels hold, counted: classes, attribute values, frames, shapes, sizes, places."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from drivegrid.data.attributes import answer_of
from drivegrid.data.scene import Instance, Scene
from drivegrid.geometry import Box, Polyline, Size
from drivegrid.labels import LabelSpace, default_label_space

Table: TypeAlias = dict[str, int]
Histogram: TypeAlias = dict[int, int]
"""Number, or lower end of a span, to how often it occurs; in order."""
HeatMap: TypeAlias = npt.NDArray[np.int64]
"""(``CELLS``, ``CELLS``) rows and columns of equal cells of the image."""

SIZE_LIMITS = ((32**2, "small"), (96**2, "medium"))
"""Areas in square pixels below which a box is small or medium (COCO); else it is large."""
CELLS = 32
OTHER = "other"
"""Root of labels that the taxonomy does not know."""


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts over scenes; values that never occur stand with 0 where the list is closed.

    Args:
        classes: Label path to instances.
        tasks: Attribute task, then answer, to places that have it; every option is listed.
        attributes: "root.attribute", then value, to instances; what occurs is listed.
        frame: Frame attribute, then value, to frames; every value is listed.
        templates: Template to frames, where the scenes name one.
        geometry: Kind of shape to instances.
        frame_sizes: "WIDTHxHEIGHT" to frames.
        box_sizes: small, medium, large to boxes.
        instances_per_frame: Number of instances to frames.
        lanes_per_frame: Number of lane lines to frames.
        box_sides: Square root of the area in pixels to boxes; a span is [n, 2n), and [0, 1).
        positions: Root of a label to how many instances lie in each cell of the image: lines in
            each that holds a point of theirs, other shapes where their middle is.
    """

    classes: Table = field(default_factory=dict)
    tasks: dict[str, Table] = field(default_factory=dict)
    attributes: dict[str, Table] = field(default_factory=dict)
    frame: dict[str, Table] = field(default_factory=dict)
    templates: Table = field(default_factory=dict)
    geometry: Table = field(default_factory=dict)
    frame_sizes: Table = field(default_factory=dict)
    box_sizes: Table = field(default_factory=dict)
    instances_per_frame: Histogram = field(default_factory=dict)
    lanes_per_frame: Histogram = field(default_factory=dict)
    box_sides: Histogram = field(default_factory=dict)
    positions: dict[str, HeatMap] = field(default_factory=dict)

    def tables(self) -> dict[str, Table]:
        """Return every table by its title, those of sizes and shapes last."""
        named = [("task", self.tasks), ("attribute", self.attributes), ("frame", self.frame)]
        nested = {f"{kind} {key}": rows for kind, tables in named for key, rows in tables.items()}
        plain = {
            "template": self.templates,
            "geometry": self.geometry,
            "frame size": self.frame_sizes,
            "box size": self.box_sizes,
        }
        return {"class": self.classes} | nested | plain

    def rarer_than(self, least: int) -> dict[str, Table]:
        """Return the classes, attribute values and templates that occur less often than this."""
        counted = {
            title: table
            for title, table in self.tables().items()
            if title not in ("geometry", "frame size", "box size")
        }
        rare = {
            title: {value: number for value, number in table.items() if number < least}
            for title, table in counted.items()
        }
        return {title: table for title, table in rare.items() if table}

    def per_frame(self) -> dict[str, float]:
        """Return frames, and least, mean, median and most instances a frame."""
        frames = sum(self.instances_per_frame.values())
        if not frames:
            return {"frames": 0}
        numbers = list(self.instances_per_frame)
        total = sum(number * count for number, count in self.instances_per_frame.items())
        ends = np.cumsum(list(self.instances_per_frame.values()))
        middle = [numbers[np.searchsorted(ends, at, "right")] for at in _middle(frames)]
        return {
            "frames": frames,
            "instances": total,
            "least": numbers[0],
            "mean": round(total / frames, 2),
            "median": sum(middle) / 2,
            "most": numbers[-1],
        }

    def as_dict(self) -> dict[str, Any]:
        """Return all counts but the positions as JSON values."""
        return {
            "per_frame": self.per_frame(),
            "classes": self.classes,
            "tasks": self.tasks,
            "attributes": self.attributes,
            "frame": self.frame,
            "templates": self.templates,
            "geometry": self.geometry,
            "frame_sizes": self.frame_sizes,
            "box_sizes": self.box_sizes,
            "instances_per_frame": self.instances_per_frame,
            "lanes_per_frame": self.lanes_per_frame,
            "box_sides": self.box_sides,
        }


def _middle(count: int) -> tuple[int, int]:
    """Return the places of the one or two middle values of a sorted list."""
    return (count - 1) // 2, count // 2


def count_scenes(scenes: Iterable[Scene], space: LabelSpace | None = None) -> Stats:
    """Count what scenes hold.

    >>> from drivegrid.data.scene import Frame
    >>> stats = count_scenes([Scene(Frame("a.png", (640, 360), {"time": "night"}))])
    >>> stats.frame["time"], stats.tasks["surface_condition"]["wet"]
    ({'day': 0, 'dusk': 0, 'night': 1}, 0)
    """
    space = space or default_label_space()
    counters: dict[str, Counter[str]] = {name: Counter() for name in _PLAIN}
    tasks = {name: Counter(dict.fromkeys(task.options, 0)) for name, task in space.tasks.items()}
    frame = {n: Counter(dict.fromkeys(values, 0)) for n, values in space.frame_attributes.items()}
    attributes: dict[str, Counter[str]] = {}
    spread = _Spread(frozenset(label.partition("/")[0] for label in space.labels))
    for scene in scenes:
        spread.count(scene)
        for name, value in scene.frame.attributes.items():
            frame.setdefault(name, Counter())[value] += 1
        if isinstance(template := scene.extra.get("template"), str):
            counters["templates"][template] += 1
        counters["frame_sizes"]["{}x{}".format(*scene.frame.size_wh)] += 1
        for instance in scene.instances:
            _count_instance(instance, counters, attributes)
            for name, task in space.tasks.items():
                if (answer := answer_of(instance, task, space)) in task.options:
                    tasks[name][answer] += 1
    return Stats(
        **{name: _sorted(counter) for name, counter in counters.items()},
        tasks={name: dict(counter) for name, counter in tasks.items()},
        attributes={name: _sorted(attributes[name]) for name in sorted(attributes)},
        frame={name: dict(counter) for name, counter in frame.items()},
        instances_per_frame=dict(sorted(spread.instances.items())),
        lanes_per_frame=dict(sorted(spread.lanes.items())),
        box_sides=_octaves(spread.sides),
        positions=dict(sorted(spread.positions.items())),
    )


def _octaves(sides: Counter[int]) -> Histogram:
    """Return counts of spans that begin at 0 or a power of 2, without a gap."""
    if not sides:
        return {}
    powers = [0, *(1 << power for power in range(max(sides).bit_length()))]
    return {low: sides[low] for low in powers if low >= min(sides)}


class _Spread:
    """Histograms and heat maps as they grow."""

    def __init__(self, roots: frozenset[str]) -> None:
        self._roots = roots
        self.instances: Counter[int] = Counter()
        self.lanes: Counter[int] = Counter()
        self.sides: Counter[int] = Counter()
        self.positions: dict[str, HeatMap] = {}

    def count(self, scene: Scene) -> None:
        self.instances[len(scene.instances)] += 1
        lanes = 0
        for instance in scene.instances:
            root = instance.label.partition("/")[0]
            lanes += root == "lane" and isinstance(instance.geometry, Polyline)
            if isinstance(instance.geometry, Box):
                side = int(np.sqrt(instance.geometry.wh.prod()))
                self.sides[1 << (side.bit_length() - 1) if side else 0] += 1
            cells = _cells(instance, scene.frame.size_wh)
            known = root if root in self._roots else OTHER
            heat = self.positions.setdefault(known, np.zeros((CELLS, CELLS), dtype=np.int64))
            heat[cells[:, 1], cells[:, 0]] += 1
        self.lanes[lanes] += 1


def _cells(instance: Instance, size_wh: Size) -> npt.NDArray[np.int64]:
    """Return the (N, 2) column and row of each cell an instance counts for; N may be 0."""
    points = instance.geometry.vertices()
    if not isinstance(instance.geometry, Polyline) and len(points):
        points = (points.min(axis=0, keepdims=True) + points.max(axis=0, keepdims=True)) / 2
    inside = points[((points >= 0) & (points < size_wh)).all(axis=1)]
    cells: npt.NDArray[np.int64] = (inside * CELLS // size_wh).astype(np.int64)
    if len(cells) < 2:
        return cells
    rows, columns = np.divmod(np.unique(cells @ (1, CELLS)), CELLS)  # twice as fast as over an axis
    return np.stack([columns, rows], axis=1)


_PLAIN = ("classes", "templates", "geometry", "frame_sizes", "box_sizes")


def _count_instance(
    instance: Instance, counters: dict[str, Counter[str]], attributes: dict[str, Counter[str]]
) -> None:
    counters["classes"][instance.label] += 1
    counters["geometry"][instance.geometry.kind] += 1
    if isinstance(instance.geometry, Box):
        area = float(instance.geometry.wh.prod())
        size = next((name for limit, name in SIZE_LIMITS if area < limit), "large")
        counters["box_sizes"][size] += 1
    root = instance.label.partition("/")[0]
    for name, value in instance.attributes.items():
        attributes.setdefault(f"{root}.{name}", Counter())[value] += 1


def _sorted(counter: Counter[str]) -> Table:
    """Return counts by name."""
    return dict(sorted(counter.items()))
