"""Frames seen in a mirror, with everything in their labels that says left or right.

Mirrored traffic keeps to the other side of the road, which exists; mirrored writing does not.
So a frame in which writing could be read is not mirrored at all, and of signs too small to read
the value that one would have to read is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from drivegrid.data.augment_geometry import (
    BOXES,
    KEPT_EXTRA,
    KEPT_OF_SCENE,
    READABLE_PX,
    face_side,
    number_lines,
)
from drivegrid.data.augment_words import has_mirror, mirror_value
from drivegrid.data.scene import Instance, Scene
from drivegrid.data.verdicts import is_unreadable, lies_under
from drivegrid.geometry import from_parts
from drivegrid.labels import default_label_space

READ_VALUES = frozenset({"limit"})
"""Attributes that one must read from a face."""

WORDLESS = frozenset(
    "sign/back sign/complementary/chevron_left sign/complementary/chevron_right "
    "sign/complementary/delineator sign/regulatory/turn_left sign/regulatory/turn_right "
    "sign/regulatory/slight_left sign/regulatory/slight_right sign/regulatory/straight "
    "sign/regulatory/straight_or_left sign/regulatory/straight_or_right "
    "sign/regulatory/left_or_right sign/regulatory/keep_left sign/regulatory/keep_right "
    "sign/regulatory/pass_either_side sign/regulatory/no_left_turn "
    "sign/regulatory/no_right_turn sign/regulatory/priority_road sign/warning/curve_left "
    "sign/warning/curve_right sign/warning/double_curve sign/warning/road_narrows "
    "sign/warning/road_narrows_left sign/warning/road_narrows_right sign/warning/slippery_road "
    "sign/warning/traffic_signals sign/warning/pedestrians sign/warning/bicycles "
    "sign/warning/wild_animals sign/warning/domestic_animals sign/warning/crossroads "
    "sign/warning/priority_at_junction sign/warning/side_road sign/warning/merging "
    "sign/warning/two_way sign/warning/falling_rocks".split()
)
"""Signs that carry no letters or digits anywhere; their mirror image is a face that exists."""
_WRITTEN = ("sign", "lane/text", "obstacle/construction_sign")


def can_mirror(scene: Scene) -> bool:
    """Tell whether a frame's mirror image is a frame that could be.

    It is not where writing may be read: a sign (those in ``WORDLESS`` aside), a work sign or road
    lettering that is at least ``READABLE_PX`` pixels high and wide, or of unknown size, unless it
    is turned away or unreadable; nor where the taxonomy lacks the mirror of a label or value.
    """
    space = default_label_space()
    return not any(
        _may_be_read(one) or not has_mirror(one.label, one.attributes, space)
        for one in scene.instances
    )


def _may_be_read(instance: Instance) -> bool:
    if not lies_under(instance.label, _WRITTEN) or instance.label in WORDLESS:
        return False
    if is_unreadable(instance):
        return False
    side = face_side(instance.geometry, instance.extra)
    return side is None or side >= READABLE_PX


def mirror_scene(scene: Scene) -> Scene:
    """Return a scene as its mirrored picture (``image[:, ::-1]``) shows it; clips nothing.

    Args:
        scene: One that `can_mirror`. Points beyond the image stay beyond it.

    Returns:
        Instances in the same order, without the texts of the source (see ``augment_texts``) and
        what formats keep. Mirrored twice it is the same but for these, for values that had to
        be read and for rounding.
    """
    width, _ = scene.frame.size_wh
    instances = [_mirror_instance(one, width) for one in scene.instances]
    extra = {name: scene.extra[name] for name in KEPT_OF_SCENE if name in scene.extra}
    return Scene(scene.frame, number_lines(instances, scene.frame.size_wh), extra)


def _mirror_instance(instance: Instance, width: int) -> Instance:
    parts = tuple(part * (-1, 1) + (width, 0) for part in instance.geometry.parts())
    attributes = {
        name: mirror_value(value)
        for name, value in instance.attributes.items()
        if name not in READ_VALUES
    }
    return replace(
        instance,
        label=mirror_value(instance.label),
        geometry=from_parts(instance.geometry.kind, parts),
        attributes=attributes,
        extra=_mirror_extra(instance.extra, width),
    )


def _mirror_extra(extra: Mapping[str, Any], width: int) -> dict[str, Any]:
    kept = {name: extra[name] for name in KEPT_EXTRA if name in extra and name != "face"}
    for name in set(BOXES) & set(extra):
        x0, y0, x1, y1 = extra[name]
        kept[name] = [width - x1, y0, width - x0, y1]
    if "ego" in kept:
        kept["ego"] = _mirror_ego(kept["ego"])
    return kept


def _mirror_ego(ego: Mapping[str, Any]) -> dict[str, Any]:
    """Return where a thing is for the driver of the mirrored frame (``scenes.conditions``)."""
    mirrored = {name: ego[name] for name in ("distance_m", "in_our_lane") if name in ego}
    for name in ("lateral_m", "lane"):
        if name in ego:
            mirrored[name] = None if ego[name] is None else 0 - ego[name]
    if "side" in ego:
        mirrored["side"] = mirror_value(ego["side"])
    return mirrored
