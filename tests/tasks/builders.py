"""Small scenes built by hand."""

from __future__ import annotations

import numpy as np

from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.geometry import Box, Point, Polygon, Polyline

SIZE = (640, 360)


def lane(x_bottom: float, x_top: float, role: str = "", style: str = "solid") -> Instance:
    line = Polyline(np.array([[x_bottom, 360.0], [(x_bottom + x_top) / 2, 270.0], [x_top, 180.0]]))
    return Instance("lane/line", line, {"role": role, "style": style, "color": "white"})


def box(label: str, x: float, y: float, w: float = 60, h: float = 40) -> Instance:
    return Instance(label, Box(np.array([x, y, x + w, y + h])))


def road() -> Scene:
    """Four lines, a near car, a far truck, two signs and the drivable area."""
    drivable = Polygon((np.array([[200.0, 360], [440.0, 360], [340.0, 190], [300.0, 190]]),))
    return Scene(
        Frame("road.jpg", SIZE),
        (
            lane(440, 340, "ego-right"),
            lane(200, 300, "ego-left"),
            lane(640, 380, "right", "dashed"),
            lane(10, 260, "left", "dashed"),
            box("object/vehicle/truck", 280, 150, 40, 40),
            box("object/vehicle/car", 350, 220),
            Instance("sign/warning", Point(np.array([600.0, 100.0]))),
            Instance("sign/regulatory", Point(np.array([30.0, 120.0]))),
            Instance("area/drivable/direct", drivable),
        ),
    )


def empty() -> Scene:
    return Scene(Frame("empty.jpg", SIZE))
