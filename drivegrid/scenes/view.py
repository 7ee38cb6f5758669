"""What a renderer is given and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from drivegrid.scenes.alignment import Alignment
from drivegrid.scenes.body import Body
from drivegrid.scenes.camera import Camera
from drivegrid.scenes.mesh import Color

UInt8Array = npt.NDArray[np.uint8]
UInt16Array = npt.NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class Light:
    """Daylight, air and lamps.

    Args:
        sun: (3,) unit vector from the ground towards the sun (X, Y, Z).
        sun_gain: What the sun adds to a face that looks straight at it, as a factor of albedo;
            0 under clouds and at night.
        sky_gain: Factor of albedo that the sky gives to a face looking up; walls get 0.75 of it.
        warmth: Red and blue gain of the sun's colour, 0 neutral to 0.4 at sunset.
        haze: Colour of the far air.
        fog_m: Distance over which contrast falls to 1/e.
        night: Lamps are lit and headlights show the road.
    """

    sun: tuple[float, float, float]
    sun_gain: float
    sky_gain: float
    warmth: float
    haze: Color
    fog_m: float
    night: bool


@dataclass(frozen=True, slots=True)
class Plate:
    """Sky and ground in the picture plane, painted before any renderer starts.

    All arrays span the picture (H, W).

    Args:
        albedo: (H, W, 3) uint8 RGB. Ground pixels are to be lit; sky pixels are final.
        paint: (H, W, 4) uint8 RGB and coverage of road paint, premultiplied by the coverage.
        shade: (H, W) uint8, 255 where the sun reaches the ground, less in cast shadows.
        glow: (H, W, 3) uint8 light added to the ground: headlights, street lamps, mirrored lamps.
        rough: (H, W) uint8 strength of the ground's grain, 128 normal asphalt.
        wet: (H, W) uint8, share of the sky that the ground mirrors.
        segments: (H, W) uint8 indices into ``segments.SEGMENTS``.
        instances: (H, W) uint16 instance ids of markings; 0 elsewhere.
    """

    albedo: UInt8Array
    paint: UInt8Array
    shade: UInt8Array
    glow: UInt8Array
    rough: UInt8Array
    wet: UInt8Array
    segments: UInt8Array
    instances: UInt16Array


@dataclass(frozen=True, slots=True)
class View:
    """All that a renderer needs for one picture.

    Args:
        camera: At the size of the picture.
        alignment: Course and heights of the ground.
        light: Light and air.
        plate: Painted sky and ground.
        bodies: What stands on the ground, from far to near (nearer ones may hide earlier ones,
            never the other way round).
        grain_seed: Decides the ground's noise and the wear of paint, in [0, 1).
        wear: Share of paint worn off, in [0, 1].
    """

    camera: Camera
    alignment: Alignment
    light: Light
    plate: Plate
    bodies: tuple[Body, ...]
    grain_seed: float
    wear: float


@dataclass(frozen=True, slots=True)
class Picture:
    """A rendered picture.

    Args:
        image: (H, W, 3) uint8 RGB before the lens.
        segments: (H, W) uint8 indices into ``segments.SEGMENTS``.
        instances: (H, W) uint16 instance ids, 0 where nothing is labelled.
    """

    image: UInt8Array
    segments: UInt8Array
    instances: UInt16Array


class Renderer(Protocol):
    """A way to turn a view into a picture."""

    def draw(self, view: View) -> Picture:
        """Draw all of it; the same view gives the same bytes."""
