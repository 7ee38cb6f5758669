"""Every answer parses strictly and is right; every draw depends on the frame alone."""

import json
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from drivegrid.data.formats import find_format
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.errors import FormatError
from drivegrid.geometry import Box, Point, Polygon, Polyline
from drivegrid.labels import default_label_space
from drivegrid.metrics.regions import polygon_overlap
from drivegrid.tasks.conversations import convert
from drivegrid.tasks.conversations.record import to_dict
from drivegrid.tasks.conversations.talk import answer_shape
from drivegrid.tasks.settings import KINDS, ConversationConfig
from drivegrid.tokens.grid import GridSpec
from tests.data.plain_reading import read
from tests.data.toy_world import random_scene
from tests.tasks.conversations.reading import is_in_words, is_refine, pairs, read_answer

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "conversations.json").read_text())
ALL = ConversationConfig(covered=("*",))
CODEC = ALL.grid.codec()


def toy(seed, **changes):
    scene = random_scene(seed)
    return replace(scene, frame=replace(scene.frame, image=f"{seed}.png", **changes))


def only(kind, count=1, **changes):
    return ConversationConfig(tasks={kind: count}, covered=("*",)).model_copy(update=changes)


RECORDS = [(toy(seed), record) for seed in range(40) for record in convert(toy(seed), ALL)]


def test_a_frame_without_labels_has_no_records_where_nothing_is_covered() -> None:
    assert convert(Scene(Frame("a.jpg", (640, 360))), ConversationConfig()) == []


def test_a_frame_without_labels_denies_what_is_covered() -> None:
    records = convert(Scene(Frame("a.jpg", (640, 360))), ALL)
    assert {"lanes", "objects", "signs", "drivable", "lane_query", "dialogue"} <= {
        record.task for record in records
    }
    assert {text for record in records for text in record.texts[1::2]} == {"none"}


def test_a_frame_must_name_its_image() -> None:
    with pytest.raises(FormatError, match="image"):
        convert(Scene(Frame("", (640, 360))), ALL)


def test_every_kind_occurs_and_none_too_often() -> None:
    found = Counter(record.task for _, record in RECORDS)
    assert set(found) == set(KINDS) - {"questions"}
    for kind in found:
        assert found[kind] <= 40 * KINDS[kind]
    assert len({record.id for _, record in RECORDS}) == len(RECORDS)


