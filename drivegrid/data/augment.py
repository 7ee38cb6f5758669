"""Frames changed at random, picture and labels alike, for training.

A frame may be seen through a smaller or larger window, in a mirror and in another light. The
labels are what somebody would have marked in the changed picture: moved, cut, renamed where they
say left or right, and without what can no longer be told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, TypeAlias

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from drivegrid.data.augment_geometry import Window, view_scene, without_clear
from drivegrid.data.augment_light import Light, relight
from drivegrid.data.augment_mirror import can_mirror, mirror_scene
from drivegrid.data.augment_texts import carry_texts
from drivegrid.data.images import Picture
from drivegrid.data.scene import Scene
from drivegrid.data.verdicts import lies_under
from drivegrid.errors import GeometryError
from drivegrid.geometry import Size

MAX_OFF_CENTER = 0.15
"""How far, as a share of the width, a window's middle moves aside: our lane stays in the middle,
as cameras in cars have it."""
_HORIZON = 0.45
"""Share of the height where the horizon is taken to be in frames without lane lines."""
_WEATHERS = ("rain", "fog", "night")
_STRENGTH = (0.4, 1.0)
_DRY = frozenset({"clear", "cloudy"})


def _ordered(values: tuple[float, float]) -> tuple[float, float]:
    if not values[0] <= values[1]:
        raise ValueError("range must not end before it begins")
    return values


_Factors: TypeAlias = Annotated[
    tuple[Annotated[float, Field(ge=0.2, le=5)], Annotated[float, Field(ge=0.2, le=5)]],
    AfterValidator(_ordered),
]
_Gains: TypeAlias = Annotated[
    tuple[Annotated[float, Field(ge=0.8, le=1.25)], Annotated[float, Field(ge=0.8, le=1.25)]],
    AfterValidator(_ordered),
]
_Strengths: TypeAlias = Annotated[
    tuple[Annotated[float, Field(ge=0, le=64)], Annotated[float, Field(ge=0, le=64)]],
    AfterValidator(_ordered),
]
_Qualities: TypeAlias = Annotated[
    tuple[Annotated[int, Field(ge=1, le=100)], Annotated[int, Field(ge=1, le=100)]],
    AfterValidator(_ordered),
]


class AugmentConfig(BaseModel):
    """How often and how much frames change; chances in [0, 1], ranges as (least, most).

    >>> AugmentConfig(flip=0, crop=0, colour=0, camera=0, weather=0) == AugmentConfig.off()
    True
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    flip: float = Field(
        default=0.5, ge=0, le=1, description="chance of mirroring a frame that can be"
    )
    crop: float = Field(default=0.6, ge=0, le=1, description="chance of another window")
    scale: _Factors = Field(
        default=(0.8, 1.6), description="zoom of a window; below 1 it shows grey borders"
    )
    stretch: float = Field(
        default=1.12, ge=1, le=2, description="most that width grows against height"
    )
    colour: float = Field(default=0.8, ge=0, le=1, description="chance of another tone and colour")
    brightness: _Factors = (0.65, 1.4)
    contrast: _Factors = (0.7, 1.3)
    gamma: _Factors = (0.75, 1.35)
    saturation: _Factors = (0.65, 1.4)
    white_balance: _Gains = Field(default=(0.94, 1.06), description="gain of red and of blue")
    hue_deg: float = Field(
        default=3.0, ge=0, le=10, description="most turn; more would turn orange into red"
    )
    camera: float = Field(
        default=0.3, ge=0, le=1, description="chance of noise, of blur and of coding"
    )
    noise: _Strengths = Field(default=(2.0, 12.0), description="deviation in levels")
    blur: _Strengths = Field(
        default=(0.3, 1.1), description="deviation in pixels of a 512 px wide picture"
    )
    jpeg: _Qualities = Field(default=(25, 80), description="quality")
    weather: float = Field(default=0.12, ge=0, le=1, description="chance of rain, fog or darkness")

    @classmethod
    def off(cls) -> AugmentConfig:
        """Return settings that change nothing."""
        return cls(flip=0, crop=0, colour=0, camera=0, weather=0)


def augment(
    image: Picture, scene: Scene, config: AugmentConfig, rng: np.random.Generator
) -> tuple[Picture, Scene]:
    """Return a frame changed at random; the same state of the source gives the same frame.

    Args:
        image: (H, W, 3) uint8 RGB of the frame's size; left as it is.
        scene: Its labels.
        config: How often and how much.
        rng: Source of the draws.

    Returns:
        Picture and labels, both of the same size as before.

    Raises:
        GeometryError: If picture and frame differ in size.
        FormatError: If texts in ``scene.extra`` are not what readers leave.

    Frames with writing that could be read are never mirrored (``augment_mirror.can_mirror``).
    """
    size_wh = scene.frame.size_wh
    if image.shape != (size_wh[1], size_wh[0], 3) or image.dtype != np.uint8:
        raise GeometryError(
            f"picture must be {(size_wh[1], size_wh[0], 3)} uint8, got {image.shape} {image.dtype} "
            f"({scene.frame.image})."
        )
    changed, is_whole, is_mirrored = scene, True, False
    if rng.random() < config.crop:
        window = draw_window(size_wh, config, rng)
        viewed = view_scene(scene, window)
        image, changed = window.picture(image), viewed.scene
        is_whole = len(viewed.kept) == len(scene.instances)
    if rng.random() < config.flip and can_mirror(changed):
        image, changed, is_mirrored = (
            np.ascontiguousarray(image[:, ::-1]),
            mirror_scene(changed),
            True,
        )
    if changed is not scene:
        changed = carry_texts(scene, changed, is_whole=is_whole, is_mirrored=is_mirrored)
    light = draw_light(changed, config, rng)
    return relight(image, light, _horizon(changed), rng), under_light(changed, light)


