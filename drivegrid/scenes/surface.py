"""The ground, pixel by pixel: pavement, joints, tracks, shoulders, verges and their texture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from drivegrid.geometry import FloatArray, Size
from drivegrid.scenes.camera import Camera, Float32Array
from drivegrid.scenes.road import Road
from drivegrid.scenes.weather import Light

_FAR_M = 260.0
_STEP_M = 0.05
_HALF_M = 40.0
_LEVELS = 9
_GRAIN_M = 12.0
_TILE = 512


@dataclass(frozen=True, slots=True)
class Ground:
    """What each pixel of the lower picture sees of the ground.

    Args:
        top: First row of the arrays in the picture.
        seen: (h, W) bool, the ray meets the ground within 260 m.
        depth: (h, W) Z in metres.
        offset: (h, W) lateral offset from the ego lane's centre, metres.
        foot_across: (h, W) size of the pixel's footprint across the road, metres.
        foot_along: (h, W) the same along the road.
    """

    top: int
    seen: np.ndarray
    depth: Float32Array
    offset: Float32Array
    foot_across: Float32Array
    foot_along: Float32Array

    def near(self, limit_m: float) -> Ground:
        """Return the lowest rows: those that come closer than ``limit_m``."""
        rows = np.flatnonzero((self.depth < limit_m).any(axis=1))
        first = int(rows[0]) if len(rows) else len(self.depth) - 1
        return Ground(
            self.top + first,
            self.seen[first:],
            self.depth[first:],
            self.offset[first:],
            self.foot_across[first:],
            self.foot_along[first:],
        )


def trace_ground(camera: Camera, road: Road, size_wh: Size) -> Ground:
    """Intersect every pixel's ray with the road surface.

    With Y = crest Z²/2 and -Y/Z tangent t at height h: crest Z²/2 + t Z - h = 0, whose near root
    is Z = 2h / (t + sqrt(t² + 2 crest h)).
    """
    right, down = camera.slopes(size_wh)
    highest = camera.height_m / _FAR_M - road.crest * _FAR_M / 2
    rows = np.flatnonzero((down > highest).any(axis=1))
    top = int(rows[0]) if len(rows) else size_wh[1] - 1
    right, down = right[top:], down[top:]
    height, crest = np.float32(camera.height_m), np.float32(road.crest)
    square = down * down + 2 * crest * height
    root = down + np.sqrt(np.maximum(square, 0))
    seen = (square > 0) & (root > 2 * height / _FAR_M)
    depth = 2 * height / np.maximum(root, 2 * height / np.float32(_FAR_M))
    bend = np.float32(road.curvature / 2) + np.float32(road.clothoid / 6) * depth
    center = np.float32(road.start_m) + depth * (np.float32(road.heading) + depth * bend)
    offset = right * depth - center
    across, along = camera.pixel_angles(size_wh)
    foot_along = (
        depth
        * depth
        * np.float32(along)
        / np.maximum(height + crest / 2 * depth * depth, np.float32(0.1))
    )
    slant = right - (
        np.float32(road.heading)
        + depth * (np.float32(road.curvature) + np.float32(road.clothoid / 2) * depth)
    )
    foot_across = np.maximum(depth * np.float32(across), np.abs(slant * foot_along))
    return Ground(top, seen, depth, offset, foot_across, foot_along)


@lru_cache(maxsize=1)
def noise_tiles() -> tuple[Float32Array, Float32Array, Float32Array]:
    """Return three periodic noises of deviation 1: grain, clouds, streaks.

    Each is (513, 513) float32; the last row and column repeat the first, for interpolation.
    """
    rng = np.random.default_rng(20260101)
    grain = _periodic(rng, 0.7, 0.7)
    clouds = sum(
        (_periodic(rng, s, s) * s**0.5 for s in (2.0, 5.0, 12.0, 30.0)), np.zeros((_TILE, _TILE))
    )
    streaks = _periodic(rng, 2.0, 40.0) + 0.7 * _periodic(rng, 6.0, 90.0)
    return _unit(grain), _unit(clouds), _unit(streaks)


def _periodic(rng: np.random.Generator, sigma_x: float, sigma_y: float) -> FloatArray:
    """White noise blurred by a Gaussian on the torus."""
    fx, fy = np.fft.fftfreq(_TILE)[None, :], np.fft.fftfreq(_TILE)[:, None]
    kernel = np.exp(-2 * np.pi**2 * ((sigma_x * fx) ** 2 + (sigma_y * fy) ** 2))
    field = np.fft.ifft2(np.fft.fft2(rng.standard_normal((_TILE, _TILE))) * kernel).real
    return np.asarray(field / field.std(), dtype=np.float64)


def _unit(field: FloatArray) -> Float32Array:
    unit = ((field - field.mean()) / field.std()).astype(np.float32)
    return np.pad(unit, ((0, 1), (0, 1)), mode="wrap")


def sample_noise(
    tile: Float32Array, ground: Ground, scale_xz_m: tuple[float, float], shift: float
) -> Float32Array:
    """Return (h, W) noise fixed to the road, faded where a pixel covers more than a texel."""
    sx, sz = scale_xz_m
    x = ground.offset * np.float32(1 / (sx * _TILE)) + np.float32(shift / _TILE)
    z = ground.depth * np.float32(1 / (sz * _TILE)) + np.float32(2 * shift / _TILE)
    x -= np.floor(x)
    z -= np.floor(z)
    x *= np.float32(_TILE)
    z *= np.float32(_TILE)
    field = cv2.remap(tile, x, z, cv2.INTER_LINEAR)
    fade = np.minimum(np.float32(2 * sz) / ground.foot_along, 1)
    return np.asarray(field * fade, dtype=np.float32)


def paint_ground(rng: np.random.Generator, ground: Ground, road: Road) -> Float32Array:
    """Return (h, W, 3) float32 RGB of the bare ground, without paint."""
    profile = _profile(rng, road)
    level = np.log2(np.maximum(ground.foot_across, np.float32(_STEP_M)) * np.float32(1 / _STEP_M))
    column = (ground.offset + np.float32(_HALF_M)) * np.float32(1 / _STEP_M) - np.float32(0.5)
    color = cv2.remap(profile, column, level, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    grain, clouds, streaks = noise_tiles()
    shift = float(rng.uniform(0, _TILE))
    amount = (rng.uniform(0.1, 1.0) * np.array([0.07, 0.03, 0.035])).astype(np.float32)
    swell = amount[1] * np.float32(0.7)
    mixed = amount[1] * clouds + amount[2] * streaks + amount[0] * grain
    rough = sample_noise(mixed, ground, (0.06, 0.2), shift)
    verge = (ground.offset < road.edges_m[0]) | (ground.offset > road.edges_m[1])
    rough[verge] *= np.float32(2.5)
    factor = 1 + rough + swell * sample_noise(clouds, ground, (0.4, 1.6), shift)
    close = ground.near(_GRAIN_M)
    first = close.top - ground.top
    factor[first:] += amount[0] * sample_noise(grain, close, (0.012, 0.03), shift)
    if rng.random() < 0.5:
        factor *= _joints(rng, ground, road)
    factor = np.clip(factor, 0.3, 1.7, out=factor)
    return np.asarray(cv2.multiply(color, cv2.merge([factor] * 3)), dtype=np.float32)


def light_ground(
    rng: np.random.Generator,
    color: Float32Array,
    ground: Ground,
    road: Road,
    world: tuple[Light, str],
) -> None:
    """Lay shade, headlights, wetness and haze over the painted ground, in place."""
    light, wetness = world
    factor = np.full(ground.depth.shape, np.float32(min(1.0, 0.35 + 0.65 * light.ambient)))
    if light.hard_shadows > 0 and rng.random() < 0.3:
        factor *= _foliage_shade(rng, ground, light)
    if light.night:
        beam = np.exp(-ground.depth / np.float32(rng.uniform(10, 22)))
        beam *= np.exp(-((ground.offset / (2.5 + 0.25 * ground.depth)) ** 2))
        factor += np.float32(rng.uniform(0.4, 1.2)) * beam
    haze = np.array(light.haze, dtype=np.float32)
    cv2.multiply(color, cv2.merge([factor] * 3), dst=color)
    mix = 1 - np.exp(ground.depth * np.float32(-1 / light.fog_m))
    if wetness == "wet":  # darker, and a mirror of the sky that grows with distance
        paved = (ground.offset > road.edges_m[0]) & (ground.offset < road.edges_m[1])
        puddles = sample_noise(noise_tiles()[1], ground, (0.2, 0.5), float(rng.uniform(0, 512)))
        color[paved] *= np.float32(rng.uniform(0.5, 0.75))
        sheen = np.clip(0.15 + ground.depth / 60 + 0.12 * puddles, 0, 0.75)
        mix = np.maximum(mix, sheen * paved * np.float32(rng.uniform(0.4, 0.9)))
    keep = cv2.merge([1 - mix] * 3)
    cv2.multiply(color - haze, keep, dst=color)
    color += haze


def _foliage_shade(rng: np.random.Generator, ground: Ground, light: Light) -> Float32Array:
    """Factor of patchy shade thrown by trees or posts from one side."""
    clouds = noise_tiles()[1]
    shift = float(rng.uniform(0, _TILE))
    patches = sample_noise(clouds, ground, (rng.uniform(0.05, 0.2), rng.uniform(0.04, 0.2)), shift)
    groves = sample_noise(clouds, ground, (4.0, 0.8), shift + 200)
    reach = (ground.offset - np.float32(rng.uniform(-6, 6))) * np.sign(light.sun_side or 1.0)
    cover = 1 / (1 + np.exp(-np.clip(4 * (0.6 * patches + groves + 0.35 * reach), -9, 9)))
    return np.asarray(1 - np.float32(0.65 * light.hard_shadows) * cover, dtype=np.float32)


def _joints(rng: np.random.Generator, ground: Ground, road: Road) -> Float32Array:
    """Darkening by transverse joints or patches at even or odd distances."""
    spacing = rng.uniform(4.2, 6.5) if rng.random() < 0.7 else rng.uniform(15, 40)
    width, depth = rng.uniform(0.02, 0.06), rng.uniform(0.1, 0.45)
    phase = rng.uniform(0, spacing)
    foot = np.maximum(ground.foot_along, np.float32(width))
    away = np.abs(
        np.mod(ground.depth + ground.offset * np.float32(0.05) + phase, spacing) - spacing / 2
    )
    cover = np.clip((foot / 2 + width / 2 - away) / foot, 0, 1) * np.minimum(width / foot, 1)
    paved = (ground.offset > road.edges_m[0]) & (ground.offset < road.edges_m[1])
    return np.asarray(1 - depth * cover * paved, dtype=np.float32)


def _profile(rng: np.random.Generator, road: Road) -> Float32Array:
    """Return (levels, N, 3) colour across the road, each level blurred twice as wide."""
    q = (np.arange(int(2 * _HALF_M / _STEP_M), dtype=np.float64) + 0.5) * _STEP_M - _HALF_M
    pavement = _pavement_color(rng)
    left, right = road.edges_m
    color = np.tile(pavement, (len(q), 1))
    for lane in road.lanes:
        inside = np.abs(q - lane.center_m) < lane.width_m / 2
        color[inside] *= rng.normal(1, 0.02) if rng.random() < 0.7 else rng.normal(1, 0.10)
    color *= _wear_tracks(rng, road, q)[:, None]
    first, last = road.lines[0].offset_m, road.lines[-1].offset_m
    if rng.random() < 0.5:  # shoulders laid in another material
        tone = rng.uniform(0.45, 1.15)
        color[(q < first - 0.3) | (q > last + 0.3)] *= tone
    for line in road.lines:  # longitudinal joints beside the paint
        if rng.random() < 0.35:
            seam = line.offset_m + rng.choice((-1, 1)) * rng.uniform(0.08, 0.35)
            width = rng.uniform(0.025, 0.06)
            color[np.abs(q - seam) < width] *= rng.uniform(0.55, 0.9)
    for _ in range(int(rng.integers(0, 4))):  # old seams, tar strips and ground-off lines anywhere
        seam = rng.uniform(left, right)
        color[np.abs(q - seam) < rng.uniform(0.02, 0.1)] *= rng.uniform(0.65, 1.2)
    color[q < left] = _verge_color(rng, road.place)
    color[q > right] = _verge_color(rng, road.place)
    if road.divided:
        gap = rng.uniform(0.3, 9.0)
        color[q < left - gap] = pavement * rng.uniform(0.7, 1.2)
        color[q < left - gap - rng.uniform(8, 18)] = _verge_color(rng, road.place)
    sharp = np.clip(color, 3, 255).astype(np.float32)[None]
    levels = [sharp]
    for level in range(1, _LEVELS):
        blurred = cv2.blur(sharp, (2**level + 1, 1), borderType=cv2.BORDER_REPLICATE)
        levels.append(np.asarray(blurred, dtype=np.float32))
    return np.concatenate(levels)


def _wear_tracks(rng: np.random.Generator, road: Road, q: FloatArray) -> FloatArray:
    """Brightness of wheel tracks and the oil stripe between them, per lane."""
    factor = np.ones_like(q)
    track, oil = rng.normal(0, 0.08), -abs(rng.normal(0, 0.10))
    for lane in road.lanes:
        x = q - lane.center_m
        gain = rng.uniform(0.4, 1.3)
        for wheel in (-0.85, 0.85):
            factor += gain * track * np.exp(-(((x - wheel) / 0.28) ** 2))
        factor += gain * oil * np.exp(-((x / rng.uniform(0.25, 0.6)) ** 2))
    return np.asarray(np.clip(factor, 0.4, 1.5), dtype=np.float64)


def _pavement_color(rng: np.random.Generator) -> FloatArray:
    """Concrete is bright and yellowish to greenish, asphalt dark and bluish to brownish."""
    if rng.random() < 0.4:
        base, tint = rng.uniform(115, 190), rng.normal((2, 3, -8), (2, 2, 4))
    else:
        base, tint = rng.uniform(58, 140), rng.normal((0, 0, 2), (2, 1.5, 4))
    return np.asarray(np.clip(base + tint, 10, 250), dtype=np.float64)


def _verge_color(rng: np.random.Generator, place: str) -> FloatArray:
    """Grass, dry grass, soil or sidewalk."""
    kinds = np.array([[70, 95, 45], [165, 145, 95], [120, 100, 80], [150, 148, 142], [60, 62, 60]])
    weights = (0.1, 0.05, 0.1, 0.6, 0.15) if place == "city" else (0.4, 0.25, 0.15, 0.05, 0.15)
    base = kinds[int(rng.choice(5, p=weights))]
    return np.asarray(base * rng.uniform(0.5, 1.2) + rng.normal(0, 6, 3), dtype=np.float64)
