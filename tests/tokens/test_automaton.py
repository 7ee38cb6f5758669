import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivegrid.errors import ConfigError, TokenError
from drivegrid.tokens.answer import AnswerItem
from drivegrid.tokens.automaton import AnswerAutomaton, Limits, TokenClasses
from drivegrid.tokens.grammar import format_answer, format_offsets, parse_answer, parse_offsets
from drivegrid.tokens.grid import DELETE, GridGeometry, GridSpec
from drivegrid.tokens.template import SLOT, offset_template
from drivegrid.tokens.vocabulary import KINDS, Vocabulary

GRID = GridSpec(cols=4, rows=3)
END, NEWLINE = 1, 0
WORDS = "\n|<end>| |:|(|)|,|\\|car|no|ne|red:| red|: |x): |<|>|a\nb|é|\x0b|(a: b)|x|(x: x):".split(
    "|"
)
VOCABULARY = Vocabulary(GRID, base_id=len(WORDS))
TEXTS = [*WORDS, *VOCABULARY.tokens, "<pad>"]
NONE = (WORDS.index("no"), WORDS.index("ne"))
CLASSES = TokenClasses.from_texts(TEXTS, VOCABULARY, newline=NEWLINE, end=END, none=NONE)
PIECE = re.compile(
    r"<(?=grid|OFF|DEL|/?(?:point|box|line|poly|seg|ring))[^>]*>|\n|car|red:|no|ne|."
)


def text_of(ids: list[int]) -> str:
    return "".join(TEXTS[i] for i in ids if i != END)


def walk(automaton: AnswerAutomaton, seed: int) -> list[int]:
    """Pick allowed tokens at random; structure is preferred, or few walks would leave labels."""
    rng = np.random.default_rng(seed)
    state, ids = automaton.start_state(), []
    while not automaton.is_final(state):
        choices = np.flatnonzero(automaton.allowed(state))
        structure = choices[choices >= VOCABULARY.cell_range.stop]
        pool = structure if len(structure) and rng.random() < 0.3 else choices
        ids.append(int(rng.choice(pool)))
        state = automaton.step(state, ids[-1])
    return ids


def accepts(automaton: AnswerAutomaton, ids: list[int]) -> bool:
    state = automaton.start_state()
    for token_id in ids:
        if not automaton.allowed(state)[token_id]:
            return False
        state = automaton.step(state, token_id)
    return automaton.is_final(state)


def encode(text: str) -> list[int]:
    return [*(TEXTS.index(piece) for piece in PIECE.findall(text)), END]


def test_ids_are_sorted_by_their_text() -> None:
    names = {TEXTS[i] for i in CLASSES.text}
    assert names == set(WORDS) - {"\n", "<end>", "<", "a\nb"} and "<" not in names
    assert {TEXTS[i] for i in CLASSES.colon} == {":", "red:", ": ", "x): ", "(x: x):"}
    assert {TEXTS[i] for i in CLASSES.space} == {" ", "\x0b"}


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_every_walk_ends_and_parses_strictly(seed: int) -> None:
    limits = Limits(items=3, anchors=7, text=6)
    ids = walk(AnswerAutomaton(CLASSES, limits=limits), seed)
    parsed = parse_answer(text_of(ids), GRID, strict=True)
    assert len(parsed.items) <= 3 and parsed.says_none == (not parsed.items)
    assert all(item.geometry.num_anchors <= 7 for item in parsed.items)


def test_walks_see_everything() -> None:
    automaton = AnswerAutomaton(CLASSES, limits=Limits(items=3, anchors=7, text=6))
    answers = [parse_answer(text_of(walk(automaton, s)), GRID, strict=True) for s in range(300)]
    items = [item for answer in answers for item in answer.items]
    assert {item.geometry.kind for item in items} == set(KINDS)
    assert any(len(item.geometry.cells) == 2 for item in items)
    assert any(item.same_instance for item in items) and any(item.attributes for item in items)
    assert max(item.geometry.num_anchors for item in items) == 7


def shape(kind: str, *parts: list[list[int]]) -> GridGeometry:
    return GridGeometry(kind, tuple(np.array(part, dtype=np.int64) for part in parts))


SQUARE = [[0, 0], [2, 0], [2, 2], [0, 2]]


@pytest.mark.parametrize(
    "items",
    [
        [],
        [AnswerItem("", {}, shape("point", [[3, 2]]))],
        [AnswerItem("car", {"red": "x"}, shape("box", [[0, 0], [0, 0]]))],
        [AnswerItem("no", {}, shape("line", [[0, 2], [1, 1], [1, 0]]))],
        [AnswerItem("nonenone", {}, shape("seg", [[1, 1]]))],
        [AnswerItem("none", {}, shape("poly", SQUARE, SQUARE[1:]))],
        [
            AnswerItem("car (x)", {}, shape("box", [[1, 0], [3, 2]])),
            AnswerItem("car (x)", {}, shape("seg", [[2, 1]]), same_instance=True),
            AnswerItem("", {}, shape("point", [[0, 0]])),
        ],
    ],
)
def test_formatted_answers_are_accepted(items: list[AnswerItem]) -> None:
    assert accepts(AnswerAutomaton(CLASSES), encode(format_answer(items)))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_what_was_read_from_a_walk_is_accepted_when_written(seed: int) -> None:
    items = parse_answer(text_of(walk(AnswerAutomaton(CLASSES), seed)), GRID).items
    text = format_answer(AnswerItem("", {}, i.geometry, i.same_instance) for i in items)
    assert accepts(AnswerAutomaton(CLASSES), encode(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "car",
        "no",
        "none:",
        "car<point><grid_0_0></point>",
        "car: <point></point>",
        "car: <point><grid_0_0><grid_0_0></point>",
        "<box><grid_1_1><grid_0_2></box>",
        "<box><grid_1_1><grid_2_0></box>",
        "<box><grid_1_1></box>",
        "<line><grid_0_0></line>",
        "<line><grid_0_0><ring><grid_0_0></line>",
        "<poly><grid_0_0><grid_0_0></poly>",
        "<poly><grid_0_0><grid_0_0><grid_0_0><ring><grid_0_0></poly>",
        "<seg></seg>",
        "<seg><grid_0_0></box>",
        "<point><OFF_0_0></point>",
        "<point><grid_0_0></point>\n",
        "<point><grid_0_0></point> car",
        "<point><grid_0_0></point>none",
        "<point><grid_0_0></point>\nnone",
    ],
)
def test_broken_answers_are_not_accepted(text: str) -> None:
    assert not accepts(AnswerAutomaton(CLASSES), encode(text))


