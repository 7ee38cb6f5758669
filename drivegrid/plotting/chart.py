"""Small charts as SVG text: lines and bars over the unit square, nothing to load, no scripts."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass, field

from drivegrid.plotting.palette import LANE_CYCLE, Color

SIDE, MARGIN_LEFT, MARGIN_BOTTOM, MARGIN_TOP = 300, 52, 46, 34
LEGEND_LINE = 17
MAX_SERIES = 12
"""More lines than that cannot be told apart; the rest is left out and counted."""
_TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


@dataclass(frozen=True, slots=True)
class Series:
    """A line through points.

    Args:
        name: For the legend.
        points: (x, y) in [0, 1].
    """

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar from the ground up.

    Args:
        start: Left end in [0, 1].
        stop: Right end.
        height: In [0, 1].
        text: Shown when the pointer rests on it.
    """

    start: float
    stop: float
    height: float
    text: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart over [0, 1] x [0, 1].

    Args:
        title: Above it.
        x_name: Below the horizontal axis.
        y_name: Beside the vertical axis.
        series: Lines.
        bars: Drawn below the lines.
        diagonal: Whether to draw the line x = y, where a calibrated model lies.
    """

    title: str
    x_name: str
    y_name: str
    series: Sequence[Series] = ()
    bars: Sequence[Bar] = field(default=())
    diagonal: bool = False


def svg_of(chart: Chart) -> str:
    """Return a chart as an SVG element; every text is escaped.

    >>> svg_of(Chart("<b>", "recall", "precision")).count("<b>")
    0
    """
    shown, left_out = chart.series[:MAX_SERIES], len(chart.series) - MAX_SERIES
    legend = [series.name for series in shown if series.name]
    notes = [f"and {left_out} more"] if left_out > 0 else []
    width = MARGIN_LEFT + SIDE + 14
    height = MARGIN_TOP + SIDE + MARGIN_BOTTOM + LEGEND_LINE * len(legend + notes)
    parts = [
        f'<svg role="img" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        _text(MARGIN_LEFT, 18, chart.title, weight="bold"),
        *_axes(chart),
        *(_bar(bar) for bar in chart.bars),
    ]
    if chart.diagonal:
        parts.append(_line([(0, 0), (1, 1)], "currentColor", dashed=True))
    for i, series in enumerate(shown):
        color = _css(LANE_CYCLE[i % len(LANE_CYCLE)])
        dashed = i >= len(LANE_CYCLE)
        parts.append(_line(series.points, color, dashed=dashed))
        if series.name:
            parts += _legend(legend.index(series.name), series.name, color, dashed=dashed)
    for note in notes:
        parts.append(_text(MARGIN_LEFT, _legend_y(len(legend)) + 4, note))
    return "".join([*parts, "</svg>"])


def _x(value: float) -> float:
    return round(MARGIN_LEFT + SIDE * value, 1)


def _y(value: float) -> float:
    return round(MARGIN_TOP + SIDE * (1 - value), 1)


def _css(color: Color) -> str:
    return f"rgb({color[0]},{color[1]},{color[2]})"


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal") -> str:
    return (
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-weight="{weight}">'
        f"{html.escape(text)}</text>"
    )


def _axes(chart: Chart) -> list[str]:
    """Return grid lines with their numbers, and the names of the axes."""
    parts = []
    for tick in _TICKS:
        grid = 'stroke="currentColor" stroke-opacity="0.15"'
        parts += [
            f'<line x1="{_x(0)}" y1="{_y(tick)}" x2="{_x(1)}" y2="{_y(tick)}" {grid}/>',
            f'<line x1="{_x(tick)}" y1="{_y(0)}" x2="{_x(tick)}" y2="{_y(1)}" {grid}/>',
            _text(_x(0) - 6, _y(tick) + 4, f"{tick:g}", anchor="end"),
            _text(_x(tick), _y(0) + 16, f"{tick:g}", anchor="middle"),
        ]
    x, y = 13, MARGIN_TOP + SIDE / 2
    return [
        *parts,
        _text(_x(0.5), _y(0) + 34, chart.x_name, anchor="middle"),
        f'<text transform="translate({x} {y}) rotate(-90)" text-anchor="middle">'
        f"{html.escape(chart.y_name)}</text>",
    ]


def _line(points: Sequence[tuple[float, float]], color: str, *, dashed: bool = False) -> str:
    path = " ".join(f"{_x(x)},{_y(y)}" for x, y in points)
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    return f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"{dash}/>'


def _bar(bar: Bar) -> str:
    color, width = _css(LANE_CYCLE[0]), max(_x(bar.stop) - _x(bar.start) - 1, 1)
    return (
        f'<rect x="{_x(bar.start)}" y="{_y(bar.height)}" width="{width:.1f}" '
        f'height="{_y(0) - _y(bar.height):.1f}" fill="{color}" fill-opacity="0.6">'
        f"<title>{html.escape(bar.text)}</title></rect>"
    )


def _legend_y(place: int) -> float:
    return MARGIN_TOP + SIDE + MARGIN_BOTTOM + LEGEND_LINE * place + 4


def _legend(place: int, name: str, color: str, *, dashed: bool) -> list[str]:
    y = _legend_y(place)
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    return [
        f'<line x1="{MARGIN_LEFT}" y1="{y}" x2="{MARGIN_LEFT + 22}" y2="{y}" stroke="{color}" '
        f'stroke-width="3"{dash}/>',
        _text(MARGIN_LEFT + 28, y + 4, name),
    ]
