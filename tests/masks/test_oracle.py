"""The oracle draws the true shapes that a prompt means."""

import numpy as np
import pytest

from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.errors import GeometryError
from drivegrid.geometry import Box, Point, Polygon, Polyline
from drivegrid.masks.drawing import draw_mask
from drivegrid.masks.oracle import OracleSegmenter, holds
from drivegrid.masks.segmenter import Prompt

SIZE_WH = (200, 100)
LEFT = Polygon((np.array([[0.0, 50], [100, 50], [100, 100], [0, 100]]),))
RIGHT = Polygon(
    (
        np.array([[100.0, 40], [200, 40], [200, 100], [100, 100]]),
        np.array([[140.0, 60], [160, 60], [160, 80], [140, 80]]),
    )
)
CAR = Box(np.array([20.0, 60, 60, 90]))
"""Stands on LEFT."""
SHAPES = {"left": LEFT, "right": RIGHT, "car": CAR}


def scene(*extra):
    shapes = (*SHAPES.values(), *extra)
    return Scene(Frame("a.jpg", SIZE_WH), tuple(Instance("thing", shape) for shape in shapes))


def prompt(*xy, negative=(), box=None):
    points = np.array([*xy, *negative], float).reshape(-1, 2)
    flags = np.arange(len(points)) < len(xy)
    return Prompt(points, flags, None if box is None else np.array(box, float))


def draw(*prompts, of=None):
    oracle = OracleSegmenter(of or scene())
    logits, scores = oracle.decode(oracle.encode(np.zeros((100, 200, 3), np.uint8)), prompts)
    return logits > oracle.threshold, scores


def test_no_prompts() -> None:
    masks, scores = draw()
    assert masks.shape == (0, 256, 256)
    assert scores.shape == (0,)


@pytest.mark.parametrize(
    ("asked", "meant", "score"),
    [
        (prompt((150, 10)), "", 0),
        (prompt((150, 70)), "", 0),  # in the hole
        (prompt((150, 50)), "right", 1),
        (prompt((5, 95)), "left", 1),
        (prompt((30, 70)), "left car", 1),
        (prompt((30, 70), negative=[(5, 95)]), "car", 1),
        (prompt((150, 50), (110, 50), (5, 95)), "right", 2 / 3),
        (prompt((150, 50), (5, 95)), "", 0),  # a half is no majority
        (prompt((30, 70), (5, 95), (6, 95)), "left", 1),
        (prompt(negative=[(150, 50)]), "", 0),
        (prompt(box=(20, 60, 60, 90)), "car", 1),
        (prompt(box=(20, 60, 60, 105)), "car", 2 / 3),
        (prompt(box=(0, 40, 110, 100)), "left", 5000 / 6600),
        (prompt(box=(0, 0, 200, 10)), "", 0),
        (prompt((150, 50), box=(20, 60, 60, 90)), "", 0),
        (prompt((5, 95), box=(20, 60, 60, 90)), "left", 1200 / 5000),
        (prompt((30, 70), box=(20, 60, 60, 90)), "car", 1),
        (prompt((30, 70), box=(0, 50, 100, 100)), "left", 1),
        (prompt(negative=[(5, 95)], box=(0, 50, 100, 100)), "car", 1200 / 5000),
    ],
)
def test_what_a_prompt_means(asked, meant, score) -> None:
    (mask,), (found,) = draw(asked)
    wanted = np.zeros((256, 256), bool)
    for name in meant.split():
        wanted |= draw_mask(SHAPES[name], SIZE_WH, (256, 256))
    np.testing.assert_array_equal(mask, wanted)
    assert found == pytest.approx(score)


def test_a_mask_depends_on_its_own_prompt_only() -> None:
    asked = [prompt((150, 50)), prompt((5, 95)), prompt(box=(20, 60, 60, 90)), prompt((150, 10))]
    together, _ = draw(*asked)
    np.testing.assert_array_equal(together, np.concatenate([draw(one)[0] for one in asked]))


def test_what_has_no_area_or_is_not_in_the_frame_is_no_mask() -> None:
    more = (
        Point(np.array([150.0, 10])),
        Polyline(np.array([[150.0, 0], [150, 20]])),
        Box(np.array([300.0, 0, 400, 50])),
        Polygon(()),
    )
    masks, _ = draw(prompt((150, 10)), prompt(box=(300, 0, 400, 50)), of=scene(*more))
    assert not masks.any()


def test_an_empty_scene() -> None:
    masks, scores = draw(prompt((1, 1), box=(0, 0, 9, 9)), of=Scene(Frame("a.jpg", SIZE_WH)))
    assert not masks.any()
    assert scores.tolist() == [0]


def test_an_image_of_another_size() -> None:
    with pytest.raises(GeometryError, match=r"\(200, 100\), got \(100, 200\)"):
        OracleSegmenter(scene()).encode(np.zeros((200, 100, 3), np.uint8))


def test_inside_agrees_with_drawing() -> None:
    """Pixel centres inside a polygon are the pixels that are filled."""
    rng = np.random.default_rng(3)
    for _ in range(20):
        polygon = Polygon(tuple(rng.uniform(-5, 25, (rng.integers(3, 9), 2)) for _ in range(2)))
        centers = np.stack(np.meshgrid(np.arange(20) + 0.5, np.arange(20) + 0.5), axis=-1)
        inside = holds(polygon, centers.reshape(-1, 2)).reshape(20, 20)
        np.testing.assert_array_equal(inside, draw_mask(polygon, (20, 20), (20, 20)))
