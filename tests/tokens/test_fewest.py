"""Fewest anchors of a line: within the tolerance, never more than needed, cells near the line."""

from itertools import combinations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from drivegrid.tokens import fewest as module
from drivegrid.tokens.chords import Curve, reachable_pitch
from drivegrid.tokens.fewest import encode_fewest, simplify
from drivegrid.tokens.grid import GridSpec
from drivegrid.tokens.offsets import decode_points, encode_offsets, reachable_coordinates

SIZE = (1640, 590)
GRID = GridSpec()


def arc(center, radius, begin, end, count=60):
    turn = np.radians(np.linspace(begin, end, count))
    return np.array(center) + radius * np.stack([np.cos(turn), np.sin(turn)], axis=1)


LINES = {
    "straight": np.array([[700.0, 590.0], [900.0, 250.0]]),
    "vertical": np.array([[731.0, 590.0], [731.0, 200.0]]),
    "gentle curve": np.stack(
        [700 + 400 * np.linspace(0, 1, 40) ** 3, np.linspace(590, 200, 40)], 1
    ),
    "near-horizontal": np.stack(
        [np.linspace(10, 1600, 80), 300 + 20 * np.sin(np.arange(80) / 9)], 1
    ),
    "roundabout": arc((800, 330), 220, 90, 330),
    "hairpin": np.concatenate([[[600.0, 580.0]], arc((700, 200), 100, 180, 360), [[800.0, 580.0]]]),
    "corner": np.array([[400.0, 560.0], [400.0, 300.0], [1200.0, 300.0]]),
    "along the border": np.array([[0.0, 590.0], [0.0, 100.0]]),
    "short": np.array([[500.0, 500.0], [560.0, 460.0]]),
}


def deviations(line, found):
    """Largest distance line -> anchors and back, between the places nearest to the end anchors."""
    string, decoded = shapely.LineString(line), shapely.LineString(found.points)
    ends = [shapely.line_locate_point(string, shapely.Point(p)) for p in found.points[[0, -1]]]
    along = np.linspace(*ends, 500)
    there = shapely.distance(shapely.line_interpolate_point(string, along), decoded).max()
    along = np.linspace(0, decoded.length, 500)
    places = shapely.line_interpolate_point(decoded, along)
    slack = found.end_slack
    inside = (along > slack) & (along < decoded.length - slack)
    back = shapely.distance(places[inside], string).max(initial=0.0)
    return there, back


@pytest.mark.parametrize("rounds", [0, 1, 2])
@pytest.mark.parametrize("name", LINES)
def test_deviation_is_within_the_reported_tolerance(name, rounds):
    line = LINES[name]
    found = encode_fewest(line, GRID, SIZE, rounds=rounds)
    there, back = deviations(line, found)
    assert there <= found.tolerance + 1e-6
    assert back <= found.tolerance + 1e-6
    ends = np.hypot(*(found.points[[0, -1]] - line[[0, -1]]).T)
    assert (ends <= found.end_slack + found.tolerance * 0.05).all()


@pytest.mark.parametrize("rounds", [1, 2])
@pytest.mark.parametrize("name", LINES)
def test_default_tolerance_is_kept(name, rounds):
    """... or what no path can do without: a line half-way between two lattice lines needs more."""
    found = encode_fewest(LINES[name], GRID, SIZE, rounds=rounds)
    between = np.hypot(*SIZE) / (64 * 2**rounds)
    least = max(module.TOLERANCE * reachable_pitch(GRID, SIZE, rounds), between)
    assert found.tolerance <= module.WIDEN * least


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 1640), st.integers(0, 590)), min_size=1, max_size=7),
    st.integers(0, 2),
)
def test_any_line_gets_reachable_anchors(points, rounds):
    line = np.array(points, dtype=float)
    found = encode_fewest(line, GRID, SIZE, rounds=rounds)
    assert len(found.points) >= 1
    offsets = encode_offsets(found.points, found.cells, GRID, SIZE, rounds)
    decoded, _ = decode_points(found.cells, offsets, GRID, SIZE)
    assert decoded == pytest.approx(found.points, abs=1e-4)
    if np.isfinite(found.tolerance) and len(found.points) > 1:
        assert deviations(line, found)[1] <= found.tolerance + 1e-6


