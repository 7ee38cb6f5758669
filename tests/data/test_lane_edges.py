"""Markings with two edges: found by their width on the ground, joined along the middle."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivegrid.data.formats import FORMATS
from drivegrid.data.lane_edges import find_edge_pairs, join_edges
from drivegrid.data.scene import Instance
from drivegrid.geometry import Polyline
from tests.data.builders import SHAPES, make_lane, make_scene

HORIZON, CAMERA_M, FOCAL = 300.0, 1.5, 900.0


def on_road(x_m, near_m=4.0, far_m=60.0, bend=0.0, count=12):
    """A line of the road, x_m to the right of a level camera, bottom to top."""
    depth = np.geomspace(near_m, far_m, count)
    x = 640 + FOCAL * (x_m + bend * depth**2) / depth
    return np.stack([x, HORIZON + FOCAL * CAMERA_M / depth], axis=1)


def scene_of(*lines, **changes):
    return make_scene(*[make_lane(line, **changes) for line in lines])


A, B, C = on_road(-1.8), on_road(-1.65), on_road(1.8)
CASES = {
    "nothing": ((), []),
    "one line": ((A,), []),
    "two edges": ((A, B), [(0, 1)]),
    "two lanes": ((A, C), []),
    "a narrow lane": ((A, on_road(0.4)), []),
    "two markings": ((A, C, on_road(1.95), B), [(0, 3), (1, 2)]),
    "three lines take the closest": ((A, on_road(-1.5), on_road(-1.45)), [(1, 2)]),
    "in a bend": ((on_road(-1.8, bend=0.01), on_road(-1.65, bend=0.01)), [(0, 1)]),
    "far to the side": ((on_road(-9, 12), on_road(-8.8, 12)), [(0, 1)]),
    "other points": ((A, on_road(-1.65, count=5)), [(0, 1)]),
    "top to bottom": ((A, B[::-1]), [(0, 1)]),
    "one behind the other": ((on_road(-1.8, 4, 10), on_road(-1.7, 11, 60)), []),
    "a short one beside": ((A, on_road(-1.65, 4, 5)), []),
    "crossing": ((A, np.stack([A[:, 0] + np.linspace(9, -99, 12), A[:, 1]], axis=1)), []),
    "lanes that meet far away": ((A, on_road(1.8, 30, 60)), []),
    "across the road": (([[0, 600], [900, 601]], [[0, 610], [900, 611]]), []),
    "one point": (([[5, 6]], [[5, 6]]), []),
    "no points": ((A, np.zeros((0, 2))), []),
}


@pytest.mark.parametrize(("lines", "pairs"), CASES.values(), ids=CASES)
def test_pairs(lines, pairs):
    assert find_edge_pairs(scene_of(*lines)) == pairs


OTHERS = {
    "same": ({"style": "solid", "color": "white"}, True),
    "role": ({"style": "solid", "color": "white", "role": "left"}, True),
    "color": ({"style": "solid", "color": "yellow"}, False),
    "no style": ({"color": "white"}, False),
    "across": ({"style": "solid", "color": "white", "direction": "across"}, False),
}


@pytest.mark.parametrize(("attributes", "paired"), OTHERS.values(), ids=OTHERS)
def test_edges_are_of_one_class(attributes, paired):
    first = make_lane(A, attributes={"style": "solid", "color": "white"})
    scene = make_scene(first, make_lane(B, attributes=attributes))
    assert bool(find_edge_pairs(scene)) == paired
    other = replace(scene.instances[1], label="lane/curb")
    assert find_edge_pairs(make_scene(first, other)) == []


def test_other_shapes_and_labels_are_left_alone():
    boxes = [Instance("lane/line", SHAPES["box"])] * 2
    stops = [Instance("lane/stop_line", Polyline(line)) for line in (A, B)]
    scene = make_scene(*boxes, *stops)
    assert find_edge_pairs(scene) == []
    assert join_edges(scene) is scene


@given(st.floats(-8, 8), st.floats(0.05, 0.3), st.floats(-0.005, 0.005))
def test_any_marking_is_found_and_its_middle_is_the_true_one(x_m, width_m, bend):
    edges = [on_road(x_m + side * width_m / 2, bend=bend) for side in (-1, 1)]
    [joined] = join_edges(scene_of(*edges)).instances
    middle = on_road(x_m, bend=bend)
    assert np.allclose(joined.geometry.vertices(), middle, rtol=0, atol=1e-6)


def test_joining_keeps_the_place_the_rest_and_the_expressions():
    lanes = [make_lane(line, extra={"x": 1}) for line in (C, A, B)]
    cone = Instance("obstacle/cone", SHAPES["box"])
    said = [{"text": "a", "targets": [1, 2]}, {"text": "b", "targets": [3, 0]}]
    scene = make_scene(*lanes, cone, extra={"expressions": said, "other": 1})
    joined = join_edges(scene)
    assert [found.label for found in joined.instances] == [
        "lane/line",
        "lane/line",
        "obstacle/cone",
    ]
    assert joined.instances[0] is lanes[0]
    assert joined.instances[1].extra == {"flags": ["joined-edges"]}
    assert [entry["targets"] for entry in joined.extra["expressions"]] == [[1], [0, 2]]
    assert joined.extra["other"] == 1
    assert find_edge_pairs(joined) == []


def test_uneven_ends_are_joined_half_way():
    lines = [[[100, 700], [300, 400]], [[124, 690], [303, 410]]]
    [joined] = join_edges(scene_of(*lines, [[900, 700], [340, 400]])).instances[:1]
    points = joined.geometry.vertices()
    assert points[[0, -1]].tolist() == [[112, 695], [301.5, 405]]
    assert (np.diff(points[:, 1]) < 0).all()


def test_real_lanes_are_no_edges(realdata):
    source = FORMATS["tusimple"].open(realdata / "tusimple" / "label_data.json")
    assert [find_edge_pairs(scene) for scene in source] == [[]] * 132


def test_real_predictions_of_one_line_twice_are_found(realdata):
    source = FORMATS["openlane"].open(realdata / "openlane_sample" / "lane2d" / "results")
    assert [find_edge_pairs(scene) for scene in source] == [[(1, 3)], [(1, 4)]]
