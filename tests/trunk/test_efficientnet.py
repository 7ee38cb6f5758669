import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402

from drivegrid.trunk.efficientnet import EfficientNetLite0, _SameConv  # noqa: E402


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [(8, 12), (7, 12), (7, 9), (1, 2)], ids=str)
def test_padding_is_tensorflows(kernel, stride, size) -> None:
    """The extra pixel goes last, here by a padded copy."""
    torch.manual_seed(0)
    conv = _SameConv(4, 4, kernel, stride, groups=4)
    x = torch.randn(2, 4, *size)
    down, across = (max((-(-n // stride) - 1) * stride + kernel - n, 0) for n in size)
    padded = F.pad(x, (across // 2, across - across // 2, down // 2, down - down // 2))
    expected = F.conv2d(padded, conv.weight, conv.bias, stride, groups=4)
    torch.testing.assert_close(conv(x), expected, rtol=1e-5, atol=1e-5)


def test_work_in_place_leaves_input_and_maps_alone() -> None:
    torch.manual_seed(0)
    trunk = EfficientNetLite0().eval()
    pixels = torch.randn(1, 3, 64, 96)
    before = pixels.clone()
    with torch.no_grad():
        maps = trunk(pixels)
        again = trunk(pixels)
    assert torch.equal(pixels, before)
    for stride, found in maps.items():
        assert found.shape[-2:] == (64 // stride, 96 // stride)
        torch.testing.assert_close(found, again[stride])


def test_upper_maps_follow_from_stride_8() -> None:
    torch.manual_seed(0)
    trunk = EfficientNetLite0().eval()
    with torch.no_grad():
        maps = trunk(torch.randn(2, 3, 64, 96))
        above = trunk.above(maps[8])
    assert above.keys() == {16, 32}
    for stride, found in above.items():
        torch.testing.assert_close(found, maps[stride])


def test_gradients_reach_every_weight() -> None:
    torch.manual_seed(0)
    trunk = EfficientNetLite0()
    sum(found.square().mean() for found in trunk(torch.randn(1, 3, 64, 64)).values()).backward()
    assert all(weight.grad is not None for weight in trunk.parameters())
