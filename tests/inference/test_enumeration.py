import numpy as np
import pytest

torch = pytest.importorskip("torch")

from drivegrid.inference.enumeration import Enumeration  # noqa: E402
from drivegrid.tokens.automaton import AnswerAutomaton, Limits  # noqa: E402


@pytest.fixture(scope="module")
def processor(toy):
    return toy[1]


@pytest.fixture(scope="module")
def grammar(processor):
    return AnswerAutomaton(processor.token_classes)


def after(grammar, processor, text):
    listing = Enumeration(grammar)
    state = listing.start_state()
    for token in processor.tokenizer.encode(text, add_special_tokens=False):
        assert listing.allowed(state)[token], text
        state = listing.step(state, token)
    return listing, state


def barred(grammar, processor, text):
    """Return the cells (column, row) that the grammar allows after a text and the list does not."""
    listing, state = after(grammar, processor, text)
    vocabulary = grammar.classes.vocabulary
    gone = np.flatnonzero(grammar.allowed(state.state) & ~listing.allowed(state))
    assert set(gone) <= set(vocabulary.cell_range)
    return {tuple(cell) for cell in vocabulary.cells_of_ids(gone).tolist()}


BOX = "car: <box><grid_3_3><grid_5_6></box>\n"
POINT = "car: <point><grid_4_1></point>\n"
LINE = "lane line: <line><grid_2_7><grid_2_5></line>\n"


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("", set()),
        ("car: <box>", set()),
        (BOX + "car: ", set()),
        (BOX + "car: <box>", {(3, 3)}),
        (BOX + "car: <point>", set()),
        (POINT + "car: <point>", {(4, 1)}),
        (POINT + "car: <box>", set()),
        (LINE + "lane line: <line>", set()),
        (BOX + POINT + "car: <box><grid_6_0><grid_7_2></box>\ncar: <box>", {(3, 3), (6, 0)}),
    ],
)
def test_shapes_do_not_start_where_one_of_their_kind_did(grammar, processor, text, cells) -> None:
    assert barred(grammar, processor, text) == cells


def test_second_anchors_are_free(grammar, processor) -> None:
    assert barred(grammar, processor, BOX + "car: <box><grid_1_1>") == set()


def test_a_full_lattice_bars_nothing(processor) -> None:
    many = AnswerAutomaton(processor.token_classes, limits=Limits(items=99, anchors=9, text=24))
    starts = [(x, y) for y in range(8) for x in range(8)]
    text = "".join(f"car: <box><grid_{x}_{y}><grid_7_7></box>\n" for x, y in starts)
    assert barred(many, processor, text + "car: <box>") == set()
