from pathlib import Path

import numpy as np
import pytest

from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.geometry import Point, x_at_bottom
from drivegrid.tasks import drivable, lanes, objects, signs
from drivegrid.tasks.base import Asked, answer_items
from drivegrid.tasks.corpus import unfamiliar_words
from drivegrid.tasks.scoring import asked_part
from drivegrid.tasks.table import TASKS
from drivegrid.tokens.codec import Codec
from drivegrid.tokens.grammar import format_answer, parse_answer
from drivegrid.tokens.grid import GridSpec

from .builders import SIZE, box, empty, lane, road


@pytest.mark.parametrize("name", TASKS)
def test_nothing_there_is_answered_by_none(name: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        asked = TASKS[name].ask(empty(), rng)
        items, _ = answer_items(asked, Codec(GridSpec(), rounds=0), SIZE)
        assert format_answer(items) == "none"


def test_lanes_run_from_left_to_right() -> None:
    roles = [line.attributes["role"] for line in TASKS["lanes"].instances(road())]
    assert roles == ["left", "ego-left", "ego-right", "right"]


def test_hidden_line_keeps_its_place_by_prolongation() -> None:
    assert x_at_bottom(np.array([[100.0, 180.0], [110.0, 90.0]]), SIZE) == pytest.approx(80.0)
    assert x_at_bottom(np.array([[7.0, 180.0]]), SIZE) == 7.0


def test_objects_run_from_left_to_right() -> None:
    labels = [i.label for i in TASKS["objects"].instances(road())]
    assert labels == ["object/vehicle/truck", "object/vehicle/car"]


def test_of_many_objects_the_nearest_are_kept() -> None:
    boxes = [box("object/vehicle/car", 10 * k, 100 + 5 * k, 20, 20) for k in range(20)]
    found = TASKS["objects"].instances(Scene(Frame("a.png", (640, 360)), tuple(boxes)))
    assert found == tuple(boxes[-objects.MAX_BOXES :])


def test_objects_too_small_for_two_tokens_are_not_asked_for() -> None:
    from dataclasses import replace

    tiny = box("object/vehicle/car", 300, 170, 4, 3)
    scene = replace(road(), instances=(*road().instances, tiny))
    assert tiny not in TASKS["objects"].instances(scene)


def test_signs_run_from_left_to_right() -> None:
    labels = [i.label for i in TASKS["signs"].instances(road())]
    assert labels == ["sign/regulatory", "sign/warning"]


def expected(query: str) -> list[str] | None:
    """What narrower questions about `road` must name, read off the scene by hand."""
    answers = {
        "ego": ["ego-left", "ego-right"],
        "our lane": ["ego-left", "ego-right"],
        "first lane line from the left": ["left"],
        "second lane line from the right": ["ego-right"],
        "fifth": [],
    }
    return next((roles for words, roles in answers.items() if words in query), None)


def test_narrower_lane_questions_have_the_right_answers() -> None:
    rng, seen = np.random.default_rng(1), set()
    for _ in range(600):
        asked = TASKS["lanes"].ask(road(), rng)
        roles = expected(asked.query)
        if roles is not None:
            assert [i.attributes["role"] for i in asked.instances] == roles, asked.query
            seen.add(tuple(roles))
    assert len(seen) == 4


def test_nearest_and_absent_classes() -> None:
    rng, absent = np.random.default_rng(2), 0
    for _ in range(400):
        asked = TASKS["objects"].ask(road(), rng)
        if "nearest" in asked.query or "closest" in asked.query:
            assert len(asked.instances) <= 1
        if "cone" in asked.query:
            assert asked.instances == ()
            absent += 1
    assert absent > 0


def test_answers_parse_back_strictly_with_asked_attributes_only() -> None:
    asked = Asked("lanes with style", TASKS["lanes"].instances(road()), ("style",))
    items, kept = answer_items(asked, Codec(GridSpec(), rounds=0), SIZE)
    parsed = parse_answer(format_answer(items), GridSpec(), strict=True)
    assert list(parsed.items) == items
    assert [dict(i.attributes) for i in items] == [{"style": k.attributes["style"]} for k in kept]


def test_instances_outside_the_image_are_left_out_of_answer_and_list() -> None:
    outside = lane(2000, 1900)
    items, kept = answer_items(
        Asked("", (outside, lane(100, 200))), Codec(GridSpec(), rounds=0), SIZE
    )
    assert len(items) == len(kept) == 1


def test_queries_page_lists_what_the_tasks_ask() -> None:
    page = (Path(__file__).parents[2] / "docs" / "queries.md").read_text(encoding="utf-8")
    told = {cell.strip() for row in page.split("|") for cell in row.split("·")}
    asked = {*lanes.PARAPHRASES, *lanes.EGO, *objects.PARAPHRASES}
    asked |= {*signs.PARAPHRASES, *drivable.PARAPHRASES}
    assert asked <= told


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", ()),
        ("All lanes", ()),
        ("is there any warning triangle?", ()),
        ("the quickest lane of 7", ("quickest", "7")),
    ],
)
def test_unfamiliar_words(query, words) -> None:
    assert unfamiliar_words(query) == words


def test_plain_answers_stop_at_the_basic_level() -> None:
    stop = Instance("sign/regulatory/stop", Point((30.0, 20.0)))
    scene = Scene(Frame("", (64, 48)), (stop,))
    [item], kept = answer_items(Asked("all traffic signs", (stop,)), Codec(), (64, 48))
    assert (item.label, kept) == ("regulatory sign", (stop,))
    [item], _ = answer_items(Asked("the stop sign", (stop,), exact=True), Codec(), (64, 48))
    assert item.label == "stop sign"
    assert [instance.label for instance in asked_part(scene).instances] == ["sign/regulatory"]
