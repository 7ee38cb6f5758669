"""The road: its course over the ground, its lanes and its lines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivegrid.geometry import FloatArray
from drivegrid.scenes.camera import Camera

PLACES = ("highway", "rural", "city")
MAX_RANGE_M = 110.0
"""No lane line is labelled beyond this distance."""


@dataclass(frozen=True, slots=True)
class LaneLine:
    """One painted line.

    Args:
        offset_m: Lateral offset from the ego lane's centre.
        style: ``solid``, ``dashed``, ``double solid`` or ``botts dots``.
        color: ``white`` or ``yellow``.
        width_m: Width of one stroke.
        dash_m: Painted length, period and phase along the road; unused by solid lines.
        strength: How much paint is left, in (0, 1].
    """

    offset_m: float
    style: str
    color: str
    width_m: float
    dash_m: tuple[float, float, float]
    strength: float


@dataclass(frozen=True, slots=True)
class Lane:
    """One lane: lateral centre and width in metres, ``direction`` +1 ours, -1 oncoming."""

    center_m: float
    width_m: float
    direction: int


@dataclass(frozen=True, slots=True)
class Road:
    """Course and layout.

    The ego lane's centre runs at X(Z) = start + heading Z + curvature Z²/2 + clothoid Z³/6 and
    Y(Z) = crest Z²/2; lateral offsets are measured along X from there.
    """

    place: str
    start_m: float
    heading: float
    curvature: float
    clothoid: float
    crest: float
    lanes: tuple[Lane, ...]
    lines: tuple[LaneLine, ...]
    edges_m: tuple[float, float]
    ego: int
    divided: bool

    def points(self, offset_m: float | FloatArray, depth_m: FloatArray) -> FloatArray:
        """Return (N, 3) world points at a lateral offset and (N,) distances, in metres."""
        z = np.asarray(depth_m, dtype=np.float64)
        points = np.empty((len(z), 3))
        points[:, 0] = self.center(z) + offset_m
        points[:, 1] = self.crest / 2 * z * z
        points[:, 2] = z
        return points

    def center(self, z: FloatArray) -> FloatArray:
        """Return X of the ego lane's centre at (N,) distances, in metres."""
        bend = self.curvature / 2 + self.clothoid / 6 * z
        return self.start_m + z * (self.heading + z * bend)

    def turn(self, z: float) -> float:
        """Return dX/dZ at a distance."""
        return self.heading + z * (self.curvature + self.clothoid / 2 * z)

    def visible_range(self, camera: Camera) -> float:
        """Return how far the road is seen and labelled, in metres.

        The least of MAX_RANGE_M, the distance where a 3.6 m lane is 36 reference pixels wide,
        and just before a crest hides the road.
        """
        limit = min(MAX_RANGE_M, camera.focal * camera.stretch_xy[0] / 10)
        if self.crest < 0:
            limit = min(limit, 0.9 * float(np.sqrt(2 * camera.height_m / -self.crest)))
        return limit


