from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from drivegrid.data.augment import (
    MAX_OFF_CENTER,
    AugmentConfig,
    augment,
    draw_light,
    draw_window,
    under_light,
)
from drivegrid.data.augment_light import Light
from drivegrid.data.judge import Judge
from drivegrid.data.queries import IsA, Order, Query
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.data.scene_checks import check_scene
from drivegrid.errors import GeometryError
from drivegrid.geometry import Box, Point
from drivegrid.labels import default_label_space
from drivegrid.scenes.render import render_scene
from drivegrid.tasks.table import TASKS
from drivegrid.tokens.codec import Codec
from drivegrid.tokens.grid import GridSpec

from . import toy_world
from .builders import make_scene

OFF = AugmentConfig.off()
FLIP = OFF.model_copy(update={"flip": 1.0})
OFTEN = AugmentConfig(flip=1, crop=1, colour=1, camera=0.5, weather=0.5)
SIZE = (256, 144)


def changed(rendered, config, seed=0):
    return augment(rendered.image, rendered.scene, config, np.random.default_rng(seed))


def test_an_empty_frame() -> None:
    image = np.zeros((4, 6, 3), np.uint8)
    found, scene = augment(image, make_scene(size_wh=(6, 4)), OFTEN, np.random.default_rng(0))
    assert (found.shape, scene.frame.size_wh, scene.instances) == (image.shape, (6, 4), ())


@pytest.mark.parametrize("seed", range(3))
def test_off_changes_nothing(seed) -> None:
    rendered = toy_world.render(seed)
    image, scene = changed(rendered, OFF)
    assert np.array_equal(image, rendered.image)
    assert scene is rendered.scene


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((180, 319, 3), np.uint8),
        np.zeros((180, 320), np.uint8),
        np.zeros((180, 320, 3)),
    ],
)
def test_pictures_of_another_kind_are_refused(image) -> None:
    with pytest.raises(GeometryError, match=r"picture must be \(180, 320, 3\) uint8"):
        augment(image, toy_world.random_scene(0), OFF, np.random.default_rng(0))


@pytest.mark.parametrize(
    "wrong",
    [
        {"flip": 1.5},
        {"scale": (2, 1)},
        {"scale": (0, 1)},
        {"hue_deg": 40},
        {"jpeg": (0, 50)},
        {"noise": (-1, 5)},
        {"zoom": 1},
    ],
)
def test_settings_are_checked(wrong) -> None:
    with pytest.raises(ValidationError):
        AugmentConfig(**wrong)


@pytest.mark.parametrize("seed", range(8))
def test_the_source_of_chance_decides_everything(seed) -> None:
    rendered = toy_world.render(seed)
    image = rendered.image.copy()
    first, again = changed(rendered, OFTEN, seed), changed(rendered, OFTEN, seed)
    assert np.array_equal(first[0], again[0])
    assert first[1] == again[1]
    assert np.array_equal(rendered.image, image)
    assert not np.array_equal(first[0], changed(rendered, OFTEN, seed + 100)[0])


@given(st.integers(0, 10**6), st.integers(8, 150), st.integers(8, 80))
def test_a_coloured_thing_keeps_its_label(seed, x, y) -> None:
    image = np.full((90, 160, 3), 60, np.uint8)
    image[y : y + 8, x : x + 8] = (250, 250, 250)
    box = np.clip([x, y, x + 8, y + 8], 0, [160, 90, 160, 90])
    things = (
        Instance("object/vehicle/car", Box(box)),
        Instance("light", Point((box[:2] + box[2:]) / 2)),
    )
    config = AugmentConfig(flip=0.5, crop=1, colour=0, camera=0, weather=0)
    scene = Scene(Frame("a.png", (160, 90)), things)
    found, after = augment(image, scene, config, np.random.default_rng(seed))
    for one in after.instances:
        low, high = one.geometry.vertices().min(axis=0), one.geometry.vertices().max(axis=0)
        column, row = np.minimum((low + high) / 2, (159.5, 89.5)).astype(int)
        assert found[row, column].min() > 100
    if not after.instances:  # at most the quarter that may be left of it is to be seen
        assert (found > 200).all(axis=2).sum() <= 8 * 8 * 1.8**2 / 3


@pytest.mark.parametrize("size_wh", [(160, 90), (1, 1), (1920, 300)])
def test_windows_keep_to_the_middle(size_wh) -> None:
    config, rng = AugmentConfig(scale=(0.5, 3)), np.random.default_rng(0)
    for _ in range(200):
        window = draw_window(size_wh, config, rng)
        middle = window.left + window.span_wh[0] / 2
        assert abs(middle - size_wh[0] / 2) <= MAX_OFF_CENTER * size_wh[0] + 1
        x0, y0, x1, y1 = window.region(size_wh)
        shown, least = (x1 - x0, y1 - y0), np.minimum(size_wh, window.span_wh) - 1
        assert (shown >= least).all()


