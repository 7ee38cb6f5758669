"""Overlap of lines drawn some pixels wide, row by row, without drawing them.

On each row of the canvas a line covers the pixels nearer to it than half its width, ends rounded,
as the CULane raster draws it (`drivegrid.metrics.culane`): measured across the line, so that a
slanted line is wider along the row (the LaneIoU of CLRerNet, exact also at corners and ends).
Rows between a line's leftmost and rightmost place count as covered: right for any line that a row
meets once, too much inside the bow of one that turns back.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from drivegrid.geometry import FloatArray, IntArray, Size
from drivegrid.metrics.culane import CULANE, SAMPLES_PER_SEGMENT, spline_samples

ROW_STEP_PX = 5
_KEPT_SAMPLES = 5
"""Of the fifty places of a spline segment every so manyth is kept: enough for its bend."""


def canvas_line(line: FloatArray, size_wh: Size) -> FloatArray:
    """Return a line in pixels of the CULane canvas.

    Args:
        line: (N, 2) in pixels of the frame.
        size_wh: Frame size in pixels.
    """
    scaled: FloatArray = line * (np.asarray(CULANE.canvas_wh) / np.asarray(size_wh))
    return scaled


def spline_line(line: FloatArray) -> FloatArray:
    """Return the curve that the metric draws through the points of a true line.

    Args:
        line: (N, 2) in pixels of the canvas.
    """
    differ = (np.diff(line, axis=0) != 0).any(axis=1)
    knots = line[np.concatenate([[True], differ])] if len(line) else line
    if len(knots) < 3:
        return knots
    samples = spline_samples(knots).astype(np.float64)
    every = SAMPLES_PER_SEGMENT // _KEPT_SAMPLES
    return np.concatenate([samples[:-1:every], samples[-1:]])


def row_spans(lines: Sequence[FloatArray]) -> FloatArray:
    """Return (L, R, 2) where each line begins and ends on each sampled row of the canvas.

    Args:
        lines: Each (N, 2) in pixels of the canvas; of fewer than two points covers nothing.

    >>> spans = row_spans([np.array([[100.0, 0.0], [100.0, 590.0]])])
    >>> spans[0, 3].tolist()
    [84.5, 115.5]
    """
    width, height = CULANE.canvas_wh or (0, 0)
    # cv2.line draws an odd number of pixels: 31 for a width of 30.
    radius = (CULANE.width + 1) / 2
    rows = np.arange(ROW_STEP_PX / 2, height, ROW_STEP_PX)
    left, right = np.full((2, len(lines) * len(rows)), np.inf)
    right *= -1
    drawn = [k for k, line in enumerate(lines) if len(line) > 1]
    if drawn:
        start = np.concatenate([lines[k][:-1] for k in drawn])
        end = np.concatenate([lines[k][1:] for k in drawn])
        owner = np.repeat(drawn, [len(lines[k]) - 1 for k in drawn])
        down = (start[:, 1] <= end[:, 1])[:, None]
        start, end = np.where(down, start, end), np.where(down, end, start)
        first = np.ceil((start[:, 1] - radius) / ROW_STEP_PX - 0.5)
        last = np.floor((end[:, 1] + radius) / ROW_STEP_PX + 0.5)
        first, last = (np.clip(row, 0, len(rows)).astype(np.int64) for row in (first, last))
        count = np.maximum(last - first, 0)
        segment = np.repeat(np.arange(len(start)), count)
        row = np.arange(len(segment)) - np.repeat(np.cumsum(count) - count - first, count)
        place = owner[segment] * len(rows) + row
        for ends, side, reduce in ((left, -1, np.minimum), (right, 1, np.maximum)):
            reduce.at(ends, place, _border(start, end, (segment, rows[row]), side * radius))
    # nothing covered: an empty span
    left = np.minimum(np.maximum(left, -0.5), width - 0.5)
    right = np.maximum(np.minimum(np.maximum(right, -0.5), width - 0.5), left)
    return np.stack([left, right], axis=-1).reshape(len(lines), len(rows), 2)


def _border(
    start: FloatArray, end: FloatArray, cuts: tuple[IntArray, FloatArray], radius: float
) -> FloatArray:
    """Return x where rows leave the places within a radius of segments, on one side.

    That is the border of the disc whose middle lies on the segment and reaches furthest: the one
    that touches the segment's straight side on that row, or the last one at a tip.

    Args:
        start: (S, 2) upper ends of segments.
        end: (S, 2) lower ends.
        cuts: (M,) segments and (M,) rows that cut each.
        radius: Above 0 for the right side, below 0 for the left.
    """
    segment, y = cuts
    along = end - start
    lean = radius * along[:, 0] / np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)
    rise = np.maximum(along[:, 1], 1e-9)[segment]
    below = y - start[segment, 1]
    share = np.minimum(np.maximum((below + lean[segment]) / rise, 0.0), 1.0)
    half = np.sqrt(np.maximum(radius**2 - (below - share * along[segment, 1]) ** 2, 0.0))
    x: FloatArray = start[segment, 0] + share * along[segment, 0] + np.sign(radius) * half
    return x


def band_iou(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return (...) IoU of lines given by their spans; 0 where both cover nothing.

    Args:
        first: (..., R, 2) from `row_spans`.
        second: (..., R, 2) likewise; leading axes broadcast, so that ``first[:, None]`` and
            ``second[None]`` give all pairs.
    """
    shared = np.minimum(first[..., 1], second[..., 1]) - np.maximum(first[..., 0], second[..., 0])
    inter = np.maximum(shared, 0.0).sum(axis=-1)
    areas = [(spans[..., 1] - spans[..., 0]).sum(axis=-1) for spans in (first, second)]
    union = areas[0] + areas[1] - inter
    iou: FloatArray = np.divide(inter, union, out=np.zeros_like(inter), where=union > 0)
    return iou


def true_spans(lines: Sequence[FloatArray], size_wh: Size) -> FloatArray:
    """Return (G, R, 2) spans of true lines, drawn as the metric draws them.

    Args:
        lines: Each (N, 2) in pixels of the frame.
        size_wh: Frame size in pixels.
    """
    return row_spans([spline_line(canvas_line(line, size_wh)) for line in lines])
