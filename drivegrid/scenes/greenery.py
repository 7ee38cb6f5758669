"""Trees and lamp posts beside the road."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from drivegrid.scenes.camera import Camera, lift
from drivegrid.scenes.canvas import Canvas, UInt8Array
from drivegrid.scenes.road import Road
from drivegrid.scenes.surface import noise_tiles
from drivegrid.scenes.weather import Light

_SIDE = 72


@lru_cache(maxsize=1)
def tree_sprites() -> tuple[UInt8Array, ...]:
    """Return 16 crowns, each (72, 72, 2) uint8: shade and cover."""
    rng = np.random.default_rng(99)
    y, x = np.mgrid[0:_SIDE, 0:_SIDE] / (_SIDE / 2) - 1
    grain, clouds, _ = noise_tiles()
    sprites = []
    for number in range(16):
        field = np.full((_SIDE, _SIDE), -9.0)
        pointed = number % 4 == 3
        for _ in range(int(rng.integers(5, 12))):
            cx, cy = rng.normal(0, 0.32), rng.normal(0, 0.32)
            size = rng.uniform(0.25, 0.5)
            field = np.maximum(field, 1 - np.hypot((x - cx) / size, (y - cy) / size))
        if pointed:  # a conifer or cypress
            field = 1.2 - np.abs(x) * 6 / (y + 1.15) - np.maximum(y - 0.9, 0) * 9
        row, column = rng.integers(0, 512 - _SIDE, 2)
        leaves = clouds[row : row + _SIDE, column : column + _SIDE]
        twigs = grain[row : row + _SIDE, column : column + _SIDE]
        cover = np.clip((field + 0.16 * leaves + 0.14 * twigs) * 4 + 0.4, 0, 1)
        cover *= (np.hypot(x, y) < 0.98) | pointed
        shade = np.clip(105 + 34 * leaves + 20 * twigs - 45 * y, 10, 255)
        sprites.append(np.stack([shade, cover * 255], axis=2).astype(np.uint8))
    return tuple(sprites)


def draw_trees(
    rng: np.random.Generator, canvas: Canvas, camera: Camera, road: Road, light: Light
) -> None:
    """Draw groves, avenues or nothing on each side, from far to near."""
    trees = []
    for side, edge in ((-1, road.edges_m[0]), (1, road.edges_m[1])):
        mean = float(rng.choice((0, 4, 14), p=(0.35, 0.4, 0.25)))
        nearest = float(rng.uniform(2.5, 12)) + (8.0 if road.divided and side < 0 else 0.0)
        size = rng.uniform(4, 13)
        for _ in range(int(rng.poisson(mean))):
            q = edge + side * (nearest + rng.exponential(6))
            trees.append((float(1 / rng.uniform(1 / 160, 1 / 14)), q, size * rng.uniform(0.6, 1.4)))
    tone = np.array([92, 112, 62]) * rng.uniform(0.45, 1.2) + rng.normal(0, 8, 3)
    for z, q, size in sorted(trees, reverse=True):
        _draw_tree(rng, canvas, camera, (road, z, q, size), (tone * rng.uniform(0.7, 1.2), light))


def _draw_tree(
    rng: np.random.Generator,
    canvas: Canvas,
    camera: Camera,
    place: tuple[Road, float, float, float],
    look: tuple[np.ndarray, Light],
) -> None:
    road, z, q, size = place
    tone, light = look
    foot = road.points(q, np.array([z]))
    trunk = size * rng.uniform(0.1, 0.35)
    ends = camera.project(np.concatenate([foot, lift(foot, trunk + size * 0.3)]))
    wide = size * rng.uniform(0.6, 1.0) * camera.focal * camera.stretch_xy[0] / z
    clear = np.exp(-z / light.fog_m)
    dark = 45 * light.ambient * clear + light.haze[0] * (1 - clear)
    canvas.line(ends, (dark, dark * 0.9, dark * 0.8), 0.06 * wide)
    top = camera.project(lift(foot, trunk + size))[0]
    bottom = camera.project(lift(foot, trunk))[0]
    box = np.array([[top[0] - wide / 2, top[1]], [top[0] + wide / 2, bottom[1]]])
    sprite = tree_sprites()[int(rng.integers(16))]
    canvas.stamp(sprite, box, tone * light.ambient * clear, np.array(light.haze) * (1 - clear))


def draw_lamp_posts(
    rng: np.random.Generator, canvas: Canvas, camera: Camera, road: Road, light: Light
) -> None:
    """Draw a row of lamp or power posts on one side; lit at night."""
    if rng.random() > (0.6 if road.place == "city" else 0.3):
        return
    side = 1 if rng.random() < 0.6 else -1
    q = (road.edges_m[1] if side > 0 else road.edges_m[0]) + side * rng.uniform(0.8, 3)
    spacing, high, arm = rng.uniform(22, 45), rng.uniform(7, 11), rng.uniform(0, 2.5)
    tone = rng.uniform(60, 150) * light.ambient
    for z in np.arange(rng.uniform(9, 40), 150, spacing)[::-1]:
        foot = road.points(q, np.array([z]))
        head = lift(foot, high)
        points = camera.project(np.concatenate([foot, head, head - (side * arm, -0.3, 0)]))
        canvas.line(points, (tone, tone, tone), 0.16 * camera.focal / z)
        if light.night:
            angle = np.linspace(0, 2 * np.pi, 12, endpoint=False)
            ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
            for radius, alpha in ((1.6, 0.12), (0.8, 0.25), (0.3, 1.0)):
                halo = points[2] + ring * radius * camera.focal / z
                canvas.poly(halo, (255, 225, 180), alpha)
