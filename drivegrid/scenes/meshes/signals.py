"""Sign plates and traffic lights, all facing -z: towards the camera at yaw 0.

The origin of each lies at its centre, so that a body's position is where the plate or the housing
hangs. Plates fill the square [-1, 1]² and take their size from the body's scale. Lights have one
model for each state, named ``light KIND STATE``.
"""

from __future__ import annotations

import math

from drivegrid.scenes.mesh import Mesh, Part, box, plate, prism
from drivegrid.scenes.meshes.model import Model
from drivegrid.scenes.meshes.shapes import Corners, circle, panel, rectangle, slab

FRONT_M = -0.1
"""z of a housing's front."""

LAMP_M = -0.105
"""z of a lamp's glass."""

COLORS = ("red", "yellow", "green")


def _polygon(sides: int, turn_deg: float) -> Corners:
    """A regular polygon with a corner at ``turn_deg``, on the unit circle."""
    angles = [math.radians(turn_deg + 360 * i / sides) for i in range(sides)]
    return [(math.cos(angle), math.sin(angle)) for angle in angles]


_OCTAGON = [(x / math.cos(math.pi / 8), y / math.cos(math.pi / 8)) for x, y in _polygon(8, 22.5)]
_SQUARE = rectangle((-1.0, -1.0), (1.0, 1.0))

PLATES: dict[str, Corners] = {
    "plate circle": _polygon(20, 0.0),
    "plate triangle": [(-1.0, -0.87), (1.0, -0.87), (0.0, 0.87)],
    "plate inverted triangle": [(1.0, 0.87), (-1.0, 0.87), (0.0, -0.87)],
    "plate octagon": _OCTAGON,
    "plate diamond": _polygon(4, 0.0),
    "plate square": _SQUARE,
    "plate rectangle": _SQUARE,
}
"""Plate name -> its (x, y) corners; square and rectangle differ in the body's scale alone."""


def _glass(color: str, lit: bool) -> str:
    return f"lamp {color} {'lit' if lit else 'off'}"


def _visor(x: float, y: float, radius: float) -> Part:
    """A hood over a lamp, sloping down towards the front."""
    profile = [(FRONT_M, y + 0.8 * radius), (FRONT_M, y + 1.05 * radius)]
    profile += [(FRONT_M - 0.17, y + 0.95 * radius), (FRONT_M - 0.17, y + 0.85 * radius)]
    half = [0.75 * radius] * 4
    return prism(profile, [x - h for h in half], [x + h for h in half], "black", detail=True)


def _round_lamp(x: float, y: float, radius: float, material: str) -> list[Part]:
    """A glass in a dark ring under a visor."""
    return [
        panel("-z", FRONT_M - 0.002, circle((x, y), radius * 1.12), "black"),
        panel("-z", LAMP_M, circle((x, y), radius), material),
        _visor(x, y, radius),
    ]


def _vehicle(lit: tuple[str, ...]) -> tuple[Part, ...]:
    """Three lamps in a housing 0.3 m wide and 0.9 m high."""
    parts = [box((-0.15, -0.45, FRONT_M), (0.15, 0.45, 0.1), "dark")]
    for color, y in zip(COLORS, (0.3, 0.0, -0.3), strict=True):
        parts += _round_lamp(0.0, y, 0.105, _glass(color, color in lit))
    return tuple(parts)


def _vehicle_horizontal(lit: str) -> tuple[Part, ...]:
    """Three lamps side by side in a yellow housing, red on the left."""
    parts = [box((-0.45, -0.15, FRONT_M), (0.45, 0.15, 0.1), "yellow")]
    for color, x in zip(COLORS, (-0.3, 0.0, 0.3), strict=True):
        parts += _round_lamp(x, 0.0, 0.105, _glass(color, color == lit))
    return tuple(parts)


def _arrow(heading: str) -> list[Corners]:
    """Shaft and head of an arrow within 8 cm of the centre."""
    shaft = rectangle((-0.075, -0.014), (0.01, 0.014))
    head = [(0.0, -0.055), (0.08, 0.0), (0.0, 0.055)]
    cos, sin = {"right": (1, 0), "straight": (0, 1), "left": (-1, 0)}[heading]
    return [[(x * cos - y * sin, x * sin + y * cos) for x, y in shape] for shape in (shaft, head)]


def _arrow_light(heading: str, lit: str) -> tuple[Part, ...]:
    """Three lamps with arrows cut into dark glass; the lit one shines as an arrow."""
    parts = [box((-0.15, -0.45, FRONT_M), (0.15, 0.45, 0.1), "dark")]
    for color, y in zip(COLORS, (0.3, 0.0, -0.3), strict=True):
        parts += _round_lamp(0.0, y, 0.105, "black")
        shapes = [[(u, v + y) for u, v in shape] for shape in _arrow(heading)]
        parts += [
            panel("-z", LAMP_M - 0.003, shape, _glass(color, color == lit)) for shape in shapes
        ]
    return tuple(parts)


