"""Id planes against one ray per pixel, cast against all convex parts and the ground."""

from functools import cache

import cv2
import numpy as np
import pytest
from scipy.spatial import ConvexHull

from drivegrid.scenes.alignment import DEPTHS_M, Alignment
from drivegrid.scenes.body import Body
from drivegrid.scenes.meshes import CATALOGUE
from drivegrid.scenes.render import view_of
from drivegrid.scenes.silhouettes import (
    bodies_to_world,
    id_counts,
    outline_vertices,
    paint_outlines,
    trace_outlines,
)
from tests.scenes import worlds

SIZE = (96, 54)
SEEDS = (0, 2, 5, 8, 13, 21, 30, 500_001, 500_011, 500_024)


@cache
def planes_of(mesh: str) -> list[np.ndarray]:
    """(F, 4) half-spaces n x + d <= 0 of each convex part."""
    return [ConvexHull(points).equations for points in CATALOGUE[mesh].mesh.outline_vertices()]


def rays(camera):
    """(P, 3) directions with Z = 1 through pixel centres, row by row."""
    right, down = camera.slopes()
    ones = np.ones(right.size)
    return np.column_stack([right.ravel(), -down.ravel(), ones]).astype(np.float64)


def ground_depth(camera, alignment, directions):
    """(P,) Z where rays meet the ground first, inf if never; every 5 cm is tried."""
    z = np.arange(0.5, DEPTHS_M[-1], 0.05)
    tangent = (camera.height_m - np.interp(z, DEPTHS_M, alignment.height_m)) / z
    lowest = np.minimum.accumulate(tangent)
    index = np.searchsorted(-lowest, directions[:, 1])
    return np.where(index < len(z), z[np.minimum(index, len(z) - 1)], np.inf)


def body_depth(camera, body: Body, directions):
    """(P,) Z where rays enter a body, inf where they miss it."""
    origin = body.to_world(np.zeros((1, 3)))[0]
    frame = (body.to_world(np.eye(3)) - origin).T
    start = np.linalg.solve(frame, np.array([0, camera.height_m, 0]) - origin)
    along = np.linalg.solve(frame, directions.T).T
    best = np.full(len(directions), np.inf)
    pixels = camera.project(body.to_world(outline_vertices(body.mesh)[0]))
    low, high = pixels.min(axis=0) - 2, pixels.max(axis=0) + 2
    at = np.column_stack([a.ravel() for a in np.meshgrid(*map(np.arange, camera.size_wh))]) + 0.5
    near = np.flatnonzero(((at > low) & (at < high)).all(axis=1))
    for planes in planes_of(body.mesh):
        rate = along[near] @ planes[:, :3].T
        level = planes[:, :3] @ start + planes[:, 3]
        with np.errstate(divide="ignore", invalid="ignore"):
            t = -level / rate
        enter = np.where(rate < 0, t, -np.inf).max(axis=1)
        leave = np.where(rate > 0, t, np.inf).min(axis=1)
        outside = ((rate == 0) & (level > 0)).any(axis=1)
        hit = (enter < leave) & (leave > 0) & ~outside
        best[near[hit]] = np.minimum(best[near[hit]], enter[hit])
    return best


def cast(view):
    """(H, W) segments and instances by rays."""
    directions = rays(view.camera)
    depth = ground_depth(view.camera, view.alignment, directions)
    segments, instances = view.plate.segments.ravel().copy(), view.plate.instances.ravel().copy()
    for body in view.bodies:
        z = body_depth(view.camera, body, directions)
        nearer = z < depth
        depth[nearer] = z[nearer]
        segments[nearer], instances[nearer] = body.segment, body.part_of
    shape = view.plate.segments.shape
    return segments.reshape(shape), instances.reshape(shape)


def painted(view):
    segments, instances = view.plate.segments.copy(), view.plate.instances.copy()
    outlines = trace_outlines(view.camera, view.alignment, view.bodies)
    areas = paint_outlines(outlines, segments, instances)
    return segments, instances, areas, outlines


def near_borders(shape, outlines):
    """(H, W) pixels within one pixel of some part's border, or in a body too small for parts."""
    margin = 2
    near = np.zeros((shape[0] + 2 * margin, shape[1] + 2 * margin), dtype=np.uint8)
    own, square = np.zeros_like(near), np.ones((3, 3), np.uint8)
    for outline in outlines:
        single = len(outline.whole) < len(planes_of(outline.body.mesh))
        for hull in outline.hulls:
            own[:] = 0
            cv2.fillConvexPoly(own, hull + margin * 16, 1, cv2.LINE_8, 4)
            near |= cv2.dilate(own, square) - (0 if single else cv2.erode(own, square))
    return near[margin:-margin, margin:-margin].astype(bool)


@pytest.mark.parametrize("seed", SEEDS)
def test_id_planes_equal_rays(seed):
    """Everywhere but within a pixel of outlines, where a raster rounds."""
    view = view_of(worlds.world(seed), SIZE)
    segments, instances, _, outlines = painted(view)
    by_ray = cast(view)
    sure = ~near_borders(segments.shape, outlines)
    assert sure.mean() > 0.4
    assert (instances == by_ray[1])[sure].all()
    # Crowns of trees may reach into houses, where no order is right for every pixel.
    scenery = (segments != by_ray[0]) & (instances == 0)
    assert ((segments == by_ray[0]) | scenery)[sure].all()
    assert (segments == by_ray[0])[sure].mean() > 0.98
    assert (instances == by_ray[1]).mean() > 0.92


