"""Masks to polygons and run lengths, and back: every pixel, against slow oracles."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from drivegrid.data.rasters import (
    MAX_MASK_PIXELS,
    fill,
    outline,
    outline_classes,
    paint,
    rle_decode,
    rle_encode,
    rle_from_text,
    rle_to_text,
)
from drivegrid.errors import FormatError, GeometryError
from drivegrid.geometry import Polygon

_shapes = st.tuples(st.integers(1, 12), st.integers(1, 12))
masks = _shapes.flatmap(lambda shape: arrays(np.bool_, shape))
class_pictures = _shapes.flatmap(lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 3)))


def mask_of(rows):
    """Return a mask of words, ``#`` inside."""
    return np.array([[letter == "#" for letter in row] for row in rows.split()])


def rings_of(rows):
    return [[ring.tolist() for ring in part.rings] for part in outline(mask_of(rows))]


SQUARE = [[0, 0], [1, 0], [1, 1], [0, 1]]
OUTLINES = {
    "nothing": ("..", []),
    "one pixel": ("#", [[SQUARE]]),
    "straight points go": ("## ##", [[[[0, 0], [2, 0], [2, 2], [0, 2]]]]),
    "corners part": ("#. .#", [[SQUARE], [[[1, 1], [2, 1], [2, 2], [1, 2]]]]),
    "a hole follows": (
        "### #.# ###",
        [[[[0, 0], [3, 0], [3, 3], [0, 3]], [[1, 1], [2, 1], [2, 2], [1, 2]]]],
    ),
    "a hole that meets the outside at a corner": (
        "### #.# ##.",
        [[[[0, 0], [3, 0], [3, 2], [2, 2], [2, 3], [0, 3]], [[1, 1], [2, 1], [2, 2], [1, 2]]]],
    ),
    "the same, mirrored": (
        "### #.# .##",
        [[[[0, 0], [3, 0], [3, 3], [1, 3], [1, 2], [0, 2]], [[1, 1], [2, 1], [2, 2], [1, 2]]]],
    ),
}


@pytest.mark.parametrize(("rows", "rings"), OUTLINES.values(), ids=OUTLINES)
def test_outlines_by_hand(rows, rings):
    assert rings_of(rows) == rings


def test_a_mask_without_pixels_has_no_outline():
    assert outline(np.zeros((0, 5), bool)) == outline(np.zeros((5, 0), bool)) == ()


@settings(max_examples=300)
@given(masks)
def test_an_outline_gives_its_mask_back_in_valid_parts(mask):
    size, again = mask.shape[::-1], np.zeros_like(mask)
    for part in outline(mask):
        piece = fill(part, size)
        valid = shapely.Polygon(part.rings[0], part.rings[1:])
        assert valid.is_valid
        assert valid.area == piece.sum()
        assert not (again & piece).any()
        again |= piece
    assert (again == mask).all()
    whole = Polygon(tuple(ring for part in outline(mask) for ring in part.rings))
    assert (fill(whole, size) == mask).all()


@settings(max_examples=100)
@given(class_pictures)
def test_classes_come_back_and_parts_are_in_reading_order(classes):
    again, firsts = np.zeros_like(classes), []
    for number, part in outline_classes(classes):
        assert (classes[fill(part, classes.shape[::-1])] == number).all()
        paint(again, part, number)
        firsts.append(part.rings[0][0, ::-1].tolist())
    assert (again == classes).all()
    assert firsts == sorted(firsts)


_coordinate = st.one_of(st.integers(-3, 9), st.floats(-3, 9))
_ring = st.lists(st.tuples(_coordinate, _coordinate), max_size=6)


def slowly_filled(polygon, size_wh):
    """Count, for every centre, the edges that its way to the left crosses."""
    mask = np.zeros(size_wh[::-1], bool)
    for (row, column), _ in np.ndenumerate(mask):
        y = row + 0.5
        for ring in polygon.rings:
            for start, end in zip(ring, np.roll(ring, -1, axis=0), strict=True):
                (x0, y0), (x1, y1) = sorted([start, end], key=lambda point: point[1])
                if y0 <= y < y1 and x0 + (x1 - x0) * ((y - y0) / (y1 - y0)) <= column + 0.5:
                    mask[row, column] ^= True
    return mask


