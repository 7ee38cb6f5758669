"""Expressions from templates: what they mean, read a second time and independently."""

import json
from collections import Counter
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from drivegrid.data.expressions import KINDS
from drivegrid.data.phrasing import load_templates, templates
from drivegrid.data.queries import query_from_json
from drivegrid.data.referring import draw_referring
from drivegrid.errors import ConfigError
from drivegrid.scenes.compositor import Compositor
from drivegrid.scenes.render import render_scene
from tests.data.plain_reading import read
from tests.data.toy_world import random_scene, scene, thing

SPLITS = ("train", "held_out")


def without(world, index):
    """Return a world without one of its instances, the first of which are its four lines."""
    kept = world.instances[:index] + world.instances[index + 1 :]
    return replace(world, instances=kept)


@cache
def drawn(split):
    """Return scenes with their expressions: rendered ones and made-up ones."""
    worlds = [render_scene(seed, (320, 180), Compositor()).scene for seed in range(500, 506)]
    worlds += [without(random_scene(seed), seed % 5) for seed in range(44)]
    return [(w, draw_referring(w, np.random.default_rng(i), 12, split))
            for i, w in enumerate(worlds)]  # fmt: skip


def pairs(split):
    return [(world, one) for world, found in drawn(split) for one in found]


def test_an_empty_scene_gives_only_none() -> None:
    found = draw_referring(scene(), np.random.default_rng(0), 9)
    assert found
    assert {one.kind for one in found} == {"none"}
    assert draw_referring(scene(), np.random.default_rng(0), 0) == []


def test_a_second_reading_finds_exactly_the_stated_targets() -> None:
    both = [*pairs("train"), *pairs("held_out")]
    assert len(both) >= 1000
    wrong = [
        one.text
        for world, one in both
        if read(json.loads(json.dumps(one.query.to_json())), world) != list(one.targets)
    ]
    assert wrong == []


@pytest.mark.parametrize("swapped", [("left", "right"), ("nearest", "farthest")])
def test_the_second_reading_notices_other_forms(swapped) -> None:
    """Forms with one word exchanged mean other things: the agreement above could fail."""
    differs = 0
    for world, one in pairs("train"):
        text = json.dumps(one.query.to_json())
        if f'"by": "{swapped[0]}"' in text:
            form = json.loads(text.replace(f'"by": "{swapped[0]}"', f'"by": "{swapped[1]}"'))
            differs += read(form, world) != list(one.targets)
    assert differs > 5


def test_forms_survive_json() -> None:
    for _, one in [*pairs("train"), *pairs("held_out")]:
        entry = json.loads(json.dumps(one.to_json()))
        assert query_from_json(entry["form"]) == one.query
        assert entry["targets"] == list(one.targets)
        assert set(entry) == {"text", "targets", "source", "template", "form"}


@pytest.mark.parametrize("split", SPLITS)
def test_kinds_are_balanced_and_every_template_is_used(split) -> None:
    found = [one for _, one in pairs(split)]
    counts = Counter(one.kind for one in found)
    assert set(counts) == set(KINDS)
    assert min(counts.values()) > 0.85 * max(counts.values())
    able = {template.name for template in templates() if template.wordings(split)}
    used = {one.template for one in found}
    assert used <= able
    assert len(able - used) <= 3


def test_held_out_words_are_never_trained_on() -> None:
    trained = {one.text for _, one in pairs("train")}
    held_out = {one.text for _, one in pairs("held_out")}
    assert not trained & held_out
    says, held = ({say for t in templates() for say in t.wordings(split)} for split in SPLITS)
    assert not says & held


def test_there_are_enough_templates_some_wholly_held_out() -> None:
    assert len(templates()) >= 40
    assert sum(bool(template.say) for template in templates()) >= 40
    assert sum(not template.say for template in templates()) >= 8
    for template in templates():
        assert len(template.say) + len(template.held_out) >= 2, template.name
        assert template.held_out, template.name


def test_the_same_words_have_one_form() -> None:
    forms = {}
    for _, one in [*pairs("train"), *pairs("held_out")]:
        assert forms.setdefault(one.text, one.query) == one.query


def test_the_same_draw_gives_the_same_words() -> None:
    first, second = (draw_referring(random_scene(3), np.random.default_rng(3), 6) for _ in range(2))
    assert first == second
    assert len({one.text for one in first}) == len(first)


def test_words_do_not_give_the_kind_away() -> None:
    """Every template that is drawn often has answers and, elsewhere, none."""
    kinds = {}
    for _, one in pairs("train"):
        kinds.setdefault(one.template, []).append(one.kind)
    for template, found in kinds.items():
        if len(found) >= 12 and template not in ("both lines of our lane", "lines of other lanes"):
            assert len(set(found)) > 1, template


def test_doubtful_things_are_not_asked_for() -> None:
    """A car and a van: nobody knows what "all cars" is, and nothing says so."""
    world = scene(thing("object/vehicle/car"), thing("object/vehicle/van", lane=1))
    for seed in range(6):
        for one in draw_referring(world, np.random.default_rng(seed), 6):
            assert one.text not in ("all cars", "every car", "the car", "the nearest car")


@pytest.mark.parametrize(
    "entry", ["a: 3", "a: {about: [x]}", "a: {about: [], form: {}, held_out: [], more: 1}"]
)
def test_other_entries_are_no_templates(entry) -> None:
    assert load_templates("") == ()
    with pytest.raises(ConfigError, match="template must have"):
        load_templates(entry)
