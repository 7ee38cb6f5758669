"""TuSimple: accuracy, FP and FN at fixed rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from drivegrid.data.formats.tusimple import lane_rows
from drivegrid.data.scene import Scene
from drivegrid.geometry import FloatArray
from drivegrid.metrics.evaluation import Evaluation, MatchRow, tally_of
from drivegrid.metrics.matching import Match
from drivegrid.metrics.pairing import FramePairs
from drivegrid.metrics.rules.settings import Settings
from drivegrid.metrics.tally import Sums, over
from drivegrid.metrics.tusimple import TusimpleFrame, TusimpleScore, score_frame


def score_pairs(pairs: FramePairs) -> TusimpleScore:
    """Return the score over the frames, on the rows of the truth."""
    return TusimpleScore({name: _score(*pair)[0] for name, pair in pairs.pairs.items()})


def evaluate_tusimple(pairs: FramePairs, settings: Settings) -> Evaluation:
    """Score every line by the TuSimple rule.

    A true lane is found by the prediction nearest to it, which may find others too: it stands in a
    row for each. True lanes without any point are no instances and have no rows.
    """
    del settings
    frames: dict[str, TusimpleFrame] = {}
    rows: list[MatchRow] = []
    for name, (pred, gt) in pairs.pairs.items():
        frames[name], places = _score(pred, gt)
        rows += _rows(name, (pred, gt), places, frames[name].found)
    counted = [
        {"accuracy": f.accuracy, "fp": f.fp, "fn": f.fn, "num_pred": f.num_pred, "frames": 1.0}
        for f in frames.values()
    ]
    columns = ("accuracy", "fp", "fn", "num_pred", "frames")
    tally = tally_of(tuple(frames), counted, columns, _rates)
    return Evaluation(TusimpleScore(frames).as_dict(), tally, tuple(rows), "accuracy")


Places: TypeAlias = tuple[list[int | None], list[int | None]]
"""Which instances the predicted and the true lanes are; None for lanes without any point."""


def _score(pred: Scene, gt: Scene) -> tuple[TusimpleFrame, Places]:
    rows, lanes, true = lane_rows(gt)
    _, found, mine = lane_rows(pred, rows)
    run_time = pred.extra.get("tusimple", {}).get("run_time", 0.0)
    return score_frame(found, lanes, rows, run_time), (mine, true)


def _rows(
    name: str, scenes: tuple[Scene, Scene], places: Places, found: tuple[Match, ...]
) -> Iterator[MatchRow]:
    """Yield the rows of a frame: of true lanes that were found, false alarms, and the missed."""
    pred, gt = (scene.instances for scene in scenes)
    for i, j, share in found:
        mine, true = places[0][i], places[1][j]
        if mine is not None and true is not None:
            sure = pred[mine].confidence
            yield MatchRow(name, pred[mine].label, mine, true, share, True, sure)
    used, met = {i for i, _, _ in found}, {j for _, j, _ in found}
    for i, mine in enumerate(places[0]):
        if i not in used and mine is not None:
            yield MatchRow(name, pred[mine].label, mine, None, 0.0, False, pred[mine].confidence)
    for j, true in enumerate(places[1]):
        if j not in met and true is not None:
            yield MatchRow(name, gt[true].label, None, true, 0.0, False, None)


def _rates(sums: Sums) -> dict[str, FloatArray]:
    means = {name: over(sums[name], sums["frames"]) for name in ("accuracy", "fp", "fn")}
    hit = 1 - means["fp"]
    f1 = over(2 * hit, 1 + hit + means["fn"]) * (sums["num_pred"] > 0)
    return {**means, "f1": f1}
