"""Each image is looked at once, as long as it is remembered."""

import numpy as np
import pytest

from drivegrid.errors import ConfigError, GeometryError
from drivegrid.masks.cache import CachedSegmenter
from drivegrid.masks.segmenter import Prompt


class Mean:
    """Its handle is the mean of the image; its masks are one pixel of it."""

    threshold = 7.0

    def __init__(self):
        self.seen = []

    def encode(self, image):
        self.seen.append(int(image.flat[0]))
        return float(image.mean())

    def decode(self, handle, prompts):
        return np.full((len(prompts), 1, 1), handle, np.float32), np.ones(len(prompts))


def image(value, shape=(2, 3, 3)):
    return np.full(shape, value, np.uint8)


@pytest.mark.parametrize(
    ("images", "asked", "encoded"),
    [
        (1, "", ""),
        (1, "1111", "1"),
        (1, "121", "121"),
        (2, "1212", "12"),
        (2, "12132", "1232"),
        (3, "123123", "123"),
    ],
)
def test_the_one_not_asked_for_longest_goes_first(images, asked, encoded) -> None:
    mean = Mean()
    cached = CachedSegmenter(mean, images)
    assert [cached.encode(image(int(value))) for value in asked] == [int(v) for v in asked]
    assert mean.seen == [int(value) for value in encoded]
    assert cached.num_encodes == len(encoded)


def test_an_image_is_its_pixels_and_its_shape() -> None:
    cached = CachedSegmenter(Mean(), 9)
    first = image(1)
    cached.encode(first)
    cached.encode(image(1, (3, 2, 3)))
    cached.encode(np.asfortranarray(image(1)))
    assert cached.num_encodes == 2
    first[0, 0, 0] = 2
    cached.encode(first)
    assert cached.num_encodes == 3


def test_decoding_is_passed_on_and_counted() -> None:
    cached = CachedSegmenter(Mean(), 1)
    handle = cached.encode(image(5))
    prompts = [Prompt(box=np.arange(4.0))] * 3
    logits, scores = cached.decode(handle, prompts)
    cached.decode(handle, [])
    assert logits.ravel().tolist() == [5, 5, 5]
    assert scores.tolist() == [1, 1, 1]
    assert (cached.num_decodes, cached.num_prompts) == (2, 3)
    assert cached.threshold == 7.0


def test_no_room_for_an_image() -> None:
    with pytest.raises(ConfigError, match="at least 1, got 0"):
        CachedSegmenter(Mean(), 0)


@pytest.mark.parametrize("wrong", [image(1, (4, 5)), image(1).astype(np.float32), "frame.jpg"])
def test_what_is_no_picture_is_refused(wrong) -> None:
    with pytest.raises(GeometryError, match="image must be"):
        CachedSegmenter(Mean(), 1).encode(wrong)
