"""All that a seed decides before anything is painted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from drivegrid.geometry import FloatArray
from drivegrid.scenes import (
    clutter,
    hazards,
    layout,
    lines,
    marks,
    people,
    premises,
    roadside,
    signposts,
    traffic,
    traffic_lights,
    tunnel,
)
from drivegrid.scenes.body import Body
from drivegrid.scenes.camera import Camera
from drivegrid.scenes.draws import Draws
from drivegrid.scenes.faces import FACES
from drivegrid.scenes.ground import first_crest
from drivegrid.scenes.lens import Lens, sample_lens
from drivegrid.scenes.looks import color_of
from drivegrid.scenes.meshes import CATALOGUE
from drivegrid.scenes.ordering import far_to_near
from drivegrid.scenes.placing import Occupancy, Thing, numbered, plan_of
from drivegrid.scenes.plate import Finish
from drivegrid.scenes.road import Road
from drivegrid.scenes.seeds import TEST_SEEDS
from drivegrid.scenes.sign_choice import Faces
from drivegrid.scenes.sky import TEST_DOMES, Sky, sample_sky
from drivegrid.scenes.stock import Stock
from drivegrid.scenes.templates import TEMPLATES, Template
from drivegrid.scenes.view import Light
from drivegrid.scenes.weather import dry_weather, sample_conditions, sample_light

_CLOSEST_M = 1.0
_FARTHEST_M = 170.0
_LIT = 0.6
"""Least brightness of lamps that are on."""


@dataclass(frozen=True, slots=True)
class World:
    """A driving scene.

    Args:
        seed: What it was drawn from.
        template: Key of ``TEMPLATES``.
        weather: Frame attribute.
        time: Frame attribute.
        surface: Condition of the carriageway: dry, wet, snow or damaged.
        camera: At its native size.
        road: The ground.
        sky: What is above the horizon.
        finish: Tone, wetness and lamplight of the ground.
        light: Daylight and air.
        things: What is labelled; the id of thing k is ``first_id + k``.
        bodies: All that stands, from far to near.
        plans: (N, 4, 2) X, Z corners of the bodies' footprints.
        wear: Share of paint worn off.
        crest_m: Where the first crest hides the road.
        lens: What glass, optics and sensor do to the picture.
    """

    seed: int
    template: str
    weather: str
    time: str
    surface: str
    camera: Camera
    road: Road
    sky: Sky
    finish: Finish
    light: Light
    things: tuple[Thing, ...]
    bodies: tuple[Body, ...]
    plans: FloatArray
    wear: float
    crest_m: float
    lens: Lens

    def held_out(self) -> tuple[str, ...]:
        """Return what of it training never shows: kinds of template, model, face and sky."""
        found = {f"model {b.mesh}" for b in self.bodies if CATALOGUE[b.mesh].held_out}
        found |= {f"face {b.face}" for b in self.bodies if b.face and FACES[b.face].held_out}
        if TEMPLATES[self.template].held_out:
            found.add(f"template {self.template}")
        if self.sky.dome in TEST_DOMES:
            found.add(f"sky {self.sky.dome}")
        return tuple(sorted(found))

    @property
    def first_id(self) -> int:
        """Instance id of the first thing; lines and marks come before."""
        return 1 + len(self.road.lines) + len(self.road.marks)


def sample_world(seed: int) -> World:
    """Draw the world of a seed; test seeds also show what training never does."""
    d, test = Draws(seed, 1), seed in TEST_SEEDS
    name = _template(d, test)
    template = TEMPLATES[name]
    weather, time, surface = sample_conditions(d)
    outside = light = sample_light(d, weather, time)
    if template.has("tunnel"):
        weather, surface = dry_weather(weather), d.weighted(tunnel.SURFACES)
        light = tunnel.tunnel_light(d)
    road = _road(d, template, surface)
    camera = sample_camera(d, template)
    things, scenery, side = _populate(d, template, road, seed)
    first = 1 + len(road.lines) + len(road.marks)
    things, scenery, plans = _drawable(things, scenery)
    things = [
        numbered(_colored(thing), first + index, _LIT if light.night and _driven(thing) else 0.0)
        for index, thing in enumerate(things)
    ]
    bodies = [body for thing in things for body in thing.bodies] + scenery
    order = far_to_near(plans)
    return World(
        seed=seed,
        template=name,
        weather=weather,
        time=time,
        surface=surface,
        camera=camera,
        road=road,
        sky=sample_sky(
            d, outside, weather, rural=template.place == "rural", held_out=test and d.chance(0.5)
        ),
        finish=_finish(d, road, (surface, weather), light, side),
        light=light,
        things=tuple(things),
        bodies=tuple([bodies[index] for index in order]),
        plans=plans[order],
        wear=d.between(0.05, 0.6) ** 1.3,
        crest_m=first_crest(camera.height_m, road.alignment),
        lens=sample_lens(np.random.default_rng([seed, 2]), weather, time),
    )


def _colored(thing: Thing) -> Thing:
    """Return an obstacle with the colour it is drawn in; other things as they are."""
    if not thing.label.startswith("obstacle/"):
        return thing
    return replace(thing, attributes=dict(thing.attributes) | {"color": color_of(thing.bodies[0])})


def _driven(thing: Thing) -> bool:
    """Return whether a thing's lamps shine at night: driven vehicles."""
    return thing.attributes.get("activity") in ("moving", "stopped")


def _template(d: Draws, test: bool) -> str:
    """Draw a template; test scenes show all, the rare ones more often."""
    weights = {
        name: max(t.weight, 1.0) if test else t.weight
        for name, t in TEMPLATES.items()
        if test or not t.held_out
    }
    return d.weighted(weights)


