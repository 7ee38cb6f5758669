"""CIPO files of OpenLane: boxes of what is near the car's path, ``x.jpg.json``.

``{"results": [{"id": "1", "type": 1, "x", "y", "width", "height", "score"?}, ...],
"raw_file_path": "..."}``: the corner at the upper left, in pixels; ``id`` is the importance, 1 to
4, and ``type`` 0 unknown, 1 vehicle, 2 pedestrian, 3 sign, 4 cyclist. Source:
OpenDriveLab/OpenLane, anno_criterion/CIPO and eval/CIPO_evaluation. Both stay in
``extra["openlane"]["cipo"]`` of an instance; boxes of unknown type stay in that of the scene.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from drivegrid.data.fields import as_kind, field, number, own_extra, put_back
from drivegrid.data.formats.losing import instance_losses, item_of
from drivegrid.data.formats.naming import class_of, label_of
from drivegrid.data.quarantine import Loss
from drivegrid.data.scene import Instance, Scene
from drivegrid.errors import FormatError
from drivegrid.geometry import Box, FloatArray
from drivegrid.labels import DroppedLabel

_SIDES = ("x", "y", "width", "height")


def parse_cipo(record: object) -> tuple[list[Instance], dict[str, Any]]:
    """Return the boxes of a CIPO file, and what the scene's ``extra`` keeps of it.

    Raises:
        FormatError: If a box is wrong; without the path, see ``FormatError.at``.
    """
    whole = as_kind(record, dict, "file")
    instances: list[Instance] = []
    kept: list[list[Any]] = []
    for slot, result in enumerate(field(whole, "results", list)):
        item = f"result {slot}"
        box = _box(as_kind(result, dict, item), item)
        target = label_of("openlane", f"cipo/{field(result, 'type', int, item)}")
        if isinstance(target, DroppedLabel):
            kept.append([slot, result])
            continue
        score = result.get("score")
        if score is not None and not 0 <= number(score, item) <= 1:
            raise FormatError(f"score must lie in [0, 1], got {score}.", item=item)
        extra = {"openlane": {"cipo": result}}
        instances.append(
            Instance(target.path, box, target.attributes, confidence=score, extra=extra)
        )
    return instances, whole | {"results": kept}


def _box(result: Mapping[str, Any], item: str) -> Box:
    x, y, width, height = (number(result.get(side), f"{item}, {side}") for side in _SIDES)
    if min(width, height) < 0:
        raise FormatError(f"box must have a size, got {width} x {height}.", item=item)
    right, bottom = number(x + width, f"{item}, right"), number(y + height, f"{item}, bottom")
    return Box(np.array([x, y, right, bottom]))


def is_cipo(instance: Instance) -> bool:
    """Tell the boxes that a CIPO file can say: those read from one, since only they have an id."""
    own = instance.extra.get("openlane")
    return isinstance(instance.geometry, Box) and isinstance(own, dict) and "cipo" in own


def cipo_record(scene: Scene) -> tuple[dict[str, Any] | None, list[Loss]]:
    """Return the CIPO file of a scene, None without one, and what it cannot hold.

    Raises:
        FormatError: If ``extra`` holds what no reader leaves there.
    """
    own = own_extra(scene, "openlane")
    boxes = [(i, found) for i, found in enumerate(scene.instances) if is_cipo(found)]
    if not boxes and "cipo" not in own:
        return None, []
    kept = as_kind(own.get("cipo", {"results": []}), dict, "extra openlane, cipo")
    results: list[Any] = []
    losses: list[Loss] = []
    for index, instance in boxes:
        item = item_of(index, instance)
        result, says = _result(instance, item)
        results.append(result)
        losses += instance_losses(scene, index, says, {"confidence"})
    places = field(kept, "results", list)
    put_back(results, places, "extra openlane, results")
    for _, result in places:
        _box(as_kind(result, dict, "results"), "results")
    image = kept.get("raw_file_path") or scene.frame.image
    return kept | {"results": results, "raw_file_path": image}, losses


def _result(instance: Instance, item: str) -> tuple[dict[str, Any], frozenset[str]]:
    """Return a box as it stands in a file, and the attributes that its type says."""
    original = as_kind(instance.extra["openlane"]["cipo"], dict, f"{item}, extra openlane")
    found = class_of("openlane", instance, f"cipo/{original.get('type')}")
    name = found.name if found else "cipo/0"
    result: dict[str, Any] = dict(original)
    if name != f"cipo/{original.get('type')}":
        result["type"] = int(name.removeprefix("cipo/"))
    box: FloatArray = instance.geometry.vertices()
    if not np.array_equal(_box(original, item).vertices(), box):
        (x, y), (width, height) = box[0].tolist(), (box[1] - box[0]).tolist()
        result |= {"x": x, "y": y, "width": width, "height": height}
    if instance.confidence != original.get("score"):
        result["score"] = instance.confidence
    if instance.confidence is None:
        result.pop("score", None)
    return result, found.says if found else frozenset()
