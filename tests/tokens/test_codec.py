"""Codec: every kind of shape there and back, deletions, clipping, errors, real labels."""

import gzip
import json

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from drivegrid.errors import ConfigError, GeometryError
from drivegrid.geometry import Anchors, Box, Point, Polygon, Polyline
from drivegrid.tokens.codec import Codec
from drivegrid.tokens.grid import DELETE, STAY, GridGeometry, GridSpec
from drivegrid.tokens.offsets import residual_bound

SIZE = (1640, 590)
SQUARE = np.array([[400.0, 500.0], [400.0, 300.0], [800.0, 300.0], [800.0, 500.0]])
HOLE = SQUARE * 0.25 + (450.0, 300.0)
SHAPES = {
    "point": Point(np.array([700.0, 300.0])),
    "box": Box(np.array([100.0, 100.0, 400.0, 300.0])),
    "line": Polyline(np.array([[600.0, 590.0], [800.0, 250.0]])),
    "poly": Polygon((SQUARE, HOLE)),
    "seg": Anchors(np.array([[5.0, 5.0], [1600.0, 500.0]])),
}
ENCODERS = ("rows", "fewest")


def with_offsets(tokens, *rounds):
    rounds = tuple(tuple(np.array(part) for part in round_) for round_ in rounds)
    return GridGeometry(tokens.kind, tokens.cells, rounds)


@pytest.mark.parametrize(
    ("shape", "match"),
    [
        pytest.param(Polyline(np.zeros((0, 2))), "line must have", id="empty line"),
        pytest.param(Polygon(()), "polygon must have", id="empty polygon"),
        pytest.param(Anchors(np.zeros((0, 2))), "seg must", id="no anchors"),
        pytest.param(Point(np.array([-1.0, 5.0])), "point must meet", id="point"),
        pytest.param(Box(np.array([1700.0, 5, 1800, 9])), "box must meet", id="box"),
        pytest.param(Polyline(np.array([[0.0, -9], [9, -1]])), "line must meet", id="line"),
        pytest.param(Polygon((SQUARE + 5000,)), "polygon must meet", id="polygon"),
        pytest.param(Anchors(np.array([[5.0, 600.0]])), "seg must meet", id="seg"),
    ],
)
def test_unusable_shape_is_named(shape, match):
    with pytest.raises(GeometryError, match=match):
        Codec().encode(shape, SIZE)


def test_wrong_settings_are_reported_together():
    with pytest.raises(ConfigError, match=r"(?s)line_encoder.*rounds.*every"):
        Codec(line_encoder="best", rounds=-1, every=0)


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("rounds", [0, 1, 2])
@pytest.mark.parametrize("kind", SHAPES)
def test_tokens_mirror_the_shape(kind, rounds, encoder):
    codec = Codec(line_encoder=encoder, rounds=rounds)
    tokens = codec.encode(SHAPES[kind], SIZE)
    assert tokens.kind == kind
    assert len(tokens.offsets) == rounds
    for round_ in tokens.offsets:
        assert [len(part) for part in round_] == [len(part) for part in tokens.cells]
        assert all(((part >= 0) & (part < DELETE)).all() for part in round_)
    assert type(codec.decode(tokens, SIZE)) is type(SHAPES[kind])


@given(st.lists(st.tuples(st.floats(0, 1640), st.floats(0, 590)), min_size=2, max_size=2),
       st.integers(0, 3))  # fmt: skip
def test_box_and_seg_and_point_are_off_by_the_residual(corners, rounds):
    codec, corners = Codec(rounds=rounds), np.array(corners)
    box = Box(np.concatenate([corners.min(axis=0), corners.max(axis=0)]))
    bound = residual_bound(codec.grid, SIZE, rounds) + 1e-9
    for shape in (box, Anchors(corners), Point(corners[0])):
        found = codec.decode(codec.encode(shape, SIZE), SIZE)
        assert (np.abs(found.vertices() - shape.vertices()) <= bound).all()


