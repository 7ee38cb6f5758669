"""The table of rules, and which of them a pair of data sets asks for."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import TypeAlias

from drivegrid.data.scene import Scene
from drivegrid.errors import ConfigError
from drivegrid.geometry import Box, Point, Polygon, Polyline
from drivegrid.metrics.drivable import CLASSES
from drivegrid.metrics.evaluation import Evaluation
from drivegrid.metrics.pairing import FramePairs
from drivegrid.metrics.rules.attributes import evaluate_attributes
from drivegrid.metrics.rules.bdd_lane import evaluate_bdd_lane
from drivegrid.metrics.rules.boxes import evaluate_boxes
from drivegrid.metrics.rules.coco import evaluate_coco
from drivegrid.metrics.rules.drivable import evaluate_drivable
from drivegrid.metrics.rules.expressions import evaluate_expressions, expressions_of
from drivegrid.metrics.rules.lanes import (
    evaluate_culane,
    evaluate_curvelanes,
    evaluate_openlane,
)
from drivegrid.metrics.rules.points import evaluate_points
from drivegrid.metrics.rules.polygons import evaluate_polygons
from drivegrid.metrics.rules.settings import Settings
from drivegrid.metrics.rules.tusimple import evaluate_tusimple

Rule: TypeAlias = Callable[[FramePairs, Settings], Evaluation]

RULES: dict[str, Rule] = {
    "culane": evaluate_culane,
    "tusimple": evaluate_tusimple,
    "curvelanes": evaluate_curvelanes,
    "openlane": evaluate_openlane,
    "bdd-lane": evaluate_bdd_lane,
    "boxes": evaluate_boxes,
    "coco": evaluate_coco,
    "points": evaluate_points,
    "polygons": evaluate_polygons,
    "drivable": evaluate_drivable,
    "attributes": evaluate_attributes,
    "expressions": evaluate_expressions,
}
"""Name to rule, in the order of reports."""

LANE_RULES = {
    "tusimple": "tusimple",
    "curvelanes": "curvelanes",
    "openlane": "openlane",
    "bdd100k": "bdd-lane",
}
"""Whose rule lanes are scored by, by the format of the truth; CULane's for all others."""

_BY_KIND: dict[type, tuple[str, ...]] = {
    Polyline: ("culane", "tusimple", "curvelanes", "openlane"),
    Box: ("boxes", "coco"),
    Point: ("points",),
    Polygon: ("polygons",),
}


def find_rule(name: str) -> Rule:
    """Return the rule of a name.

    Raises:
        ConfigError: If it is unknown; lists the known ones.
    """
    if name not in RULES:
        raise ConfigError(f"rule must be one of {', '.join(RULES)}, got {name!r}.")
    return RULES[name]


def scorable(pairs: FramePairs) -> set[str]:
    """Return the rules that find anything to score, in the predictions or the truth."""
    both = [scene for pair in pairs.pairs.values() for scene in pair]
    truth = [gt for _, gt in pairs.pairs.values()]
    kinds = {type(item.geometry) for scene in both for item in scene.instances}
    found = {rule for kind in kinds for rule in _BY_KIND.get(kind, ())}
    if any(item.label.startswith("lane/") for scene in both for item in scene.instances):
        found.add("bdd-lane")
    if any(item.label in CLASSES.values() for scene in truth for item in scene.instances):
        found.add("drivable")
    if any(map(has_attributes, truth)):
        found.add("attributes")
    if any(map(expressions_of, truth)):
        found.add("expressions")
    return found


def rules_for(pairs: FramePairs, truth_format: str) -> list[str]:
    """Return the rules that have something to score, in order.

    Args:
        pairs: Predictions and truth.
        truth_format: The format the truth was read from, which decides how lanes are scored.

    COCO AP is among them where predicted boxes have confidences and its package is installed,
    attributes where any prediction has some: all of them wrong would say nothing.
    """
    lane_rule = LANE_RULES.get(truth_format, "culane")
    unwanted = {*_BY_KIND[Polyline], "bdd-lane"} - {lane_rule}
    if not (_has_scores(pairs) and find_spec("faster_coco_eval")):
        unwanted.add("coco")
    if not any(has_attributes(pred) for pred, _ in pairs.pairs.values()):
        unwanted.add("attributes")
    able = scorable(pairs)
    return [name for name in RULES if name in able - unwanted]


def has_attributes(scene: Scene) -> bool:
    """Tell whether a frame or anything in it has an attribute."""
    return bool(scene.frame.attributes) or any(item.attributes for item in scene.instances)


def _has_scores(pairs: FramePairs) -> bool:
    return any(
        isinstance(item.geometry, Box) and item.confidence is not None
        for pred, _ in pairs.pairs.values()
        for item in pred.instances
    )
