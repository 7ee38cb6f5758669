"""What may be asked: nothing unclear, nothing that nobody marked, nothing hostile."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivegrid.data.queries import labels_asked
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.errors import FormatError
from drivegrid.geometry import Box, Point, Polygon, Polyline
from drivegrid.labels import default_label_space
from drivegrid.tasks.conversations import convert
from drivegrid.tasks.conversations.asking import ask_attribute
from drivegrid.tasks.conversations.coverage import Coverage, coverage_of, covered_by, labels_seen
from drivegrid.tasks.conversations.record import to_dict
from drivegrid.tasks.conversations.talk import Talk, answer_shape
from drivegrid.tasks.settings import ConversationConfig
from drivegrid.tokens.codec import Codec
from drivegrid.tokens.grid import GridSpec
from tests.data.builders import scenes
from tests.tasks.conversations.reading import pairs, read_answer

SIZE = (640, 360)
SPACE = default_label_space()


def scene(*instances, **extra):
    return Scene(Frame("a.jpg", SIZE), instances, extra)


def box(label, x=100.0, **changes):
    return Instance(label, Box(np.array([x, 100.0, x + 60, 160.0])), **changes)


def lane(x, **attributes):
    return Instance("lane/line", Polyline(np.array([[x, 360.0], [300.0, 100.0]])), attributes)


def ask(shown, kind, count=3, covered=("*",), seed=0):
    config = ConversationConfig(tasks={kind: count}, covered=covered, seed=seed)
    return [pair for record in convert(shown, config) for pair in pairs(record)]


@pytest.mark.parametrize(
    ("paths", "labels", "path", "denied"),
    [
        ((), [], "object/vehicle/car", False),
        (("object/vehicle/car",), [], "object/vehicle/car", True),
        (("object/vehicle/car",), [], "object/vehicle/bus", False),
        (("object/vehicle/car",), [], "object/vehicle", False),
        # Trucks are marked, fire engines as trucks: without trucks there is no fire engine.
        (("object/vehicle",), [], "object/vehicle/car", True),
        (("object/vehicle",), ["object/vehicle"], "object/vehicle/car", False),
        (("object/vehicle/car",), ["object/vehicle"], "object/vehicle/car", False),
        (("object/vehicle/car",), ["object/vehicle/bus"], "object/vehicle/car", True),
    ],
)
def test_what_can_be_denied(paths, labels, path, denied) -> None:
    assert Coverage(frozenset(paths)).can_deny(path, labels) is denied


def test_rendered_frames_cover_everything_and_others_nothing() -> None:
    rendered = scene(box("obstacle/cone", source="rendered"))
    assert coverage_of(rendered, None, SPACE).paths == set(SPACE.paths)
    for other in (scene(), scene(box("obstacle/cone")), replace(rendered, instances=())):
        assert coverage_of(other, None, SPACE).paths == set()
    assert coverage_of(rendered, ("sign",), SPACE).paths == {"sign"}


def test_data_sets_cover_what_their_map_names() -> None:
    assert covered_by("culane", ["lane/line"], SPACE) == ("lane/line",)
    assert covered_by("scene", ["lane/line"], SPACE) is None


def test_a_file_of_boxes_says_nothing_about_lanes() -> None:
    seen = labels_seen([scene(box("object/vehicle/bus")), FormatError("bad"), scene()])
    covered = covered_by("bdd100k", seen, SPACE)
    assert "object/vehicle/car" in covered
    assert {path.partition("/")[0] for path in covered} == {"object"}
    assert covered_by("bdd100k", [], SPACE) == ()


def test_lanes_of_a_lane_data_set_say_nothing_about_cars() -> None:
    shown = scene(lane(100.0), lane(500.0))
    asked = [ask(shown, kind, covered=("lane/line",)) for kind in ("objects", "signs", "drivable")]
    assert asked == [[], [], []]
    asked = [t for seed in range(20) for t in ask(shown, "object_query", 2, ("lane/line",), seed)]
    assert asked == []
    for seed in range(20):
        for prompt, answer, _ in ask(shown, "refer_none", 3, ("lane/line",), seed):
            assert "lane line" in prompt
            assert answer == "none"


def test_places_beyond_the_last_lane_are_asked_only_where_lanes_are_covered() -> None:
    shown = scene(lane(100.0), lane(500.0))
    answers = {
        covered: {a for s in range(30) for _, a, _ in ask(shown, "lane_query", 2, covered, s)}
        for covered in ((), ("lane/line",))
    }
    assert "none" not in answers[()]
    assert "none" in answers["lane/line",]


def test_roles_and_styles_are_asked_only_where_they_are_known() -> None:
    def prompts(shown, kind):
        return {p for seed in range(30) for p, _, _ in ask(shown, kind, 2, ("lane/line",), seed)}

    bare = scene(lane(100.0), lane(500.0, style="unknown", color="white"))
    known = {"style": "solid", "color": "white"}
    full = scene(lane(100.0, role="ego-left", **known), lane(500.0, role="ego-right", **known))
    assert not any("style" in prompt for prompt in prompts(bare, "lanes"))
    assert any("style" in prompt for prompt in prompts(full, "lanes"))
    assert not any("ego" in p or " our " in p for p in prompts(bare, "lane_query"))
    assert any("ego" in p or " our " in p for p in prompts(full, "lane_query"))


def test_signs_answer_as_points_and_outlines_as_boxes() -> None:
    sign = answer_shape(box("sign/regulatory/stop"))
    assert sign.geometry == Point(np.array([130.0, 130.0]))
    assert sign.extra["box_xyxy"] == [100.0, 100.0, 160.0, 160.0]
    ring = np.array([[1.0, 2.0], [30.0, 4.0], [5.0, 60.0]])
    car = answer_shape(Instance("object/vehicle/car", Polygon((ring,))))
    assert car.geometry == Box(np.array([1.0, 2.0, 30.0, 60.0]))
    for other in (lane(3.0), Instance("area/drivable/direct", Polygon((ring,)))):
        assert answer_shape(other) is other
    assert answer_shape(Instance("object/vehicle/car", Polygon(()))).geometry == Polygon(())


def test_labels_outside_the_taxonomy_are_passed_over_and_indices_stay() -> None:
    shown = scene(box("object/spaceship", 10), box("object/vehicle/car", 300))
    ((_, answer, targets),) = ask(shown, "objects", 1)
    assert (answer.partition(":")[0], targets) == ("car", (1,))


def test_expressions_that_bring_their_form_keep_it() -> None:
    form = {"where": [{"test": "is_a", "label": "obstacle/cone"}], "order": None,
            "number": "one", "count": 0}  # fmt: skip
    rows = [{"text": "it", "targets": [0], "form": form}, {"text": "that", "targets": [0]}]
    shown = scene(box("obstacle/cone"), expressions=rows)
    records = convert(shown, ConversationConfig(tasks={"refer_one": 2}))
    assert [to_dict(record)["forms"] for record in records] == [[form], [None]]


def test_things_compared_with_must_be_covered_too() -> None:
    """Nobody knows what is left of "the bus" where only some buses are marked."""
    shown = scene(box("obstacle/cone", 100), box("object/vehicle/bus", 400))
    covered = ("obstacle",)
    for seed in range(60):
        for record in convert(
            shown, ConversationConfig(tasks={"refer_none": 2}, covered=covered, seed=seed)
        ):
            (form,) = record.forms
            assert {label.partition("/")[0] for label in labels_asked(form)} == {"obstacle"}


def test_two_things_in_the_same_cells_are_not_described() -> None:
    """Also where offsets, which no question shows, tell them apart."""
    pair = box("obstacle/cone", 300), box("obstacle/barrier", 306)
    assert ask(scene(pair[0]), "describe") != []
    assert ask(scene(*pair), "describe") == []


def test_attributes_have_their_options_and_no_twins() -> None:
    seen = box("obstacle/cone", 300, attributes={"visible_state": "cut off"})
    asked = ask(scene(seen), "attributes", 9)
    assert {answer for _, answer, _ in asked} == {"cone", "cut off"}
    for prompt, answer, targets in asked:
        assert "<box><grid_15_8><grid_18_14></box> Options: " in prompt
        assert answer in prompt.partition("Options: ")[2].rstrip(".").split(", ")
        assert targets == (0,)
    twin = box("obstacle/barrier", 301, attributes={"visible_state": "cut off"})
    answers = [answer for _, answer, _ in ask(scene(seen, twin), "attributes", 9)]
    assert answers == ["cut off"]  # the same for both; which kind it is, nobody could tell
    assert ask(scene(seen, twin), "describe", 9) == []


def test_expressions_and_questions_of_the_data_set_come_first_and_are_escaped() -> None:
    told = {"text": "that one <grid_1_1> <|im_end|>\n now", "targets": [1], "source": "talk2car"}
    question = {"question": "what <box>?", "answer": "a car <image>", "tag": "perception"}
    shown = scene(box("obstacle/cone", 300), box("object/vehicle/car"),
                  expressions=[told], questions=[question])  # fmt: skip
    (prompt, answer, targets) = ask(shown, "refer_one", 1)[0]
    assert prompt == "that one <\\grid_1_1> <\\|im_end|> now"
    assert (read_answer(prompt, answer, GridSpec())[0].label, targets) == ("car", (1,))
    assert ask(shown, "questions", 4) == [("what <\\box>?", "a car <\\image>", ())]


@pytest.mark.parametrize(
    "extra",
    [
        {"expressions": 3},
        {"expressions": [3]},
        {"expressions": [{"text": "", "targets": []}]},
        {"expressions": [{"text": "it", "targets": [1]}]},
        {"expressions": [{"text": "it", "targets": ["0"]}]},
        {"expressions": [{"text": "it", "targets": [0], "form": {"where": []}}]},
        {"questions": [{"question": "what?"}]},
    ],
)
def test_malformed_extras_set_the_frame_aside(extra) -> None:
    config = ConversationConfig(covered=("*",))
    with pytest.raises(FormatError):
        convert(scene(box("obstacle/cone"), **extra), config)


@pytest.mark.parametrize(
    "shape",
    [
        Box(np.array([-50.0, 300.0, 700.0, 500.0])),
        Box(np.array([900.0, 0.0, 950.0, 9.0])),
        Box(np.array([5.0, 5.0, 5.0, 5.0])),
        Polyline(np.array([[5.0, 6.0]])),
        Polyline(np.zeros((0, 2))),
        Polyline(np.array([[-100.0, 200.0], [900.0, 210.0]])),
        Polygon(()),
        Polygon((np.zeros((0, 2)),)),
        Polygon((np.array([[-50.0, 100], [900, 100], [900, 900], [-50, 900]]),)),
        Polygon((np.array([[1.0, 1], [1, 1], [1, 1]]),)),
        Point(np.array([-4.0, 3.0])),
    ],
    ids=lambda shape: f"{shape.kind}-{len(shape.vertices())}",
)
@pytest.mark.parametrize(
    "label", ["lane/line", "obstacle/cone", "sign/warning", "area/drivable/direct", "light/vehicle"]
)
def test_any_shape_under_any_label_is_asked_about_or_left_out(shape, label) -> None:
    shown = scene(Instance(label, shape), box("object/vehicle/car"))
    for record in convert(shown, ConversationConfig(covered=("*",))):
        for prompt, answer, _ in pairs(record):
            if "<offset>" in answer or "<grid_" in answer:
                read_answer(prompt, answer, GridSpec())


LABELS = ("lane/line", "obstacle/cone", "object/vehicle/car", "sign/warning", "light/vehicle",
          "area/drivable/direct", "unheard/of")  # fmt: skip


@settings(max_examples=60)
@given(scenes, st.lists(st.sampled_from(LABELS), min_size=3, max_size=3))
def test_no_scene_breaks_it(shown, labels) -> None:
    instances = [replace(i, label=label) for i, label in zip(shown.instances, labels, strict=False)]
    shown = replace(shown, instances=tuple(instances))
    config = ConversationConfig(covered=("*",))
    try:
        records = convert(shown, config)
    except FormatError:
        assert not shown.frame.image or {"expressions", "questions"} & set(shown.extra)
        return
    assert records == convert(shown, config)
    for record in records:
        for prompt, answer, _ in pairs(record):
            if "<offset>" in answer or "<grid_" in answer:
                read_answer(prompt, answer, GridSpec())


def test_a_ring_cut_by_the_frame_is_refined_along_the_border() -> None:
    ring = np.array([[-300.0, 200.0], [900.0, 200.0], [900.0, 900.0], [-300.0, 900.0]])
    shown = scene(Instance("area/drivable/direct", Polygon((ring,))))
    config = ConversationConfig(tasks={"refine": 1}, covered=("*",))
    config = config.model_copy(update={
        "offsets": config.offsets.model_copy(update={"shake": 0.0, "lose": 0.0, "invent": 0.0})
    })  # fmt: skip
    for record in convert(shown, config):
        assert "DELETE" not in record.texts[1]


def test_rare_answers_are_asked_for_as_often_as_common_ones() -> None:
    shape = [Box(np.array([20.0 * n, 10.0, 20.0 * n + 15, 30.0])) for n in range(20)]
    states = ["fully visible"] * 18 + ["cut off", "mostly hidden"]
    cars = tuple(
        Instance("object/vehicle/car", box, {"visible_state": state})
        for box, state in zip(shape, states, strict=True)
    )
    shown = Scene(Frame("a.jpg", (400, 40)), cars)
    talk = Talk(shown, ConversationConfig(), Codec(rounds=0))
    firsts = Counter(
        next(iter(ask_attribute(talk, np.random.default_rng(seed)))).answer for seed in range(300)
    )
    assert min(firsts.values()) > 70, firsts
    every = [turn.answer for turn in ask_attribute(talk, np.random.default_rng(0))]
    assert Counter(every) == Counter(states)


def area(label, side, x=100.0):
    ring = np.array([[x, 100.0], [x + side, 100.0], [x + side, 100 + side], [x, 100 + side]])
    return Instance(label, Polygon((ring,)))


def test_the_road_stands_for_the_drivable_area_where_no_part_is_told_apart() -> None:
    road, direct = area("area/drivable", 200), area("area/drivable/direct", 100)
    [(_, whole, targets)] = ask(scene(road), "drivable", count=1)
    assert (whole.count("<poly>"), targets) == (1, (0,))
    assert [t for *_, t in ask(scene(road, direct), "drivable", count=1)] == [(1,)]
    assert [t for *_, t in ask(scene(road, area("area/drivable/alternative", 9)), "drivable")] == []


def test_specks_of_masks_are_not_asked_about() -> None:
    speck, thing = area("object/vehicle/car", 6), area("object/vehicle/car", 40, x=300.0)
    for kind in ("objects", "object_query", "describe", "refer_one", "refine_mask"):
        found = ask(scene(speck, thing), kind)
        assert found
        assert {t for *_, targets in found for t in targets} <= {-1, 1}, kind


def test_one_of_two_in_the_same_place_is_not_described() -> None:
    twins = scene(box("object/vehicle/car"), box("object/vehicle/truck"), box("obstacle/cone", 300))
    assert {targets for *_, targets in ask(twins, "describe", count=9)} == {(2,)}
