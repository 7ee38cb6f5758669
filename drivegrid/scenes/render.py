"""Render one seeded driving scene with its exact labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.errors import GeometryError
from drivegrid.geometry import Size
from drivegrid.scenes import backdrop, bodywork, labels, markings, surface, traffic, vehicles, weather
from drivegrid.scenes.camera import REFERENCE_WH, Camera, sample_camera
from drivegrid.scenes.canvas import Canvas, UInt8Array
from drivegrid.scenes.road import Road, sample_road


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
    light: weather.Light
    vehicles: tuple[vehicles.Vehicle, ...]


def sample_world(seed: int) -> World:
    """Draw the world of a seed; the picture's size plays no part."""
    rng = np.random.default_rng([seed, 1])
    road = sample_road(rng)
    camera = sample_camera(rng, road.place)
    time = str(rng.choice(weather.TIMES, p=(0.86, 0.08, 0.06)))
    light = weather.sample_light(rng, time)
    wet = "wet" if rng.random() < 0.1 else "dry"
    return World(time, wet, camera, road, light, traffic.sample_vehicles(rng, road, camera))


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
    objects = _draw_vehicles(canvas, world, size_wh)
    image = weather.expose(rng, canvas.image, world.time)
    return RenderedScene(image, _label(seed, world, objects, size_wh))


def _paint_surroundings(rng: np.random.Generator, canvas: Canvas, world: World) -> None:
    """Sky, ground, paint, then what stands at the sides."""
    camera, road, light = world.camera, world.road, world.light
    size_wh = (canvas.image.shape[1], canvas.image.shape[0])
    backdrop.paint_sky(rng, canvas, camera, light)
    ground = surface.trace_ground(camera, road, size_wh)
    color = surface.paint_ground(rng, ground, road)
    markings.paint_lines(rng, color, ground, road)
    surface.light_ground(rng, color, ground, road, (light, world.surface))
    region = canvas.image[ground.top :]
    np.copyto(region, np.clip(color, 0, 255).astype(np.uint8), where=ground.seen[:, :, None])
    markings.draw_distractors(rng, canvas, camera, road)
    backdrop.draw_bridges(rng, canvas, camera, road, light)
    backdrop.draw_buildings(rng, canvas, camera, road, light)
    beyond = [v for v in world.vehicles if v.offset_m < road.edges_m[0]]
    for vehicle in sorted(beyond, key=lambda v: -v.depth_m):
        bodywork.draw_vehicle(canvas, camera, road, vehicle, light)
    backdrop.draw_barriers(rng, canvas, camera, road, light)


def _draw_vehicles(canvas: Canvas, world: World, size_wh: Size) -> list[Instance]:
    """Draw the carriageway's vehicles from far to near and label what stays visible."""
    road = world.road
    drawn = []
    ordered = sorted(world.vehicles, key=lambda v: -v.depth_m)
    ordered = [v for v in ordered if v.offset_m >= road.edges_m[0]][-200:]
    for index, vehicle in enumerate(ordered, start=1):
        silhouettes = bodywork.draw_vehicle(canvas, world.camera, road, vehicle, world.light)
        if not silhouettes:
            continue
        canvas.claim(index, silhouettes)
        drawn.append((index, vehicle.label, silhouettes))
    found = [
        labels.object_instance(label, silhouettes, canvas.visibility(index), size_wh)
        for index, label, silhouettes in drawn
    ]
    return [instance for instance in found if instance is not None]


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
    """Return the distance of the first vehicle whose body reaches into a lane, metres."""
    distances = [
        vehicle.depth_m
        for vehicle in world.vehicles
        if abs(vehicle.offset_m - center_m) < (width_m + vehicle.size_m[1]) / 2 - 0.3
    ]
    return min(distances, default=float("inf"))
