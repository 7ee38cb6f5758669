"""Additional panels, temporary signs, lit signs and billboards."""

from __future__ import annotations

from drivegrid.scenes.faces import arrows, vehicles
from drivegrid.scenes.faces.face import Face
from drivegrid.scenes.faces.font import rows, text
from drivegrid.scenes.faces.marks import (
    Layer,
    Marks,
    area,
    circle,
    discs,
    mirrored,
    place,
    rectangle,
    strokes,
)
from drivegrid.scenes.faces.plates import (
    AMBER,
    BLACK,
    BLUE,
    BROWN,
    GRAY,
    GREEN,
    ORANGE,
    RED,
    WHITE,
    YELLOW,
    Color,
    black,
    panel,
    white,
)


def _chevrons(side: str, marks: Marks, ink: Color, field: Color, color: str, region: str) -> Face:
    return panel(
        f"complementary/chevron_{side}",
        color,
        Layer(ink, marks),
        rim=(field, field),
        aspect=0.8 if region == "us" else 2.4,
        region=region,
    )


_ROW = tuple(
    m for x in (-1.45, 0.0, 1.45) for m in place(arrows.CHEVRON_RIGHT, (x, 0), (0.8, 0.84))
)
_BIG = place(arrows.CHEVRON_RIGHT, (0, 0), (0.85, 0.85))
_HAZARD = tuple(
    m
    for y in (-1.5, -0.7, 0.1, 0.9)
    for m in area(((-0.5, y), (0.5, y + 0.7), (0.5, y + 1.1), (-0.5, y + 0.4)))
)

_COMPLEMENTARY = {
    "eu chevrons right": _chevrons("right", _ROW, WHITE, RED, "red-white", "eu"),
    "eu chevrons left": _chevrons("left", mirrored(_ROW), WHITE, RED, "red-white", "eu"),
    "us chevron right": _chevrons("right", _BIG, BLACK, YELLOW, "yellow", "us"),
    "us chevron left": _chevrons("left", mirrored(_BIG), BLACK, YELLOW, "yellow", "us"),
    "cn chevrons right": _chevrons("right", _ROW, WHITE, BLUE, "blue", "cn"),
    "eu delineator": panel(
        "complementary/delineator",
        "red-white",
        Layer(RED, _HAZARD),
        rim=(WHITE, WHITE),
        aspect=0.3,
        region="eu",
    ),
    "us delineator": panel(
        "complementary/delineator",
        "yellow",
        black(mirrored(_HAZARD)),
        rim=(YELLOW, YELLOW),
        aspect=0.35,
    ),
    **{
        f"us advisory speed {limit}": panel(
            "complementary/advisory_speed",
            "yellow",
            black(text(limit, (0, 0.22), 0.9), text("MPH", (0, -0.62), 0.36)),
            rim=(BLACK, YELLOW),
            limit=limit,
        )
        for limit in ("20", "35")
    },
    "eu distance 200": panel(
        "complementary/distance",
        "white",
        black(text("200 M", height=1.0, widest=3.2)),
        aspect=2.0,
        region="eu",
    ),
    "us distance 500": panel(
        "complementary/distance",
        "yellow",
        black(rows("500", "FEET", height=0.6, widest=2)),
        rim=(BLACK, YELLOW),
        aspect=1.3,
    ),
}

_TEMPORARY = {
    "us road work ahead": panel(
        "temporary",
        "orange",
        black(rows("ROAD", "WORK", "AHEAD", height=0.4, widest=1.7)),
        rim=(BLACK, ORANGE),
    ),
    "us detour": panel(
        "temporary",
        "orange",
        black(
            text("DETOUR", (0, 0.42), 0.5, widest=2.8), place(arrows.RIGHT, (0, -0.4), (1.3, 0.9))
        ),
        rim=(BLACK, ORANGE),
        aspect=1.6,
    ),
    "eu detour": panel(
        "temporary",
        "yellow",
        black(text("UMLEITUNG", (-0.4, 0), 0.7, widest=3.6), place(arrows.RIGHT, (2.1, 0), 0.6)),
        rim=(BLACK, YELLOW),
        aspect=3.0,
        region="eu",
    ),
    "us lane shift": panel(
        "temporary",
        "orange",
        black(
            place(arrows.DOUBLE_CURVE, (-0.4, 0), 0.78), place(arrows.DOUBLE_CURVE, (0.4, 0), 0.78)
        ),
        rim=(BLACK, ORANGE),
        aspect=1.2,
    ),
}

_LIT_GREEN: Color = (40, 230, 120)
_LIT_RED: Color = (255, 48, 40)


def _lit(label: str, *layers: Layer, aspect: float = 1.0, limit: str = "") -> Face:
    return panel(
        label, "black", *layers, rim=(BLACK, BLACK), aspect=aspect, region="any", limit=limit
    )


