"""Draws views with OpenGL."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from drivegrid.geometry import Size
from drivegrid.scenes.camera import Float32Array
from drivegrid.scenes.gl.context import gl_context, link
from drivegrid.scenes.gl.geometry import PASSES, build_geometry
from drivegrid.scenes.gl.noise import SIDE, noise_tile
from drivegrid.scenes.gl.staging import (
    INSTANCE_BYTES,
    INSTANCE_FORMAT,
    INSTANCE_NAMES,
    Atlas,
    Commands,
    draw_commands,
    halo_rows,
    instance_rows,
    standing,
)
from drivegrid.scenes.gl.targets import Targets
from drivegrid.scenes.gl.uniforms import ground_strip, scene_block
from drivegrid.scenes.meshes import CATALOGUE, Model
from drivegrid.scenes.view import Picture, UInt8Array, View

if TYPE_CHECKING:
    import moderngl

_SIZES_KEPT = 4
_NOISE, _MIRRORED, _ATLAS = 4, 6, 7
"""Texture units; 0 to 3 are the plate's planes."""


_ALL = (True,) * 4, (True,) * 4
_COLOR_ONLY = (True,) * 4, (False,) * 4


class GlRenderer:
    """Draws views on a GPU, or on llvmpipe with one thread.

    The same view gives the same bytes on the same machine. A renderer belongs to the process and
    the thread that made it.

    Args:
        models: Model name -> model, of all bodies that will be drawn.

    Raises:
        RenderError: If OpenGL cannot start here.
    """

    def __init__(self, models: Mapping[str, Model] = CATALOGUE) -> None:
        self._context = context = gl_context()
        geometry = build_geometry(models)
        self._drawables = geometry.drawables
        self._scene = context.buffer(reserve=7 * 16)
        self._instances = context.buffer(reserve=256 * INSTANCE_BYTES, dynamic=True)
        self._commands = context.buffer(reserve=256 * 20, dynamic=True)
        self._halos = context.buffer(reserve=256 * 28, dynamic=True)
        self._noise = context.texture((SIDE, SIDE), 4, noise_tile())
        self._noise.build_mipmaps()
        self._noise.filter = context.LINEAR_MIPMAP_NEAREST, context.LINEAR
        self._strip = context.buffer(reserve=512 * 16, dynamic=True)
        image, self._atlas = _faces()
        self._faces = context.texture((image.shape[1], image.shape[0]), 3, image, alignment=1)
        self._faces.build_mipmaps()
        self._faces.filter = context.LINEAR_MIPMAP_LINEAR, context.LINEAR
        self._vertices = context.buffer(geometry.vertices)
        self._indices = context.buffer(geometry.indices)
        bare = link(context, "ground.vert.glsl", "depth.frag.glsl")
        self._bare_ground = context.vertex_array(bare, [(self._strip, "4f", "row")])
        self._grounds: dict[tuple[str, ...], moderngl.VertexArray] = {}
        self._bodies = [self._body_array(colouring) for colouring in PASSES]
        self._halo = context.vertex_array(
            link(context, "halo.vert.glsl", "halo.frag.glsl"),
            [(self._halos, "4f 3f/i", "place", "tone")],
        )
        self._targets: OrderedDict[Size, Targets] = OrderedDict()

    def draw(self, view: View) -> Picture:
        """Draw all of it; the same view gives the same bytes."""
        targets = self._targets_of(view.camera.size_wh)
        bodies = standing(view, self._drawables)
        commands = draw_commands(bodies, view.camera, self._drawables)
        self._upload(view, instance_rows(bodies, view, self._atlas))
        targets.upload(view.plate)
        wet, night = bool(view.plate.wet.any()), view.light.night
        if night:
            targets.upload_glow(view.plate)
        if wet:
            self._draw_mirror(targets, commands)
        vertices = self._lay_ground(targets, view)
        targets.bodies.use()
        self._draw_bodies(commands, mirror=False)
        self._light_ground(targets, vertices, wet=wet, night=night)
        if night:
            self._draw_halos(targets, halo_rows(bodies, view, self._drawables))
        return targets.picture()

    def _upload(self, view: View, instances: Float32Array) -> None:
        """Send what belongs to one view, the plate excepted."""
        self._scene.write(scene_block(view))
        self._scene.bind_to_uniform_block(0)
        _fill(self._instances, instances)
        for texture, unit in ((self._noise, _NOISE), (self._faces, _ATLAS)):
            texture.use(unit)

    def _lay_ground(self, targets: Targets, view: View) -> int:
        """Give the ground its depth, before bodies that a crest may hide; return its vertices."""
        context, strip = self._context, ground_strip(view)
        _fill(self._strip, strip)
        context.enable_only(context.DEPTH_TEST)
        context.depth_func = "<"
        targets.depth.use()
        targets.depth.clear()
        self._bare_ground.render(context.TRIANGLE_STRIP, vertices=len(strip))
        return len(strip)

    def _light_ground(self, targets: Targets, vertices: int, *, wet: bool, night: bool) -> None:
        """Colour the ground where no body hides it."""
        for unit, plane in enumerate(targets.planes):
            plane.use(unit)
        context = self._context
        context.enable_only(context.DEPTH_TEST)
        context.depth_func = "<="
        targets.bodies.color_mask = _COLOR_ONLY
        self._ground_array(wet=wet, night=night).render(context.TRIANGLE_STRIP, vertices=vertices)
        targets.bodies.color_mask = _ALL

    def _draw_mirror(self, targets: Targets, commands: list[Commands]) -> None:
        targets.mirror.use()
        targets.mirror.clear()
        self._draw_bodies(commands, mirror=True)
        targets.mirror.color_attachments[0].use(_MIRRORED)

    def _draw_bodies(self, commands: list[Commands], *, mirror: bool) -> None:
        """Draw all bodies into the framebuffer in use."""
        context = self._context
        context.enable_only(context.DEPTH_TEST | context.CULL_FACE)
        context.depth_func = "<"
        context.front_face = "ccw" if mirror else "cw"
        _fill(self._commands, np.concatenate(commands))
        first = 0
        for array, listed in zip(self._bodies, commands, strict=True):
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
        targets.bodies.use()
        targets.bodies.depth_mask = False
        targets.bodies.color_mask = _COLOR_ONLY
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

    def _ground_array(self, *, wet: bool, night: bool) -> moderngl.VertexArray:
        """Return how to draw the ground; the shader of rare weather is made when it comes."""
        defines = ("WET",) * wet + ("NIGHT",) * night
        if defines not in self._grounds:
            program = link(self._context, "ground.vert.glsl", "ground.frag.glsl", *defines)
            content = [(self._strip, "4f", "row")]
            self._grounds[defines] = self._context.vertex_array(program, content)
        return self._grounds[defines]

    def _body_array(self, colouring: str) -> moderngl.VertexArray:
        program = link(self._context, "body.vert.glsl", "body.frag.glsl", colouring)
        content = [
            _used(program, self._vertices, "3f 3f 4f1 4f1", ("vertex", "normal", "look", "kind")),
            _used(program, self._instances, INSTANCE_FORMAT, INSTANCE_NAMES),
        ]
        return self._context.vertex_array(program, content, index_buffer=self._indices)


def _used(
    program: moderngl.Program, buffer: moderngl.Buffer, layout: str, names: tuple[str, ...]
) -> tuple[object, ...]:
    """Return a buffer's content for a program, skipping attributes that it optimised away."""
    step = "/i" if layout.endswith("/i") else ""
    fields = layout.removesuffix("/i").split()
    size = {"3f": "12x", "4f": "16x", "4f1": "4x"}
    kept = [name for name in names if name in program]
    parts = [f if n in program else size[f] for f, n in zip(fields, names, strict=True)]
    return (buffer, " ".join(parts) + step, *kept)


def _fill(buffer: moderngl.Buffer, rows: npt.NDArray[np.generic]) -> None:
    """Replace a buffer's content, growing it where needed."""
    if rows.nbytes > buffer.size:
        buffer.orphan(2 * rows.nbytes)
    if rows.nbytes:
        buffer.write(np.ascontiguousarray(rows))


def _faces() -> tuple[UInt8Array, Atlas]:
    """Return the sign faces' atlas and where each face lies in it."""
    return np.full((4, 4, 3), 255, np.uint8), {}
