import re
from functools import partial
from itertools import islice

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from drivegrid.training.checks import check_gradients  # noqa: E402
from drivegrid.training.config import DataConfig, OptimConfig, load_config  # noqa: E402
from drivegrid.training.dataset import Examples  # noqa: E402
from drivegrid.training.examples import DialogueDrawer  # noqa: E402
from drivegrid.training.nano_student import NanoStudent  # noqa: E402
from drivegrid.training.student import IGNORE_INDEX  # noqa: E402

from drivegrid.data.scene import Frame, Scene  # noqa: E402
from drivegrid.errors import ConfigError  # noqa: E402
from drivegrid.model.anchor_hints import NO_ANCHOR, anchor_hints  # noqa: E402
from drivegrid.plotting.marking import mark_region  # noqa: E402
from drivegrid.scenes.render import render_scene  # noqa: E402
from drivegrid.tasks.cell_classes import CELL_CLASSES  # noqa: E402
from drivegrid.tasks.representation import NAMES, WITH_CELLS, representation  # noqa: E402
from drivegrid.tokens.grammar import parse_answer  # noqa: E402
from drivegrid.tokens.grid import GridSpec  # noqa: E402
from tests.toy import toy, writer  # noqa: E402, F401

PLAIN = {"lanes": 1.0, "objects": 1.0, "signs": 1.0, "drivable": 1.0, "refer_one": 1.0}

WAY = partial(representation, "grid+offset", every=1)


@pytest.fixture(scope="module")
def scene():
    return render_scene(3, (256, 144)).scene


def row(parts, scene, refine: float, tasks=None, seed: int = 0):
    model, processor = parts
    config = DataConfig(refine=refine, tasks=tasks or PLAIN)
    student = NanoStudent(model, processor, config.row_tokens, OptimConfig())
    drawer = DialogueDrawer(config, WAY(processor.grid), in_context=True)
    image = np.zeros((96, 128, 3), np.uint8)
    return student, student.row(
        {"image": image}, scene, drawer.draw(scene, np.random.default_rng(seed))
    )


def build(parts, scene, refine: float, tasks=None, seed: int = 0):
    return row(parts, scene, refine, tasks, seed)[1]["conversations"]


def test_a_scene_that_allows_no_question_ends_the_draw() -> None:
    drawer = DialogueDrawer(DataConfig(tasks={"refer_one": 1}), WAY(), in_context=True)
    assert list(drawer.draw(Scene(Frame("", (64, 48))), np.random.default_rng(0))) == []


def test_labels_are_the_next_tokens_of_the_answer_only(toy, scene) -> None:  # noqa: F811
    processor = toy[1]
    for conversation in build(toy, scene, 0.0):
        learnt = conversation.labels != IGNORE_INDEX
        start = int(np.flatnonzero(learnt)[0])
        assert learnt[start:].all()
        assert conversation.ids[start] == processor.special_ids["assistant"]
        assert (conversation.labels[start:-1] == conversation.ids[start + 1 :]).all()
        assert conversation.labels[-1] == processor.special_ids["end"]
        parse_answer(
            processor.text_of(conversation.labels[start:].tolist()), processor.grid, strict=True
        )


def test_refine_turns_learn_offsets_and_not_the_noisy_proposal(toy, scene) -> None:  # noqa: F811
    processor = toy[1]
    cells = range(processor.base_id, processor.base_id + processor.grid.num_cells)
    refined = 0
    for seed in range(5):
        for conversation in build(toy, scene, 1.0, {"lanes": 1.0}, seed):
            if processor.special_ids["offset"] not in conversation.ids:
                continue  # nothing to refine in "none"
            refined += 1
            learnt = conversation.labels[conversation.labels != IGNORE_INDEX]
            assert not set(learnt.tolist()) & set(cells)
            first = cells.stop  # the first offset token
            moved = (conversation.labels >= first) & (conversation.labels < first + 10)
            assert (conversation.hints[moved, 0] != NO_ANCHOR).all()
    assert refined > 0


def test_a_refine_turn_that_stands_alone_repeats_question_and_proposal(scene) -> None:
    config = DataConfig(refine=1.0, tasks={"lanes": 1.0})
    drawer = DialogueDrawer(config, WAY(), in_context=False)
    [exchange] = next(drawer.draw(scene, np.random.default_rng(0))).exchanges
    assert exchange.prompt.startswith("refine: ")
    assert "<line>" in exchange.prompt
    assert exchange.answer.startswith("<offset><line>")
    assert exchange.learnt


def dialogues(scene, name: str, refine: float = 0.0, in_context: bool = True, **settings):
    config = DataConfig(refine=refine, tasks={**PLAIN, "attributes": 1})
    drawer = DialogueDrawer(config, representation(name, **settings), in_context=in_context)
    return list(islice(drawer.draw(scene, np.random.default_rng(5)), 20))


