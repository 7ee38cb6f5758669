"""Qwen2.5-VL stand-ins learn: rows and LoRA alone, answers alone, the same after a resume."""

import json

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from drivegrid.training.checks import check_gradients  # noqa: E402
from drivegrid.training.config import (  # noqa: E402
    AdapterSettings,
    OptimConfig,
    TrainingConfig,
    load_config,
)
from drivegrid.training.examples import Dialogue, Exchange  # noqa: E402
from drivegrid.training.qwen_student import QwenStudent  # noqa: E402
from drivegrid.training.sft import train  # noqa: E402
from drivegrid.training.student import IGNORE_INDEX  # noqa: E402

from drivegrid.data.scene import Frame, Instance, Scene  # noqa: E402
from drivegrid.data.store import save_scenes  # noqa: E402
from drivegrid.errors import ConfigError, ModelError  # noqa: E402
from drivegrid.geometry import Box  # noqa: E402
from drivegrid.model.adapter import load_adapter  # noqa: E402
from drivegrid.model.processor import chat_text  # noqa: E402
from tests.model.tiny_qwen import make_extended  # noqa: E402

SCENE = Scene(Frame("a.png", (56, 56)))
ASKED = Dialogue("lanes", (Exchange("all lanes", "lane line: <line><grid_1_2><grid_2_0></line>"),))
REFINED = Dialogue(
    "refine",
    (
        Exchange("all cones", "cone: <point><grid_0_1></point>", learnt=False),
        Exchange("refine", "<offset><point><OFF_1_0></point></offset>"),
    ),
)


@pytest.fixture(scope="module", params=[True, False], ids=["tied", "untied"])
def base(request, tmp_path_factory):
    return make_extended(tmp_path_factory.mktemp("qwen"), request.param)


def student_of(base, **changes):
    settings = AdapterSettings(base=base, size_wh=(56, 56), rank=4, alpha=8, **changes)
    return QwenStudent(settings, OptimConfig())


def row_of(student, *dialogues):
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    return student.row({"image": image}, SCENE, dialogues)


def loss_of(student, batch):
    return student.losses(student.model, batch).mean()


def test_a_row_is_the_chat_and_the_labels_its_answers(base) -> None:
    student = student_of(base)
    row = row_of(student, REFINED)
    tokenizer = student.processor.tokenizer
    turns = [
        (role, text)
        for exchange in REFINED.exchanges
        for role, text in (("user", exchange.prompt), ("assistant", exchange.answer))
    ]
    messages = [{"role": r, "content": [{"type": "tokens", "text": t}]} for r, t in turns]
    whole = chat_text(messages, student.processor.num_image_tokens, add_generation_prompt=False)
    assert row["ids"].tolist() == tokenizer.encode(whole, add_special_tokens=False)
    taught = row["labels"][row["labels"] != IGNORE_INDEX].tolist()
    assert tokenizer.decode(taught) == REFINED.exchanges[1].answer + "<|im_end|>"


def test_a_packed_row_gives_the_losses_of_its_dialogues_apart(base) -> None:
    student = student_of(base)
    student.model.eval()
    batches = [
        [[ASKED], [REFINED]],  # padded
        [[ASKED, REFINED]],
        [[REFINED, ASKED], [REFINED]],
    ]
    for batch in batches:
        total, taught = 0.0, 0
        for dialogue in (one for row in batch for one in row):
            loss, count = loss_of_transformers(student, dialogue)
            total, taught = total + count * loss, taught + count
        rows = student.collate([row_of(student, *dialogues) for dialogues in batch])
        with torch.no_grad():
            ours = loss_of(student, rows)
        assert float(ours) == pytest.approx(total / taught, abs=1e-5)


def loss_of_transformers(student, dialogue) -> tuple[float, int]:
    """Return the mean loss of one dialogue as transformers sees it, and the tokens taught."""
    row = row_of(student, dialogue)
    ids, labels = row["ids"][None], row["labels"][None]
    with torch.no_grad():
        output = student.model(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            mm_token_type_ids=(ids == student.processor.image_token_id).long(),
            pixel_values=row["patches"],
            image_grid_thw=torch.tensor([student.processor.grid_thw]),
            labels=labels,
        )
    return float(output.loss), int((labels != IGNORE_INDEX).sum())


