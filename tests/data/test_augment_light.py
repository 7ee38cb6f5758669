from dataclasses import fields, replace

import cv2
import numpy as np
import pytest

from drivegrid.data.augment import AugmentConfig
from drivegrid.data.augment_light import Light, color_matrix, relight

CHANGES = {
    "brightness": 0.6, "contrast": 1.3, "gamma": 1.4, "hue_deg": 10.0, "saturation": 0.5,
    "red": 1.1, "blue": 0.9, "noise": 10.0, "blur": 4.0, "jpeg": 30, "rain": 1.0, "fog": 1.0,
    "night": 1.0,
}  # fmt: skip
COLORS = {
    "red": (200, 30, 30), "yellow": (230, 200, 40), "green": (30, 160, 60), "blue": (30, 60, 200),
    "orange": (235, 130, 30),
}  # fmt: skip


def picture(size_wh=(128, 72), seed=0):
    small = np.random.default_rng(seed).integers(0, 256, (9, 16, 3)).astype(np.uint8)
    return cv2.resize(small, size_wh, interpolation=cv2.INTER_CUBIC)


def lit(image, light, seed=0, horizon=32.0):
    return relight(image, light, horizon, np.random.default_rng(seed))


def test_every_change_is_tried() -> None:
    assert set(CHANGES) == {field.name for field in fields(Light)}


def test_no_change_is_the_same_picture() -> None:
    assert np.array_equal(lit(picture(), Light()), picture())


@pytest.mark.parametrize("size_wh", [(128, 72), (61, 47), (1, 1)])
@pytest.mark.parametrize("name", CHANGES)
def test_each_change(name, size_wh) -> None:
    image = picture(size_wh)
    before = image.copy()
    light = replace(Light(), **{name: CHANGES[name]})
    found = lit(image, light)
    assert (found.shape, found.dtype) == (image.shape, np.uint8)
    assert np.array_equal(image, before)
    assert np.array_equal(found, lit(image, light))
    assert size_wh == (1, 1) or not np.array_equal(found, image)


@pytest.mark.parametrize("name", CHANGES)
def test_no_edge_moves(name) -> None:
    """The steepest place of a step of light stays where it is, row by row on average."""
    image = np.full((64, 96, 3), 70, np.uint8)
    image[:, 48:] = 170
    found = lit(image, replace(Light(), **{name: CHANGES[name]}), horizon=20.0)
    columns = found[..., 1].astype(float).mean(axis=0)
    assert np.argmax(np.diff(columns)) + 1 == 48


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", ["noise", "rain"])
def test_streaks_and_noise_come_from_the_source_of_chance(name, seed) -> None:
    light = replace(Light(), **{name: CHANGES[name]})
    assert not np.array_equal(lit(picture(), light), lit(picture(), light, seed))


def test_weather_looks_as_it_does() -> None:
    image = np.full((72, 128, 3), 120, np.uint8)
    fog, night = lit(image, Light(fog=1.0)), lit(image, Light(night=1.0))
    assert fog[33].mean() > fog[50].mean() > fog[71].mean() >= 120
    assert night.mean() < 60
    assert night[:30].mean() < night[40:60, 40:88].mean()
    assert lit(image, Light(rain=1.0)).std() > 3


@pytest.mark.parametrize("saturation", AugmentConfig().saturation)
@pytest.mark.parametrize("turn", [-1, 1])
@pytest.mark.parametrize("gains", [(0, 1), (1, 0), (0, 0), (1, 1)])
@pytest.mark.parametrize("name", COLORS)
def test_colours_keep_their_names(name, gains, turn, saturation) -> None:
    """At the ends of the ranges each colour of signs and lights stays nearest to itself in hue."""
    config = AugmentConfig()
    red, blue = (config.white_balance[end] for end in gains)
    light = Light(hue_deg=turn * config.hue_deg, red=red, blue=blue, saturation=saturation)
    found = lit(np.full((4, 4, 3), COLORS[name], np.uint8), light)[0, 0]
    gaps = {other: abs(_turn(_hue(found), _hue(color))) for other, color in COLORS.items()}
    assert min(gaps, key=gaps.__getitem__) == name


def _hue(rgb):
    r, g, b = (int(channel) for channel in rgb)
    return np.degrees(np.arctan2(3**0.5 * (g - b), 2 * r - g - b))


def _turn(one, other):
    return (one - other + 180) % 360 - 180


def test_grey_stays_grey_and_its_light() -> None:
    assert np.allclose(color_matrix(Light(hue_deg=12, saturation=0.3)) @ np.ones(3), 1)
    assert np.allclose(color_matrix(Light()), np.eye(3))
