"""The label tree, its words and the attribute tasks."""

from __future__ import annotations

import pickle

import pytest

from drivegrid.errors import ConfigError
from drivegrid.labels import LabelSpace, default_label_space
from drivegrid.labels.space import spelling

SPACE = default_label_space()

NEEDED = """
lane/line lane/curb lane/crosswalk lane/stop_line
obstacle/cone obstacle/barrier obstacle/water_barrier obstacle/construction_sign
obstacle/warning_triangle obstacle/debris obstacle/pothole obstacle/parked_vehicle
object/vehicle/car object/vehicle/truck object/vehicle/bus object/vehicle/van
object/vehicle/motorcycle object/vehicle/bicycle object/vehicle/trailer object/vehicle/train
object/vehicle/emergency object/person/pedestrian object/person/rider
object/person/construction_worker object/animal
sign/regulatory/stop sign/warning/curve_left sign/information/parking light/vehicle light/pedestrian
area/drivable/direct area/drivable/alternative area/sidewalk area/terrain
region/puddle region/construction_zone region/vegetation
""".split()


@pytest.mark.parametrize("path", NEEDED)
def test_the_tree_holds_what_driving_needs(path: str) -> None:
    assert SPACE.is_a(path, path.split("/")[0])
    assert SPACE.parent(path) in SPACE.paths


def test_words_and_paths_are_unique_both_ways() -> None:
    assert len({SPACE.words(path) for path in SPACE.paths}) == len(SPACE.paths)
    for path in SPACE.paths:
        assert SPACE.path_of(SPACE.words(path)) == path
        assert SPACE.words(path) == SPACE.words(path).strip().lower()


def test_every_term_alone_finds_its_own_label_and_nothing_else() -> None:
    for label in SPACE.labels.values():
        for term in label.terms:
            assert SPACE.find(f"Where is the {term.upper()}?") == [label.path], term


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("", []),
        ("is it raining?", []),
        ("carpet, truckload, unsigned", []),
        ("the cone nearest to the ego lane", ["obstacle/cone", "area/drivable/direct"]),
        ("traffic cones", ["obstacle/cone"]),
        ("Traffic-Light and traffic  sign", ["light", "sign"]),
        ("cone, barrier, cone", ["obstacle/cone", "obstacle/barrier"]),
        ("stop signs before the stop line", ["sign/regulatory/stop", "lane/stop_line"]),
        (
            "people and children on bikes",
            ["object/person", "object/person/child", "object/vehicle/bicycle"],
        ),
        ("second lane line from the left", ["lane/line"]),
        ("a parked car behind the car", ["obstacle/parked_vehicle", "object/vehicle/car"]),
    ],
)
def test_find_reads_queries_longest_term_first(text: str, paths: list[str]) -> None:
    assert SPACE.find(text) == paths


def test_tree_navigation() -> None:
    roots = SPACE.children("")
    assert roots == ("lane", "obstacle", "object", "sign", "light", "area", "region")
    assert SPACE.parent("lane") is None
    assert "object/vehicle/car" in SPACE.children("object/vehicle")
    assert "object/vehicle/emergency/police" not in SPACE.children("object/vehicle")
    assert not SPACE.is_a("object/vehicle", "object/vehicle/car")
    assert SPACE.is_a("object/vehicle/emergency/police", "object")
    for index, path in enumerate(SPACE.paths):
        assert SPACE.parent(path) in (None, *SPACE.paths[:index])


def test_is_a_compares_whole_names() -> None:
    assert not SPACE.is_a("object/vehicle/caravan", "object/vehicle/car")


