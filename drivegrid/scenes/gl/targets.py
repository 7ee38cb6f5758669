"""Textures and framebuffers of one picture size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from drivegrid.geometry import Size
from drivegrid.scenes.gl.edges import soften
from drivegrid.scenes.segments import SEGMENT, SEGMENTS
from drivegrid.scenes.view import Picture, Plate, UInt8Array

if TYPE_CHECKING:
    import moderngl

GROUND = ("road", "marking", "sidewalk", "terrain")
"""Segments that are lit; all others of a plate are final."""

_IS_GROUND = np.zeros(256, np.uint8)
_IS_GROUND[[SEGMENT[name] for name in GROUND]] = 255
_STANDS = np.zeros(256, np.uint8)
_STANDS[[SEGMENT[name] for name in SEGMENTS if name not in (*GROUND, "sky")]] = 255


class Targets:
    """What is drawn into and what the plate is uploaded to.

    The first row of every texture is the top row of the picture: clip space has y downwards.

    Args:
        context: Of this process.
        size_wh: Of the picture.
    """

    def __init__(self, context: moderngl.Context, size_wh: Size) -> None:
        coarse = (size_wh[0] + 2) // 3, (size_wh[1] + 2) // 3  # wet asphalt blurs what it mirrors
        self.size_wh = size_wh
        self.color = context.texture(size_wh, 4)
        self.marks = context.texture(size_wh, 2, dtype="u2")
        self.planes = tuple(context.texture(size_wh, 4) for _ in range(4))
        for texture in self.planes:
            texture.filter = context.NEAREST, context.NEAREST
        self.mirrored = context.texture(coarse, 4)
        for texture in (self.planes[0], self.mirrored):
            texture.repeat_x = texture.repeat_y = False
        self._depths: tuple[moderngl.Renderbuffer, ...] = (
            context.depth_renderbuffer(size_wh),
            context.depth_renderbuffer(coarse),
        )
        self.depth = context.framebuffer(depth_attachment=self._depths[0])
        self.bodies = context.framebuffer([self.color, self.marks], self._depths[0])
        self.mirror = context.framebuffer([self.mirrored], self._depths[1])

    def upload(self, plate: Plate) -> None:
        """Send a plate; the picture starts as its colours and ids: sky needs no shading."""
        albedo = cv2.cvtColor(plate.albedo, cv2.COLOR_RGB2RGBA)
        cv2.insertChannel(plate.shade, albedo, 3)
        is_ground = cv2.LUT(plate.segments, _IS_GROUND)
        self.color.write(albedo)
        self.marks.write(cv2.merge((plate.segments.astype(np.uint16), plate.instances)))
        self.planes[0].write(albedo)
        self.planes[1].write(np.ascontiguousarray(plate.paint))
        self.planes[2].write(cv2.merge((plate.rough, plate.wet, is_ground, is_ground)))

    def upload_glow(self, plate: Plate) -> None:
        """Send the light that lamps throw on the ground."""
        self.planes[3].write(cv2.cvtColor(plate.glow, cv2.COLOR_RGB2RGBA))

    def picture(self) -> Picture:
        """Read back what was drawn."""
        width, height = self.size_wh
        color = np.frombuffer(self.color.read(), np.uint8).reshape(height, width, 4)
        marks = np.frombuffer(self.marks.read(), np.uint32).reshape(height, width)
        segments = (marks & 0xFF).astype(np.uint8)
        instances = (marks >> 16).astype(np.uint16)
        image: UInt8Array = np.asarray(cv2.cvtColor(color, cv2.COLOR_RGBA2RGB), np.uint8)
        standing = np.asarray(cv2.LUT(segments, _STANDS), np.uint8)
        return Picture(soften(image, standing), segments, instances)

    def release(self) -> None:
        """Free everything of this size."""
        for buffer in (self.depth, self.bodies, self.mirror):
            buffer.release()
        for texture in (self.color, self.marks, self.mirrored, *self.planes):
            texture.release()
        for depth in self._depths:
            depth.release()