def _road(d: Draws, template: Template, surface: str) -> Road:
    borders = layout.sample_borders(d, template)
    junction = layout.sample_junction(d, template)
    pavement = layout.sample_pavement(d, template, surface)
    bands, outer = layout.sample_bands(d, template, borders, pavement, surface)
    bands += layout.crossing_bands(junction, pavement)
    painted = lines.sample_lines(d, template, borders, junction)
    flat = marks.sample_marks(d, template, borders, junction)
    return Road(
        place=template.place,
        alignment=layout.sample_alignment(d, template),
        bands=tuple(bands),
        lanes=borders.lanes,
        lines=tuple(painted),
        marks=tuple(marks.sample_stains(d, template, borders, surface) + flat),
        ego=borders.ego,
        edges=(borders.left, borders.right),
        paved=borders.paved,
        verges=outer,
        strips=borders.strips,
        junction=junction,
        divided=template.has("divided"),
    )


def _populate(
    d: Draws, template: Template, road: Road, seed: int
) -> tuple[list[Thing], list[Body], roadside.Roadside]:
    """Everything that stands or moves, labelled things first."""
    test = seed in TEST_SEEDS
    stock, faces, taken = Stock(test), Faces(test, seed), Occupancy()
    rails, hedges = roadside.sample_rails(d, template, road, stock, taken)
    things = hazards.sample_hazards(d, template, road, stock, taken)
    built: list[Body] = []
    if template.has("pumps"):
        pumps, built = premises.sample_station(d, road, stock, taken)
        things += pumps
    if template.has("bays"):
        things += premises.sample_bays(d, road, stock, taken)
    things += traffic.sample_traffic(d, template, road, stock, taken)
    things += people.sample_people(d, template, road, stock, taken)
    things += clutter.sample_clutter(d, template, road, stock, taken)
    signs, posts = signposts.sample_signs(d, template, road, faces, taken)
    lights, masts = traffic_lights.sample_lights(d, template, road, stock)
    side = roadside.sample_roadside(d, template, road, stock, taken)
    for roof in (body for body in built if body.mesh == "canopy roof"):
        q = float(road.alignment.offset_of(np.array([roof.position_m]))[0])
        side.lamps += [(q - 3.0, roof.position_m[2]), (q + 3.0, roof.position_m[2])]
    return (
        things + signs + lights + rails + side.things,
        built + posts + masts + hedges + side.bodies,
        side,
    )


def _drawable(
    things: list[Thing], scenery: list[Body]
) -> tuple[list[Thing], list[Body], FloatArray]:
    """Return what stands wholly before the camera and near enough to matter, and its plans."""
    plans = ground_plans([body for thing in things for body in thing.bodies] + scenery)
    near = plans[:, :, 1].min(axis=1)
    fine = ((near > _CLOSEST_M) & (near < _FARTHEST_M)).tolist()
    kept: list[Thing] = []
    rows: list[int] = []
    start = 0
    for thing in things:
        span = range(start, start + len(thing.bodies))
        start = span.stop
        if span and all(fine[span.start : start]):
            kept.append(thing)
            rows += span
    shown = [k for k in range(start, len(fine)) if fine[k]]
    return kept, [scenery[k - start] for k in shown], plans[rows + shown]


def ground_plans(bodies: Sequence[Body]) -> FloatArray:
    """Return the (N, 4, 2) X, Z corners of the bodies' footprints."""
    facts = np.array(
        [(*b.position_m[::2], b.yaw_rad, *b.scale[::2], *plan_of(b.mesh)) for b in bodies]
    ).reshape(-1, 9)
    x = facts[:, (5, 7, 7, 5)] * facts[:, 3:4]
    z = facts[:, (6, 6, 8, 8)] * facts[:, 4:5]
    cos, sin = np.cos(facts[:, 2:3]), np.sin(facts[:, 2:3])
    turned = np.stack([x * cos + z * sin, z * cos - x * sin], axis=2)
    return np.asarray(facts[:, None, :2] + turned)


def _finish(
    d: Draws, road: Road, ground: tuple[str, str], light: Light, side: roadside.Roadside
) -> Finish:
    surface, weather = ground
    wet = d.between(0.14, 0.36) if surface == "wet" else d.between(0, 0.03)
    if surface == "wet" and weather == "rain":
        wet = min(wet + 0.12, 0.5)
    lamps = [road.alignment.point(q, z) for q, z in side.lamps] if light.night else []
    return Finish(
        tone=layout.sample_tone(d, road, surface),
        wet=wet,
        lamps_m=np.array(lamps).reshape(-1, 3),
        beam=d.between(0.5, 1.3) * max(1 - 1.6 * light.sky_gain, 0.15) if light.night else 0.0,
        groves=tuple(side.groves),
    )


def sample_camera(d: Draws, template: Template) -> Camera:
    """Draw a camera as mounted behind windscreens: 16:9, 1640 x 590 or 4:3."""
    kind = d.weighted({"wide": 0.72, "panorama": 0.14, "narrow": 0.14})
    height = d.between(1.15, 1.75) if d.chance(0.9) else d.between(1.75, 2.6)
    if kind == "panorama":
        size, focal, horizon = (1640, 590), d.between(750, 1100), d.between(200, 320)
    elif kind == "narrow":
        size, focal, horizon = (960, 720), d.between(560, 1000), d.between(250, 420)
    elif template.place == "highway" and d.chance(0.6):
        size, focal, horizon = (1280, 720), d.between(880, 1150), d.between(205, 300)
    else:
        size, focal, horizon = (1280, 720), d.between(600, 1150), d.between(250, 430)
    middle = size[0] / 2 + d.bell(35)
    roll = min(max(d.bell(0.008), -0.03), 0.03)
    return Camera(size, (focal, focal), (middle, horizon), height, roll)
