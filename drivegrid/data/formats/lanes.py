"""What the lane formats share: which instances are lanes, and a line's x at given rows."""

from __future__ import annotations

import numpy as np

from drivegrid.data.formats.losing import frame_losses, instance_losses, item_of
from drivegrid.data.quarantine import Loss
from drivegrid.data.scene import Instance, Scene
from drivegrid.geometry import FloatArray, Polyline

LANE = "lane/line"
_NOWHERE: FloatArray = np.zeros((0, 2))


def sample_rows(points: FloatArray, rows: FloatArray) -> FloatArray:
    """Return (R,) the x where a line first meets each row, NaN where it never does.

    Args:
        points: (N, 2) ordered points in pixels; N may be 0 or 1.
        rows: (R,) y in pixels.

    Linear between points, and exact on them.

    >>> sample_rows(np.array([[0.0, 30.0], [20.0, 10.0]]), np.array([5.0, 10.0, 15.0])).tolist()
    [nan, 20.0, 15.0]
    """
    if len(points) == 0 or len(rows) == 0:
        return np.full(len(rows), np.nan)
    if climbs(points):  # nearly every lane, and much faster
        x, y = points[::-1].T
        inside: FloatArray = np.interp(rows, y, x, left=np.nan, right=np.nan)
        return inside
    start, stop = (points, points) if len(points) == 1 else (points[:-1], points[1:])
    y0, y1, y = start[:, 1, None], stop[:, 1, None], rows[None]
    meets = (np.minimum(y0, y1) <= y) & (y <= np.maximum(y0, y1))  # (segments, R)
    first = meets.argmax(axis=0)
    rise = stop[first, 1] - start[first, 1]
    share = np.divide(rows - start[first, 1], rise, out=np.zeros(len(rows)), where=rise != 0)
    x = (1 - share) * start[first, 0] + share * stop[first, 0]  # exact at both ends
    return np.where(meets.any(axis=0), x, np.nan)


def prolonged(points: FloatArray, reach: float, width: float) -> FloatArray:
    """Return a line that goes on straight at both ends, for formats that know whole rows only.

    An end between two rows is nearer to one of them: with a reach of half a row the line has a
    point there.

    Args:
        points: (N, 2) in pixels.
        reach: How far y goes on, in pixels.
        width: Of the image; the line does not leave it for this.

    >>> prolonged(np.array([[50.0, 60.0], [50.0, 42.0]]), 5, 100).tolist()
    [[50.0, 65.0], [50.0, 60.0], [50.0, 42.0], [50.0, 37.0]]
    """
    if len(points) < 2:
        return points
    first, second, last_but_one, last = points[[0, 1, -2, -1]].tolist()
    before = _beyond(first, second, reach, width)
    behind = _beyond(last, last_but_one, reach, width)
    return np.concatenate([before, points, behind])


def _beyond(end: list[float], inner: list[float], reach: float, width: float) -> FloatArray:
    """Return (1, 2) the place where a line prolonged ends, or (0, 2)."""
    (x, y), dx, dy = end, end[0] - inner[0], end[1] - inner[1]
    if dy == 0 or not 0 <= x <= width:
        return _NOWHERE
    steps = reach / abs(dy)
    if dx != 0:
        steps = min(steps, ((width if dx > 0 else 0.0) - x) / dx)
    place = (x + steps * dx, y + steps * dy)
    return np.array([place]) if steps > 0 and place[1] != y else _NOWHERE


def climbs(points: FloatArray) -> bool:
    """Tell whether a line goes strictly up the image, so that it has one x a row."""
    return bool((points[1:, 1] < points[:-1, 1]).all())


def split_lanes(
    scene: Scene, written: str, clip: str | None, held: frozenset[str] = frozenset()
) -> tuple[list[tuple[str, Instance]], list[Loss]]:
    """Return the lane lines of a scene by name, and what a lane file cannot hold.

    Args:
        scene: Any scene.
        written: The format's name.
        clip: What its reader will take for the clip.
        held: Attributes of lanes that the format does hold.
    """
    losses = frame_losses(scene, written, clip)
    lanes: list[tuple[str, Instance]] = []
    for index, instance in enumerate(scene.instances):
        item = item_of(index, instance)
        if instance.label in ("lane", LANE) and isinstance(instance.geometry, Polyline):
            losses += instance_losses(scene, index, held)
            if instance.label != LANE:
                losses.append(Loss(scene.frame.image, f"{instance.label} written as {LANE}", item))
            lanes.append((item, instance))
        else:
            message = f"{instance.label} ({instance.geometry.kind}) left out: no lane line"
            losses.append(Loss(scene.frame.image, message, item))
    return lanes, losses