STANDING = [
    rectangle((-0.022, -0.005), (0.022, 0.045)),
    rectangle((-0.02, -0.075), (-0.003, -0.005)),
    rectangle((0.003, -0.075), (0.02, -0.005)),
    circle((0.0, 0.065), 0.016, 8),
]
WALKING = [
    [(-0.015, -0.01), (0.02, -0.01), (0.015, 0.045), (-0.02, 0.045)],
    [(-0.01, -0.01), (0.008, -0.01), (-0.03, -0.075), (-0.045, -0.075)],
    [(0.0, -0.01), (0.018, -0.01), (0.045, -0.075), (0.028, -0.075)],
    circle((0.005, 0.065), 0.016, 8),
]
WHEEL = [
    circle((-0.042, -0.02), 0.033, 10),
    circle((0.042, -0.02), 0.033, 10),
    [(-0.042, -0.026), (-0.042, -0.014), (-0.005, 0.04), (0.005, 0.034)],
    [(0.042, -0.026), (0.042, -0.014), (0.022, 0.055), (0.012, 0.05)],
]
"""(x, y) shapes of a standing and a walking man and of a bicycle, in metres around the lamp."""


def _pedestrian(lit: str) -> tuple[Part, ...]:
    """A standing man over a walking man in a housing 0.3 x 0.6 m."""
    parts = [box((-0.14, -0.3, FRONT_M), (0.14, 0.3, 0.1), "dark")]
    for color, y, figure in (("red", 0.14, STANDING), ("green", -0.15, WALKING)):
        parts += _round_lamp(0.0, y, 0.105, "black")
        glass = _glass(color, color == lit)
        parts += [
            panel("-z", LAMP_M - 0.003, [(u * 1.15, v * 1.15 + y) for u, v in shape], glass)
            for shape in figure
        ]
    return tuple(parts)


def _bicycle(lit: str) -> tuple[Part, ...]:
    """Three small lamps that show bicycles."""
    parts = [box((-0.11, -0.33, FRONT_M), (0.11, 0.33, 0.08), "dark")]
    for color, y in zip(COLORS, (0.21, 0.0, -0.21), strict=True):
        parts += _round_lamp(0.0, y, 0.085, "black")
        glass = _glass(color, color == lit)
        for shape in WHEEL:
            moved_up = [(u, v + y) for u, v in shape]
            parts.append(panel("-z", LAMP_M - 0.003, moved_up, glass))
        for x in (-0.042, 0.042):
            hole = circle((x, y - 0.02), 0.02, 8)
            parts.append(panel("-z", LAMP_M - 0.006, hole, "black"))
    return tuple(parts)


def _beacon(lit: bool) -> tuple[Part, ...]:
    """One yellow lamp in a square housing."""
    housing = slab(circle((0.0, 0.0), 0.19, 8), (FRONT_M, 0.06), "dark")
    return (housing, *_round_lamp(0.0, 0.0, 0.14, _glass("yellow", lit)))


def _light(name: str, label: str, parts: tuple[Part, ...], held_out: bool = False) -> Model:
    return Model(Mesh(name, parts), "light", f"light/{label}", held_out)


_LIGHTS = (
    *(
        _light(f"light vehicle {state}", "vehicle", _vehicle(tuple(state.split("-"))))
        for state in ("red", "yellow", "green", "red-yellow", "off")
    ),
    *(
        _light(f"light vehicle horizontal {state}", "vehicle", _vehicle_horizontal(state), True)
        for state in COLORS
    ),
    *(
        _light(f"light arrow {heading} {state}", "vehicle", _arrow_light(heading, state))
        for heading in ("left", "right", "straight")
        for state in ("red", "green")
    ),
    *(
        _light(f"light pedestrian {state}", "pedestrian", _pedestrian(state))
        for state in ("red", "green")
    ),
    *(_light(f"light bicycle {state}", "bicycle", _bicycle(state)) for state in ("red", "green")),
    *(_light(f"beacon {state}", "warning", _beacon(state == "on")) for state in ("on", "off")),
)

SIGNALS: dict[str, Model] = {
    **{
        name: Model(Mesh(name, (plate(corners, "face"),)), "sign")
        for name, corners in PLATES.items()
    },
    **{model.mesh.name: model for model in _LIGHTS},
}
"""Plates, whose labels come with their faces, and lights by name."""