def test_cells_hold_the_line_where_they_can():
    line = LINES["gentle curve"]
    found = encode_fewest(line, GRID, SIZE, rounds=1)
    _, along = Curve(line).nearest(found.points)
    holding = GRID.cells_of(Curve(line).at(along), SIZE)
    assert (found.cells == holding).all()
    assert (holding != GRID.cells_of(found.points, SIZE)).any()


def test_anchors_follow_the_line():
    for line in LINES.values():
        points = encode_fewest(line, GRID, SIZE, rounds=2).points
        _, along = Curve(line).nearest(points)
        assert (np.diff(along) > 0).all()


def test_tolerance_widens_only_when_there_is_no_path():
    line = LINES["roundabout"]
    pitch = reachable_pitch(GRID, SIZE, 1)
    assert encode_fewest(line, GRID, SIZE, rounds=1, tolerance=0.001).tolerance > 0.01 * pitch
    assert encode_fewest(line, GRID, SIZE, rounds=1, tolerance=2.0).tolerance == 2.0 * pitch


def test_line_shorter_than_the_pitch_is_one_anchor():
    line = np.array([[100.0, 100.0], [101.0, 100.0]])
    assert len(encode_fewest(line, GRID, SIZE, rounds=0).points) == 1
    assert len(encode_fewest(line[:1], GRID, SIZE, rounds=2).points) == 1


def test_simplify_keeps_the_ends_and_the_distance():
    line = LINES["roundabout"]
    short = simplify(line, 2.0)
    assert short[[0, -1]] == pytest.approx(line[[0, -1]], abs=1e-3)
    assert len(short) < len(line)
    assert shapely.distance(shapely.points(line), shapely.LineString(short)).max() <= 2.0 + 1e-3


def small_line(seed):
    """A random curve on a 3 x 3 lattice of 240 pixels: 7 x 7 reachable points in one round."""
    rng = np.random.default_rng(seed)
    bend, lean = rng.uniform(-120, 120, 2)
    share = np.linspace(0, 1, 25)
    x = 120 + lean * (share - 0.5) + bend * np.sin(np.pi * share * rng.integers(1, 4))
    return np.stack([np.clip(x, 0, 240), 220 - 200 * share], axis=1)


def fits(line, points, tolerance, slack):
    found = module.FewestAnchors(np.array(points), np.zeros((0, 2), dtype=int), tolerance, slack)
    if (np.hypot(*(found.points[[0, -1]] - line[[0, -1]]).T) > slack).any():
        return False
    return max(deviations(line, found)) <= tolerance


@pytest.mark.parametrize("seed", range(12))
def test_no_shorter_path_exists(seed, monkeypatch):
    """Brute force over all ways along the reachable points near the line, tolerance alone."""
    monkeypatch.setattr(module, "RMS", 1e6)
    grid = GridSpec(cols=3, rows=3, offset_cols=6, offset_rows=6)
    line = small_line(seed)
    found = encode_fewest(line, grid, (240, 240), rounds=1)
    xs, ys = reachable_coordinates(grid, (240, 240), 1)
    points = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
    # The encoder spends a twentieth of the tolerance on leaving out vertices.
    tolerance = found.tolerance * (1 - module._SIMPLIFY)
    string = shapely.LineString(line)
    near = points[shapely.distance(shapely.points(points), string) <= tolerance]
    near = near[np.argsort(shapely.line_locate_point(string, shapely.points(near)))]
    fewest = next(
        count
        for count in range(2, len(found.points) + 1)
        if count == len(found.points)
        or any(fits(line, way, tolerance, found.end_slack) for way in combinations(near, count))
    )
    assert len(found.points) <= 1.2 * fewest


def test_more_anchors_are_set_until_the_mean_is_small():
    line = LINES["gentle curve"]
    counts = []
    for rms in (1e6, module.RMS):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "RMS", rms)
            counts.append(len(encode_fewest(line, GRID, SIZE, rounds=2).points))
    assert counts[0] < counts[1] <= 8
