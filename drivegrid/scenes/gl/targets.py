"""Textures and framebuffers of one picture size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from drivegrid.geometry import Size
from drivegrid.scenes.ground_light import mirror_size
from drivegrid.scenes.view import UInt8Array

if TYPE_CHECKING:
    import moderngl

NOBODY = 255
"""Alpha of a picture where no body is; bodies count from 0."""


class Targets:
    """What is drawn into; colours are a body's, alpha is its number.

    The first row of every texture is the top row of the picture: clip space has y downwards.

    Args:
        context: Of this process.
        size_wh: Of the picture.
    """

    def __init__(self, context: moderngl.Context, size_wh: Size) -> None:
        coarse = mirror_size(size_wh)
        self._color, self._mirrored = context.texture(size_wh, 4), context.texture(coarse, 4)
        self._depths: tuple[moderngl.Renderbuffer, ...] = (
            context.depth_renderbuffer(size_wh),
            context.depth_renderbuffer(coarse),
        )
        self.depth = context.framebuffer(depth_attachment=self._depths[0])
        self.bodies = context.framebuffer([self._color], self._depths[0])
        self.mirror = context.framebuffer([self._mirrored], self._depths[1])
        self._canvas: UInt8Array = np.empty((size_wh[1], size_wh[0], 4), np.uint8)

    def start(self, image: UInt8Array) -> None:
        """Begin with an (H, W, 3) picture without bodies."""
        self._color.write(cv2.cvtColor(image, cv2.COLOR_RGB2RGBA, dst=self._canvas))

    def read(self) -> tuple[UInt8Array, UInt8Array]:
        """Return the (H, W, 3) picture and the (H, W) numbers of its bodies."""
        self._color.read_into(self._canvas)
        image = cv2.cvtColor(self._canvas, cv2.COLOR_RGBA2RGB)
        numbers = cv2.extractChannel(self._canvas, 3)
        return np.asarray(image, np.uint8), np.asarray(numbers, np.uint8)

    def read_mirror(self) -> UInt8Array:
        """Return the (h, w, 4) picture of mirrored bodies; alpha is 0 where there is none."""
        width, height = self._mirrored.size
        return np.frombuffer(self._mirrored.read(), np.uint8).reshape(height, width, 4)

    def release(self) -> None:
        """Free everything of this size."""
        for thing in (self.depth, self.bodies, self.mirror, self._color, self._mirrored):
            thing.release()
        for depth in self._depths:
            depth.release()
