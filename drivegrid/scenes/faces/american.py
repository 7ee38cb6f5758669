"""Regulatory signs in the American manner."""

from __future__ import annotations

from drivegrid.scenes.faces import arrows, vehicles
from drivegrid.scenes.faces.face import Face
from drivegrid.scenes.faces.font import rows, text
from drivegrid.scenes.faces.marks import (
    Layer,
    Marks,
    area,
    circle,
    mirrored,
    place,
    rectangle,
    strokes,
)
from drivegrid.scenes.faces.plates import (
    BLACK,
    RED,
    WHITE,
    black,
    panel,
    white,
)

_LIMITS = ("25", "35", "40", "45", "55", "65", "75")


def _speed(limit: str) -> Face:
    ink = black(
        text("SPEED", (0, 0.68), 0.27, widest=1.2),
        text("LIMIT", (0, 0.29), 0.27, widest=1.2),
        text(limit, (0, -0.38), 0.82, weight=0.17),
    )
    return panel("regulatory/speed_limit", "white", ink, aspect=0.8, limit=limit)


def _banned(name: str, symbol: Marks) -> Face:
    ring = area(circle(0.82), circle(0.68)) + strokes(0.14, ((-0.52, 0.52), (0.52, -0.52)))
    return panel(
        f"regulatory/{name}", "red-white", black(place(symbol, size=0.5)), Layer(RED, ring)
    )


_ONE_WAY = area(
    ((-2.6, -0.3), (1.6, -0.3), (1.6, -0.6), (2.7, 0), (1.6, 0.6), (1.6, 0.3), (-2.6, 0.3))
)

AMERICAN: dict[str, Face] = {
    **{f"us speed limit {limit}": _speed(limit) for limit in _LIMITS},
    "us do not enter": panel(
        "regulatory/no_entry",
        "red",
        Layer(RED, area(circle(0.96))),
        white(
            area(rectangle((-0.66, -0.13), (0.66, 0.13))),
            text("DO NOT", (0, 0.45), 0.26, widest=1.1),
            text("ENTER", (0, -0.45), 0.26, widest=1.1),
        ),
        rim=(WHITE, WHITE),
    ),
    "us wrong way": panel(
        "regulatory/no_entry",
        "red",
        white(rows("WRONG", "WAY", height=0.6, widest=2.4)),
        rim=(WHITE, RED),
        aspect=1.5,
    ),
    "us no left turn": _banned("no_left_turn", arrows.TURN_LEFT),
    "us no right turn": _banned("no_right_turn", arrows.TURN_RIGHT),
    "us no u-turn": _banned("no_u_turn", arrows.U_TURN),
    "us no trucks": _banned("no_trucks", vehicles.TRUCK),
    "us no parking": panel(
        "regulatory/no_parking",
        "red-white",
        black(text("P", (0, 0.25), 0.66)),
        Layer(
            RED,
            area(circle(0.6, (0, 0.25)), circle(0.48, (0, 0.25)))
            + strokes(0.12, ((-0.38, 0.63), (0.38, -0.13)))
            + text("ANY TIME", (0, -0.7), 0.22, widest=1.2),
        ),
        rim=(RED, WHITE),
        aspect=0.75,
    ),
    "us no turn on red": panel(
        "regulatory/no_turn_on_red",
        "white",
        black(rows("NO TURN", "ON", "RED", height=0.36, widest=1.3)),
        aspect=0.8,
    ),
    "us road closed": panel(
        "regulatory/road_closed",
        "white",
        black(rows("ROAD", "CLOSED", height=0.6, widest=2.8)),
        aspect=1.6,
    ),
    "us one way right": panel(
        "regulatory/one_way",
        "black",
        white(_ONE_WAY),
        black(text("ONE WAY", (-0.5, 0), 0.4, widest=3)),
        rim=(WHITE, BLACK),
        aspect=3.0,
    ),
    "us one way left": panel(
        "regulatory/one_way",
        "black",
        white(mirrored(_ONE_WAY)),
        black(text("ONE WAY", (0.5, 0), 0.4, widest=3)),
        rim=(WHITE, BLACK),
        aspect=3.0,
    ),
    "us keep right": panel(
        "regulatory/keep_right",
        "white",
        black(
            text("KEEP", (0, 0.66), 0.32),
            text("RIGHT", (0, 0.22), 0.32),
            place(arrows.RIGHT, (0, -0.42), (0.55, 0.8)),
        ),
        aspect=0.8,
    ),
    "us left lane turns": panel(
        "regulatory/turn_left",
        "white",
        black(place(arrows.TURN_LEFT, (0, 0.22), (0.6, 0.6)), text("ONLY", (0, -0.65), 0.3)),
        aspect=0.8,
    ),
    "us weight limit": panel(
        "regulatory/weight_limit",
        "white",
        black(rows("WEIGHT", "LIMIT", "10 TONS", height=0.36, widest=1.35)),
        aspect=0.8,
    ),
}
