"""Paint the ground in the picture plane: what lies where is decided by projected polygons.

Every polygon is cut to the stretches of road that no crest hides, so nearer ground never has to
cover farther ground.
"""

from __future__ import annotations

import itertools
import math

import cv2
import numpy as np

from drivegrid.geometry import FloatArray
from drivegrid.scenes.alignment import DEPTHS_M, FAR_M, Alignment
from drivegrid.scenes.camera import Camera, Float32Array
from drivegrid.scenes.mesh import Color
from drivegrid.scenes.road import Band, LaneLine, Mark
from drivegrid.scenes.segments import SEGMENT
from drivegrid.scenes.stations import SHIFT, Fixed, Stations, to_fixed
from drivegrid.scenes.view import UInt8Array, UInt16Array

_SAMPLES = 72
_KERB: Color = (156, 154, 148)
_KERB_FACE: Color = (84, 83, 80)
_GUTTER: Color = (62, 62, 62)
_JOINTS_M = 22.0

PAINTS: dict[str, Color] = {
    "white": (232, 232, 226),
    "yellow": (222, 170, 58),
    "blue": (60, 95, 170),
    "red": (168, 60, 52),
    "green": (60, 130, 84),
    "other": (228, 120, 40),
}
"""Albedo of paint by the taxonomy's colour."""


