from itertools import pairwise

import numpy as np
import pytest

from drivegrid.data.scene import Instance
from drivegrid.geometry import Box, Polygon, Polyline
from drivegrid.tasks.base import Asked, answer_items
from drivegrid.tasks.refine import (
    DELETE_CELLS,
    Noise,
    mend_further,
    nearest_on_line,
    noisy_proposal,
    refine_prompt,
)
from drivegrid.tasks.table import SCORED
from drivegrid.tokens.answer import AnswerItem
from drivegrid.tokens.codec import Codec
from drivegrid.tokens.grammar import format_answer, format_offsets, parse_answer, parse_offsets
from drivegrid.tokens.grid import DELETE, STAY, GridGeometry, GridSpec
from drivegrid.tokens.offsets import decode_points

from .builders import SIZE, empty, road

GRID = GridSpec()


def proposal(name: str, noise: Noise, seed: int = 0, scene=road):
    asked = Asked("", SCORED[name].instances(scene()))
    items, kept = answer_items(asked, Codec(GRID, rounds=0), SIZE)
    rng = np.random.default_rng(seed)
    return items, kept, noisy_proposal(items, kept, GRID, SIZE, rng, noise)


def test_empty_answer_stays_empty() -> None:
    assert proposal("lanes", Noise(1, 1, 1), scene=empty)[2] == []


@pytest.mark.parametrize("name", SCORED)
def test_text_of_proposal_and_offsets_parses_strictly(name: str) -> None:
    for seed in range(20):
        _, _, shaken = proposal(name, Noise(), seed)
        parsed = parse_answer(format_answer(shaken), GRID, strict=True)
        geometries = [item.geometry for item in shaken]
        bare = [item.geometry for item in parsed.items]
        mended = parse_offsets(format_offsets(geometries), bare, strict=True)
        assert list(mended.geometries) == geometries


@pytest.mark.parametrize("name", ["objects", "signs"])
def test_without_noise_offsets_bring_corners_within_a_quarter_cell(name: str) -> None:
    _, kept, items = proposal(name, Noise(0, 0, 0))
    for item, instance in zip(items, kept, strict=True):
        offsets = [np.concatenate(round_) for round_ in item.geometry.offsets]
        moved, alive = decode_points(item.geometry.cells[0], offsets, GRID, SIZE)
        gap = np.abs(moved - instance.geometry.vertices()) / GRID.cell_size(SIZE)
        assert alive.all()
        assert gap.max() <= 0.25 + 1e-9


def test_offsets_never_move_an_anchor_away_from_a_line() -> None:
    _, kept, items = proposal("lanes", Noise(0.5, 0, 0), seed=3)
    for item, instance in zip(items, kept, strict=True):
        cells = item.geometry.cells[0][1:-1]
        offsets = item.geometry.offsets[0][0][1:-1]
        before = GRID.centers_of(cells, SIZE)
        after, alive = decode_points(cells, [offsets], GRID, SIZE)
        line = instance.geometry.vertices()
        gap = [np.abs(nearest_on_line(p, line) - p).max(axis=1) for p in (before, after)]
        assert (gap[1][alive] <= gap[0][alive] + 1e-9).all()


def test_far_anchors_are_deleted_and_near_ones_are_not() -> None:
    clean, kept, items = proposal("objects", Noise(0, 1, 0))
    for item, good, instance in zip(items, clean, kept, strict=True):
        gap = GRID.centers_of(item.geometry.cells[0], SIZE) - instance.geometry.parts()[0]
        far = (np.abs(gap) > DELETE_CELLS * GRID.cell_size(SIZE)).any(axis=1)
        assert ((item.geometry.offsets[0][0] == DELETE) == far).all()
        assert good.label == item.label
        assert far.any()


def test_invented_instance_is_deleted_whole() -> None:
    clean, _, items = proposal("signs", Noise(0, 0, 1))
    gone = [i for i in items if all((part == DELETE).all() for part in i.geometry.offsets[0])]
    assert len(items) == len(clean) + 1
    assert len(gone) == 1


def test_right_anchor_stays() -> None:
    _, _, items = proposal("signs", Noise(0, 0, 0))
    # The sign at (30, 120) lies in cell (1, 10), 0.0 and 2 px off its centre: nothing to mend.
    assert items[0].geometry.offsets[0][0].tolist() == [STAY]


