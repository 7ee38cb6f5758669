"""Worlds to test with, sampled and hand-made, and a renderer that draws nothing."""

from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np

from drivegrid.scenes.alignment import DEPTHS_M, Alignment
from drivegrid.scenes.camera import Camera
from drivegrid.scenes.placing import Spot, Thing, numbered, stand, thing_of
from drivegrid.scenes.render import RenderedScene, render_world
from drivegrid.scenes.road import Band, Lane, LaneLine, Road, straight
from drivegrid.scenes.view import Picture, View
from drivegrid.scenes.world import World, ground_plans, sample_world


class Black:
    """A renderer that draws nothing and sees nothing."""

    def draw(self, view: View) -> Picture:
        height, width = view.plate.segments.shape
        empty = np.zeros((height, width), dtype=np.uint8)
        return Picture(
            np.zeros((height, width, 3), np.uint8), empty, np.zeros((height, width), np.uint16)
        )


@cache
def world(seed: int) -> World:
    return sample_world(seed)


@cache
def labelled(seed: int, size_wh: tuple[int, int] = (320, 180)) -> RenderedScene:
    """The scene of a seed; its picture is black."""
    return render_world(world(seed), size_wh, Black())


def hilly(seed: int, swing_m: float = 2.5) -> Alignment:
    """A course of random bends and hills with crests."""
    rng = np.random.default_rng(seed)
    center = rng.uniform(-15, 15) * np.sin(DEPTHS_M / rng.uniform(40, 120))
    height = swing_m * rng.uniform(0.2, 1) * np.sin(DEPTHS_M / rng.uniform(14, 40))
    height += rng.uniform(-0.03, 0.03) * DEPTHS_M
    return Alignment(center - center[0], height - height[0])


def flat() -> Alignment:
    return Alignment(np.zeros_like(DEPTHS_M), np.zeros_like(DEPTHS_M))


CAMERA = Camera((640, 360), (550.0, 550.0), (320.0, 150.0), 1.4, 0.0)


def lane_line(offset_m: float, style: str = "solid", **rest) -> LaneLine:
    return LaneLine(straight(offset_m), style, "white", 0.15, (3.0, 12.0, 0.0), 1.0, **rest)


def plain_road(alignment: Alignment | None = None, ego: int = 1) -> Road:
    """Three lanes of 3.5 m, the ego lane round offset 0, the leftmost one oncoming."""
    borders = [(k - ego - 0.5) * 3.5 for k in range(4)]
    lanes = tuple(
        Lane(straight(a), straight(b), -1 if k == 0 else 1)
        for k, (a, b) in enumerate(pairwise(borders))
    )
    edges = (straight(borders[0]), straight(borders[-1]))
    bands = (
        Band(straight(-170), straight(170), (70.0, 84.0, 50.0), "terrain"),
        Band(edges[0], edges[1], (90.0, 90.0, 92.0), "road"),
    )
    lines = tuple(lane_line(q) for q in borders)
    return Road(
        place="highway",
        alignment=alignment or flat(),
        bands=bands,
        lanes=lanes,
        lines=lines,
        marks=(),
        ego=ego,
        edges=edges,
        paved=edges,
        verges=edges,
        strips=(),
        junction=None,
        divided=False,
    )


def put(road: Road, mesh: str, offset_m: float, depth_m: float, **rest) -> Thing:
    """A labelled model on the road; ``turn_rad``, ``up_m`` and ``attributes`` as needed."""
    attributes = rest.pop("attributes", {})
    spot = Spot(offset_m, depth_m, **rest)
    return thing_of(stand(road, mesh, spot), spot, attributes)


def hand_made(road: Road, things: list[Thing], **rest) -> World:
    """A dry day with things on a road, seen by ``CAMERA``; ``rest`` replaces parts of it."""
    first = 1 + len(road.lines) + len(road.marks)
    things = [numbered(thing, first + k) for k, thing in enumerate(things)]
    bodies = sorted((b for t in things for b in t.bodies), key=lambda b: -b.position_m[2])
    base = world(0)
    return replace(
        base,
        **{
            "surface": "dry",
            "camera": CAMERA,
            "road": road,
            "finish": replace(base.finish, wet=0.0, groves=(), lamps_m=np.zeros((0, 3))),
            "things": tuple(things),
            "bodies": tuple(bodies),
            "plans": ground_plans(bodies),
            "crest_m": 320.0,
        }
        | rest,
    )
