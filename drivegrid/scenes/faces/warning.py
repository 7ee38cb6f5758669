"""Warning signs: European and Chinese triangles, American diamonds."""

from __future__ import annotations

from drivegrid.scenes.faces import arrows, creatures, vehicles
from drivegrid.scenes.faces.face import Face
from drivegrid.scenes.faces.font import text
from drivegrid.scenes.faces.marks import (
    Layer,
    Marks,
    area,
    discs,
    mirrored,
    place,
    rectangle,
    strokes,
)
from drivegrid.scenes.faces.plates import (
    BLACK,
    GREEN,
    ORANGE,
    RED,
    WHITE,
    YELLOW,
    bands,
    black,
    chinese_triangle,
    diamond,
    triangle,
)

_EXCLAMATION: Marks = (
    *area(((-0.17, 0.9), (0.17, 0.9), (0.1, -0.35), (-0.1, -0.35))),
    *discs(0.16, (0, -0.72)),
)


def _signal(x: float, y: float, size: float) -> tuple[Layer, ...]:
    lamps = ((RED, 0.5), (YELLOW, 0.0), (GREEN, -0.5))
    box = place(area(rectangle((-0.32, -0.85), (0.32, 0.85))), (x, y), size)
    return (
        Layer(BLACK, box),
        *(Layer(color, discs(0.2 * size, (x, y + up * size))) for color, up in lamps),
    )


_SLOPE_TEXT = (
    Layer(BLACK, place(vehicles.SLOPE, (0, -0.1), (0.46, 0.36))),
    Layer(BLACK, text("12%", (-0.02, 0.27), 0.24)),
)


def _eu(name: str, symbol: Marks, size: float = 0.4) -> Face:
    return triangle(name, black(place(symbol, (0, -0.05), size)))


_TRIANGLES = {
    "eu danger": _eu("danger", _EXCLAMATION, 0.42),
    "eu curve left": _eu("curve_left", arrows.CURVE_LEFT),
    "eu curve right": _eu("curve_right", arrows.CURVE_RIGHT),
    "eu double curve": _eu("double_curve", arrows.DOUBLE_CURVE, 0.4),
    "eu uneven road": _eu("uneven_road", place(vehicles.BUMPS, (0, -0.1)), 0.5),
    "eu slippery road": _eu("slippery_road", place(vehicles.SKIDDING_CAR, (0, 0.15)), 0.46),
    "eu road narrows": _eu("road_narrows", arrows.NARROWS),
    "eu road narrows right": _eu("road_narrows_right", arrows.NARROWS_RIGHT),
    "eu road narrows left": _eu("road_narrows_left", arrows.NARROWS_LEFT),
    "eu road work": _eu("road_work", creatures.WORKER, 0.46),
    "eu yellow road work": triangle(
        "road_work", black(place(creatures.WORKER, (0, -0.05), 0.46)), field=YELLOW
    ),
    "eu traffic signals": triangle("traffic_signals", *_signal(0, 0.01, 0.5)),
    "eu pedestrians": _eu("pedestrians", creatures.WALKER, 0.45),
    "eu children": _eu("children", creatures.CHILDREN, 0.47),
    "eu bicycles": _eu("bicycles", place(vehicles.BICYCLE, (0, -0.08)), 0.52),
    "eu ice or snow": _eu("ice_or_snow", vehicles.SNOWFLAKE, 0.38),
    "eu wild animals": _eu("wild_animals", creatures.DEER, 0.45),
    "eu cattle": _eu("domestic_animals", place(creatures.COW, (0, -0.05)), 0.46),
    "eu crossroads": _eu("crossroads", arrows.DIAGONAL_CROSS, 0.42),
    "eu priority at junction": _eu("priority_at_junction", arrows.PRIORITY, 0.4),
    "eu side road": _eu("side_road", arrows.SIDE_ROAD, 0.4),
    "eu roundabout ahead": _eu("roundabout", arrows.ring_of_arrows(3), 0.42),
    "eu railroad gate": _eu("railroad_crossing", place(vehicles.GATE, (0, 0)), 0.45),
    "eu railroad train": _eu("railroad_crossing", place(vehicles.TRAIN, (0, -0.1)), 0.42),
    "eu merging": _eu("merging", arrows.MERGING, 0.4),
    "eu two-way": _eu("two_way", arrows.TWO_WAY, 0.4),
    "eu steep hill": triangle("steep", *_SLOPE_TEXT),
    "eu falling rocks": _eu("falling_rocks", vehicles.CLIFF, 0.42),
    "cn danger": chinese_triangle("danger", place(_EXCLAMATION, (0, -0.03), 0.45)),
    "cn curve right": chinese_triangle("curve_right", place(arrows.CURVE_RIGHT, (0, -0.05), 0.4)),
    "cn pedestrians": chinese_triangle("pedestrians", place(creatures.WALKER, (0, -0.03), 0.43)),
    "cn children": chinese_triangle("children", place(creatures.CHILDREN, (0, -0.07), 0.48)),
    "cn crossroads": chinese_triangle("crossroads", place(arrows.CROSSROADS, (0, -0.03), 0.42)),
    "cn road widens": chinese_triangle("road_widens", place(arrows.WIDENS, (0, -0.03), 0.4)),
}


