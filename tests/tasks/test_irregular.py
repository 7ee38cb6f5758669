"""The task of irregular regions, and masks of them in text."""

import json
from dataclasses import replace

import numpy as np
import pytest

from drivegrid.data.augment import AugmentConfig, augment
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.data.store import load_scenes, save_scenes
from drivegrid.errors import TokenError
from drivegrid.geometry import Box, Polygon
from drivegrid.labels import default_label_space
from drivegrid.tasks.base import Asked
from drivegrid.tasks.conversations.convert import convert, draw_turns
from drivegrid.tasks.conversations.masks import write_masks
from drivegrid.tasks.conversations.refining import mistaken
from drivegrid.tasks.conversations.talk import MASK_TEXT, Talk, read_mask
from drivegrid.tasks.irregular import ASKED_REGIONS, MAX_REGIONS, PARAPHRASES, Regions
from drivegrid.tasks.regions import mask_text
from drivegrid.tasks.settings import ConversationConfig
from drivegrid.tasks.table import DEFAULT_TASKS, SCORED, TASKS
from drivegrid.tokens.codec import Codec
from tests.masks.toy_tokenizer import WORDS, ToyTokenizer
from tests.tasks.builders import SIZE, empty, road

PUDDLE, CRACK = "region/puddle", "region/crack"
IMAGE = np.zeros((360, 640, 3), np.uint8)
CODEC = Codec(words=WORDS)


def region(label: str, x: float, y: float, side: float = 100.0) -> Instance:
    ring = np.array([[x, y], [x + side, y], [x + side, y + side], [x, y + side]])
    return Instance(label, Polygon((ring,)), source="rendered")


def wet() -> Scene:
    """Two puddles and a crack, the left puddle last, a car and what one may drive on."""
    area = replace(road().instances[-1], attributes={"surface": "wet"}, source="rendered")
    car = Instance("object/vehicle/car", Box(np.array([5.0, 5, 50, 50])), source="rendered")
    found = region(CRACK, 330, 130), region(PUDDLE, 500, 250), region(PUDDLE, 10, 20), area, car
    return Scene(Frame("wet.jpg", SIZE), found)


def talk(scene: Scene, codec: Codec = CODEC, **settings) -> Talk:
    return Talk(scene, ConversationConfig(**settings), codec)


def turns(subject: Talk, kind: str, count: int = 20):
    drawn = draw_turns(subject, kind, np.random.default_rng(0))
    return [turn for turn, _ in zip(drawn, range(count), strict=False) if turn is not None]


def test_no_scene_changes_what_was_asked_before() -> None:
    assert list(TASKS) == [*SCORED, "regions"] and set(DEFAULT_TASKS) == set(SCORED)


def test_regions_are_the_largest_from_left_to_right() -> None:
    task = Regions()
    assert task.instances(empty()) == task.instances(road()) == ()
    assert [i.label for i in task.instances(wet())] == [PUDDLE, CRACK, PUDDLE]
    many = [region(PUDDLE, 10.0 * n, 5, 10.0 + n) for n in range(MAX_REGIONS + 3)]
    boxed = Instance("region/snow", Box(np.array([0.0, 0, 9, 9])))
    found = task.instances(Scene(Frame("a.jpg", SIZE), (*many[::-1], boxed)))
    assert found == tuple(many[3:])


def test_all_labels_asked_for_are_in_the_taxonomy() -> None:
    assert set(ASKED_REGIONS) <= set(default_label_space().paths)


def test_questions_name_all_or_one_kind() -> None:
    rng = np.random.default_rng(0)
    seen = {}
    for _ in range(200):
        asked = Regions().ask(wet(), rng)
        seen[asked.query] = {i.label for i in asked.instances}
    assert seen["all regions"] == {PUDDLE, CRACK}
    assert seen["all puddles"] == {PUDDLE} and seen["is there any road crack?"] == {CRACK}
    assert seen["all oil spills"] == set() and set(PARAPHRASES) <= set(seen)


def test_without_masks_in_text_the_answer_is_an_outline() -> None:
    for turn in turns(talk(wet(), Codec()), "regions"):
        assert turn.answer.count("<poly>") == 3 and "<seg>" not in turn.answer


