"""Whole scenes: the same bytes again, labels that owe nothing to renderers, and properties."""

from dataclasses import replace

import numpy as np
import pytest

from drivegrid.data.validate import check_scene
from drivegrid.errors import GeometryError
from drivegrid.geometry import Box
from drivegrid.labels import default_label_space
from drivegrid.scenes.compositor import Compositor
from drivegrid.scenes.labels import MIN_VISIBILITY, inside_picture
from drivegrid.scenes.render import render_scene, render_world
from drivegrid.scenes.segments import SEGMENT
from drivegrid.scenes.view import Picture
from tests.scenes.worlds import Black, labelled, world

SIZE = (320, 180)
SEEDS = [*range(24), *range(500_000, 500_024)]


class Noise:
    """A renderer that draws and sees something else each time."""

    def __init__(self):
        self._rng = np.random.default_rng(0)

    def draw(self, view):
        shape = view.plate.segments.shape
        return Picture(
            self._rng.integers(0, 256, (*shape, 3), dtype=np.uint8),
            self._rng.integers(0, 17, shape, dtype=np.uint8),
            self._rng.integers(0, 99, shape, dtype=np.uint16),
        )


@pytest.mark.parametrize("seed", [3, 14])
def test_same_seed_same_bytes(seed):
    first, again = (render_scene(seed, (160, 90), Compositor()) for _ in range(2))
    assert first.image.tobytes() == again.image.tobytes()
    assert first.segments.tobytes() == again.segments.tobytes()
    assert first.instances.tobytes() == again.instances.tobytes()
    assert first.scene == again.scene


def test_another_seed_is_another_scene():
    assert labelled(3).scene != labelled(4).scene
    assert not np.array_equal(labelled(3).segments, labelled(4).segments)


@pytest.mark.parametrize("seed", [3, 8, 500_004])
def test_labels_owe_nothing_to_the_renderer(seed):
    other = render_world(world(seed), SIZE, Noise())
    assert other.scene == labelled(seed).scene
    assert np.array_equal(other.segments, labelled(seed).segments)
    assert np.array_equal(other.instances, labelled(seed).instances)


def test_the_compositor_changes_no_label():
    assert render_world(world(3), SIZE, Compositor()).scene == labelled(3).scene


@pytest.mark.parametrize(
    ("seed", "size_wh", "message"),
    [
        (-1, (320, 180), "seed must be >= 0 and below"),
        (1 << 128, (320, 180), "seed must be >= 0 and below"),
        (1.5, (320, 180), "seed must be a whole number, got 1.5"),
        ("x", (320, 180), "seed must be a whole number, got 'x'"),
        (0, (448.5, 448), "size_wh must be two whole numbers"),
        (0, (448,), "size_wh must be two whole numbers"),
        (0, "ab", "size_wh must be two whole numbers"),
        (0, (63, 64), "64 to 4096 pixels a side"),
        (0, (64, 63), "64 to 4096 pixels a side"),
        (0, (4097, 2160), "64 to 4096 pixels a side"),
        (0, (0, 0), "64 to 4096 pixels a side"),
        (0, (-640, 360), "64 to 4096 pixels a side"),
    ],
)
def test_bad_arguments(seed, size_wh, message):
    with pytest.raises(GeometryError, match=message):
        render_scene(seed, size_wh, Black())


@pytest.mark.parametrize("size_wh", [(64, 64), (4096, 2160), (64, 512), (333, 77)])
def test_sizes(size_wh):
    rendered = render_scene(6, size_wh, Black())
    assert rendered.scene.frame.size_wh == size_wh
    assert rendered.image.shape == (size_wh[1], size_wh[0], 3)
    assert rendered.segments.shape == rendered.instances.shape == (size_wh[1], size_wh[0])
    assert rendered.scene.instances
    for instance in rendered.scene.instances:
        assert inside_picture(instance.geometry.vertices(), size_wh)


def test_the_camera_s_own_size():
    assert render_scene(6, None, Black()).scene.frame.size_wh == world(6).camera.size_wh


@pytest.mark.parametrize("seed", SEEDS)
def test_labels_are_sound(seed):
    """In the taxonomy, inside the picture, of valid shape, each once."""
    scene = labelled(seed).scene
    assert list(check_scene(scene, default_label_space())) == []
    for instance in scene.instances:
        assert inside_picture(instance.geometry.vertices(), SIZE), instance.label
        assert instance.source == "rendered"
        assert instance.visibility is None or 0 <= instance.visibility <= 1
    assert scene.frame.attributes.keys() == {
        "weather", "time", "place", "blockage", "surface", "density",
    }  # fmt: skip
    assert scene.extra["seed"] == seed
    assert scene.extra["held_out"] == list(world(seed).held_out())


@pytest.mark.parametrize("seed", SEEDS)
def test_visible_boxes_lie_inside_boxes(seed):
    for instance in labelled(seed).scene.instances:
        if "visible_box" in instance.extra:
            visible = np.array(instance.extra["visible_box"])
            assert (visible[:2] < visible[2:]).all()
            assert instance.visibility >= MIN_VISIBILITY
            if isinstance(instance.geometry, Box):
                full = instance.geometry.xyxy
                assert (visible[:2] >= full[:2] - 1.1).all()
                assert (visible[2:] <= full[2:] + 1.1).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_ids_in_the_planes_are_those_of_labels(seed):
    here, rendered = world(seed), labelled(seed)
    shown = set(np.unique(rendered.instances).tolist()) - {0}
    assert max(shown, default=0) < here.first_id + len(here.things)
    named = {i.extra["id"] for i in rendered.scene.instances if "id" in i.extra}
    things = {number for number in named if number >= here.first_id}
    assert things <= shown
    for instance in rendered.scene.instances:
        number = instance.extra.get("id", 0)
        if number >= here.first_id:
            thing = here.things[number - here.first_id]
            assert instance.label in (thing.label, "sign/back")
            codes = {b.segment for b in thing.bodies}
            assert set(np.unique(rendered.segments[rendered.instances == number])) <= codes
        elif 1 <= number <= len(here.road.lines) and instance.label == "lane/line":
            own = rendered.segments[rendered.instances == number]
            assert set(own.tolist()) <= {SEGMENT["marking"]}


@pytest.mark.parametrize("seed", SEEDS)
def test_lines_have_one_role_each_and_run_from_left_to_right(seed):
    lines = [i for i in labelled(seed).scene.instances if i.label == "lane/line"]
    roles = [i.attributes["role"] for i in lines if "role" in i.attributes]
    assert len(roles) == len(set(roles))
    assert [i.extra["order"] for i in lines] == list(range(1, len(lines) + 1))
    rank = ["far-left", "left", "ego-left", "ego-right", "right", "far-right"]
    assert roles == sorted(roles, key=rank.index)
    for line in lines:
        assert all(0 <= a <= b < len(line.geometry.xy) for a, b in line.extra["hidden"])


def test_tests_can_fail_on_a_renderer_that_is_asked():
    """A world of another surface has other labels: the comparison above is not of constants."""
    changed = render_world(replace(world(3), surface="snow"), SIZE, Black())
    assert changed.scene != labelled(3).scene