def test_corners_of_a_small_box_may_share_a_cell():
    tokens = Codec().encode(Box(np.array([110.0, 112.0, 114.0, 116.0])), SIZE)
    assert tokens.cells[0][0].tolist() == tokens.cells[0][1].tolist()
    assert isinstance(Codec().decode(tokens, SIZE), Box)


def test_shapes_are_cut_at_the_border():
    codec = Codec(rounds=3)
    box = codec.decode(codec.encode(Box(np.array([-50.0, -9.0, 820.0, 900.0])), SIZE), SIZE)
    assert box.xyxy.tolist() == [0, 0, 820, 590]
    seg = codec.encode(Anchors(np.array([[-1.0, 5.0], [5.0, 5.0]])), SIZE)
    assert seg.num_anchors == 1


@pytest.mark.parametrize("encoder", ENCODERS)
def test_direction_of_the_label_does_not_matter(encoder):
    codec = Codec(line_encoder=encoder)
    lines = [Polyline(SHAPES["line"].xy[::step]) for step in (1, -1)]
    rings = [Polygon((np.roll(SQUARE[::step], step, axis=0),)) for step in (1, -1)]
    assert codec.encode(lines[0], SIZE) == codec.encode(lines[1], SIZE)
    assert codec.encode(rings[0], SIZE) == codec.encode(rings[1], SIZE)


@pytest.mark.parametrize("encoder", ENCODERS)
@settings(max_examples=20, deadline=None)
@given(points=st.lists(st.tuples(st.integers(-300, 1900), st.integers(-200, 800)), min_size=1,
                       max_size=6))  # fmt: skip
def test_any_line_and_polygon_encodes_or_is_refused(encoder, points):
    codec = Codec(line_encoder=encoder)
    for shape in (Polyline(np.array(points)), Polygon((np.array(points),))):
        try:
            tokens = codec.encode(shape, SIZE)
        except GeometryError:
            continue
        assert codec.decode(tokens, SIZE) is not None
        for cells in tokens.cells:
            assert ((cells >= 0) & (cells < 32)).all()
            assert len(cells) >= {"line": 2, "poly": 3}[shape.kind]


def test_deleted_anchors_drop_out():
    tokens = GridGeometry("line", (np.array([[3, 30], [3, 20], [3, 10]]),))
    tokens = with_offsets(tokens, [[STAY, DELETE, STAY]])
    assert len(Codec().decode(tokens, SIZE).xy) == 2


@pytest.mark.parametrize(
    ("kind", "offsets"),
    [("point", [DELETE]), ("line", [DELETE] * 3), ("seg", [DELETE, DELETE]), ("box", [4, DELETE])],
)
def test_nothing_left_is_none(kind, offsets):
    cells = np.arange(2 * len(offsets)).reshape(-1, 2)
    tokens = with_offsets(GridGeometry(kind, (cells,)), [offsets])
    assert Codec().decode(tokens, SIZE) is None


@pytest.mark.parametrize("parts", [(), (np.zeros((0, 2), dtype=np.int64),)])
def test_shape_without_anchors_is_none(parts):
    for kind in SHAPES:
        assert Codec().decode(GridGeometry(kind, parts), SIZE) is None


def test_box_needs_two_corners():
    assert Codec().decode(GridGeometry("box", (np.array([[1, 1]]),)), SIZE) is None


@pytest.mark.parametrize(("lost", "left"), [(0, 0), (1, 1)])
def test_ring_with_too_few_anchors_goes_and_takes_its_holes(lost, left):
    tokens = Codec(rounds=0).encode(SHAPES["poly"], SIZE)
    rounds = [np.full(len(part), STAY) for part in tokens.cells]
    rounds[lost][2:] = DELETE
    found = Codec().decode(with_offsets(tokens, rounds), SIZE)
    assert (0 if found is None else len(found.rings)) == left


