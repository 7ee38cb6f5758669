import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivegrid.errors import TokenError
from drivegrid.tokens.answer import AnswerItem, ParsedAnswer, format_head, parse_head
from drivegrid.tokens.grammar import (
    format_answer,
    format_geometry,
    format_offsets,
    parse_answer,
    parse_offsets,
)
from drivegrid.tokens.grid import DELETE, STAY, GridGeometry, GridSpec
from drivegrid.tokens.vocabulary import ANCHOR_COUNTS
from tests.tokens.builders import shape

GRID = GridSpec()


def codes(parsed: ParsedAnswer) -> list[str]:
    return [diagnostic.code for diagnostic in parsed.diagnostics]


def cells(parsed: ParsedAnswer) -> list[list[list[list[int]]]]:
    return [[part.tolist() for part in item.geometry.cells] for item in parsed.items]


BOX = [[[3, 4], [6, 9]]]
TEXT_BOX = "<box><grid_3_4><grid_6_9></box>"


@pytest.mark.parametrize(
    ("text", "expected", "found"),
    [
        ("", ["empty"], []),
        (" \n", ["empty"], []),
        ("none", [], []),
        ("None.", ["spelling"], []),
        ("I see nothing", ["stray_text"], []),
        (f"car: {TEXT_BOX}", [], [BOX]),
        (f"car:\n{TEXT_BOX}\n", [], [BOX]),
        (f"car: {TEXT_BOX} bus: {TEXT_BOX}", [], [BOX, BOX]),
        (f"car {TEXT_BOX}", ["missing_colon"], [BOX]),
        (f"Here it is.\ncar: {TEXT_BOX}", ["stray_text"], [BOX]),
        (f"car: {TEXT_BOX} as you asked", ["stray_text"], [BOX]),
        ("car: <box><grid_6_9><grid_3_4></box>", ["swapped_corners"], [BOX]),
        ("car: <box><grid_6_4><grid_3_9></box>", ["swapped_corners"], [BOX]),
        ("car: <box><grid_3_4><grid_6_9>", ["truncated"], [BOX]),
        ("car: <box><grid_3_4><grid_6_9", ["truncated", "count_mismatch", "stray_text"], []),
        ("car: <box><grid_3_4>", ["truncated", "count_mismatch"], []),
        ("car: <box><grid_3_4><grid_6_9><grid_7_7></box>", ["count_mismatch"], [BOX]),
        ("<point></point>", ["count_mismatch"], []),
        ("<line><grid_3_4></line>", ["count_mismatch"], []),
        ("<point><grid_32_4></point>", ["out_of_range"], [[[[31, 4]]]]),
        ("<point><grid_-3_4></point>", ["out_of_range"], [[[[0, 4]]]]),
        ("<point><grid_123456789_4></point>", ["out_of_range"], [[[[31, 4]]]]),
        ("<point><grid_1234567890123_4></point>", ["unknown_tag", "count_mismatch"], []),
        ("<point><grid_03_4></point>", ["spelling"], [[[[3, 4]]]]),
        ("<point><grid_{3,4}></point>", ["spelling"], [[[[3, 4]]]]),
        ("<point><grid_{ 3 , 4 }></point>", ["spelling"], [[[[3, 4]]]]),
        ("<point><gird_3_4></point>", ["spelling"], [[[[3, 4]]]]),
        ("<Point><GRID_3_4></POINT>", ["spelling"] * 3, [[[[3, 4]]]]),
        ("<bbox><grid_3_4><grid_6_9></bbox>", ["spelling"] * 2, [BOX]),
        ("<box><grid_3_4><grid_6_9></line>", ["misplaced_tag"], [BOX]),
        ("<box><grid_3_4><ring><grid_6_9></box>", ["misplaced_tag"], [BOX]),
        (
            "<line><grid_3_4><grid_6_9><ring><grid_1_1></line>",
            ["misplaced_tag"],
            [[[[3, 4], [6, 9], [1, 1]]]],
        ),
        ("<box><grid_3_4> <grid_6_9>\n</box>", [], [BOX]),
        ("<box><grid_3_4> to <grid_6_9></box>", ["stray_text"], [BOX]),
        (f"a: <box><grid_1_1> b: {TEXT_BOX}", ["truncated", "count_mismatch"], [BOX]),
        (f"<b>car</b>: {TEXT_BOX}", ["unknown_tag"] * 2, [BOX]),
        (f"<grid_1_1> car: {TEXT_BOX}</box>", ["misplaced_tag"] * 2, [BOX]),
        (f"car: {TEXT_BOX}<OFF_0_0><DELETE>", ["misplaced_tag"], [BOX]),
        (f"none\ncar: {TEXT_BOX}", ["stray_text"], [BOX]),
        (f"</offset>{TEXT_BOX}", ["misplaced_tag"], [BOX]),
        ("<poly><grid_0_0><grid_1_0><ring></poly>", ["count_mismatch"], []),
        (
            "<poly><grid_0_0><grid_1_0><grid_1_1><ring><grid_2_2></poly>",
            ["count_mismatch"],
            [[[[0, 0], [1, 0], [1, 1]]]],
        ),
    ],
)
def test_what_the_parser_forgives(
    text: str, expected: list[str], found: list[list[list[list[int]]]]
) -> None:
    parsed = parse_answer(text, GRID)
    assert codes(parsed) == expected
    assert cells(parsed) == found
    if expected:
        with pytest.raises(TokenError, match=rf"characters \d+-\d+.*\[{expected[0]}\]"):
            parse_answer(text, GRID, strict=True)
    else:
        assert parse_answer(text, GRID, strict=True) == parsed