@pytest.mark.parametrize(
    ("light", "facts", "expected"),
    [
        (Light(), {"weather": "clear", "time": "day"}, {"weather": "clear", "time": "day"}),
        (Light(noise=9), {"weather": "clear"}, {"weather": "clear"}),
        (Light(fog=1), {}, {}),
        (Light(fog=1), {"weather": "clear", "time": "day"}, {"weather": "fog", "time": "day"}),
        (Light(rain=1), {"weather": "cloudy", "surface": "dry"}, {"weather": "rain"}),
        (Light(rain=1), {"surface": "damaged"}, {"surface": "damaged"}),
        (Light(night=1), {"weather": "clear", "time": "day"}, {"weather": "clear"}),
    ],
)
def test_facts_in_another_light(light, facts, expected) -> None:
    sign = toy_world.sign("sign/regulatory/stop")
    hidden = toy_world.sign("sign/regulatory/stop", visible_state="partly hidden")
    scene = replace(
        toy_world.scene(sign, hidden, toy_world.area(), **facts), extra={"questions": [], "a": 1}
    )
    found = under_light(scene, light)
    assert found.frame.attributes == expected
    worse = bool(light.rain or light.fog or light.night)
    assert ("visible_state" in found.instances[0].attributes) is not worse
    assert found.instances[1].attributes == hidden.attributes
    assert ("surface" in found.instances[2].attributes) is not bool(light.rain)
    assert set(found.extra) == ({"a"} if worse else {"a", "questions"})


@pytest.mark.parametrize(
    ("facts", "changes"),
    [
        ({}, True),
        ({"weather": "cloudy", "time": "day"}, True),
        ({"weather": "snow"}, False),
        ({"time": "night"}, False),
        ({"place": "tunnel"}, False),
    ],
)
def test_only_dry_daylight_gets_worse(facts, changes) -> None:
    config = OFF.model_copy(update={"weather": 1.0})
    rng = np.random.default_rng(0)
    lights = [draw_light(toy_world.scene(**facts), config, rng) for _ in range(30)]
    assert all((light != Light()) is changes for light in lights)
    if changes:
        assert all(any(getattr(one, name) for one in lights) for name in ("rain", "fog", "night"))


def test_no_tone_darkens_the_night() -> None:
    config = OFF.model_copy(update={"weather": 1.0, "colour": 1.0})
    rng = np.random.default_rng(0)
    lights = [draw_light(toy_world.scene(), config, rng) for _ in range(60)]
    dark = [one for one in lights if one.night]
    assert dark and all(one.brightness >= 1 >= one.gamma for one in dark)
    assert any(one.brightness < 1 for one in lights)


@pytest.fixture(scope="module", params=range(7100, 7106))
def rendered(request):
    return render_scene(request.param, SIZE)


def test_rendered_frames_stay_sound(rendered) -> None:
    """No new fault, nothing beyond the border, and every task can write every answer."""
    space, codec = default_label_space(), Codec(GridSpec())
    known = {fault for _, fault in check_scene(rendered.scene, space)}
    for seed in range(6):
        _, scene = changed(rendered, OFTEN, seed)
        assert {fault for _, fault in check_scene(scene, space)} <= known
        for one in scene.instances:
            points = one.geometry.vertices()
            assert (points >= -1e-6).all() and (points <= np.array(SIZE) + 1e-6).all()
        for task in TASKS.values():
            for one in task.instances(scene):
                assert codec.encode(one.geometry, SIZE)


def test_rendered_frames_say_the_mirrored_words(rendered) -> None:
    """What is leftmost becomes rightmost; a frame with writing to read stays as it is."""
    image, scene = changed(rendered, FLIP)
    if np.array_equal(image, rendered.image):
        assert scene is rendered.scene
        return
    assert np.array_equal(image, rendered.image[:, ::-1])
    here, there = Judge(rendered.scene), Judge(scene)
    for label in ("lane/line", "object/vehicle", "obstacle", "sign"):
        left = here.targets(Query((IsA(label),), Order("left")))
        assert there.targets(Query((IsA(label),), Order("right"))) == left
    roles = {"ego-left": "ego-right", "left": "right", "far-left": "far-right"}
    roles |= {right: left for left, right in roles.items()}
    for old, new in zip(rendered.scene.instances, scene.instances, strict=True):
        role = old.attributes.get("role")
        assert new.attributes.get("role") == roles.get(role, role)


def test_some_rendered_frames_are_mirrored_and_some_are_not() -> None:
    frames = [render_scene(seed, (384, 216)) for seed in range(7200, 7208)]
    same = [np.array_equal(changed(one, FLIP)[0], one.image) for one in frames]
    assert 0 < sum(same) < len(same)