@pytest.mark.parametrize("name", NAMES)
def test_every_representation_asks_the_same_and_reads_its_own_answers(scene, name) -> None:
    asked, plain = dialogues(scene, name), dialogues(scene, "grid+offset", refine=1.0)
    assert [one.kind for one in asked] == [one.kind for one in plain]
    way = representation(name)
    for one, other in zip(asked, plain, strict=True):
        [exchange] = one.exchanges
        if one.kind == "attributes":
            assert exchange.answer == other.exchanges[0].answer
            continue
        assert exchange.prompt == other.exchanges[0].prompt
        way.spelling.parse(exchange.answer, strict=True)
        assert ("<grid_" in exchange.answer) == (
            exchange.answer != "none" and name not in ("text", "bins")
        )


@pytest.mark.parametrize("gamma", [1.0, 0.5])
def test_rounds_are_turns_of_their_own(scene, gamma) -> None:
    lattice = GridSpec(gamma=gamma)
    way = representation("grid+offset", lattice, rounds=3)
    refined = 0
    for one in dialogues(scene, "grid+offset", refine=1.0, lattice=lattice, rounds=3):
        if len(one.exchanges) == 1:
            continue
        proposal, *turns = one.exchanges
        assert [e.learnt for e in one.exchanges] == [False, True, True, True]
        assert {e.prompt for e in turns} == {"refine"}
        found, diagnostics = way.read([e.answer for e in one.exchanges], (256, 144), strict=True)
        assert not diagnostics
        refined += bool(found) and proposal.answer != "none"
    assert refined > 3


def test_a_later_round_that_stands_alone_repeats_the_earlier_ones(scene) -> None:
    prompts = [
        one.exchanges[0].prompt
        for one in dialogues(scene, "grid+offset", 1.0, in_context=False, rounds=3)
    ]
    rounds = {prompt.count("<offset>") for prompt in prompts if prompt.startswith("refine")}
    assert rounds == {0, 1, 2}


@pytest.mark.parametrize(
    ("name", "grounded"),
    [*((name, False) for name in NAMES), *((name, True) for name in WITH_CELLS)],
)
def test_everything_learns_in_every_representation(scene, name, grounded) -> None:
    one = writer(name, grounded)
    student = NanoStudent(one.model.train(), one.processor, 400, OptimConfig())
    drawer = DialogueDrawer(DataConfig(tasks=PLAIN), one.way, in_context=True)
    draw = drawer.draw(scene, np.random.default_rng(0))
    rows = [student.row({"image": np.zeros((96, 128, 3), np.uint8)}, scene, draw)]
    check_gradients(student, student.collate(rows))


def test_a_row_may_hold_so_many_dialogues(toy, scene) -> None:  # noqa: F811
    student = NanoStudent(*toy, 32, OptimConfig(), row_dialogues=3)
    drawer = DialogueDrawer(DataConfig(tasks=PLAIN), WAY(toy[1].grid), in_context=True)
    row = student.row(
        {"image": np.zeros((96, 128, 3), np.uint8)},
        scene,
        drawer.draw(scene, np.random.default_rng(0)),
    )
    assert len(row["conversations"]) == 3


def test_questions_about_places_hold_their_tokens(toy, scene) -> None:  # noqa: F811
    processor = toy[1]
    cells = range(processor.base_id, processor.base_id + processor.grid.num_cells)
    for conversation in build(toy, scene, 0.0, {"attributes": 1.0}):
        asked = conversation.ids[conversation.labels == IGNORE_INDEX]
        assert set(asked.tolist()) & set(cells)
        answer = conversation.labels[conversation.labels != IGNORE_INDEX][:-1]
        words = processor.text_of(asked.tolist()).split("options: ")[1].split(", ")
        assert processor.text_of(answer.tolist()) in words


def test_hints_are_those_of_prediction_time(toy, scene) -> None:  # noqa: F811
    processor = toy[1]
    for conversation in build(toy, scene, 1.0):
        np.testing.assert_array_equal(
            conversation.hints,
            anchor_hints(
                conversation.ids, processor.grid, processor.base_id, processor.special_ids
            ),
        )


def test_same_draw_gives_the_same_rows(toy, scene) -> None:  # noqa: F811
    first, second = (build(toy, scene, 0.5, seed=4) for _ in range(2))
    assert [c.ids.tolist() for c in first] == [c.ids.tolist() for c in second]


def test_rows_are_packed_and_padded(toy, scene) -> None:  # noqa: F811
    student, first = row(toy, scene, 0.5, seed=0)
    rows = [first, row(toy, scene, 0.5, seed=1)[1]]
    batch = student.collate(rows)
    for i, one in enumerate(rows):
        lengths = [len(c.ids) for c in one["conversations"]]
        total = sum(lengths)
        assert (batch["segment_ids"][i, total:] == -1).all()
        assert (batch["labels"][i, total:] == IGNORE_INDEX).all()
        assert batch["segment_ids"][i, :total].bincount().tolist() == lengths
        ends = np.cumsum(lengths) - 1
        assert batch["position_ids"][i, ends].tolist() == [n - 1 for n in lengths]
    assert batch["pixel_values"].shape == (2, 3, 96, 128)
    assert batch["cell_planes"].shape == (2, len(CELL_CLASSES), 8, 8)