class GroundPainter:
    """Draws on the layers of a plate; see ``view.Plate`` for what they mean."""

    def __init__(self, camera: Camera, alignment: Alignment) -> None:
        width, height = camera.size_wh
        self.camera = camera
        self.alignment = alignment
        self.albedo: UInt8Array = np.zeros((height, width, 3), dtype=np.uint8)
        self.paint: UInt8Array = np.zeros((height, width, 4), dtype=np.uint8)
        self.rough: UInt8Array = np.zeros((height, width), dtype=np.uint8)
        self.wet: UInt8Array = np.zeros((height, width), dtype=np.uint8)
        self.segments: UInt8Array = np.zeros((height, width), dtype=np.uint8)
        self.instances: UInt16Array = np.zeros((height, width), dtype=np.uint16)
        self._runs = [Stations(camera, alignment, z) for z in visible_runs(camera, alignment)]

    def band(self, band: Band, wet: int) -> None:
        """Fill a strip of ground, with its kerbs where it is raised."""
        for run in self._within(band.span_m):
            left, right = band.left.at(run.z), band.right.at(run.z)
            if band.up_m:
                for side, inner in ((left, 0.16), (right, -0.16)):
                    gutter = run.ring(side - 1.6 * inner, side, 0.0, 0.0)
                    face = run.ring(side, side, band.up_m, 0.0)
                    top = run.ring(side, side + inner, band.up_m, band.up_m)
                    cv2.fillPoly(self.albedo, [gutter], _GUTTER, cv2.LINE_AA, SHIFT)
                    self._fill(face, _KERB_FACE, band.segment, 60)
                    self._fill(top, _KERB, band.segment, 90)
                left, right = left + 0.14, right - 0.14
            ring = run.ring(left, right, band.up_m, band.up_m)
            self._fill(ring, band.color, band.segment, band.rough)
            if band.up_m and band.segment == "sidewalk":
                self._joints(run, (left, right), band)
            if wet and band.segment == "road":
                cv2.fillPoly(self.wet, [ring], wet, cv2.LINE_8, SHIFT)

    def _joints(self, run: Stations, borders: tuple[FloatArray, FloatArray], band: Band) -> None:
        """Draw the joints between slabs where they can be told apart."""
        dark = tuple(0.72 * c for c in band.color)
        near, far = float(run.z[0]), min(float(run.z[-1]), _JOINTS_M)
        if near >= far:
            return
        across = Stations(self.camera, self.alignment, np.arange(near, far, 0.9))
        sides = [across.pixels(np.interp(across.z, run.z, border), band.up_m) for border in borders]
        cv2.polylines(
            self.albedo, list(np.stack(sides, axis=1)), False, dark, 1, cv2.LINE_AA, SHIFT
        )
        middle = run.pixels((borders[0] + borders[1]) / 2, band.up_m)
        cv2.polylines(self.albedo, [middle], False, dark, 1, cv2.LINE_AA, SHIFT)

    def line(self, line: LaneLine, instance: int) -> None:
        """Paint a lane line; unpainted ones leave no trace."""
        if line.style == "missing":
            return
        if line.ghost_m:
            self._strokes(line, (line.ghost_m,), 0.22, 0)
        self._strokes(line, stroke_offsets(line), line.strength, instance)

    def _strokes(
        self, line: LaneLine, offsets: tuple[float, ...], strength: float, instance: int
    ) -> None:
        for number, offset in enumerate(offsets):
            if not is_dashed(line.style, number):
                for span in line.spans_m:
                    self._solid(line, offset, span, (strength, instance))
                continue
            painted, period, _ = dash_pattern(line)
            blur = float(np.sqrt(self.camera.focal_xy[1] * self.camera.height_m * period / 2))
            self._dashes(line, offset, blur, (strength, instance))
            share = painted / period * (0.5 if line.style == "botts dots" else 1.0)
            for near, far in line.spans_m:  # too far to tell dashes from gaps
                self._solid(line, offset, (max(near, blur), far), (strength * share, instance))

    def _solid(
        self, line: LaneLine, offset: float, span: tuple[float, float], look: tuple[float, int]
    ) -> None:
        """An unbroken stroke; farther than a pixel's width it fades instead of thinning."""
        wide_m = self.camera.focal_xy[0] * line.width_m
        for run in self._within(span):
            reach = self._half_widths(line, run.z)
            middle = line.course.at(run.z) + offset
            ring = run.ring(middle - reach, middle + reach, 0.0, 0.0)
            cuts = np.searchsorted(run.z, (wide_m, 2 * wide_m, 4 * wide_m)).tolist()
            pieces = []
            for cut, last in itertools.pairwise((0, *cuts, len(run.z))):
                if last > cut:
                    first = max(cut - 1, 0)
                    back = ring[len(ring) - last : len(ring) - first]
                    pieces.append(np.concatenate([ring[first:last], back]))
                    mean = float(run.z[first:last].sum()) / (last - first)
                    cover = min(1.0, wide_m / mean) * look[0]
                    self._cover(pieces[-1:], PAINTS[line.color], cover)
            self._label(pieces, look[1])

    def _dashes(
        self, line: LaneLine, offset: float, reach_m: float, look: tuple[float, int]
    ) -> None:
        """All dashes up to a distance, four samples along each, in few calls."""
        spans = np.array(painted_spans(line, self.alignment, reach_m)).reshape(-1, 2)
        spans = np.maximum(spans[self._sees(spans)], 0.9)
        if len(spans) == 0:
            return
        z = spans[:, :1] + (spans[:, 1:] - spans[:, :1]) * np.linspace(0, 1, 4)
        stations = Stations(self.camera, self.alignment, z.ravel())
        middle = line.course.at(stations.z) + offset
        if line.style == "zigzag":
            lean = np.tile(np.linspace(-0.25, 0.25, 4), (len(spans), 1))
            lean[1::2] *= -1
            middle = middle + lean.ravel()
        half = self._half_widths(line, stations.z)
        sides = [stations.pixels(q, 0.0).reshape(-1, 4, 2) for q in (middle - half, middle + half)]
        rings = np.concatenate([sides[0], sides[1][:, ::-1]], axis=1)
        wide_m = self.camera.focal_xy[0] * line.width_m
        cuts = np.searchsorted(z.mean(axis=1), (wide_m, 2 * wide_m, 4 * wide_m)).tolist()
        for first, last in itertools.pairwise((0, *cuts, len(z))):
            if last > first:
                cover = min(1.0, wide_m / float(z[first:last].mean())) * look[0]
                self._cover(list(rings[first:last]), PAINTS[line.color], cover)
        self._label(list(rings), look[1])

    def _half_widths(self, line: LaneLine, z: FloatArray) -> FloatArray:
        """Half the stroke's width at each depth, at least half a pixel."""
        return np.asarray(np.maximum(line.width_m / 2, 0.5 * z / self.camera.focal_xy[0]))

    def mark(self, mark: Mark, instance: int) -> None:
        """Fill a mark's polygons: paint over the ground, or stains as part of it."""
        ground = np.concatenate(mark.polygons)
        depth = ground[:, 1]
        if depth.max() < 1.2 or not self._sees(np.array([[depth.min(), depth.max()]]))[0]:
            return
        stations = Stations(self.camera, self.alignment, np.maximum(depth, 1.0))
        ends = np.cumsum([len(p) for p in mark.polygons])[:-1]
        rings = np.split(stations.pixels(ground[:, 0], 0.0), ends)
        if mark.paint:
            for ring in rings:
                self._cover([ring], mark.color, mark.strength)
                self._label([ring], instance)
            return
        for ring in rings:
            cv2.fillPoly(self.albedo, [ring], mark.color, cv2.LINE_AA, SHIFT)
            cv2.fillPoly(self.instances, [ring], instance, cv2.LINE_8, SHIFT)
            if mark.wet:
                cv2.fillPoly(self.wet, [ring], int(255 * mark.wet), cv2.LINE_8, SHIFT)
                cv2.fillPoly(self.rough, [ring], 20, cv2.LINE_8, SHIFT)

    def _within(self, span_m: tuple[float, float]) -> list[Stations]:
        """Return the visible stations within a span, near to far, both ends exact."""
        found = []
        for run in self._runs:
            if span_m[0] <= run.z[0] and run.z[-1] <= span_m[1]:
                found.append(run)
                continue
            near, far = max(span_m[0], run.z[0]), min(span_m[1], run.z[-1])
            if near < far:
                inner = run.z[(run.z > near) & (run.z < far)]
                z = np.concatenate([[near], inner, [far]])
                found.append(Stations(self.camera, self.alignment, z))
        return found

    def _sees(self, spans: FloatArray) -> np.ndarray:
        """Return which of (N, 2) near and far depths lie in a visible run, at least in part."""
        seen = np.zeros(len(spans), dtype=bool)
        for run in self._runs:
            seen |= (spans[:, 1] > run.z[0]) & (spans[:, 0] < run.z[-1])
        return seen

    def _fill(self, ring: Fixed, color: Color, segment: str, rough: int) -> None:
        cv2.fillPoly(self.albedo, [ring], color, cv2.LINE_AA, SHIFT)
        cv2.fillPoly(self.segments, [ring], SEGMENT[segment], cv2.LINE_8, SHIFT)
        cv2.fillPoly(self.rough, [ring], rough, cv2.LINE_8, SHIFT)

    def _cover(self, rings: list[Fixed], color: Color, cover: float) -> None:
        value = (color[0] * cover, color[1] * cover, color[2] * cover, 255 * cover)
        cv2.fillPoly(self.paint, rings, value, cv2.LINE_AA, SHIFT)

    def _label(self, rings: list[Fixed], instance: int) -> None:
        """Say whose paint it is, if anybody's."""
        if instance and rings:
            cv2.fillPoly(self.instances, rings, instance, cv2.LINE_8, SHIFT)
            cv2.fillPoly(self.segments, rings, SEGMENT["marking"], cv2.LINE_8, SHIFT)


