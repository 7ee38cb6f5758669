"""Words for masks: names, what makes a mask, and how text holds them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivegrid.errors import TokenError
from drivegrid.tokens.answer import AnswerItem
from drivegrid.tokens.automaton import AnswerAutomaton, Limits, TokenClasses
from drivegrid.tokens.codec import Codec
from drivegrid.tokens.grammar import (
    format_answer,
    format_geometry,
    format_offsets,
    parse_answer,
    parse_offsets,
)
from drivegrid.tokens.grid import GridGeometry, GridSpec
from drivegrid.tokens.mask_words import ALL_MASK_WORDS, MOST_WORDS, MaskWords, mask_geometry
from drivegrid.tokens.spelling import Spelling
from drivegrid.tokens.template import offset_template
from drivegrid.tokens.vocabulary import TAGS, Vocabulary
from tests.tokens.builders import shape

GRID = GridSpec(cols=4, rows=3)
SAM, HIM = MaskWords("samtok", 8), MaskWords("himtok", 6)


def parse(text, words, strict=False):
    return parse_answer(text, GRID, strict, words=words)


def test_words_are_levels_or_one_row() -> None:
    assert SAM.tokens[:5] == ("<sam_1_0>", "<sam_1_1>", "<sam_1_2>", "<sam_1_3>", "<sam_2_0>")
    assert HIM.tokens == tuple(f"<him_{code}>" for code in range(6))
    assert [HIM.code_of[name] for name in HIM.tokens] == [*range(6)]


def test_names_are_those_of_the_tokenizers() -> None:
    pytest.importorskip("torch")
    from drivegrid.masks.himtok.network import HimConfig, HimNetwork
    from drivegrid.masks.himtok.tokenizer import HimTokenizer
    from tests.masks.samtok.test_tokenizer import make

    him = HimTokenizer(HimNetwork(HimConfig()))
    assert him.tokens == ALL_MASK_WORDS["himtok"].tokens
    samtok = make(4)
    assert samtok.tokens == SAM.tokens
    for codes in ([0], [0, 4], [4, 0], [3, 7], [0, 1], [0, 4, 4]):
        names = [SAM.tokens[code] for code in codes]
        assert bool(SAM.fault(names)) == bool(samtok.fault(np.array(codes)))
    for count in (1, MOST_WORDS, MOST_WORDS + 1):
        codes = np.zeros(count, np.int64)
        assert bool(HIM.fault(["<him_0>"] * count)) == bool(him.fault(codes))


@pytest.mark.parametrize(
    ("name", "count"), [("samtok", 0), ("samtok", 3), ("himtok", 0), ("himtok", 5000), ("grid", 8)]
)
def test_words_that_no_tokenizer_has_are_refused(name, count) -> None:
    with pytest.raises(TokenError, match="mask words"):
        MaskWords(name, count)


def test_ids_of_all_other_tokens_stay() -> None:
    plain, with_words = Vocabulary(GRID, 100), Vocabulary(GRID, 100, SAM)
    assert with_words.tokens[: len(plain)] == plain.tokens
    assert plain.tokens[-len(TAGS) :] == TAGS and len(plain.word_range) == 0
    assert [with_words.token_of(i) for i in with_words.word_range] == list(SAM.tokens)
    assert len(with_words) == len(plain) + 8 and with_words.num_spatial == len(plain)
    geometry = mask_geometry(["<sam_1_1>", "<sam_2_3>"])
    assert with_words.decode(with_words.encode_geometry(geometry)) == format_geometry(geometry)
    with pytest.raises(TokenError, match="one of the"):
        plain.encode_geometry(geometry)


BAD_SHAPES = {
    "words in a box": GridGeometry("box", (np.zeros((0, 2), np.int64),), words=("<him_1>",)),
    "words and anchors": GridGeometry("seg", (np.array([[1, 1]]),), words=("<him_1>",)),
    "other text": mask_geometry(["<him_1></seg>"]),
}


@pytest.mark.parametrize("geometry", BAD_SHAPES.values(), ids=BAD_SHAPES)
def test_what_is_no_mask_is_not_written(geometry) -> None:
    with pytest.raises(TokenError, match="words must"):
        format_geometry(geometry)


def masks(words):
    if words is SAM:
        codes = st.tuples(st.integers(0, 3), st.integers(4, 7))
    else:
        codes = st.lists(st.integers(0, 5), min_size=1, max_size=MOST_WORDS)
    return codes.map(lambda some: mask_geometry([words.tokens[code] for code in some]))


@pytest.mark.parametrize("words", [SAM, HIM], ids=["samtok", "himtok"])
@given(st.data())
def test_text_gives_masks_back(words, data) -> None:
    labels = st.sampled_from(["puddle", "snow (old)", "<him_3>", "a: <seg>"])
    cells = st.just(shape("box", [[0, 0], [1, 2]]))
    items = [
        AnswerItem(data.draw(labels), {}, geometry)
        for geometry in data.draw(st.lists(st.one_of(masks(words), cells), max_size=4))
    ]
    parsed = parse(format_answer(items), words, strict=True)
    assert list(parsed.items) == items and parsed.says_none == (not items)


TEXTS = {
    "nothing": ("none", SAM, [], []),
    "a mask": ("puddle: <seg><sam_1_3><sam_2_0></seg>", SAM, [("<sam_1_3>", "<sam_2_0>")], []),
    "space": ("<seg> <sam_1_3>\n<sam_2_0> </seg>", SAM, [("<sam_1_3>", "<sam_2_0>")], []),
    "zeros and case": (
        "<seg><SAM_1_03><sam_2_000></seg>",
        SAM,
        [("<sam_1_3>", "<sam_2_0>")],
        ["spelling", "spelling"],
    ),
    "one of a pair": ("<seg><sam_1_3></seg>", SAM, [], ["count_mismatch"]),
    "wrong order": ("<seg><sam_2_3><sam_1_0></seg>", SAM, [], ["count_mismatch"]),
    "three": ("<seg><sam_1_0><sam_2_0><sam_2_1></seg>", SAM, [], ["count_mismatch"]),
    "beyond the book": (
        "<seg><sam_1_4><sam_2_0></seg>", SAM, [], ["unknown_tag", "count_mismatch"],
    ),
    "a gap in a chain": ("<seg><him_1><him_9><him_2></seg>", HIM, [], ["unknown_tag"]),
    "text in a chain": ("<seg><him_1>, <him_2></seg>", HIM, [], ["stray_text"]),
    "too many": (f"<seg>{'<him_1>' * 33}</seg>", HIM, [], ["count_mismatch"]),
    "cut off": ("<seg><him_1><him_2>", HIM, [], ["truncated"]),
    "words then cells": ("<seg><him_1><grid_1_1></seg>", HIM, [], ["misplaced_tag"]),
    "in a box": (
        "<box><him_1><grid_0_0><grid_1_1></box>", HIM, [()], ["misplaced_tag"],
    ),
    "in no shape": ("crack <him_1>: <seg><him_2></seg>", HIM, [("<him_2>",)], ["misplaced_tag"]),
    "another closes": ("<seg><him_1></box>", HIM, [], ["misplaced_tag"]),
    "cells then words": ("<seg><grid_1_1><him_1></seg>", HIM, [()], ["misplaced_tag"]),
    "words of another": (
        "<seg><him_1><him_2></seg>", SAM, [], ["unknown_tag"] * 2 + ["count_mismatch"],
    ),
    "no words at all": (
        "<seg><sam_1_0><sam_2_0></seg>", None, [], ["unknown_tag"] * 2 + ["count_mismatch"],
    ),
    "the next is whole": (
        "<seg><him_1><oops></seg>\n<seg><him_2></seg>", HIM, [("<him_2>",)], ["unknown_tag"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "words", "found", "codes"), TEXTS.values(), ids=TEXTS)
def test_broken_masks_are_dropped_and_told(text, words, found, codes) -> None:
    parsed = parse(text, words)
    assert [item.geometry.words for item in parsed.items] == found
    assert [note.code for note in parsed.diagnostics] == codes
    if codes:
        with pytest.raises(TokenError, match=codes[0]):
            parse(text, words, strict=True)


@given(st.text("<>/_123 :segamhi", max_size=60))
def test_any_text_is_read(text) -> None:
    for words in (None, SAM, HIM):
        for item in parse(f"a: <seg>{text}</seg>", words).items:
            if item.geometry.words:
                assert words is not None and not words.fault(item.geometry.words)


def test_offsets_leave_masks_alone() -> None:
    vocabulary = Vocabulary(GRID, 0, HIM)
    proposal = [mask_geometry(["<him_1>", "<him_2>"]), shape("point", [[1, 1]])]
    template = offset_template(proposal, vocabulary)
    assert len(template.slots) == 1
    text = vocabulary.decode(template.fill(np.array([0])))
    assert text == "<offset><seg></seg><point><OFF_-1_-1></point></offset>"
    refined = parse_offsets(text, proposal, strict=True).geometries
    assert refined[0].words == proposal[0].words and refined[0].num_anchors == 0
    assert format_offsets(refined) == text
    assert Codec(GRID).decode(refined[0], (64, 48)) is None


def test_every_spelling_writes_them_alike() -> None:
    text = "puddle: <seg><him_1></seg>"
    for name in ("grid", "bins", "text"):
        spelling = Spelling(name, GRID, HIM)
        assert spelling.spell(text) == text
        assert spelling.tokens[-len(HIM.tokens) :] == HIM.tokens
        assert spelling.parse(text, strict=True).items[0].geometry.words == ("<him_1>",)


def automaton(words, limits=None):
    vocabulary = Vocabulary(GRID, 3, words)
    texts = ["\n", "<end>", "car:", *vocabulary.tokens]
    classes = TokenClasses.from_texts(texts, vocabulary, newline=0, end=1)
    return AnswerAutomaton(classes, limits=limits or Limits(items=3, anchors=4, text=3))


def allowed(machine, text):
    vocabulary = machine.classes.vocabulary
    state = machine.start_state()
    for token_id in vocabulary.encode(text).tolist():
        state = machine.step(state, token_id)
    ids = np.flatnonzero(machine.allowed(state))
    known = range(vocabulary.base_id, vocabulary.base_id + len(vocabulary))
    return {vocabulary.token_of(i) for i in ids if i in known}


CELLS = {f"<grid_{x}_{y}>" for x in range(4) for y in range(3)}


def test_pairs_are_forced() -> None:
    machine = automaton(SAM)
    first, second = set(SAM.tokens[:4]), set(SAM.tokens[4:])
    assert allowed(machine, "<seg>") == CELLS | first
    assert allowed(machine, "<seg><sam_1_2>") == second
    assert allowed(machine, "<seg><sam_1_2><sam_2_1>") == {"</seg>"}
    assert allowed(machine, "<seg><grid_1_1>") == CELLS | {"</seg>"}


def test_chains_end_after_any_number_up_to_the_most() -> None:
    machine = automaton(HIM)
    assert allowed(machine, "<seg>") == CELLS | set(HIM.tokens)
    assert allowed(machine, "<seg><him_0>") == set(HIM.tokens) | {"</seg>"}
    assert allowed(machine, "<seg>" + "<him_0>" * 31) == set(HIM.tokens) | {"</seg>"}
    assert allowed(machine, "<seg>" + "<him_0>" * 32) == {"</seg>"}


def test_without_words_only_cells_stand_in_a_mask() -> None:
    assert allowed(automaton(None), "<seg>") == CELLS


@pytest.mark.parametrize("words", [SAM, HIM], ids=["samtok", "himtok"])
@pytest.mark.parametrize("seed", range(20))
def test_every_walk_parses_strictly(words, seed) -> None:
    machine, rng = automaton(words), np.random.default_rng(seed)
    vocabulary, state, ids = machine.classes.vocabulary, machine.start_state(), []
    while not machine.is_final(state):
        choices = np.flatnonzero(machine.allowed(state))
        liked = choices[choices >= vocabulary.id_of("<seg>")]
        pool = liked if len(liked) and rng.random() < 0.5 else choices
        ids.append(int(rng.choice(pool)))
        state = machine.step(state, ids[-1])
    texts = {0: "\n", 1: "", 2: "car:"}
    text = "".join(texts.get(i) if i < 3 else vocabulary.token_of(i) for i in ids)
    assert parse(text, words, strict=True).items