def test_a_row_takes_dialogues_until_it_is_full(base) -> None:
    settings = AdapterSettings(base=base, size_wh=(56, 56), rank=4, alpha=8)
    length = len(student_of(base).write(ASKED).ids)
    for room, most, taken in [(1, None, 1), (length, None, 1), (length + 1, None, 2), (1, 3, 3)]:
        student = QwenStudent(settings, OptimConfig(), room, most)
        assert int(row_of(student, *[ASKED] * 4)["segments"].max()) == taken


def test_soft_targets_forgive_a_neighbouring_cell(base) -> None:
    hard, soft = student_of(base), student_of(base, target_sigma=0.6)
    batch = hard.collate([row_of(hard, ASKED)])
    with torch.no_grad():
        losses = [float(s.losses(s.model.eval(), batch).mean()) for s in (hard, soft)]
    assert losses[0] != pytest.approx(losses[1], abs=1e-4)


def test_what_must_learn_gets_a_gradient_and_nothing_else(base) -> None:
    student = student_of(base)
    batch = student.collate([row_of(student, ASKED)])
    before = {n: p.detach().clone() for n, p in student.model.named_parameters()}
    check_gradients(student, batch)
    after = dict(student.model.named_parameters())
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(p.grad is None for p in after.values())
    unasked = student.collate(
        [row_of(student, Dialogue("lanes", (Exchange("a", "b", learnt=False),)))]
    )
    with pytest.raises(ModelError, match="must hold an answer to learn"):
        check_gradients(student, unasked)
    next(p for n, p in after.items() if "visual" in n).requires_grad_(True)
    with pytest.raises(ModelError, match=r"visual.* must not learn"):
        check_gradients(student, batch)


def labels(folder, count=4):
    folder.mkdir()
    scenes = []
    for number in range(count):
        frame = Frame(f"{number}.png", (64, 48))
        cone = Instance("obstacle/cone", Box(np.array([4.0 + number, 4, 40, 44])))
        scenes.append(Scene(frame, (cone,)))
        Image.new("RGB", (64, 48), (40 * number, 90, 60)).save(folder / frame.image)
    save_scenes(scenes, folder / "labels.jsonl")
    return folder


def config(base, data, steps=4) -> TrainingConfig:
    return TrainingConfig.model_validate(
        {
            "adapter": {"base": base, "size_wh": [56, 56], "rank": 4, "alpha": 8},
            "data": {
                "labelled": [{"path": data}],
                "rendered": 0,
                "tasks": {"objects": 1, "object_query": 1},
                "augment": {"flip": 0.5},
                "held_out": data,
                "workers": 0,
            },
            "optim": {
                "steps": steps,
                "batch_scenes": 2,
                "warmup_steps": 1,
                "save_every": 2,
                "judge_every": 2,
                "threads": 1,
                "row_learning_rate": 0.05,
            },
        }
    )


@pytest.fixture(autouse=True)
def _short_answers(monkeypatch) -> None:
    monkeypatch.setattr("drivegrid.training.pictures.MOST_TOKENS", 8)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the trainer warns about the missing GPU and more
def test_a_run_on_labels_learns_and_is_loaded_again(base, tmp_path) -> None:
    data = labels(tmp_path / "data")
    adapter = train(config(base, data, 8), tmp_path / "run")
    judged = json.loads((tmp_path / "run" / "judged.json").read_text())
    assert judged[-1]["mean"] < judged[0]["mean"]
    model, _, _ = load_adapter(base, adapter)
    assert any(float(p.abs().sum()) > 0 for n, p in model.named_parameters() if "lora_B" in n)
    assert "LoRA and spatial rows" in (adapter / "README.md").read_text()
    facts = json.loads((adapter / "training.json").read_text())
    assert facts["config"]["data"]["tasks"] == {"objects": 1.0, "object_query": 1.0}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_settings_of_the_paper_run(base, tmp_path) -> None:
    """docs/finetune.md runs those of `default`."""
    data = labels(tmp_path / "data", 2)
    changes = [
        f"adapter.base={base}",
        "adapter.size_wh=[56, 56]",
        f"data.labelled=[{{path: {data}}}]",
        "data.rendered=0",
        f"data.held_out={data}",
        "data.workers=0",
        "optim.steps=2",
        "optim.accumulate=1",
        "optim.threads=1",
    ]
    paper = load_config("paper", changes)
    assert (paper.adapter.rank, paper.optim.learning_rate) == (64, 1e-6)
    load_adapter(base, train(paper, tmp_path / "run"))


def test_a_config_for_an_adapter_wants_its_base() -> None:
    with pytest.raises(ConfigError, match=r"adapter\.base: Field required"):
        load_config("default")