def test_a_diagnostic_points_at_the_text() -> None:
    text = "car: <gird_3_4>" + TEXT_BOX
    (diagnostic, stray) = parse_answer(text, GRID).diagnostics
    assert text[slice(*diagnostic.span)] == "<gird_3_4>" and "<gird_3_4>" in diagnostic.message
    assert stray.code == "misplaced_tag" and stray.span == (5, 15)


def test_an_item_knows_where_it_stands() -> None:
    text = f"car: {TEXT_BOX}\nbus: <point><grid_1_1></point>"
    spans = [item.span for item in parse_answer(text, GRID).items]
    assert [text[slice(*span)] for span in spans if span] == [
        TEXT_BOX,
        "<point><grid_1_1></point>",
    ]


def test_an_instance_may_have_several_shapes_and_lines_part_instances() -> None:
    text = f"car (color: red): {TEXT_BOX} <seg><grid_4_5></seg>\n{TEXT_BOX}"
    items = parse_answer(text, GRID, strict=True).items
    assert [(i.label, i.same_instance) for i in items] == [
        ("car", False),
        ("car", True),
        ("", False),
    ]
    assert items[1].attributes == {"color": "red"} and items[2].attributes == {}


@pytest.mark.parametrize(
    ("text", "expected", "think", "wrapped"),
    [
        (f"<think>a</think><answer>{TEXT_BOX}</answer>", [], "a", True),
        (f"<think></think>\n<answer>\n{TEXT_BOX}\n</answer>\n", [], "", True),
        (f"<think>see {TEXT_BOX} <answer></think><answer>{TEXT_BOX}</answer>", [], None, True),
        (f"<answer>{TEXT_BOX}</answer>", [], None, True),
        (f"<think>a</think>{TEXT_BOX}", [], "a", False),
        (f"a</think><answer>{TEXT_BOX}</answer>", ["missing_tag"], "a", True),
        (f"<think>a<answer>{TEXT_BOX}</answer>", ["truncated"], "a", True),
        (f"<answer>{TEXT_BOX}", ["truncated"], None, True),
        (f"<think>a**</think>** <answer>{TEXT_BOX}</answer>", ["stray_text"], "a**", True),
        (f"ok <answer>{TEXT_BOX}</answer> bye", ["stray_text"] * 2, None, True),
        (f"{TEXT_BOX}</answer>", ["misplaced_tag"], None, False),
    ],
)
def test_the_wrapper(text: str, expected: list[str], think: str | None, wrapped: bool) -> None:
    parsed = parse_answer(text, GRID)
    assert codes(parsed) == expected and cells(parsed) == [BOX]
    assert parsed.wrapped == wrapped
    assert think is None or parsed.think == think


def test_an_unfinished_thought_is_no_answer() -> None:
    parsed = parse_answer(f"<think>maybe {TEXT_BOX}", GRID)
    assert (codes(parsed), parsed.items) == (["truncated"], ())