def test_rounding_fades_with_size():
    """At 480 x 270 nearly all pixels are equal, those at the outlines included."""
    view = view_of(worlds.world(6), (480, 270))
    segments, instances, _, _ = painted(view)
    by_ray = cast(view)
    assert (instances == by_ray[1]).mean() > 0.985
    assert (segments == by_ray[0]).mean() > 0.985


@pytest.mark.parametrize("seed", SEEDS)
def test_areas_are_the_pixels_of_each_thing_alone(seed):
    """Runs whose elements lie apart in the order count each pixel once."""
    view = view_of(worlds.world(seed), (320, 180))
    _, _, areas, outlines = painted(view)
    for number, area in areas.items():
        alone = np.zeros(view.plate.segments.shape, np.uint8)
        for hull in (h for o in outlines if o.body.part_of == number for h in o.whole):
            cv2.fillConvexPoly(alone, hull, 1, cv2.LINE_8, 4)
        assert area == alone.sum(), number


def test_boxes_of_what_nothing_touches_equal_the_id_extents():
    checked = 0
    for seed in range(12):
        view = view_of(worlds.world(seed), (640, 360))
        _, instances, areas, outlines = painted(view)
        for outline in outlines:
            number = outline.body.part_of
            box = np.array(outline.box)
            inside = (box > 1).all() and (box[2:] < (639, 359)).all()
            alone = sum(o.body.part_of == number for o in outlines) == 1
            own = instances == number
            if number and inside and alone and own.sum() == areas[number]:
                rows, columns = np.nonzero(own)
                extent = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
                assert np.abs(box - extent).max() <= 1.1, (seed, number)  # hulls: 1/16 px
                checked += 1
    assert checked > 30


@pytest.mark.parametrize(
    ("ids", "count", "expected"),
    [
        ([], 0, [0]),
        ([0, 0], 2, [0, 0, 0]),
        ([1, 0, 2, 2], 2, [0, 1, 2]),
        ([3, 65535, 1, 4], 3, [0, 1, 0, 1]),  # ids above the count are left out
    ],
)
def test_id_counts(ids, count, expected):
    assert id_counts(np.array([ids], dtype=np.uint16), count).tolist() == expected


def test_nothing_to_trace():
    view = view_of(worlds.world(0), SIZE)
    assert trace_outlines(view.camera, view.alignment, ()) == []
    before = view.plate.segments.copy()
    assert paint_outlines([], view.plate.segments, view.plate.instances) == {}
    assert np.array_equal(before, view.plate.segments)


def test_bodies_to_world_is_the_body_s_own_map():
    bodies = worlds.world(4).bodies
    points = [outline_vertices(body.mesh)[0] for body in bodies]
    expected = np.concatenate([b.to_world(p) for b, p in zip(bodies, points, strict=True)])
    np.testing.assert_allclose(bodies_to_world(bodies, points), expected, atol=1e-9)


def crest_view(depth_m):
    """A car on a road that falls away behind a crest at 40 m, and the way it looks when flat."""
    z = DEPTHS_M
    drop = np.where(z > 40, -0.05 * (z - 40), 0.0)
    road = worlds.plain_road(Alignment(np.zeros_like(z), drop))
    world = worlds.hand_made(road, [worlds.put(road, "sedan", 0.0, depth_m)])
    return view_of(world, (640, 360))


@pytest.mark.parametrize(
    ("depth_m", "low", "high"), [(30.0, 1.0, 1.0), (60.0, 0.3, 0.97), (170.0, 0.0, 0.0)]
)
def test_a_crest_hides_the_lower_part(depth_m, low, high):
    view = crest_view(depth_m)
    _, instances, areas, outlines = painted(view)
    number = view.bodies[0].part_of
    seen = (instances == number).sum()
    assert low <= (seen / areas[number] if areas else 0.0) <= high
    by_ray = cast(view)[1] == number
    assert by_ray.any() == bool(seen)
    if seen:
        rows, rows_by_ray = (np.flatnonzero(p.any(axis=1)) for p in (instances == number, by_ray))
        assert np.abs(rows[[0, -1]] - rows_by_ray[[0, -1]]).max() <= 1
        # The box is that of the whole car.
        pixels = view.camera.project(view.bodies[0].to_world(outline_vertices("sedan")[0]))
        box = [*pixels.min(axis=0), *pixels.max(axis=0)]
        np.testing.assert_allclose(outlines[0].box, box)


def test_one_body_of_one_part():
    road = worlds.plain_road()
    view = view_of(worlds.hand_made(road, [worlds.put(road, "jersey element", 0.0, 20.0)]), SIZE)
    _, instances, _, _ = painted(view)
    assert (instances == cast(view)[1]).mean() > 0.97
    assert (instances == view.bodies[0].part_of).any()
