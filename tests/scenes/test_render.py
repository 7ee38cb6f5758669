"""Rendered scenes: deterministic, labelled exactly, the same at every size."""

import numpy as np
import pytest

from drivegrid.errors import GeometryError
from drivegrid.geometry import Box, Polyline
from drivegrid.scenes import markings, render, render_scene, surface
from drivegrid.scenes.labels import line_role

SIZE = (320, 180)
SEEDS = range(24)
ROLES = ["far-left", "left", "ego-left", "ego-right", "right", "far-right"]


@pytest.fixture(scope="module")
def rendered():
    return [render_scene(seed, SIZE) for seed in SEEDS]


def instances(scene, prefix):
    return [i for i in scene.scene.instances if i.label.startswith(prefix)]


def normalised(scene):
    size = np.array(scene.scene.frame.size_wh)
    return [
        (i.label, dict(i.attributes), i.geometry.vertices() / size) for i in scene.scene.instances
    ]


def test_same_seed_same_scene_and_other_seed_another(rendered):
    again = render_scene(3, SIZE)
    assert np.array_equal(again.image, rendered[3].image)
    assert again.scene == rendered[3].scene
    assert not np.array_equal(rendered[4].image, rendered[3].image)
    assert rendered[4].scene != rendered[3].scene


@pytest.mark.parametrize("size_wh", [(64, 36), (512, 288), (410, 148)])
def test_labels_divided_by_size_do_not_depend_on_size(rendered, size_wh):
    for seed in (0, 5, 9):
        here, there = normalised(rendered[seed]), normalised(render_scene(seed, size_wh))
        assert [item[:2] for item in here] == [item[:2] for item in there]
        for one, other in zip(here, there, strict=True):
            np.testing.assert_allclose(one[2], other[2], atol=1e-9)


def test_image_fits_frame(rendered):
    for scene in rendered:
        assert scene.image.shape == (SIZE[1], SIZE[0], 3)
        assert scene.image.dtype == np.uint8
        assert scene.scene.frame.size_wh == SIZE
        assert scene.scene.frame.attributes.keys() == {"surface", "density", "time"}


def test_shapes_lie_inside_the_picture_and_are_visible(rendered):
    count = 0
    for scene in rendered:
        for item in scene.scene.instances:
            vertices = item.geometry.vertices()
            assert (vertices >= -1e-9).all()
            assert (vertices <= np.array(SIZE) + 1e-9).all()
            if isinstance(item.geometry, Box):
                count += 1
                assert (item.geometry.wh > 0).all()
                assert 0.2 <= item.visibility <= 1
    assert count > 50


def test_lanes_run_upwards_and_from_left_to_right(rendered):
    for scene in rendered:
        lanes = instances(scene, "lane/line")
        assert all(isinstance(lane.geometry, Polyline) for lane in lanes)
        roles = [lane.attributes["role"] for lane in lanes]
        assert roles == sorted(roles, key=ROLES.index)
        for lane in lanes:
            assert (np.diff(lane.geometry.xy[:, 1]) < 0.5).all()
        tops = [lane.geometry.xy[-1, 0] for lane in lanes]
        near_full = [t for t, lane in zip(tops, lanes, strict=True) if 0 < t < SIZE[0]]
        assert near_full == sorted(near_full)


def test_ego_lines_are_labelled_in_nearly_every_scene(rendered):
    both = [
        {"ego-left", "ego-right"} <= {i.attributes["role"] for i in instances(s, "lane/line")}
        for s in rendered
    ]
    assert np.mean(both) > 0.9


def test_each_scene_has_one_direct_drivable_area_at_most(rendered):
    counts = [len(instances(scene, "area/drivable/direct")) for scene in rendered]
    assert max(counts) == 1
    assert np.mean(counts) > 0.8


@pytest.mark.parametrize(("shift_m", "low", "high"), [(0.0, 0.9, 1.0), (0.5, 0.0, 0.1)])
def test_line_labels_lie_on_the_paint(shift_m, low, high):
    """Before traffic and weather the labelled pixels outshine both sides; shifted ones do not."""
    brighter = []
    for seed in range(20):
        world = render.sample_world(seed)
        paint = paint_only(world)
        for line in world.road.lines:
            if line.style == "solid":
                brighter += outshines(world, paint, line.offset_m + shift_m)
    assert len(brighter) > 300
    assert low <= np.mean(brighter) <= high


def paint_only(world):
    """(720, 1280) brightness of white-hot paint on black ground."""
    ground = surface.trace_ground(world.camera, world.road, (1280, 720))
    color = np.zeros((*ground.depth.shape, 3), dtype=np.float32)
    markings.paint_lines(np.random.default_rng(0), color, ground, world.road)
    full = np.zeros((720, 1280))
    full[ground.top :] = color.mean(axis=2)
    return full


def outshines(world, paint, offset_m):
    """Whether pixels at an offset are brighter than those 0.7 m left and right, 5 to 25 m away."""
    depth = np.linspace(5, 25, 15)
    spots = [
        world.camera.project(world.road.points(offset_m + side, depth)) for side in (0, -0.7, 0.7)
    ]
    inside = np.all([(s > 0).all(axis=1) & (s < (1280, 720)).all(axis=1) for s in spots], axis=0)
    on, left, right = (paint[tuple(spot[inside].astype(int).T[::-1])] for spot in spots)
    return list(on > np.maximum(left, right) + 3)


@pytest.mark.parametrize(
    ("index", "ego", "role"),
    [
        (0, 0, "ego-left"),
        (1, 0, "ego-right"),
        (0, 2, "far-left"),
        (0, 3, None),
        (5, 2, "far-right"),
        (6, 2, None),
    ],
)
def test_line_role(index, ego, role):
    assert line_role(index, ego) == role


def test_bad_arguments():
    with pytest.raises(GeometryError, match="seed must be >= 0, got -1"):
        render_scene(-1)
    with pytest.raises(GeometryError, match="at least"):
        render_scene(0, (8, 8))