def _us(name: str, symbol: Marks, size: float = 0.56) -> Face:
    return diamond(f"warning/{name}", black(place(symbol, size=size)))


_STOP_AHEAD = (
    *(
        Layer(layer.color, place(layer.marks, (0, -0.22), 0.36))
        for layer in bands("octagon", (WHITE, 0), (WHITE, 0), (RED, 0.1))[1:]
    ),
    black(place(arrows.STRAIGHT, (0, 0.45), (0.34, 0.3))),
)

_DIAMONDS = {
    "us curve left": _us("curve_left", arrows.CURVE_LEFT),
    "us curve right": _us("curve_right", arrows.CURVE_RIGHT),
    "us sharp turn right": _us("curve_right", arrows.BEND_RIGHT),
    "us winding road": _us("double_curve", arrows.WINDING, 0.62),
    "us bump": diamond("warning/uneven_road", black(text("BUMP", height=0.4, widest=1.2))),
    "us slippery road": _us("slippery_road", vehicles.SKIDDING_CAR, 0.64),
    "us signals ahead": diamond("warning/traffic_signals", *_signal(0, 0, 0.68)),
    "us pedestrians": _us("pedestrians", creatures.WALKER),
    "us school": _us("children", creatures.FAMILY, 0.6),
    "us bicycles": _us("bicycles", vehicles.BICYCLE, 0.64),
    "us deer": _us("wild_animals", creatures.DEER, 0.62),
    "us cattle": _us("domestic_animals", creatures.COW, 0.62),
    "us crossroads": _us("crossroads", arrows.CROSSROADS, 0.55),
    "us side road": _us("side_road", mirrored(arrows.SIDE_ROAD), 0.55),
    "us junction ahead": _us("side_road", arrows.T_JUNCTION, 0.55),
    "us roundabout ahead": _us("roundabout", arrows.ring_of_arrows(3), 0.56),
    "us merging": _us("merging", arrows.MERGING, 0.58),
    "us two-way": _us("two_way", arrows.TWO_WAY, 0.58),
    "us stop ahead": diamond("warning/stop_ahead", *_STOP_AHEAD),
    "us steep hill": diamond(
        "warning/steep",
        black(
            place(vehicles.SLOPE, (0, -0.1), (0.6, 0.45)),
            place(vehicles.TRUCK, (-0.06, 0.2), 0.3, 24),
        ),
    ),
    "us narrow bridge": _us("narrow_bridge", arrows.NARROW_BRIDGE, 0.56),
    "us low clearance": diamond(
        "warning/height",
        black(
            text("12-6", height=0.32),
            area(((0, 0.28), (-0.2, 0.6), (0.2, 0.6))),
            area(((0, -0.28), (0.2, -0.6), (-0.2, -0.6))),
        ),
    ),
    "us road work": diamond(
        "warning/road_work", black(place(creatures.WORKER, (0, 0.06), 0.54)), field=ORANGE
    ),
    "us work narrows": diamond(
        "warning/road_narrows_right", black(place(arrows.NARROWS_RIGHT, size=0.55)), field=ORANGE
    ),
    "us railroad": Face(
        "sign/warning/railroad_crossing",
        "circle",
        "yellow",
        (
            *bands("circle", (YELLOW, 0), (BLACK, 0.04), (YELLOW, 0.09)),
            black(
                strokes(0.16, ((-0.62, -0.62), (0.62, 0.62)), ((-0.62, 0.62), (0.62, -0.62))),
                text("R", (-0.56, 0), 0.42),
                text("R", (0.56, 0), 0.42),
            ),
        ),
        region="us",
    ),
}

WARNING: dict[str, Face] = {**_TRIANGLES, **_DIAMONDS}