def test_masks_in_text_are_the_answer_of_regions_and_the_place_of_areas() -> None:
    scene = write_masks(wet(), IMAGE, ToyTokenizer())
    texts = [one.extra.get(MASK_TEXT) for one in scene.instances]
    left = "<seg><sam_1_0><sam_2_0></seg>"
    assert texts[2] == left and texts[4] is None and None not in texts[:4]
    subject = talk(scene)
    answers = {turn.prompt: turn.answer for turn in turns(subject, "regions")}
    assert answers["all regions"].splitlines()[0] == f"puddle: {left}"
    assert answers["all regions"].count("<seg>") == 3
    narrow = {turn.prompt: turn.answer for turn in turns(subject, "region_query", 60)}
    assert narrow["all puddles"].count("puddle: <seg>") == 2
    assert narrow["is there any oil spill?"] == "none"
    [drivable] = {turn.answer for turn in turns(subject, "drivable")}
    assert "<poly>" in drivable
    asked = [turn.prompt for turn in turns(subject, "attributes")]
    assert asked and all(texts[3] in prompt for prompt in asked)
    described = {turn.prompt: turn.answer for turn in turns(subject, "describe")}
    assert [a for p, a in described.items() if left in p] == ["puddle"]


def test_a_scene_without_outlines_is_left_alone() -> None:
    tokenizer = ToyTokenizer()
    assert write_masks(empty(), IMAGE, tokenizer) == empty() and tokenizer.calls == 0


def test_what_cannot_be_seen_has_no_mask() -> None:
    outside, speck = region(PUDDLE, 900, 20), region(PUDDLE, 10, 20, 3.0)
    scene = Scene(Frame("a.jpg", SIZE), (outside, speck, region(PUDDLE, 10, 20)))
    written = write_masks(scene, IMAGE, ToyTokenizer())
    assert [MASK_TEXT in one.extra for one in written.instances] == [False, False, True]


def test_masks_travel_with_labels_until_outlines_move(tmp_path) -> None:
    scene = write_masks(wet(), IMAGE, ToyTokenizer())
    save_scenes([scene], tmp_path / "scenes.jsonl")
    [again] = load_scenes(tmp_path / "scenes.jsonl")
    assert again == scene
    changes = AugmentConfig(flip=1, crop=0, colour=0, camera=0, weather=0)
    _, mirrored = augment(IMAGE, scene, changes, np.random.default_rng(0))
    assert not any(MASK_TEXT in one.extra for one in mirrored.instances)


BAD_MASKS = {
    "other words": "<seg><him_1></seg>",
    "no mask": "<point><grid_1_1></point>",
    "two": "<seg><sam_1_0><sam_2_0></seg><seg><sam_1_0><sam_2_0></seg>",
    "broken": "<seg><sam_1_0></seg>",
}


@pytest.mark.parametrize("text", BAD_MASKS.values(), ids=BAD_MASKS)
def test_text_that_is_no_mask_of_the_model_is_refused(text) -> None:
    with pytest.raises(TokenError):
        read_mask(text, CODEC)


def test_anchors_of_a_mask_stay_in_every_round() -> None:
    mask = read_mask("<seg><grid_1_1><grid_2_2></seg>", replace(CODEC, rounds=2))
    assert [round_[0].tolist() for round_ in mask.offsets] == [[4, 4]] * 2


@pytest.mark.parametrize("rounds", [1, 2])
def test_refining_leaves_masks_as_they_are(rounds) -> None:
    subject = talk(write_masks(wet(), IMAGE, ToyTokenizer()), replace(CODEC, rounds=0))
    assert [t for t in turns(subject, "refine") if "all regions" in t.prompt] == []
    both = subject.subjects["regions"] + subject.subjects["objects"]
    mixed = subject.turn(Asked("regions and cars", both))
    assert mixed is not None and mixed.answer.count("<seg>") == 3
    for seed in range(20):
        turn = mistaken(subject, mixed, np.random.default_rng(seed), rounds)
        assert turn.answer.count("<seg></seg>") == 3
        assert turn.prompt.count("<sam_1_") == 3


def test_records_hold_masks_in_text() -> None:
    config = ConversationConfig(tasks={"regions": 1}, covered=("*",))
    scene = write_masks(wet(), IMAGE, ToyTokenizer())
    with pytest.raises(TokenError):  # records are of no model that has the words
        convert(scene, config)
    [record] = convert(wet(), config)
    assert "<poly>" in record.texts[1] and json.dumps(record.texts)


def test_a_place_is_told_by_its_mask() -> None:
    polygon = wet().instances[2].geometry
    assert mask_text(polygon, IMAGE, ToyTokenizer()) == "<seg><sam_1_0><sam_2_0></seg>"
