"""Labels of things on worlds made by hand, and clipping of curves."""

from dataclasses import replace

import numpy as np
import pytest
import shapely

from drivegrid.geometry import Box, Point, Polygon
from drivegrid.scenes.faces import FACES
from drivegrid.scenes.labels import visible_rings
from drivegrid.scenes.placing import Spot, Thing, stand
from drivegrid.scenes.render import render_world
from drivegrid.scenes.silhouettes import outline_vertices
from tests.scenes.worlds import CAMERA, Black, hand_made, plain_road, put, world

SIZE = CAMERA.size_wh
STOP = next(key for key, face in FACES.items() if face.label == "sign/regulatory/stop")


def scene_of(things, size_wh=SIZE, **rest):
    world = hand_made(plain_road(), things, **rest)
    return render_world(world, size_wh, Black()).scene


def things_of(scene):
    return [
        i for i in scene.instances if i.label.startswith(("object", "obstacle", "sign", "light"))
    ]


def sign(offset=3.0, depth=20.0, turn=0.0, half=0.4):
    spot = Spot(offset, depth, turn, 2.2)
    body = stand(plain_road(), "plate octagon", spot, scale=(half, half, 1.0))
    attributes = {"shape": FACES[STOP].shape, "color": FACES[STOP].color}
    return Thing("sign/regulatory/stop", (replace(body, face=STOP),), spot, attributes, "point")


def test_nothing_there():
    scene = scene_of([])
    assert things_of(scene) == []
    assert scene.frame.attributes["density"] == "free"


def test_a_box_is_the_extent_of_the_projected_model():
    car = put(plain_road(), "sedan", 1.0, 20.0)
    scene = scene_of([car])
    (found,) = things_of(scene)
    pixels = CAMERA.project(car.bodies[0].to_world(outline_vertices("sedan")[0]))
    expected = np.concatenate([pixels.min(axis=0), pixels.max(axis=0)])
    assert isinstance(found.geometry, Box)
    np.testing.assert_allclose(found.geometry.xyxy, expected, atol=1e-9)
    assert np.abs(np.array(found.extra["visible_box"]) - expected).max() <= 1.1
    assert found.attributes["visible_state"] == "fully visible"
    assert found.visibility == 1.0
    assert found.source == "rendered"


def hidden_share(offset):
    """The label of a car behind a wide truck that stands ``offset`` to its side."""
    road = plain_road()
    things = [put(road, "sedan", 0.0, 30.0), put(road, "box truck", offset, 16.0)]
    return next((i for i in things_of(scene_of(things)) if i.label.endswith("car")), None)


def test_visible_states_follow_the_share_that_is_seen():
    states = []
    for offset in np.linspace(0.0, 3.0, 25):
        found = hidden_share(offset)
        share = 0.0 if found is None else found.visibility
        states.append("none" if found is None else found.attributes["visible_state"])
        if found is not None:
            expected = ("mostly hidden", "partly hidden", "fully visible")
            assert states[-1] == expected[(share >= 0.4) + (share >= 0.8)]
            box, visible = found.geometry.xyxy, np.array(found.extra["visible_box"])
            assert (visible[:2] >= box[:2] - 1.1).all() and (visible[2:] <= box[2:] + 1.1).all()
    assert states[0] == "none" and states[-1] == "fully visible"
    assert set(states) == {"none", "mostly hidden", "partly hidden", "fully visible"}


def test_cut_by_the_border():
    (found,) = things_of(scene_of([put(plain_road(), "sedan", 4.6, 8.0)]))
    assert found.attributes["visible_state"] == "cut off"
    assert found.geometry.xyxy[2] == SIZE[0]


@pytest.mark.parametrize(("offset", "depth"), [(60.0, 20.0), (0.0, 165.0)])
def test_too_far_off_or_too_small(offset, depth):
    assert things_of(scene_of([put(plain_road(), "cone", offset, depth)])) == []