def test_allowed_and_step_agree_everywhere() -> None:
    automaton = AnswerAutomaton(CLASSES, limits=Limits(items=2, anchors=4, text=3))
    seen, todo = set(), [automaton.start_state()]
    while todo:
        state = todo.pop()
        if state in seen:
            continue
        seen.add(state)
        mask = automaton.allowed(state)
        assert mask.shape == (len(TEXTS),) and mask.any() and not mask.flags.writeable
        for token_id in range(-1, len(TEXTS) + 1):
            if 0 <= token_id < len(TEXTS) and mask[token_id]:
                todo.append(automaton.step(state, token_id))
            else:
                with pytest.raises(TokenError, match="must be allowed"):
                    automaton.step(state, token_id)
    assert len(seen) < 300


def test_pad_follows_nothing_and_end_repeats() -> None:
    automaton = AnswerAutomaton(CLASSES)
    state = automaton.start_state()
    for token_id in encode("none"):
        state = automaton.step(state, token_id)
    assert automaton.is_final(state)
    assert np.flatnonzero(automaton.allowed(state)).tolist() == [END]
    assert automaton.is_final(automaton.step(state, END))


def test_kinds_can_be_limited() -> None:
    automaton = AnswerAutomaton(CLASSES, kinds=("line",), limits=Limits(2, 3, 4))
    for seed in range(50):
        items = parse_answer(text_of(walk(automaton, seed)), GRID, strict=True).items
        assert {item.geometry.kind for item in items} <= {"line"}


def test_without_text_only_shapes_and_none_remain() -> None:
    nothing = frozenset[int]()
    classes = TokenClasses(
        len(TEXTS), VOCABULARY, nothing, nothing, nothing, newline=NEWLINE, end=END, none=NONE
    )
    automaton = AnswerAutomaton(classes, kinds=("point",))
    assert accepts(automaton, encode("none"))
    assert accepts(automaton, encode("<point><grid_0_0></point>\n<point><grid_0_0></point>"))
    assert not accepts(automaton, encode("car: <point><grid_0_0></point>"))


def test_the_end_may_be_the_answer_tag() -> None:
    end = VOCABULARY.id_of("</answer>")
    classes = TokenClasses.from_texts(TEXTS, VOCABULARY, newline=NEWLINE, end=end, none=NONE)
    automaton = AnswerAutomaton(classes)
    assert accepts(automaton, [*encode("<point><grid_0_0></point>")[:-1], end])


@pytest.mark.parametrize("kinds", [(), ("circle",)])
def test_unknown_kinds(kinds: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="kinds must be some of point, box"):
        AnswerAutomaton(CLASSES, kinds=kinds)


@pytest.mark.parametrize("limits", [(0, 3, 2), (1, 2, 2), (1, 3, 1)])
def test_limits_are_checked(limits: tuple[int, int, int]) -> None:
    with pytest.raises(ConfigError, match="limits"):
        Limits(*limits)


def test_classes_are_checked() -> None:
    one = frozenset({2})
    with pytest.raises(ConfigError, match="colon must not be empty"):
        TokenClasses(len(TEXTS), VOCABULARY, one, frozenset(), frozenset(), NEWLINE, END)
    with pytest.raises(ConfigError, match="size must exceed"):
        TokenClasses(10, VOCABULARY, frozenset(), frozenset(), frozenset(), NEWLINE, END)


PROPOSAL = [
    shape("line", [[0, 2], [1, 1]]),
    shape("poly", SQUARE, SQUARE[1:]),
]


def test_template_is_the_formatted_refinement() -> None:
    template = offset_template(PROPOSAL, VOCABULARY)
    assert len(template.slots) == 9 and (template.ids[template.slots] == SLOT).all()
    offsets = np.arange(9)
    text = VOCABULARY.decode(template.fill(offsets))
    geometries = parse_offsets(text, PROPOSAL, strict=True).geometries
    flat = [i for g in geometries for part in g.offsets[0] for i in part.tolist()]
    assert flat == list(range(9)) and format_offsets(geometries) == text


def test_template_of_nothing() -> None:
    template = offset_template([], VOCABULARY)
    assert VOCABULARY.decode(template.fill(np.zeros(0, dtype=np.int64))) == "<offset></offset>"


def test_deleted_anchors_are_forced() -> None:
    gone = GridGeometry("line", PROPOSAL[0].cells, ((np.array([4, DELETE]),),))
    template = offset_template([gone], VOCABULARY)
    assert template.slots.tolist() == [2]
    text = VOCABULARY.decode(template.fill(np.array([7])))
    assert text == "<offset><line><OFF_0_1><DELETE></line></offset>"
    assert parse_offsets(text, [gone], strict=True).geometries[0].offsets[1][0].tolist() == [7, 9]
