"""Paint the ground in the picture plane: what lies where is decided by projected polygons.

Every polygon is cut to the stretches of road that no crest hides, so nearer ground never has to
cover farther ground.
"""

from __future__ import annotations

import cv2
import numpy as np

from drivegrid.geometry import FloatArray
from drivegrid.scenes.alignment import DEPTHS_M, FAR_M, Alignment
from drivegrid.scenes.camera import Camera, Float32Array
from drivegrid.scenes.mesh import Color
from drivegrid.scenes.road import Band, Course, LaneLine, Mark
from drivegrid.scenes.segments import SEGMENT
from drivegrid.scenes.view import UInt8Array, UInt16Array

_SHIFT = 4
_SAMPLES = 72
_KERB: Color = (150, 148, 142)

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
        self.runs = visible_runs(camera, alignment)
        self._limit = 3.0 * width / camera.focal_xy[0]

    def band(self, band: Band, wet: int) -> None:
        """Fill a strip of ground, with its kerbs where it is raised."""
        code = SEGMENT[band.segment]
        for z in self.clip_runs(band.span_m):
            left, right = band.left.at(z), band.right.at(z)
            if band.up_m:
                for side, inner in ((left, 1), (right, -1)):
                    face = self._ring(z, side, side, (band.up_m, 0.0))
                    self._fill(face, _KERB, band.segment, 90)
                    self._fill(
                        self._ring(z, side, side + 0.16 * inner, (band.up_m,) * 2),
                        _KERB,
                        band.segment,
                        90,
                    )
                left, right = left + 0.14, right - 0.14
            ring = self._ring(z, left, right, (band.up_m, band.up_m))
            self._fill(ring, band.color, band.segment, band.rough)
            if wet and code == SEGMENT["road"]:
                cv2.fillPoly(self.wet, [ring], wet, cv2.LINE_8, _SHIFT)

    def line(self, line: LaneLine, instance: int) -> None:
        """Paint a lane line; unpainted ones leave no trace."""
        if line.style == "missing":
            return
        color = PAINTS[line.color]
        if line.ghost_m:
            self._strokes(line, (line.ghost_m,), color, (0.22, 0))
        self._strokes(line, stroke_offsets(line), color, (line.strength, instance))

    def _strokes(
        self, line: LaneLine, offsets: tuple[float, ...], color: Color, look: tuple[float, int]
    ) -> None:
        for number, offset in enumerate(offsets):
            if not is_dashed(line.style, number):
                for span in line.spans_m:
                    self._stroke(line, (offset, 0.0), span, color, look)
                continue
            painted, period, _ = dash_pattern(line)
            blur = float(np.sqrt(self.camera.focal_xy[1] * self.camera.height_m * period / 2))
            lean = 0.25 if line.style == "zigzag" else 0.0
            for span in painted_spans(line, self.alignment, blur):
                self._stroke(line, (offset, lean), span, color, look)
                lean = -lean
            share = painted / period * (0.5 if line.style == "botts dots" else 1.0)
            for near, far in line.spans_m:  # too far to tell dashes from gaps
                rest = (max(near, blur), far)
                self._stroke(line, (offset, 0.0), rest, color, (look[0] * share, look[1]))

    def _stroke(
        self,
        line: LaneLine,
        offset: tuple[float, float],
        span: tuple[float, float],
        color: Color,
        look: tuple[float, int],
    ) -> None:
        """One painted piece; farther than a pixel's width it fades instead of thinning.

        ``offset`` is lateral, at the middle and how much more at the far end (less at the near).
        """
        half = line.width_m / 2
        wide_m = self.camera.focal_xy[0] * line.width_m
        for z in self.clip_runs(span):
            pieces = np.split(z, np.searchsorted(z, (wide_m, 2 * wide_m, 4 * wide_m)))
            for index, piece in enumerate(pieces):
                if index and len(pieces[index - 1]):  # join on to the nearer piece
                    piece = np.concatenate([pieces[index - 1][-1:], piece])
                if len(piece) < 2:
                    continue
                cover = min(1.0, wide_m / float(piece.mean())) * look[0]
                lean = offset[1] * (2 * (piece - span[0]) / (span[1] - span[0]) - 1)
                middle = line.course.at(piece) + offset[0] + lean
                reach = np.maximum(half, 0.5 * piece / self.camera.focal_xy[0])
                ring = self._ring(piece, middle - reach, middle + reach, (0.0, 0.0))
                self._cover(ring, color, cover, look[1])

    def mark(self, mark: Mark, instance: int) -> None:
        """Fill a mark's polygons: paint over the ground, or stains as part of it."""
        for polygon in mark.polygons:
            ring = self._flat(polygon)
            if ring is None:
                continue
            if mark.paint:
                self._cover(ring, mark.color, mark.strength, instance)
                continue
            cv2.fillPoly(self.albedo, [ring], mark.color, cv2.LINE_AA, _SHIFT)
            cv2.fillPoly(self.instances, [ring], instance, cv2.LINE_8, _SHIFT)
            if mark.wet:
                cv2.fillPoly(self.wet, [ring], int(255 * mark.wet), cv2.LINE_8, _SHIFT)
                cv2.fillPoly(self.rough, [ring], 20, cv2.LINE_8, _SHIFT)

    def _flat(self, polygon: FloatArray) -> np.ndarray | None:
        """Project an (N, 2) offset, Z polygon; None where it is behind a crest or the camera."""
        z = polygon[:, 1]
        if z.max() < 1.2 or not any(run[0] <= z.max() and z.min() <= run[-1] for run in self.runs):
            return None
        z = np.maximum(z, 1.0)
        return self.to_pixels(self.alignment.points(polygon[:, 0], z))

    def clip_runs(self, span_m: tuple[float, float]) -> list[FloatArray]:
        """Return the visible depths within a span, near to far, both ends exact."""
        found = []
        for run in self.runs:
            near, far = max(span_m[0], run[0]), min(span_m[1], run[-1])
            if near < far:
                inner = run[(run > near) & (run < far)]
                found.append(np.concatenate([[near], inner, [far]]))
        return found

    def _ring(
        self, z: FloatArray, left: FloatArray, right: FloatArray, ups: tuple[float, float]
    ) -> np.ndarray:
        limit = self._limit * z + 30
        a = self.alignment.points(np.clip(left, -limit, limit), z, ups[0])
        b = self.alignment.points(np.clip(right, -limit, limit), z, ups[1])
        return self.to_pixels(np.concatenate([a, b[::-1]]))

    def to_pixels(self, points_m: FloatArray) -> np.ndarray:
        """Project (N, 3) world points to OpenCV's fixed-point pixels."""
        pixels = np.clip(self.camera.project(points_m) - 0.5, -16000, 16000)
        return np.rint(pixels * (1 << _SHIFT)).astype(np.int32)

    def _fill(self, ring: np.ndarray, color: Color, segment: str, rough: int) -> None:
        cv2.fillPoly(self.albedo, [ring], color, cv2.LINE_AA, _SHIFT)
        cv2.fillPoly(self.segments, [ring], SEGMENT[segment], cv2.LINE_8, _SHIFT)
        cv2.fillPoly(self.rough, [ring], rough, cv2.LINE_8, _SHIFT)

    def _cover(self, ring: np.ndarray, color: Color, cover: float, instance: int) -> None:
        value = (color[0] * cover, color[1] * cover, color[2] * cover, 255 * cover)
        cv2.fillPoly(self.paint, [ring], value, cv2.LINE_AA, _SHIFT)
        if instance:
            cv2.fillPoly(self.instances, [ring], instance, cv2.LINE_8, _SHIFT)
            cv2.fillPoly(self.segments, [ring], SEGMENT["marking"], cv2.LINE_8, _SHIFT)


