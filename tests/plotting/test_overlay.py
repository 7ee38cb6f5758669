"""Pictures: arithmetic on single pixels first, one golden picture for the whole."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.errors import GeometryError
from drivegrid.geometry import Anchors, Box, Geometry, Point, Polygon, Polyline
from drivegrid.plotting.overlay import draw_scene, draw_trace, draw_traces, instance_text
from drivegrid.plotting.palette import GREEN, PROPOSED, RESULT, SKY, VERMILLION
from drivegrid.plotting.trace import AnchorTrace
from drivegrid.tokens.grid import GridSpec

GOLDEN = Path(__file__).parents[1] / "golden" / "overlay.png"
GRAY = 100


def gray(width: int = 160, height: int = 120) -> np.ndarray:
    return np.full((height, width, 3), GRAY, dtype=np.uint8)


def scene(*shapes: tuple[str, Geometry], size_wh: tuple[int, int] = (160, 120)) -> Scene:
    return Scene(Frame("", size_wh), tuple(Instance(label, shape) for label, shape in shapes))


RING = np.array([[20.0, 20.0], [100.0, 20.0], [100.0, 100.0], [20.0, 100.0]])
HOLE = np.array([[50.0, 50.0], [70.0, 50.0], [70.0, 70.0], [50.0, 70.0]])


def test_an_empty_scene_is_the_picture_itself_and_a_copy() -> None:
    image = gray()
    drawn = draw_scene(image, scene())
    assert np.array_equal(drawn, image)
    assert drawn is not image and not np.shares_memory(drawn, image)


def test_drawing_leaves_the_given_picture_alone() -> None:
    image = gray()
    draw_scene(image, scene(("area/drivable", Polygon((RING,)))))
    assert (image == GRAY).all()


def test_a_region_is_blended_and_its_hole_is_not() -> None:
    drawn = draw_scene(gray(), scene(("area/drivable", Polygon((RING, HOLE)))), texts=False)
    assert drawn[35, 35].tolist() == [round(0.65 * GRAY + 0.35 * c) for c in GREEN]
    assert drawn[60, 60].tolist() == [GRAY] * 3
    assert drawn[5, 5].tolist() == [GRAY] * 3


@pytest.mark.parametrize(
    ("label", "shape", "color", "on", "off"),
    [
        ("lane/line", Polyline([[80, 110], [80, 10]]), SKY, (80, 60), (90, 60)),
        ("obstacle/cone", Box([30, 30, 90, 90]), VERMILLION, (30, 60), (60, 60)),
        ("obstacle/cone", Box([30, 30, 90, 90]), VERMILLION, (60, 90), (60, 100)),
        ("obstacle/cone", Point([80, 60]), VERMILLION, (80, 60), (90, 60)),
        ("obstacle/cone", Anchors([[40, 40], [80, 60]]), VERMILLION, (40, 40), (60, 50)),
        ("obstacle/cone", Polyline([[80, 60]]), SKY, (80, 60), (90, 60)),
    ],
    ids=["line", "box left", "box bottom", "point", "anchors", "line of one vertex"],
)
def test_each_shape_inks_its_place_and_no_other(label, shape, color, on, off) -> None:
    drawn = draw_scene(gray(), scene((label, shape)), texts=False)
    assert drawn[on[1], on[0]].tolist() == list(color)
    assert drawn[off[1], off[0]].tolist() == [GRAY] * 3


def test_shapes_scale_with_a_thumbnail() -> None:
    large = scene(("lane/line", Polyline([[800, 1100], [800, 100]])), size_wh=(1600, 1200))
    small = scene(("lane/line", Polyline([[80, 110], [80, 10]])))
    assert np.array_equal(draw_scene(gray(), large), draw_scene(gray(), small))


@pytest.mark.parametrize(
    "shape",
    [
        Polyline([]),
        Anchors([]),
        Polygon(()),
        Box([400, 400, 500, 500]),
        Point([-1e12, 1e12]),
        Polyline([[-9000, 60], [-400, 60]]),
    ],
    ids=["no line", "no anchors", "no ring", "box outside", "point far away", "line outside"],
)
def test_nothing_to_see_leaves_no_trace(shape) -> None:
    assert np.array_equal(draw_scene(gray(), scene(("obstacle/cone", shape))), gray())


def test_lines_are_cut_at_the_border_not_bent() -> None:
    drawn = draw_scene(
        gray(), scene(("lane/line", Polyline([[-1000, 60], [2000, 60]]))), texts=False
    )
    assert (drawn[60] == SKY).all()


@pytest.mark.parametrize("shape", [(120, 160), (120, 160, 4), (0, 160, 3)])
def test_other_pictures_are_refused(shape) -> None:
    with pytest.raises(GeometryError, match=r"must be .* uint8 RGB"):
        draw_scene(np.zeros(shape, dtype=np.uint8), scene())
    with pytest.raises(GeometryError, match="float64"):
        draw_scene(np.zeros((4, 4, 3)), scene())


@pytest.mark.parametrize(
    ("instance", "text"),
    [
        (Instance("region/unheard_of", Point([0, 0])), "unheard_of"),
        (Instance("obstacle/cone", Point([0, 0]), confidence=0.917), "cone 0.92"),
        (Instance("lane/line", Point([0, 0]), {"role": "ego-left"}), "ego-left"),
        (Instance("light/vehicle", Point([0, 0]), {"state": "red"}), "vehicle traffic light red"),
        (Instance("obstacle/cone", Point([0, 0]), {"color": "red"}, confidence=0.0), "cone 0.00"),
    ],
)
def test_the_words_at_an_instance(instance, text) -> None:
    assert instance_text(instance) == text


@pytest.mark.parametrize("size", [(1280, 720), (480, 360), (40, 30)])
def test_texts_of_a_crowd_fit_the_picture(size) -> None:
    width, height = size
    corners = [(0, 0), (0, 1), (1, 0), (1, 1)] * 5
    points = [("sign/é<b>", Point([x * width, y * height])) for x, y in corners]
    drawn = draw_scene(gray(width, height), scene(*points, size_wh=size))
    assert drawn.shape == (height, width, 3)
    assert (drawn != GRAY).any(axis=2).mean() > 0.001


def test_two_texts_at_one_place_do_not_cover_each_other() -> None:
    one, two = Instance("obstacle/cone", Point([80, 60])), Instance("lane/curb", Point([80, 60]))
    both = draw_scene(gray(), Scene(Frame("", (160, 120)), (one, two)))
    alone = draw_scene(gray(), Scene(Frame("", (160, 120)), (one,)))

    def inked(picture: np.ndarray) -> int:
        return int((picture != GRAY).any(axis=2).sum())

    assert inked(both) > 1.6 * inked(alone)


EDGE = 5
"""Width of a fine line with its dark edges."""


def trace(covariance: np.ndarray | None = None) -> AnchorTrace:
    proposed = np.array([[40.0, 60.0], [120.0, 60.0]])
    return AnchorTrace(
        proposed, proposed + np.array([30.0, 0.0]), np.array([False, True]), covariance
    )


def test_a_trace_shows_proposal_offset_and_result() -> None:
    drawn = draw_trace(gray(), trace())
    assert drawn[61, 37].tolist() == list(PROPOSED)
    red, green, blue = drawn[60, 55].tolist()
    assert (red < green < blue) and blue > GRAY
    assert drawn[60, 70].tolist() == list(RESULT)


def test_a_deleted_anchor_is_crossed_out_and_goes_nowhere() -> None:
    drawn = draw_trace(gray(), trace())
    assert drawn[55, 115].tolist() == list(PROPOSED)
    assert drawn[60, 150].tolist() == [GRAY] * 3


def test_the_ellipse_is_two_sigmas_wide_along_each_axis() -> None:
    spread = np.tile(np.diag([16.0, 81.0]), (2, 1, 1))
    changed = (draw_trace(gray(), trace(spread)) != draw_trace(gray(), trace())).any(axis=2)
    rows, columns = np.nonzero(changed)
    assert np.ptp(columns) == pytest.approx(2 * 2 * 4.0 + EDGE, abs=2)
    assert np.ptp(rows) == pytest.approx(2 * 2 * 9.0 + EDGE, abs=2)
    assert (rows.mean(), columns.mean()) == pytest.approx((60, 70), abs=2)


def test_the_lattice_lies_on_the_cell_borders_once() -> None:
    nothing = AnchorTrace(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0, dtype=bool))
    drawn = draw_traces(gray(), [nothing, nothing], GridSpec(cols=4, rows=3))
    light = round(0.7 * GRAY + 0.3 * 255)
    assert np.flatnonzero(drawn[10, :, 0] == light).tolist() == [40, 80, 120]
    assert np.flatnonzero(drawn[:, 10, 0] == light).tolist() == [40, 80]
    assert set(np.unique(drawn)) == {GRAY, light}


def test_the_whole_looks_as_it_did_when_a_person_looked() -> None:
    drawn = golden_picture()
    golden = cv2.cvtColor(cv2.imread(str(GOLDEN)), cv2.COLOR_BGR2RGB)
    apart = np.abs(drawn.astype(int) - golden)
    assert apart.mean() < 1.5
    assert (apart.max(axis=2) > 48).mean() < 0.02


def golden_picture() -> np.ndarray:
    """Return the scene of tests/golden/overlay.png; no texts, since fonts differ by version."""
    shapes = scene(
        ("area/drivable", Polygon((np.array([[10.0, 119], [70, 50], [90, 50], [150, 119]]),))),
        ("lane/line", Polyline([[10, 119], [70, 50]])),
        ("lane/line", Polyline([[150, 119], [90, 50]])),
        ("object/vehicle/car", Box([100, 40, 140, 70])),
        ("sign/warning", Point([30, 30])),
        ("region/puddle", Anchors([[75, 100], [85, 104]])),
    )
    spread = np.tile([[30.0, 10.0], [10.0, 20.0]], (2, 1, 1))
    return draw_trace(draw_scene(gray(), shapes, texts=False), trace(spread), GridSpec(8, 6))
