"""Each fault alone does what it should, none does nothing, and all are seeded."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from drivegrid.errors import ConfigError
from drivegrid.scenes.lens import TIMES, WEATHERS, Lens, expose, sample_lens
from drivegrid.scenes.view import UInt8Array

EFFECTS = {
    "exposure": 1.4,
    "gamma": 0.8,
    "contrast": 1.3,
    "red": 1.1,
    "blue": 0.9,
    "vignette": 0.4,
    "blur": 0.9,
    "motion": 3.0,
    "rain": 0.6,
    "snow": 0.8,
    "drops": 6,
    "dirt": 0.8,
    "scratches": 3,
    "glare": 0.6,
    "flicker": 0.1,
    "fringe": 0.9,
    "noise": 4.0,
    "jpeg": 40,
}


def picture(size_wh: tuple[int, int] = (448, 320)) -> UInt8Array:
    """Return grey with a bright bar, a dark box and a coloured disc."""
    image = np.full((size_wh[1], size_wh[0], 3), 110, dtype=np.uint8)
    w, h = size_wh
    cv2.rectangle(image, (w // 2 - 6, h // 3), (w // 2 + 6, h - 1), (220, 220, 215), -1)
    cv2.rectangle(image, (w // 8, h // 4), (w // 4, h // 2), (40, 42, 48), -1)
    cv2.circle(image, (3 * w // 4, h // 2), h // 8, (180, 60, 40), -1)
    return image


def exposed(image: UInt8Array, seed: int = 1, **effects: float) -> UInt8Array:
    return expose(np.random.default_rng(seed), image, replace(Lens(), **effects))


def test_no_fault_changes_nothing() -> None:
    image = picture()
    found = exposed(image)
    assert np.array_equal(found, image)
    assert not np.shares_memory(found, image)


@pytest.mark.parametrize("size_wh", [(64, 64), (448, 320), (1640, 590)])
@pytest.mark.parametrize("effect", EFFECTS)
def test_one_fault_changes_the_picture_alike_each_time(
    effect: str, size_wh: tuple[int, int]
) -> None:
    image = picture(size_wh)
    before = image.copy()
    first, second = (exposed(image, **{effect: EFFECTS[effect]}) for _ in range(2))
    assert first.shape == image.shape and first.dtype == np.uint8
    assert np.array_equal(first, second)
    assert np.array_equal(image, before)
    if effect != "blur" or size_wh[0] > 100:  # less than a fifth of a pixel is left out
        assert not np.array_equal(first, image)


@pytest.mark.parametrize("effect", ["rain", "snow", "drops", "dirt", "scratches", "noise"])
def test_chance_decides_places(effect: str) -> None:
    first, second = (exposed(picture(), seed, **{effect: EFFECTS[effect]}) for seed in (1, 2))
    assert not np.array_equal(first, second)


def test_vignette_darkens_corners_only() -> None:
    image = np.full((320, 448, 3), 200, dtype=np.uint8)
    found = exposed(image, vignette=0.4)
    assert found[140:180, 200:250].min() >= 198
    assert found[:8, :8].max() < 0.67 * 200


def test_blur_keeps_means_and_softens_edges() -> None:
    image = picture()
    found = exposed(image, blur=0.9)
    assert abs(found.mean() - image.mean()) < 0.5
    step = np.abs(np.diff(found[160, 40:70, 0].astype(int))).max()
    assert step < np.abs(np.diff(image[160, 40:70, 0].astype(int))).max()


@pytest.mark.parametrize("effect", ["blur", "motion", "fringe", "vignette", "noise", "jpeg"])
def test_edges_stay_within_half_a_pixel(effect: str) -> None:
    image = np.full((320, 448, 3), 60, dtype=np.uint8)
    image[:, 300:] = 190
    found = exposed(image, **{effect: EFFECTS[effect]}).astype(float)
    for channel in range(3):
        profile = found[40:280, 280:320, channel].mean(axis=0)
        low, high = profile[:5].mean(), profile[-5:].mean()
        place = 320 - ((profile - low) / (high - low)).sum()
        assert abs(place - 300) <= 0.5


def test_fringe_parts_red_from_blue() -> None:
    image = np.full((320, 448, 3), 60, dtype=np.uint8)
    image[:, 430:] = 190
    found = exposed(image, fringe=0.9).astype(int)
    edge = found[150:170, 428:432]
    assert (edge[:, :, 0] != edge[:, :, 2]).any()
    middle = exposed(picture(), fringe=0.9)[150:170, 215:233]
    assert np.abs(middle[:, :, 0].astype(int) - middle[:, :, 2]).max() <= 12


@pytest.mark.parametrize("sigma", [1.0, 4.0, 9.0])
def test_noise_has_its_deviation(sigma: float) -> None:
    found = exposed(np.full((320, 448, 3), 128, dtype=np.uint8), noise=sigma)
    assert found.std() == pytest.approx(sigma, rel=0.15, abs=0.3)
    assert found.mean() == pytest.approx(128, abs=0.6)


def test_exposure_and_cast() -> None:
    image = np.full((64, 64, 3), 100, dtype=np.uint8)
    assert exposed(image, exposure=1.5).mean() == pytest.approx(150, abs=1)
    red, green, blue = exposed(image, red=1.1, blue=0.9)[0, 0].tolist()
    assert (red, green, blue) == (110, 100, 90)


def test_rain_and_snow_only_brighten_dark_pictures() -> None:
    image = np.full((320, 448, 3), 50, dtype=np.uint8)
    for effect in ("rain", "snow", "glare"):
        found = exposed(image, **{effect: EFFECTS[effect]})
        assert found.min() >= 49 and found.max() > 80


def test_flicker_makes_bands() -> None:
    found = exposed(np.full((320, 448, 3), 200, dtype=np.uint8), flicker=0.1)
    assert np.ptp(found[:, 0, 0]) > 10 and np.ptp(found[100].astype(int)) == 0


def test_drops_leave_most_of_the_picture() -> None:
    image = picture()
    changed = (exposed(image, drops=5) != image).any(axis=2).mean()
    assert 0 < changed < 0.2


def test_darker_corners_come_before_the_tone_curve() -> None:
    image = np.full((320, 448, 3), 250, dtype=np.uint8)
    found = exposed(image, vignette=0.4, exposure=2.0)
    assert found[0, 0, 0] == pytest.approx(min(255, 2 * 250 * 0.6), abs=8)


@pytest.mark.parametrize("weather", WEATHERS)
@pytest.mark.parametrize("time", TIMES)
def test_sampled_lenses_fit_weather_and_time(weather: str, time: str) -> None:
    lenses = [sample_lens(np.random.default_rng(seed), weather, time) for seed in range(200)]
    assert any(lens.rain > 0 for lens in lenses) == (weather == "rain")
    assert any(lens.snow > 0 for lens in lenses) == (weather == "snow")
    assert any(lens.glare > 0 for lens in lenses) == (weather == "clear" and time != "night")
    assert any(lens.flicker > 0 for lens in lenses) == (time == "night")
    assert max(lens.fringe for lens in lenses) <= 0.9
    assert lenses[3] == sample_lens(np.random.default_rng(3), weather, time)


@pytest.mark.parametrize(("weather", "time"), [("hail", "day"), ("clear", "noon")])
def test_unknown_conditions(weather: str, time: str) -> None:
    with pytest.raises(ConfigError, match="must be one of"):
        sample_lens(np.random.default_rng(0), weather, time)
