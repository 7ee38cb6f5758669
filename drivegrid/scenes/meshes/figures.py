"""The human body as convex limbs, posed by angles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from drivegrid.geometry import FloatArray
from drivegrid.scenes.mesh import Part, box, cylinder, ellipsoid
from drivegrid.scenes.meshes.solids import Point, both_ways, hull, limb, ring

_THIGH_M, _SHANK_M, _ANKLE_M = 0.44, 0.42, 0.07
_UPPER_ARM_M, _FOREARM_M = 0.3, 0.36


@dataclass(frozen=True, slots=True)
class Pose:
    """Angles in degrees; forwards is positive, pairs are left and right.

    Args:
        thighs: From the vertical.
        knees: Bend of the knees.
        arms: Upper arms from the vertical.
        elbows: Bend of the elbows.
        lean: Of the trunk.
        spread: How far apart the knees are, in metres.
        reach: How far apart the hands are, in metres.
    """

    thighs: tuple[float, float] = (2.0, -2.0)
    knees: tuple[float, float] = (0.0, 0.0)
    arms: tuple[float, float] = (4.0, -2.0)
    elbows: tuple[float, float] = (8.0, 8.0)
    lean: float = 0.0
    spread: float = 0.22
    reach: float = 0.56


@dataclass(frozen=True, slots=True)
class Look:
    """Clothes by material, and build.

    Args:
        top: Of the trunk and the upper arms.
        sleeves: Of the forearms.
        legs: Of the thighs.
        shanks: Of the lower legs.
        shoes: Of the feet.
        hat: ``hair``, ``long hair``, ``helmet`` or ``cap``.
        hat_material: Of helmet and cap.
        bands: Material of reflecting bands round the trunk, None for none.
        skirt: Whether a skirt covers the thighs.
        broad: Factor of widths.
        head: Factor of the head's size.
    """

    top: str = "cloth"
    sleeves: str = "cloth"
    legs: str = "trousers"
    shanks: str = "trousers"
    shoes: str = "black"
    hat: str = "hair"
    hat_material: str = "hair"
    bands: str | None = None
    skirt: bool = False
    broad: float = 1.0
    head: float = 1.0


def figure(pose: Pose, look: Look, *, hip: Point | None = None) -> list[Part]:
    """Return the parts of a grown person, some 1.75 m tall when upright.

    Args:
        pose: Angles of the joints.
        look: Clothes.
        hip: Place of the hips; None stands the lower foot on the ground.
    """
    if hip is None:
        hip = (0.0, max(_leg_drop(pose, side) for side in (0, 1)), 0.0)
    parts = [part for side in (0, 1) for part in _leg(pose, look, hip, side)]
    parts += [part for side in (0, 1) for part in _arm(pose, look, hip, side)]
    parts += [_trunk(pose, look, hip), *_head(pose, look, hip)]
    if look.skirt:
        x, y, z = hip
        skirt = [*ring((x, y + 0.1, z), (0.16, 0.12)), *ring((x, y - 0.42, z), (0.24, 0.2))]
        parts.append(hull(skirt, look.legs))
    return parts


def by_depth(parts: Sequence[Part]) -> list[Part]:
    """Order parts so that the nearer hides the farther from behind and from in front.

    Decals come last, in the order given.
    """
    solids = [part for part in parts if len(part.faces) > 1]
    ordered = sorted(solids, key=lambda part: -float(part.vertices[:, 2].mean()))
    decals = [part for part in parts if len(part.faces) == 1]
    return [*both_ways([[part] for part in ordered]), *decals]


def scaled(parts: Sequence[Part], factor: float) -> list[Part]:
    """Return parts of another size."""
    return [replace(part, vertices=part.vertices * factor) for part in parts]


def moved(parts: Sequence[Part], by: Point) -> list[Part]:
    """Return parts at another place."""
    return [replace(part, vertices=part.vertices + np.array(by)) for part in parts]


def _along(start: Point, degrees: float, length: float) -> Point:
    """Return the point below ``start`` along a bone turned forwards from the vertical."""
    angle = np.radians(degrees)
    x, y, z = start
    return (x, y - length * float(np.cos(angle)), z + length * float(np.sin(angle)))


def _jointed(bone: Part) -> Part:
    """Drop the end of a limb that sits in the limb above it."""
    start = len(bone.faces) - 2
    return replace(
        bone,
        faces=bone.faces[:start] + bone.faces[start + 1 :],
        materials=bone.materials[:start] + bone.materials[start + 1 :],
    )


def _leg_drop(pose: Pose, side: int) -> float:
    thigh, knee = pose.thighs[side], pose.knees[side]
    foot = _along(_along((0, 0, 0), thigh, _THIGH_M), thigh - knee, _SHANK_M)
    return _ANKLE_M - foot[1]


def _leg(pose: Pose, look: Look, hip: Point, side: int) -> list[Part]:
    sign = 2 * side - 1
    x, y, z = hip
    top = (x + sign * 0.09 * look.broad, y, z)
    thigh, bend = pose.thighs[side], pose.knees[side]
    knee = _along(top, thigh, _THIGH_M)
    knee = (x + sign * pose.spread / 2, knee[1], knee[2])
    ankle = _along(knee, thigh - bend, _SHANK_M)
    shoe = box(
        (ankle[0] - 0.05, ankle[1] - _ANKLE_M, ankle[2] - 0.09),
        (ankle[0] + 0.05, ankle[1] + 0.03, ankle[2] + 0.17), look.shoes,
    )  # fmt: skip
    return [
        _jointed(limb(top, knee, (0.1 * look.broad, 0.068), look.legs)),
        _jointed(limb(_along(knee, thigh - bend, -0.04), ankle, (0.066, 0.046), look.shanks)),
        shoe,
    ]


def _leaned(pose: Pose, hip: Point, up: float) -> Point:
    """Return the point ``up`` metres along the leaning spine."""
    x, y, z = hip
    angle = np.radians(pose.lean)
    return (x, y + up * float(np.cos(angle)), z + up * float(np.sin(angle)))


def _arm(pose: Pose, look: Look, hip: Point, side: int) -> list[Part]:
    sign = 2 * side - 1
    x, y, z = _leaned(pose, hip, 0.5)
    shoulder = (x + sign * 0.2 * look.broad, y, z)
    elbow = _along(shoulder, pose.arms[side], _UPPER_ARM_M)
    middle = (0.4 * look.broad + pose.reach) / 4
    elbow = (x + sign * middle, elbow[1], elbow[2])
    hand = _along(elbow, pose.arms[side] + pose.elbows[side], _FOREARM_M)
    hand = (x + sign * pose.reach / 2, hand[1], hand[2])
    return [
        limb(shoulder, elbow, (0.062, 0.05), look.top),
        _jointed(limb(elbow, hand, (0.05, 0.036), look.sleeves)),
    ]


def _trunk(pose: Pose, look: Look, hip: Point) -> Part:
    rings = [(-0.06, 0.15, 0.11), (0.1, 0.172, 0.122), (0.2, 0.182, 0.127), (0.27, 0.187, 0.13),
             (0.42, 0.2, 0.13), (0.52, 0.195, 0.1), (0.58, 0.07, 0.06)]  # fmt: skip
    points: list[Point] = []
    for up, rx, rz in rings:
        points += ring(_leaned(pose, hip, up), (rx * look.broad, rz * look.broad))
    low, band = (
        _leaned(pose, hip, 0.08)[1],
        (_leaned(pose, hip, 0.2)[1], _leaned(pose, hip, 0.27)[1]),
    )

    def material(center: FloatArray, _: FloatArray) -> str:
        if center[1] < low:
            return look.legs
        return look.bands if look.bands and band[0] < center[1] < band[1] else look.top

    return replace(hull(points, material), smooth=look.bands is None)


def _head(pose: Pose, look: Look, hip: Point) -> list[Part]:
    size = look.head
    x, y, z = _leaned(pose, hip, 0.6)
    middle = (x, y + 0.11 * size, z + 0.02)
    neck = limb((x, y - 0.06, z), (x, y + 0.06, z + 0.01), (0.055, 0.05), "skin")
    head = ellipsoid(middle, (0.08 * size, 0.125 * size, 0.098 * size), "skin", rings=3, sides=8)
    return [neck, head, *_hat(look, middle)]


def _hat(look: Look, head: Point) -> list[Part]:
    x, y, z = head
    size = look.head
    if look.hat == "helmet":
        radii = (0.125 * size, 0.12 * size, 0.145 * size)
        return [ellipsoid((x, y + 0.05 * size, z - 0.01), radii, look.hat_material, rings=3)]
    if look.hat == "cap":
        lid = cylinder((x, y + 0.06, z), (x, y + 0.14, z), (0.1, 0.125), look.hat_material, sides=8)
        brim = box((x - 0.08, y + 0.05, z), (x + 0.08, y + 0.07, z + 0.15), "black")
        return [lid, brim]
    if look.hat == "long hair":
        points = [*ring((x, y + 0.125, z - 0.01), (0.05, 0.06)),
                  *ring((x, y + 0.06, z - 0.03), (0.1, 0.1)),
                  *ring((x, y - 0.17, z - 0.07), (0.1, 0.05))]  # fmt: skip
        return [hull(points, "hair")]
    radii = (0.084 * size, 0.1 * size, 0.098 * size)
    return [ellipsoid((x, y + 0.035 * size, z - 0.02 * size), radii, "hair", rings=3, detail=True)]
