"""Prints of pictures against a slow oracle, and on pictures whose likeness is known."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivegrid.data.leaks import MOST_BITS, find_twins, picture_print
from drivegrid.scenes.render import render_scene
from drivegrid.scenes.seeds import TEST_SEEDS

SIZE = (320, 180)


def bits_of(picture) -> list[bool]:
    """Return the print by its definition, place by place."""
    small = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (17, 16), interpolation=3)
    return [bool(small[y, x + 1] > small[y, x]) for y in range(16) for x in range(16)]


@pytest.fixture(scope="module")
def pictures():
    return [render_scene(seed, SIZE).image for seed in TEST_SEEDS[:6]]


def test_a_print_is_what_its_definition_says(pictures) -> None:
    for picture in pictures:
        assert picture_print(picture).tolist() == bits_of(picture)


def altered(picture):
    """Yield a picture as other files would hold it."""
    yield picture
    yield np.clip(picture.astype(int) + 12, 0, 255).astype(np.uint8)
    _, code = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 40])
    yield cv2.imdecode(code, cv2.IMREAD_COLOR)
    yield cv2.resize(picture, (200, 113), interpolation=cv2.INTER_AREA)
    yield np.ascontiguousarray(np.roll(picture, 2, axis=1))


def test_copies_are_twins_and_other_scenes_are_not(pictures) -> None:
    prints = [picture_print(picture) for picture in pictures]
    for number, picture in enumerate(pictures):
        for copy in altered(picture):
            [twin] = find_twins([picture_print(copy)], prints)
            assert twin.other == number and twin.bits <= MOST_BITS
        others = prints[:number] + prints[number + 1 :]
        assert list(find_twins([prints[number]], others)) == []


PRINTS = st.lists(
    st.lists(st.booleans(), min_size=256, max_size=256).map(np.array), max_size=5
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(PRINTS, PRINTS, st.sampled_from([0, 40, 110, 128, 256]))
def test_twins_are_those_of_a_slow_search(prints, others, most) -> None:
    expected = []
    for index, one in enumerate(prints):
        bits = [int((one != other).sum()) for other in others]
        if bits and min(bits) <= most:
            expected.append((index, bits.index(min(bits)), min(bits)))
    found = [(twin.index, twin.other, twin.bits) for twin in find_twins(prints, others, most)]
    assert found == expected


def test_more_pictures_than_are_compared_at_once() -> None:
    rng = np.random.default_rng(0)
    prints = [rng.random(256) < 0.5 for _ in range(700)]
    found = [(twin.index, twin.other) for twin in find_twins(prints, prints[::-1])]
    assert found == [(index, 699 - index) for index in range(700)]
