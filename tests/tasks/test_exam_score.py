"""Figures worked out by hand; perfect answers reach the ceiling, silence nothing."""

from dataclasses import replace

import numpy as np
import pytest

from drivegrid.data.attributes import AttributeQuestion, attribute_questions
from drivegrid.data.expressions import Expression, refer
from drivegrid.data.split import Split
from drivegrid.geometry import Box, Point
from drivegrid.tasks.exam import Exam, asked_scene
from drivegrid.tasks.exam_score import ATTRIBUTES, Sheet, choice_scores, score_sheets
from drivegrid.tasks.exam_sheets import perfect_sheets, trivial_sheets
from drivegrid.tokens.codec import Codec
from drivegrid.tokens.grid import GridSpec
from tests.data.toy_world import area, line, random_scene, scene, sign, thing

CODEC = Codec(GridSpec(), "fewest")


def split_of(*scenes, expressions=None, questions=None):
    nothing = tuple(() for _ in scenes)
    return Split(scenes, expressions or nothing, questions or nothing)


def said(*instances, expressions=(), choices=()):
    return Sheet(scene(*instances), expressions, choices)


def rates(split, sheets, **more):
    return {name: f.value for name, f in score_sheets(split, sheets, resamples=0, **more).items()}


def boxed(label, *xyxy):
    return replace(thing(label), geometry=Box(np.array(xyxy, dtype=float)))


@pytest.fixture(scope="module")
def exam():
    scenes = tuple(random_scene(seed) for seed in range(6))
    rng = np.random.default_rng(0)
    expressions = tuple(tuple(refer(s, rng, 6)) for s in scenes)
    questions = tuple(tuple(attribute_questions(s)) for s in scenes)
    return Exam(Split(scenes, expressions, questions), ())


def test_nothing_asked_gives_no_figures() -> None:
    assert score_sheets(split_of(), []) == {}
    assert score_sheets(split_of(scene()), [said(thing("obstacle/cone"))]) == {}


def test_silence_scores_nothing(exam) -> None:
    split = exam.split
    sheets = [
        Sheet(replace(s, instances=()), (None,) * len(e), ("",) * len(q))
        for s, e, q in zip(split.scenes, split.expressions, split.questions, strict=True)
    ]
    found = rates(split, sheets)
    assert {"lane F1@50", "box Acc@50", "sign hit", "drivable gIoU", ATTRIBUTES} <= set(found)
    assert {"one target F1@50", "several targets F1@50", "no target accuracy"} <= set(found)
    assert set(found.values()) == {0.0}


def test_the_truth_itself_scores_all_there_is(exam) -> None:
    split = exam.split
    sheets = [
        Sheet(
            asked_scene(s, "all"),
            tuple(tuple(s.instances[i].geometry for i in x.targets) for x in e),
            tuple(one.answer for one in q),
        )
        for s, e, q in zip(split.scenes, split.expressions, split.questions, strict=True)
    ]
    found = rates(split, sheets)
    # Predicted lines get points before the spline, true ones do not: mF1 of coarse lines differs.
    assert {rate for name, rate in found.items() if "mF1" not in name} == {1.0}


def test_perfect_tokens_are_the_best_of_the_trivial(exam) -> None:
    ceiling = rates(exam.split, perfect_sheets(exam, CODEC, CODEC))
    assert ceiling["lane F1@50"] == ceiling["no target accuracy"] == 1.0
    for sheets in trivial_sheets(exam, CODEC).values():
        for name, rate in rates(exam.split, sheets).items():
            if "target" not in name and "all expressions" not in name:
                assert rate <= ceiling[name], name


def test_signs_are_pointed_at_and_named_apart() -> None:
    true = scene(
        sign("sign/warning", 50.0), sign("sign/regulatory", 150.0), sign("sign/guide", 250.0)
    )
    sheet = said(
        replace(sign("sign/warning"), geometry=Point((52.0, 50.0))),
        replace(sign("sign/warning"), geometry=Point((149.0, 47.0))),
        replace(sign("sign/guide"), geometry=Point((200.0, 48.0))),
        replace(sign("sign/guide"), geometry=Point((200.0, 10.0))),
    )
    found = score_sheets(split_of(true), [sheet], resamples=0)
    assert found["sign hit"].value == pytest.approx(2 / 3)
    assert found["sign F1"].value == pytest.approx(2 * 2 / (3 + 4))
    assert (found["sign label of hits"].value, found["sign label of hits"].n) == (0.5, 2)
    assert found["sign hit with label"].value == pytest.approx(1 / 3)


