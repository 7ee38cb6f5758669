import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivegrid.data.augment_mirror import can_mirror, mirror_scene
from drivegrid.data.augment_words import mirror_value
from drivegrid.data.descriptions import RELATIONS
from drivegrid.data.judge import Judge
from drivegrid.data.ordering import RANKS
from drivegrid.data.queries import IsA, Lies, Order, Query
from drivegrid.data.rasters import fill
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.geometry import Box, Point, Polygon

from . import toy_world
from .builders import SHAPES, make_lane, make_scene

LABELS = ("lane/line", "object/vehicle/car", "obstacle/cone", "sign/regulatory/turn_left", "light")


def sign(label="sign/regulatory/speed_limit", side=20.0, **attributes):
    extra = {"box_xyxy": [0, 0, side, 40]} if side else {}
    return Instance(label, Point(np.array([5.0, 5.0])), attributes, extra=extra)


@pytest.mark.parametrize(
    ("instance", "expected"),
    [
        (None, True),
        (sign(), False),
        (sign(side=11.9), True),
        (sign(side=None), False),
        (sign(visible_state="turned away"), True),
        (sign(visible_state="unreadable"), True),
        (sign(visible_state="cut off"), False),
        (sign("sign"), False),
        (sign("sign/regulatory/turn_left"), True),
        (sign("sign/back"), True),
        (Instance("sign/regulatory/stop", Box(np.array([0.0, 0, 30, 30]))), False),
        (Instance("sign/regulatory/stop", Box(np.array([0.0, 0, 30, 9]))), True),
        (Instance("lane/text", Polygon((np.eye(3, 2) * 90,))), False),
        (Instance("no such label left", Point(np.zeros(2))), True),
    ],
)
def test_can_mirror(instance, expected) -> None:
    assert can_mirror(make_scene(*([] if instance is None else [instance]))) is expected


@pytest.mark.parametrize(
    ("label", "attributes", "mirrored"),
    [
        ("lane/line", {}, ("lane/line", {})),
        ("lane/line", {"role": "ego-left"}, ("lane/line", {"role": "ego-right"})),
        ("lane/line", {"role": "far-right"}, ("lane/line", {"role": "far-left"})),
        ("lane/line", {"style": "solid-dashed"}, ("lane/line", {"style": "dashed-solid"})),
        ("lane/arrow", {"points": "left"}, ("lane/arrow", {"points": "right"})),
        ("lane/arrow", {"points": "left or right"}, ("lane/arrow", {"points": "left or right"})),
        (
            "light/vehicle", {"shows": "left arrow", "state": "red"},
            ("light/vehicle", {"shows": "right arrow", "state": "red"}),
        ),
        ("sign/regulatory/keep_left", {}, ("sign/regulatory/keep_right", {})),
        ("sign/warning/curve_right", {}, ("sign/warning/curve_left", {})),
        ("sign/complementary/chevron_left", {}, ("sign/complementary/chevron_right", {})),
        (
            "sign/regulatory/speed_limit", {"limit": "50", "shape": "circle"},
            ("sign/regulatory/speed_limit", {"shape": "circle"}),
        ),
    ],
)  # fmt: skip
def test_names_and_values(label, attributes, mirrored) -> None:
    [found] = mirror_scene(make_scene(Instance(label, Point(np.zeros(2)), attributes))).instances
    assert (found.label, found.attributes) == mirrored


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_twice_is_itself(name) -> None:
    shape = SHAPES[name]
    once = mirror_scene(make_scene(Instance("object", shape)))
    assert np.allclose(once.instances[0].geometry.vertices()[:, 1], shape.vertices()[:, 1])
    twice = mirror_scene(once).instances[0].geometry
    assert type(twice) is type(shape)
    assert all(np.allclose(a, b) for a, b in zip(twice.parts(), shape.parts(), strict=True))


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 12)), min_size=3, max_size=7))
def test_a_polygon_fills_the_mirrored_mask(ring) -> None:
    aside = np.array([0.0123457, 0.0717])  # so that no edge meets a centre
    shape = Polygon((np.array(ring) + aside,))
    scene = Scene(Frame("", (20, 12)), (Instance("region", shape),))
    mirrored = mirror_scene(scene).instances[0].geometry
    assert np.array_equal(fill(mirrored, (20, 12)), fill(shape, (20, 12))[:, ::-1])


def test_where_a_thing_is_for_the_driver() -> None:
    car = toy_world.thing("object/vehicle/car", lane=-1, x=20.0)
    [found] = mirror_scene(toy_world.scene(car)).instances
    assert found.extra["ego"] == toy_world.ego_at(1, 20.0)
    assert found.extra["visible_box"] == [270.0, 100.0, 300.0, 130.0] == [*found.geometry.xyxy]
    beside = toy_world.thing("object/vehicle/car", lane=None)
    assert mirror_scene(toy_world.scene(beside)).instances[0].extra["ego"]["lane"] is None


def test_what_only_the_source_knows_is_left_out() -> None:
    lane = make_lane([[0, 1], [2, 3]], extra={"tusimple": {"slot": 0}, "face": "us stop"})
    scene = make_scene(lane, extra={"culane": {}, "seed": 1, "held_out": []})
    found = mirror_scene(scene)
    assert (found.extra, found.instances[0].extra) == ({"held_out": []}, {})


@pytest.mark.parametrize("seed", range(12))
def test_what_is_meant_is_meant_by_the_mirrored_words(seed) -> None:
    """No order, no relation and no label contradicts the mirrored frame."""
    scene = toy_world.random_scene(seed)
    there, here = Judge(mirror_scene(scene)), Judge(scene)
    for label in LABELS:
        for place in RELATIONS:
            asked = Query((IsA(label), Lies(place)))
            mirrored = Query((IsA(mirror_value(label)), Lies(mirror_value(place))))
            assert there.targets(mirrored) == here.targets(asked)
        for by in RANKS:
            asked = Query((IsA(label),), Order(by))
            mirrored = Query((IsA(mirror_value(label)),), Order(mirror_value(by)))
            assert there.targets(mirrored) == here.targets(asked)


@pytest.mark.parametrize("seed", range(4))
def test_twice_is_the_same_frame(seed) -> None:
    scene = toy_world.random_scene(seed)
    twice = mirror_scene(mirror_scene(scene))
    for old, new in zip(scene.instances, twice.instances, strict=True):
        assert (new.label, new.attributes) == (old.label, old.attributes)
        assert np.allclose(new.geometry.vertices(), old.geometry.vertices())
        assert {k: v for k, v in new.extra.items() if k == "ego"} == {
            k: v for k, v in old.extra.items() if k == "ego"
        }
    lines = [one.extra["order"] for one in twice.instances if "order" in one.extra]
    assert lines == sorted(lines)
