"""Colours of sign faces and the plates under the symbols, one builder for each family."""

from __future__ import annotations

from drivegrid.scenes.faces.face import Face, face_outline
from drivegrid.scenes.faces.marks import Layer, Marks, area, circle, inset, place, rounded, strokes

Color = tuple[int, int, int]

RED: Color = (192, 24, 34)
BLUE: Color = (20, 78, 168)
GREEN: Color = (8, 104, 66)
YELLOW: Color = (246, 190, 18)
WHITE: Color = (236, 236, 233)
ORANGE: Color = (244, 122, 24)
BROWN: Color = (112, 66, 34)
BLACK: Color = (22, 22, 24)
GRAY: Color = (128, 129, 131)
AMBER: Color = (255, 172, 40)


def bands(shape: str, *steps: tuple[Color, float], aspect: float = 1.0) -> tuple[Layer, ...]:
    """Return a plate of nested bands.

    Args:
        shape: See ``face_outline``.
        steps: Colour and distance from the plate's edge at which it begins; the first is the rim
            and fills everything.
        aspect: Width / height.
    """
    (rim, _), *inner = steps
    return (Layer(rim, ()), *(Layer(c, area(_inner(shape, gap, aspect))) for c, gap in inner))


def _inner(shape: str, gap: float, aspect: float) -> tuple[tuple[float, float], ...]:
    if shape == "circle":
        return circle(1 - gap)
    outline = tuple((x * aspect, y) for x, y in face_outline(shape))
    corner = {"octagon": 0.03, "square": 0.1, "rectangle": 0.1}.get(shape, 0.16)
    return rounded(inset(outline, gap), corner)


def black(*marks: Marks) -> Layer:
    """Return black ink."""
    return Layer(BLACK, sum(marks, ()))


def white(*marks: Marks) -> Layer:
    """Return white ink."""
    return Layer(WHITE, sum(marks, ()))


SLASH = Layer(RED, strokes(0.17, ((-0.6, 0.6), (0.6, -0.6)), flat=True))
"""The bar of a prohibition, from the upper left."""


def prohibition(
    name: str, *symbol: Layer, slash: bool = False, limit: str = "", region: str = "eu"
) -> Face:
    """Return a white disc with a red rim; ``limit`` becomes an attribute."""
    layers = (*bands("circle", (RED, 0), (WHITE, 0.2)), *symbol, *((SLASH,) if slash else ()))
    attributes = {"limit": limit} if limit else {}
    return Face(f"sign/regulatory/{name}", "circle", "red-white", layers, attributes, region=region)


def release(name: str, *symbol: Layer, limit: str = "") -> Face:
    """Return the white disc with gray symbol and black lines that ends a prohibition."""
    lines = tuple(((0.52 + d, 0.62 - d), (-0.62 + d, -0.52 - d)) for d in (-0.1, 0, 0.1))
    layers = (
        *bands("circle", (WHITE, 0), (BLACK, 0.03), (WHITE, 0.07)),
        *symbol,
        Layer(BLACK, strokes(0.05, *lines)),
    )
    attributes = {"limit": limit} if limit else {}
    return Face(f"sign/regulatory/{name}", "circle", "white", layers, attributes, region="eu")


def mandatory(name: str, *symbols: Marks, region: str = "eu") -> Face:
    """Return a blue disc with white symbols."""
    layers = (*bands("circle", (WHITE, 0), (BLUE, 0.06)), white(*symbols))
    return Face(f"sign/regulatory/{name}", "circle", "blue", layers, region=region)


_MIDDLE = (0, -0.29)
"""Of the inscribed circle of a warning triangle."""


def triangle(name: str, *symbol: Layer, field: Color = WHITE) -> Face:
    """Return a European warning triangle; the symbol's origin is the triangle's middle."""
    placed = (Layer(layer.color, place(layer.marks, _MIDDLE)) for layer in symbol)
    layers = (*bands("triangle", (RED, 0), (field, 0.15)), *placed)
    return Face(f"sign/warning/{name}", "triangle", "red-white", layers, region="eu")


def chinese_triangle(name: str, *symbols: Marks) -> Face:
    """Return a Chinese warning triangle: yellow with a black rim; symbols as in ``triangle``."""
    ink = black(place(sum(symbols, ()), _MIDDLE))
    layers = (*bands("triangle", (YELLOW, 0), (BLACK, 0.03), (YELLOW, 0.12)), ink)
    return Face(f"sign/warning/{name}", "triangle", "yellow", layers, region="cn")


def diamond(name: str, *symbol: Layer, field: Color = YELLOW) -> Face:
    """Return an American warning diamond, yellow or orange."""
    color = "yellow" if field == YELLOW else "orange"
    layers = (*bands("diamond", (field, 0), (BLACK, 0.05), (field, 0.09)), *symbol)
    return Face(f"sign/{name}", "diamond", color, layers, region="us")


def panel(
    label: str,
    color: str,
    *symbol: Layer,
    rim: tuple[Color, Color] = (BLACK, WHITE),
    aspect: float = 1.0,
    region: str = "us",
    limit: str = "",
) -> Face:
    """Return a square or rectangular panel with an inset border line.

    Args:
        label: Below ``sign/``.
        color: Value of the colour attribute.
        symbol: Ink on it.
        rim: Colour of the border line and of the field.
        aspect: Width / height; 1 makes a square.
        region: Where it is common.
        limit: Becomes an attribute.
    """
    line, field = rim
    shape = "square" if aspect == 1.0 else "rectangle"
    plate = bands(shape, (field, 0), (line, 0.04), (field, 0.1), aspect=aspect)
    attributes = {"limit": limit} if limit else {}
    return Face(f"sign/{label}", shape, color, (*plate, *symbol), attributes, aspect, region)