def test_wrapped_round_trip() -> None:
    item = AnswerItem("cone", {}, shape("point", [[1, 2]]))
    text = format_answer([item], think="left of <box>, <answer> follows")
    parsed = parse_answer(text, GRID, strict=True)
    assert parsed.items == (item,) and parsed.think == "left of <box>, <answer> follows"
    assert parse_answer(format_answer([], think=""), GRID, strict=True).says_none
    with pytest.raises(TokenError, match="escape"):
        format_answer([item], think="</think>")


# Shaped like the paper's figures: braces, no label, one label before a line break, <bbox>.
PUBLISHED_GRIDS = (
    "<answer>\n<box><grid_{0,20}><grid_{23,30}></box><seg><grid_{1,27}><grid_{1,28}>"
    "<grid_{1,29}><grid_{3,27}><grid_{5,27}></seg>\n</answer>"
)
PUBLISHED_OFFSETS = (
    "<offset><box><OFF_{-1,1}><OFF_{-1,-1}></box><seg><OFF_{0,0}><OFF_{0,0}><OFF_{-1,-1}>"
    "<DELETE></seg>\n</offset>"
)


def test_published_spelling_is_read() -> None:
    parsed = parse_answer(PUBLISHED_GRIDS, GRID)
    assert [item.geometry.kind for item in parsed.items] == ["box", "seg"]
    assert parsed.items[0].geometry == shape("box", [[0, 20], [23, 30]])
    assert parsed.items[1].geometry.num_anchors == 5 and parsed.items[1].same_instance
    assert set(codes(parsed)) == {"spelling"}


def test_published_offsets_are_fewer_than_their_grids() -> None:
    proposal = [item.geometry for item in parse_answer(PUBLISHED_GRIDS, GRID).items]
    parsed = parse_offsets(PUBLISHED_OFFSETS, proposal)
    assert parsed.geometries[0].offsets[0][0].tolist() == [6, 0]
    assert parsed.geometries[1].offsets[0][0].tolist() == [4, 4, 0, DELETE, STAY]
    assert {d.code for d in parsed.diagnostics} == {"spelling", "count_mismatch"}


def test_published_label_before_a_line_break_and_bbox() -> None:
    text = (
        "the animal with luggage on its back:\n<bbox><grid_{6,2}><grid_{22,28}></bbox>"
        "<seg><gird_{7,13}><grid_{9,13}></seg>"
    )
    items = parse_answer(text, GRID).items
    assert [item.label for item in items] == ["the animal with luggage on its back"] * 2
    assert items[1].geometry == shape("seg", [[7, 13], [9, 13]])


@pytest.mark.parametrize(
    ("head", "label", "attributes"),
    [
        ("", "", {}),
        ("car", "car", {}),
        ("car (parked)", "car (parked)", {}),
        ("car (color: red)", "car", {"color": "red"}),
        ("car(color:red,size:)", "car", {"color": "red", "size": ""}),
        ("a (b: c) d", "a (b: c) d", {}),
        ("a (x) (b: c)", "a (x)", {"b": "c"}),
        ("a (: c)", "a (: c)", {}),
        ("a ((b: c)", "a (", {"b": "c"}),
        ("a (b: c))", "a (b: c))", {}),
        ("a )", "a )", {}),
        ("()", "()", {}),
        ("a (b: c: d)", "a", {"b": "c: d"}),
        ("a (b: 1, b: 2)", "a", {"b": "2"}),
        ("a \\", "a \\", {}),
        ("a:", "a:", {}),
    ],
)
def test_heads(head: str, label: str, attributes: dict[str, str]) -> None:
    assert parse_head(head) == (label, attributes)


def test_an_attribute_needs_a_name() -> None:
    with pytest.raises(TokenError, match="attribute name"):
        format_head("car", {" ": "red"})


WORDS = st.one_of(
    st.text(st.sampled_from("ab \\():,<>/{}_0123\n"), max_size=12),
    st.sampled_from(["<grid_3_4>", "<\\box>", "none", "(a: b)", "<OFF_{0,1}>", "a:", "</answer>"]),
    st.text(max_size=8),
)