@pytest.mark.parametrize("encoder", ENCODERS)
def test_collapsed_rings(encoder):
    codec = Codec(line_encoder=encoder, rounds=0)
    tiny = SQUARE * 0.005 + 300
    with_hole = codec.encode(Polygon((SQUARE, tiny + np.array([300.0, 100.0]))), SIZE)
    assert len(with_hole.cells) == 1
    alone = codec.encode(Polygon((tiny,)), SIZE)
    assert [len(part) for part in alone.cells] == [3]


@pytest.mark.parametrize("encoder", ENCODERS)
def test_polygon_with_hole_round_trips(encoder):
    codec = Codec(line_encoder=encoder, rounds=2)
    found = codec.decode(codec.encode(SHAPES["poly"], SIZE), SIZE)
    a, b = (shapely.Polygon(p.rings[0], [p.rings[1]]) for p in (SHAPES["poly"], found))
    assert (a & b).area / (a | b).area > 0.8


def test_smooth_is_for_lines_and_stays_in_the_image():
    for shape in SHAPES.values():
        tokens = Codec().encode(shape, SIZE)
        found = Codec().decode(tokens, SIZE, smooth=True)
        assert (found.vertices() >= 0).all()
        assert (found.vertices() <= SIZE).all()
        assert (len(found.vertices()) > tokens.num_anchors) == (shape.kind == "line")


@pytest.mark.parametrize(
    ("xy", "gamma", "cell", "offsets", "end"),
    [
        # cells 20 px, step 10 px in round 1; worked out by hand
        pytest.param((19, 1), 0.5, (0, 0), (2, 4), (20, 0), id="right and up, then stay"),
        pytest.param((14, 10), 0.5, (0, 0), (4, 5), (15, 10), id="the second round moves 5 px"),
        pytest.param((14, 10), 1.0, (0, 0), (4, 4), (10, 10), id="the paper's second round stays"),
        pytest.param((15, 10), 1.0, (0, 0), (5, 4), (20, 10), id="half a step goes right"),
        pytest.param((640, 0), 0.5, (31, 0), (2, 4), (640, 0), id="corner of the image"),
        pytest.param((40, 47), 0.5, (2, 2), (3, 1), (40, 45), id="border of a cell"),
    ],
)
def test_hand_checked_points(xy, gamma, cell, offsets, end):
    codec = Codec(GridSpec(gamma=gamma), rounds=2)
    tokens = codec.encode(Point(np.array(xy, dtype=float)), (640, 640))
    assert tokens.cells[0].tolist() == [list(cell)]
    assert tuple(int(part[0]) for (part,) in tokens.offsets) == offsets
    assert codec.decode(tokens, (640, 640)).xy.tolist() == list(end)


@pytest.mark.parametrize(("encoder", "rounds", "most"), [("rows", 1, 20), ("fewest", 1, 5.0),
                                                         ("fewest", 2, 5.0)])  # fmt: skip
def test_real_lanes(realdata, encoder, rounds, most):
    """One TuSimple lane in 400: close to the label, few anchors (the benchmark has the scores)."""
    lanes = []
    for path in sorted((realdata / "tusimple" / "labels_only").glob("*.json.gz")):
        for text in list(gzip.open(path, "rt"))[::100]:
            record = json.loads(text)
            points = np.array(list(zip(record["lanes"][0], record["h_samples"], strict=True)))
            lanes += [points[points[:, 0] >= 0] * (1640 / 1280, 590 / 720)]
    codec = Codec(line_encoder=encoder, rounds=rounds)
    tokens = [codec.encode(Polyline(lane), SIZE) for lane in lanes if len(lane) > 1]
    found = [codec.decode(item, SIZE) for item in tokens]
    truth = [shapely.LineString(lane) for lane in lanes if len(lane) > 1]
    away = [
        shapely.distance(shapely.points(a.xy[1:-1]), b).max(initial=0.0)
        for a, b in zip(found, truth, strict=True)
    ]
    assert len(tokens) > 50
    assert np.mean([item.num_anchors for item in tokens]) <= most
    assert max(away) <= np.hypot(*residual_bound(codec.grid, SIZE, rounds)) + 1e-6
