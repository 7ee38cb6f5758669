"""Rewards of masks in words: SAMTok eq. 5 by its letter, and what the words draw."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivegrid.data.scene import Instance
from drivegrid.errors import GeometryError, ModelError
from drivegrid.geometry import Box, Polygon
from drivegrid.tasks.rewards.goal import Goal, as_answered, true_words
from drivegrid.tasks.rewards.proposal import proposal_components
from drivegrid.tasks.rewards.settings import PRESETS
from drivegrid.tasks.rewards.text import item_key
from drivegrid.tasks.rewards.words import WordDecoder, match_reward
from drivegrid.tokens.answer import AnswerItem
from drivegrid.tokens.codec import Codec
from drivegrid.tokens.grammar import parse_answer
from drivegrid.tokens.mask_words import mask_geometry
from tests.masks.toy_tokenizer import WORDS, ToyTokenizer

SIZE = (64, 64)
CODEC = Codec(words=WORDS)
IMAGE = np.zeros((64, 64, 3), np.uint8)
SETTINGS = PRESETS["no-decoder"]
A, B, C = (f"<sam_1_{n}><sam_2_{n}>" for n in range(3))


def pair(text: str) -> tuple[str, ...]:
    first, second = text.split("><")
    return f"{first}>", f"<{second}"


def eq_5(predicted, true) -> float:
    """Extract masks, remove duplicates, look each up in the true answer, over the larger count."""
    distinct = [mask for n, mask in enumerate(predicted) if mask not in predicted[:n]]
    num_tp = sum(mask in true for mask in distinct)
    return num_tp / max(len(predicted), len(true))


CASES = {
    "nothing there, nothing said": ([], [], 1.0),
    "nothing there, one said": ([A], [], 0.0),
    "one there, nothing said": ([], [A], 0.0),
    "right": ([A], [A], 1.0),
    "another": ([B], [A], 0.0),
    "order does not matter": ([B, A], [A, B], 1.0),
    "one of two": ([A], [A, B], 1 / 2),
    "two, one of them wrong": ([A, C], [A, B], 1 / 2),
    "too many": ([A, B, C], [A], 1 / 3),
    "said twice": ([A, A], [A], 1 / 2),
    "said thrice for two": ([A, A, A], [A, B], 1 / 3),
    "two things of one mask": ([A], [A, A], 1 / 2),
}


@pytest.mark.parametrize(("predicted", "true", "expected"), CASES.values(), ids=CASES)
def test_values_by_hand(predicted, true, expected) -> None:
    assert match_reward([*map(pair, predicted)], [*map(pair, true)]) == expected


masks = st.lists(st.sampled_from([A, B, C]).map(pair), max_size=6)


@given(masks, masks)
def test_it_is_the_equation(predicted, true) -> None:
    if predicted or true:
        assert match_reward(predicted, true) == eq_5(predicted, true)
    assert 0 <= match_reward(predicted, true) <= 1


@given(masks, masks.filter(len), st.integers(0, 3))
def test_more_of_the_same_never_pays(predicted, true, wrong) -> None:
    plain = match_reward(predicted, true, wrong)
    for one in predicted:
        assert match_reward([*predicted, one], true, wrong) <= plain
    assert match_reward(predicted, true, wrong + 1) <= plain


def cell(label: str, col: int, row: int, words: str) -> Instance:
    """Return a region that fills one of 4 x 4 cells, told by words."""
    x, y = 16.0 * col, 16.0 * row
    ring = np.array([[x, y], [x + 16, y], [x + 16, y + 16], [x, y + 16]])
    plain = Instance(label, Polygon((ring,)))
    return as_answered(plain, AnswerItem(label, {}, mask_geometry(pair(words))))


GOAL = Goal((cell("puddle", 0, 0, A), cell("puddle", 1, 1, B)), SIZE)


def said(*lines: str) -> str:
    return "\n".join(lines)


def line(label: str, words: str) -> str:
    return f"{label}: <seg>{words}</seg>"


RIGHT = said(line("puddle", A), line("puddle", B))


def components(*texts: str, goal: Goal = GOAL, masks=None):
    return proposal_components(goal, texts, CODEC, SETTINGS, masks)


def decoder() -> WordDecoder:
    return WordDecoder(ToyTokenizer(), WORDS, IMAGE, "a.jpg")


def test_a_goal_knows_the_words_of_its_instances() -> None:
    assert [true_words(one) for one in GOAL.instances] == [pair(A), pair(B)]
    assert true_words(Instance("car", Box(np.zeros(4)))) == ()


TEXTS = {
    "right": (RIGHT, 1.0, 2.0),
    "none": ("none", 0.0, 0.0),
    "half": (line("puddle", A), 0.5, 1.0),
    "repeated": (said(line("puddle", A), line("puddle", A)), 0.5, 1.0),
    "another cell": (said(line("puddle", A), line("puddle", C)), 0.5, 1.0),
    "broken": (said(line("puddle", A), "puddle: <seg><sam_1_1></seg>"), 0.5, 1.0),
    "the wrong label": (said(line("crack", A), line("puddle", B)), 1.0, 1.0),
    "a box too": (said(RIGHT, "puddle: <box><grid_0_0><grid_3_3></box>"), 2 / 3, 4 / 3),
    "anchors": (said(line("puddle", A), "puddle: <seg><grid_9_9></seg>"), 0.5, 1.0),
}


@pytest.mark.parametrize(("text", "matched", "drawn"), TEXTS.values(), ids=TEXTS)
def test_components_of_an_answer(text, matched, drawn) -> None:
    rewards = components(text, masks=decoder())
    assert rewards["mask_words"].tolist() == pytest.approx([matched])
    assert rewards["mask"].tolist() == pytest.approx([drawn])
    assert "mask" not in components(text)
    assert "polygon" not in rewards and "box" not in rewards


def test_all_samples_of_a_question_are_told_at_once() -> None:
    rewards = components("none", RIGHT, line("puddle", A), masks=decoder())
    assert rewards["mask_words"].tolist() == [0.0, 1.0, 0.5]
    assert rewards["mask"].tolist() == [0.0, 2.0, 1.0]
    assert rewards["format"].tolist() == [1.0, 1.0, 1.0]


def test_masks_are_matched_by_what_they_show() -> None:
    crossed = said(line("puddle", B), line("puddle", A))
    assert components(crossed, masks=decoder())["mask"].tolist() == [2.0]


def test_form_and_repeats_know_words() -> None:
    texts = (RIGHT, said(line("puddle", A), line("puddle", A)), "puddle: <seg><him_1></seg>")
    rewards = components(*texts)
    assert rewards["format"].tolist() == [1.0, 1.0, 0.0]
    assert rewards["non_repeat"].tolist() == [1.0, 0.0, 1.0]
    twice = Goal((GOAL.instances[0], cell("puddle", 0, 0, A)), SIZE)
    assert components(texts[1], goal=twice)["non_repeat"].tolist() == [1.0]
    keys = [item_key(i) for i in parse_answer(RIGHT, CODEC.grid, words=WORDS).items]
    assert max(Counter(keys).values()) == 1


def test_where_nothing_is_silence_is_right() -> None:
    rewards = components("none", RIGHT, goal=Goal((), SIZE))
    assert rewards["no_target"].tolist() == [1.0, 0.0] and "mask_words" not in rewards


def test_words_count_as_wrong_where_boxes_are_asked_for() -> None:
    car = Instance("car", Box(np.array([0.0, 0, 32, 32])))
    text = "car: <box><grid_0_0><grid_15_15></box>"
    plain, with_mask = components(text, said(text, line("car", A)), goal=Goal((car,), SIZE))["box"]
    assert with_mask == plain / 2 > 0


def test_attributes_of_a_mask_are_not_looked_for() -> None:
    asked = replace(GOAL.instances[0], attributes={"depth": "deep"})
    goal = Goal((asked, Instance("car", Box(np.array([0.0, 0, 32, 32])), {"color": "red"})), SIZE)
    text = said("puddle (depth: deep): <seg>" + A + "</seg>", "car (color: red): <box><grid_0_0>"
                "<grid_15_15></box>")  # fmt: skip
    assert components(text, goal=goal)["attributes"][0] > 0


def test_a_decoder_that_fails_is_named() -> None:
    class Broken(ToyTokenizer):
        def decode_all(self, image, codes):
            raise GeometryError("no picture")

    with pytest.raises(ModelError, match=r"masks must be decoded.*no picture.*a\.jpg"):
        components(RIGHT, masks=replace(decoder(), tokenizer=Broken()))
