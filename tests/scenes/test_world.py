"""Sampled worlds: what is kept for test scenes, and that things stand where they can."""

from collections import Counter

import numpy as np
import pytest
import shapely

from drivegrid.labels import default_label_space
from drivegrid.scenes.faces import FACES
from drivegrid.scenes.meshes import CATALOGUE
from drivegrid.scenes.seeds import FIRST_TRAIN_SEED, TEST_SEEDS, VALIDATION_SEEDS
from drivegrid.scenes.sky import TEST_DOMES
from drivegrid.scenes.templates import TEMPLATES
from drivegrid.scenes.world import ground_plans, sample_world
from tests.scenes.worlds import world

KNOWN = [*VALIDATION_SEEDS[:110], *range(FIRST_TRAIN_SEED, FIRST_TRAIN_SEED + 100)]
TEST = TEST_SEEDS[:120]
ABOVE = ("light", "sign", "region")
"""Signs and lights hang, hedges and tunnels are no obstacles."""

ON_ISLANDS = ("fuel pump",)


def test_seed_ranges_do_not_meet():
    assert VALIDATION_SEEDS.stop <= TEST_SEEDS.start
    assert TEST_SEEDS.stop <= FIRST_TRAIN_SEED


def faces_of(here):
    return {body.face for body in here.bodies if body.face}


def held_out_of(here):
    """What of a world is kept for test scenes."""
    found = {f"mesh {b.mesh}" for b in here.bodies if CATALOGUE[b.mesh].held_out}
    found |= {f"face {key}" for key in faces_of(here) if FACES[key].held_out}
    found |= {f"template {here.template}"} if TEMPLATES[here.template].held_out else set()
    return found | ({f"sky {here.sky.dome}"} if here.sky.dome in TEST_DOMES else set())


@pytest.mark.parametrize("seed", KNOWN)
def test_training_and_validation_show_nothing_held_out(seed):
    assert held_out_of(world(seed)) == set()


def test_test_seeds_show_what_is_held_out():
    shown = Counter(item for seed in TEST for item in held_out_of(world(seed)))
    held_out = {f"template {name}" for name, t in TEMPLATES.items() if t.held_out}
    assert held_out <= set(shown)
    assert {f"sky {dome}" for dome in TEST_DOMES} <= set(shown)
    kinds = Counter(item.split()[0] for item in shown)
    assert kinds["mesh"] >= 12
    assert kinds["face"] >= 6
    assert sum(bool(held_out_of(world(seed))) for seed in TEST) > 0.8 * len(TEST)


def test_every_template_is_drawn():
    assert {world(seed).template for seed in TEST} == set(TEMPLATES)
    common = {name for name, template in TEMPLATES.items() if not template.held_out}
    assert {world(seed).template for seed in KNOWN} == common


def test_conditions_are_drawn():
    space = default_label_space()
    for name in ("weather", "time"):
        assert {getattr(world(seed), name) for seed in KNOWN} <= set(space.frame_attributes[name])
    assert {world(seed).surface for seed in KNOWN} == {"dry", "wet", "snow", "damaged"}
    assert {world(seed).camera.size_wh for seed in KNOWN} == {(1280, 720), (1640, 590), (960, 720)}


def test_same_seed_same_world():
    again = sample_world(KNOWN[3])
    first = world(KNOWN[3])
    assert again.things == first.things
    assert again.bodies == first.bodies
    assert (again.plans == first.plans).all()
    assert again.things != world(KNOWN[4]).things


@pytest.mark.parametrize("seed", [*KNOWN[::7], *TEST[::7]])
def test_bodies_are_ordered_numbered_and_in_front(seed):
    here = world(seed)
    assert len(here.bodies) == len(here.plans)
    assert here.plans[:, :, 1].min() > 1.0
    numbers = {body.part_of for body in here.bodies} - {0}
    assert numbers == set(range(here.first_id, here.first_id + len(here.things)))
    for index, thing in enumerate(here.things):
        assert {b.part_of for b in thing.bodies} == {here.first_id + index}
        label = CATALOGUE[thing.bodies[0].mesh].label
        assert label == thing.label or thing.label.startswith(("sign", "obstacle", "region"))


