"""What each cell shows, against a look at every cell by an independent library."""

import numpy as np
import pytest
import shapely

from drivegrid.scenes.render import render_scene
from drivegrid.tasks.cell_classes import CELL_CLASSES, cell_classes
from drivegrid.tasks.table import TASKS
from drivegrid.tokens.grid import GridSpec
from tests.tasks.builders import SIZE, empty, road

GRID = GridSpec()


def plane(scene, name):
    return cell_classes(scene, GRID)[CELL_CLASSES.index(name)]


def cells(shown):
    return {(int(x), int(y)) for y, x in np.argwhere(shown)}


def test_an_empty_scene_shows_nothing():
    planes = cell_classes(empty(), GRID)
    assert planes.shape == (len(CELL_CLASSES), 32, 32)
    assert not planes.any()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sign", {(30, 8), (1, 10)}),  # cells are 20 x 11.25 pixels
        ("top left corner", {(14, 13), (17, 19)}),
        ("bottom right corner", {(16, 16), (20, 23)}),
        ("passenger car", {(x, y) for x in range(17, 21) for y in range(19, 24)}),
        ("person", set()),
        ("light", set()),
    ],
)
def test_cells_by_hand(name, expected):
    assert cells(plane(road(), name)) == expected


def test_every_vehicle_is_a_vehicle():
    vehicles = cells(plane(road(), "vehicle"))
    assert vehicles > cells(plane(road(), "passenger car"))
    assert (15, 14) in vehicles  # the truck


@pytest.mark.parametrize("seed", range(4))
def test_lanes_and_drivable_area_touch_their_cells(seed):
    scene = render_scene(seed, SIZE).scene
    lines = shapely.union_all(
        [shapely.LineString(i.geometry.vertices()) for i in TASKS["lanes"].instances(scene)]
    )
    areas = shapely.union_all(
        [shapely.Polygon(i.geometry.rings[0]) for i in TASKS["drivable"].instances(scene)]
    )
    lane, drivable = plane(scene, "lane"), plane(scene, "drivable")
    width, height = GRID.cell_size(SIZE)
    for x in range(GRID.cols):
        for y in range(GRID.rows):
            cell = shapely.box(x * width, y * height, (x + 1) * width, (y + 1) * height)
            assert lines.distance(cell) < 1e-6 if lane[y, x] else not lines.intersects(core(cell))
            assert areas.distance(cell) < width if drivable[y, x] else not areas.covers(cell)


def core(cell):
    """The middle of a cell: a line through it cannot slip between two samples."""
    return cell.buffer(-0.4 * min(GRID.cell_size(SIZE)))