@pytest.mark.parametrize(("count", "density"), [(1, "free"), (4, "medium"), (9, "dense")])
def test_density_counts_labelled_vehicles(count, density):
    road = plain_road()
    cars = [put(road, "sedan", (k % 3 - 1) * 3.5, 15.0 + 6 * (k // 3)) for k in range(count)]
    spread = [put(road, "sedan", 3.2 * (k - 4), 30.0) for k in range(count)]
    scene = scene_of(cars if count < 9 else spread)
    labelled = len([i for i in things_of(scene) if i.label.startswith("object/vehicle")])
    assert labelled == count
    assert scene.frame.attributes["density"] == density


@pytest.mark.parametrize(
    ("thing", "state", "label"),
    [
        (sign(), "clear", "sign/regulatory/stop"),
        (sign(0.0, 9.0, 1.2, 0.6), "clear", "sign/regulatory/stop"),
        (sign(0.0, 9.0, 1.4, 0.6), "turned away", "sign/regulatory/stop"),
        (sign(turn=np.pi), "turned away", "sign/back"),
        (sign(depth=50.0), "unreadable", "sign/regulatory/stop"),
        (sign(offset=5.75, depth=10.0), "cut off", "sign/regulatory/stop"),
        (sign(offset=5.75, depth=10.0, turn=np.pi), "cut off", "sign/back"),
    ],
)
def test_signs(thing, state, label):
    (found,) = things_of(scene_of([thing]))
    assert (found.label, found.attributes["visible_state"]) == (label, state)
    assert isinstance(found.geometry, Point)
    assert ("color" in found.attributes) == (label != "sign/back")
    assert found.extra["face"] == STOP
    middle = CAMERA.project(np.array([thing.bodies[0].position_m]))[0]
    if state != "cut off":
        np.testing.assert_allclose(found.geometry.xy, middle, atol=1.2)


def test_signs_behind_things():
    road, states = plain_road(), []
    for offset in np.linspace(-1.5, 1.5, 31):
        truck = put(road, "box truck", offset, 12.0)
        found = [i for i in things_of(scene_of([sign(offset=3.6), truck])) if "sign" in i.label]
        states += [i.attributes["visible_state"] for i in found] or ["none"]
        for instance in found:
            assert (instance.visibility < 0.9) == (states[-1] == "partly hidden")
    assert list(dict.fromkeys(states)) == ["clear", "partly hidden", "none"]


def test_signs_in_fog():
    light = hand_made(plain_road(), []).light
    (dim,) = things_of(scene_of([sign()], light=replace(light, fog_m=15.0)))
    assert dim.attributes["visible_state"] == "unreadable"


@pytest.mark.parametrize(("turn", "state"), [(0.0, "clear"), (np.pi, "turned away")])
def test_lights(turn, state):
    spot = Spot(3.0, 20.0, turn, 3.0)
    body = stand(plain_road(), "light vehicle red", spot)
    thing = Thing("light/vehicle", (body,), spot, {"state": "red", "shows": "circle"})
    (found,) = things_of(scene_of([thing]))
    assert found.attributes == {"state": "red", "shows": "circle", "visible_state": state}


def test_runs_are_labelled_by_their_outline():
    road = plain_road()
    spots = [Spot(3.5, 8.0 + 4 * k) for k in range(8)]
    bodies = tuple(stand(road, "guard rail element", spot) for spot in spots)
    (found,) = things_of(scene_of([Thing("obstacle/guard_rail", bodies, spots[0])]))
    assert isinstance(found.geometry, Polygon)
    assert found.visibility > 0.9
    ring = found.geometry.rings[0]
    assert shapely.LinearRing(ring).is_simple
    rail = CAMERA.project(np.array([[3.5, 0.6, z] for z in (10.0, 15.0, 20.0)]))
    shape = shapely.Polygon(ring)
    assert all(shape.distance(shapely.Point(p)) < 1.5 for p in rail)


@pytest.mark.parametrize("seed", range(6))
def test_rings_are_valid_and_cover_the_mask(seed):
    """Blobs of noise with antennas and pinches."""
    rng = np.random.default_rng(seed)
    noise = rng.random((60, 80))
    mask = (noise > 0.35) & (rng.random((60, 80)) > 0.1)
    mask[20:40, 10:70] = True
    mask[30, :] = True
    rings = visible_rings(np.where(mask, 9, 3).astype(np.uint16), 9)
    assert rings
    areas = [shapely.Polygon(ring).area for ring in rings]
    assert all(shapely.Polygon(ring).is_valid for ring in rings)
    assert areas == sorted(areas, reverse=True) and areas[-1] >= 30
    assert any(shapely.Polygon(r).contains(shapely.Point(40.0, 25.0)) for r in rings)


def test_rings_of_nothing():
    empty = np.zeros((20, 20), dtype=np.uint16)
    assert visible_rings(empty, 1) == ()
    empty[3, :] = 1
    assert visible_rings(empty, 1) == ()
    empty[2:12, 2:12] = 1
    (ring,) = visible_rings(empty, 1)
    np.testing.assert_allclose(
        [ring.min(axis=0), ring.max(axis=0)], [[2.5, 2.5], [19.5, 11.5]], atol=8
    )


@pytest.mark.parametrize("size_wh", [(320, 180), (640, 360), (1280, 720)])
def test_labels_scale_with_the_picture(size_wh):
    road = plain_road()
    things = [put(road, "sedan", -3.0, 18.0), put(road, "cone", 1.0, 14.0), sign()]
    base, other = scene_of(things), scene_of(things, size_wh)
    factor = np.array(size_wh) / SIZE
    assert [i.label for i in base.instances] == [i.label for i in other.instances]
    for one, two in zip(things_of(base), things_of(other), strict=True):
        np.testing.assert_allclose(one.geometry.vertices() * factor, two.geometry.vertices())
        assert one.attributes == two.attributes


@pytest.mark.parametrize("seed", [500009, 500010, 800002, 800010])
def test_what_lies_outside_the_picture_widens_no_box(seed):
    """Of a thing the border cuts but nothing hides, box and visible box are one."""
    rendered = render_world(world(seed), (640, 360), Black())
    count = 0
    for item in rendered.scene.instances:
        cut = item.attributes.get("visible_state") == "cut off"
        if isinstance(item.geometry, Box) and cut and item.visibility == 1:
            count += 1
            box, visible = item.geometry.xyxy, np.array(item.extra["visible_box"])
            assert abs(box - visible).max() <= 1.6, item.label
    assert count


@pytest.mark.parametrize("seed", range(6))
def test_sign_points_lie_on_what_is_seen_of_the_sign(seed):
    rendered = render_world(world(seed), (640, 360), Black())
    for item in rendered.scene.instances:
        if isinstance(item.geometry, Point):
            column, row = item.geometry.xy.astype(int)
            assert rendered.instances[row, column] == item.extra["id"], item.label
