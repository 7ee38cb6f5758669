"""Attribute questions: one for each place and task with an answer."""

import pytest

from drivegrid.data.attributes import attribute_questions
from drivegrid.labels import default_label_space
from tests.data.toy_world import area, line, scene, sign, thing


def asked(*instances):
    return [(q.instance, q.task, q.answer) for q in attribute_questions(scene(*instances))]


@pytest.mark.parametrize(
    ("instances", "expected"),
    [
        ([], []),
        ([line(20, 0)], []),
        ([thing("obstacle/cone")], [(0, "obstacle_class", "cone")]),
        ([thing("obstacle/manhole")], []),
        (
            [thing("object/vehicle/car", visible_state="cut off")],
            [(0, "obstacle_visible_state", "cut off")],
        ),
        (
            [line(20, 0), area()],
            [(1, "road_blockage", "open"), (1, "surface_condition", "dry"),
             (1, "traffic_density", "free")],
        ),
        ([sign("sign/regulatory", color="red", visible_state="")], [(0, "sign_color", "red")]),
        ([thing("no/such/label")], []),
    ],
)  # fmt: skip
def test_questions(instances, expected) -> None:
    assert asked(*instances) == expected


def test_every_task_of_the_taxonomy_is_asked() -> None:
    seen = {task for _, task, _ in asked(
        thing("obstacle/cone", visible_state="cut off"), area(), sign("sign/regulatory/stop"),
    )}  # fmt: skip
    assert seen == set(default_label_space().tasks)


def test_options_and_words_are_those_of_the_taxonomy() -> None:
    for question in attribute_questions(scene(thing("obstacle/cone"), area(), sign("sign"))):
        task = default_label_space().tasks[question.task]
        assert (question.question, question.options) == (task.question, task.options)
        assert question.answer in question.options