@st.composite
def geometries(draw: st.DrawFn) -> GridGeometry:
    kind = draw(st.sampled_from(list(ANCHOR_COUNTS)))
    low, high = ANCHOR_COUNTS[kind]
    cell = st.tuples(st.integers(0, 31), st.integers(0, 31))
    ring = st.lists(cell, min_size=low, max_size=high or low + 5)
    parts = draw(st.lists(ring, min_size=1, max_size=3 if kind == "poly" else 1))
    arrays = [np.array(part, dtype=np.int64) for part in parts]
    return GridGeometry(kind, tuple(np.sort(a, axis=0) if kind == "box" else a for a in arrays))


def squeezed(text: str) -> str:
    return " ".join(text.split())


@st.composite
def items(draw: st.DrawFn) -> AnswerItem:
    names = WORDS.map(squeezed).filter(bool)
    attributes = draw(st.dictionaries(names, WORDS.map(squeezed), max_size=3))
    return AnswerItem(draw(WORDS.map(squeezed)), attributes, draw(geometries()))


@given(st.lists(items(), max_size=4))
def test_format_then_parse(answer: list[AnswerItem]) -> None:
    parsed = parse_answer(format_answer(answer), GRID, strict=True)
    assert list(parsed.items) == answer and parsed.says_none == (not answer)
    assert [list(i.attributes) for i in parsed.items] == [list(i.attributes) for i in answer]


@given(st.lists(geometries(), max_size=3), st.randoms(use_true_random=False))
def test_offsets_format_then_parse(proposal: list[GridGeometry], random: object) -> None:
    rng = np.random.default_rng(random.getrandbits(32))
    gone = [np.zeros(g.num_anchors, dtype=bool) for g in proposal]
    refined = list(proposal)
    for _ in range(2):
        for k, geometry in enumerate(refined):
            flat = np.where(gone[k], DELETE, rng.integers(0, 10, geometry.num_anchors))
            gone[k] = flat == DELETE
            cuts = np.cumsum([len(part) for part in geometry.cells])[:-1]
            offsets = (*geometry.offsets, tuple(np.split(flat, cuts)))
            refined[k] = GridGeometry(geometry.kind, geometry.cells, offsets)
    once = parse_offsets(format_offsets(refined, 1), proposal, strict=True).geometries
    assert list(parse_offsets(format_offsets(refined), once, strict=True).geometries) == refined


def test_format_checks_the_shape() -> None:
    with pytest.raises(TokenError, match="at least 2"):
        format_geometry(shape("line", [[0, 0]]))


SNIPPETS = [
    *("< > <box> </box> <poly> <ring> </poly> <seg> <line> <point> </point> <grid_1_2>").split(),
    *("<grid_99_1> <grid_{1,2}> <OFF_0_1> <OFF_9_9> <DELETE> <offset> </offset> <think>").split(),
    *("</think> <answer> </answer> <x> none : ( ) , \\ a <\\box> <gird_1_1> </grid_1_1>").split(),
    *("</DELETE> <bbox> <grid_1_2><grid_3_4>").split(),
    "\n",
    " ",
]
MODEL_TEXT = st.one_of(
    st.lists(st.one_of(st.sampled_from(SNIPPETS), st.text(max_size=3))).map("".join),
    st.binary(max_size=60).map(lambda raw: raw.decode("utf-8", "replace")),
)


@settings(max_examples=300, deadline=None)
@given(MODEL_TEXT)
def test_nothing_a_model_writes_raises(text: str) -> None:
    check_model_text(text)


def test_nothing_a_random_writer_writes_raises() -> None:
    rng = np.random.default_rng(0)
    for _ in range(2000):
        picks = rng.integers(0, len(SNIPPETS), rng.integers(0, 16))
        check_model_text("".join(SNIPPETS[pick] for pick in picks))


def check_model_text(text: str) -> None:
    parsed = parse_answer(text, GRID)
    assert all(0 <= a <= b <= len(text) for a, b in (d.span for d in parsed.diagnostics))
    assert parsed.items or parsed.says_none or parsed.diagnostics or parsed.wrapped
    # Whatever was read can be written, and then reads the same without complaint.
    again = parse_answer(format_answer(parsed.items), GRID, strict=True)
    assert again.items == parsed.items
    refined = parse_offsets(text, [item.geometry for item in parsed.items])
    assert len(refined.geometries) == len(parsed.items)
    parse_offsets(format_offsets(refined.geometries), refined.geometries, strict=True)
