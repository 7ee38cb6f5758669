"""BDD100K lane F against the official answers, plain loops and cases by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from drivegrid.data.formats.bdd_masks import LANE_CLASSES
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.errors import GeometryError
from drivegrid.geometry import Polygon, Polyline
from drivegrid.metrics.bdd_lane import (
    BACKGROUND,
    RADII_PX,
    SUB_TASKS,
    boundary_f,
    byte_of,
    class_masks,
    lane_mask,
    mean_f,
    score_masks,
)
from drivegrid.metrics.pairing import pair_scenes
from drivegrid.metrics.rules.bdd_lane import evaluate_bdd_lane
from drivegrid.metrics.rules.settings import Settings

LINE = Polyline([[2.5, 9.5], [2.5, 1.5]])
MASKS = arrays(np.bool_, (8, 9), elements=st.integers(0, 9).map(lambda n: n == 0))

OFFICIAL = {
    ("direction", "parallel"): (70.53328267, 80.9831119, 100.0),
    ("direction", "vertical"): (100.0, 100.0, 100.0),
    ("style", "solid"): (70.53328267, 80.9831119, 100.0),
    ("style", "dashed"): (100.0, 100.0, 100.0),
    ("category", "crosswalk"): (99.82147748, 100.0, 100.0),
    ("category", "double yellow"): (75.33066961, 79.34917317, 100.0),
    ("category", "road curb"): (71.02916505, 86.25984707, 100.0),
    ("category", "single white"): (96.43828133, 100.0, 100.0),
    ("category", "single yellow"): (94.79621737, 100.0, 100.0),
}
"""Percent at 1, 2 and 5 px, from the official tool's own test (bdd100k/eval/lane_test.py)."""
OFFICIAL_MEANS = {
    "f_1": 87.57008634, "f_2": 92.22807981, "f_5": 100.0,
    "f_1.direction": 85.26664133, "f_1.style": 85.26664133, "f_1.category": 92.17697636,
}  # fmt: skip


def slow_f(pred, gt, radius):
    """Every pixel against every pixel."""
    sides = [list(zip(*np.nonzero(side), strict=True)) for side in (pred, gt)]
    if not sides[0] or not sides[1]:
        return float(not sides[0] and not sides[1])

    def near(mine, others):
        return sum(
            any((r - y) ** 2 + (c - x) ** 2 <= radius**2 for y, x in others) for r, c in mine
        ) / len(mine)

    precision, recall = near(sides[0], sides[1]), near(sides[1], sides[0])
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def test_two_empty_masks_agree():
    empty = np.full((4, 4), BACKGROUND, np.uint8)
    assert set(score_masks(empty, empty).values()) == {1.0}


@given(MASKS, MASKS, st.sampled_from(RADII_PX))
def test_boundary_f_equals_every_pixel_against_every_pixel(pred, gt, radius):
    assert boundary_f(pred, gt, radius) == pytest.approx(slow_f(pred, gt, radius))


@pytest.mark.parametrize(("radius", "expected"), [(2, 0.0), (3, 1 / 3), (4, 2 / 3), (5, 1.0)])
def test_two_lines_at_right_angles(radius, expected):
    first, second = np.zeros((2, 10, 10), bool)
    first[3, 3:6] = True
    second[5:8, 7] = True
    assert boundary_f(first, second, radius) == pytest.approx(expected)


def test_the_official_answers(realdata):
    folder = realdata / "format_fixtures" / "bdd100k" / "lane"
    names = sorted(path.name for path in (folder / "gts").glob("*.png"))
    assert len(names) == 4
    sides = [[np.asarray(Image.open(folder / s / n)) for n in names] for s in ("res", "gts")]
    frames = [score_masks(pred, gt) for pred, gt in zip(*sides, strict=True)]
    means = {key: np.mean([frame[key] for frame in frames], axis=0) for key in frames[0]}
    for (task, name), wanted in OFFICIAL.items():
        found = [100 * means[task, name, radius] for radius in RADII_PX]
        assert found == pytest.approx(wanted), name
    totals = mean_f(means)
    assert {key: 100 * totals[key] for key in OFFICIAL_MEANS} == pytest.approx(OFFICIAL_MEANS)


@pytest.mark.parametrize(
    ("label", "attributes", "name", "style", "direction"),
    [
        ("lane/line", {}, "single other", 0, 0),
        ("lane/crosswalk", {"direction": "across"}, "crosswalk", 0, 1),
        ("lane/curb", {"style": "curb"}, "road curb", 0, 0),
        ("lane/line", {"color": "yellow", "style": "double solid"}, "double yellow", 0, 0),
        ("lane/line", {"color": "white", "style": "dashed-solid"}, "double white", 0, 0),
        ("lane/line", {"color": "white", "style": "dashed"}, "single white", 1, 0),
        ("lane/line", {"color": "blue", "style": "double dashed"}, "double other", 1, 0),
    ],
)
def test_bytes(label, attributes, name, style, direction):
    byte = byte_of(Instance(label, LINE, attributes))
    assert (byte & 7, byte >> 4 & 1, byte >> 5 & 1) == (LANE_CLASSES.index(name), style, direction)
    assert byte & 8 == 0


def make(*instances):
    return Scene(Frame("a", (12, 12)), instances)


def test_lines_are_one_pixel_wide_and_other_labels_are_left_out():
    scene = make(
        Instance("lane/line", LINE), Instance("object", LINE), Instance("lane", Polyline([]))
    )
    mask = lane_mask(scene)
    assert np.argwhere(mask != BACKGROUND).tolist() == [[row, 2] for row in range(1, 10)]


def test_areas_are_thinned():
    stripe = Polygon((np.array([[2.0, 3], [11, 3], [11, 6], [2, 6]]),))
    mask = lane_mask(make(Instance("lane/crosswalk", stripe)))
    assert (mask != BACKGROUND).sum(axis=0).max() == 1


def test_classes_cover_every_lane_pixel_once_a_task():
    mask = np.arange(256, dtype=np.uint8).reshape(16, 16)
    found = class_masks(mask)
    for task, names in SUB_TASKS.items():
        times = sum(found[task, name].astype(int) for name in names)
        assert (times == ((mask & 8) == 0)).all()


def test_masks_of_two_sizes_are_refused():
    with pytest.raises(GeometryError, match="one shape"):
        score_masks(np.zeros((2, 3), np.uint8), np.zeros((3, 2), np.uint8))


@pytest.mark.parametrize(
    ("dx", "f_1", "f_2"), [(0, 1, 1), (1, 1, 1), (2, 0.625, 1), (6, 0.625, 0.625)]
)
def test_the_rule_means_over_classes_and_sub_tasks(dx, f_1, f_2):
    """Of 2, 2 and 8 classes one each is missed: (1/2 + 1/2 + 7/8) / 3 = .625 for a total miss."""
    moved = Polyline(LINE.xy + np.array([dx, 0.0]))
    pairs = pair_scenes([make(Instance("lane/line", moved))], [make(Instance("lane/line", LINE))])
    figures = evaluate_bdd_lane(pairs, Settings()).figures
    assert (figures["f_1"], figures["f_2"]) == pytest.approx((f_1, f_2))
