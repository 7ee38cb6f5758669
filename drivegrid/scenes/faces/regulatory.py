"""Regulatory signs in the European and Chinese manner."""

from __future__ import annotations

from drivegrid.scenes.faces import arrows, creatures, vehicles
from drivegrid.scenes.faces.face import Face
from drivegrid.scenes.faces.font import text
from drivegrid.scenes.faces.marks import Layer, area, mirrored, place, rectangle, strokes
from drivegrid.scenes.faces.plates import (
    BLACK,
    BLUE,
    GRAY,
    RED,
    SLASH,
    WHITE,
    YELLOW,
    bands,
    black,
    mandatory,
    panel,
    prohibition,
    release,
    white,
)

_LIMITS = ("20", "30", "40", "50", "60", "70", "80", "90", "100", "110", "120", "130")

_TING = strokes(
    0.17,
    ((-0.55, 0.95), (-0.95, 0.2)),
    ((-0.72, 0.5), (-0.72, -0.95)),
    ((0.2, 0.98), (0.28, 0.75)),
    ((-0.4, 0.7), (0.95, 0.7)),
    ((-0.1, 0.46), (0.66, 0.46), (0.66, 0.2), (-0.1, 0.2), (-0.1, 0.46)),
    ((-0.4, -0.22), (-0.4, -0.04), (0.95, -0.04), (0.88, -0.24)),
    ((-0.15, -0.34), (0.75, -0.34)),
    ((0.3, -0.34), (0.3, -0.92), (0.1, -0.82)),
)
"""The character on Chinese stop signs."""
_RANG = strokes(
    0.19,
    ((-0.72, 0.9), (-0.5, 0.65)),
    ((-0.95, 0.3), (-0.6, 0.3), (-0.6, -0.75), (-0.3, -0.45)),
    ((0.25, 0.9), (0.25, -0.78)),
    ((0.25, 0.2), (0.82, 0.2)),
    ((-0.25, -0.8), (0.97, -0.8)),
)
"""The character on Chinese yield signs."""


def _octagon(*symbols: Layer, region: str) -> Face:
    layers = (*bands("octagon", (WHITE, 0), (RED, 0.06)), *symbols)
    return Face("sign/regulatory/stop", "octagon", "red", layers, region=region)


def _yield(*symbols: Layer, field: tuple[int, int, int] = WHITE, region: str) -> Face:
    layers = (*bands("inverted triangle", (RED, 0), (field, 0.2)), *symbols)
    name = "sign/regulatory/yield"
    return Face(name, "inverted triangle", "red-white", layers, region=region)


def _no_waiting(name: str, *bars: Layer) -> Face:
    layers = (*bands("circle", (RED, 0), (BLUE, 0.18)), *bars)
    return Face(f"sign/regulatory/{name}", "circle", "blue", layers, region="eu")


def _priority_road(name: str, *bars: Layer) -> Face:
    layers = (*bands("diamond", (WHITE, 0), (BLACK, 0.03), (WHITE, 0.06), (YELLOW, 0.2)), *bars)
    return Face(f"sign/regulatory/{name}", "diamond", "yellow", layers, region="eu")


_STOPS = {
    "eu stop": _octagon(white(text("STOP", height=0.66, widest=1.55)), region="eu"),
    "es stop": _octagon(white(text("ALTO", height=0.6, widest=1.55)), region="any"),
    "br stop": _octagon(white(text("PARE", height=0.6, widest=1.5)), region="any"),
    "cn stop": _octagon(white(place(_TING, size=0.58)), region="cn"),
    "eu yield": _yield(region="eu"),
    "nordic yield": _yield(field=YELLOW, region="eu"),
    "us yield": _yield(Layer(RED, text("YIELD", (0, 0.44), 0.24, widest=0.8)), region="us"),
    "cn yield": _yield(black(place(_RANG, (0, 0.34), 0.3)), region="cn"),
    "eu no entry": Face(
        "sign/regulatory/no_entry",
        "circle",
        "red",
        (
            *bands("circle", (WHITE, 0), (RED, 0.03)),
            white(area(rectangle((-0.74, -0.17), (0.74, 0.17)))),
        ),
        region="eu",
    ),
    "eu priority road": _priority_road("priority_road"),
    "eu end of priority road": _priority_road(
        "end_priority_road",
        Layer(BLACK, strokes(0.22, ((-0.5, -0.5), (0.5, 0.5)), flat=True)),
        Layer(WHITE, strokes(0.04, ((-0.5, -0.44), (0.44, 0.5)), ((-0.44, -0.5), (0.5, 0.44)))),
    ),
}

