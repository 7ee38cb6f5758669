"""How exact rendered labels are: lane lines against marking pixels, boxes against id masks.

    python tests/benchmarks/bench_scene_exactness.py [scenes] [WxH]

Lane lines: for every row (or column, for flat lines) of a line's visible marking pixels, the
distance from their middle to the label. Boxes: ``visible_box`` against the extents of the ids
that the renderer itself wrote, for things no other body touches.
"""

import sys

import numpy as np

from drivegrid.geometry import Box, Polyline
from drivegrid.scenes.ground import stroke_offsets
from drivegrid.scenes.render import default_renderer, render_world, view_of
from drivegrid.scenes.seeds import VALIDATION_SEEDS
from drivegrid.scenes.segments import SEGMENT
from drivegrid.scenes.world import sample_world


def distance_to(points, line):
    """(N,) distances of (N, 2) points to a polyline."""
    a, b = line[:-1], line[1:]
    step = b - a
    away = points[:, None] - a
    t = np.clip((away * step).sum(-1) / np.maximum((step**2).sum(-1), 1e-9), 0, 1)
    return np.hypot(*(away - t[..., None] * step).transpose(2, 0, 1)).min(axis=1)


def line_errors(world, rendered):
    """Distances of marking middles to their labels, in pixels of the picture."""
    errors = []
    for instance in rendered.scene.instances:
        number = instance.extra.get("id", 0)
        if not isinstance(instance.geometry, Polyline) or not 1 <= number <= len(world.road.lines):
            continue
        line = world.road.lines[number - 1]
        if len(stroke_offsets(line)) > 1 or line.style == "zigzag" or not instance.extra["painted"]:
            continue
        curve = instance.geometry.xy
        rows, columns = np.nonzero(rendered.instances == number)
        inside = (rows > curve[:, 1].min() + 1) & (rows < curve[:, 1].max() - 2)
        inside &= (columns > 2) & (columns < rendered.instances.shape[1] - 3)
        rows, columns = rows[inside], columns[inside]
        if len(rows) == 0:
            continue
        steep = np.ptp(curve[:, 1]) >= np.ptp(curve[:, 0]) * 0.5
        along, across = (rows, columns) if steep else (columns, rows)
        count = np.bincount(along)
        middle = np.bincount(along, across) / np.maximum(count, 1)
        at = np.flatnonzero(count)
        pair = (middle[at] + 0.5, at + 0.5) if steep else (at + 0.5, middle[at] + 0.5)
        errors.append(distance_to(np.column_stack(pair), curve))
    return np.concatenate(errors) if errors else np.zeros(0)


def bonnet(rendered):
    """Where the own car hides the scene; it is painted after the renderer."""
    return rendered.segments == SEGMENT["bonnet"]


def box_errors(world, rendered, picture):
    """Greatest difference of the sides of visible boxes and of the renderer's own ids."""
    errors = []
    for instance in rendered.scene.instances:
        if not isinstance(instance.geometry, Box):
            continue
        mask = (picture.instances == instance.extra["id"]) & ~bonnet(rendered)
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if len(rows):
            own = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
            errors.append(np.abs(own - instance.extra["visible_box"]).max())
    return np.array(errors)


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    size = tuple(map(int, sys.argv[2].split("x"))) if len(sys.argv) > 2 else (640, 360)
    renderer = default_renderer()
    lines, boxes, agree = [], [], []
    for seed in VALIDATION_SEEDS[:count]:
        world = sample_world(seed)
        rendered = render_world(world, size, renderer)
        picture = renderer.draw(view_of(world, size))
        lines.append(line_errors(world, rendered))
        boxes.append(box_errors(world, rendered, picture))
        shown = ~bonnet(rendered)
        agree.append(float((picture.segments == rendered.segments)[shown].mean()))
    lines, boxes = np.concatenate(lines), np.concatenate(boxes)
    print(f"{type(renderer).__name__}, {count} scenes at {size[0]} x {size[1]}")
    print(
        f"lane lines: mean {lines.mean():.2f} px, 99th percentile {np.percentile(lines, 99):.2f} px"
        f" over {len(lines)} rows"
    )
    print(
        f"visible boxes: {np.mean(boxes <= 1):.1%} within 1 px, median {np.median(boxes):.0f},"
        f" 99th percentile {np.percentile(boxes, 99):.0f} px over {len(boxes)}"
    )
    print(f"segments equal on {np.mean(agree):.2%} of pixels")


if __name__ == "__main__":
    main()
