"""Textures and framebuffers of one picture size."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np

from drivegrid.geometry import Size
from drivegrid.scenes.gl.edges import soften
from drivegrid.scenes.segments import SEGMENT, SEGMENTS
from drivegrid.scenes.view import Picture, Plate

if TYPE_CHECKING:
    import moderngl

GROUND = ("road", "marking", "sidewalk", "terrain")
"""Segments that are lit; all others of a plate are final."""

_IS_GROUND = np.zeros(256, np.uint8)
_IS_GROUND[[SEGMENT[name] for name in GROUND]] = 255
_STANDS = np.zeros(256, np.uint8)
_STANDS[[SEGMENT[name] for name in SEGMENTS if name not in (*GROUND, "sky")]] = 255


@dataclass(frozen=True)
class Targets:
    """What is drawn into and what the plate is uploaded to.

    The first row of every texture is the top row of the picture: clip space has y downwards.
    """

    context: moderngl.Context
    size_wh: Size
    color: moderngl.Texture = field(init=False)
    marks: moderngl.Texture = field(init=False)
    planes: tuple[moderngl.Texture, ...] = field(init=False)
    mirror: moderngl.Framebuffer = field(init=False)
    depth: moderngl.Framebuffer = field(init=False)
    ground: moderngl.Framebuffer = field(init=False)
    bodies: moderngl.Framebuffer = field(init=False)

    def __post_init__(self) -> None:
        context, size = self.context, self.size_wh
        planes = tuple(context.texture(size, 4) for _ in range(4))
        color = context.texture(size, 4)
        for texture in planes:
            texture.filter = context.NEAREST, context.NEAREST
        planes[0].repeat_x = planes[0].repeat_y = False
        marks = context.texture(size, 2, dtype="u2")
        deep = context.depth_renderbuffer(size)
        half = (size[0] + 1) // 2, (size[1] + 1) // 2
        mirrored = context.texture(half, 4)
        mirrored.repeat_x = mirrored.repeat_y = False
        values = {
            "color": color,
            "marks": marks,
            "planes": planes,
            "depth": context.framebuffer(depth_attachment=deep),
            "ground": context.framebuffer([color], deep),
            "bodies": context.framebuffer([color, marks], deep),
            "mirror": context.framebuffer([mirrored], context.depth_renderbuffer(half)),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

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
        image = soften(cv2.cvtColor(color, cv2.COLOR_RGBA2RGB), cv2.LUT(segments, _STANDS))
        return Picture(image, segments, instances)

    def release(self) -> None:
        """Free everything of this size."""
        for buffer in (self.ground, self.bodies, self.mirror):
            attached = (*buffer.color_attachments, buffer.depth_attachment)
            buffer.release()
            for texture in attached:
                if texture is not None:
                    texture.release()
        for texture in self.planes:
            texture.release()