_LIMIT_DISCS = {
    f"eu speed limit {limit}": prohibition(
        "speed_limit", black(text(limit, height=0.78, widest=1.25)), limit=limit, region="any"
    )
    for limit in _LIMITS
}

_CAR_PAIR = (
    Layer(RED, place(vehicles.CAR, (-0.36, 0), 0.35)),
    black(place(vehicles.CAR, (0.36, 0), 0.35)),
)
_TRUCK_PAIR = (
    Layer(RED, place(vehicles.TRUCK_FRONT, (-0.33, 0.1), 0.38)),
    black(place(vehicles.CAR, (0.4, -0.07), 0.31)),
)


def _gray(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    return tuple(Layer(GRAY, layer.marks) for layer in layers)


_PROHIBITIONS = {
    "eu no overtaking": prohibition("no_overtaking", *_CAR_PAIR),
    "eu no overtaking by trucks": prohibition("no_overtaking_trucks", *_TRUCK_PAIR),
    "cn no overtaking": prohibition(
        "no_overtaking",
        black(place(arrows.STRAIGHT, (0.28, 0), 0.55)),
        black(place(arrows.U_TURN, (-0.2, 0), (0.4, 0.55))),
        slash=True,
        region="cn",
    ),
    "eu end of limit 50": release(
        "end_speed_limit", Layer(GRAY, text("50", height=0.8)), limit="50"
    ),
    "eu end of limit 80": release(
        "end_speed_limit", Layer(GRAY, text("80", height=0.8)), limit="80"
    ),
    "eu end of restrictions": release("end_of_restrictions"),
    "eu end of no overtaking": release("end_no_overtaking", *_gray(_CAR_PAIR)),
    "eu end of no overtaking by trucks": release("end_no_overtaking_trucks", *_gray(_TRUCK_PAIR)),
    "eu no vehicles": prohibition("no_vehicles"),
    "eu no trucks": prohibition("no_trucks", black(place(vehicles.TRUCK, size=0.58))),
    "cn no trucks": prohibition(
        "no_trucks", black(place(vehicles.TRUCK, size=0.58)), slash=True, region="cn"
    ),
    "eu no pedestrians": prohibition(
        "no_pedestrians", black(place(creatures.WALKER, size=0.64)), slash=True
    ),
    "eu no bicycles": prohibition("no_bicycles", black(place(vehicles.BICYCLE, size=0.66))),
    "cn no bicycles": prohibition(
        "no_bicycles", black(place(vehicles.BICYCLE, size=0.66)), slash=True, region="cn"
    ),
    "eu no motorcycles": prohibition(
        "no_motorcycles", black(place(vehicles.MOTORCYCLE, size=0.62))
    ),
    "eu no buses": prohibition("no_buses", black(place(vehicles.BUS, size=0.62)), slash=True),
    "eu no parking": _no_waiting("no_parking", SLASH),
    "eu no stopping": _no_waiting("no_stopping", SLASH, Layer(RED, mirrored(SLASH.marks))),
    "cn no parking": prohibition(
        "no_parking", black(text("P", height=0.95)), slash=True, region="cn"
    ),
    "eu no left turn": prohibition(
        "no_left_turn", black(place(arrows.TURN_LEFT, size=0.56)), slash=True
    ),
    "eu no right turn": prohibition(
        "no_right_turn", black(place(arrows.TURN_RIGHT, size=0.56)), slash=True
    ),
    "eu no u-turn": prohibition("no_u_turn", black(place(arrows.U_TURN, size=0.6)), slash=True),
    "eu no straight": prohibition(
        "no_straight", black(place(arrows.STRAIGHT, size=0.6)), slash=True
    ),
    "eu give way to oncoming": prohibition(
        "give_way_to_oncoming",
        Layer(RED, place(arrows.STRAIGHT, (-0.25, 0), (0.5, 0.55))),
        black(place(arrows.DOWN, (0.28, 0), (0.5, 0.55))),
    ),
    "eu weight limit": prohibition("weight_limit", black(text("7.5T", height=0.5, widest=1.2))),
    "eu height limit": prohibition(
        "height_limit",
        black(text("3.8M", height=0.42, widest=1.1)),
        black(
            area(((0, 0.32), (-0.2, 0.66), (0.2, 0.66))),
            area(((0, -0.32), (0.2, -0.66), (-0.2, -0.66))),
        ),
    ),
    "eu width limit": prohibition(
        "width_limit",
        black(text("2M", height=0.5)),
        black(
            area(((-0.42, 0), (-0.74, -0.2), (-0.74, 0.2))),
            area(((0.42, 0), (0.74, 0.2), (0.74, -0.2))),
        ),
    ),
}

_MANDATORY = {
    "eu turn right": mandatory("turn_right", place(arrows.TURN_RIGHT, size=0.7)),
    "eu turn left": mandatory("turn_left", place(arrows.TURN_LEFT, size=0.7)),
    "eu turn right here": mandatory("turn_right", place(arrows.RIGHT, size=0.72)),
    "eu turn left here": mandatory("turn_left", place(arrows.LEFT, size=0.72)),
    "eu bear left": mandatory("slight_left", place(arrows.SLIGHT_LEFT, size=0.75)),
    "eu bear right": mandatory("slight_right", place(arrows.SLIGHT_RIGHT, size=0.75)),
    "eu straight": mandatory("straight", place(arrows.STRAIGHT, size=0.8)),
    "eu straight or right": mandatory(
        "straight_or_right", place(arrows.STRAIGHT_OR_RIGHT, size=0.74)
    ),
    "eu straight or left": mandatory("straight_or_left", place(arrows.STRAIGHT_OR_LEFT, size=0.74)),
    "eu left or right": mandatory("left_or_right", place(arrows.LEFT_OR_RIGHT, size=0.76)),
    "cn u-turn": mandatory("u_turn", place(arrows.U_TURN, size=0.72), region="cn"),
    "eu keep right": mandatory("keep_right", place(arrows.KEEP_RIGHT, size=0.8)),
    "eu keep left": mandatory("keep_left", place(arrows.KEEP_LEFT, size=0.8)),
    "eu pass either side": mandatory("pass_either_side", place(arrows.EITHER_SIDE, size=0.85)),
    "eu roundabout": mandatory("roundabout", place(arrows.ring_of_arrows(3), size=0.85)),
    "eu pedestrians only": mandatory("pedestrians_only", place(creatures.FAMILY, size=0.76)),
    "eu bicycles only": mandatory("bicycles_only", place(vehicles.BICYCLE, size=0.78)),
    "eu shared path": mandatory(
        "shared_path",
        place(creatures.FAMILY, (0, 0.4), 0.46),
        place(vehicles.BICYCLE, (0, -0.45), 0.44),
        strokes(0.06, ((-0.94, 0), (0.94, 0)), flat=True),
    ),
    "eu buses only": mandatory("buses_only", place(vehicles.BUS, size=0.72)),
    "eu priority over oncoming": panel(
        "regulatory/priority_over_oncoming",
        "blue",
        white(place(arrows.STRAIGHT, (0.35, 0), 0.78)),
        Layer(RED, place(arrows.DOWN, (-0.38, 0), (0.6, 0.62))),
        rim=(WHITE, BLUE),
        region="eu",
    ),
    "eu one way": panel(
        "regulatory/one_way",
        "blue",
        white(place(arrows.RIGHT, size=(1.75, 1.15))),
        rim=(WHITE, BLUE),
        aspect=2.4,
        region="eu",
    ),
    "cn one way": panel(
        "regulatory/one_way",
        "blue",
        white(place(arrows.STRAIGHT, size=0.8)),
        rim=(WHITE, BLUE),
        region="cn",
    ),
}

REGULATORY: dict[str, Face] = {**_STOPS, **_LIMIT_DISCS, **_PROHIBITIONS, **_MANDATORY}
