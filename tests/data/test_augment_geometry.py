import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivegrid.data.augment_geometry import Window, clip_shape, view_scene
from drivegrid.data.rasters import fill
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.errors import GeometryError
from drivegrid.geometry import Anchors, Box, Point, Polygon, Polyline

from . import toy_world
from .builders import SHAPES, make_lane, make_scene

SIZE = (80, 60)
REGION = (10.0, 10.0, 50.0, 40.0)
RED = (255, 0, 0)


def box(*xyxy):
    return Box(np.array(xyxy, dtype=float))


def frame_of(*instances, **attributes):
    return Scene(Frame("a.png", SIZE, attributes), instances)


@st.composite
def windows(draw):
    span = draw(st.tuples(st.integers(10, 110), st.integers(10, 90)))
    left = draw(st.integers(-span[0] + 1, SIZE[0] - 1))
    top = draw(st.integers(-span[1] + 1, SIZE[1] - 1))
    return Window(left, top, span, draw(st.tuples(st.integers(20, 150), st.integers(20, 150))))


@st.composite
def boxes(draw):
    x0, y0 = draw(st.integers(0, SIZE[0] - 2)), draw(st.integers(0, SIZE[1] - 2))
    return x0, y0, draw(st.integers(x0 + 1, SIZE[0])), draw(st.integers(y0 + 1, SIZE[1]))


@pytest.mark.parametrize("sides", [((0, 1), (1, 1)), ((1, 1), (1, 0))])
def test_a_window_has_sides(sides) -> None:
    with pytest.raises(GeometryError, match="at least 1 pixel"):
        Window(0, 0, *sides)


def test_a_window_beside_the_picture_is_refused() -> None:
    window = Window(80, 0, (10, 10), (10, 10))
    with pytest.raises(GeometryError, match="must meet the picture"):
        view_scene(frame_of(), window)
    with pytest.raises(GeometryError, match="must meet the picture"):
        window.plane(np.zeros((60, 80)))


def test_the_whole_picture_is_the_same_picture() -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8)
    window = Window(0, 0, SIZE, SIZE)
    assert np.array_equal(window.picture(image), image)
    assert np.array_equal(window.plane(image[..., 0]), image[..., 0])


@given(windows(), boxes())
def test_a_box_lies_on_its_colour(window, xyxy) -> None:
    """Resampling blurs a border by a pixel of the coarser picture, no label is further off."""
    image = np.zeros((60, 80, 3), np.uint8)
    image[xyxy[1] : xyxy[3], xyxy[0] : xyxy[2]] = RED
    grey = window.plane(np.ones((60, 80), np.uint8)) == 0
    is_sure = cv2.dilate(grey.astype(np.uint8), np.ones((9, 9), np.uint8)) == 0
    shown = window.picture(image)[..., 0]
    scene = frame_of(Instance("area", Box(np.array(xyxy))))
    found = view_scene(scene, window).scene.instances
    left, top, right, bottom = found[0].geometry.xyxy if found else np.zeros(4)
    wide, tall = window.scale + 1.0
    deep = _cells(window, (left + wide, top + tall, right - wide, bottom - tall))
    near = _cells(window, (left - wide, top - tall, right + wide, bottom + tall))
    assert (shown[deep & is_sure] == 255).all()
    assert not found or (shown[~near & is_sure] == 0).all()


def _cells(window, xyxy):
    """Return (H, W) the pixels whose centres lie in a box."""
    x, y = np.arange(window.size_wh[0]) + 0.5, np.arange(window.size_wh[1]) + 0.5
    return ((xyxy[0] < x) & (x < xyxy[2]))[None] & ((xyxy[1] < y) & (y < xyxy[3]))[:, None]


@given(windows(), st.tuples(st.integers(0, 79), st.integers(0, 59)))
def test_a_point_lies_on_its_colour(window, pixel) -> None:
    plane = np.zeros((60, 80), np.uint16)
    plane[pixel[1], pixel[0]] = 7
    place = Point(np.array(pixel) + 0.5)
    found = view_scene(frame_of(Instance("sign", place)), window).scene.instances
    shown = window.plane(plane)
    assert found or not shown.any()
    if found and min(window.scale) >= 1:
        x, y = found[0].geometry.xy
        assert shown[min(int(y), shown.shape[0] - 1), min(int(x), shown.shape[1] - 1)] == 7


