import numpy as np
import pytest

from drivegrid.data.scene import Instance
from drivegrid.geometry import Box, Point, Polygon, Polyline
from drivegrid.tasks.base import Asked, answer_items
from drivegrid.tasks.rewards.goal import Goal
from drivegrid.tasks.rewards.proposal import proposal_components
from drivegrid.tasks.rewards.settings import PRESETS, RewardSettings
from drivegrid.tokens.codec import Codec
from drivegrid.tokens.grammar import format_answer

from ..builders import SIZE as ROAD_SIZE
from ..builders import road

SIZE = (320, 320)  # cells of 10 px, centres at 5, 15, ..
CODEC = Codec(rounds=0)
PLAIN = RewardSettings()


def components(instances, *texts: str, settings=PLAIN, words=None):
    found = proposal_components(Goal(tuple(instances), SIZE, words), texts, CODEC, settings)
    return {name: values.tolist() for name, values in found.items()}


def sign(x: float, y: float, box=None) -> Instance:
    return Instance("sign", Point(np.array([x, y])), extra={} if box is None else {"box_xyxy": box})


def test_no_answers() -> None:
    assert components([sign(5, 5)]) == {"format": [], "non_repeat": [], "point": []}


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("", 0),
        ("none", 1),
        ("sign: <point><grid_1_2></point>", 1),
        ("sign: <point><grid_1_2>", 0),
        ("sign: <point><grid_99_2></point>", 0),
        ("sign <point><grid_1_2></point>", 0),
        ("<think>a</think><answer>none</answer>", 1),
    ],
)
def test_form_is_exact(text: str, form: int) -> None:
    assert components([sign(5, 5)], text)["format"] == [form]


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("none", 0),
        ("<answer>none</answer>", 0),
        ("<think>a</think>none", 0),
        ("<think>a</think><answer>none</answer>", 1),
    ],
)
def test_the_paper_wants_a_thought_and_an_answer(text: str, form: int) -> None:
    assert components([sign(5, 5)], text, settings=PRESETS["paper"])["format"] == [form]


def test_things_in_the_same_cells_may_be_named_twice() -> None:
    one = "sign: <point><grid_0_0></point>"
    twice, thrice = "\n".join([one] * 2), "\n".join([one] * 3)
    assert components([sign(4, 4), sign(6, 6)], twice, thrice)["non_repeat"] == [1, 0]
    assert components([sign(4, 4), sign(99, 6)], one, twice)["non_repeat"] == [1, 0]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("none", 1),
        ("<answer>none</answer>", 1),
        ("None.", 1),
        ("", 0),
        ("nothing at all", 0),
        ("car: <box><grid_0_0><grid_1_1></box>", 0),
        ("none\ncar: <box><grid_0_0><grid_1_1></box>", 0),
    ],
)
def test_where_nothing_is_only_none_is_right(text: str, value: int) -> None:
    found = components([], text)
    assert list(found) == ["format", "non_repeat", "no_target"]
    assert found["no_target"] == [value]


@pytest.mark.parametrize(
    ("text", "form", "right"),
    [
        ("wet", 1, 1),
        (" wet ", 1, 1),
        ("<think>It shines.</think><answer>wet</answer>", 1, 1),
        ("dry", 1, 0),
        ("wet or dry", 1, 0),
        ("", 0, 0),
        ("wet <point><grid_1_2></point>", 0, 0),
    ],
)
def test_answers_in_words(text: str, form: int, right: int) -> None:
    expected = {"format": [form], "non_repeat": [1], "words": [right]}
    assert components([], text, words="wet") == expected


# Reach: .1 * 320 = 32 px beyond the radius of 16 px or the box. One cell away are 10 px.
@pytest.mark.parametrize(
    ("truth", "cells", "expected"),
    [
        ([sign(5, 5)], ["0_0"], 1.0),
        ([sign(5, 5)], ["1_0"], 1.0),  # 10 px: within the radius
        ([sign(5, 5)], ["3_0"], 1 - 14 / 32),  # 30 px, 14 beyond the radius
        ([sign(5, 5)], ["9_0"], 0.0),
        ([sign(5, 5, [0, 0, 12, 8])], ["1_0"], 1 - 3 / 32),  # 15 is 3 px right of the box
        ([sign(5, 5, [0, 0, 16, 8])], ["1_0"], 1.0),
        ([sign(5, 5, [0, 0, 12, 11])], ["1_1"], 1 - 5 / 32),  # 3 px right and 4 px below
        ([sign(5, 5)], ["0_0", "20_20"], 0.5),
        ([sign(5, 5), sign(205, 205)], ["0_0"], 0.5),
        ([sign(5, 5), sign(205, 205)], ["20_20", "0_0"], 1.0),
    ],
)
def test_points_by_hand(truth, cells, expected) -> None:
    text = "\n".join(f"sign: <point><grid_{cell}></point>" for cell in cells)
    assert components(truth, text)["point"] == pytest.approx([expected])


def test_polygons_by_hand() -> None:
    # True: 5..105 squared. Said: 5..55 by 5..105, half of it; two such squares said, one true.
    ring = np.array([[5.0, 5], [105, 5], [105, 105], [5, 105]])
    area = Instance("area", Polygon((ring,)))
    half = "area: <poly><grid_0_0><grid_5_0><grid_5_10><grid_0_10></poly>"
    whole = "area: <poly><grid_0_0><grid_10_0><grid_10_10><grid_0_10></poly>"
    found = components([area], half, whole, f"{whole}\n{half}", "none")
    assert found["polygon"] == pytest.approx([0.5, 1.0, 0.5, 0.0])


def test_components_follow_the_goal_alone() -> None:
    texts = ("none", "car: <box><grid_0_0><grid_1_1></box>", "<line>", "x: <seg><grid_1_1></seg>")
    area = Instance("area", Polygon((np.array([[5.0, 5], [105, 5], [105, 105]]),)))
    car = Instance("car", Box(np.array([0.0, 0, 50, 50])))
    line = Instance("line", Polyline(np.array([[5.0, 300], [5, 5]])))
    forms = ["format", "non_repeat"]
    assert list(components([car], *texts)) == [*forms, "box"]
    assert list(components([car, line], *texts)) == [*forms, "box", "line"]
    assert list(components([area, sign(5, 5)], *texts)) == [*forms, "point", "polygon"]
    found = components([area], *texts, settings=PRESETS["paper"])
    assert list(found) == [*forms, "box", "critical_points"]


@pytest.mark.parametrize("start", range(0, 9, 2))
def test_in_a_group_every_answer_is_worth_what_it_is_alone(start: int) -> None:
    items, kept = answer_items(Asked("", road().instances[start : start + 3]), CODEC, ROAD_SIZE)
    goal = Goal.from_answer(items, kept, ROAD_SIZE)
    texts = [format_answer(items), format_answer(items[1:]), format_answer(items[:1] * 2), "none"]
    together = proposal_components(goal, texts, CODEC, PLAIN)
    for number, text in enumerate(texts):
        alone = proposal_components(goal, [text], CODEC, PLAIN)
        assert {name: values[number] for name, values in together.items()} == pytest.approx(
            {name: values[0] for name, values in alone.items()}
        )
