"""Render one seeded driving scene with its exact labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np

from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.errors import GeometryError
from drivegrid.geometry import FloatArray, Size
from drivegrid.scenes import (
    backdrop,
    bodywork,
    greenery,
    labels,
    markings,
    obstacles,
    signs,
    surface,
    traffic,
    weather,
)
from drivegrid.scenes.bonnet import draw_bonnet
from drivegrid.scenes.camera import REFERENCE_WH, Camera, sample_camera
from drivegrid.scenes.canvas import Canvas, UInt8Array
from drivegrid.scenes.obstacles import Obstacle
from drivegrid.scenes.road import Road, sample_road
from drivegrid.scenes.signs import Sign, Signal
from drivegrid.scenes.vehicles import Vehicle
from drivegrid.scenes.weather import Light

Thing: TypeAlias = Vehicle | Obstacle | Sign | Signal
"""Whatever is drawn as one object and labelled."""

_MAX_OBJECTS = 250


@dataclass(frozen=True, slots=True)
class RenderedScene:
    """A picture and what is in it. ``image`` is (H, W, 3) uint8 RGB."""

    image: UInt8Array
    scene: Scene


@dataclass(frozen=True, slots=True)
class World:
    """All that a seed decides before anything is painted."""

    time: str
    surface: str
    camera: Camera
    road: Road
    light: Light
    vehicles: tuple[Vehicle, ...]
    obstacles: tuple[Obstacle, ...]
    signs: tuple[Sign, ...]
    signals: tuple[Signal, ...]


def sample_world(seed: int) -> World:
    """Draw the world of a seed; the picture's size plays no part."""
    rng = np.random.default_rng([seed, 1])
    road = sample_road(rng)
    camera = sample_camera(rng, road.place)
    time = str(rng.choice(weather.TIMES, p=(0.86, 0.08, 0.06)))
    return World(
        time=time,
        surface="wet" if rng.random() < 0.1 else "dry",
        camera=camera,
        road=road,
        light=weather.sample_light(rng, time),
        vehicles=traffic.sample_vehicles(rng, road, camera),
        obstacles=obstacles.sample_obstacles(rng, road),
        signs=signs.sample_signs(rng, road, camera),
        signals=signs.sample_signals(rng, road),
    )


def render_scene(seed: int, size_wh: Size = REFERENCE_WH) -> RenderedScene:
    """Render the scene of a seed.

    The world, and every label divided by the size, depend on the seed alone. Frame attributes:
    ``time`` day, dusk or night; ``surface`` dry or wet; ``density`` by the number of labelled
    vehicles (``traffic.DENSITY_BOUNDS``).

    Args:
        seed: Any integer >= 0; see ``stream`` for the ranges kept apart.
        size_wh: Width and height in pixels; other aspect ratios than 16:9 stretch the picture.

    Raises:
        GeometryError: If the seed is negative or the size is not positive.

    >>> rendered = render_scene(7, (256, 144))
    >>> rendered.image.shape, rendered.scene.frame.size_wh
    ((144, 256, 3), (256, 144))
    """
    if seed < 0:
        raise GeometryError(f"seed must be >= 0, got {seed}.")
    if min(size_wh) < 16:
        raise GeometryError(f"size_wh must be at least (16, 16), got {size_wh}.")
    world = sample_world(seed)
    rng = np.random.default_rng([seed, 2])
    canvas = Canvas(np.zeros((size_wh[1], size_wh[0], 3), dtype=np.uint8))
    _paint_surroundings(rng, canvas, world)
    objects = _draw_objects(canvas, world, size_wh)
    draw_bonnet(rng, canvas, world.light)
    image = weather.expose(rng, canvas.image, world.time)
    return RenderedScene(image, _label(seed, world, objects, size_wh))


