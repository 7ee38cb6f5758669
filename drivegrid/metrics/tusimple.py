"""TuSimple accuracy, FP and FN: lanes compared by x at fixed rows.

The rule of the official script (TuSimple/tusimple-benchmark, evaluate/lane.py). A true lane's
accuracy is the share of all rows on which a prediction lies within 20 px / cos(angle of the true
lane), the best prediction counting (no one-to-one match); "no point here" is x = -100 on both
sides, so agreeing on it counts. 0.85 makes a lane found. With more than four true lanes the worst
one is forgiven. A frame of more than truth + 2 predictions, or slower than 200 ms, gets 0, 0, 1.

Since one prediction may find two lanes, FP of a frame can be negative. The script counts true
lanes without any point; leave them in to reproduce its figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from drivegrid.errors import GeometryError
from drivegrid.geometry import FloatArray, Size
from drivegrid.metrics.matching import Match, plain, ratio

PIXEL_THRESHOLD = 20.0
MATCH_THRESHOLD = 0.85
MAX_RUN_TIME_MS = 200.0
MAX_EXTRA_LANES = 2
IMAGE_WH: Size = (1280, 720)
"""The size the 20 px refer to."""
H_SAMPLES = tuple(range(160, 711, 10))
"""The 56 rows of most label files."""
NO_POINT = -2.0
_ABSENT = -100.0


@dataclass(frozen=True, slots=True)
class TusimpleFrame:
    """One frame's accuracy in [0, 1], FP rate and FN rate.

    ``found`` holds (prediction, truth, share of rows) of each true lane that was found, with the
    prediction that lies nearest; one prediction may find several.
    """

    accuracy: float
    fp: float
    fn: float
    num_pred: int = 0
    num_gt: int = 0
    found: tuple[Match, ...] = field(default=(), repr=False)


def _as_rows(lanes: Sequence[npt.ArrayLike], num_rows: int, what: str) -> FloatArray:
    """Return (N, R) x, -100 where there is no point."""
    for i, lane in enumerate(lanes):
        if np.shape(lane) != (num_rows,):
            raise GeometryError(
                f"{what} must have one x for each of the {num_rows} rows, got {np.shape(lane)} "
                f"(lane {i})."
            )
    xs = np.asarray(lanes, dtype=np.float64).reshape(len(lanes), num_rows)
    return np.where(xs >= 0, xs, _ABSENT)


def _pixel_threshold(xs: FloatArray, rows: FloatArray) -> float:
    """Return 20 px / cos of the angle of the straight line fitted to the lane's points."""
    seen = xs >= 0
    x, y = xs[seen], rows[seen]
    if len(y) == 0 or (y == y[0]).all():
        return PIXEL_THRESHOLD
    y = y - y.mean()
    slope = float((y * (x - x.mean())).sum() / (y * y).sum())
    return PIXEL_THRESHOLD / float(np.cos(np.arctan(slope)))


def score_frame(
    pred: Sequence[npt.ArrayLike],
    gt: Sequence[npt.ArrayLike],
    h_samples: Sequence[float] = H_SAMPLES,
    run_time_ms: float = 0.0,
) -> TusimpleFrame:
    """Score the lanes of one frame.

    Args:
        pred: Lanes, each R x values in pixels of a 1280x720 image; negative = no point.
        gt: Likewise.
        h_samples: (R,) the y of the rows. Without any, no lane is found.
        run_time_ms: How long the prediction took.

    Raises:
        GeometryError: If a lane has not exactly one x for each row.

    >>> score_frame([], [])
    TusimpleFrame(accuracy=0.0, fp=0.0, fn=0.0, num_pred=0, num_gt=0)
    >>> score_frame([[5, 6, -2]], [[5, 6, -2]], [10, 20, 30]).accuracy
    1.0
    """
    rows = np.asarray(h_samples, dtype=np.float64)
    pred_x, gt_x = _as_rows(pred, len(rows), "prediction"), _as_rows(gt, len(rows), "truth")
    if run_time_ms > MAX_RUN_TIME_MS or len(pred) > len(gt) + MAX_EXTRA_LANES:
        return TusimpleFrame(0.0, 0.0, 1.0, len(pred), len(gt))
    best, found = np.zeros(len(gt)), list[Match]()
    for i, lane in enumerate(gt_x):
        near = (np.abs(pred_x - lane) < _pixel_threshold(lane, rows)).sum(axis=1)
        best[i] = near.max(initial=0) / max(len(rows), 1)
        if best[i] >= MATCH_THRESHOLD:
            found.append((int(near.argmax()), i, float(best[i])))
    matched = len(found)
    missed, summed = len(gt) - matched, float(best.sum())
    if len(gt) > 4:
        missed, summed = max(missed - 1, 0), summed - float(best.min())
    whole = max(min(4, len(gt)), 1)
    fp = (len(pred) - matched) / len(pred) if pred else 0.0
    return TusimpleFrame(summed / whole, fp, missed / whole, len(pred), len(gt), tuple(found))