def test_attributes_are_inherited_and_closed() -> None:
    line = SPACE.attributes_of("lane/line")
    assert {"ego-left", "ego-right", "left", "right"} <= set(line["role"])
    assert line["style"][:4] == ("solid", "dashed", "double solid", "double dashed")
    assert {"solid-dashed", "dashed-solid", "botts dots", "curb", "worn"} <= set(line["style"])
    limit = SPACE.attributes_of("sign/regulatory/speed_limit")
    assert "50" in limit["limit"] and "red-white" in limit["color"]
    assert "limit" not in SPACE.attributes_of("sign/regulatory/stop")
    assert set(SPACE.attributes_of("light")["state"]) >= {"red", "yellow", "green", "off"}


def test_geometry_is_inherited_and_overridden() -> None:
    shapes = {path: SPACE.label(path).geometry for path in SPACE.paths}
    assert shapes["lane/line"] == "line" and shapes["lane/crosswalk"] == "poly"
    assert shapes["obstacle/cone"] == "box" and shapes["sign/regulatory/stop"] == "point"
    assert shapes["area/drivable/direct"] == "poly" and shapes["region/puddle"] == "seg"


OPTIONS = {
    "obstacle_class": ("label", "box", 14),
    "obstacle_visible_state": ("visible_state", "box", 4),
    "road_blockage": ("blockage", "poly", 3),
    "surface_condition": ("surface", "poly", 4),
    "traffic_density": ("density", "poly", 3),
    "sign_color": ("color", "point", 10),
    "sign_visible_state": ("visible_state", "point", 5),
}


def test_the_seven_tasks() -> None:
    assert {
        name: (task.attribute, task.region, len(task.options)) for name, task in SPACE.tasks.items()
    } == OPTIONS


@pytest.mark.parametrize("name", OPTIONS)
def test_a_task_offers_exactly_what_can_be_stored(name: str) -> None:
    task = SPACE.tasks[name]
    assert task.question.endswith("?") and all(len(rule) > 10 for rule in task.rules.values())
    for path in task.applies_to:
        if task.attribute == "label":
            assert all(SPACE.is_a(SPACE.path_of(option), path) for option in task.options)
        else:
            assert set(SPACE.attributes_of(path)[task.attribute]) == set(task.options)


@pytest.mark.parametrize("name", ["blockage", "surface", "density"])
def test_road_answers_can_stand_on_the_frame_or_the_area(name: str) -> None:
    assert SPACE.frame_attributes[name] == SPACE.attributes_of("area/drivable")[name]


@pytest.mark.parametrize(
    ("call", "known"),
    [
        (lambda: SPACE.words("obstacle/cones"), "obstacle/cone"),
        (lambda: SPACE.words(""), "lane"),
        (lambda: SPACE.path_of("dragon"), "stop sign"),
        (lambda: SPACE.is_a("lane/line", "lanes"), "lane"),
        (lambda: SPACE.children("lanes"), "lane"),
        (lambda: SPACE.map_label("kity", "Car"), "kitti"),
        (lambda: SPACE.map_label("kitti", "Unicorn"), "Van"),
        (lambda: SPACE.map_attribute("kitti", "colour", "0"), "occluded"),
        (lambda: SPACE.map_attribute("culane", "colour", "0"), "none"),
        (lambda: SPACE.map_attribute("kitti", "occluded", "9"), "0, 1, 2, 3"),
    ],
)
def test_unknown_names_list_the_known_ones(call: object, known: str) -> None:
    with pytest.raises(ConfigError, match=known):
        call()  # type: ignore[operator]


def test_the_default_space_is_read_once_frozen_and_picklable() -> None:
    assert default_label_space() is SPACE
    with pytest.raises(AttributeError):
        SPACE.labels = {}  # type: ignore[misc]
    copy = pickle.loads(pickle.dumps(SPACE))
    assert isinstance(copy, LabelSpace) and copy == SPACE
    assert copy.find("two cones") == ["obstacle/cone"]


def test_no_term_hides_behind_spelling() -> None:
    terms = [spelling(t) for label in SPACE.labels.values() for t in label.terms]
    assert all(terms) and all(t == spelling(t) for t in terms)
