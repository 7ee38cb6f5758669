import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivegrid.errors import TokenError
from drivegrid.tokens.answer import AnswerItem
from drivegrid.tokens.grammar import format_answer
from drivegrid.tokens.grid import GridGeometry, GridSpec
from drivegrid.tokens.spelling import NUM_BINS, Spelling, count_tokens
from drivegrid.tokens.vocabulary import ANCHOR_COUNTS, TAGS

BINS, TEXT = Spelling("bins"), Spelling("text")
ODD = "<loc_3> <loc_4><loc_9> <loc_1234> (3,4 (03,4) (1234,-5) <grid_3_4> <GRID_1_2> ) none é"
PIECES = [*TAGS, *ODD.split(), "car: ", "(3, 4)", "\n"]
NAMES = st.text(max_size=12) | st.sampled_from(
    ["sign (12, 13)", "<loc_3><loc_4>", "(1, 2)", r"\(1, 2)", "<grid_1_2>", "none"]
)


@st.composite
def shapes(draw) -> GridGeometry:
    kind = draw(st.sampled_from(sorted(ANCHOR_COUNTS)))
    low, high = ANCHOR_COUNTS[kind]
    number = st.integers(0, NUM_BINS - 1)
    part = st.lists(st.tuples(number, number), min_size=low, max_size=high or 6).map(np.array)
    parts = draw(st.lists(part, min_size=1, max_size=3 if kind == "poly" else 1))
    return GridGeometry(kind, tuple(np.sort(p, axis=0) if kind == "box" else p for p in parts))


items = st.builds(
    AnswerItem,
    NAMES.map(lambda name: " ".join(name.split())),
    st.dictionaries(st.sampled_from(["color", "a (b)"]), st.sampled_from(["red", "(5, 6)"])),
    shapes(),
)


@pytest.mark.parametrize("spelling", [BINS, TEXT], ids=["bins", "text"])
@settings(max_examples=60, deadline=None)
@given(answer=st.lists(items, max_size=4))
def test_what_is_spelt_is_read_back(spelling, answer) -> None:
    text = spelling.spell(format_answer(answer))
    assert "<grid_" not in text.replace("<\\", "")
    parsed = spelling.parse(text, strict=True)
    assert [item.geometry for item in parsed.items] == [item.geometry for item in answer]
    assert parsed.says_none == (not answer)
    for item in parsed.items:
        assert text[slice(*item.span)].startswith(f"<{item.geometry.kind}>")
        assert text[slice(*item.span)].endswith(f"</{item.geometry.kind}>")


@pytest.mark.parametrize("spelling", [BINS, TEXT, Spelling("grid")], ids=lambda s: s.name)
@settings(max_examples=60, deadline=None)
@given(
    pieces=st.lists(
        st.sampled_from(PIECES),
        max_size=12,
    )
)
def test_no_text_raises_and_spans_lie_in_it(spelling, pieces) -> None:
    text = "".join(pieces)
    parsed = spelling.parse(text)
    for span in [d.span for d in parsed.diagnostics] + [i.span for i in parsed.items]:
        assert 0 <= span[0] <= span[1] <= len(text)
    if parsed.diagnostics:
        with pytest.raises(TokenError):
            spelling.parse(text, strict=True)


@pytest.mark.parametrize(
    ("spelling", "inside", "codes", "cells"),
    [
        (TEXT, "(412, 733)", [], [412, 733]),
        (TEXT, "(0, 999)", [], [0, 999]),
        (TEXT, "(412,733)", ["spelling"], [412, 733]),
        (TEXT, "(012, 733)", ["spelling"], [12, 733]),
        (TEXT, "(412, 1000)", ["out_of_range"], [412, 999]),
        (TEXT, "(-4, 7)", ["out_of_range"], [0, 7]),
        (TEXT, "(412, 733", ["stray_text", "count_mismatch"], None),
        (TEXT, "(4.2, 733)", ["stray_text", "count_mismatch"], None),
        (TEXT, "<grid_4_7>", ["unknown_tag", "count_mismatch"], None),
        (TEXT, "<Gird_4_7>", ["unknown_tag", "count_mismatch"], None),
        (BINS, "<loc_412><loc_733>", [], [412, 733]),
        (BINS, "<loc_0412><loc_733>", ["spelling"], [412, 733]),
        (BINS, "<loc_4><loc_1000>", ["out_of_range"], [4, 999]),
        (BINS, "<loc_4>", ["unknown_tag", "count_mismatch"], None),
        (BINS, "<loc_4><loc_7><loc_1>", ["unknown_tag"], [4, 7]),
        (BINS, "<grid_4_7>", ["unknown_tag", "count_mismatch"], None),
    ],
)
def test_model_text_is_read_as_far_as_it_goes(spelling, inside, codes, cells) -> None:
    text = f"sign: <point>{inside}</point>"
    parsed = spelling.parse(text)
    assert sorted(d.code for d in parsed.diagnostics) == sorted(codes)
    found = [item.geometry.cells[0].tolist() for item in parsed.items]
    assert found == ([] if cells is None else [[cells]])
    for diagnostic in parsed.diagnostics:
        shown = text[slice(*diagnostic.span)]
        assert shown in diagnostic.message or len(shown) > 37


def test_messages_speak_of_the_text_as_the_model_wrote_it() -> None:
    text = "sign: <point>(1, 2)</point>\nsign: <point>(3,4)</point>"
    [diagnostic] = TEXT.parse(text).diagnostics
    assert text[slice(*diagnostic.span)] == "(3,4)"
    assert "spell points (x, y), got '(3,4)'" in diagnostic.message


def test_thoughts_are_left_alone() -> None:
    text = "<think>at (3, 4)</think><answer>sign: <point>(3, 4)</point></answer>"
    parsed = TEXT.parse(text, strict=True)
    assert parsed.think == "at (3, 4)"
    assert len(parsed.items) == 1


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("<box><grid_3_4><grid_6_9></box>", 4),
        ("<box><loc_3><loc_4><loc_6><loc_9></box>", 6),
        ("<box>(3, 4)(6, 9)</box>", 14),
    ],
)
def test_tokens_are_counted(text: str, count: int) -> None:
    assert count_tokens(text) == count


def test_tokens_for_the_tokenizer() -> None:
    assert TEXT.tokens == TAGS
    assert len(set(BINS.tokens)) == len(BINS.tokens) == NUM_BINS + len(TAGS)
    assert Spelling("grid", GridSpec(4, 4)).tokens[0] == "<grid_0_0>"
