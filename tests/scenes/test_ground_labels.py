"""Lane lines, kerbs, marks and drivable areas on worlds made by hand."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from drivegrid.geometry import Polygon, Polyline
from drivegrid.scenes.ground_labels import Courses, geometric_steps, labelled_range, line_role
from drivegrid.scenes.render import render_world
from drivegrid.scenes.road import Band, Course, Junction, LaneLine, Mark, straight
from tests.scenes.worlds import CAMERA, Black, hand_made, hilly, lane_line, plain_road, put

SIZE = CAMERA.size_wh


def scene_of(road, things=(), **rest):
    return render_world(hand_made(road, list(things), **rest), SIZE, Black()).scene


def of(scene, label):
    return [i for i in scene.instances if i.label == label]


@pytest.mark.parametrize(
    ("index", "ego", "role"),
    [
        (0, 0, "ego-left"),
        (1, 0, "ego-right"),
        (2, 0, "right"),
        (3, 0, "far-right"),
        (4, 0, None),
        (0, 1, "left"),
        (0, 2, "far-left"),
        (0, 3, None),
        (5, 2, "far-right"),
        (6, 2, None),
    ],
)
def test_line_role(index, ego, role):
    assert line_role(index, ego) == role


def test_no_paint_no_lines():
    road = plain_road()
    bare = replace(road, lines=tuple(replace(line, style="missing") for line in road.lines))
    scene = scene_of(bare)
    assert of(scene, "lane/line") == []
    assert len(of(scene, "area/drivable")) == 1


def test_roles_order_and_attributes():
    lines = of(scene_of(plain_road()), "lane/line")
    assert [i.attributes["role"] for i in lines] == ["left", "ego-left", "ego-right", "right"]
    assert [i.extra["order"] for i in lines] == [1, 2, 3, 4]
    assert [i.extra["id"] for i in lines] == [1, 2, 3, 4]
    assert all(i.attributes["style"] == "solid" and i.attributes["color"] == "white" for i in lines)
    assert all(i.extra["painted"] and i.extra["hidden"] == [] for i in lines)
    assert all(i.visibility == 1.0 for i in lines)


def test_order_is_by_where_lines_meet_the_bottom():
    """A ramp's lines come last in the road but may lie between the others."""
    road = plain_road()
    extra = lane_line(-3.0)
    lines = of(scene_of(replace(road, lines=(*road.lines, extra))), "lane/line")
    assert [i.extra["id"] for i in lines] == [1, 5, 2, 3, 4]
    assert [i.extra["order"] for i in lines] == [1, 2, 3, 4, 5]
    assert "role" not in lines[1].attributes


@pytest.mark.parametrize(
    ("index", "style", "expected"),
    [(0, "missing", None), (3, "missing", None), (1, "missing", "unknown"), (1, "worn", "worn")],
)
def test_styles_nobody_painted(index, style, expected):
    road = plain_road()
    lines = list(road.lines)
    lines[index] = replace(lines[index], style=style)
    found = {i.extra["id"]: i for i in of(scene_of(replace(road, lines=tuple(lines))), "lane/line")}
    assert len(found) == (3 if expected is None else 4)
    if expected is not None:
        assert found[index + 1].attributes["style"] == expected
        assert found[index + 1].extra["painted"] == (style != "missing")


def test_lines_in_pieces_have_one_role():
    road = plain_road()
    spans = ((0.0, 14.0), (26.0, 320.0))
    broken = tuple(replace(line, spans_m=spans) for line in road.lines)
    lines = of(scene_of(replace(road, lines=broken)), "lane/line")
    ego_left = [i for i in lines if i.extra["id"] == 2]
    assert [
        i.attributes.get("role") for i in sorted(ego_left, key=lambda i: -i.geometry.xy[0, 1])
    ] == [
        "ego-left",
        None,
    ]
    near, far = sorted(ego_left, key=lambda i: -i.geometry.xy[0, 1])
    rows = CAMERA.project(np.array([[0, 0, 14.0], [0, 0, 26.0]]))[:, 1]
    assert near.geometry.xy[-1, 1] == pytest.approx(rows[0], abs=0.01)
    assert far.geometry.xy[0, 1] == pytest.approx(rows[1], abs=0.01)


