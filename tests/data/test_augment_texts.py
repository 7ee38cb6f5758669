import pytest

from drivegrid.data.augment_mirror import mirror_scene
from drivegrid.data.augment_texts import carry_texts
from drivegrid.data.phrasing import templates
from drivegrid.data.queries import Has, IsA, Order, Query
from drivegrid.errors import FormatError

from . import toy_world

CAR = "object/vehicle/car"
LEFTMOST = Query((IsA(CAR),), Order("left"), "one").to_json()


def cars(*lanes):
    return [toy_world.thing(CAR, x=100.0 + 90 * lane, lane=lane) for lane in lanes]


def scene_of(instances, **extra):
    scene = toy_world.scene(*instances)
    return type(scene)(scene.frame, scene.instances, extra)


def carried(source, changed, **how):
    how = {"is_whole": True, "is_mirrored": False} | how
    return carry_texts(source, changed, **how).extra


@pytest.mark.parametrize("key", ["expressions", "questions"])
def test_no_texts_stay_none(key) -> None:
    assert key not in carried(scene_of([]), scene_of([]))
    assert carried(scene_of([], **{key: []}), scene_of([]))[key] == []


def test_an_expression_with_a_form_is_mirrored() -> None:
    row = {"text": "the leftmost car", "targets": [0], "template": "leftmost", "form": LEFTMOST}
    source = scene_of(cars(-1, 1), expressions=[row | {"talk2car": {}}])
    [found] = carried(source, mirror_scene(source), is_mirrored=True)["expressions"]
    assert (found["text"], found["template"]) == ("the rightmost car", "rightmost")
    assert found["targets"] == [0]
    assert found["form"]["order"]["by"] == "right"
    assert "talk2car" not in found


def test_an_expression_with_a_form_means_what_is_left() -> None:
    row = {"text": "the leftmost car", "targets": [0], "form": LEFTMOST}
    source = scene_of(cars(-1, 0, 1), expressions=[row])
    changed = scene_of(cars(0, 1))
    [found] = carried(source, changed, is_whole=False)["expressions"]
    assert found["targets"] == [0]


def test_an_expression_that_is_in_doubt_is_left_out() -> None:
    form = Query((IsA("sign"), Has("limit", "50"))).to_json()
    row = {"text": "all signs for 50", "targets": [0], "form": form}
    signs = [toy_world.sign("sign/regulatory/speed_limit", limit="50")]
    source = scene_of(signs, expressions=[row])
    assert len(carried(source, scene_of(signs))["expressions"]) == 1
    assert carried(source, mirror_scene(source), is_mirrored=True)["expressions"] == []


@pytest.mark.parametrize(
    ("text", "is_whole", "is_mirrored", "stays"),
    [
        ("the red car", True, False, True),
        ("the red car", True, True, True),
        ("the red car", False, False, False),
        ("the car on the left", True, False, True),
        ("the car on the left", True, True, False),
    ],
)
def test_expressions_without_a_form(text, is_whole, is_mirrored, stays) -> None:
    row = {"text": text, "targets": [0]}
    source = scene_of(cars(0), expressions=[row])
    found = carried(source, scene_of(cars(0)), is_whole=is_whole, is_mirrored=is_mirrored)
    assert found["expressions"] == ([row] if stays else [])


@pytest.mark.parametrize(
    ("question", "answer", "is_whole", "is_mirrored", "stays"),
    [
        ("What is ahead?", "A car.", True, False, True),
        ("What is ahead?", "A car.", True, True, True),
        ("What is ahead?", "A car.", False, False, False),
        ("What is ahead?", "A car on the left.", True, True, False),
        ("What is <c1,CAM_FRONT,3.0,4.0>?", "A car.", True, False, False),
    ],
)
def test_questions(question, answer, is_whole, is_mirrored, stays) -> None:
    row = {"question": question, "answer": answer}
    source = scene_of(cars(0), questions=[row])
    found = carried(source, scene_of(cars(0)), is_whole=is_whole, is_mirrored=is_mirrored)
    assert found["questions"] == ([row] if stays else [])


def test_held_out_words_never_come_from_trained_ones() -> None:
    """Some templates are held out on one side only; their twins must not betray them."""
    assert _names_after("leftmost few") == []
    assert _names_after("leftmost") == ["rightmost"]
    assert _names_after("of another source") == ["of another source"]
    held_out = {template.name for template in templates() if not template.say}
    for template in templates():
        if template.say:
            assert not held_out & set(_names_after(template.name))


def _names_after(name):
    row = {"text": "x", "targets": [0], "template": name, "form": LEFTMOST}
    source = scene_of(cars(-1, 1), expressions=[row])
    found = carried(source, mirror_scene(source), is_mirrored=True)["expressions"]
    return [one["template"] for one in found]


@pytest.mark.parametrize(
    "extra",
    [
        {"expressions": 3},
        {"expressions": [3]},
        {"expressions": [{"targets": []}]},
        {"expressions": [{"text": "a", "form": {"where": 3}}]},
        {"questions": [{"question": "a"}]},
    ],
)
def test_texts_of_another_kind_are_refused(extra) -> None:
    with pytest.raises(FormatError):
        carried(scene_of([], **extra), scene_of([]))
