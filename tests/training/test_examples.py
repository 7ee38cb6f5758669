import numpy as np
import pytest

torch = pytest.importorskip("torch")

from drivegrid.training.config import DataConfig, load_config  # noqa: E402
from drivegrid.training.dataset import PackingCollator  # noqa: E402
from drivegrid.training.examples import IGNORE_INDEX, ExampleBuilder  # noqa: E402

from drivegrid.model.anchor_hints import NO_ANCHOR, anchor_hints  # noqa: E402
from drivegrid.scenes.render import render_scene  # noqa: E402
from drivegrid.tasks.cell_classes import CELL_CLASSES, cell_classes  # noqa: E402
from drivegrid.tokens.codec import Codec  # noqa: E402
from drivegrid.tokens.grammar import parse_answer  # noqa: E402
from tests.toy import toy  # noqa: E402, F401


@pytest.fixture(scope="module")
def scene():
    return render_scene(3, (256, 144)).scene


def build(processor, scene, refine: float, tasks=None, seed: int = 0):
    config = DataConfig(refine=refine, **({"tasks": tasks} if tasks else {}))
    builder = ExampleBuilder(processor, Codec(processor.grid, rounds=0), config)
    return builder.conversations(scene, np.random.default_rng(seed))


def test_labels_are_the_next_tokens_of_the_answer_only(toy, scene) -> None:  # noqa: F811
    processor = toy[1]
    for conversation in build(processor, scene, 0.0):
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
        for conversation in build(processor, scene, 1.0, {"lanes": 1.0}, seed):
            if processor.special_ids["offset"] not in conversation.ids:
                continue  # nothing to refine in "none"
            refined += 1
            learnt = conversation.labels[conversation.labels != IGNORE_INDEX]
            assert not set(learnt.tolist()) & set(cells)
            first = cells.stop  # the first offset token
            moved = (conversation.labels >= first) & (conversation.labels < first + 10)
            assert (conversation.hints[moved, 0] != NO_ANCHOR).all()
    assert refined > 0


def test_hints_are_those_of_prediction_time(toy, scene) -> None:  # noqa: F811
    processor = toy[1]
    for conversation in build(processor, scene, 1.0):
        np.testing.assert_array_equal(
            conversation.hints,
            anchor_hints(
                conversation.ids, processor.grid, processor.base_id, processor.special_ids
            ),
        )


def test_same_draw_gives_the_same_rows(toy, scene) -> None:  # noqa: F811
    first, second = (build(toy[1], scene, 0.5, seed=4) for _ in range(2))
    assert [c.ids.tolist() for c in first] == [c.ids.tolist() for c in second]


def test_collator_packs_and_pads(toy, scene) -> None:  # noqa: F811
    processor = toy[1]
    rows = [
        {
            "pixel_values": torch.zeros(3, 96, 128),
            "conversations": build(processor, scene, 0.5, seed=s),
            "cell_planes": torch.from_numpy(cell_classes(scene, processor.grid)),
        }
        for s in range(2)
    ]
    batch = PackingCollator(processor.special_ids["pad"])(rows)
    for i, row in enumerate(rows):
        lengths = [len(c.ids) for c in row["conversations"]]
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


@pytest.mark.parametrize("name", ["nano-cpu", "nano-cpu-more", "nano-gpu", "smoke"])
def test_packaged_configs_load(name: str) -> None:
    assert load_config(name).output.parts[0] == "runs"


def test_config_reports_every_problem_at_once(tmp_path) -> None:
    from drivegrid.errors import ConfigError

    path = tmp_path / "bad.yaml"
    path.write_text("output: x\noptim: {steps: 0, speed: 3}\n")
    with pytest.raises(ConfigError, match=r"optim.steps.*optim.speed"):
        load_config(path)
    with pytest.raises(ConfigError, match="nano-cpu"):
        load_config("nano-moon")
