import json
from dataclasses import dataclass

import numpy as np
import pytest

from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.errors import GeometryError
from drivegrid.geometry import Box, Point, Polygon, Polyline, from_parts
from drivegrid.metrics.ceiling import ceiling, ceilings
from drivegrid.tokens.grid import STAY, GridGeometry, GridSpec

SIZE = (1640, 590)
LANE = np.stack([np.linspace(300, 700, 30), np.linspace(589, 250, 30)], axis=1)


@dataclass(frozen=True)
class CellCodec:
    """Vertices to cells and back to cell centres; offsets that stay."""

    grid: GridSpec
    rounds: int = 0
    line_encoder: str = "vertices"

    def encode(self, geometry, size_wh):
        if (geometry.vertices() < 0).any():
            raise GeometryError("outside")
        cells = tuple(self.grid.cells_of(part, size_wh) for part in geometry.parts())
        offsets = tuple(np.full(len(part), STAY) for part in cells)
        return GridGeometry(geometry.kind, cells, (offsets,) * self.rounds)

    def decode(self, tokens, size_wh, *, smooth=False):
        parts = tuple(self.grid.centers_of(part, size_wh) for part in tokens.cells)
        return from_parts(tokens.kind, parts)


FINE = CellCodec(GridSpec(cols=1640, rows=590))
COARSE = CellCodec(GridSpec(cols=8, rows=8))


def make_scene(*shapes):
    return Scene(Frame("", SIZE), tuple(Instance(label, shape) for label, shape in shapes))


EVERYTHING = make_scene(
    ("marking/line", Polyline(LANE)),
    ("obstacle/cone", Box(np.array([100.0, 100, 120, 120]))),
    ("vehicle/car", Box(np.array([300.0, 100, 450, 220]))),
    ("sign/stop", Point(np.array([501.0, 51]))),
    ("drivable/direct", Polygon((np.array([[9.0, 9], [700, 9], [700, 500], [9, 500]]),))),
)


def test_no_scenes_give_no_figures():
    report = ceiling([], FINE).as_dict()
    assert (report["lanes"]["f1_50"], report["lanes"]["n"]) == (None, 0)
    assert (report["boxes"], report["points"]["hit"], report["polygons"]["giou"]) == (
        {},
        None,
        None,
    )


def test_a_fine_lattice_reaches_the_top():
    report = ceiling([EVERYTHING, EVERYTHING], FINE)
    assert report.lanes["f1_50"] == report.lanes["f1_75"] == 100
    assert report.lanes["mf1"] == 100
    assert report.lanes["tusimple_accuracy"] == 100
    assert report.boxes["all"]["all"]["acc_80"] == 100
    assert report.points["hit"] == 100
    assert report.points["mean_error_px"] == pytest.approx(np.sqrt(0.5))
    assert report.polygons["giou"] > 99
    assert (report.lanes["n"], report.boxes["all"]["all"]["n"]) == (2, 4)


def test_a_coarse_lattice_does_not():
    report = ceiling([EVERYTHING], COARSE)
    assert report.lanes["f1_50"] == 0
    assert report.boxes["obstacle/cone"]["small"]["acc_50"] == 0
    assert 0 < report.polygons["giou"] < 99
    assert report.points["mean_error_px"] > 16


def test_boxes_are_listed_by_label_and_size():
    boxes = ceiling([EVERYTHING], FINE).boxes
    assert set(boxes) == {"all", "obstacle/cone", "vehicle/car"}
    assert set(boxes["obstacle/cone"]) == {"all", "small"}
    assert set(boxes["vehicle/car"]) == {"all", "large"}


@pytest.mark.parametrize(("rounds", "tokens"), [(0, 30), (1, 60), (2, 90)])
def test_tokens_are_cells_and_offsets(rounds, tokens):
    lanes = ceiling([EVERYTHING], CellCodec(GridSpec(), rounds)).lanes
    assert (lanes["anchors_per_lane"], lanes["tokens_per_lane"]) == (30, tokens)


def test_refused_shapes_count_as_missed():
    away = make_scene(("marking/line", Polyline(LANE)), ("marking/line", Polyline(LANE - 1000)))
    report = ceiling([away], FINE)
    assert report.refused == 1
    assert report.lanes["f1_50"] == pytest.approx(100 * 2 / 3)
    assert report.lanes["anchors_per_lane"] == 30


def test_parameters_and_json():
    reports = ceilings([EVERYTHING], {"8": COARSE, "fine": FINE})
    assert reports["8"].parameters["grid"] == "8x8"
    assert reports["fine"].parameters["num_scenes"] == 1
    as_json = json.loads(json.dumps(reports["8"].as_dict(), allow_nan=False))
    assert str(as_json["lanes"]["n"]) == "1"
    assert as_json["parameters"]["lane_rule"]["width"] == 30


def test_the_packages_own_codec_fits():
    codec = pytest.importorskip("drivegrid.tokens.codec")
    one = [ceiling([EVERYTHING], codec.Codec(rounds=r)) for r in (0, 1, 2)]
    errors = [report.points["mean_error_px"] for report in one]
    assert errors[0] > errors[2]
    means = [report.boxes["all"]["all"]["mean_iou"] for report in one]
    assert means[0] < means[1] < means[2]
