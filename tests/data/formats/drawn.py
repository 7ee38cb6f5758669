"""What tests of annotation tools share: drawn scenes, broken bytes, comparison without extras."""

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.geometry import Anchors, Box, Point, Polygon, Polyline

_number = st.floats(-1e6, 1e6) | st.integers(-5, 2000).map(float)
_xy = st.tuples(_number, _number)


def _ring(least):
    return st.lists(_xy, min_size=least, max_size=5).map(lambda points: np.array(points, float))


_boxes = st.tuples(_number, _number, _number, _number).map(
    lambda v: Box(np.array([min(v[0], v[2]), min(v[1], v[3]), max(v[0], v[2]), max(v[1], v[3])]))
)
_labeled = st.one_of(
    st.tuples(
        st.sampled_from(["lane/crosswalk", "area/drivable"]), _ring(3).map(lambda r: Polygon((r,)))
    ),
    st.tuples(st.sampled_from(["lane/curb", "odd line"]), _ring(2).map(Polyline)),
    st.tuples(st.sampled_from(["obstacle/cone", "object/vehicle/car"]), _boxes),
    st.tuples(st.just("sign/regulatory/stop"), _xy.map(lambda xy: Point(np.array(xy)))),
    st.tuples(st.just("area/other"), _ring(2).map(Anchors)),
)
_attributes = {
    "obstacle/cone": {"color": ["orange", "red-white"], "visible_state": ["partly hidden"]},
    "lane/curb": {"style": ["solid", "unknown"], "color": ["yellow", "other"]},
    "sign/regulatory/stop": {"visible_state": ["clear", "partly hidden", "cut off"]},
}


@st.composite
def _instance(draw):
    label, geometry = draw(_labeled)
    allowed = _attributes.get(label, {})
    drawn = {name: draw(st.none() | st.sampled_from(values)) for name, values in allowed.items()}
    return Instance(label, geometry, {name: value for name, value in drawn.items() if value})


_frames = st.builds(
    Frame,
    st.just("clip/a.jpg"),
    st.tuples(st.integers(1, 4000), st.integers(1, 4000)),
    st.sampled_from([{}, {"weather": "rain"}, {"surface": "wet", "time": "night"}]),
)
drawn_scenes = st.builds(Scene, _frames, st.lists(_instance(), max_size=4).map(tuple))
"""Scenes that every drawing tool can hold."""


def bare(scene):
    """Return a scene without its extras."""
    instances = tuple(replace(instance, extra={}) for instance in scene.instances)
    return Scene(scene.frame, instances)


@st.composite
def broken(draw, content):
    """Return bytes with a few of them flipped, cut out or put in."""
    data = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(["flip", "cut", "insert", "repeat", "end"])):
            case "flip" if at < len(data):
                data[at] = draw(st.integers(0, 255))
            case "cut":
                del data[at : at + draw(st.integers(1, 20))]
            case "insert":
                data[at:at] = draw(st.sampled_from(_SPITEFUL) | st.binary(max_size=6))
            case "repeat":
                data[at:at] = data[max(0, at - 30) : at]
            case "end":
                del data[at:]
    return bytes(data)


_SPITEFUL = [b"null", b"-1", b"1e999", b"NaN", b'"', b"[", b"]", b"{}", b"<", b">", b"&x;", b"\xff"]
_SPITEFUL += [b"99999999999999999999", b"\\ud800", b"../", b"true", b";", b",", b"\x00"]
