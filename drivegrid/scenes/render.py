"""Render one seeded driving scene with its exact labels."""

from __future__ import annotations

import logging
import operator
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import parent_process

import numpy as np

from drivegrid.data.scene import Scene
from drivegrid.errors import GeometryError
from drivegrid.geometry import Size
from drivegrid.scenes.bonnet import paint_bonnet
from drivegrid.scenes.faces import FaceImage, face_image
from drivegrid.scenes.labels import Seen, label_world, union_boxes
from drivegrid.scenes.lens import expose
from drivegrid.scenes.plate import casters, paint_plate
from drivegrid.scenes.silhouettes import ground_areas, paint_outlines, trace_outlines
from drivegrid.scenes.view import Renderer, UInt8Array, UInt16Array, View
from drivegrid.scenes.world import World, sample_world

MIN_SIDE, MAX_SIDE = 64, 4096
MAX_SEED = 1 << 128


@dataclass(frozen=True, slots=True)
class RenderedScene:
    """A picture and what is in it.

    Args:
        image: (H, W, 3) uint8 RGB.
        scene: Labels in pixels of the picture.
        segments: (H, W) uint8 indices into ``segments.SEGMENTS``, from the outlines.
        instances: (H, W) uint16 ids (``extra["id"]`` of instances), 0 where nothing is labelled.
    """

    image: UInt8Array
    scene: Scene
    segments: UInt8Array
    instances: UInt16Array


def render_scene(
    seed: int, size_wh: Size | None = None, renderer: Renderer | None = None
) -> RenderedScene:
    """Render the scene of a seed.

    Labels depend on the seed and the size alone, never on the renderer. The same seed gives the
    same bytes on the same renderer.

    Args:
        seed: Any integer >= 0; see ``seeds`` for the ranges kept apart.
        size_wh: Width and height in pixels, 64 to 4096 each; None for the camera's own size. A
            size of another aspect ratio stretches the picture.
        renderer: What draws; None takes OpenGL where it works, else OpenCV.

    Raises:
        GeometryError: If seed or size are no whole numbers or out of range.

    >>> rendered = render_scene(7, (256, 144))
    >>> rendered.image.shape, rendered.scene.frame.size_wh
    ((144, 256, 3), (256, 144))
    """
    world = sample_world(_checked_seed(seed))
    size_wh = world.camera.size_wh if size_wh is None else _checked_size(size_wh)
    return render_world(world, size_wh, default_renderer() if renderer is None else renderer)


def _checked_seed(seed: int) -> int:
    try:
        whole = operator.index(seed)
    except TypeError:
        raise GeometryError(f"seed must be a whole number, got {seed!r:.100}.") from None
    if not 0 <= whole < MAX_SEED:
        raise GeometryError(f"seed must be >= 0 and below 2^128, got {whole}.")
    return whole


def _checked_size(size_wh: Size) -> Size:
    rule = f"size_wh must be two whole numbers, {MIN_SIDE} to {MAX_SIDE} pixels a side"
    try:
        width, height = (operator.index(side) for side in size_wh)
    except (TypeError, ValueError):
        raise GeometryError(f"{rule}, got {size_wh!r:.100}.") from None
    if not MIN_SIDE <= min(width, height) <= max(width, height) <= MAX_SIDE:
        raise GeometryError(f"{rule}, got {(width, height)}.")
    return width, height


def render_world(world: World, size_wh: Size, renderer: Renderer) -> RenderedScene:
    """Draw a world and read its labels."""
    view = view_of(world, size_wh)
    outlines = trace_outlines(view.camera, world.road.alignment, view.bodies)
    segments, instances = view.plate.segments.copy(), view.plate.instances.copy()
    areas = ground_areas(view.plate.instances, world.first_id - 1)
    areas |= paint_outlines(outlines, segments, instances)
    picture = renderer.draw(view)
    image = paint_bonnet(world, picture.image, segments, instances)
    image = expose(np.random.default_rng([world.seed, 3]), image, world.lens)
    seen = Seen(view.camera, segments, instances, areas, *union_boxes(outlines, size_wh))
    return RenderedScene(image, label_world(world, seen), segments, instances)


def view_of(world: World, size_wh: Size) -> View:
    """Return what a renderer needs to draw a world at a size."""
    camera = world.camera.resized(size_wh)
    cast = casters(world.bodies, world.plans)
    plate = paint_plate(camera, world.road, world.sky, world.finish, world.light, cast)
    return View(
        camera=camera,
        alignment=world.road.alignment,
        light=world.light,
        plate=plate,
        bodies=world.bodies,
        grain_seed=(world.seed * 0.618034) % 1.0,
        wear=world.wear,
    )


@lru_cache(maxsize=2)
def default_renderer(faces: FaceImage = face_image) -> Renderer:
    """Return the OpenGL renderer where it works, else the OpenCV compositor.

    The fallback is logged as a warning, by the main process alone: workers fall back likewise.

    Args:
        faces: What draws the pictures of signs, for example ``pack_faces.load_pack_faces()``.
    """
    from drivegrid.errors import RenderError
    from drivegrid.scenes.compositor import Compositor
    from drivegrid.scenes.gl.renderer import GlRenderer

    try:
        return GlRenderer(faces=faces)
    except RenderError as error:
        if parent_process() is None:
            logging.getLogger(__name__).warning("scenes are drawn with OpenCV. %s", error)
        return Compositor(faces)