def visible_runs(camera: Camera, alignment: Alignment) -> list[FloatArray]:
    """Return runs of depths whose ground can be seen, near to far, evenly spaced on a log scale.

    A bend between two depths then leaves its chord by little, near and far. The nearest is where
    the lowest ray of the picture meets the ground.
    """
    _, rows = camera.plane_axes()
    steepest = abs(float(rows[-1])) + abs(math.sin(camera.roll_rad)) + 0.02
    near = min(max(0.9 * camera.height_m / steepest, 0.85), 8.0)
    depth = np.power(10.0, np.linspace(np.log10(near), np.log10(FAR_M), _SAMPLES))
    depth[0], depth[-1] = near, FAR_M
    skyline = np.interp(depth, DEPTHS_M[1:], alignment.skyline(camera.height_m)[1:])
    tangent = (camera.height_m - np.interp(depth, DEPTHS_M, alignment.height_m)) / depth
    seen = tangent <= skyline + 1e-4
    seen[depth < 3] = True
    edges = np.flatnonzero(np.diff(seen.astype(np.int8))) + 1
    return [run for run in np.split(depth, edges)[::2] if len(run) > 1]


def first_crest(height_m: float, alignment: Alignment) -> float:
    """Return the depth from which a camera at a height no longer sees the ground, or FAR_M."""
    tangent = (height_m - alignment.height_m[6:]) / DEPTHS_M[6:]
    hidden = np.flatnonzero(tangent > alignment.skyline(height_m)[6:] + 1e-4)
    return float(DEPTHS_M[6 + hidden[0]]) if len(hidden) else FAR_M


