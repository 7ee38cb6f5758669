import pytest

from drivegrid.tasks.rewards.text import (
    is_plain_words,
    repeated_items,
    repeats_itself,
    sentences,
    words_of,
)
from drivegrid.tokens.grammar import parse_answer
from drivegrid.tokens.grid import GridSpec

GRID = GridSpec()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" . ", []),
        ("One cone", ["one cone"]),
        ("A car. A bus.", ["a car", "a bus"]),
        ("It is 3.5 m away. Go!", ["it is 3.5 m away", "go"]),
        ("It is 3.5 m. It is 3.5 m.", ["it is 3.5 m", "it is 3.5 m"]),
        ("Signs, e.g. stop, i.e. red ones.", ["signs, e.g. stop, i.e. red ones"]),
        ("Left vs. right? Right.", ["left vs. right", "right"]),
        ("Plan B. is off.", ["plan b. is off"]),
        ("first line\nsecond line", ["first line", "second line"]),
        ("So...  what?!  Well", ["so", "what", "well"]),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@pytest.mark.parametrize(
    ("thought", "repeats"),
    [
        (None, False),
        ("", False),
        ("The cone is near. The car is far.", False),
        ("The cone is near. The car is far. the  cone is near!", True),
        ("0.5 0.5 0.5", False),
        ("one line\none line", True),
    ],
)
def test_repeated_sentences(thought: str | None, repeats: bool) -> None:
    assert repeats_itself(thought) is repeats


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("none", []),
        ("a: <point><grid_1_2></point>", []),
        ("a: <point><grid_1_2></point>\na: <point><grid_1_3></point>", []),
        ("a: <point><grid_1_2></point>\nb: <point><grid_1_2></point>", []),
        ("a: <point><grid_1_2></point>\na: <seg><grid_1_2></seg>", []),
        ("a: <point><grid_1_2></point>\na: <point><grid_1_2></point>", [2]),
        ("a (x: 1): <point><grid_1_2></point>\na (x: 2): <point><grid_1_2></point>", [2]),
    ],
)
def test_repeated_items(text: str, counts: list[int]) -> None:
    assert list(repeated_items(parse_answer(text, GRID).items).values()) == counts


@pytest.mark.parametrize(
    ("text", "plain", "words"),
    [
        ("", False, ""),
        ("wet", True, "wet"),
        ("  wet   road ", True, "wet road"),
        ("<think>It\nshines.</think><answer>wet</answer>", True, "wet"),
        ("wet\ndry", False, "wet dry"),
        ("<box>wet", False, "<box>wet"),
        ("wet <point><grid_1_2></point>", False, "wet <point><grid_1_2></point>"),
        ("<think>wet", False, "<think>wet"),
    ],
)
def test_answers_in_words(text: str, plain: bool, words: str) -> None:
    assert is_plain_words(text, parse_answer(text, GRID)) is plain
    assert words_of(text) == words