def visible_runs(camera: Camera, alignment: Alignment) -> list[FloatArray]:
    """Return runs of depths whose ground can be seen, near to far, denser when near.

    The nearest is where the lowest ray of the picture meets the ground.
    """
    _, rows = camera.plane_axes()
    steepest = abs(float(rows[-1])) + abs(np.sin(camera.roll_rad)) + 0.02
    near = float(np.clip(0.9 * camera.height_m / steepest, 0.85, 8.0))
    depth = 1 / np.linspace(1 / near, 1 / FAR_M, _SAMPLES)
    seen = (
        ground_tangent(camera, alignment, depth)
        <= np.interp(depth, DEPTHS_M[1:], alignment.skyline(camera.height_m)[1:]) + 1e-4
    )
    seen[depth < 3] = True
    edges = np.flatnonzero(np.diff(seen.astype(np.int8))) + 1
    return [
        run
        for run, ok in zip(np.split(depth, edges), np.split(seen, edges), strict=True)
        if ok[0] and len(run) > 1
    ]


def ground_tangent(camera: Camera, alignment: Alignment, depth_m: FloatArray) -> FloatArray:
    """Return the tangent (height - Y)/Z at which the ground at (N,) depths is seen."""
    height = np.interp(depth_m, DEPTHS_M, alignment.height_m)
    return np.asarray((camera.height_m - height) / depth_m)


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


def ground_maps(
    camera: Camera, alignment: Alignment
) -> tuple[Float32Array, Float32Array, np.ndarray]:
    """Return (H, W) lateral offset and depth of the ground under each pixel, and where it is seen."""
    right, down = camera.slopes()
    low, high, table = alignment.ground_table(camera.height_m)
    seen = down > low
    position = (np.clip(down, low, high) - low) * ((len(table) - 1) / (high - low))
    closeness = np.interp(position, np.arange(len(table)), table)
    depth = 1 / closeness
    center = np.interp(depth, DEPTHS_M, alignment.center_m)
    stretch = np.interp(depth, DEPTHS_M, alignment.stretch)
    offset = (right * depth - center) / stretch
    return offset.astype(np.float32), depth.astype(np.float32), seen
