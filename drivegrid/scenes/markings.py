"""Paint on the road: lane lines with exact pixel coverage, and the marks that are not lines."""

from __future__ import annotations

import numpy as np

from drivegrid.geometry import FloatArray
from drivegrid.scenes.camera import Camera, Float32Array
from drivegrid.scenes.canvas import Canvas
from drivegrid.scenes.road import LaneLine, Road
from drivegrid.scenes.surface import Ground, noise_tiles

_DOT_SPACING_M = 1.22


def paint_lines(rng: np.random.Generator, color: Float32Array, ground: Ground, road: Road) -> None:
    """Blend every lane line into (h, W, 3) ``color``, in place."""
    level = rng.uniform(0.75, 1.0)
    white = np.array([238, 238, 232]) * level + rng.normal(0, 4, 3)
    yellow = np.array([225, rng.uniform(150, 190), rng.uniform(30, 90)]) * level
    wear = float(rng.uniform(0.0, 0.55) ** 1.2)
    for line in road.lines:
        tone = yellow if line.color == "yellow" else white
        for stroke in _strokes(line):
            _paint_stroke(color, ground, line, stroke, (tone, wear, float(rng.uniform(0, 512))))


def _strokes(line: LaneLine) -> tuple[float, ...]:
    if line.style == "double solid":
        return (line.offset_m - 1.2 * line.width_m, line.offset_m + 1.2 * line.width_m)
    return (line.offset_m,)


def _paint_stroke(
    color: Float32Array,
    ground: Ground,
    line: LaneLine,
    center_m: float,
    look: tuple[FloatArray, float, float],
) -> None:
    """Blend one stroke: lateral box coverage x longitudinal dash coverage x wear."""
    tone, wear, shift = look
    half = np.float32(line.width_m / 2)
    away = np.abs(ground.offset - np.float32(center_m))
    near = np.flatnonzero((away < ground.foot_across / 2 + half) & ground.seen)
    if len(near) == 0:
        return
    away, foot = away.ravel()[near], ground.foot_across.ravel()[near]
    overlap = np.minimum(away + foot / 2, half) - np.maximum(away - foot / 2, -half)
    z, foot_z = ground.depth.ravel()[near], ground.foot_along.ravel()[near]
    cover = np.clip(overlap / foot, 0, 1) * _dash_cover(line, z, foot_z)
    clouds, grain = noise_tiles()[1], noise_tiles()[0]
    x = ground.offset.ravel()[near]
    u, w = (x / 0.02 + shift).astype(int) % 512, (z / 0.06 + shift).astype(int) % 512
    v = (z / 0.35 + shift).astype(int) % 512
    worn = 0.6 + 0.4 * np.tanh(1.5 * (clouds[v, u] + 0.5 * grain[w, u] + 1.2 - 2.2 * wear))
    cover = (cover * line.strength * worn)[:, None]
    flat = color.reshape(-1, 3)
    flat[near] += cover * (tone.astype(np.float32) - flat[near])


def _dash_cover(line: LaneLine, z: Float32Array, foot: Float32Array) -> Float32Array:
    """Share of [z - foot/2, z + foot/2] that is painted."""
    if line.style in ("solid", "double solid"):
        return np.ones_like(z)
    painted, period, phase = line.dash_m
    if line.style == "dashed":
        return _periodic_cover(z - phase, foot, period, painted)
    size = 1.3 * line.width_m
    cover = np.zeros_like(z)
    for dot in range(4):
        cover += _periodic_cover(z - phase - dot * _DOT_SPACING_M, foot, period, size)
    return cover


def _periodic_cover(
    z: Float32Array, foot: Float32Array, period: float, painted: float
) -> Float32Array:
    def integral(t: Float32Array) -> Float32Array:
        turns = np.floor(t / np.float32(period))
        rest = np.minimum(t - turns * np.float32(period), np.float32(painted))
        return np.asarray(turns * np.float32(painted) + rest, dtype=np.float32)

    half = np.asarray(foot / 2, dtype=np.float32)
    low, high = np.asarray(z - half, np.float32), np.asarray(z + half, np.float32)
    return np.asarray((integral(high) - integral(low)) / foot, dtype=np.float32)


