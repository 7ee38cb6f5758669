"""A stand-in for the renderer: seeded scenes with every field the rendered ones carry."""

from typing import NamedTuple

import numpy as np

from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.geometry import Box, Point, Polygon, Polyline
from drivegrid.labels import default_label_space

SIZE = (320, 180)
LANES = (-1, 0, 1, None)


class Rendered(NamedTuple):
    image: np.ndarray
    scene: Scene


def line(x, order, role="left", **attributes):
    points = np.array([[x, 180.0], [(x + 160) / 2, 120.0], [0.9 * 160 + 0.1 * x, 90.0]])
    attributes = {"role": role, "style": "solid", "color": "white"} | attributes
    return Instance("lane/line", Polyline(points), attributes, 1.0, extra={"order": order})


def ego_at(lane, distance_m):
    side = "ahead" if lane == 0 else "left" if lane == -1 else "right"
    lateral = 9.0 if lane is None else 3.5 * lane
    return {
        "distance_m": distance_m, "lateral_m": lateral, "lane": lane, "side": side,
        "in_our_lane": lane == 0,
    }  # fmt: skip


def thing(label, x=100.0, lane=0, distance_m=20.0, visibility=1.0, **attributes):
    box = [x, 100.0, x + 30, 130.0]
    extra = {"visible_box": box, "ego": ego_at(lane, distance_m)}
    return Instance(label, Box(np.array(box)), attributes, visibility, extra=extra)


def sign(label, x=250.0, distance_m=30.0, **attributes):
    attributes = {"shape": "circle", "color": "red-white", "visible_state": "clear"} | attributes
    extra = {"box_xyxy": [x - 8, 40.0, x + 8, 56.0], "ego": ego_at(None, distance_m)}
    return Instance(label, Point(np.array([x, 48.0])), attributes, 1.0, extra=extra)


def area(label="area/drivable/direct", **attributes):
    attributes = {"blockage": "open", "surface": "dry", "density": "free"} | attributes
    ring = np.array([[80.0, 180.0], [240.0, 180.0], [170.0, 95.0], [150.0, 95.0]])
    return Instance(label, Polygon((ring,)), attributes)


def scene(*instances, image="toy.png", **attributes):
    return Scene(Frame(image, SIZE, attributes), instances)


def _random_thing(rng, space):
    label = str(rng.choice([
        "object/vehicle/car", "object/vehicle/truck", "object/person/pedestrian", "obstacle/cone",
        "obstacle/barrier", "obstacle/water_barrier", "obstacle/parked_vehicle", "obstacle/debris",
    ]))  # fmt: skip
    values = {
        name: str(rng.choice(values))
        for name, values in space.attributes_of(label).items()
        if name in ("color", "visible_state")
    }
    lane = LANES[int(rng.integers(4))]
    x, distance = float(rng.uniform(0, 280)), float(rng.uniform(5, 90))
    return thing(label, x, lane, distance, float(rng.uniform(0.1, 1)), **values)


def random_scene(seed):
    """Return a scene with a few of everything."""
    rng, space = np.random.default_rng(seed), default_label_space()
    roles = ("left", "ego-left", "ego-right", "right")
    lines = [
        line(
            20.0 + 90 * k, k, roles[k],
            style=str(rng.choice(["solid", "dashed", "worn"])),
            color=str(rng.choice(["white", "yellow"])),
        )
        for k in range(4)
    ]  # fmt: skip
    things = [_random_thing(rng, space) for _ in range(int(rng.integers(7)))]
    signs = [
        sign(
            str(rng.choice(["sign/regulatory/stop", "sign/regulatory/speed_limit"])),
            float(rng.uniform(10, 300)), float(rng.uniform(5, 90)),
            color=str(rng.choice(["red", "red-white", "yellow"])),
            visible_state=str(rng.choice(["clear", "turned away"])),
        )
        for _ in range(int(rng.integers(3)))
    ]  # fmt: skip
    frame = Frame("", SIZE, {
        "weather": str(rng.choice(["clear", "rain"])), "time": "day", "place": "city",
        "blockage": "open", "surface": "dry", "density": "free",
    })  # fmt: skip
    extra = {"seed": seed, "template": str(rng.choice(["curve", "crossing"])), "held_out": {}}
    return Scene(frame, (*lines, *things, *signs, area()), extra)


def render(seed):
    """Return a picture and its scene, as the renderer does."""
    image = np.full((SIZE[1], SIZE[0], 3), seed % 256, dtype=np.uint8)
    image[::7] = np.random.default_rng(seed).integers(0, 255, 3)
    return Rendered(image, random_scene(seed))


def render_wider(seed):
    """Return other pictures of the same worlds."""
    rendered = render(seed)
    return rendered._replace(image=rendered.image + np.uint8(1))
