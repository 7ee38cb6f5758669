"""Referring expressions: clear, balanced, true, and read back from their words."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivegrid.data.expressions import (
    KINDS,
    Expression,
    check,
    count_kinds,
    express,
    read_description,
    refer,
)
from drivegrid.errors import FormatError
from drivegrid.geometry import Box
from tests.data.toy_world import random_scene, scene, sign, thing


def test_an_empty_scene_gives_only_none() -> None:
    drawn = refer(scene(), np.random.default_rng(0), 9)
    assert {expression.kind for expression in drawn} == {"none"}
    assert refer(scene(), np.random.default_rng(0), 0) == []


@given(st.integers(0, 10_000))
def test_every_expression_is_true_and_of_its_kind(seed) -> None:
    labels = random_scene(seed)
    drawn = refer(labels, np.random.default_rng(seed), 6)
    assert [check(expression, labels) for expression in drawn] == [""] * len(drawn)
    assert len({expression.text for expression in drawn}) == len(drawn)
    for expression in drawn:
        assert KINDS[min(len(expression.targets), 2) - 1] == expression.kind
        assert expression.root in ("lane", "obstacle", "object", "sign", "light")


def test_the_kinds_are_balanced_and_the_same_draw_gives_the_same_words() -> None:
    drawn = [e for seed in range(60)
             for e in refer(random_scene(seed), np.random.default_rng(seed), 6)]  # fmt: skip
    counts = count_kinds(drawn)
    assert min(counts.values()) > 0.9 * max(counts.values())
    again = refer(random_scene(3), np.random.default_rng(3), 6)
    assert again == refer(random_scene(3), np.random.default_rng(3), 6)


def test_words_do_not_give_the_kind_away() -> None:
    """Each way to start an expression is used for more than one kind."""
    kinds: dict[str, set[str]] = {}
    for seed in range(80):
        for e in refer(random_scene(seed), np.random.default_rng(seed), 6):
            kinds.setdefault(e.text.split()[0], set()).add(e.kind)
    assert kinds["the"] == {"single", "none"}
    assert all(kinds[word] == set(KINDS) for word in ("all", "every", "is"))


@given(st.integers(0, 10_000), st.randoms())
def test_the_order_of_the_labels_does_not_matter(seed, random) -> None:
    labels = random_scene(seed)
    places = list(range(len(labels.instances)))
    random.shuffle(places)
    moved = replace(labels, instances=tuple(labels.instances[i] for i in places))
    for expression in refer(labels, np.random.default_rng(seed), 6):
        meant = express(read_description(expression.text), moved)
        assert meant is not None
        assert sorted(places[i] for i in meant.targets) == list(expression.targets)


@given(st.integers(0, 10_000), st.integers(2, 5))
def test_size_does_not_matter(seed, factor) -> None:
    labels = random_scene(seed)

    def grown(instance):
        extra = {**instance.extra}
        for name in ("visible_box", "box_xyxy"):
            if name in extra:
                extra[name] = [factor * value for value in extra[name]]
        shape = instance.geometry
        if isinstance(shape, Box):
            shape = Box(shape.xyxy * factor)
        elif shape.kind == "line":
            shape = type(shape)(shape.xy * factor)
        elif shape.kind == "point":
            shape = type(shape)(shape.xy * factor)
        return replace(instance, geometry=shape, extra=extra)

    size = tuple(factor * side for side in labels.frame.size_wh)
    larger = replace(
        labels,
        frame=replace(labels.frame, size_wh=size),
        instances=tuple(map(grown, labels.instances)),
    )
    for expression in refer(labels, np.random.default_rng(seed), 4):
        assert check(expression, larger) == ""


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({}, ""),
        ({"targets": (1,)}, "targets must be (0,)"),
        ({"kind": "none"}, "kind must be 'single'"),
        ({"root": "sign"}, "root must be 'obstacle'"),
        ({"text": "the purple cone"}, "in the words of descriptions"),
        ({"text": "the vehicle"}, "must be clear"),
    ],
)
def test_the_checker_names_what_is_wrong(changes, named) -> None:
    car = "object/vehicle/car"
    labels = scene(thing("obstacle/cone"), thing(car, lane=1), thing(car, lane=-1))
    expression = replace(Expression("the cone", "single", (0,), "obstacle"), **changes)
    assert named in check(expression, labels)
    assert bool(named) == bool(check(expression, labels))


@pytest.mark.parametrize(
    "text",
    ["", "the", "cone", "The cone", "the  cone", "all cone", "the cones", "the red orange cone",
     "the cone in our lane in our lane", "the seventh cone from the left", "all nearest cones",
     "the first red cone from the left", "the speed limit sign for", "the cone for 50"],
)  # fmt: skip
def test_other_words_are_refused(text) -> None:
    with pytest.raises(FormatError, match="in the words of descriptions"):
        read_description(text)


def test_a_limit_is_said_after_the_sign() -> None:
    description = read_description("the speed limit sign for 50 to the right of our lane")
    assert description.attributes == (("limit", "50"),)
    signs = [sign("sign/regulatory/speed_limit", limit=limit) for limit in ("50", "80")]
    assert description.targets(scene(*signs)) == (0,)
