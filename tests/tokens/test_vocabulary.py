import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivegrid.errors import TokenError
from drivegrid.tokens.answer import Reporter
from drivegrid.tokens.grid import DELETE, STAY, GridGeometry, GridSpec
from drivegrid.tokens.lexer import lex
from drivegrid.tokens.vocabulary import OFFSET_TOKENS, TAGS, Vocabulary, escape, unescape

SMALL = Vocabulary(GridSpec(cols=5, rows=3), base_id=100)


@pytest.mark.parametrize(("cols", "rows"), [(1, 1), (32, 32), (48, 27)])
def test_every_token_has_its_own_id_and_comes_back(cols: int, rows: int) -> None:
    vocabulary = Vocabulary(GridSpec(cols=cols, rows=rows), base_id=9)
    ids = [vocabulary.id_of(token) for token in vocabulary.tokens]
    assert ids == list(range(9, 9 + len(vocabulary)))
    assert [vocabulary.token_of(i) for i in ids] == list(vocabulary.tokens)


def test_ranges_hold_cells_and_offsets() -> None:
    cells = [SMALL.token_of(i) for i in SMALL.cell_range]
    assert cells[:2] == ["<grid_0_0>", "<grid_1_0>"] and cells[5] == "<grid_0_1>"
    assert [SMALL.token_of(i) for i in SMALL.offset_range] == list(OFFSET_TOKENS)
    assert OFFSET_TOKENS[STAY] == "<OFF_0_0>" and OFFSET_TOKENS[DELETE] == "<DELETE>"
    assert SMALL.tokens[-len(TAGS) :] == TAGS


def test_cell_ids_and_back() -> None:
    cells = np.array([[x, y] for y in range(3) for x in range(5)])
    ids = SMALL.cell_ids(cells)
    assert ids.tolist() == list(SMALL.cell_range)
    assert SMALL.cells_of_ids(ids).tolist() == cells.tolist()
    assert SMALL.offset_ids(np.arange(10)).tolist() == list(SMALL.offset_range)
    assert SMALL.cells_of_ids(SMALL.cell_ids(np.zeros((0, 2), dtype=np.int64))).shape == (0, 2)


@pytest.mark.parametrize("text", ["", "<grid_4_2>", "<box><grid_0_0><grid_1_2></box>", "<ring>"])
def test_text_to_ids_and_back(text: str) -> None:
    assert SMALL.decode(SMALL.encode(text)) == text


@pytest.mark.parametrize("text", ["<grid_5_0>", "a<grid_0_0>", "<grid_0_0> ", "<", "<grid_00_0>"])
def test_encode_takes_tokens_only(text: str) -> None:
    with pytest.raises(TokenError, match="must be one of the 42"):
        SMALL.encode(text)


@pytest.mark.parametrize("token_id", [-1, 99, 142])
def test_token_of_a_foreign_id(token_id: int) -> None:
    with pytest.raises(TokenError, match=r"\[100, 142\)"):
        SMALL.token_of(token_id)


def test_base_id_is_checked() -> None:
    with pytest.raises(TokenError, match="base_id"):
        Vocabulary(GridSpec(), base_id=-1)


def test_encode_geometry_separates_rings() -> None:
    ring = np.array([[0, 0], [1, 0], [1, 1]])
    ids = SMALL.encode_geometry(GridGeometry("poly", (ring, ring)))
    cells = "<grid_0_0><grid_1_0><grid_1_1>"
    assert SMALL.decode(ids) == f"<poly>{cells}<ring>{cells}</poly>"


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        ("point", ([],)),
        ("point", ([[0, 0], [1, 1]],)),
        ("box", ([[0, 0]],)),
        ("box", ([[1, 0], [0, 1]],)),
        ("line", ([[0, 0]],)),
        ("line", ([[0, 0], [1, 1]], [[0, 0], [1, 1]])),
        ("poly", ([[0, 0], [1, 1]],)),
        ("poly", ()),
        ("seg", ()),
    ],
)
def test_shapes_that_cannot_be_written(kind: str, parts: tuple[list[list[int]], ...]) -> None:
    cells = tuple(np.array(part, dtype=np.int64).reshape(-1, 2) for part in parts)
    with pytest.raises(TokenError, match=kind):
        SMALL.encode_geometry(GridGeometry(kind, cells))


TAGGY = st.lists(
    st.sampled_from(["<", "\\", ">", "/", "{", "}", " ", "a", "grid_3_4>", "<box>", "<OFF_{1,-1}>"])
).map("".join)


@given(st.one_of(TAGGY, st.text()))
def test_escaped_text_holds_no_tag_and_comes_back(text: str) -> None:
    escaped = escape(text)
    assert unescape(escaped) == text
    report = Reporter(escaped, strict=True)
    assert all(lexeme.type == "text" for lexeme in lex(escaped, (0, len(escaped)), report))


@pytest.mark.parametrize("token", [*SMALL.tokens, "<grid_{3,4}>", "<bbox>", "<gird_3_4>"])
def test_no_token_survives_escaping(token: str) -> None:
    assert token not in escape(f"a {token}{token}") and unescape(escape(token)) == token


@pytest.mark.parametrize("text", ["", "a < b and c > d", "5<6>4", "<>", "1 <2_3>"])
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert escape(text) == text
