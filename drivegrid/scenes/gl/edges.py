"""Smoother edges of things, after drawing."""

from __future__ import annotations

import cv2
import numpy as np

from drivegrid.scenes.view import UInt8Array

_CONTRAST = 26
_AROUND = np.ones((3, 3), np.uint8)


def soften(image: UInt8Array, standing: UInt8Array) -> UInt8Array:
    """Average pixels at contrasts on and beside what stands, so that steps become slopes.

    Args:
        image: (H, W, 3) uint8.
        standing: (H, W) uint8, not 0 on things; elsewhere the painter has smoothed its edges.

    Returns:
        (H, W, 3) uint8; the mean of an edge's place does not move.
    """
    green = cv2.extractChannel(image, 1)
    contrast = cv2.morphologyEx(green, cv2.MORPH_GRADIENT, _AROUND)
    edge = cv2.threshold(contrast, _CONTRAST, 255, cv2.THRESH_BINARY)[1]
    edge &= cv2.dilate(standing, _AROUND)
    smooth = cv2.GaussianBlur(image, (3, 3), 0)
    return np.asarray(cv2.copyTo(smooth, edge, image))
