"""Descriptions: what each part judges, and when a doubt leaves the answer open."""

import itertools

import numpy as np
import pytest

from drivegrid.data.descriptions import Description, askable, relations_for
from drivegrid.data.expressions import read_description
from drivegrid.data.scene import Instance
from drivegrid.geometry import Polyline
from drivegrid.labels import default_label_space
from tests.data.toy_world import line, scene, sign, thing

CAR, VAN, CONE = "object/vehicle/car", "object/vehicle/van", "obstacle/cone"


def the(label, **parts):
    return Description(label, "the", **parts)


def every(label, **parts):
    return Description(label, "all", **parts)


LANES = [
    line(20, 0, "left", style="dashed"),
    line(110, 1, "ego-left", color="yellow"),
    line(200, 2, "ego-right"),
    line(290, 3, "right", style="worn"),
]


@pytest.mark.parametrize(
    ("description", "things", "targets"),
    [
        (every(CAR), [], ()),
        (every(CAR), [thing(CAR), thing(CONE), thing(CAR)], (0, 2)),
        (the(CAR), [thing(CAR)], (0,)),
        (the(CAR), [thing(CAR), thing(CAR)], None),
        (every(CAR), [thing(CAR), thing(VAN)], None),
        (every(CAR), [thing(CAR), thing("obstacle/parked_vehicle")], None),
        (every(CAR, relation="in our lane"), [thing(CAR), thing(VAN, lane=1)], (0,)),
        (every(CAR), [thing(CAR), thing(CAR, visibility=0.1)], None),
        (every(CONE, attributes=(("color", "red"),)), [thing(CONE, color="red-white")], None),
        (every(CONE, attributes=(("color", "red"),)), [thing(CONE, color="orange")], None),
        (every(CONE, attributes=(("color", "red"),)), [thing(CONE, color="blue")], ()),
        (every(CONE, attributes=(("color", "red"),)), [thing(CONE)], None),
        (every(CONE, relation="beside the road"), [thing(CONE, lane=None), thing(CONE)], (0,)),
        (every(CONE, relation="to the left of our lane"), [thing(CONE, lane=-1)], (0,)),
        (every("obstacle"), [thing(CONE), thing("obstacle/fence")], None),
        (every("obstacle"), [thing(CONE), thing(CAR)], None),
        (every("obstacle/barrier"), [thing("obstacle/water_barrier")], None),
        (every("sign"), [sign("sign/advertisement")], None),
        (every("sign/regulatory/stop"), [sign("sign/warning", visible_state="unreadable")], None),
        (every("sign/regulatory/stop"), [sign("sign/regulatory/yield")], ()),
    ],
)  # fmt: skip
def test_what_is_meant(description, things, targets) -> None:
    assert description.targets(scene(*things)) == targets


@pytest.mark.parametrize(
    ("description", "targets"),
    [
        (the("lane/line", rank="left", place=1), (1,)),
        (the("lane/line", rank="right", place=0), (3,)),
        (the("lane/line", rank="left", place=4), ()),
        (the("lane/line", relation="bounding our lane on the right"), (2,)),
        (every("lane/line", relation="bounding our lane"), (1, 2)),
        (the("lane/line", attributes=(("color", "yellow"),)), (1,)),
        (every("lane/line", attributes=(("style", "dashed"),)), None),
    ],
)
def test_lane_lines(description, targets) -> None:
    assert description.targets(scene(*LANES)) == targets


def test_a_curb_matters_only_where_it_is_counted() -> None:
    curb = Instance("lane/curb", LANES[3].geometry, {}, 1.0, extra={"order": 4})
    both = scene(*LANES, curb)
    assert the("lane/line", rank="left", place=1).targets(both) == (1,)
    assert the("lane/line", rank="right", place=0).targets(both) is None
    assert the("lane/line", rank="left", place=4).targets(both) is None


@pytest.mark.parametrize(
    ("distances", "targets"),
    [((), ()), ((20.0,), (0,)), ((20.0, 40.0), (0,)), ((40.0, 20.0), (1,)), ((20.0, 21.0), None)],
)
def test_the_nearest_must_be_clearly_nearer(distances, targets) -> None:
    cars = [thing(CAR, distance_m=distance) for distance in distances]
    assert the(CAR, rank="nearest").targets(scene(*cars)) == targets


def test_doubtful_things_beyond_the_nearest_do_not_matter() -> None:
    near, far_van = thing(CAR, distance_m=10), thing(VAN, distance_m=50)
    assert the(CAR, rank="nearest").targets(scene(near, far_van)) == (0,)
    assert the(CAR, rank="farthest").targets(scene(near, far_van)) is None


@pytest.mark.parametrize(
    ("visibility", "targets"), [(0.6, (0,)), (0.42, None), (0.78, None), (0.3, None)]
)
def test_shares_near_a_limit_are_not_told_apart(visibility, targets) -> None:
    state = "mostly hidden" if visibility < 0.4 else "partly hidden"
    car = thing(CAR, visibility=visibility, visible_state=state)
    asked = every(CAR, attributes=(("visible_state", "partly hidden"),))
    assert asked.targets(scene(car)) == targets


@pytest.mark.parametrize(
    ("things", "targets"),
    [
        ([], ()),
        ([thing(CONE)], (0,)),
        ([thing(CONE), thing(CAR, lane=1)], (0,)),
        ([thing(CONE), thing(CAR)], None),
        ([thing("obstacle/manhole")], None),
        ([*LANES, sign("sign/regulatory/stop")], ()),
    ],
)
def test_what_blocks_our_lane(things, targets) -> None:
    assert Description("", "any").targets(scene(*things)) == targets


def test_things_half_in_our_lane_are_left_open() -> None:
    cone = thing(CONE, lane=-1)
    cone.extra["ego"]["in_our_lane"] = True
    for relation in ("in our lane", "in the lane to our left", "to the left of our lane"):
        assert every(CONE, relation=relation).targets(scene(cone)) is None
    assert every(CONE, relation="in the lane to our right").targets(scene(cone)) is None


def test_without_relations_in_the_labels_nothing_is_clear() -> None:
    bare = scene(Instance(CONE, thing(CONE).geometry), Instance("lane/line", Polyline(np.eye(2))))
    for relation in relations_for(CONE):
        assert every(CONE, relation=relation).targets(bare) is None
    assert the(CONE, rank="nearest").targets(bare) is None
    assert the("lane/line", rank="left").targets(bare) is None


def test_no_two_descriptions_share_their_words_and_all_can_be_read_back() -> None:
    space, seen = default_label_space(), {}
    rng = np.random.default_rng(0)
    for label, form in itertools.product(askable(), ("the", "all", "every", "any")):
        ranks = ["", "nearest", "farthest"] if form == "the" else [""]
        said = [Description(label, form, (), r, rank)
                for r, rank in itertools.product(["", *relations_for(label)], ranks)]  # fmt: skip
        said += [Description(label, form, (("color", color),), "")
                 for color in space.attributes_of(label).get("color", ())
                 if color != "other" and label in ("sign", "lane/line", CONE)]  # fmt: skip
        if form == "the":
            said += [Description(label, form, (), "", "left", place) for place in range(6)]
        for description in said:
            assert seen.setdefault(description.text(), description) == description
    for text in rng.choice(sorted(seen), 400):
        assert read_description(str(text)) == seen[text]
