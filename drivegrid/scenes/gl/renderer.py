"""Draws views with OpenGL."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

from drivegrid.geometry import Size
from drivegrid.scenes.body import Body
from drivegrid.scenes.camera import Float32Array
from drivegrid.scenes.faces import FaceImage, face_atlas, face_image
from drivegrid.scenes.gl.context import gl_context, link
from drivegrid.scenes.gl.edges import soften, window_around
from drivegrid.scenes.gl.geometry import PASSES, VERTEX, build_geometry
from drivegrid.scenes.gl.noise import SIDE, noise_tile
from drivegrid.scenes.gl.staging import (
    INSTANCE_BYTES,
    INSTANCE_FORMAT,
    INSTANCE_NAMES,
    Commands,
    draw_commands,
    halo_rows,
    instance_rows,
    standing,
    write_ids,
)
from drivegrid.scenes.gl.targets import NOBODY, Targets
from drivegrid.scenes.gl.uniforms import ground_strip, scene_block
from drivegrid.scenes.ground_light import light_ground, mirror_size
from drivegrid.scenes.meshes import CATALOGUE, Model
from drivegrid.scenes.view import Picture, UInt8Array, View

if TYPE_CHECKING:
    import moderngl

_FACE_PX = 128
_SIZES_KEPT = 4

_NOISE, _ATLAS = 4, 7
"""Texture units."""

_ALL: Any = (True,) * 4
_NO_NUMBER: Any = (True, True, True, False)


class GlRenderer:
    """Draws views on a GPU, or on llvmpipe with one thread.

    The same view gives the same bytes on the same machine. A renderer belongs to the process and
    the thread that made it.

    Args:
        models: Model name -> model, of all bodies that will be drawn.
        faces: What draws the pictures of signs.

    Raises:
        RenderError: If OpenGL cannot start here.
    """

    def __init__(
        self, models: Mapping[str, Model] = CATALOGUE, faces: FaceImage = face_image
    ) -> None:
        self._context = gl_context()
        self._targets: OrderedDict[Size, Targets] = OrderedDict()
        with self._context:
            self._build(models, faces)

    def _build(self, models: Mapping[str, Model], faces: FaceImage) -> None:
        """Send what all views share."""
        context = self._context
        geometry = build_geometry(models)
        self._drawables = geometry.drawables
        self._scene = context.buffer(reserve=6 * 16)
        self._instances = context.buffer(reserve=256 * INSTANCE_BYTES, dynamic=True)
        self._commands = context.buffer(reserve=256 * 20, dynamic=True)
        self._halos = context.buffer(reserve=256 * 28, dynamic=True)
        self._noise = context.texture((SIDE, SIDE), 2, noise_tile())
        self._noise.build_mipmaps()
        self._noise.filter = context.NEAREST_MIPMAP_NEAREST, context.NEAREST
        self._strip = context.buffer(reserve=512 * 12, dynamic=True)
        image, places = face_atlas(_FACE_PX, faces)
        self._atlas = {k: (u0, v0, u1 - u0, v1 - v0) for k, (u0, v0, u1, v1) in places.items()}
        self._faces = context.texture((image.shape[1], image.shape[0]), 3, image, alignment=1)
        self._faces.build_mipmaps()
        self._faces.filter = context.LINEAR_MIPMAP_LINEAR, context.LINEAR
        self._vertices = context.buffer(geometry.vertices)
        self._indices = context.buffer(geometry.indices)
        ground = link(context, "ground.vert.glsl", "depth.frag.glsl")
        self._ground = context.vertex_array(ground, [(self._strip, "3f", "row")])
        self._bodies = {False: self._body_arrays()}
        self._halo = context.vertex_array(
            link(context, "halo.vert.glsl", "halo.frag.glsl"),
            [(self._halos, "4f 3f/i", "place", "tone")],
        )

    def draw(self, view: View) -> Picture:
        """Draw all of it; the same view gives the same bytes. No context is current afterwards."""
        # Another context that became current meanwhile has other things under the same names:
        # reading a texture of another size would write beyond the memory kept for it.
        with self._context:
            return self._draw(view)

    def _draw(self, view: View) -> Picture:
        targets = self._targets_of(view.camera.size_wh)
        bodies = standing(view, self._drawables)
        self._upload(view, instance_rows(bodies, view, self._atlas))
        image = light_ground(view, partial(self._reflect, view, bodies, targets))
        segments, instances = view.plate.segments.copy(), view.plate.instances.copy()
        self._lay_ground(targets, view)
        for first in range(0, len(bodies), NOBODY):
            group = range(first, min(first + NOBODY, len(bodies)))
            targets.start(image)
            targets.bodies.use()
            self._draw_bodies(view, draw_commands(bodies, group, view.camera, self._drawables))
            if view.light.night:
                self._draw_halos(targets, halo_rows(bodies, view, self._drawables))
            image, numbers = targets.read()
            at = window_around(numbers)
            shown = [bodies[index] for index in group]
            write_ids(shown, numbers[at], segments[at], instances[at])
            soften(image[at], numbers[at])
        return Picture(image, segments, instances)

    def _upload(self, view: View, instances: Float32Array) -> None:
        """Send what belongs to one view."""
        self._scene.write(scene_block(view))
        self._scene.bind_to_uniform_block(0)
        _fill(self._instances, instances)
        for texture, unit in ((self._noise, _NOISE), (self._faces, _ATLAS)):
            texture.use(unit)

    def _lay_ground(self, targets: Targets, view: View) -> None:
        """Give the ground its depth, since a crest may hide bodies."""
        context, strip = self._context, ground_strip(view)
        _fill(self._strip, strip)
        context.enable_only(context.DEPTH_TEST)
        targets.depth.use()
        targets.depth.clear()
        self._ground.render(context.TRIANGLE_STRIP, vertices=len(strip))

    def _reflect(
        self, view: View, bodies: list[Body], targets: Targets, mirror: UInt8Array
    ) -> None:
        """Draw mirrored bodies over a picture of the mirrored sky, in place."""
        targets.mirror.use()
        targets.mirror.clear(alpha=1.0)
        width, height = mirror_size(view.camera.size_wh)
        # Ripples blur it again: what takes up a pixel of a third of that size is not seen.
        coarse = view.camera.resized((max(width // 3, 1), max(height // 3, 1)))
        group = range(min(len(bodies), NOBODY))
        commands = draw_commands(bodies, group, coarse, self._drawables)
        self._draw_bodies(view, commands, mirror=True)
        drawn = targets.read_mirror()
        where = cv2.threshold(drawn[:, :, 3], NOBODY - 1, 255, cv2.THRESH_BINARY_INV)[1]
        cv2.copyTo(np.ascontiguousarray(drawn[:, :, :3]), where, mirror)

    def _draw_bodies(self, view: View, commands: list[Commands], *, mirror: bool = False) -> None:
        """Draw bodies into the framebuffer in use; the night's shaders are made when it comes."""
        night = view.light.night
        if night not in self._bodies:
            self._bodies[night] = self._body_arrays("NIGHT")
        context = self._context
        context.enable_only(context.DEPTH_TEST | context.CULL_FACE)
        context.front_face = "cw" if mirror else "ccw"
        _fill(self._commands, np.concatenate(commands))
        first = 0
        for array, listed in zip(self._bodies[night], commands, strict=True):
            if len(listed):
                array.program["mirror"] = float(mirror)
                array.render_indirect(self._commands, context.TRIANGLES, len(listed), first)
            first += len(listed)

    def _draw_halos(self, targets: Targets, rows: Float32Array) -> None:
        if len(rows) == 0:
            return
        context = self._context
        context.enable_only(context.DEPTH_TEST | context.BLEND)
        context.blend_func = context.ONE, context.ONE
        targets.bodies.depth_mask = False
        targets.bodies.color_mask = _NO_NUMBER
        _fill(self._halos, rows)
        self._halo.render(context.TRIANGLE_STRIP, vertices=4, instances=len(rows))
        targets.bodies.depth_mask = True
        targets.bodies.color_mask = _ALL

    def _targets_of(self, size_wh: Size) -> Targets:
        """Return the targets of a size; the sizes used last are kept."""
        targets = self._targets.pop(size_wh, None) or Targets(self._context, size_wh)
        self._targets[size_wh] = targets
        if len(self._targets) > _SIZES_KEPT:
            self._targets.popitem(last=False)[1].release()
        return targets

    def _body_arrays(self, *defines: str) -> list[moderngl.VertexArray]:
        """Return how to draw bodies in each pass."""
        arrays = []
        for colouring in PASSES:
            program = link(self._context, "body.vert.glsl", "body.frag.glsl", colouring, *defines)
            content = [
                _used(program, self._vertices, "3f 3f 1f 4f1 4f1", VERTEX.names or ()),
                _used(program, self._instances, INSTANCE_FORMAT, INSTANCE_NAMES),
            ]
            arrays.append(self._context.vertex_array(program, content, self._indices))
        return arrays


def _used(
    program: moderngl.Program, buffer: moderngl.Buffer, layout: str, names: Sequence[str]
) -> tuple[object, ...]:
    """Return a buffer's content for a program, skipping attributes that it optimised away."""
    step = "/i" if layout.endswith("/i") else ""
    fields = layout.removesuffix("/i").split()
    size = {"1f": "4x", "3f": "12x", "4f": "16x", "4f1": "4x"}
    kept = [name for name in names if name in program]
    parts = [f if n in program else size[f] for f, n in zip(fields, names, strict=True)]
    return (buffer, " ".join(parts) + step, *kept)


def _fill(buffer: moderngl.Buffer, rows: npt.NDArray[np.generic]) -> None:
    """Replace a buffer's content, growing it where needed."""
    if rows.nbytes > buffer.size:
        buffer.orphan(2 * rows.nbytes)
    if rows.nbytes:
        buffer.write(np.ascontiguousarray(rows))