@pytest.mark.parametrize("seed", [*KNOWN[::9], *TEST[::9]])
def test_plans_hold_the_bodies(seed):
    here = world(seed)
    for body, plan in zip(here.bodies, here.plans, strict=True):
        points = np.concatenate([p.vertices for p in CATALOGUE[body.mesh].mesh.parts])
        corners = shapely.MultiPoint(body.to_world(points)[:, ::2])
        assert shapely.Polygon(plan).buffer(1e-6).covers(corners)


def test_plans_of_nothing():
    assert ground_plans([]).shape == (0, 4, 2)


def foot_gap(here, body):
    """How far a body's lowest point lies above the pavement below its origin, metres."""
    lowest = min(part.vertices[:, 1].min() for part in CATALOGUE[body.mesh].mesh.parts)
    offset = float(here.road.alignment.offset_of(np.array([body.position_m]))[0])
    depth = body.position_m[2]
    ground = here.road.alignment.point(offset, depth)[1] + here.road.raised_m(offset, depth)
    return body.position_m[1] + lowest * body.scale[1] - ground


@pytest.mark.parametrize("seed", [*KNOWN, *TEST])
def test_nothing_floats_or_sinks(seed):
    here = world(seed)
    for thing in here.things:
        if not thing.label.startswith(ABOVE):
            assert all(
                abs(foot_gap(here, body)) < 0.05 or body.mesh in ON_ISLANDS for body in thing.bodies
            ), thing.label


def test_raised_ground_is_the_topmost_band():
    """Kerbs where a sidewalk is, none on the road nor on the street that crosses."""
    here = next(w for w in map(world, KNOWN) if w.road.junction and w.template == "intersection")
    road, junction = here.road, here.road.junction
    assert junction is not None
    near = junction.near_m - 2
    walk = next(b for b in road.bands if b.up_m and b.left.here(near) > 0)
    middle = (walk.left.here(near) + walk.right.here(near)) / 2
    assert road.raised_m(middle, near) == walk.up_m
    assert road.raised_m(middle, (junction.near_m + junction.far_m) / 2) == 0
    assert road.raised_m(0.0, near) == 0
    assert road.raised_m(1e6, near) == 0


@pytest.mark.parametrize("seed", [*KNOWN, *TEST])
def test_things_do_not_stand_in_each_other(seed):
    """No footprint reaches more than 10 cm into another; arms of utility poles hang above."""
    here = world(seed)
    plans, owners = [], []
    for body, plan in zip(here.bodies, here.plans, strict=True):
        label = here.things[body.part_of - here.first_id].label if body.part_of else "sign"
        if not label.startswith((*ABOVE, "obstacle/pole")):
            plans.append(shapely.Polygon(plan))
            owners.append(body.part_of)
    shrunk = [shapely.buffer(plan, -0.05, join_style="mitre") for plan in plans]
    first, second = shapely.STRtree(shrunk).query(shrunk, predicate="intersects")
    for a, b in zip(first.tolist(), second.tolist(), strict=True):
        if owners[a] < owners[b]:
            common = shapely.intersection(shrunk[a], shrunk[b])
            assert common.is_empty or common.area < 0.04, (owners[a], owners[b])


def test_lanes_and_lines_belong_together():
    for seed in [*KNOWN[:60], *TEST[:60]]:
        road = world(seed).road
        assert 1 <= len(road.lanes) <= 10
        assert len(road.lines) in (len(road.lanes) + 1, len(road.lanes) + 3)
        assert road.lanes[road.ego].direction == 1
        assert road.lanes[road.ego].left.here(1.0) < 0 < road.lanes[road.ego].right.here(1.0)
        for lane, line in zip(road.lanes, road.lines, strict=False):
            assert lane.left == line.course
        for left, right in zip(road.lanes, road.lanes[1:], strict=False):
            assert left.right == right.left
        for lane in road.lanes:
            assert all(lane.width(z) > 0.05 for z in np.arange(1.0, 110.0, 4.0))


def test_vocabulary_of_the_taxonomy_is_used():
    styles = {line.style for seed in [*KNOWN, *TEST] for line in world(seed).road.lines}
    space = default_label_space()
    assert styles - {"missing"} <= set(space.attributes_of("lane/line")["style"])
    assert {"solid", "dashed", "double solid", "botts dots", "worn", "missing"} <= styles
