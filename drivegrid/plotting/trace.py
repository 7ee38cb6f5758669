"""AnchorTrace: how a shape came to be, from proposal over offsets to result."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivegrid.errors import GeometryError
from drivegrid.geometry import BoolArray, FloatArray, as_points


@dataclass(frozen=True, slots=True, eq=False)
class AnchorTrace:
    """The anchors of one shape before and after its offsets.

    Args:
        proposed: (N, 2) x, y of the proposed cell centres, in pixels; N may be 0.
        moved: (N, 2) where the offsets take them, in pixels. Of a deleted anchor it is not used.
        deleted: (N,) True where the anchor was deleted.
        covariance: (N, 2, 2) spread of each moved anchor in square pixels, symmetric and
            positive semi-definite; None where unknown.
        earlier: (N, 2) where they stood after each round of offsets but the last, in pixels.

    Raises:
        GeometryError: If the shapes do not fit each other or a number is not finite.
    """

    proposed: FloatArray
    moved: FloatArray
    deleted: BoolArray
    covariance: FloatArray | None = None
    earlier: tuple[FloatArray, ...] = ()

    def __post_init__(self) -> None:
        proposed = as_points(self.proposed, "proposed")
        moved = as_points(self.moved, "moved")
        deleted = np.asarray(self.deleted, dtype=np.bool_)
        earlier = tuple(as_points(places, "earlier") for places in self.earlier)
        num = len(proposed)
        places = [one.shape for one in (moved, *earlier)]
        if any(shape != (num, 2) for shape in places) or deleted.shape != (num,):
            raise GeometryError(
                f"trace must have one moved and one deleted for each of {num} anchors, "
                f"got shapes {', '.join(map(str, places))} and {deleted.shape}."
            )
        object.__setattr__(self, "proposed", proposed)
        object.__setattr__(self, "moved", moved)
        object.__setattr__(self, "deleted", deleted)
        object.__setattr__(self, "earlier", earlier)
        if self.covariance is not None:
            covariance = np.asarray(self.covariance, dtype=np.float64)
            if covariance.shape != (num, 2, 2) or not np.isfinite(covariance).all():
                raise GeometryError(
                    f"covariance must be finite with shape ({num}, 2, 2), got {covariance.shape}."
                )
            object.__setattr__(self, "covariance", covariance)