@settings(max_examples=200)
@given(st.lists(_ring, max_size=3), st.tuples(st.integers(0, 7), st.integers(0, 7)))
def test_any_polygon_is_filled_as_slowly(rings, size_wh):
    polygon = Polygon(tuple(np.array(ring, dtype=float).reshape(-1, 2) for ring in rings))
    assert (fill(polygon, size_wh) == slowly_filled(polygon, size_wh)).all()


def test_crossings_in_many_pieces_are_the_same(monkeypatch):
    rng = np.random.default_rng(3)
    polygon = Polygon((rng.uniform(-5, 45, (50, 2)),))
    whole = fill(polygon, (40, 40))
    monkeypatch.setattr("drivegrid.data.rasters.MAX_CROSSINGS", 7)
    assert (fill(polygon, (40, 40)) == whole).all()
    assert 0 < whole.sum() < whole.size


def test_far_corners_overflow_nothing():
    far = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]]) * 1e308
    assert fill(Polygon((far,)), (3, 2)).all()


@pytest.mark.parametrize("size_wh", [(2**40, 2**40), (MAX_MASK_PIXELS + 1, 1), (-1, -1), (-1, 5)])
def test_absurd_sizes_are_refused_before_memory_is_taken(size_wh):
    with pytest.raises(GeometryError, match=str(MAX_MASK_PIXELS)):
        fill(Polygon(()), size_wh)
    with pytest.raises(FormatError, match=str(MAX_MASK_PIXELS)):
        rle_decode([1], size_wh)


def test_noise_is_refused(monkeypatch):
    monkeypatch.setattr("drivegrid.data.rasters.MAX_CORNERS", 24)
    assert len(outline(np.eye(5, dtype=bool))) == 5
    with pytest.raises(GeometryError, match="at most 24 corners"):
        outline(np.eye(9, dtype=bool))


# Run lengths --------------------------------------------------------------------------------------


@given(masks)
def test_run_lengths_are_those_of_pycocotools(mask):
    coco = pytest.importorskip("pycocotools.mask", reason="needs pycocotools")
    theirs = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    text = rle_to_text(rle_encode(mask))
    assert theirs == {"size": list(mask.shape), "counts": text.encode()}


@given(masks)
def test_run_lengths_give_the_mask_back(mask):
    counts, size = rle_encode(mask), mask.shape[::-1]
    assert (rle_decode(counts, size) == mask).all()
    assert (rle_decode(rle_to_text(counts), size) == mask).all()


@given(st.lists(st.integers(0, MAX_MASK_PIXELS)))
def test_any_run_lengths_come_back_from_text(counts):
    assert rle_from_text(rle_to_text(counts)) == counts


def test_large_steps_have_several_letters():
    counts, text = [0, 15, 16, 1000, 0, 5], "0?`0in0@mPO"
    assert (rle_to_text(counts), rle_from_text(text)) == (text, counts)


RUNS = {
    "none": ([], (0, 0), None),
    "zeros are taken": ([0, 0, 0, 1], (1, 1), None),
    "too few": ([1], (2, 2), "fill 2x2"),
    "too many": ([1, 4], (2, 2), "fill 2x2"),
    "below zero": ([5, -1], (2, 2), "from 0"),
    "below zero in text": (rle_to_text([5, -1]), (2, 2), "from 0"),
    "a flag": ([3, True], (2, 2), "from 0"),
    "a fraction": ([3, 1.0], (2, 2), "from 0"),
    "huge": ([2**70], (2, 2), "from 0"),
    "other letters": ("0 2", (2, 2), "COCO's text"),
    "letters beyond ASCII": ("0é", (2, 2), "COCO's text"),
    "endless": ("o" * 99, (2, 2), "COCO's text"),
    "cut off": ("0o", (2, 2), "whole number"),
}


@pytest.mark.parametrize(("counts", "size_wh", "message"), RUNS.values(), ids=RUNS)
def test_runs_must_fill_the_mask(counts, size_wh, message):
    if message is None:
        assert rle_decode(counts, size_wh).shape == size_wh[::-1]
        return
    with pytest.raises(FormatError, match=message):
        rle_decode(counts, size_wh)


@given(st.text(st.characters(min_codepoint=40, max_codepoint=120)))
def test_any_text_is_read_or_refused(text):
    try:
        counts = rle_from_text(text)
    except FormatError:
        return
    assert all(type(count) is int for count in counts)
