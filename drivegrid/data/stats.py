"""What labels hold, counted: classes, attribute values, frames, shapes, sizes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from drivegrid.data.attributes import answer_of
from drivegrid.data.scene import Instance, Scene
from drivegrid.geometry import Box
from drivegrid.labels import LabelSpace, default_label_space

Table: TypeAlias = dict[str, int]

SIZE_LIMITS = ((32**2, "small"), (96**2, "medium"))
"""Areas in square pixels below which a box is small or medium (COCO); else it is large."""


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
        instances_per_frame: One number a frame, in order.
    """

    classes: Table = field(default_factory=dict)
    tasks: dict[str, Table] = field(default_factory=dict)
    attributes: dict[str, Table] = field(default_factory=dict)
    frame: dict[str, Table] = field(default_factory=dict)
    templates: Table = field(default_factory=dict)
    geometry: Table = field(default_factory=dict)
    frame_sizes: Table = field(default_factory=dict)
    box_sizes: Table = field(default_factory=dict)
    instances_per_frame: tuple[int, ...] = ()

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
        numbers = np.asarray(self.instances_per_frame)
        if not len(numbers):
            return {"frames": 0}
        return {
            "frames": len(numbers),
            "instances": int(numbers.sum()),
            "least": int(numbers.min()),
            "mean": round(float(numbers.mean()), 2),
            "median": float(np.median(numbers)),
            "most": int(numbers.max()),
        }

    def as_dict(self) -> dict[str, Any]:
        """Return all counts as JSON values."""
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
        }


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
    numbers: list[int] = []
    for scene in scenes:
        numbers.append(len(scene.instances))
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
        instances_per_frame=tuple(numbers),
    )


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