@given(
    windows(), st.lists(st.tuples(st.integers(0, 80), st.integers(0, 60)), min_size=3, max_size=6)
)
def test_a_polygon_fills_what_its_mask_shows(window, ring) -> None:
    """Filled and then seen is seen and then filled, but for pixels that the border crosses."""
    hole = np.array([[30.0, 20.0], [50.0, 20.0], [50.0, 40.0], [30.0, 40.0]])
    shape = Polygon((np.array(ring, dtype=float), hole))
    found = view_scene(frame_of(Instance("region/water", shape)), window)
    seen = window.plane(fill(shape, SIZE))
    if not found.scene.instances:  # nothing there, or too small in one way to be noticed
        sides = [np.ptp(places) + 1 if len(places) else 0 for places in np.nonzero(seen)]
        assert min(sides) <= np.ceil(2 * window.scale.max() + max(window.size_wh) / 64)
        return
    wrong = (fill(found.scene.instances[0].geometry, window.size_wh) != seen).astype(np.uint8)
    tall, wide = (np.ceil(window.scale).astype(int) * 2 + 1)[::-1].tolist()
    assert not cv2.erode(wrong, np.ones((tall, wide), np.uint8), borderValue=0).any()


@given(
    windows(), st.lists(st.tuples(st.integers(0, 80), st.integers(0, 60)), min_size=2, max_size=5)
)
def test_a_line_stays_on_its_line_and_in_the_picture(window, points) -> None:
    line = np.array(points, dtype=float)
    for one in view_scene(frame_of(make_lane(line)), window).scene.instances:
        xy = one.geometry.xy
        assert (xy >= -1e-9).all() and (xy <= np.array(window.size_wh) + 1e-9).all()
        back = xy / window.scale + (window.left, window.top)
        assert max(_distance(point, line) for point in back) < 1e-6


def _distance(point, line):
    start, move = line[:-1], np.diff(line, axis=0)
    length = np.maximum((move**2).sum(axis=1), 1e-12)
    share = np.clip(((point - start) * move).sum(axis=1) / length, 0, 1)
    return np.hypot(*(start + share[:, None] * move - point).T).min()


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (SHAPES["line of no point"], None),
        (SHAPES["poly of no ring"], None),
        (SHAPES["line of one point"], None),
        (Polyline(np.array([[20.0, 20.0]])), Polyline(np.array([[20.0, 20.0]]))),
        (Anchors(np.zeros((0, 2))), None),
        (Point(np.array([9.0, 20.0])), None),
        (Point(np.array([10.0, 20.0])), Point(np.array([10.0, 20.0]))),
        (box(0, 0, 20, 20), box(10, 10, 20, 20)),
        (box(0, 0, 10, 20), None),
        (box(60, 0, 70, 20), None),
        (Anchors(np.array([[0.0, 0], [20, 20]])), Anchors(np.array([[20.0, 20]]))),
        (Polyline(np.array([[0.0, 20], [30, 20]])), Polyline(np.array([[10.0, 20], [30, 20]]))),
        (Polyline(np.array([[0.0, 0], [0, 30]])), None),
        (
            Polyline(np.array([[20.0, 20], [20, 60], [40, 60], [40, 30]])),
            Polyline(np.array([[20.0, 20], [20, 40]])),
        ),
        (Polygon((np.array([[0.0, 0], [5, 0], [5, 5]]),)), None),
    ],
)
def test_clip_shape(shape, expected) -> None:
    found = clip_shape(shape, REGION)
    assert found == expected


def test_a_hole_stays_a_hole() -> None:
    shell = np.array([[0.0, 0], [80, 0], [80, 60], [0, 60]])
    found = clip_shape(Polygon((shell, shell[::-1] * 0.25 + 20)), REGION)
    assert len(found.rings) == 2
    assert fill(found, SIZE).sum() == 40 * 30 - 20 * 15


@pytest.mark.parametrize(
    ("xyxy", "state", "kept"),
    [
        ((40, 20, 48, 30), "fully visible", True),
        ((46, 20, 54, 30), "cut off", True),
        ((48, 20, 56, 30), "cut off", True),
        ((49, 20, 57, 30), None, False),
        ((60, 20, 70, 30), None, False),
    ],
    ids=["inside", "half", "a quarter", "an eighth", "beside"],
)
def test_cut_boxes(xyxy, state, kept) -> None:
    cone = Instance("obstacle/cone", box(*xyxy), {"visible_state": "fully visible"})
    found = view_scene(frame_of(cone, make_lane([[0, 0], [0, 9]])), Window(10, 10, (40, 30), SIZE))
    assert found.kept == ((0,) if kept else ())
    assert [one.attributes.get("visible_state") for one in found.scene.instances] == [state] * kept
    assert found.cut == ((0,) if state == "cut off" else ())


