import numpy as np
import pytest

from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.geometry import Polyline
from drivegrid.metrics.boxes import BoxScore
from drivegrid.metrics.culane import CulaneFrame, CulaneScore
from drivegrid.metrics.evaluate import evaluate_scenes
from drivegrid.metrics.points import PointScore
from drivegrid.metrics.regions import RegionScore, score_drivable
from drivegrid.metrics.report import flatten, format_rows, format_table, parameters_of
from drivegrid.metrics.tusimple import TusimpleScore


def test_nothing_is_just_a_title():
    assert format_rows("empty", {}) == ["empty"]


@pytest.mark.parametrize(
    ("result", "figure", "parameter"),
    [
        (CulaneScore({"a": CulaneFrame(1, 1, ((0, 0, 0.9),))}), "f1_50", "width=30"),
        (TusimpleScore({}), "accuracy", "pixel_threshold=20"),
        (BoxScore((0.6,), 1), "acc_50", "rule=boxes"),
        (PointScore(), "hit", "radius_px=16"),
        (RegionScore(), "giou", "fill=even-odd"),
        (score_drivable(np.zeros((1, 1), int), np.zeros((1, 1), int)), "miou", "class_ids=0x1"),
    ],
    ids=["culane", "tusimple", "boxes", "points", "regions", "drivable"],
)
def test_every_result_prints_its_figures_and_parameters(result, figure, parameter):
    rows = format_rows("title", result)
    assert any(row.split()[0] == figure for row in rows[1:])
    assert any(parameter in row for row in rows)
    assert max(map(len, rows)) <= 100


def test_nested_results_keep_their_parts_apart():
    line = Instance("lane/line", Polyline(np.array([[30.0, 47.0], [30.0, 9.0]])))
    scene = Scene(Frame("a.jpg", (64, 48)), (line,))
    values = evaluate_scenes([scene], [scene])
    assert flatten(values)["boxes"] == "none"
    assert "lanes.at_iou.0.5.tp" in flatten(values)
    assert parameters_of(values)["lanes.width"] == 30
    assert parameters_of(values)["points.radius_px"] == 16
    assert not any("per_label" in name for name in flatten(values))


def test_a_figure_over_nothing_is_a_dash():
    assert "  f1  -" in format_rows("x", {"f1": None})


def test_names_are_counted_and_the_first_shown():
    rows = format_rows("x", {"missing": list("abcde"), "size": [64, 48], "extra": []})
    assert rows[1:] == ["  missing  5: a, b, c, ..", "  size     64x48", "  extra    none"]


def test_table_fills_gaps():
    rows = format_table({"a": {"f1": 0.25}, "long": {"n": 3}})
    assert rows == ["          f1  n", "a     0.2500  -", "long       -  3"]
    assert format_table({}) == [""]
