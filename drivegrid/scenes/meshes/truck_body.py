"""Cabs, load boxes and axles that trucks are put together from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from drivegrid.geometry import FloatArray
from drivegrid.scenes.mesh import Part, box
from drivegrid.scenes.meshes.solids import Quad, both_ways, hub, hull, pair, patch, plan, wheel

WHEEL_M = 0.5
"""Radius of a truck's wheel."""

_CUT = (0.14, 0.1)


@dataclass(frozen=True, slots=True)
class Cab:
    """A cab over the engine.

    Args:
        front: Z of its front.
        width: Its width.
        height: Of its roof above the road.
        depth: Its length.
        belt: Height of the windows' lower edge.
        rake: How far the windscreen leans.
        paint: Its material.
    """

    front: float
    width: float = 2.4
    height: float = 2.8
    depth: float = 1.9
    belt: float = 1.65
    rake: float = 0.25
    paint: str = "paint"


def rear_of(half: float, low: float, high: float, z: float) -> Quad:
    """Return the upright quad at z that is looked at from behind."""
    return ((-half, low, z), (half, low, z), (half, high, z), (-half, high, z))


def front_of(half: float, low: float, high: float, z: float, lean: float = 0.0) -> Quad:
    """Return the quad at z that is looked at from in front; its top lies ``lean`` further back."""
    return ((half, low, z), (-half, low, z), (-half, high, z - lean), (half, high, z - lean))


def side_of(x: float, low: float, high: float, ends: tuple[float, float]) -> Quad:
    """Return the upright quad at x > 0 that is looked at from the right, from rear to front."""
    return ((x, low, ends[0]), (x, low, ends[1]), (x, high, ends[1]), (x, high, ends[0]))


def cab_parts(cab: Cab) -> list[Part]:
    """Return a cab with windows, lamps, grille and mirrors."""
    half, back = cab.width / 2, cab.front - cab.depth
    eaves = cab.height - 0.16

    def material(center: FloatArray, normal: FloatArray) -> str:
        low = center[1] < 0.8 and abs(normal[1]) < 0.7
        return "dark" if low or normal[1] < -0.9 else cab.paint

    points = plan(0.36, (back, cab.front - 0.06), half - 0.02, front=_CUT)
    points += plan(0.72, (back, cab.front), half, front=_CUT)
    points += plan(cab.belt, (back, cab.front), half, front=_CUT)
    points += plan(eaves, (back, cab.front - cab.rake), half - 0.03, front=_CUT)
    points += plan(cab.height, (back + 0.1, cab.front - cab.rake - 0.35), half - 0.15)
    screen = front_of(half - _CUT[0], cab.belt, eaves, cab.front, cab.rake)
    face = front_of(half - _CUT[0], 0.72, cab.belt, cab.front)
    bumper = front_of(half - 0.2, 0.4, 0.72, cab.front - 0.055, -0.05)
    door = side_of(half, 0.72, cab.belt, (back, cab.front - _CUT[1]))
    window = ((half, cab.belt, back + 0.35), (half, cab.belt, cab.front - 0.16),
              (half - 0.03, eaves, cab.front - cab.rake - 0.18),
              (half - 0.03, eaves, back + 0.35))  # fmt: skip
    mirror = box((half, cab.belt + 0.1, cab.front - 0.25),
                 (half + 0.22, cab.belt + 0.75, cab.front - 0.1), "dark")  # fmt: skip
    return [
        hull(points, material),
        *pair(mirror),
        patch(screen, (0.0, 1.0), (0.0, 0.95), "black"),
        patch(screen, (0.03, 0.97), (0.1, 0.88), "glass"),
        patch(face, (0.16, 0.84), (0.05, 0.62), "dark"),
        patch(face, (0.2, 0.8), (0.38, 0.42), "chrome"),
        patch(face, (0.0, 0.15), (0.05, 0.25), "front lamp"),
        patch(face, (0.85, 1.0), (0.05, 0.25), "front lamp"),
        patch(bumper, (0.36, 0.64), (0.35, 0.75), "plate"),
        *pair(
            patch(window, (0.0, 1.0), (0.05, 0.9), "glass"),
            patch(door, (0.2, 0.22), (0.0, 1.0), "black"),
            patch(door, (0.27, 0.36), (0.82, 0.86), "black"),
        ),
    ]


