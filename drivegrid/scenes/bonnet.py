"""The own car's bonnet at the bottom of the picture."""

from __future__ import annotations

import cv2
import numpy as np

from drivegrid.scenes.draws import Draws
from drivegrid.scenes.segments import SEGMENT
from drivegrid.scenes.view import UInt8Array, UInt16Array
from drivegrid.scenes.world import World


def paint_bonnet(
    world: World, image: UInt8Array, segments: UInt8Array, instances: UInt16Array
) -> UInt8Array:
    """Return the picture with the bonnet, if this camera sees it; id planes change in place."""
    d = Draws(world.seed, 2)
    if not d.chance(0.3):
        return image
    height, width = image.shape[:2]
    rise, reach = d.between(0.03, 0.13), d.between(0.55, 0.9)
    middle = width * (0.5 + d.bell(0.03))
    angle = np.linspace(np.pi, 2 * np.pi, 40)
    ring = np.column_stack(
        [middle + reach * width * np.cos(angle), height * (1 + 0.02 + rise * np.sin(angle))]
    )
    fixed = [np.rint(ring * 16).astype(np.int32)]
    sky = 1.0 if not world.light.night else 0.08
    tone = d.between(12, 60) if d.chance(0.6) else d.between(60, 190)
    level = min(tone * (world.light.sky_gain + 0.5 * world.light.sun_gain), 235.0)
    image = np.ascontiguousarray(image)
    cv2.fillPoly(image, fixed, (level, level, level * 1.02), cv2.LINE_AA, 4)
    shine = ring * (1, 1) + (0, height * rise * 0.25)
    glare = [np.rint(shine * 16).astype(np.int32)]
    brighter = min(level + 40 * sky * d.share(), 245.0)
    cv2.polylines(image, glare, False, (brighter,) * 3, max(height // 120, 1), cv2.LINE_AA, 4)
    cv2.fillPoly(segments, fixed, SEGMENT["bonnet"], cv2.LINE_8, 4)
    cv2.fillPoly(instances, fixed, 0, cv2.LINE_8, 4)
    return image