def sample_road(rng: np.random.Generator) -> Road:
    """Draw a road."""
    place = str(rng.choice(PLACES, p=(0.6, 0.18, 0.22)))
    counts, weights = {
        "highway": ((2, 3, 4, 5), (0.15, 0.3, 0.35, 0.2)),
        "rural": ((1, 2), (0.75, 0.25)),
        "city": ((1, 2, 3), (0.45, 0.4, 0.15)),
    }[place]
    ours = int(rng.choice(counts, p=weights))
    divided = place == "highway" or bool(rng.random() < 0.3)
    oncoming = 0 if divided else int(rng.integers(1, min(ours, 2) + 1))
    ego = int(rng.integers(0, ours))
    ego = min(max(ego, ours - 3), 2 - min(oncoming, 2) if oncoming else 2)
    ego = max(ego, 0)
    width = rng.uniform(3.4, 3.9) if place == "highway" else rng.uniform(2.9, 3.7)
    widths = width * rng.uniform(0.97, 1.03, ours + oncoming)
    lanes = _lanes(widths, oncoming, ego)
    shoulders = rng.uniform(*((0.5, 3.5) if place == "highway" else (0.1, 1.6)), 2)
    lines = _lines(rng, place, lanes, oncoming)
    bend = float(rng.choice((1 / 2500, 1 / 900, 1 / 350), p=(0.55, 0.33, 0.12)))
    curvature = rng.normal(0, bend)
    jitter = 0.3 if rng.random() < 0.9 else 0.9
    return Road(
        place=place,
        start_m=float(np.clip(rng.normal(0, jitter), -1.5, 1.5)),
        heading=float(rng.normal(0, 0.012)),
        curvature=float(curvature),
        clothoid=float(rng.normal(0, bend / 90)),
        crest=float(rng.normal(0, 1.6e-4) if rng.random() < 0.7 else 0.0),
        lanes=lanes,
        lines=lines,
        edges_m=(lines[0].offset_m - float(shoulders[0]), lines[-1].offset_m + float(shoulders[1])),
        ego=oncoming + ego,
        divided=divided,
    )


def _lanes(widths: FloatArray, oncoming: int, ego: int) -> tuple[Lane, ...]:
    borders = np.concatenate([[0.0], np.cumsum(widths)])
    centers = (borders[1:] + borders[:-1]) / 2
    centers = centers - centers[oncoming + ego]
    return tuple(
        Lane(float(center), float(width), -1 if index < oncoming else 1)
        for index, (center, width) in enumerate(zip(centers, widths, strict=True))
    )


def _lines(
    rng: np.random.Generator, place: str, lanes: tuple[Lane, ...], oncoming: int
) -> tuple[LaneLine, ...]:
    """Draw the lines from left to right; one look for all inner lines of a road."""
    offsets = [lane.center_m - lane.width_m / 2 for lane in lanes]
    offsets.append(lanes[-1].center_m + lanes[-1].width_m / 2)
    inner = str(
        rng.choice(("dashed", "botts dots"), p=(0.58, 0.42) if place == "highway" else (1, 0))
    )
    period, painted = _dash_pattern(rng, place)
    phase = float(rng.uniform(0, period))
    width = float(rng.uniform(0.1, 0.2))
    strength = float(rng.uniform(0.45, 1.0))
    yellow = bool(rng.random() < 0.65)
    center_style = str(rng.choice(("double solid", "dashed", "solid"), p=(0.55, 0.25, 0.2)))
    lines = []
    for index, offset in enumerate(offsets):
        style, color = inner, "white"
        if index == 0:
            style = "solid"
            color = "yellow" if oncoming == 0 and yellow else "white"
        elif index == len(lanes):
            style = "solid"
        elif index == oncoming:
            style, color = center_style, "yellow" if yellow else "white"
        if index == 0 and oncoming == 0 and rng.random() < 0.2:
            style = "double solid"
        elif style != "solid" and index != oncoming and rng.random() < 0.08:
            style = "solid"
        lines.append(
            LaneLine(
                offset_m=float(offset),
                style=style,
                color=color,
                width_m=width * (0.8 if style == "double solid" else 1.0),
                dash_m=(painted, period, phase),
                strength=float(np.clip(strength * rng.uniform(0.7, 1.25), 0.2, 1.0)),
            )
        )
    return tuple(lines)


def _dash_pattern(rng: np.random.Generator, place: str) -> tuple[float, float]:
    """Draw period and painted length in metres: American, European, Chinese, urban rules."""
    patterns = [(12.2, 3.05), (12.0, 3.0), (15.0, 6.0), (18.0, 6.0), (12.0, 4.0)]
    if place != "highway":
        patterns += [(6.0, 3.0), (6.0, 2.0), (9.0, 3.0), (6.0, 2.0)]
    period, painted = patterns[int(rng.integers(len(patterns)))]
    return float(period * rng.uniform(0.92, 1.08)), float(painted * rng.uniform(0.8, 1.1))
