"""The texture of all faces."""

import cv2
import numpy as np
import pytest

from drivegrid.errors import ConfigError
from drivegrid.scenes.faces import FACES, face_atlas, face_image


def pixels(image, place):
    height, width = image.shape[:2]
    u0, v0, u1, v1 = place
    return image[round(v0 * height) : round(v1 * height), round(u0 * width) : round(u1 * width)]


def test_every_face_lies_in_its_place() -> None:
    image, places = face_atlas(64)
    assert list(places) == list(FACES)
    for key, place in places.items():
        assert (pixels(image, place) == face_image(key, 48)).all()


@pytest.mark.parametrize("level", [1, 2, 3])
def test_mip_levels_do_not_mix_neighbours(level) -> None:
    """A bilinear tap at a face's edge reads half a texel outside: still its own rim."""
    image, places = face_atlas(64)
    step = 2**level
    size = (image.shape[1] // step, image.shape[0] // step)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    alone = {"eu stop", "us chevron left", "eu straight"}
    for key in alone:
        tile = cv2.copyMakeBorder(face_image(key, 48), 8, 8, 8, 8, cv2.BORDER_REPLICATE)
        wanted = cv2.resize(tile, (64 // step, 64 // step), interpolation=cv2.INTER_AREA)
        u0, v0, u1, v1 = places[key]
        across, down = 8 / image.shape[1], 8 / image.shape[0]
        got = pixels(small, (u0 - across, v0 - down, u1 + across, v1 + down))
        assert np.abs(got.astype(int) - wanted).max() <= 1


def test_the_same_bytes_each_time() -> None:
    first = face_atlas(16)[0].tobytes()
    face_atlas.cache_clear()
    assert face_atlas(16)[0].tobytes() == first


@pytest.mark.parametrize("side", [0, 8, 20])
def test_a_side_without_room_for_gutters_is_an_error(side) -> None:
    with pytest.raises(ConfigError, match="multiple of 8"):
        face_atlas(side)