def test_hidden_points_are_those_behind_things():
    road = plain_road()
    truck = put(road, "box truck", -1.75, 18.0)  # stands on the line left of us
    scene = scene_of(road, [truck])
    line = next(i for i in of(scene, "lane/line") if i.extra["id"] == 2)
    curve = line.geometry.xy
    foot = CAMERA.project(np.array([[0.0, 0.0, 13.0], [0.0, 0.0, 24.0]]))[:, 1]
    hidden = np.zeros(len(curve), dtype=bool)
    for first, last in line.extra["hidden"]:
        hidden[first : last + 1] = True
    assert not hidden[curve[:, 1] > foot[0] + 1].any()
    assert hidden[curve[:, 1] < foot[1] - 1].all()
    assert line.visibility == pytest.approx(1 - hidden.mean(), abs=1e-4)
    others = [i for i in of(scene, "lane/line") if i.extra["id"] in (3, 4)]
    assert all(i.extra["hidden"] == [] for i in others)


@pytest.mark.parametrize(
    ("crest_m", "focal", "expected"),
    [(320.0, 2000.0, 110.0), (320.0, 600.0, 60.0), (45.0, 2000.0, 45.0)],
)
def test_labelled_range(crest_m, focal, expected):
    camera = replace(CAMERA, focal_xy=(focal, focal))
    world = hand_made(plain_road(), [], camera=camera, crest_m=crest_m)
    assert labelled_range(world) == expected
    curve = Courses(world, camera).curve(straight(0.5), (0.0, 320.0))
    end = camera.project(np.array([[0.5, 0.0, expected]]))
    np.testing.assert_allclose(curve[-1], end[0], atol=1e-6)


@pytest.mark.parametrize("span", [(0.0, 0.5), (200.0, 320.0), (0.0, 0.0)])
def test_courses_out_of_range_leave_nothing(span):
    world = hand_made(plain_road(), [])
    assert Courses(world, CAMERA).curve(straight(0.0), span).shape == (0, 2)


def test_courses_off_the_picture_leave_nothing():
    world = hand_made(plain_road(), [])
    assert len(Courses(world, CAMERA).curve(straight(400.0), (0.0, 320.0))) == 0


@pytest.mark.parametrize("seed", range(4))
def test_courses_are_projected_between_points_as_well(seed):
    world = hand_made(plain_road(hilly(seed, 0.3)), [])
    course = Course((10.0, 60.0), (1.0, 6.0))
    curve = Courses(world, CAMERA).curve(course, (0.0, 320.0))
    depth = np.geomspace(1.2, labelled_range(world), 8000)
    exact = CAMERA.project(world.road.alignment.points(course.at(depth), depth))
    middles = np.concatenate([curve, (curve[1:] + curve[:-1]) / 2])
    away = np.hypot(*(middles[:, None] - exact).transpose(2, 0, 1)).min(axis=1)
    assert away.max() < 0.8


def test_kerbs_run_beside_the_junction_only():
    road = plain_road()
    left, right = road.edges
    walks = (
        Band(left.shifted(-3), left, (110.0,) * 3, "sidewalk", up_m=0.12),
        Band(right, right.shifted(3), (110.0,) * 3, "sidewalk", up_m=0.12),
    )
    kerbed = replace(road, bands=(road.bands[0], *walks, road.bands[1]))
    assert [i.attributes for i in of(scene_of(kerbed), "lane/curb")] == [{"style": "curb"}] * 2
    crossed = replace(kerbed, junction=Junction(16.0, 26.0))
    kerbs = of(scene_of(crossed), "lane/curb")
    assert len(kerbs) == 4
    rows = CAMERA.project(np.array([[0, 0, 16.0], [0, 0, 26.0]]))[:, 1]
    for kerb in kerbs:
        y = kerb.geometry.xy[:, 1]
        assert (y >= rows[0] - 0.01).all() or (y <= rows[1] + 0.01).all()


RING = np.array([[-1.0, 8.0], [1.0, 8.0], [1.0, 11.0], [-1.0, 11.0]])