def rows_of(
    points: FloatArray, size_wh: Size, h_samples: Sequence[float] = H_SAMPLES
) -> FloatArray:
    """Return the x at each row where a polyline crosses it, scaled to 1280x720.

    Args:
        points: (N, 2) in pixels of the image, either end first.
        size_wh: Image size in pixels.
        h_samples: (R,) rows, for 1280x720.

    Returns:
        (R,) x, or -2 on rows beyond the ends or where x < 0, which the rule takes for no point.
        Where the line crosses a row more than once the first crossing along it counts.

    >>> rows_of(np.array([[100.0, 200.0], [120.0, 180.0]]), (1280, 720), [170, 180, 195]).tolist()
    [-2.0, 120.0, 105.0]
    """
    xs = np.full(len(h_samples), NO_POINT)
    if len(points) == 1:
        points = np.repeat(points, 2, axis=0)
    x, y = (points * (np.asarray(IMAGE_WH) / size_wh)).T
    low, high = np.minimum(y[:-1], y[1:]), np.maximum(y[:-1], y[1:])
    for i, row in enumerate(h_samples):
        crossed = np.flatnonzero((low <= row) & (row <= high))
        if len(crossed):
            j = crossed[0]
            rise = y[j + 1] - y[j]
            at = x[j] + ((row - y[j]) / rise if rise else 0.0) * (x[j + 1] - x[j])
            xs[i] = at if at >= 0 else NO_POINT
    return xs


@dataclass(frozen=True)
class TusimpleScore:
    """The means over frames, by frame name."""

    frames: Mapping[str, TusimpleFrame]

    def _mean(self, column: int) -> float:
        values = [(frame.accuracy, frame.fp, frame.fn)[column] for frame in self.frames.values()]
        return ratio(sum(values), len(values))

    @property
    def accuracy(self) -> float:
        """Mean accuracy in [0, 1]."""
        return self._mean(0)

    @property
    def fp(self) -> float:
        """Mean false positive rate."""
        return self._mean(1)

    @property
    def fn(self) -> float:
        """Mean false negative rate."""
        return self._mean(2)

    @property
    def f1(self) -> float:
        """F1 of precision 1 - FP and recall (1 - FP) / (1 - FP + FN), as CLRNet reports it.

        Without a single prediction FP is 0 and that formula gives 2 / 3; here it is 0.
        """
        if self.frames and not any(frame.num_pred for frame in self.frames.values()):
            return 0.0
        hit = 1 - self.fp
        return 2 * hit / (1 + hit + self.fn)

    def as_dict(self) -> dict[str, Any]:
        """Return the means, the number of frames, and the parameters."""
        return {
            "accuracy": plain(self.accuracy),
            "fp": plain(self.fp),
            "fn": plain(self.fn),
            "f1": plain(self.f1),
            "num_frames": len(self.frames),
            "parameters": {
                "rule": "tusimple",
                "pixel_threshold": PIXEL_THRESHOLD,
                "match_threshold": MATCH_THRESHOLD,
                "max_run_time_ms": MAX_RUN_TIME_MS,
                "max_extra_lanes": MAX_EXTRA_LANES,
                "fp": "below 0 where one prediction finds two lanes",
                "f1": "from the means of FP and FN, as CLRNet; not of the official script",
                "image_wh": list(IMAGE_WH),
            },
        }
