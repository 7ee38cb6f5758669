"""How often the test split shows each value.

    python tests/benchmarks/bench_scene_content.py [scenes] [WxH] [--train] [--brief]

Labels need no picture, so that nothing is drawn. Prints a table of counts, then what occurs fewer
than 20 times: frame attributes, the seven attribute tasks, styles and colours of painted lines,
every label that has a model, a sign face or a place on the ground, states of lights, templates.
"""

import sys
from collections import Counter

import numpy as np

from drivegrid.data.stats import count_scenes
from drivegrid.labels import default_label_space
from drivegrid.scenes.faces import FACES
from drivegrid.scenes.meshes import CATALOGUE
from drivegrid.scenes.render import render_world
from drivegrid.scenes.seeds import FIRST_TRAIN_SEED, TEST_SEEDS
from drivegrid.scenes.templates import TEMPLATES
from drivegrid.scenes.view import Picture
from drivegrid.scenes.world import sample_world

LEAST = 20
GROUND = (
    *("lane/line", "lane/curb", "lane/crosswalk", "lane/stop_line", "lane/yield_line"),
    *("lane/arrow", "lane/hatching", "lane/symbol", "lane/text"),
    *("region/puddle", "region/snow", "region/ice", "region/oil", "region/crack", "region/patch"),
    *("area/drivable", "area/drivable/direct", "area/drivable/alternative"),
    *("area/sidewalk", "area/shoulder", "area/bike_lane", "area/parking"),
)
"""Labels of what lies on the ground."""

ATTRIBUTES = {
    "area/drivable": ("blockage", "surface", "density"),
    "lane/line": ("role", "style", "color"),
    "lane/arrow": ("points",),
    "obstacle": ("visible_state", "color"),
    "object": ("visible_state", "activity"),
    "object/vehicle/bicycle": ("ridden",),
    "sign": ("shape", "color", "visible_state"),
    "light": ("state", "shows", "visible_state"),
}
"""Attributes whose every value is expected, by the label they belong to."""

NEVER = {
    ("lane/line", "style", "curb"),
    ("light", "state", "unknown"),
    ("object", "activity", "lying"),
    ("sign", "shape", "other"),
}
"""What no rendered world has: a kerb is no painted line, a lamp's state is known, nobody
lies on the ground, every plate has a named shape."""


class Blank:
    """A renderer that draws nothing."""

    def draw(self, view):
        return Picture(np.zeros_like(view.plate.albedo), view.plate.segments, view.plate.instances)


def expected_rows():
    """Every row that must reach the least count: title and value."""
    space = default_label_space()
    labels = {m.label for m in CATALOGUE.values() if m.label} | {f.label for f in FACES.values()}
    rows = [("label", label) for label in (*GROUND, *sorted(labels - {"region/vegetation"}))]
    rows += [("frame " + k, v) for k, values in space.frame_attributes.items() for v in values]
    rows += [("task " + k, v) for k, task in space.tasks.items() for v in task.options]
    for label, names in ATTRIBUTES.items():
        values = space.attributes_of(label)
        rows += [
            (f"{label} {n}", v) for n in names for v in values[n] if (label, n, v) not in NEVER
        ]
    return rows + [("template", name) for name in TEMPLATES]


def counted(scenes):
    """Counts of all rows over scenes."""
    stats, found = count_scenes(scenes), Counter()
    for key, table in stats.frame.items():
        found.update({("frame " + key, v): n for v, n in table.items()})
    for key, table in stats.tasks.items():
        found.update({("task " + key, v): n for v, n in table.items()})
    found.update({("template", v): n for v, n in stats.templates.items()})
    for scene in scenes:
        for instance in scene.instances:
            found["label", instance.label] += 1
            for label, names in ATTRIBUTES.items():
                if instance.label == label or instance.label.startswith(label + "/"):
                    for name in names:
                        if name in instance.attributes:
                            found[f"{label} {name}", instance.attributes[name]] += 1
    return found


def main():
    words = [w for w in sys.argv[1:] if not w.startswith("--")]
    count = int(words[0]) if words else 980
    size = tuple(map(int, words[1].split("x"))) if len(words) > 1 else (640, 360)
    first = FIRST_TRAIN_SEED if "--train" in sys.argv else TEST_SEEDS[0]
    scenes = [
        render_world(sample_world(seed), size, Blank()).scene
        for seed in range(first, first + count)
    ]
    found, rows = counted(scenes), expected_rows()
    if "--brief" not in sys.argv:
        for title, value in rows:
            print(f"{found[title, value]:6d}  {title}: {value}")
    rare = [row for row in rows if found[row] < LEAST]
    print(f"{count} scenes, {len(rows)} rows, {len(rare)} fewer than {LEAST} times:")
    for title, value in rare:
        print(f"{found[title, value]:6d}  {title}: {value}")


if __name__ == "__main__":
    main()
