"""Direction signs and information signs."""

from __future__ import annotations

from drivegrid.scenes.faces import arrows, creatures, vehicles
from drivegrid.scenes.faces.face import Face
from drivegrid.scenes.faces.font import rows, text
from drivegrid.scenes.faces.marks import (
    Layer,
    Marks,
    Point,
    arc,
    area,
    circle,
    discs,
    place,
    rectangle,
    strokes,
)
from drivegrid.scenes.faces.plates import (
    BLACK,
    BLUE,
    BROWN,
    GREEN,
    RED,
    WHITE,
    YELLOW,
    Color,
    black,
    panel,
    white,
)


def _guide(
    color: str,
    field: Color,
    words: tuple[str, ...],
    *extra: Layer,
    ink: Color = WHITE,
    aspect: float = 2.0,
    region: str = "eu",
) -> Face:
    """A direction sign with rows of words and room for an arrow on the right."""
    height = (0.85, 0.58, 0.42)[len(words) - 1]
    lines = place(rows(*words, height=height, widest=aspect * 1.25), (-0.22 * aspect, 0))
    return panel(
        "information/direction",
        color,
        Layer(ink, lines),
        *extra,
        rim=(ink, field),
        aspect=aspect,
        region=region,
    )


def _arrow(marks: Marks, center: Point, size: float, color: Color = WHITE) -> Layer:
    return Layer(color, place(marks, center, size))


_DIRECTIONS = {
    "us guide exit": _guide(
        "green",
        GREEN,
        ("OAK HILL", "EXIT 27"),
        _arrow(place(arrows.STRAIGHT, turn_deg=-45), (1.55, -0.1), 0.5),
        region="us",
    ),
    "us guide lanes": _guide(
        "green",
        GREEN,
        ("NORTON", "RIVER CITY", "88 EAST"),
        _arrow(arrows.DOWN, (1.5, -0.3), 0.45),
        aspect=1.9,
        region="us",
    ),
    "us guide distances": _guide(
        "green", GREEN, ("MILFORD 12", "ASHLAND 48"), aspect=2.4, region="us"
    ),
    "cn guide motorway": _guide(
        "green",
        GREEN,
        ("G42", "JINAN"),
        _arrow(arrows.STRAIGHT, (1.25, 0), 0.7),
        aspect=1.7,
        region="cn",
    ),
    "eu guide motorway": _guide(
        "blue", BLUE, ("LINDAU", "BREMEN"), _arrow(arrows.STRAIGHT, (1.5, 0), 0.7), aspect=2.0
    ),
    "eu guide exit": _guide(
        "blue",
        BLUE,
        ("TORINO", "VARESE", "GENOVA"),
        _arrow(arrows.SLIGHT_RIGHT, (1.02, -0.05), 0.6),
        aspect=1.6,
    ),
    "eu guide town": _guide(
        "yellow",
        YELLOW,
        ("KASSEL 38",),
        _arrow(arrows.RIGHT, (2.35, 0), 0.5, BLACK),
        ink=BLACK,
        aspect=3.2,
    ),
    "eu guide local": _guide(
        "white",
        WHITE,
        ("ZENTRUM",),
        _arrow(arrows.LEFT, (2.3, 0), 0.5, BLACK),
        ink=BLACK,
        aspect=3.1,
    ),
    "cn guide city": _guide(
        "blue",
        BLUE,
        ("XINHUA", "LU"),
        _arrow(arrows.TURN_LEFT, (1.07, 0.0), 0.34),
        aspect=1.5,
        region="cn",
    ),
    "eu tourist castle": _guide(
        "brown", BROWN, ("SCHLOSS", "FALKEN"), _arrow(vehicles.HOUSE, (1.35, 0.1), 0.5), aspect=1.9
    ),
    "us park": _guide(
        "brown",
        BROWN,
        ("PINE LAKE", "PARK"),
        _arrow(arrows.RIGHT, (1.8, -0.4), 0.4),
        aspect=2.3,
        region="us",
    ),
    "cn scenic area": _guide(
        "brown",
        BROWN,
        ("WEST LAKE",),
        _arrow(arrows.STRAIGHT, (2.1, 0), 0.6),
        aspect=2.7,
        region="cn",
    ),
}

_STRIPES = tuple(
    mark
    for x in (-0.5, -0.25, 0.0, 0.25, 0.5)
    for mark in area(((x - 0.07, -0.58), (x + 0.07, -0.58), (x + 0.05, -0.36), (x - 0.05, -0.36)))
)
_CROSSING = (
    white(area(((0, 0.74), (-0.76, -0.62), (0.76, -0.62)))),
    black(place(creatures.WALKER_LEFT, (0, 0), 0.42), place(_STRIPES, size=0.92)),
)


