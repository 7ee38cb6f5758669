from dataclasses import replace

import numpy as np
import pytest

from drivegrid.geometry import Box, Polyline
from drivegrid.inference.collect import Collector, chances_of
from drivegrid.tokens.codec import Codec
from drivegrid.tokens.grammar import parse_answer
from drivegrid.tokens.grid import GridSpec
from drivegrid.tokens.vocabulary import OFFSET_TOKENS

GRID = GridSpec(cols=8, rows=8, offset_cols=16, offset_rows=16)
SIZE = (160, 80)  # cells of 20 x 10 px


def certain(*cells: tuple[int, int]) -> list[np.ndarray]:
    return [np.eye(1, 64, y * 8 + x)[0] for x, y in cells]


def collect(text: str, cells: list[np.ndarray], places: str = "cells"):
    items = parse_answer(text, GRID).items
    chances = chances_of(text, items, cells, GRID)
    collector = Collector(Codec(GRID), SIZE, "toy", places)
    return collector.found(items, [item.geometry for item in items], chances)


def test_nothing_gives_nothing() -> None:
    assert collect("none", []) == []


def test_lines_are_drawn_smooth() -> None:
    text = "lane line: <line><grid_1_7><grid_2_5><grid_4_3></line>"
    (found,) = collect(text, [np.full(64, 1 / 64)] * 3)
    assert isinstance(found.instance.geometry, Polyline)
    assert (found.instance.label, found.instance.source) == ("lane/line", "toy")
    assert found.trace.proposed.shape == (3, 2)


@pytest.mark.parametrize("rounds", [0, 1, 2, 3])
def test_a_trace_has_the_places_after_every_round(rounds) -> None:
    (item,) = parse_answer("sign: <point><grid_3_4></point>", GRID).items
    right = np.array([OFFSET_TOKENS.index("<OFF_1_0>")])
    geometry = replace(item.geometry, offsets=((right,),) * rounds)
    collector = Collector(Codec(GRID), SIZE, "toy", "cells")
    (found,) = collector.found([item], [geometry], [certain((3, 4))])
    steps = [GRID.offset_step(SIZE, number)[0] for number in range(1, rounds + 1)]
    expected = [70.0 + sum(steps[:number]) for number in range(rounds + 1)]
    places = [found.trace.proposed, *found.trace.earlier, found.trace.moved]
    if rounds == 0:
        assert found.trace.earlier == ()
        expected *= 2
    assert [place[0].tolist() for place in places] == [[x, 45.0] for x in expected]


def test_expected_places_follow_the_neighbours() -> None:
    left = (certain((1, 1))[0] + certain((2, 1))[0]) / 2
    right = certain((4, 5))[0] * 0.75 + certain((4, 4))[0] * 0.25
    text = "car: <box><grid_1_1><grid_4_5></box>"
    (found,) = collect(text, [left, right], "expected")
    assert isinstance(found.instance.geometry, Box)
    np.testing.assert_allclose(found.instance.geometry.xyxy, [40.0, 15.0, 90.0, 52.5])


@pytest.mark.parametrize(
    ("text", "cells", "expected"),
    [
        pytest.param("<point><grid_3_4></point>", [(3, 4)], [[(3, 4)]], id="one to one"),
        pytest.param(
            "<box><grid_1_1><grid_2_2><grid_5_5></box><point><grid_5_5></point>",
            [(1, 1), (2, 2), (5, 5), (5, 5)],
            [[(1, 1), (2, 2)], [(5, 5)]],
            id="the parser cut an anchor",
        ),
        pytest.param(
            "<box><grid_4_4><grid_2_2></box>", [(4, 4), (2, 2)], [[(2, 2), (4, 4)]], id="sorted"
        ),
        pytest.param(
            "<box><grid_4_2><grid_2_4></box>", [(4, 2), (2, 4)], [[(2, 2), (4, 4)]], id="mixed"
        ),
        pytest.param(
            "<point><grid_3_4></point>", [(3, 4), (1, 1)], [[(3, 4)]], id="not all were tokens"
        ),
    ],
)
def test_every_anchor_finds_its_distribution(text, cells, expected) -> None:
    items = parse_answer(text, GRID).items
    found = chances_of(text, items, certain(*cells), GRID)
    peaks = [[divmod(int(mine.argmax()), 8)[::-1] for mine in item] for item in found]
    assert peaks == expected