_LIT = {
    "lane open": _lit("regulatory/lane_control", Layer(_LIT_GREEN, place(arrows.DOWN, size=0.72))),
    "lane closed": _lit(
        "regulatory/lane_control",
        Layer(
            _LIT_RED, strokes(0.22, ((-0.62, -0.62), (0.62, 0.62)), ((-0.62, 0.62), (0.62, -0.62)))
        ),
    ),
    "lane merge right": _lit(
        "regulatory/lane_control", Layer(AMBER, place(arrows.KEEP_RIGHT, size=0.72))
    ),
    **{
        f"lit speed limit {limit}": _lit(
            "regulatory/speed_limit",
            Layer(_LIT_RED, area(circle(0.88), circle(0.74))),
            white(text(limit, height=0.72, weight=0.13, widest=1.15)),
            limit=limit,
        )
        for limit in ("60", "80", "100")
    },
    "message works": _lit(
        "temporary",
        Layer(AMBER, rows("ROADWORK", "NEXT 5 MI", height=0.5, widest=4.4)),
        aspect=2.6,
    ),
    "message queue": _lit(
        "temporary",
        Layer(AMBER, rows("QUEUE", "AHEAD", "SLOW", height=0.46, widest=3)),
        aspect=2.0,
    ),
    "message merge": _lit(
        "temporary",
        Layer(
            AMBER,
            text("MERGE", (0, 0.45), 0.6, widest=2.4) + place(arrows.LEFT, (0, -0.4), (1.2, 0.8)),
        ),
        aspect=1.6,
    ),
}

_TEAL: Color = (40, 160, 165)
_PINK: Color = (225, 90, 140)
_SKY: Color = (150, 195, 225)
_CREAM: Color = (240, 225, 190)


def _billboard(color: str, field: Color, *layers: Layer, aspect: float = 2.0) -> Face:
    return panel("advertisement", color, *layers, rim=(GRAY, field), aspect=aspect, region="any")


_BILLBOARDS = {
    "billboard holiday": _billboard(
        "other",
        _SKY,
        Layer(_TEAL, area(rectangle((-1.88, -0.9), (1.88, -0.2)))),
        Layer(YELLOW, discs(0.32, (1.2, 0.45))),
        Layer(_CREAM, area(((-1.88, -0.9), (0.4, -0.9), (-1.88, -0.35)))),
        Layer(_PINK, text("SUN AND SEA", (-0.35, 0.3), 0.38, widest=2.2)),
    ),
    "billboard car": _billboard(
        "other",
        _TEAL,
        Layer(_CREAM, place(vehicles.CAR_SIDE, (-0.7, -0.1), 1.0)),
        Layer(_PINK, area(rectangle((0.6, -0.88), (1.88, 0.88)))),
        Layer(WHITE, text("NOVA", (1.24, 0.3), 0.4) + text("GT", (1.24, -0.35), 0.5)),
    ),
    "billboard drink": _billboard(
        "red",
        RED,
        Layer(
            WHITE,
            text("FIZZ", (0.25, 0.1), 0.8)
            + strokes(0.09, ((-0.6, -0.6), (0.3, -0.45), (1.1, -0.6))),
        ),
        Layer(_CREAM, area(((-1.3, -0.75), (-0.9, -0.75), (-0.82, 0.6), (-1.38, 0.6)))),
        aspect=1.8,
    ),
    "billboard bakery": _billboard(
        "other",
        _CREAM,
        Layer(_PINK, area(rectangle((-1.4, 0.25), (1.4, 0.88)))),
        Layer(_TEAL, discs(0.42, (-0.75, -0.4)) + discs(0.3, (0.85, -0.45))),
        Layer(WHITE, text("CAKES", (0, 0.56), 0.42)),
        Layer(BROWN, discs(0.24, (-0.75, -0.4)) + area(rectangle((-0.15, -0.85), (0.4, -0.1)))),
        aspect=1.5,
    ),
    "shop sign": _billboard(
        "blue", BLUE, Layer(YELLOW, text("MARKT", height=0.95, widest=5)), aspect=3.2
    ),
    "shop sign pharmacy": _billboard(
        "green", GREEN, white(place(vehicles.CROSS, size=0.68)), aspect=1.0
    ),
    "poster portrait": _billboard(
        "other",
        _PINK,
        Layer(_CREAM, discs(0.3, (0, 0.42))),
        Layer(_TEAL, area(((-0.5, -0.9), (0.5, -0.9), (0.3, 0.1), (-0.3, 0.1)))),
        Layer(YELLOW, area(rectangle((-0.62, -0.9), (0.62, -0.5)))),
        Layer(BLACK, text("LIVE", (0, -0.7), 0.28)),
        aspect=0.7,
    ),
}

PANELS: dict[str, Face] = {**_COMPLEMENTARY, **_TEMPORARY, **_LIT, **_BILLBOARDS}
