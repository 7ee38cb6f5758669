"""What stands around the road: sky, hills, tree lines, barriers, bridges, buildings."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from drivegrid.geometry import FloatArray
from drivegrid.scenes.camera import REFERENCE_WH, Camera, lift
from drivegrid.scenes.canvas import Canvas, Color
from drivegrid.scenes.road import Road
from drivegrid.scenes.surface import noise_tiles
from drivegrid.scenes.weather import Light

DrawBand = Callable[[float, float, FloatArray], None]
"""Draws a band along the road from one height to another, metres, in a colour."""


def paint_sky(
    rng: np.random.Generator, canvas: Canvas, camera: Camera, light: Light, bottom: int
) -> None:
    """Fill the rows above ``bottom``: gradient, clouds, then hills and tree lines before it."""
    width = canvas.image.shape[1]
    rows = np.clip(np.arange(bottom) / max(camera.center_xy[1] * canvas.scale[1], 1), 0, 1)
    zenith = _zenith(rng) * (min(1.0, light.ambient + 0.35) if not light.night else 0.06)
    ramp = zenith + (np.array(light.haze) - zenith) * rows[:, None] ** rng.uniform(0.6, 1.6)
    sky = np.repeat(ramp[:, None, :], width, axis=1).astype(np.float32)
    if rng.random() < 0.6 and not light.night:
        stretch = rng.uniform(0.15, 0.7)
        clouds = _view_noise(1, canvas, bottom, (stretch, stretch * 2.5), rng.uniform(0, 512))
        amount = rng.uniform(5, 30)
        sky += (amount * np.clip(clouds + rng.uniform(-1, 0.5), -0.5, 2))[:, :, None]
    _paint_ridges(rng, canvas, camera, light, sky)
    canvas.image[:bottom] = np.clip(sky, 0, 255)


def _zenith(rng: np.random.Generator) -> FloatArray:
    kinds = np.array([[70, 120, 185], [110, 150, 195], [150, 160, 172], [215, 218, 222]])
    base = kinds[int(rng.choice(4, p=(0.3, 0.3, 0.2, 0.2)))]
    return np.asarray(base + rng.normal(0, 5, 3) + rng.normal(0, 10), dtype=np.float64)


def _view_noise(
    which: int, canvas: Canvas, rows: int, texels_xy: tuple[float, float], shift: float
) -> FloatArray:
    """Sample noise tile ``which`` over the top rows, ``texels_xy`` per reference pixel."""
    x = (np.arange(canvas.image.shape[1]) / canvas.scale[0] * texels_xy[0] + shift) % 512
    y = (np.arange(rows) / canvas.scale[1] * texels_xy[1] + 2 * shift) % 512
    grid_x, grid_y = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    tile = noise_tiles()[which]
    return np.asarray(cv2.remap(tile, grid_x, grid_y, cv2.INTER_LINEAR))


def _paint_ridges(
    rng: np.random.Generator, canvas: Canvas, camera: Camera, light: Light, sky: np.ndarray
) -> None:
    """Blend far hills and nearer tree lines into (rows, W, 3) ``sky``, in place."""
    rows = sky.shape[0]
    x = np.arange(sky.shape[1]) / canvas.scale[0]
    y = (np.arange(rows) / canvas.scale[1])[:, None]
    horizon = camera.center_xy[1] + (x - camera.center_xy[0]) * camera.roll_rad
    count = int(rng.integers(1, 4))
    dark = rng.uniform(0.35, 1.0)
    texture = _view_noise(1, canvas, rows, (rng.uniform(0.4, 1.2),) * 2, rng.uniform(0, 512))
    for number in range(count):
        near = (number + 1) / count
        top = horizon - _ridge_height(rng, x - camera.center_xy[0], near)
        color = _ridge_color(rng, near, light) * (dark if near == 1 else 1)
        first = int(np.clip(top.min() * canvas.scale[1], 0, rows))
        cover = np.clip((y[first:] - top) * canvas.scale[1] + 0.5, 0, 1).astype(np.float32)
        bumps = texture[first:] * np.float32((10 + 18 * near) * color.mean() / 110)
        part = sky[first:]
        part += cover[:, :, None] * (color.astype(np.float32) + bumps[:, :, None] - part)


def _ridge_height(rng: np.random.Generator, x: FloatArray, near: float) -> FloatArray:
    """Height above the horizon at (N,) columns from the vanishing point, reference pixels."""
    tall = rng.uniform(5, 40) + near * rng.uniform(0, 90)
    wave = np.zeros_like(x)
    for k in (1, 2, 3, 5):
        wave += rng.normal(0, tall * 0.3 / k**0.7) * np.sin(x / 290 * k + rng.uniform(0, 6.28))
    gap = 1 - rng.uniform(0, 0.9) * np.exp(-((x / rng.uniform(80, 400)) ** 2))
    row = noise_tiles()[1][int(rng.integers(512))]
    at = (x * rng.uniform(0.3, 1.5)) % 512
    rough = np.interp(at, np.arange(513), row)
    return np.asarray(np.maximum((tall + wave) * gap + rough * tall * 0.14 * near, 1))


def _ridge_color(rng: np.random.Generator, near: float, light: Light) -> FloatArray:
    kinds = np.array([[52, 62, 45], [70, 85, 50], [150, 135, 95], [110, 112, 110]])
    base = kinds[int(rng.choice(4, p=(0.45, 0.25, 0.15, 0.15)))] * rng.uniform(0.6, 1.15)
    mix = 0.75 * (1 - near) + rng.uniform(0, 0.25)
    return np.asarray(base * (1 - mix) * light.ambient + np.array(light.haze) * mix * 0.85)


def draw_barriers(
    rng: np.random.Generator, canvas: Canvas, camera: Camera, road: Road, light: Light
) -> None:
    """Draw walls, rails and fences along both edges of the road, or none."""
    for side, edge in ((-1, road.edges_m[0]), (1, road.edges_m[1])):
        chance = 0.85 if road.divided and side < 0 else 0.5
        if rng.random() > chance:
            continue
        offset = edge + side * rng.uniform(0.0, 1.0)
        kind = str(
            rng.choice(
                ("concrete", "rail", "fence", "wall", "hedge"), p=(0.4, 0.28, 0.1, 0.1, 0.12)
            )
        )
        reach = 1.8 * road.visible_range(camera)
        depth = 1 / np.linspace(1 / 1.0, 1 / reach, 50)
        tone = rng.uniform(90, 195) * light.ambient
        color = np.clip(tone + rng.normal(0, 5, 3), 0, 255)
        draw = _band(canvas, camera, road, offset, depth)
        _draw_barrier(rng, draw, kind, color)
        if kind in ("rail", "fence"):
            spacing, high = (
                (rng.uniform(2, 4), 0.75) if kind == "rail" else (rng.uniform(1.0, 2.5), 1.1)
            )
            _draw_posts(canvas, camera, road, (offset, spacing, high, reach), color * 0.7)


def _band(canvas: Canvas, camera: Camera, road: Road, offset: float, depth: FloatArray) -> DrawBand:
    base = road.points(offset, depth)

    def draw(low: float, high: float, color: FloatArray) -> None:
        lower, upper = lift(base, low), lift(base, high)
        ring = np.concatenate([camera.project(lower), camera.project(upper)[::-1]])
        red, green, blue = np.clip(color, 0, 255).tolist()
        canvas.poly(ring, (red, green, blue))
        if low == 0.0:
            canvas.claim(255, [ring])

    return draw


def _draw_barrier(rng: np.random.Generator, draw: DrawBand, kind: str, color: FloatArray) -> None:
    if kind == "concrete":
        high = rng.uniform(0.7, 1.1)
        draw(0.0, high, color * rng.uniform(0.35, 0.9))
        draw(0.3, high, color * rng.uniform(0.4, 0.95))
        draw(high - 0.06, high, color * 1.1)
    elif kind == "rail":
        draw(0.45, 0.78, color)
        draw(0.57, 0.64, color * 0.65)
    elif kind == "fence":
        for low in np.linspace(0.2, 1.0, int(rng.integers(2, 5))):
            draw(float(low), float(low) + 0.06, color)
    elif kind == "wall":
        high = rng.uniform(2, 5)
        draw(0.0, high, color * rng.uniform(0.3, 0.9))
        draw(high - 0.2, high, color)
    else:
        green = np.array([50, 68, 38]) * rng.uniform(0.4, 1.2)
        high = rng.uniform(0.7, 2.2)
        draw(0.0, high, green)
        draw(high * 0.6, high, green * 1.25)


def _draw_posts(
    canvas: Canvas,
    camera: Camera,
    road: Road,
    row: tuple[float, float, float, float],
    color: FloatArray,
) -> None:
    offset, spacing, high, reach = row
    depth = np.arange(2.0, min(reach, 45.0), spacing)
    foot = camera.project(road.points(offset, depth))
    head = camera.project(lift(road.points(offset, depth), high))
    red, green, blue = np.clip(color, 0, 255).tolist()
    for a, b in zip(foot, head, strict=True):
        canvas.line(np.stack([a, b]), (red, green, blue), max(1.0, 0.1 * abs(a[1] - b[1])))


def draw_bridges(
    rng: np.random.Generator, canvas: Canvas, camera: Camera, road: Road, light: Light
) -> None:
    """Draw an overpass with its shadow, rarely."""
    if rng.random() > 0.2:
        return
    z = float(rng.uniform(18, 140))
    low = float(rng.uniform(4.8, 7))
    dark = rng.uniform(0.1, 0.7) * light.ambient
    color: Color = (130 * dark, 132 * dark, 130 * dark)
    shadow = np.array([[-60.0, z - 2], [60.0, z - 2], [60.0, z + 12], [-60.0, z + 12]])
    ring = camera.project(road.points(shadow[:, 0], shadow[:, 1]))
    canvas.shade(ring, 0.75 * light.hard_shadows, 3)
    slope = rng.normal(0, 0.02)
    for bottom, top, gain in ((low, low + rng.uniform(1.2, 2.5), 1.0), (low + 1.2, low + 1.5, 1.4)):
        deck = np.array(
            [
                [-90, bottom - 90 * slope, z],
                [90, bottom + 90 * slope, z],
                [90, top + 90 * slope, z],
                [-90, top - 90 * slope, z],
            ]
        )
        canvas.poly(camera.project(deck), (color[0] * gain, color[1] * gain, color[2] * gain))
    for q in (road.edges_m[0] - 0.8, road.edges_m[1] + 1.5):
        if rng.random() < 0.6:
            foot = camera.project(road.points(np.array([q, q + 1.0]), np.array([z, z])))
            head = camera.project(lift(road.points(np.array([q, q + 1.0]), np.array([z, z])), low))
            canvas.poly(np.concatenate([foot, head[::-1]]), color)


def draw_buildings(
    rng: np.random.Generator, canvas: Canvas, camera: Camera, road: Road, light: Light
) -> None:
    """Draw a street front on each side in cities, loose boxes elsewhere."""
    dense = road.place == "city"
    for side, edge in ((-1, road.edges_m[0]), (1, road.edges_m[1])):
        z = 170.0
        while z > 8:
            deep = rng.uniform(8, 30)
            if rng.random() < (0.7 if dense else 0.06):
                offset = edge + side * (rng.uniform(4, 14) if dense else rng.uniform(12, 40))
                _draw_building(rng, canvas, camera, (road, offset, z, deep), light)
            z -= deep


def _draw_building(
    rng: np.random.Generator,
    canvas: Canvas,
    camera: Camera,
    place: tuple[Road, float, float, float],
    light: Light,
) -> None:
    road, offset, far, deep = place
    near = max(far - deep, 4.0)
    high = float(rng.uniform(4, 22))
    base = np.array([150, 142, 132]) + rng.normal(0, 9, 3)
    tone = base * rng.uniform(0.4, 1.1) * light.ambient
    fade = np.exp(-near / light.fog_m)
    tone = np.clip(tone * fade + np.array(light.haze) * (1 - fade), 5, 250)
    z = np.array([near, far])
    foot, head = road.points(offset, z), lift(road.points(offset, z), high)
    wall = np.concatenate([camera.project(foot), camera.project(head)[::-1]])
    red, green, blue = tone.tolist()
    canvas.poly(wall, (red, green, blue))
    width = np.sign(offset) * rng.uniform(6, 20)
    front = np.array([foot[0], foot[0] + (width, 0, 0), head[0] + (width, 0, 0), head[0]])
    canvas.poly(camera.project(front), (red * 0.85, green * 0.85, blue * 0.85))
    panes = float(rng.uniform(0.25, 0.85))
    glass: Color = (red * 0.5, green * 0.52, blue * 0.56)
    for y in np.arange(1.2, high - 1.5, 3.2):
        low, top = lift(foot, y), lift(foot, y + 1.5)
        strip = np.concatenate([camera.project(low), camera.project(top)[::-1]])
        if (strip[:, 0].max() > 0) and (strip[:, 0].min() < REFERENCE_WH[0]):
            canvas.poly(strip, glass, panes)
