"""Shapes: which way panels look, hulls, turns."""

import numpy as np
import pytest

from drivegrid.scenes.mesh import box, cylinder
from drivegrid.scenes.meshes.shapes import (
    boulder,
    circle,
    faceted,
    moved,
    panel,
    rectangle,
    slab,
    sleeve,
    turned,
)
from tests.scenes.meshes.rules import check_part, is_closed, normals


@pytest.mark.parametrize("turn", [1, -1])
@pytest.mark.parametrize("side", ["-x", "+x", "-y", "+y", "-z", "+z"])
def test_panel_looks_to_its_side(side: str, turn: int) -> None:
    part = panel(side, 2.0, rectangle((0.0, 1.0), (3.0, 5.0))[::turn], "red")
    expected = np.zeros(3)
    expected["xyz".index(side[1])] = 1 if side[0] == "+" else -1
    assert np.allclose(normals(part), [expected])
    assert (part.vertices["xyz".index(side[1]) == np.arange(3)[None].repeat(4, 0)] == 2.0).all()
    assert part.detail


def test_slab_is_the_box_it_describes() -> None:
    part = slab(rectangle((-1, 0), (1, 2)), (-3, 4), ("red", "blue", "steel"))
    check_part(part)
    assert np.ptp(part.vertices, axis=0).tolist() == [2, 2, 7]
    named = dict(zip(part.materials, normals(part)[:, 2].tolist(), strict=True))
    assert (named["red"], named["blue"]) == (-1, 1)


def test_slab_names_each_edge() -> None:
    part = slab(rectangle((-1, 0), (1, 2)), (0, 1), ("red", "red", "black", "red", "red", "red"))
    assert np.allclose(normals(part)[part.materials.index("black")], [0, -1, 0])


def test_sleeve_has_no_ends() -> None:
    part = sleeve((0, 0, 0), (0, 1, 0), (1, 1), "red", sides=6)
    assert np.abs(normals(part)[:, 1]).max() < 1e-9
    assert len(part.faces) == 6
    assert not is_closed(part)


def test_faceted_finds_the_cube_among_inner_points() -> None:
    cube = np.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)], dtype=float)
    inner = np.random.default_rng(0).uniform(0.1, 0.9, (20, 3))
    part = faceted(np.concatenate([inner, cube]), "red")
    check_part(part)
    assert len(part.vertices) == 8
    assert len(part.faces) == 12
    assert is_closed(part)


@pytest.mark.parametrize("seed", range(5))
def test_boulder_stays_within_its_radii(seed: int) -> None:
    part = boulder((1.0, 0.3, -2.0), (0.5, 0.8, 0.7), "stone", seed=seed)
    check_part(part)
    away = (part.vertices - [1.0, 0.3, -2.0]) / [0.5, 0.8, 0.7]
    assert np.linalg.norm(away, axis=1).max() <= 1.05 + 1e-9
    assert part.vertices[:, 1].min() >= 0
    again = boulder((1.0, 0.3, -2.0), (0.5, 0.8, 0.7), "stone", seed=seed)
    assert np.array_equal(part.vertices, again.vertices)


@pytest.mark.parametrize(
    "axis, start, end",
    [("x", (0, 1, 0), (0, 0, 1)), ("y", (0, 0, 1), (1, 0, 0)), ("z", (1, 0, 0), (0, 1, 0))],
)
def test_quarter_turns(
    axis: str, start: tuple[float, float, float], end: tuple[float, float, float]
) -> None:
    part = box((-0.1, -0.1, -0.1), (0.1, 0.1, 0.1), "red")
    there = turned(moved(part, start), axis, np.pi / 2)
    assert np.allclose(there.vertices.mean(axis=0), end)
    check_part(there)


def test_circle_is_counter_clockwise_and_round() -> None:
    corners = np.array(circle((1.0, 2.0), 0.5, 9)) - [1.0, 2.0]
    assert np.allclose(np.hypot(*corners.T), 0.5)
    x, y = corners.T
    assert (x * np.roll(y, -1) - y * np.roll(x, -1) > 0).all()


def test_moved_keeps_the_shape() -> None:
    part = cylinder((0, 0, 0), (0, 1, 0), (0.2, 0.1), "red")
    assert np.allclose(moved(part, (1, 2, 3)).vertices - part.vertices, [1, 2, 3])
