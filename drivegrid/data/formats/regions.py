"""What formats of masks and paths share: limits on masks, rings that overlap, rings of a region."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import shapely

from drivegrid.errors import FormatError
from drivegrid.geometry import FloatArray

MAX_MASK_PIXELS, MAX_RUNS = 2**30, 2**21
"""How many pixels and runs the masks of a frame may have in all."""


def check_masks(masks: Iterable[object]) -> None:
    """Refuse a frame whose masks would take more memory and time than any real one.

    Args:
        masks: Anything; what is no mask is passed over.

    Raises:
        FormatError: If they have more than ``MAX_MASK_PIXELS`` pixels or ``MAX_RUNS`` runs.
    """
    pixels = runs = 0
    for mask in masks:
        if not isinstance(mask, dict):
            continue
        size, counts = mask.get("size"), mask.get("counts")
        if isinstance(size, list) and all(type(side) is int for side in size[:2]):
            pixels += abs(math.prod(size[:2]))
        runs += len(counts) if isinstance(counts, list | str) else 0
    if pixels > MAX_MASK_PIXELS:
        raise FormatError(f"masks must have at most {MAX_MASK_PIXELS} pixels, got more.")
    if runs > MAX_RUNS:
        raise FormatError(f"masks must have at most {MAX_RUNS} runs, got more.")


def boxes_meet(rings: Sequence[FloatArray]) -> bool:
    """Tell whether the boxes around any two rings meet; only then may the rings.

    Args:
        rings: (N, 2) points each, N at least 1.
    """
    if len(rings) < 2:
        return False
    boxes = [shapely.box(*ring.min(axis=0), *ring.max(axis=0)) for ring in rings]
    first, second = shapely.STRtree(boxes).query(boxes, "intersects")
    return bool((first != second).any())


def overlap(rings: Sequence[FloatArray]) -> shapely.Geometry | None:
    """Return what rings cover in all if any two of them share an area, else None.

    Args:
        rings: (N, 2) points each; fewer than three cover nothing.
    """
    areas = [shapely.make_valid(shapely.Polygon(ring)) for ring in rings if len(ring) >= 3]
    union = shapely.union_all(areas)
    is_shared = union.area < sum(area.area for area in areas) * (1 - 1e-12)
    return union if is_shared else None


def rings_of(region: shapely.Geometry) -> tuple[FloatArray, ...]:
    """Return the rings of a region, holes after their shell; lines and points have none."""
    found: list[FloatArray] = []
    for part in shapely.get_parts(region):
        if isinstance(part, shapely.Polygon):
            found += [np.array(ring.coords)[:-1] for ring in (part.exterior, *part.interiors)]
    return tuple(found)