def load_box(
    half: float, heights: tuple[float, float], ends: tuple[float, float], material: str
) -> list[Part]:
    """Return a closed load box with two doors at its rear, bars, seams and contour tape."""
    (low, high), (back, front) = heights, ends
    rear = rear_of(half, low, high, back)
    side = side_of(half, low, high, ends)
    bars = (0.2, 0.42, 0.58, 0.8)
    tape = [patch(rear, u, (0.0, 0.02), "red") for u in ((0.0, 0.12), (0.44, 0.56), (0.88, 1.0))]
    return [
        box((-half, low, back), (half, high, front), material),
        *(patch(rear, u, (0.0, 1.0), "steel") for u in ((0.0, 0.025), (0.975, 1.0))),
        patch(rear, (0.0, 1.0), (0.96, 1.0), "steel"),
        patch(rear, (0.493, 0.507), (0.0, 0.96), "black"),
        *(patch(rear, (u - 0.008, u + 0.008), (0.02, 0.94), "chrome") for u in bars),
        patch(rear, (0.36, 0.64), (0.3, 0.33), "chrome"),
        patch(rear, (0.025, 0.975), (0.0, 0.02), "white"),
        *tape,
        *pair(
            patch(side, (0.0, 1.0), (0.0, 0.03), "steel"),
            patch(side, (0.0, 1.0), (0.97, 1.0), "steel"),
        ),
    ]


def tail_bar(half: float, z: float, y: float = 0.62) -> list[Part]:
    """Return the beam under a truck's tail with lamps and number plate, its rear side at z."""
    rear = rear_of(half, y - 0.1, y + 0.1, z)
    return [
        box((-half, y - 0.1, z), (half, y + 0.1, z + 0.12), "dark"),
        patch(rear, (0.01, 0.17), (0.1, 0.9), "rear lamp"),
        patch(rear, (0.83, 0.99), (0.1, 0.9), "rear lamp"),
        patch(rear, (0.29, 0.5), (0.1, 0.75), "plate"),
        *(patch(rear, u, (0.15, 0.85), "yellow") for u in ((0.18, 0.22), (0.78, 0.82))),
    ]


def chassis(ends: tuple[float, float]) -> list[Part]:
    """Return the frame under a load and the dark of what hangs below it."""
    return [
        box((-0.9, 0.55, ends[0] + 0.25), (0.9, 1.12, ends[1]), "dark"),
        *pair(box((0.5, 0.12, ends[0] + 0.12), (1.1, 0.7, ends[0] + 0.14), "black")),
    ]


def truck_parts(
    groups: Sequence[Sequence[Part]],
    front_axles: Sequence[float],
    rear_axles: Sequence[float],
    half: float = 1.2,
) -> list[Part]:
    """Return wheels, then what they carry.

    Args:
        groups: Cab and loads, from the front to the rear.
        front_axles: Z of axles with single wheels.
        rear_axles: Z of axles with twin wheels.
        half: Half the width over the wheels.
    """
    wheels = [wheel(half, z, WHEEL_M, 0.32) for z in front_axles]
    wheels += [wheel(half, z, WHEEL_M, 0.55) for z in rear_axles]
    hubs = [p for z in front_axles for p in hub(half, z, WHEEL_M, arch=0.06)]
    hubs += [p for z in rear_axles for p in hub(half, z, WHEEL_M)]
    return [*pair(*wheels), *both_ways(groups), *pair(*hubs)]
