"""What the parser of refine turns forgives, and what the writer refuses."""

import numpy as np
import pytest

from drivegrid.errors import TokenError
from drivegrid.tokens.grammar import format_offsets, parse_offsets
from drivegrid.tokens.grid import DELETE, GridGeometry
from tests.tokens.builders import shape

LINE = shape("line", [[0, 3], [0, 2], [0, 1]])
RINGS = shape("poly", [[0, 0], [1, 0], [1, 1]], [[2, 2], [3, 2], [3, 3]])


@pytest.mark.parametrize(
    ("text", "expected", "found"),
    [
        ("", ["missing_tag", "count_mismatch", "count_mismatch"], [4, 4, 4]),
        ("<offset><line><OFF_0_1><OFF_1_0><DELETE></line></offset>", [], [7, 5, 9]),
        ("<offset> <line>\n<OFF_0_1><OFF_1_0><DELETE></line></offset>\n", [], [7, 5, 9]),
        ("<line><OFF_0_1><OFF_1_0><DELETE></line>", ["missing_tag"], [7, 5, 9]),
        ("<offset><line><OFF_0_1><OFF_1_0></line></offset>", ["count_mismatch"], [7, 5, 4]),
        ("<offset><line>" + "<OFF_0_1>" * 5 + "</line></offset>", ["count_mismatch"], [7, 7, 7]),
        ("<offset><line><OFF_0_1>", ["truncated", "missing_tag", "count_mismatch"], [7, 4, 4]),
        ("<offset><seg><OFF_0_1><OFF_0_1><OFF_0_1></seg></offset>", ["misplaced_tag"], [7, 7, 7]),
        (
            "<offset><line><OFF_2_-5><OFF_{0,1}><delete></line></offset>",
            ["out_of_range", "spelling", "spelling"],
            [2, 7, 9],
        ),
        (
            "<offset><line><grid_1_1><OFF_0_1> and <OFF_0_1><OFF_0_1></line></offset>",
            ["misplaced_tag", "stray_text"],
            [7, 7, 7],
        ),
        (
            "<offset><line><OFF_0_1><ring><OFF_0_1><OFF_0_1></line></offset>",
            ["count_mismatch"],
            [7, 7, 7],
        ),
        (
            "<offset><line><OFF_0_1><OFF_0_1><OFF_0_1></box><OFF_0_0></offset>",
            ["misplaced_tag", "misplaced_tag"],
            [7, 7, 7],
        ),
        (
            "<offset><line><OFF_0_1><OFF_0_1><OFF_0_1></line><seg><OFF_0_0></seg></offset>",
            ["count_mismatch"],
            [7, 7, 7],
        ),
        (
            "<offset><line><OFF_0_1><line><OFF_0_1></line></offset>",
            ["truncated", "count_mismatch", "count_mismatch"],
            [7, 4, 4],
        ),
    ],
)
def test_what_the_offset_parser_forgives(text: str, expected: list[str], found: list[int]) -> None:
    parsed = parse_offsets(text, [LINE])
    assert [d.code for d in parsed.diagnostics] == expected
    assert [part.tolist() for part in parsed.geometries[0].offsets[0]] == [found]
    if expected:
        with pytest.raises(TokenError, match=expected[0]):
            parse_offsets(text, [LINE], strict=True)


def test_lost_ring_separator_costs_nothing_but_a_diagnostic() -> None:
    text = "<offset><poly>" + "<OFF_0_0>" * 3 + "<OFF_1_0>" * 3 + "</poly></offset>"
    parsed = parse_offsets(text, [RINGS])
    assert [d.code for d in parsed.diagnostics] == ["count_mismatch"]
    assert [p.tolist() for p in parsed.geometries[0].offsets[0]] == [[4, 4, 4], [5, 5, 5]]


def test_a_deleted_anchor_is_not_revived() -> None:
    once = parse_offsets("<offset><line><OFF_0_0><DELETE><OFF_0_0></line></offset>", [LINE])
    text = "<offset><line><OFF_1_0><OFF_1_0><OFF_1_0></line></offset>"
    twice = parse_offsets(text, once.geometries)
    assert [d.code for d in twice.diagnostics] == ["revived_anchor"]
    assert twice.geometries[0].offsets[1][0].tolist() == [5, DELETE, 5]


def test_an_empty_proposal_has_an_empty_refinement() -> None:
    assert format_offsets([]) == "<offset></offset>"
    assert parse_offsets("<offset></offset>", [], strict=True).geometries == ()


@pytest.mark.parametrize("round_", [None, 0, 2])
def test_only_existing_rounds_can_be_written(round_: int | None) -> None:
    geometry = LINE if round_ is None else parse_offsets("", [LINE]).geometries[0]
    with pytest.raises(TokenError, match="round"):
        format_offsets([geometry], round_)


def test_offsets_must_mirror_the_cells() -> None:
    with pytest.raises(TokenError, match="mirror"):
        format_offsets([GridGeometry("line", LINE.cells, ((np.array([4]),),))])
