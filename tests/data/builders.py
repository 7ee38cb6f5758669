"""Scenes and strategies for the tests of data."""

import resource
from contextlib import contextmanager

import numpy as np
from hypothesis import strategies as st

from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.geometry import Anchors, Box, Point, Polygon, Polyline

SHAPES = {
    "point": Point(np.array([1.5, 2.25])),
    "box": Box(np.array([0.1, 0.2, 30.3, 40.4])),
    "line": Polyline(np.array([[0.0, 700.0], [1 / 3, 160.0]])),
    "line of one point": Polyline(np.array([[5.0, 6.0]])),
    "line of no point": Polyline(np.zeros((0, 2))),
    "poly with a hole": Polygon((np.eye(3, 2) * 9.0, np.eye(3, 2))),
    "poly of no ring": Polygon(()),
    "seg": Anchors(np.array([[-3.0, 1e-12], [1e6, -0.0]])),
}


@contextmanager
def full_disk():
    """Let no file grow beyond 1000 bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def make_lane(points, **changes):
    return Instance("lane/line", Polyline(np.asarray(points, dtype=float)), **changes)


def make_scene(*instances, image="clips/a/20.jpg", size_wh=(1280, 720), **changes):
    return Scene(Frame(image, size_wh), instances, **changes)


_numbers = st.floats(-1e7, 1e7)
_points = st.lists(st.tuples(_numbers, _numbers), max_size=5).map(
    lambda points: np.array(points, dtype=float).reshape(-1, 2)
)
_shapes = st.one_of(
    st.tuples(_numbers, _numbers).map(lambda xy: Point(np.array(xy))),
    st.tuples(_numbers, _numbers, _numbers, _numbers).map(
        lambda v: Box(np.array([min(v[:2]), min(v[2:]), max(v[:2]), max(v[2:])]))
    ),
    _points.map(Polyline),
    _points.map(Anchors),
    st.lists(_points, max_size=3).map(lambda rings: Polygon(tuple(rings))),
)
_texts = st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2)
_shares = st.none() | st.floats(0, 1)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
_extras = st.dictionaries(st.text(max_size=4), _json, max_size=2)
_instances = st.builds(
    Instance, st.text(max_size=9), _shapes, _texts, _shares, _shares, st.text(max_size=4), _extras
)
_frames = st.builds(
    Frame,
    st.text(max_size=9),
    st.tuples(st.integers(1, 9999), st.integers(1, 9999)),
    _texts,
    st.none() | st.text(max_size=4),
)
scenes = st.builds(Scene, _frames, st.lists(_instances, max_size=3).map(tuple), _extras)