def stroke_offsets(line: LaneLine) -> tuple[float, ...]:
    """Return the lateral offsets of a line's strokes: two for double and mixed styles."""
    if line.style.startswith("double") or line.style in ("solid-dashed", "dashed-solid"):
        return (-1.2 * line.width_m, 1.2 * line.width_m)
    return (0.0,)


def is_dashed(style: str, stroke: int) -> bool:
    """Return whether a stroke has gaps; strokes are counted from the left.

    >>> [is_dashed("solid-dashed", k) for k in (0, 1)]
    [False, True]
    """
    return style in ("dashed", "double dashed", "botts dots", "zigzag") or (
        style == ("dashed-solid", "solid-dashed")[stroke]
    )


def dash_pattern(line: LaneLine) -> tuple[float, float, float]:
    """Return painted length, period and phase in metres, dots and zigzags by their own rule."""
    if line.style == "botts dots":
        return 0.12, 1.22, line.dash_m[2]
    if line.style == "zigzag":
        return 2.0, 2.0, line.dash_m[2]
    return line.dash_m


def painted_spans(
    line: LaneLine, alignment: Alignment, reach_m: float
) -> list[tuple[float, float]]:
    """Return the Z spans of a line's dashes up to a distance, counted along the road's length.

    Dots come in fours with a gap of the same length (California's pattern).
    """
    painted, period, phase = dash_pattern(line)
    found: list[tuple[float, float]] = []
    for start, end in line.spans_m:
        end = min(end, reach_m)
        if end <= start:
            continue
        first, last = np.interp((start, end), DEPTHS_M, alignment.arc_m)
        begins = np.arange(first - (first + phase) % period, last, period)
        if line.style == "botts dots":
            begins = begins[np.round((begins + phase) / period).astype(int) % 8 < 4]
        near = np.maximum(alignment.depth_at(begins), start)
        far = np.minimum(alignment.depth_at(begins + painted), end)
        found += [(a, b) for a, b in zip(near.tolist(), far.tolist(), strict=True) if b > a]
    return found


def fixed(camera: Camera, points_m: FloatArray) -> Fixed:
    """Project (N, 3) world points to OpenCV's fixed-point pixels."""
    return to_fixed(camera.project(points_m))


def ground_maps(
    camera: Camera, alignment: Alignment, first: int = 0
) -> tuple[Float32Array, Float32Array, np.ndarray]:
    """Return lateral offset and depth of each pixel's ground, and where it is seen.

    All are (H - first, W): rows above ``first`` are left out.
    """
    right, down = camera.slopes(first)
    low, high, table = alignment.ground_table(camera.height_m)
    seen = down > low
    position = (np.clip(down, low, high) - low) * ((len(table) - 1) / (high - low))
    closeness = np.interp(position, np.arange(len(table)), table)
    depth = 1 / closeness
    center = np.interp(depth, DEPTHS_M, alignment.center_m)
    stretch = np.interp(depth, DEPTHS_M, alignment.stretch)
    offset = (right * depth - center) / stretch
    return offset.astype(np.float32), depth.astype(np.float32), seen