def test_the_model_has_a_score_for_every_cell_class(toy) -> None:  # noqa: F811
    assert toy[0].config.num_cell_classes == len(CELL_CLASSES)


@pytest.mark.parametrize(
    "name",
    ["control-cpu", "control-gpu", "nano-cpu", "nano-cpu-tuned", "nano-gpu", "nano-smoke"],
)
def test_packaged_configs_load(name: str) -> None:
    assert load_config(name, ["optim.seed=7"]).optim.seed == 7


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("optim.steps", "must look like"),
        ("=3", "must look like"),
        ("optim.steps.more=1", "must name a setting"),
        ("optim.steps=none", "optim.steps"),
        ("data.tasks={dance: 1}", "tasks must be among"),
        ("data.tasks={lanes: 0}", "some above 0"),
        ("representation=polar", "representation"),
        ("representation=text", "grounded must be false"),
        ("lattice.rounds=4", "rounds"),
        ("data.refine=0", "refine must be above 0"),
    ],
)
def test_changes_that_name_no_setting_are_refused(change: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        load_config("nano-smoke", ["optim.steps=5", change])


def test_config_reports_every_problem_at_once(tmp_path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("optim: {steps: 0, speed: 3}\n")
    with pytest.raises(ConfigError, match=r"optim.steps.*optim.speed"):
        load_config(path)
    with pytest.raises(ConfigError, match="nano-cpu"):
        load_config("nano-moon")


class Keeper:
    """A student that keeps what it is shown."""

    def row(self, visual, scene, dialogues):
        taken = []
        for dialogue in dialogues:
            taken.append(dialogue)
            if len(taken) == 6:
                break
        return {"image": visual["image"], "dialogues": taken}


class Still:
    def __init__(self, scene):
        self.scene = scene
        self.image = np.full((*scene.frame.size_wh[::-1], 3), 90, np.uint8)

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return {"image": self.image}, self.scene


def test_drawn_places_are_marked_in_the_picture_and_nowhere_else(scene) -> None:
    config = DataConfig(tasks={"attributes_drawn": 1.0, "attributes": 1.0}, refine=0.0)
    drawer = DialogueDrawer(config, representation("grid+offset"), in_context=True)
    source = Still(scene)
    kinds = set()
    for row in map(Examples(Keeper(), source, drawer, 24).__getitem__, range(24)):
        first = row["dialogues"][0]
        kinds.add(first.kind)
        if first.kind == "attributes_drawn":
            assert len(row["dialogues"]) == 1 and "<" not in first.exchanges[0].prompt
            np.testing.assert_array_equal(row["image"], mark_region(source.image, first.mark))
        else:
            assert {one.kind for one in row["dialogues"]} == {"attributes"}
            assert row["image"] is source.image
    assert kinds == {"attributes", "attributes_drawn"}


def test_drawn_questions_are_those_by_tokens_without_the_tokens(scene) -> None:
    asked = {}
    for kind in ("attributes", "attributes_drawn"):
        drawer = DialogueDrawer(
            DataConfig(tasks={kind: 1.0}), representation("grid+offset"), in_context=True
        )
        drawn = islice(drawer.draw(scene, np.random.default_rng(0)), 9)
        asked[kind] = [
            (re.sub(r" <.*>", "", d.exchanges[0].prompt), d.exchanges[0].answer) for d in drawn
        ]
    assert asked["attributes"] == asked["attributes_drawn"]


def test_cached_features_show_no_marks(tmp_path) -> None:
    changes = [f"data.cache={tmp_path}", "data.tasks={attributes_drawn: 1}"]
    with pytest.raises(ConfigError, match="cannot show"):
        load_config("nano-cpu", changes)


@pytest.mark.parametrize("index", [0, 1, 2])
def test_pictures_without_a_question_give_way_to_the_next(scene, index) -> None:
    empty = Scene(Frame("", scene.frame.size_wh))
    sources = [Still(one)[0] for one in (empty, empty, scene)]
    drawer = DialogueDrawer(DataConfig(tasks={"refer_one": 1.0}), WAY(), in_context=True)
    row = Examples(Keeper(), sources, drawer, 3)[index]
    assert row["image"] is sources[2][0]["image"] and row["dialogues"]


def test_kinds_that_no_picture_allows_are_named(scene) -> None:
    drawer = DialogueDrawer(DataConfig(tasks={"refer_one": 1.0}), WAY(), in_context=True)
    source = Still(Scene(Frame("", scene.frame.size_wh)))
    with pytest.raises(ConfigError, match=r"got refer_one for 1 pictures"):
        Examples(Keeper(), source, drawer, 3)[0]