def test_what_is_hidden_does_not_count_as_left() -> None:
    car = Instance(
        "object/vehicle/car", box(30, 20, 70, 40), extra={"visible_box": [60, 20, 70, 40]}
    )
    assert view_scene(frame_of(car), Window(0, 0, (60, 60), SIZE)).kept == ()


def test_a_sign_follows_its_box() -> None:
    sign = Instance(
        "sign/regulatory/stop",
        Point(np.array([48.0, 20.0])),
        {"visible_state": "clear"},
        extra={"box_xyxy": [44, 16, 52, 24], "tusimple": {}, "id": 3},
    )
    [found] = view_scene(frame_of(sign), Window(10, 10, (40, 30), (80, 60))).scene.instances
    assert found.geometry.xy.tolist() == [76, 20]
    assert found.extra == {"box_xyxy": [68, 12, 80, 28], "id": 3}
    assert found.attributes == {"visible_state": "cut off"}


@pytest.mark.parametrize(("span", "state"), [((80, 60), "clear"), ((160, 120), None)])
def test_a_sign_that_shrinks_may_be_unreadable(span, state) -> None:
    extra = {"box_xyxy": [20, 20, 36, 36]}
    sign = Instance("sign", Point(np.array([28.0, 28.0])), {"visible_state": "clear"}, extra=extra)
    [found] = view_scene(frame_of(sign), Window(0, 0, span, SIZE)).scene.instances
    assert found.attributes.get("visible_state") == state


@pytest.mark.parametrize(
    ("label", "gone"),
    [
        ("object/vehicle/car", {"density", "blockage"}),
        ("object/person/child", {"blockage"}),
        ("obstacle/cone", {"blockage"}),
        ("obstacle/pothole", {"blockage", "surface"}),
        ("sign/regulatory/stop", set()),
    ],
)
def test_facts_go_with_what_they_rest_on(label, gone) -> None:
    facts = {"density": "medium", "blockage": "partial", "surface": "damaged", "weather": "rain"}
    road = Instance("area/drivable", box(0, 30, 80, 60), dict(facts))
    scene = frame_of(Instance(label, box(70, 20, 78, 30)), road, **facts)
    found = view_scene(scene, Window(0, 0, (60, 60), SIZE)).scene
    assert set(facts) - set(found.frame.attributes) == gone
    assert set(facts) - set(found.instances[0].attributes) == gone
    whole = view_scene(scene, Window(0, 0, SIZE, SIZE)).scene
    assert whole.frame.attributes == facts


def test_facts_of_an_empty_road_stay() -> None:
    facts = {"density": "free", "blockage": "open", "surface": "dry"}
    scene = frame_of(Instance("object/vehicle/car", box(70, 20, 78, 30)), **facts)
    assert view_scene(scene, Window(0, 0, (60, 60), SIZE)).scene.frame.attributes == facts


def test_lines_are_numbered_anew_and_hidden_points_forgotten_where_cut() -> None:
    lines = [toy_world.line(x, order) for x, order in ((20.0, 1), (110.0, 2), (200.0, 3))]
    lines = [
        Instance(one.label, one.geometry, extra={**one.extra, "hidden": [[0, 1]]}) for one in lines
    ]
    found = view_scene(toy_world.scene(*lines), Window(100, 0, (220, 180), (320, 180))).scene
    assert [one.extra["order"] for one in found.instances] == [1, 2, 3]
    assert ["hidden" in one.extra for one in found.instances] == [False, True, True]


def test_what_formats_keep_is_left_out() -> None:
    scene = make_scene(
        make_lane([[0, 700], [600, 300]], extra={"culane": {}}),
        extra={"tusimple": {}, "seed": 3, "template": "curve"},
    )
    found = view_scene(scene, Window(0, 0, (1280, 720), (640, 360))).scene
    assert found.extra == {"template": "curve"}
    assert found.instances[0].extra == {}
    assert found.frame.size_wh == (640, 360)