def _information(
    name: str, *symbol: Layer, color: str = "blue", field: Color = BLUE, aspect: float = 1.0
) -> Face:
    return panel(
        f"information/{name}", color, *symbol, rim=(WHITE, field), aspect=aspect, region="eu"
    )


_DEAD_END = (
    white(area(rectangle((-0.17, -0.8), (0.17, 0.4)))),
    Layer(RED, area(rectangle((-0.5, 0.36), (0.5, 0.68)))),
)
_ENDING = Layer(RED, strokes(0.16, ((-0.8, -0.8), (0.8, 0.8))))
_STREET = (
    place(vehicles.HOUSE, (0.5, 0.38), 0.42)
    + place(creatures.WALKER, (-0.75, 0.1), 0.5)
    + place(creatures.CHILD, (-0.15, -0.3), 0.42)
    + place(vehicles.CAR_SIDE, (0.65, -0.5), 0.36)
    + discs(0.1, (0.15, -0.62))
)

_INFORMATION = {
    "eu crosswalk": _information("pedestrian_crossing", *_CROSSING),
    "us crosswalk": panel(
        "information/pedestrian_crossing",
        "yellow",
        black(place(creatures.WALKER, (0, 0.15), 0.62), place(_STRIPES, (0, -0.2), 1.1)),
        rim=(BLACK, YELLOW),
    ),
    "eu parking": _information("parking", white(text("P", height=1.45, weight=0.19))),
    "us parking": panel(
        "information/parking",
        "green",
        white(text("P", (0, 0.25), 0.9), place(arrows.RIGHT, (0, -0.55), 0.42)),
        rim=(WHITE, GREEN),
        aspect=0.75,
    ),
    "eu bus stop": _information("bus_stop", white(place(vehicles.BUS, size=0.74))),
    "de bus stop": Face(
        "sign/information/bus_stop",
        "circle",
        "yellow",
        (
            Layer(GREEN, ()),
            Layer(YELLOW, area(circle(0.86))),
            Layer(GREEN, area(circle(0.72), circle(0.6)) + text("H", height=0.72)),
        ),
        region="eu",
    ),
    "eu motorway": _information("motorway", white(place(vehicles.MOTORWAY, size=0.82))),
    "eu end of motorway": _information(
        "end_motorway", white(place(vehicles.MOTORWAY, size=0.82)), _ENDING
    ),
    "it motorway": _information(
        "motorway", white(place(vehicles.MOTORWAY, size=0.82)), color="green", field=GREEN
    ),
    "eu dead end": _information("dead_end", *_DEAD_END),
    "us dead end": panel(
        "information/dead_end",
        "yellow",
        black(rows("DEAD", "END", height=0.55, widest=2)),
        rim=(BLACK, YELLOW),
        aspect=1.25,
    ),
    "eu living street": _information("living_street", white(_STREET), aspect=1.4),
    "eu hospital": _information(
        "hospital",
        white(place(vehicles.BED, (0, -0.2), 0.8)),
        Layer(RED, place(vehicles.CROSS, (0.1, 0.5), 0.26)),
    ),
    "us hospital": panel(
        "information/hospital", "blue", white(text("H", height=1.2, weight=0.2)), rim=(WHITE, BLUE)
    ),
    "eu gas station": _information(
        "gas_station",
        white(area(rectangle((-0.44, -0.6), (0.44, 0.52)))),
        black(place(vehicles.FUEL_PUMP, (0, -0.04), 0.46)),
        aspect=0.8,
    ),
    "us gas station": panel(
        "information/gas_station",
        "blue",
        white(place(vehicles.FUEL_PUMP, size=0.66)),
        rim=(WHITE, BLUE),
    ),
    "eu route": panel(
        "information/route",
        "green",
        white(text("E45", height=0.95)),
        rim=(WHITE, GREEN),
        aspect=1.7,
        region="eu",
    ),
    "us route": panel(
        "information/route",
        "white",
        black(
            area(
                rectangle((-1.3, -1.3), (1.3, 1.3)),
                (
                    (-0.8, 0.55),
                    (-0.55, 0.85),
                    (0, 0.72),
                    (0.55, 0.85),
                    (0.8, 0.55),
                    *arc((0, -0.02), (0.84, 0.84), 20, -90, 8),
                    *arc((0, -0.02), (0.84, 0.84), -90, -200, 8),
                ),
            ),
            text("66", (0, -0.02), 0.72),
        ),
        rim=(BLACK, WHITE),
    ),
    "de route": panel(
        "information/route",
        "yellow",
        black(text("B 304", height=0.9)),
        rim=(BLACK, YELLOW),
        aspect=2.2,
        region="eu",
    ),
}


GUIDANCE: dict[str, Face] = {**_DIRECTIONS, **_INFORMATION}
