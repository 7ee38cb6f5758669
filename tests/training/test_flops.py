"""Operations by arithmetic against torch's counter."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from drivegrid.training.config import AdapterSettings, FullSettings, OptimConfig  # noqa: E402
from drivegrid.training.examples import Dialogue, Exchange  # noqa: E402
from drivegrid.training.flops import peak_flops, trunk_flops  # noqa: E402
from drivegrid.training.nano_student import NanoStudent  # noqa: E402
from drivegrid.training.qwen_student import QwenStudent  # noqa: E402
from torch.nn.attention import SDPBackend, sdpa_kernel  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from drivegrid.data.scene import Frame, Scene  # noqa: E402
from drivegrid.model.checkpoint import new_nano  # noqa: E402
from drivegrid.tokens.grid import GridSpec  # noqa: E402
from drivegrid.trunk.efficientnet import FIRST_ABOVE, EfficientNetLite0  # noqa: E402
from drivegrid.trunk.pixels import to_pixel_values  # noqa: E402
from tests.model.tiny_qwen import make_extended  # noqa: E402

TEXTS = ("all lanes", "lane line: <line><grid_1_2><grid_2_0></line>")
REFINED = ("refine", "<offset><line><OFF_0_1><OFF_1_0></line></offset>")


SIZE_WH = (96, 64)


def small_nano(*, tuned: bool, cached: bool = False) -> NanoStudent:
    sizes = {"hidden_size": 48, "num_layers": 2, "num_heads": 2, "image_size_wh": SIZE_WH}
    model, processor = new_nano(GridSpec(cols=8, rows=8), [*TEXTS, REFINED[0]], **sizes)
    rates = OptimConfig(trunk_learning_rate=1e-4 if tuned else 0.0)
    return NanoStudent(model, processor, 256, rates, cached=cached)


def counted(run) -> int:
    # The counter does not know every fused attention; products it does.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        run()
    return counter.get_total_flops()


def step_of(student, size_wh, cached=False) -> tuple[float, int]:
    """Return the operations of a step on two rows, by arithmetic and counted."""
    image = np.random.default_rng(0).integers(0, 256, (*size_wh[::-1], 3), np.uint8)
    said = Dialogue("lanes", (Exchange(*TEXTS), Exchange(*REFINED)))
    visual = {"image": image}
    if cached:
        with torch.no_grad():
            maps = student.model.trunk(to_pixel_values(image, size_wh)[None])
        visual = {"pyramid": {stride: found[0] for stride, found in maps.items()}}
    row = student.row(visual, Scene(Frame("a.png", size_wh)), [said])
    batch = student.collate([row, row])
    student.parameter_groups()
    student.model.train()
    return student.flops(batch), counted(
        lambda: student.losses(student.model, batch).mean().backward()
    )


@pytest.mark.parametrize(
    ("device", "precision", "peak"),
    [
        ("", "bf16", None),
        ("NVIDIA H200", "bf16", 989e12),
        ("NVIDIA A100-SXM4-80GB", "bf16", 312e12),
        ("NVIDIA A100-SXM4-80GB", "fp32", None),
        ("Tesla T4", "bf16", None),
    ],
)
def test_peaks_are_known_or_not(device, precision, peak) -> None:
    assert peak_flops(device, precision) == peak


def test_trunk_is_counted_to_the_product() -> None:
    trunk = EfficientNetLite0()
    with torch.no_grad():
        found = counted(lambda: trunk(torch.zeros(1, 3, 64, 96)))
    # The counter sees the row and column of zeros that kernels at stride 2 are padded by: 3 %.
    assert trunk_flops((96, 64)) == pytest.approx(found, rel=0.04)
    assert trunk_flops((96, 64)) < found


def test_nano_step() -> None:
    by_arithmetic, found = step_of(small_nano(tuned=False), SIZE_WH)
    assert by_arithmetic == pytest.approx(found, rel=0.03)


def test_a_trunk_that_learns_costs_twice_more() -> None:
    # Not against the counter: it forgets the groups of convolutions on the way back.
    frozen, _ = step_of(small_nano(tuned=False), SIZE_WH)
    tuned, _ = step_of(small_nano(tuned=True), SIZE_WH)
    assert tuned - frozen == pytest.approx(2 * 2 * trunk_flops(SIZE_WH), rel=0.03)


def test_a_cached_trunk_that_learns_is_run_above_stride_8() -> None:
    frozen, _ = step_of(small_nano(tuned=False, cached=True), SIZE_WH, cached=True)
    tuned, _ = step_of(small_nano(tuned=True, cached=True), SIZE_WH, cached=True)
    above = trunk_flops(SIZE_WH, FIRST_ABOVE)
    assert tuned - frozen == pytest.approx(2 * 3 * above, rel=0.06)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        EfficientNetLite0().above(torch.zeros(1, 40, SIZE_WH[1] // 8, SIZE_WH[0] // 8))
    # Odd paddings are convolved with kernels that are a row or column wider.
    assert above == pytest.approx(counter.get_total_flops(), rel=0.01)


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_qwen_step(tied, tmp_path) -> None:
    base = make_extended(tmp_path, tied)
    settings = AdapterSettings(base=base, size_wh=(112, 112), rank=4, alpha=8, checkpointing=False)
    by_arithmetic, found = step_of(QwenStudent(settings, OptimConfig()), (112, 112))
    assert by_arithmetic == pytest.approx(found, rel=0.001)


def test_qwen_step_that_teaches_every_weight_of_the_body(tmp_path) -> None:
    settings = FullSettings(
        base=make_extended(tmp_path, True), size_wh=(112, 112), checkpointing=False
    )
    by_arithmetic, found = step_of(QwenStudent(settings, OptimConfig()), (112, 112))
    assert by_arithmetic == pytest.approx(found, rel=0.01)
