"""Frames to the input of the trunk."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


def to_pixel_values(image: npt.NDArray[np.uint8], size_wh: tuple[int, int]) -> Tensor:
    """Resize a frame plainly, aspect ratio given up, and scale it as the trunk expects.

    A plain resize keeps the lattice on the whole frame (GETok table J: best of four ways).

    Args:
        image: (H, W, 3) uint8 RGB.
        size_wh: Model input in pixels.

    Returns:
        (3, H', W') float32, (value - 127) / 128.
    """
    if image.shape[1::-1] != tuple(size_wh):
        shrinks = image.shape[1] >= size_wh[0]
        image = cv2.resize(
            image, size_wh, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        )
    scaled = (image.astype(np.float32) - 127.0) / 128.0
    return torch.from_numpy(np.ascontiguousarray(scaled.transpose(2, 0, 1)))
