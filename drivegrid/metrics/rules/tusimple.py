"""TuSimple: accuracy, FP and FN at fixed rows."""

from __future__ import annotations

from drivegrid.data.formats.tusimple import lane_rows
from drivegrid.geometry import FloatArray
from drivegrid.metrics.evaluation import Evaluation, tally_of
from drivegrid.metrics.pairing import FramePairs
from drivegrid.metrics.rules.settings import Settings
from drivegrid.metrics.tally import Sums, over
from drivegrid.metrics.tusimple import TusimpleScore, score_frame


def score_pairs(pairs: FramePairs) -> TusimpleScore:
    """Return the score over the frames, on the rows of the truth."""
    frames = {}
    for name, (pred, gt) in pairs.pairs.items():
        rows, lanes = lane_rows(gt)
        run_time = pred.extra.get("tusimple", {}).get("run_time", 0.0)
        frames[name] = score_frame(lane_rows(pred, rows)[1], lanes, rows, run_time)
    return TusimpleScore(frames)


def evaluate_tusimple(pairs: FramePairs, settings: Settings) -> Evaluation:
    """Score every line by the TuSimple rule; nothing is matched one to one."""
    del settings
    score = score_pairs(pairs)
    counted = [
        {"accuracy": f.accuracy, "fp": f.fp, "fn": f.fn, "num_pred": f.num_pred, "frames": 1.0}
        for f in score.frames.values()
    ]
    columns = ("accuracy", "fp", "fn", "num_pred", "frames")
    tally = tally_of(tuple(score.frames), counted, columns, _rates)
    return Evaluation(score.as_dict(), tally, worst="accuracy")


def _rates(sums: Sums) -> dict[str, FloatArray]:
    means = {name: over(sums[name], sums["frames"]) for name in ("accuracy", "fp", "fn")}
    hit = 1 - means["fp"]
    f1 = over(2 * hit, 1 + hit + means["fn"]) * (sums["num_pred"] > 0)
    return {**means, "f1": f1}
