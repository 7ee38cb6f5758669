import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivegrid.errors import ConfigError, TokenError
from drivegrid.tokens.automaton import Limits, TokenClasses
from drivegrid.tokens.coordinates import CoordinateAutomaton, PointForm
from drivegrid.tokens.grid import GridSpec
from drivegrid.tokens.spelling import BIN_TOKENS, Spelling
from drivegrid.tokens.vocabulary import Vocabulary

WORDS = ["\n", "<|end|>", *"0123456789(), ", "car", ":", "none"]
VOCABULARY = Vocabulary(GridSpec(3, 2), base_id=len(WORDS))
TEXTS = [*WORDS, *VOCABULARY.tokens, *BIN_TOKENS]
CLASSES = TokenClasses.from_texts(TEXTS, VOCABULARY, newline=0, end=1, none=(WORDS.index("none"),))
DIGITS = tuple(map(WORDS.index, "0123456789"))
FORMS = {
    "text": PointForm(
        (*map(WORDS.index, "("), None, *map(WORDS.index, ", "), None, WORDS.index(")")), DIGITS
    ),
    "bins": PointForm((None, None), range(TEXTS.index("<loc_0>"), len(TEXTS))),
}


def walk(automaton: CoordinateAutomaton, seed: int) -> str:
    rng = np.random.default_rng(seed)
    state, ids = automaton.start_state(), []
    tags = np.arange(VOCABULARY.cell_range.stop, VOCABULARY.base_id + len(VOCABULARY))
    while not automaton.is_final(state):
        choices = np.flatnonzero(automaton.allowed(state))
        tagged = np.intersect1d(choices, tags)
        pool = tagged if len(tagged) and rng.random() < 0.4 else choices
        ids.append(int(rng.choice(pool)))
        state = automaton.step(state, ids[-1])
    return "".join(TEXTS[i] for i in ids[:-1])


def ids_of(text: str) -> list[int]:
    names, at = [], 0
    longest = sorted(TEXTS, key=len, reverse=True)
    while at < len(text):
        names.append(next(name for name in longest if text.startswith(name, at)))
        at += len(names[-1])
    return [TEXTS.index(name) for name in names] + [1]


def accepts(automaton: CoordinateAutomaton, text: str) -> bool:
    state = automaton.start_state()
    for token in ids_of(text):
        if not automaton.allowed(state)[token]:
            return False
        state = automaton.step(state, token)
    return automaton.is_final(state)


@pytest.mark.parametrize("name", FORMS)
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_every_walk_ends_and_parses_strictly(name, seed) -> None:
    automaton = CoordinateAutomaton(CLASSES, FORMS[name], limits=Limits(4, 6, 5))
    parsed = Spelling(name).parse(walk(automaton, seed), strict=True)
    assert all(item.geometry.num_anchors <= 6 for item in parsed.items)
    assert len(parsed.items) <= 4


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize(
    ("cells", "legal"),
    [
        ("none", True),
        ("car:<point><grid_0_999></point>", True),
        ("<box><grid_5_40><grid_5_40></box>", True),
        ("<box><grid_5_40><grid_47_400></box>", True),
        ("<box><grid_50_40><grid_5_400></box>", False),
        ("<box><grid_50_40><grid_51_4></box>", False),
        ("<box><grid_50_40></box>", False),
        ("<line><grid_900_999><grid_1_2><grid_0_0></line>\n<point><grid_1_1></point>", True),
        ("<box><grid_9_9><grid_10_10></box><point><grid_1_1></point>", True),
        ("<box><grid_9_9><grid_10_10></box><line><grid_1_1><grid_0_0></line>", True),
        ("<poly><grid_1_1><grid_9_1><grid_9_9><ring><grid_2_2><grid_3_2><grid_3_3></poly>", True),
        ("<poly><grid_1_1><ring></poly>", False),
        ("<point><grid_1_1><grid_1_1></point>", False),
    ],
)
def test_what_is_legal(name, cells, legal) -> None:
    automaton = CoordinateAutomaton(CLASSES, FORMS[name])
    assert accepts(automaton, Spelling(name).spell(cells)) == legal


@pytest.mark.parametrize(
    "inside", ["(01, 2)", "(1,2)", "(1, 2", "(1000, 2)", "(, 2)", "1, 2", "(1, 2))", "()"]
)
def test_digits_are_spelt_in_one_way(inside) -> None:
    automaton = CoordinateAutomaton(CLASSES, FORMS["text"])
    assert not accepts(automaton, f"<point>{inside}</point>")


@pytest.mark.parametrize("low", [0, 9, 47, 305])
def test_the_second_corner_takes_every_number_from_the_first_on(low) -> None:
    automaton = CoordinateAutomaton(CLASSES, FORMS["text"])
    state = automaton.start_state()
    for token in ids_of(f"<box>({low}, 0)(")[:-1]:
        state = automaton.step(state, token)
    for number in range(1000):
        here, legal = state, True
        for token in ids_of(f"{number},")[:-1]:
            legal = bool(automaton.allowed(here)[token])
            if not legal:
                break
            here = automaton.step(here, token)
        assert legal == (number >= low), number


def test_illegal_steps_and_forms_are_refused() -> None:
    automaton = CoordinateAutomaton(CLASSES, FORMS["bins"])
    with pytest.raises(TokenError, match="must be allowed"):
        automaton.step(automaton.start_state(), VOCABULARY.base_id)
    with pytest.raises(ConfigError, match="two numbers"):
        PointForm((None,), DIGITS)
