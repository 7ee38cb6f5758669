"""Colours: by role, by order from the left, by label."""

import itertools

import pytest

from drivegrid.data.scene import Instance
from drivegrid.geometry import Box, Polyline
from drivegrid.plotting.palette import (
    GREEN,
    LABEL_COLORS,
    LANE_CYCLE,
    PURPLE,
    ROLE_COLORS,
    VERMILLION,
    scene_colors,
)


def line(*xy: tuple[float, float], **attributes: str) -> Instance:
    return Instance("lane/line", Polyline(xy), attributes)


FAR_LEFT = line((0, 500), (550, 300))
LEFT = line((200, 719), (580, 300))
RIGHT = line((1100, 719), (700, 300))
FAR_RIGHT = line((1279, 420), (720, 300))


def test_no_instances_no_colors() -> None:
    assert scene_colors([]) == []


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_lines_are_counted_from_the_left_whatever_their_order(order) -> None:
    lines = [FAR_LEFT, LEFT, RIGHT, FAR_RIGHT]
    colors = scene_colors([lines[i] for i in order])
    assert colors == [LANE_CYCLE[i] for i in order]


def test_a_line_that_leaves_at_the_side_is_counted_where_it_would_meet_the_bottom() -> None:
    """Its lowest vertex lies right of the other line's, its course does not."""
    leaving, inner = line((300, 500), (500, 400)), line((100, 719), (500, 300))
    assert scene_colors([inner, leaving]) == [LANE_CYCLE[1], LANE_CYCLE[0]]


def test_roles_keep_their_colors_and_do_not_count() -> None:
    colors = scene_colors([line((0, 9), (9, 0), role="ego-right"), LEFT])
    assert colors == [ROLE_COLORS["ego-right"], LANE_CYCLE[0]]


def test_more_lines_than_colors_go_round() -> None:
    lines = [line((10 * i, 100), (10 * i, 0)) for i in range(len(LANE_CYCLE) + 1)]
    assert scene_colors(lines)[-1] == LANE_CYCLE[0]


@pytest.mark.parametrize(
    ("instance", "color"),
    [
        (Instance("", Box([0, 0, 1, 1])), PURPLE),
        (Instance("obstacle/cone", Box([0, 0, 1, 1])), VERMILLION),
        (Instance("area", Box([0, 0, 1, 1])), GREEN),
        (Instance("lane/line", Polyline([])), PURPLE),
        (Instance("lane/line", Polyline([[5, 5], [5, 5]])), LANE_CYCLE[0]),
    ],
    ids=["no label", "by first part", "top label", "no vertex", "no length"],
)
def test_single_instances(instance, color) -> None:
    assert scene_colors([instance]) == [color]


@pytest.mark.parametrize(
    "colors", [LANE_CYCLE, tuple(ROLE_COLORS.values()), tuple(LABEL_COLORS.values())]
)
def test_colors_of_one_kind_differ(colors) -> None:
    assert len(set(colors)) == len(colors)