def draw_distractors(rng: np.random.Generator, canvas: Canvas, camera: Camera, road: Road) -> None:
    """Draw what is on the road but is no lane line: cracks, tar, patches, arrows, crossings."""
    left, right = road.edges_m
    for _ in range(int(rng.poisson(1.2))):  # cracks and tar snakes
        z = np.linspace(0, rng.uniform(4, 25), 9) + rng.uniform(4, 40)
        q = rng.uniform(left, right) + np.cumsum(rng.normal(0, rng.uniform(0.05, 0.35), 9))
        _strip(
            canvas,
            camera,
            road,
            (q, z, rng.uniform(0.015, 0.06)),
            (35, 34, 33),
            rng.uniform(0.2, 0.7),
        )
    for _ in range(int(rng.poisson(0.5))):  # patches of other asphalt
        z0, q0 = rng.uniform(4, 60), rng.uniform(left, right)
        corners = [(q0, z0), (q0 + rng.uniform(0.6, 3.5), z0), (q0, z0 + rng.uniform(1, 15))]
        tone = float(rng.uniform(30, 120))
        ring = [corners[0], corners[1], (corners[1][0], corners[2][1]), corners[2]]
        _mark(canvas, camera, road, np.array(ring), (tone, tone, tone), rng.uniform(0.15, 0.6))
    if rng.random() < 0.3:  # tyre marks
        z = np.linspace(0, rng.uniform(8, 40), 12) + rng.uniform(4, 30)
        q = rng.uniform(left, right) + np.linspace(0, rng.normal(0, 1.0), 12) ** 2
        for wheel in (0.0, 1.5):
            _strip(canvas, camera, road, (q + wheel, z, 0.1), (30, 30, 30), rng.uniform(0.15, 0.45))
    chance = 0.45 if road.place == "city" else 0.1
    if rng.random() < chance:
        _draw_arrows(rng, canvas, camera, road)
    if road.place == "city" and rng.random() < 0.3:
        _draw_crossing(rng, canvas, camera, road)


def _mark(
    canvas: Canvas,
    camera: Camera,
    road: Road,
    offsets_depths: FloatArray,
    color: tuple[float, float, float],
    alpha: float,
) -> None:
    """Fill a polygon of (N, 2) lateral offsets and distances, kept in front of the camera."""
    depth = np.maximum(offsets_depths[:, 1], 1.5)
    canvas.poly(camera.project(road.points(offsets_depths[:, 0], depth)), color, alpha)


def _strip(
    canvas: Canvas,
    camera: Camera,
    road: Road,
    course: tuple[FloatArray, FloatArray, float],
    color: tuple[float, float, float],
    alpha: float,
) -> None:
    q, z, width = course
    ring = np.concatenate([np.stack([q - width, z], 1), np.stack([q + width, z], 1)[::-1]])
    _mark(canvas, camera, road, ring, color, alpha)


_ARROW = np.array(
    [[-0.08, 0], [0.08, 0], [0.08, 0.55], [0.3, 0.55], [0, 1], [-0.3, 0.55], [-0.08, 0.55]]
)


def _draw_arrows(rng: np.random.Generator, canvas: Canvas, camera: Camera, road: Road) -> None:
    z, length = rng.uniform(6, 35), rng.uniform(3, 6)
    for lane in road.lanes:
        if lane.direction < 0 or rng.random() < 0.4:
            continue
        shape = _ARROW * (1.2, length) + (lane.center_m, z)
        if rng.random() < 0.4:  # a turning arrow: bend the shaft
            shape[:, 0] += np.sign(rng.normal()) * 0.4 * ((shape[:, 1] - z) / length) ** 2
        _mark(canvas, camera, road, shape, (225, 225, 220), rng.uniform(0.3, 0.9))


def _draw_crossing(rng: np.random.Generator, canvas: Canvas, camera: Camera, road: Road) -> None:
    z, length = rng.uniform(8, 45), rng.uniform(2.5, 4)
    alpha = rng.uniform(0.3, 0.9)
    for q in np.arange(road.lines[0].offset_m + 0.3, road.lines[-1].offset_m - 0.3, 1.0):
        ring = np.array([[q, z], [q + 0.5, z], [q + 0.5, z + length], [q, z + length]])
        _mark(canvas, camera, road, ring, (225, 225, 222), alpha)
    if rng.random() < 0.7:
        ours = [lane for lane in road.lanes if lane.direction > 0]
        low = ours[0].center_m - ours[0].width_m / 2
        ring = np.array([[low, z - 2], [road.lines[-1].offset_m, z - 2]])
        ring = np.concatenate([ring, ring[::-1] + np.array([0, 0.4])])
        _mark(canvas, camera, road, ring, (225, 225, 222), alpha)
