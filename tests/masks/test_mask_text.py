"""Masks in text: what is whole is read, what is broken is dropped and told."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivegrid.errors import GeometryError, TokenError
from drivegrid.masks.tokenizer import MaskTokenizer, checked_codes, checked_masks, needed_image


class Pairs(MaskTokenizer):
    """Two codes a mask, of two namespaces, as SAMTok has them."""

    name = "pairs"
    needs_image = False

    @property
    def tokens(self):
        return tuple(f"<sam_{level}_{code}>" for level in (1, 2) for code in range(4))

    def fault(self, codes):
        return "" if (codes // 4).tolist() == [0, 1] else "have two words"

    def encode_all(self, image, masks):
        return [np.array([0, 4]) for _ in masks]

    def decode_all(self, image, codes):
        return np.zeros((len(codes), 1, 1), np.float32)


PAIRS = Pairs()


def read(text):
    parsed = PAIRS.parse(text)
    return [codes.tolist() for codes in parsed.codes], [d.code for d in parsed.diagnostics]


@pytest.mark.parametrize(
    ("text", "codes", "diagnostics"),
    [
        ("", [], []),
        ("nothing to see", [], []),
        ("<seg></seg>", [], ["empty"]),
        ("<seg><sam_1_2><sam_2_3></seg>", [[2, 7]], []),
        ("puddle: <seg><sam_1_0><sam_2_0></seg>\nsnow: <seg><sam_1_1><sam_2_0></seg>",
         [[0, 4], [1, 4]], []),
        ("<seg> <sam_1_02>\n<sam_2_003> </seg>", [[2, 7]], []),
        ("<seg><sam_1_2></seg>", [], ["count_mismatch"]),
        ("<seg><sam_2_1><sam_1_2></seg>", [], ["count_mismatch"]),
        ("<seg><sam_1_2><sam_2_1><sam_2_1></seg>", [], ["count_mismatch"]),
        ("<seg><sam_1_2><sam_2_9999></seg>", [], ["unknown_tag"]),
        ("<seg><sam_1_2><him_4></seg>", [], ["unknown_tag"]),
        ("<seg><sam_1_2> and <sam_2_1></seg>", [], ["unknown_tag"]),
        ("<seg><sam_1_2><sam_2_1>", [], ["truncated"]),
        ("<seg><sam_1_2><seg><sam_1_1><sam_2_1></seg>", [[1, 5]], ["truncated"]),
        ("<sam_1_2><sam_2_1>", [], ["missing_tag"]),
        ("<seg><sam_1_2><sam_2_1></seg><sam_2_1>", [[2, 5]], ["missing_tag"]),
        ("<seg>< </seg>", [], ["unknown_tag"]),
    ],
)  # fmt: skip
def test_what_is_read_and_told(text, codes, diagnostics) -> None:
    assert read(text) == (codes, diagnostics)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<seg></seg>", "mask must hold tokens, got none."),
        ("<seg><sam_1_2></seg>", "mask must have two words, got <sam_1_2>."),
        ("<seg><sam_1_2><cat></seg>", "mask must hold its tokens alone, got <cat>."),
        ("<seg><sam_1_2>", "mask must end with </seg>, got <seg><sam_1_2>."),
        ("a <sam_1_2>", "mask must begin with <seg>, got <sam_1_2>."),
    ],
)
def test_what_is_told_in_words(text, message) -> None:
    [told] = PAIRS.parse(text).diagnostics
    assert told.message == message


@given(st.text(alphabet="<>seg/_sam12 0\n", max_size=60))
def test_no_text_is_an_error(text) -> None:
    codes, _ = read(text)
    assert all(len(code) == 2 for code in codes)


@given(st.integers(0, 3), st.integers(4, 7))
def test_text_goes_there_and_back(first, second) -> None:
    codes = np.array([first, second])
    text = PAIRS.text_of(codes)
    parsed = PAIRS.parse(f"a puddle: {text}")
    assert [found.tolist() for found in parsed.codes] == [[first, second]]
    assert not parsed.diagnostics


@pytest.mark.parametrize(
    "codes",
    [np.zeros(0, int), np.array([-1, 4]), np.array([0, 8]), np.array([0.0, 4.0]),
     np.array([[0, 4]]), np.array([4, 0])],
    ids=["none", "negative", "too high", "floats", "two-dimensional", "wrong order"],
)  # fmt: skip
def test_codes_that_are_no_mask(codes) -> None:
    with pytest.raises(TokenError, match=r"must .*, got "):
        PAIRS.text_of(codes)


def test_codes_are_never_the_callers_own() -> None:
    given_codes = np.array([0, 4])
    found = checked_codes(given_codes, 8)
    found[0] = 3
    assert given_codes.tolist() == [0, 4]


@pytest.mark.parametrize(
    ("masks", "image", "fault"),
    [
        (np.ones((4, 4)), None, "shape"),
        (np.ones((1, 0, 4)), None, "shape"),
        (np.zeros((1, 4, 4)), None, "a pixel inside"),
        (np.ones((1, 4, 4)), np.zeros((4, 5, 3), np.uint8), "size of their image"),
    ],
)
def test_masks_that_cannot_be_written(masks, image, fault) -> None:
    with pytest.raises(GeometryError, match=fault):
        checked_masks(masks, image)


def test_no_mask_and_any_pixel_will_do() -> None:
    assert checked_masks(np.zeros((0, 4, 4)), None).shape == (0, 4, 4)
    one = np.zeros((1, 4, 4))
    one[0, 1, 1] = 1
    assert checked_masks(one, None).sum() == 1


def test_an_image_that_is_needed() -> None:
    with pytest.raises(GeometryError, match="must be given to samtok"):
        needed_image(None, "samtok")


@pytest.mark.parametrize(
    "image",
    [np.zeros((0, 5, 3), np.uint8), np.zeros((4, 5), np.uint8), np.zeros((4, 5, 4), np.uint8),
     np.zeros((4, 5, 3), np.float32), "frame.jpg"],
)  # fmt: skip
def test_images_that_are_none(image) -> None:
    with pytest.raises(GeometryError, match="image must be"):
        needed_image(image, "samtok")
