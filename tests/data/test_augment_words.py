import pytest

from drivegrid.data.augment_mirror import WORDLESS
from drivegrid.data.augment_words import (
    has_mirror,
    mirror_form,
    mirror_value,
    names_side,
    swap_sides,
)
from drivegrid.data.descriptions import RELATIONS
from drivegrid.data.ordering import RANKS
from drivegrid.labels import default_label_space

SPACE = default_label_space()
PATHS = SPACE.paths
VALUES = sorted(
    {
        (path, name, value)
        for path in PATHS
        for name, values in SPACE.attributes_of(path).items()
        for value in values
    }
)


@pytest.mark.parametrize(
    ("text", "mirrored"),
    [
        ("", ""),
        ("the car on the left", "the car on the right"),
        ("Left of the RIGHT Rightmost", "Right of the LEFT Leftmost"),
        ("ego-left", "ego-right"),
        ("keep_left", "keep_right"),
        ("left-hand and rightwards", "right-hand and leftwards"),
        ("straight or left", "straight or right"),
        ("left or right", "left or right"),
        ("left_or_right", "left_or_right"),
        ("bright upright leftover", "bright upright leftover"),
    ],
)
def test_swap_sides(text, mirrored) -> None:
    assert swap_sides(text) == mirrored
    assert swap_sides(mirrored) == text


@pytest.mark.parametrize(
    ("text", "sided"),
    [
        ("", False),
        ("the red car", False),
        ("bright lights", False),
        ("turn left", True),
        ("CAM_FRONT_RIGHT", True),
        ("on the driver's side", True),
        ("the driver", False),
        ("at two o'clock", True),
    ],
)
def test_names_side(text, sided) -> None:
    assert names_side(text) is sided


def test_every_label_has_its_mirror_and_the_mirrors_words() -> None:
    for path in PATHS:
        mirrored = mirror_value(path)
        assert mirrored in SPACE.labels, path
        assert mirror_value(mirrored) == path
        assert SPACE.words(mirrored) == swap_sides(SPACE.words(path))


def test_every_value_has_its_mirror() -> None:
    for path, name, value in VALUES:
        assert has_mirror(path, {name: value}, SPACE), (path, name, value)
        assert mirror_value(mirror_value(value)) == value


def test_a_name_that_says_one_side_changes() -> None:
    named = {p for p in PATHS if "left" in p or "right" in p}
    named |= {value for *_, value in VALUES if "left" in value or "right" in value}
    same = {name for name in named if mirror_value(name) == name}
    assert len(named) > 25
    assert same == {"sign/regulatory/left_or_right", "left or right"}


def test_a_style_read_across_a_line_changes() -> None:
    pairs = {value for _, name, value in VALUES if name == "style" and "-" in value}
    assert {mirror_value(pair) for pair in pairs} == pairs
    assert all(mirror_value(pair) != pair for pair in pairs)


def test_no_value_of_a_frame_says_a_side() -> None:
    assert not [v for vs in SPACE.frame_attributes.values() for v in vs if names_side(v)]


def test_places_and_orders_of_queries_have_mirrors() -> None:
    assert {mirror_value(place) for place in RELATIONS} == set(RELATIONS)
    assert {mirror_value(rank) for rank in RANKS} == set(RANKS)


def test_wordless_signs_are_known_and_so_are_their_mirrors() -> None:
    assert WORDLESS <= set(PATHS)
    assert {mirror_value(path) for path in WORDLESS} == WORDLESS


@pytest.mark.parametrize(
    ("label", "attributes", "expected"),
    [
        ("no such left label", {"side": "left"}, True),
        ("lane/line", {}, True),
        ("lane/line", {"role": "ego-left", "style": "not in the list: left"}, True),
    ],
)
def test_what_the_taxonomy_does_not_know_has_a_mirror(label, attributes, expected) -> None:
    assert has_mirror(label, attributes, SPACE) is expected


def test_a_label_without_a_mirror_is_told(monkeypatch) -> None:
    labels = {path: SPACE.labels[path] for path in PATHS if not path.endswith("curve_right")}
    monkeypatch.setitem(SPACE.__dict__, "labels", labels)
    assert not has_mirror("sign/warning/curve_left", {}, SPACE)


def test_mirror_form_reaches_everything() -> None:
    form = {
        "where": [
            {"test": "is_a", "label": "sign/warning/curve_left"},
            {"test": "not", "of": {"test": "has", "name": "style", "value": "solid-dashed"}},
            {"test": "lies", "place": "in the lane to our left"},
        ],
        "order": {"by": "left", "place": 0, "count": 1},
    }
    mirrored = mirror_form(form)
    assert mirrored["where"][0]["label"] == "sign/warning/curve_right"
    assert mirrored["where"][1]["of"]["value"] == "dashed-solid"
    assert mirrored["where"][2]["place"] == "in the lane to our right"
    assert mirrored["order"] == {"by": "right", "place": 0, "count": 1}
    assert mirror_form(mirrored) == form