def test_large_boxes_are_counted_apart() -> None:
    small, large = (10, 10, 41, 42), (100, 100, 140, 140)  # 31 x 32 and 40 x 40 pixels
    true = scene(boxed("obstacle/cone", *small), boxed("obstacle/cone", *large))
    sheet = said(boxed("obstacle/cone", *small), boxed("obstacle/cone", 100, 100, 140, 125))
    found = score_sheets(split_of(true), [sheet], resamples=0)
    figures = {name: (f.value, f.n) for name, f in found.items()}
    assert figures == {
        "box Acc@50": (1.0, 2),
        "box Acc@80": (0.5, 2),
        "box F1@50": (1.0, 2),
        "box Acc@50, 32 px up": (1.0, 1),
        "box Acc@80, 32 px up": (0.0, 1),
    }


def test_roads_are_one_area_whatever_they_are_called() -> None:
    sheet = said(replace(area(), label="area/drivable"))
    assert rates(split_of(scene(area())), [sheet]) == {"drivable gIoU": 1.0}


def test_own_lines_alone_count_where_only_they_are_asked_for() -> None:
    true = scene(line(20, 0), line(110, 1, "ego-left"), line(210, 2, "ego-right"))
    sheet = said(*true.instances[1:])
    assert rates(split_of(true), [sheet], lanes="ego")["lane F1@50"] == 1.0
    assert rates(split_of(true), [sheet])["lane F1@50"] == pytest.approx(0.8)


def question(task, answer, instance=0):
    return AttributeQuestion(instance, task, "What?", ("wet", "dry"), answer)


def test_attributes_count_once_a_task_in_the_mean() -> None:
    asked = (
        *(question("surface_condition", "wet") for _ in range(3)),
        question("traffic_density", "dry"),
    )
    split = split_of(scene(area()), questions=(asked,))
    sheet = said(area(), choices=("wet", "dry", "", "dry"))
    found = score_sheets(split, [sheet], resamples=0)
    assert found["surface_condition"].value == pytest.approx(1 / 3)
    assert (found[ATTRIBUTES].value, found[ATTRIBUTES].n) == (pytest.approx(2 / 3), 4)
    assert choice_scores(split, [sheet])["surface_condition"].confusion() == {
        "wet": {"": 1, "dry": 1, "wet": 1}
    }


def test_of_places_in_the_same_cells_one_answer_is_right_at_best() -> None:
    pair = scene(sign("sign/warning", 50.0), sign("sign/warning", 50.4), sign("sign/stop", 900.0))
    asked = tuple(
        question("sign_color", answer, i) for i, answer in enumerate(("wet", "dry", "wet"))
    )
    exam = Exam(split_of(pair, questions=(asked,)), ())
    assert rates(exam.split, perfect_sheets(exam, CODEC, CODEC))["sign_color"] == pytest.approx(
        1 / 3
    )
    assert rates(exam.split, perfect_sheets(exam, CODEC, None))["sign_color"] == 1.0


def test_no_answer_to_an_expression_is_no_answer_that_nothing_is_there() -> None:
    asked = (Expression("a car", "none", (), "object"), Expression("a bus", "none", (), "object"))
    split = split_of(scene(area()), expressions=(asked,))
    assert rates(split, [said(area(), expressions=((), None))])["no target accuracy"] == 0.5


def test_intervals_hold_the_rate_and_repeat(exam) -> None:
    sheets = perfect_sheets(exam, CODEC, CODEC)
    first, again = (score_sheets(exam.split, sheets, resamples=100) for _ in range(2))
    assert {n: f.as_dict() for n, f in first.items()} == {n: f.as_dict() for n, f in again.items()}
    for figure in first.values():
        assert figure.interval.low <= figure.value <= figure.interval.high