def test_nearest_on_line_equals_a_dense_search() -> None:
    rng = np.random.default_rng(0)
    line, points = rng.uniform(0, 100, (5, 2)), rng.uniform(0, 100, (40, 2))
    t = np.linspace(0, 1, 4001)[:, None]
    dense = np.concatenate([a + t * (b - a) for a, b in pairwise(line)])
    for point, place in zip(points, nearest_on_line(points, line), strict=True):
        best = np.sqrt(((dense - point) ** 2).sum(1).min())
        assert np.hypot(*(place - point)) == pytest.approx(best, abs=0.02)


@pytest.mark.parametrize(
    "points",
    [
        [[40.0, 200.0], [200.0, 212.0], [320.0, 190.0], [600.0, 205.0]],  # nearly level, wavy
        [[100.0, 360.0], [140.0, 200.0], [180.0, 260.0], [220.0, 90.0]],  # turns back
        [[300.0, 180.0]],
    ],
)
def test_without_noise_no_anchor_of_a_line_moves_far(points) -> None:
    line = Instance("lane/line", Polyline(np.array(points)))
    items, kept = answer_items(Asked("", (line,)), Codec(GRID, rounds=0), SIZE)
    (item,) = noisy_proposal(items, kept, GRID, SIZE, np.random.default_rng(0), Noise(0, 0, 0))
    moved, alive = decode_points(item.geometry.cells[0], [item.geometry.offsets[0][0]], GRID, SIZE)
    gap = np.abs(nearest_on_line(moved, line.geometry.xy) - moved) / GRID.cell_size(SIZE)
    assert alive.all()
    assert gap.max() <= 0.25 + 1e-9


def test_what_reaches_out_of_the_image_is_mended_at_its_border() -> None:
    box = Instance("object/vehicle/car", Box(np.array([-400.0, 100.0, 200.0, 900.0])))
    ring = np.array([[-300.0, 200.0], [900.0, 200.0], [900.0, 900.0], [-300.0, 900.0]])
    area = Instance("area/drivable/direct", Polygon((ring,)))
    items, kept = answer_items(Asked("", (box, area)), Codec(GRID, rounds=0), SIZE)
    rng = np.random.default_rng(0)
    for item in noisy_proposal(items, kept, GRID, SIZE, rng, Noise(0, 0, 0)):
        assert DELETE not in item.geometry.offsets[0][0]


def test_a_refine_prompt_repeats_question_proposal_and_rounds() -> None:
    cells = np.array([[3, 4]])
    rounds = ((np.array([STAY]),), (np.array([DELETE]),))
    item = AnswerItem("cone", {}, GridGeometry("point", (cells,), rounds))
    assert refine_prompt("all cones", [item], done=1).split("\n") == [
        "refine: all cones",
        "cone: <point><grid_3_4></point>",
        "<offset><point><OFF_0_0></point></offset>",
    ]


@pytest.mark.parametrize(("gamma", "bound"), [(0.5, 1 / 16), (1.0, 1 / 4)])
@pytest.mark.parametrize("name", ["objects", "signs"])
def test_each_round_halves_what_is_left_where_steps_do(name, gamma, bound) -> None:
    clean, kept, items = proposal(name, Noise(0.5, 0, 0), seed=2)
    grid = GridSpec(gamma=gamma)
    codec = Codec(grid, rounds=4)
    for item, right, instance in zip(items, clean, kept, strict=True):
        mended = mend_further(item.geometry, right.geometry, instance.geometry, SIZE, codec)
        assert len(mended.offsets) == 4
        offsets = [np.concatenate(round_) for round_ in mended.offsets]
        moved, alive = decode_points(mended.cells[0], offsets, grid, SIZE)
        gap = np.abs(moved - instance.geometry.vertices()) / grid.cell_size(SIZE)
        near = np.abs(item.geometry.cells[0] - right.geometry.cells[0]).max(axis=1) == 0
        assert alive.all()
        assert gap[near].max(initial=0) <= bound + 1e-9


def test_deleted_anchors_stay_deleted_in_further_rounds() -> None:
    clean, kept, items = proposal("objects", Noise(0, 1, 0))
    for item, right, instance in zip(items, clean, kept, strict=True):
        codec = Codec(GRID, rounds=3)
        mended = mend_further(item.geometry, right.geometry, instance.geometry, SIZE, codec)
        gone = mended.offsets[0][0] == DELETE
        assert gone.any()
        for round_ in mended.offsets[1:]:
            assert ((round_[0] == DELETE) == gone).all()