def draw_window(size_wh: Size, config: AugmentConfig, rng: np.random.Generator) -> Window:
    """Draw what part of a picture is seen, or how much smaller it is seen on grey."""
    zoom = np.exp(rng.uniform(*np.log(config.scale)))
    stretch = np.exp(rng.uniform(-1, 1) * np.log(config.stretch) / 2)
    spans, starts = [], []
    for side, factor, most in zip(
        size_wh, (zoom * stretch, zoom / stretch), (MAX_OFF_CENTER, 1.0), strict=True
    ):
        span = max(1, round(side / factor))
        room = min(abs(side - span) / 2, most * side)
        spans.append(span)
        starts.append(round((side - span) / 2 + rng.uniform(-room, room)))
    return Window(starts[0], starts[1], (spans[0], spans[1]), size_wh)


def draw_light(scene: Scene, config: AugmentConfig, rng: np.random.Generator) -> Light:
    """Draw in what light a scene is seen; only dry daylight gets worse weather."""
    light = Light()
    if rng.random() < config.colour:
        light = replace(
            light,
            brightness=_factor(config.brightness, rng),
            contrast=_factor(config.contrast, rng),
            gamma=_factor(config.gamma, rng),
            saturation=_factor(config.saturation, rng),
            red=_factor(config.white_balance, rng),
            blue=_factor(config.white_balance, rng),
            hue_deg=float(rng.uniform(-config.hue_deg, config.hue_deg)),
        )
    noise, blur, jpeg = (rng.random(3) < config.camera).tolist()
    light = replace(
        light,
        noise=float(rng.uniform(*config.noise)) if noise else 0.0,
        blur=float(rng.uniform(*config.blur)) if blur else 0.0,
        jpeg=int(rng.integers(config.jpeg[0], config.jpeg[1] + 1)) if jpeg else 0,
    )
    facts = scene.frame.attributes
    is_dry = facts.get("weather", "clear") in _DRY and facts.get("place") != "tunnel"
    if rng.random() < config.weather and is_dry and facts.get("time", "day") == "day":
        name = _WEATHERS[int(rng.integers(len(_WEATHERS)))]
        light = _weathered(light, name, float(rng.uniform(*_STRENGTH)))
    return light


def _weathered(light: Light, name: str, strength: float) -> Light:
    match name:
        case "rain":
            return replace(light, rain=strength)
        case "fog":
            return replace(light, fog=strength)
    # No tone that darkens the night further: what is labelled stays to be seen.
    brightness, gamma = max(light.brightness, 1.0), min(light.gamma, 1.0)
    return replace(light, night=strength, brightness=brightness, gamma=gamma)


def _factor(limits: tuple[float, float], rng: np.random.Generator) -> float:
    """Draw a factor; twice as much is as likely as half."""
    return float(np.exp(rng.uniform(*np.log(limits))))


def under_light(scene: Scene, light: Light) -> Scene:
    """Return what can be told of a scene in another light.

    ``weather`` becomes what is seen. Nobody can tell the hour of a darkened picture or a dry road
    in the rain, nor whether a face that was clear can still be read, nor answers about the frame
    as a whole: these are left out.
    """
    if not (light.rain or light.fog or light.night):
        return scene
    facts = dict(scene.frame.attributes)
    if "weather" in facts and not light.night:
        facts["weather"] = "rain" if light.rain else "fog"
    if light.night:
        facts.pop("time", None)
    instances = [replace(one, attributes=without_clear(one.attributes)) for one in scene.instances]
    if light.rain:
        facts = _without_dry(facts)
        instances = [
            replace(one, attributes=_without_dry(one.attributes))
            if lies_under(one.label, ("area",))
            else one
            for one in instances
        ]
    extra = {name: value for name, value in scene.extra.items() if name != "questions"}
    return Scene(replace(scene.frame, attributes=facts), tuple(instances), extra)


def _without_dry(attributes: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value for name, value in attributes.items() if (name, value) != ("surface", "dry")
    }


def _horizon(scene: Scene) -> float:
    """Return the row where the highest lane line ends, else one that most cameras have."""
    height = scene.frame.size_wh[1]
    tops = [
        float(one.geometry.vertices()[:, 1].min())
        for one in scene.instances
        if one.label == "lane/line" and len(one.geometry.vertices())
    ]
    return min(max(min(tops, default=_HORIZON * height), 0.0), 0.9 * height)
