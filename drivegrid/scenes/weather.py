"""Weather, hour and light."""

from __future__ import annotations

import math

from drivegrid.scenes.draws import Draws
from drivegrid.scenes.view import Light

TIMES = {"day": 0.8, "dusk": 0.09, "night": 0.11}
WEATHERS = {"clear": 0.42, "cloudy": 0.34, "rain": 0.1, "snow": 0.06, "fog": 0.08}
_SURFACES = {
    "clear": {"dry": 0.82, "damaged": 0.15, "wet": 0.03},
    "cloudy": {"dry": 0.74, "damaged": 0.15, "wet": 0.08, "snow": 0.03},
    "rain": {"wet": 1.0},
    "snow": {"snow": 0.8, "wet": 0.2},
    "fog": {"dry": 0.74, "wet": 0.14, "damaged": 0.12},
}
SURFACES = ("dry", "wet", "snow", "damaged")
_FOG_M = {"clear": 1800.0, "cloudy": 1100.0, "rain": 320.0, "snow": 230.0, "fog": 75.0}


def sample_conditions(d: Draws) -> tuple[str, str, str]:
    """Draw weather, time and surface, all values of the taxonomy's frame attributes."""
    time, weather = d.weighted(TIMES), d.weighted(WEATHERS)
    return weather, time, d.weighted(_SURFACES[weather])


def dry_weather(weather: str) -> str:
    """Return the weather of a place where no rain, snow or fog gets in.

    >>> dry_weather("rain"), dry_weather("clear")
    ('cloudy', 'clear')
    """
    return weather if weather == "clear" else "cloudy"


def sample_light(d: Draws, weather: str, time: str) -> Light:
    """Draw the light of a value of TIMES under a value of WEATHERS."""
    fog = _FOG_M[weather] * d.between(0.6, 1.6)
    if time == "night":
        level = d.between(10, 42)
        haze = (level * 1.1, level, level * 0.95)
        return Light((0.0, 1.0, 0.0), 0.0, d.between(0.05, 0.16), 0.0, haze, fog, True)
    azimuth, sunny = d.between(-math.pi, math.pi), weather == "clear"
    low = time == "dusk"
    height = d.between(0.07, 0.22) if low else d.between(0.25, 1.15)
    sun = (
        math.cos(height) * math.sin(azimuth),
        math.sin(height),
        math.cos(height) * math.cos(azimuth),
    )
    if low:
        level, warmth = d.between(120, 215), d.between(0.12, 0.45)
        haze = (level, level * (1 - 0.3 * warmth), level * (1 - 0.45 * warmth))
        sky = d.between(0.22, 0.45)
    else:
        level, warmth = (
            d.between(208, 252) if d.chance(0.6) else d.between(170, 215),
            d.between(0, 0.1),
        )
        blue = d.between(0, 14) if sunny else d.between(-4, 6)
        haze = (level - blue, level, min(level + blue, 255))
        sky = d.between(0.46, 0.72) if sunny else d.between(0.7, 1.0)
    gain = d.between(0.45, 0.95) * (0.6 if low else 1.0) if sunny else 0.0
    return Light(sun, gain, sky, warmth, haze, fog, False)
