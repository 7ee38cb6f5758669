"""Runs that would go wrong are refused, each with a clear error."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from drivegrid.training import checks  # noqa: E402
from drivegrid.training.checks import FrozenRows, check_gradients, check_room  # noqa: E402
from drivegrid.training.config import AdapterSettings, OptimConfig  # noqa: E402
from drivegrid.training.labelled import LabelledScenes  # noqa: E402
from drivegrid.training.qwen_checks import check_qwen, check_size  # noqa: E402
from drivegrid.training.qwen_student import QwenStudent  # noqa: E402
from peft.utils import ModulesToSaveWrapper  # noqa: E402

from drivegrid.data.scene import Frame, Instance, Scene  # noqa: E402
from drivegrid.data.store import save_scenes  # noqa: E402
from drivegrid.errors import ConfigError, ModelError  # noqa: E402
from drivegrid.geometry import Box  # noqa: E402
from drivegrid.tokens.grid import GridSpec  # noqa: E402
from tests.model.tiny_qwen import make_extended  # noqa: E402
from tests.training.test_qwen_student import ASKED, REFINED, row_of  # noqa: E402


@pytest.fixture(scope="module", params=[True, False], ids=["tied", "untied"])
def base(request, tmp_path_factory):
    return make_extended(tmp_path_factory.mktemp("qwen"), request.param)


@pytest.fixture
def student(base):
    settings = AdapterSettings(base=base, size_wh=(56, 56), rank=4, alpha=8)
    return QwenStudent(settings, OptimConfig())


@pytest.fixture
def batch(student):
    return student.collate([row_of(student, ASKED, REFINED)])


def named(student, part: str):
    return next((n, p) for n, p in student.model.named_parameters() if part in n)


def check(student, batch) -> None:
    check_qwen(student, batch)
    check_gradients(student, batch)


def test_a_run_that_is_right_is_let_through(student, batch) -> None:
    check(student, batch)


def test_rows_without_a_gradient(student, batch) -> None:
    _, rows = named(student, "trainable_tokens_delta")
    hook = rows.register_hook(torch.zeros_like)
    with pytest.raises(ModelError, match=r"rows in .*delta.* must get a gradient, got none"):
        check(student, batch)
    hook.remove()
    rows.requires_grad_(False)
    with pytest.raises(ModelError, match="rows of new tokens must learn in embed_tokens, got none"):
        check(student, batch)


def test_old_rows_that_would_learn(student, batch) -> None:
    for name, parameter in student.model.named_parameters():
        if "embed_tokens" in name and name.endswith("weight"):
            parameter.requires_grad_(True)
    with pytest.raises(ModelError, match=r"embed_tokens.* must not learn: old rows would change"):
        check(student, batch)


@pytest.mark.parametrize("row", [0, 137, -1])
def test_any_old_row_that_changed_is_found(student, row) -> None:
    frozen = FrozenRows(student)
    frozen.check(student.model)
    weight = next(
        p
        for n, p in student.model.named_parameters()
        if "embed_tokens" in n and n.endswith("weight")
    )
    with torch.no_grad():
        weight[row, 3] = torch.nextafter(weight[row, 3], torch.tensor(9.0))
    with pytest.raises(ModelError, match=f"in 1 of its {len(weight)} rows .* {row % len(weight)}"):
        frozen.check(student.model)


def test_modules_to_save(student, batch) -> None:
    inside = student.model.get_base_model()
    inside.lm_head = ModulesToSaveWrapper(inside.lm_head, "default")
    with pytest.raises(ModelError, match=r"modules_to_save must be empty, got .*lm_head"):
        check(student, batch)


def test_a_tied_head_that_came_loose(student, batch) -> None:
    inside = student.model.get_base_model()
    if not inside.config.tie_word_embeddings:
        pytest.skip("an untied head is a matrix of its own")
    width = inside.config.text_config.hidden_size
    loose = torch.nn.Linear(width, inside.config.text_config.vocab_size, bias=False)
    inside.lm_head = loose.requires_grad_(False)
    with pytest.raises(ModelError, match="a tied head must be the embedding"):
        check(student, batch)


def test_spatial_tokens_that_are_special(student, batch) -> None:
    student.processor.tokenizer.add_special_tokens({"extra_special_tokens": ["<grid_0_0>"]})
    with pytest.raises(ModelError, match="spatial tokens must not be special, got <grid_0_0>"):
        check(student, batch)


def test_rows_that_lost_visual_tokens(student, batch) -> None:
    first = int((batch["input_ids"][0] == student.processor.image_token_id).nonzero()[0])
    batch["input_ids"][0, first] = 65
    with pytest.raises(ModelError, match=r"must hold 4 visual tokens, got \[3\]"):
        check(student, batch)


@pytest.mark.parametrize(
    ("size_wh", "grid", "right"),
    [
        ((896, 896), GridSpec(), True),
        ((840, 840), GridSpec(), True),
        ((448, 448), GridSpec(), True),
        ((448, 420), GridSpec(), False),
        ((420, 448), GridSpec(), False),
        ((56, 56), GridSpec(cols=4, rows=3), True),
        ((504, 896), GridSpec(cols=48, rows=27), False),
    ],
)
def test_pictures_too_small_for_the_lattice(size_wh, grid, right) -> None:
    if right:
        check_size(size_wh, grid)
    else:
        with pytest.raises(ConfigError, match=r"at least a visual token to 2 x 2 cells, got"):
            check_size(size_wh, grid)


def test_pictures_of_another_size_than_their_labels_say(tmp_path) -> None:
    cone = Instance("obstacle/cone", Box(np.array([4.0, 4, 40, 44])))
    save_scenes([Scene(Frame("a.png", (64, 48)), (cone,))], tmp_path / "labels.jsonl")
    Image.new("RGB", (64, 48)).save(tmp_path / "a.png")
    assert len(LabelledScenes(tmp_path)) == 1
    Image.new("RGB", (48, 64)).save(tmp_path / "a.png")
    with pytest.raises(ConfigError, match=r"picture must be \(64, 48\) .* got \(48, 64\)"):
        LabelledScenes(tmp_path)


def test_a_disk_without_room_is_named_before_the_first_step(student, tmp_path, monkeypatch) -> None:
    check_room(tmp_path, student.parameter_groups())
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda _: SimpleNamespace(free=99_999))
    with pytest.raises(ConfigError, match=r"must have [\d,]+ bytes free, got 99,999"):
        check_room(tmp_path, student.parameter_groups())
