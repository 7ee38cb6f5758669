"""All faces by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import TypeAlias

from drivegrid.errors import ConfigError
from drivegrid.scenes.faces.american import AMERICAN
from drivegrid.scenes.faces.face import Face, UInt8Array
from drivegrid.scenes.faces.guidance import GUIDANCE
from drivegrid.scenes.faces.panels import PANELS
from drivegrid.scenes.faces.regulatory import REGULATORY
from drivegrid.scenes.faces.warning import WARNING

FaceImage: TypeAlias = Callable[[str, int], UInt8Array]
"""Key of ``FACES`` and side in pixels to (side, side, 3) uint8 RGB, like ``face_image``."""

_ALL = REGULATORY | AMERICAN | WARNING | GUIDANCE | PANELS

_HELD_OUT = {
    "es stop",
    "nordic yield",
    "us speed limit 40",
    "lit speed limit 80",
    "us advisory speed 35",
    "eu end of limit 50",
    "cn no overtaking",
    "cn no trucks",
    "cn no bicycles",
    "us no u-turn",
    "eu no parking",
    "eu turn left here",
    "eu turn right",
    "cn one way",
    "us wrong way",
    "us one way left",
    "eu curve right",
    "us curve left",
    "us winding road",
    "cn pedestrians",
    "us pedestrians",
    "eu children",
    "us deer",
    "eu cattle",
    "us crossroads",
    "eu railroad train",
    "us merging",
    "us guide lanes",
    "cn scenic area",
    "us hospital",
    "us chevron left",
    "us lane shift",
    "billboard bakery",
}
"""Every label, colour, shape and limit among these has another face that training may show."""

FACES: dict[str, Face] = {
    key: replace(face, held_out=key in _HELD_OUT) for key, face in _ALL.items()
}
"""Key, region first where a face belongs to one -> face."""


@lru_cache(maxsize=1024)
def face_image(key: str, side: int = 128) -> UInt8Array:
    """Return a face's picture: (side, side, 3) uint8 RGB, read-only, row 0 at the top.

    The square stretches over the plate's [-1, 1]²; outside the plate's outline it shows the rim.

    Raises:
        ConfigError: If there is no such face or the side is not positive.

    >>> face_image("eu stop", 32).shape
    (32, 32, 3)
    """
    if key not in FACES:
        raise ConfigError(
            f"face must be a key of FACES, got {key!r}. One is: {next(iter(FACES))!r}."
        )
    if side < 1:
        raise ConfigError(f"side must be at least 1, got {side} (face {key!r}).")
    picture = FACES[key].picture(side)
    picture.flags.writeable = False
    return picture
