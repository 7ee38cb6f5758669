"""Small charts of counts as SVG: bars, columns and heat maps. No scripts, no fonts, no network."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import numpy as np
import numpy.typing as npt

MAX_BARS = 60
"""How many of the most frequent are drawn."""

_INK, _MUTED, _BAR, _PAPER = "#1d2530", "#66707c", "#0072b2", "#ffffff"
_ROW, _LABEL, _WIDTH, _HEAD = 20, 300, 860, 44
_PLOT_HEIGHT = 220
_RAMP = ((255, 255, 255), (86, 180, 233), (0, 66, 110))
"""White, sky and deep blue: lightness falls all the way, so it reads without colour too."""


def bar_chart(title: str, table: Mapping[str, int]) -> str:
    """Return horizontal bars, the longest first, each with its number; zeros are left out.

    Args:
        title: Heading.
        table: Name to count; at most ``MAX_BARS`` are drawn, the rest is counted in a last line.
    """
    rows = sorted(((n, name) for name, n in table.items() if n), key=lambda row: -row[0])
    most = max((count for count, _ in rows), default=1)
    room = _WIDTH - _LABEL - 90
    parts = []
    for place, (count, name) in enumerate(rows[:MAX_BARS]):
        y, length = _HEAD + place * _ROW, max(1.0, room * count / most)
        parts.append(_text(_LABEL - 8, y + 14, name if len(name) <= 42 else f"{name[:41]}…", "end"))
        parts.append(_rect(_LABEL, y + 3, length, _ROW - 6, _BAR))
        parts.append(_text(_LABEL + length + 6, y + 14, f"{count:,}", "start", _MUTED))
    shown = min(len(rows), MAX_BARS)
    if len(rows) > MAX_BARS:
        rest = sum(count for count, _ in rows[MAX_BARS:])
        line = f"and {len(rows) - MAX_BARS} more, {rest:,} in all"
        parts.append(_text(_LABEL, _HEAD + shown * _ROW + 14, line, "start", _MUTED))
    if not rows:
        parts.append(_text(_LABEL, _HEAD + 14, "none", "start", _MUTED))
    return _page(title, _WIDTH, _HEAD + (max(shown, 1) + 1) * _ROW, parts)


def column_chart(title: str, histogram: Mapping[int, int], unit: str) -> str:
    """Return upright columns over their numbers, from left to right.

    Args:
        title: Heading.
        histogram: Number to count; numbers need not follow each other.
        unit: What the numbers are, written below them.
    """
    bars = sorted(histogram.items())
    most = max((count for _, count in bars), default=1)
    step = (_WIDTH - 80) / max(len(bars), 12)
    base = _HEAD + 16 + _PLOT_HEIGHT
    every = max(1, -(-len(bars) // 24))  # so many names fit
    parts = [_rect(40, base, _WIDTH - 80, 1, _MUTED)]
    for place, (number, count) in enumerate(bars):
        x, height = 40 + place * step, max(1.0, _PLOT_HEIGHT * count / most)
        parts.append(_rect(x + step * 0.1, base - height, step * 0.8, height, _BAR))
        if place % every == 0:
            parts.append(_text(x + step / 2, base + 18, str(number), "middle"))
        if len(bars) <= 24:
            parts.append(_text(x + step / 2, base - height - 5, f"{count:,}", "middle", _MUTED))
    if not bars:
        parts.append(_text(_WIDTH / 2, base - 20, "none", "middle", _MUTED))
    parts.append(_text(_WIDTH / 2, base + 40, unit, "middle", _MUTED))
    return _page(title, _WIDTH, base + 56, parts)


def heat_maps(title: str, maps: Mapping[str, npt.NDArray[np.int64]]) -> str:
    """Return one map of cells a name, three in a row; the fullest cell of each is darkest.

    Args:
        title: Heading.
        maps: Name to (rows, columns) counts.
    """
    wide, high, gap = 260, 160, 20
    parts = []
    for place, (name, counts) in enumerate(maps.items()):
        left = gap + place % 3 * (wide + gap)
        top = _HEAD + place // 3 * (high + 46) + 18
        rows, cols = counts.shape
        most = int(counts.max(initial=0))
        parts.append(_text(left, top - 6, f"{name}: at most {most:,} in a cell"))
        parts.append(_rect(left, top, wide, high, _PAPER))
        for row, col in np.argwhere(counts).tolist():
            x, y = left + col * wide / cols, top + row * high / rows
            color = _shade((counts[row, col] / most) ** 0.5)
            parts.append(_rect(x, y, wide / cols + 0.3, high / rows + 0.3, color))
        frame = f'<rect x="{left}" y="{top}" width="{wide}" height="{high}"'
        parts.append(f'{frame} fill="none" stroke="{_MUTED}"/>')
    if not maps:
        parts.append(_text(gap, _HEAD + 14, "none", "start", _MUTED))
    height = _HEAD + -(-max(len(maps), 1) // 3) * (high + 46) + gap
    return _page(title, 3 * wide + 4 * gap, height, parts)


def _shade(share: float) -> str:
    """Return the colour of a share in [0, 1]."""
    at = share * (len(_RAMP) - 1)
    low = min(int(at), len(_RAMP) - 2)
    pairs = zip(_RAMP[low], _RAMP[low + 1], strict=True)
    return "#" + "".join(f"{round(a + (b - a) * (at - low)):02x}" for a, b in pairs)


def _rect(x: float, y: float, width: float, height: float, color: str) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{color}"/>'
    )


def _text(x: float, y: float, text: str, anchor: str = "start", color: str = _INK) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}">{_plain(text)}</text>'
    )


def _plain(text: str) -> str:
    """Return text that XML can hold: labels come from outside."""
    return escape("".join(letter if letter.isprintable() else "\ufffd" for letter in text))


def _page(title: str, width: float, height: float, parts: list[str]) -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
            f' viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
            _rect(0, 0, width, height, _PAPER),
            f'<text x="20" y="26" font-size="16" font-weight="bold" fill="{_INK}">'
            f"{_plain(title)}</text>",
            *parts,
            "</svg>\n",
        ]
    )
