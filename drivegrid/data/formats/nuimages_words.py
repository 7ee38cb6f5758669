"""Classes, attributes and masks of nuImages, and the tokens that name rows.

``mask`` is COCO's run lengths with ``counts`` in base64; a token is 32 hexadecimal digits.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Mapping
from functools import cache

from drivegrid.data.fields import as_kind, field
from drivegrid.data.formats.coco_shapes import Record, polygon_of
from drivegrid.data.formats.naming import allowed_of
from drivegrid.data.rasters import fill, rle_encode, rle_from_text, rle_to_text
from drivegrid.data.scene import Instance
from drivegrid.errors import FormatError
from drivegrid.geometry import Polygon, Size
from drivegrid.labels import default_label_space
from drivegrid.labels.mapping import DroppedLabel

SOURCE = "nuscenes"

_FITTING = {"vehicle": "vehicle.", "pedestrian": "human.", "cycle": "vehicle."}
"""First word of an attribute's name to that of the categories it goes with."""


def token_of(*content: object) -> str:
    """Return the token of a row that has none: the same for the same content.

    >>> token_of("category", "vehicle.car")
    '0c04e34580d84465bcc37bacca557389'
    """
    text = "\x1f".join(map(str, content)).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def is_surface(category: str) -> bool:
    """Tell categories of ``surface_ann`` from those of ``object_ann``.

    >>> is_surface("flat.driveable_surface"), is_surface("vehicle.ego"), is_surface("vehicle.car")
    (True, True, False)
    """
    return category.startswith("flat.") or category == "vehicle.ego"


@cache
def _meanings() -> dict[str, Mapping[str, str]]:
    known = default_label_space().maps[SOURCE].attributes["attribute"]
    return {
        name: {} if isinstance(target, DroppedLabel) else target for name, target in known.items()
    }


def facts_of(names: Iterable[str], label: str) -> dict[str, str]:
    """Return the attributes that a label has of what nuImages' attributes say.

    >>> facts_of(["vehicle.parked", "vehicle_light.emergency.flashing"], "object/vehicle/car")
    {'activity': 'parked'}
    """
    allowed = allowed_of(label)
    said = [pair for name in names for pair in _meanings().get(name, {}).items()]
    return {name: value for name, value in said if value in allowed.get(name, ())}


def attribute_names(
    instance: Instance, category: str, original: Iterable[str]
) -> tuple[list[str], set[str]]:
    """Return nuImages' attributes of an instance, and the names of ours that they say.

    Args:
        instance: Any instance.
        category: Its category.
        original: Names it was read with; those that no longer hold are left out.
    """
    ours = instance.attributes
    names = [name for name in original if facts_of([name], instance.label).items() <= ours.items()]
    held = set(facts_of(names, instance.label))
    for name, meaning in _meanings().items():
        new = meaning.keys() - held
        fits = category.startswith(_FITTING.get(name.partition(".")[0], "\0"))
        if new and fits and meaning.items() <= ours.items():
            names.append(name)
            held |= new
    return names, held


def region_of(mask: Record, size_wh: Size, item: str) -> Polygon | None:
    """Return the region of a mask, None if it is empty.

    Raises:
        FormatError: If it is malformed or not of the frame's size.
    """
    return polygon_of({**mask, "counts": _text(mask, item)}, size_wh, item)


def check_mask(mask: object, size_wh: Size, item: str) -> None:
    """Refuse what is no mask of a frame; costs no picture.

    Raises:
        FormatError: If it is neither null nor run lengths that fill the frame.
    """
    if mask is None:
        return
    record = as_kind(mask, dict, item)
    try:
        runs = rle_from_text(_text(record, item))
    except FormatError as error:
        raise FormatError(error.message, item=item) from error
    whole = size_wh[0] * size_wh[1]
    if record.get("size") != [size_wh[1], size_wh[0]] or min(runs, default=0) < 0:
        raise FormatError(f"{item} must be of the frame's size, got another.", item=item)
    if sum(runs) != whole:
        raise FormatError(f"{item} must fill {whole} pixels, got {sum(runs)}.", item=item)


def _text(mask: Record, item: str) -> str:
    try:
        return base64.b64decode(field(mask, "counts", str, item), validate=True).decode("ascii")
    except (binascii.Error, ValueError) as error:
        raise FormatError(f"{item} must have counts in base64, got: {error}.", item=item) from error


def mask_of(polygon: Polygon, size_wh: Size) -> Record:
    """Return the mask of the pixels that a polygon covers.

    Raises:
        GeometryError: If the frame is too large for a mask.
    """
    text = rle_to_text(rle_encode(fill(polygon, size_wh)))
    return {
        "size": [size_wh[1], size_wh[0]],
        "counts": base64.b64encode(text.encode()).decode(),
    }
