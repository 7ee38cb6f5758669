"""All faces: what they say they are, and that their pictures agree."""

from collections import Counter

import numpy as np
import pytest

from drivegrid.errors import ConfigError
from drivegrid.labels import default_label_space
from drivegrid.scenes.faces import FACES, Face, face_image, face_outline
from drivegrid.scenes.faces.colors import main_color, pixel_colors
from drivegrid.scenes.faces.face import outline_mask
from drivegrid.scenes.faces.marks import Layer

SPACE = default_label_space()
COLORS = SPACE.attributes_of("sign")["color"]
SHAPES = tuple(s for s in SPACE.attributes_of("sign")["shape"] if s != "other")


def measured_color(face: Face) -> str:
    return main_color(face.picture(96), face.shape)


@pytest.mark.parametrize("key", FACES)
def test_what_a_face_says_is_in_the_taxonomy(key) -> None:
    face = FACES[key]
    allowed = SPACE.attributes_of(face.label)
    assert face.label.startswith("sign/")
    assert face.shape in SHAPES
    assert face.color in COLORS
    assert {
        name: value for name, value in face.attributes.items() if value not in allowed[name]
    } == {}
    assert face.region in ("eu", "us", "cn", "any")
    assert (face.aspect != 1.0) == (face.shape == "rectangle")


@pytest.mark.parametrize(
    "key", [key for key in FACES if "limit" in SPACE.attributes_of(FACES[key].label)]
)
def test_speeds_are_attributes_and_stand_in_the_key(key) -> None:
    assert key.endswith(f" {FACES[key].attributes['limit']}")


BY_BARS = ("eu chevrons right", "eu chevrons left", "eu delineator")
"""Red bars and white ones: the rule speaks of bars, a histogram of the larger share."""


@pytest.mark.parametrize("key", [key for key in FACES if key not in BY_BARS])
def test_the_colour_named_is_the_colour_drawn(key) -> None:
    assert measured_color(FACES[key]) == FACES[key].color


@pytest.mark.parametrize("key", BY_BARS)
def test_red_bars_cover_a_white_field(key) -> None:
    names = pixel_colors(FACES[key].picture(96))
    assert set(np.unique(names)) <= {"red", "white", "other", "gray"}
    assert 0.15 < (names == "white").mean() < 0.65


def test_the_measurement_tells_a_wrong_colour() -> None:
    stop = FACES["eu stop"]
    painted = Face(stop.label, stop.shape, stop.color, (Layer((20, 78, 168), ()),))
    assert measured_color(stop) == "red"
    assert measured_color(painted) == "blue"


@pytest.mark.parametrize(("level", "color"), [(0, "black"), (120, "other"), (255, "white")])
def test_a_plain_plate_has_the_colour_of_its_paint(level, color) -> None:
    assert main_color(np.full((32, 32, 3), level, np.uint8), "circle") == color


@pytest.mark.parametrize("shape", SHAPES)
def test_the_mask_covers_what_the_outline_does(shape) -> None:
    x, y = np.array(face_outline(shape)).T
    area = (x * np.roll(y, -1) - y * np.roll(x, -1)).sum() / 8
    assert outline_mask(shape, 200).mean() == pytest.approx(area, abs=0.015)
    assert outline_mask(shape, 200, 0.5).mean() == pytest.approx(area / 4, abs=0.015)


def test_pictures_are_pairwise_distinct() -> None:
    keys = list(FACES)
    small = np.stack([face_image(key, 48).astype(np.float32).ravel() for key in keys])
    near = [
        (keys[i], keys[i + 1 + int(gap.argmin())], float(gap.min()))
        for i in range(len(keys) - 1)
        if (gap := np.abs(small[i + 1 :] - small[i]).mean(axis=1)).min() < 2.0
    ]
    assert near == []


def test_there_are_enough_of_every_kind() -> None:
    assert len(FACES) >= 110
    colors = Counter(face.color for face in FACES.values())
    shapes = Counter(face.shape for face in FACES.values())
    regions = Counter(face.region for face in FACES.values())
    assert {name: colors[name] for name in COLORS if colors[name] < 3} == {}
    assert {name: shapes[name] for name in SHAPES if shapes[name] < 3} == {}
    assert min(regions[name] for name in ("eu", "us", "cn", "any")) >= 10


def test_every_sign_of_the_taxonomy_has_a_face() -> None:
    leaves = {p for p in SPACE.paths if p.startswith("sign/") and not SPACE.children(p)}
    assert leaves - {face.label for face in FACES.values()} == {"sign/back"}


def seen_in_training(face: Face) -> list[tuple[str, str]]:
    named = [("label", face.label), ("color", face.color), ("shape", face.shape)]
    return [*named, *face.attributes.items()]


def test_training_shows_every_label_colour_shape_and_limit() -> None:
    shown = {fact for f in FACES.values() if not f.held_out for fact in seen_in_training(f)}
    lost = {fact for f in FACES.values() for fact in seen_in_training(f)} - shown
    assert lost == set()


def test_about_one_face_in_seven_is_held_out() -> None:
    held = sum(face.held_out for face in FACES.values())
    assert 0.13 < held / len(FACES) < 0.17


@pytest.mark.parametrize("side", [1, 24, 128])
def test_the_same_face_gives_the_same_bytes(side) -> None:
    for key in ("eu stop", "us railroad", "billboard car"):
        first, again = face_image(key, side), FACES[key].picture(side)
        assert first.shape == (side, side, 3)
        assert first.dtype == np.uint8
        assert first.tobytes() == again.tobytes()


@pytest.mark.parametrize("key", FACES)
def test_the_corners_outside_the_plate_show_the_rim(key) -> None:
    face, image = FACES[key], face_image(key, 64)
    outside = ~outline_mask(face.shape, 64, 1.06)
    assert (image[outside] == face.layers[0].color).all()


def test_right_is_right_and_up_is_up() -> None:
    image = face_image("eu turn right here", 64).astype(int)
    assert image[:, 40:, 0].sum() > image[:, :24, 0].sum()
    straight = face_image("eu straight", 64).astype(int)
    assert straight[:24, :, 0].sum() > straight[40:, :, 0].sum()
    assert (face_image("eu danger", 64)[2, 2] == FACES["eu danger"].layers[0].color).all()


def test_a_cached_picture_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        face_image("eu stop", 16)[0, 0] = 0


@pytest.mark.parametrize(
    ("key", "side", "words"),
    [("", 16, "key of FACES"), ("nowhere", 16, "eu stop"), ("eu stop", 0, "at least 1")],
)
def test_a_face_that_cannot_be_drawn_is_an_error(key, side, words) -> None:
    with pytest.raises(ConfigError, match=words):
        face_image(key, side)


@pytest.mark.parametrize("shape", SHAPES)
def test_outlines_are_convex_counter_clockwise_and_centred(shape) -> None:
    corners = np.array(face_outline(shape))
    sides = np.roll(corners, -1, axis=0) - corners
    after = np.roll(sides, -1, axis=0)
    assert (sides[:, 0] * after[:, 1] - sides[:, 1] * after[:, 0] > 0).all()
    height = 3**0.5 / 2 if "triangle" in shape else 1
    assert corners.min(axis=0) == pytest.approx([-1, -height], abs=0.01)
    assert corners.max(axis=0) == pytest.approx([1, height], abs=0.01)


def test_an_unknown_outline_is_an_error() -> None:
    with pytest.raises(ConfigError, match="octagon"):
        face_outline("other")