def _paint_surroundings(rng: np.random.Generator, canvas: Canvas, world: World) -> None:
    """Sky, ground, paint, then what stands at the sides."""
    camera, road, light = world.camera, world.road, world.light
    size_wh = (canvas.image.shape[1], canvas.image.shape[0])
    ground = surface.trace_ground(camera, road, size_wh)
    unseen = np.flatnonzero(~ground.seen.all(axis=1))
    bottom = ground.top + (int(unseen[-1]) + 1 if len(unseen) else 0)
    backdrop.paint_sky(rng, canvas, camera, light, max(bottom, 1))
    color = surface.paint_ground(rng, ground, road)
    markings.paint_lines(rng, color, ground, road)
    surface.light_ground(rng, color, ground, road, (light, world.surface))
    region = canvas.image[ground.top :]
    seen = ground.seen.view(np.uint8)
    cv2.copyTo(cv2.convertScaleAbs(np.maximum(color, 0)), seen, region)
    markings.draw_distractors(rng, canvas, camera, road)
    backdrop.draw_bridges(rng, canvas, camera, road, light)
    backdrop.draw_buildings(rng, canvas, camera, road, light)
    greenery.draw_trees(rng, canvas, camera, road, light)
    greenery.draw_lamp_posts(rng, canvas, camera, road, light)
    beyond = [v for v in world.vehicles if v.offset_m < road.edges_m[0]]
    for vehicle in sorted(beyond, key=lambda v: -v.depth_m):
        bodywork.draw_vehicle(canvas, camera, road, vehicle, light)
    backdrop.draw_barriers(rng, canvas, camera, road, light)


def _draw_objects(canvas: Canvas, world: World, size_wh: Size) -> list[Instance]:
    """Draw all that is labelled from far to near and return what stays visible."""
    camera, road, light = world.camera, world.road, world.light
    things: list[tuple[float, Thing]] = [
        *((v.depth_m, v) for v in world.vehicles if v.offset_m >= road.edges_m[0]),
        *((o.depth_m, o) for o in world.obstacles),
        *((sign.center_m[2], sign) for sign in world.signs),
        *((signal.center_m[2], signal) for signal in world.signals),
    ]
    things.sort(key=lambda pair: -pair[0])
    drawn: list[tuple[int, Thing, list[FloatArray]]] = []
    for index, (_, thing) in enumerate(things[-_MAX_OBJECTS:], start=1):
        match thing:
            case Vehicle():
                outline = bodywork.draw_vehicle(canvas, camera, road, thing, light)
            case Obstacle():
                outline = obstacles.draw_obstacle(canvas, camera, road, thing, light)
            case Sign():
                outline = signs.draw_sign(canvas, camera, thing, light)
            case Signal():
                outline = signs.draw_signal(canvas, camera, thing, light)
        if outline:
            canvas.claim(index, outline)
            drawn.append((index, thing, outline))
    found = [
        _instance(thing, outline, canvas.visibility(index), size_wh)
        for index, thing, outline in drawn
    ]
    return [instance for instance in found if instance is not None]


def _instance(
    thing: Thing, outline: list[FloatArray], visibility: float, size_wh: Size
) -> Instance | None:
    match thing:
        case Sign():
            return signs.sign_instance(thing, outline[0], visibility, size_wh)
        case Signal():
            return signs.signal_instance(thing, outline[0], visibility, size_wh)
    return labels.object_instance(thing.label, outline, visibility, size_wh)


def _label(seed: int, world: World, objects: list[Instance], size_wh: Size) -> Scene:
    count = sum(instance.label.startswith("object/vehicle/") for instance in objects)
    free, medium = traffic.DENSITY_BOUNDS
    density = "free" if count <= free else "medium" if count <= medium else "dense"
    attributes = {"surface": world.surface, "density": density, "time": world.time}
    blocked = [_first_blocked(world, lane.center_m, lane.width_m) for lane in world.road.lanes]
    instances = [
        *labels.lane_instances(world.camera, world.road, size_wh),
        *objects,
        *labels.drivable_instances(world.camera, world.road, blocked, size_wh),
    ]
    return Scene(Frame("", size_wh, attributes), tuple(instances), {"seed": seed})


def _first_blocked(world: World, center_m: float, width_m: float) -> float:
    """Return the distance of the first object that reaches into a lane, metres."""
    bodies = [(v.depth_m, v.offset_m, v.size_m[1]) for v in world.vehicles]
    bodies += [(o.depth_m, o.offset_m, o.height_m) for o in world.obstacles]
    distances = [z for z, q, wide in bodies if abs(q - center_m) < (width_m + wide) / 2 - 0.3]
    return min(distances, default=float("inf"))
