"""OpenLane's categories and attributes of lanes, and our labels and attributes, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from drivegrid.data.formats.lanes import LANE
from drivegrid.data.formats.naming import class_of, label_of
from drivegrid.data.scene import Instance
from drivegrid.errors import ConfigError, FormatError
from drivegrid.geometry import Size, x_at_bottom
from drivegrid.labels import MappedLabel, default_label_space

CURB = "lane/curb"
UNKNOWN = 0
LEFT_CURBSIDE, RIGHT_CURBSIDE = 20, 21
NO_ROLE = 0


def words_of(record: Mapping[str, Any], item: str) -> tuple[str, Mapping[str, str]]:
    """Return the label and the attributes of a lane.

    Raises:
        FormatError: If its category or its attribute is no whole number.

    >>> words_of({"category": 8, "attribute": 2}, "lane 0")
    ('lane/line', {'style': 'solid', 'color': 'yellow', 'role': 'ego-left'})
    """
    category, attribute = record.get("category"), record.get("attribute", NO_ROLE)
    for name, value in (("category", category), ("attribute", attribute)):
        if type(value) is not int:
            raise FormatError(f"{name} must be a whole number, got {value!r:.100}.", item=item)
    target = label_of("openlane", str(category))
    if not isinstance(target, MappedLabel):
        raise FormatError(f"category must be of a lane, got {category!r:.100}.", item=item)
    return target.path, {**target.attributes, **_role(attribute)}


def _role(attribute: object) -> Mapping[str, str]:
    """Return the role of an attribute; none for 0 and for values that the map does not know."""
    try:
        found = default_label_space().map_attribute("openlane", "attribute", str(attribute))
    except ConfigError:
        return {}
    return found if isinstance(found, Mapping) else {}


def says_lane(instance: Instance) -> bool:
    """Tell the lines that a lane of OpenLane stands for."""
    own = instance.extra.get("openlane")
    return instance.label in ("lane", LANE, CURB) or (isinstance(own, dict) and "lane" in own)


def category_of(instance: Instance, original: object, size_wh: Size) -> tuple[int, frozenset[str]]:
    """Return the category of a lane, and the names of our attributes that it says.

    Args:
        instance: A line with at least one point.
        original: The category it was read with, None if it was not; it holds while it still says
            the same.
        size_wh: Of the frame; a new curbside is left or right of its middle.
    """
    found = class_of("openlane", instance, str(original))
    if found and found.name == str(original):
        return int(found.name), found.says
    if instance.label == CURB:
        is_left = x_at_bottom(instance.geometry.vertices(), size_wh) < size_wh[0] / 2
        is_curb = instance.attributes.get("style") == "curb"
        return (LEFT_CURBSIDE if is_left else RIGHT_CURBSIDE), frozenset(["style"] * is_curb)
    if found:
        return int(found.name), found.says
    return UNKNOWN, frozenset()


def attribute_of(instance: Instance, original: object) -> tuple[object, frozenset[str]]:
    """Return the attribute that says a lane's role, and ``{"role"}`` if it does."""
    role = instance.attributes.get("role")
    if original is not None and _role(original).get("role") == role:
        return original, frozenset({"role"})
    known = _attributes().get(role, NO_ROLE) if role else NO_ROLE
    return known, frozenset({"role"} if known else ())


@cache
def _attributes() -> Mapping[str, int]:
    """Our roles to attributes."""
    values = default_label_space().maps["openlane"].attributes["attribute"]
    return {_role(value)["role"]: int(value) for value in values if _role(value)}
