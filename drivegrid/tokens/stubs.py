"""Stubs: lines hardly longer than the pitch of the reachable points, as one chord.

Between two columns of reachable points an upright stub has no anchors within the tolerance. A
slanted chord through its middle overlaps it far better than the upright one beside it, so all
chords around are tried.
"""

from __future__ import annotations

import numpy as np

from drivegrid.geometry import FloatArray
from drivegrid.tokens.chords import Curve, candidates_near

STUB = 2.5
"""Lines shorter than this many pitches are stubs."""
REACH = 1.5
"""Ends of the chord lie within so many pitches of the line."""
_SAMPLES = 9


def best_chord(
    line: FloatArray, axes: tuple[FloatArray, FloatArray], pitch: float
) -> FloatArray | None:
    """Return (2, 2) the chord that lies closest to a line, or None where no two points are near.

    Closest is the least mean squared distance from the line to the chord plus that from the
    chord to the line.

    Args:
        line: (N, 2) in pixels, N >= 2, no two equal ones in a row.
        axes: Reachable x and y.
        pitch: Of the reachable points, in pixels.
    """
    curve = Curve(line)
    points, along = candidates_near(curve, axes, REACH * pitch)
    i, j = np.nonzero(along[:, None] < along)
    if len(i) == 0:
        return None
    start, chord = points[i], points[j] - points[i]
    share = np.linspace(0.0, 1.0, _SAMPLES)
    to_line, _ = curve.nearest((start[:, None] + share[:, None] * chord[:, None]).reshape(-1, 2))
    away = curve.at(share * curve.along[-1]) - start[:, None]
    nearest = (away * chord[:, None]).sum(axis=2) / (chord**2).sum(axis=1, keepdims=True)
    away -= np.clip(nearest, 0.0, 1.0)[..., None] * chord[:, None]
    squared = (away**2).sum(axis=(1, 2)) + (to_line.reshape(-1, _SAMPLES) ** 2).sum(axis=1)
    best = int(squared.argmin())
    return points[[i[best], j[best]]]