def test_marks():
    marks = (
        Mark("lane/arrow", (RING,), (230.0,) * 3, {"points": "left"}),
        Mark("lane/stop_line", (RING * (1.5, 0.04) + (0, 14),), (230.0,) * 3),
        Mark("lane/arrow", (np.add(RING, (0, 200)),), (230.0,) * 3, {"points": "left"}),
        Mark("region/puddle", (np.add(RING, (2.5, 0)),), (70.0,) * 3, paint=False, wet=0.8),
    )
    scene = scene_of(replace(plain_road(), marks=marks))
    (arrow,) = of(scene, "lane/arrow")
    assert arrow.attributes == {"points": "left"}
    corners = CAMERA.project(np.column_stack([RING[:, 0], np.zeros(4), RING[:, 1]]))
    assert isinstance(arrow.geometry, Polygon)
    found = sorted(map(tuple, arrow.geometry.rings[0].round(2)))
    assert found == sorted(map(tuple, corners.astype(np.float32).round(2).astype(float)))
    (stop,) = of(scene, "lane/stop_line")
    assert isinstance(stop.geometry, Polyline)
    assert np.ptp(stop.geometry.xy[:, 1]) < 0.5
    assert scene.frame.attributes["surface"] == "wet"
    assert len(of(scene, "region/puddle")) == 1


def farthest(instance):
    """Depth of the farthest row of an area on the flat."""
    row = instance.geometry.rings[0][:, 1].min()
    return CAMERA.height_m * CAMERA.focal_xy[1] / (row - CAMERA.center_xy[1])


@pytest.mark.parametrize(
    ("things", "direct", "alternative", "blockage"),
    [
        ([], 55.0, [55.0], "open"),
        ([("sedan", 0.0, 22.0, "moving")], 20.0, [55.0], "open"),
        ([("sedan", 0.0, 22.0, "stopped")], 20.0, [55.0], "partial"),
        ([("sedan", 3.5, 22.0, "stopped")], 55.0, [20.0], "partial"),
        (
            [("sedan", 0.0, 22.0, "parked"), ("sedan", 3.5, 22.0, "stopped")],
            20.0,
            [20.0],
            "blocked",
        ),
        (
            [("sedan", 0.0, 22.0, "moving"), ("sedan", 3.5, 22.0, "stopped")],
            20.0,
            [20.0],
            "partial",
        ),
        ([("sedan", -3.5, 22.0, "stopped")], 55.0, [55.0], "open"),  # oncoming lane
        ([("cone", 0.0, 30.0, "")], 30.0, [55.0], "partial"),
        ([("pothole", 0.0, 30.0, "")], 55.0, [55.0], "open"),
        ([("cone", 1.7, 30.0, "")], 55.0, [55.0], "partial"),  # reaches in by less than 0.3 m
    ],
)
def test_drivable_areas(things, direct, alternative, blockage):
    road = plain_road()
    placed = [
        put(road, mesh, q, z, attributes={"activity": a} if a else {}) for mesh, q, z, a in things
    ]
    scene = scene_of(road, placed)
    (area,) = of(scene, "area/drivable")
    assert area.attributes["blockage"] == scene.frame.attributes["blockage"] == blockage
    assert farthest(area) == pytest.approx(55.0, rel=0.01)
    (own,) = of(scene, "area/drivable/direct")
    assert farthest(own) == pytest.approx(direct, rel=0.04)
    beside = of(scene, "area/drivable/alternative")
    assert [farthest(i) for i in beside] == pytest.approx(alternative, rel=0.04)
    assert set(area.attributes) == {"blockage", "surface", "density"}


def test_drivable_areas_are_the_lanes():
    scene = scene_of(plain_road())
    (own,) = of(scene, "area/drivable/direct")
    ring = own.geometry.rings[0]
    inner = CAMERA.project(np.array([[q, 0.0, z] for q in (-1.7, 1.7) for z in (8.0, 20.0, 50.0)]))
    outer = CAMERA.project(np.array([[q, 0.0, z] for q in (-1.8, 1.8) for z in (8.0, 20.0, 50.0)]))
    side = [cv2.pointPolygonTest(ring.astype(np.float32), tuple(p), False) for p in inner.tolist()]
    assert set(side) == {1.0}
    side = [cv2.pointPolygonTest(ring.astype(np.float32), tuple(p), False) for p in outer.tolist()]
    assert set(side) == {-1.0}


def test_far_lanes_have_no_lines():
    line: LaneLine = lane_line(60.0)
    road = plain_road()
    scene = scene_of(replace(road, lines=(*road.lines, line)))
    assert all(i.extra["id"] != 5 for i in of(scene, "lane/line"))


@pytest.mark.parametrize(("first", "last", "count"), [(1.2, 1.2, 2), (1.2, 87.3, 40), (9, 320, 80)])
def test_geometric_steps_are_numpy_s(first, last, count):
    steps = geometric_steps(first, last, count)
    np.testing.assert_allclose(steps, np.geomspace(first, last, count), rtol=1e-12)