def test_roles_take_turns_and_the_picture_stands_once() -> None:
    for _, record in RECORDS:
        roles = [message.role for message in record.messages]
        assert roles == ["user", "assistant"] * (len(roles) // 2)
        assert len(record.targets) * 2 == len(roles)
        text = "".join(message.content for message in record.messages)
        assert record.messages[0].content.startswith("<image>\n")
        assert text.count("<image>") == 1


def test_every_answer_parses_strictly_and_names_its_targets() -> None:
    for scene, record in RECORDS:
        for prompt, answer, targets in pairs(record):
            if is_in_words(record, prompt, answer):
                assert len(targets) == 1
                continue
            items = read_answer(prompt, answer, CODEC.grid)
            assert len(items) == len(targets)
            for item, target in zip(items, targets, strict=True):
                assert -1 <= target < len(scene.instances)
                if target >= 0:
                    label, space = scene.instances[target].label, default_label_space()
                    exact, basic = space.words(label), space.words(space.basic(label))
                    named = {"signs": {basic}, "refer_one": {exact}}.get(record.task)
                    assert item.label in (named or {exact, basic})


def gap_in_cells(shape, truth, size):
    """Largest distance of an answer's vertices from the true outline, in cells per axis."""
    cell = CODEC.grid.cell_size(size)
    found = shape.vertices() / cell
    if isinstance(truth, Point | Box):
        return float(np.abs(found - truth.parts()[0] / cell).max())
    closed = isinstance(truth, Polygon)
    outline = np.concatenate([dense(part / cell, closed) for part in truth.parts()])
    return float(np.abs(found[:, None] - outline).max(axis=2).min(axis=1).max()) - 0.01


def dense(line, closed):
    """Return points on a line so close together that one is at most 0.01 cells from any place."""
    line = np.concatenate([line, line[:1]]) if closed else line
    share = np.linspace(0, 1, 2000)[:, None]
    return np.concatenate([a + share * (b - a) for a, b in pairwise(line)])


def test_proposals_decode_to_their_instances_within_half_a_cell() -> None:
    checked = Counter()
    for scene, record in RECORDS:
        for prompt, answer, targets in pairs(record):
            if is_refine(prompt) or is_in_words(record, prompt, answer):
                continue
            for item, target in zip(read_answer(prompt, answer, CODEC.grid), targets, strict=True):
                truth = answer_shape(scene.instances[target]).geometry
                shape = CODEC.decode(item.geometry, scene.frame.size_wh)
                assert shape.kind == truth.kind
                assert gap_in_cells(shape, truth, scene.frame.size_wh) <= 0.5 + 1e-9
                checked[shape.kind] += 1
    assert set(checked) == {"line", "box", "point", "poly"}


def test_dialogues_refine_their_own_answers_to_a_quarter_cell() -> None:
    refined = 0
    for scene, record in RECORDS:
        if record.task != "dialogue":
            continue
        turns = pairs(record)
        assert 2 <= sum(not is_refine(prompt) for prompt, _, _ in turns) <= 4
        for before, (prompt, answer, targets) in zip([None, *turns], turns, strict=False):
            if not is_refine(prompt):
                continue
            refined += 1
            assert prompt == f"refine: {before[0]}\n{before[1]}"
            for item, target in zip(read_answer(prompt, answer, CODEC.grid), targets, strict=True):
                truth = answer_shape(scene.instances[target]).geometry
                shape = CODEC.decode(item.geometry, scene.frame.size_wh)
                assert gap_in_cells(shape, truth, scene.frame.size_wh) <= 0.25 + 1e-9
    assert refined > 10


def test_refining_a_simulated_mistake_brings_anchors_nearer_or_deletes_them() -> None:
    nearer, deleted, invented = Counter(), 0, 0
    refined = [(toy(seed), r) for seed in range(60) for r in convert(toy(seed), only("refine", 5))]
    for scene, record in refined:
        ((prompt, answer, targets),) = pairs(record)
        size = scene.frame.size_wh
        for item, target in zip(read_answer(prompt, answer, CODEC.grid), targets, strict=True):
            kept = CODEC.decode(item.geometry, size)
            if target < 0:
                assert kept is None
                invented += 1
            elif kept is None:
                deleted += 1
            else:
                bare = CODEC.decode(replace(item.geometry, offsets=()), size)
                truth = answer_shape(scene.instances[target]).geometry
                if truth.kind in ("point", "line"):
                    assert gap_in_cells(kept, truth, size) <= gap_in_cells(bare, truth, size) + 0.02
                nearer[truth.kind] += 1
    assert min(nearer[kind] for kind in ("point", "line", "box", "poly")) > 10
    assert deleted > 0
    assert invented > 0


def test_mask_anchors_end_in_the_mask() -> None:
    ring = np.array([[120.0, 40.0], [520.0, 60.0], [500.0, 300.0], [200.0, 330.0]])
    scene = Scene(Frame("a.jpg", (640, 360)), (Instance("object/vehicle/car", Polygon((ring,))),))
    boxes = 0
    for seed in range(30):
        records = convert(scene, only("refine_mask", seed=seed))
        ((prompt, answer, targets),) = pairs(records[0])
        box, seg = read_answer(prompt, answer, CODEC.grid)
        assert prompt.startswith("refine: all cars\ncar: <box>")
        assert (targets, box.geometry.kind, seg.geometry.kind) == ((0, 0), "box", "seg")
        shape = CODEC.decode(seg.geometry, (640, 360))
        for x, y in shape.vertices():
            near = polygon_overlap(
                [ring], [np.array([[x - 1, y - 1], [x + 1, y - 1], [x + 1, y + 1], [x - 1, y + 1]])]
            )
            assert near.intersection > 0
        boxes += CODEC.decode(box.geometry, (640, 360)) is not None
    assert boxes == 30


def golden_scene():
    sign = Instance("sign/regulatory/stop", Box(np.array([20.0, 3.0, 32.0, 15.0])))
    line = Instance("lane/line", Polyline(np.array([[36.0, 0.0], [4.0, 64.0]])))
    return Scene(Frame("a/1.jpg", (64, 64)), (line, sign))


@pytest.mark.parametrize("kind", ["signs", "lanes", "objects"])
def test_golden_answers(kind) -> None:
    grid = ALL.grid.model_copy(
        update={"cols": 4, "rows": 4, "offset_cols": 8, "offset_rows": 8, "every": 1}
    )
    (record,) = convert(golden_scene(), only(kind, grid=grid))
    assert record.texts[1] == GOLDEN["answers"][kind]
    config = only("dialogue", 40, grid=grid, refine_share=1.0)
    turns = [turn for record in convert(golden_scene(), config) for turn in pairs(record)]
    wanted = GOLDEN["offsets"].get(kind, "")
    answers = {a for p, a, _ in turns if is_refine(p) and f"\n{GOLDEN['answers'][kind]}" in p}
    assert answers == ({wanted} if wanted else set())


@pytest.mark.parametrize("split", ["train", "held_out"])
def test_forms_mean_the_targets(split) -> None:
    found = Counter()
    for seed in range(40):
        scene = toy(seed)
        for record in convert(scene, ALL.model_copy(update={"split": split})):
            for targets, form in zip(record.targets, to_dict(record)["forms"], strict=True):
                if form is not None:
                    found[record.task] += 1
                    assert read(json.loads(json.dumps(form)), scene) == sorted(targets)
                else:
                    assert not record.task.startswith("refer")
    assert set(found) == {"refer_one", "refer_many", "refer_none", "dialogue"}
    assert found.total() > 130


def test_held_out_wordings_are_kept_apart() -> None:
    asked = {
        split: {
            record.texts[0]
            for seed in range(40)
            for record in convert(toy(seed), only("refer_many", split=split))
        }
        for split in ("train", "held_out")
    }
    assert min(map(len, asked.values())) > 15
    assert not asked["train"] & asked["held_out"]


def test_order_of_work_and_other_kinds_change_nothing() -> None:
    scenes = [toy(seed) for seed in range(6)]
    one = {scene.frame.image: convert(scene, ALL) for scene in scenes}
    two = {scene.frame.image: convert(scene, ALL) for scene in scenes[::-1]}
    assert one == two
    for kind in KINDS:
        if not kind.startswith("refer"):
            alone = convert(scenes[0], only(kind, KINDS[kind]))
            assert alone == [r for r in one[scenes[0].frame.image] if r.task == kind]


@pytest.mark.parametrize("change", ["seed", "image", "clip"])
def test_seed_name_and_clip_change_the_draws(change) -> None:
    base = [record.texts for seed in range(5) for record in convert(toy(seed), ALL)]
    other = [
        record.texts
        for seed in range(5)
        for record in convert(
            toy(seed) if change != "clip" else toy(seed, clip="b"),
            ALL if change != "seed" else ALL.model_copy(update={"seed": 1}),
        )
    ]
    if change == "image":
        renamed = [
            replace(toy(s), frame=replace(toy(s).frame, image=f"x{s}.png")) for s in range(5)
        ]
        other = [record.texts for scene in renamed for record in convert(scene, ALL)]
    assert base != other


def test_tusimple(realdata) -> None:
    source = find_format("tusimple").open(realdata / "tusimple" / "label_data.json")
    config = ConversationConfig(covered=("lane/line",))
    found, anchors = Counter(), 0
    for scene in source:
        for record in convert(scene, config):
            found[record.task] += 1
            for prompt, answer, _ in pairs(record):
                if not is_in_words(record, prompt, answer):
                    items = read_answer(prompt, answer, GridSpec())
                    anchors += sum(item.geometry.num_anchors for item in items)
    assert found["lanes"] == 132
    assert {"lane_query", "refer_one", "refer_many", "refine", "describe", "dialogue"} <= set(found)
    assert {"objects", "signs", "drivable", "attributes", "refine_mask"}.isdisjoint(found)
    assert anchors > 10_000
