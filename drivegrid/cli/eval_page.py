"""The page of ``drivegrid eval --html``: tables, curves, and the worst frames with pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from drivegrid.data.checks import check_image_name
from drivegrid.data.images import load_image
from drivegrid.data.scene import Scene
from drivegrid.errors import FormatError
from drivegrid.metrics.calibration import precision_by_recall
from drivegrid.metrics.evaluation import MatchRow
from drivegrid.metrics.outcome import Outcome
from drivegrid.metrics.pairing import FramePairs
from drivegrid.metrics.report import flatten, parameters_of, turned
from drivegrid.plotting.canvas import ImageArray
from drivegrid.plotting.chart import Bar, Chart, Series
from drivegrid.plotting.compare import LEGEND, UNMATCHED_LEGEND, Compared, draw_comparison
from drivegrid.plotting.page import Cell, Picture, Table, write_page

MAX_WORST = 12
"""How many of the worst frames of a rule are shown."""
MAX_POINTS = 400
"""How many points of a curve are drawn."""
FRAME_BINS = 20
"""Bars of the chart that shows how frames fare."""
NOTHING = "–"


@dataclass(frozen=True)
class PageData:
    """What a page shows.

    Args:
        title: Heading.
        outcomes: One a rule.
        pairs: What was scored.
        remarks: Counts of frames that did not meet or were set aside, by name.
        folders: Where pictures may lie, tried in order.
    """

    title: str
    outcomes: Sequence[Outcome]
    pairs: FramePairs
    remarks: Mapping[str, int]
    folders: Sequence[Path]


def write_eval_page(path: Path, data: PageData) -> None:
    """Write the page, whole or not at all.

    Raises:
        OSError: If it cannot be written.
    """
    tables, charts, pictures = [_remarks(data)], list[Chart](), list[Picture]()
    for outcome in data.outcomes:
        tables += _tables(outcome)
        charts += _charts(outcome)
        pictures += _worst(outcome, data)
    write_page(path, data.title, tables, pictures, charts)


def _remarks(data: PageData) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (name.replace("_", " "), count) for name, count in data.remarks.items()
    ]
    note = ""
    if any(outcome.evaluation.worst for outcome in data.outcomes):
        note = f"The pictures at the end show the worst frames: {LEGEND}; {UNMATCHED_LEGEND}."
    return Table("Frames", ("", "number"), [("scored", len(data.pairs.pairs)), *rows], note)


def _cell(value: Any) -> Cell:
    if value is None:
        return NOTHING
    return value if isinstance(value, str | int | float) else str(value)


def _tables(outcome: Outcome) -> Iterator[Table]:
    """Yield the totals of a rule, its splits and its labels."""
    named = parameters_of(outcome.evaluation.figures)
    note = ", ".join(f"{name} = {value}" for name, value in named.items())
    if outcome.intervals:
        drawn = outcome.drawn
        note += (
            f". Intervals: {100 * drawn['level']:g} % percentile bootstrap over "
            f"{drawn['resamples']} resamples of {drawn['by']}s, seed {drawn['seed']}."
        )
    rows = []
    for name, value in flatten(outcome.shown()).items():
        interval = outcome.intervals.get(name)
        ends = f"{interval.low:.3f} to {interval.high:.3f}" if interval else ""
        rows.append((name, _cell(value), ends))
    yield Table(outcome.rule, ("", "value", "95 % interval"), rows, note)
    if outcome.splits:
        yield _by_name(f"{outcome.rule} by split", "", turned(outcome.shown_splits()))
    for key in ("per_label", "per_class"):
        if found := outcome.evaluation.figures.get(key):
            plain = {label: flatten(row) for label, row in found.items()}
            yield _by_name(f"{outcome.rule} by {key[4:]}", key[4:], plain)
    for name, score in outcome.evaluation.figures.get("per_attribute", {}).items():
        yield _confusion(f"{outcome.rule}: {name}, right answer by row", score["confusion"])


def _by_name(title: str, head: str, rows: Mapping[str, Mapping[str, Any]]) -> Table:
    columns = list(dict.fromkeys(name for row in rows.values() for name in row))
    cells = [(name, *(_cell(row.get(column)) for column in columns)) for name, row in rows.items()]
    return Table(title, (head, *columns), cells)


def _confusion(title: str, table: Mapping[str, Mapping[str, int]]) -> Table:
    given = sorted({name for row in table.values() for name in row})
    rows: list[tuple[Cell, ...]] = [
        (right, *(row.get(name, 0) for name in given)) for right, row in table.items()
    ]
    return Table(title, ("", *(name or "no answer" for name in given)), rows)


def _charts(outcome: Outcome) -> Iterator[Chart]:
    """Yield how frames fare and, where predictions have confidences, what those are worth."""
    yield from _charts_of_frames(outcome)
    if curves := outcome.evaluation.curves:
        series = [Series(name, points) for name, points in curves.items()]
        yield Chart(f"{outcome.rule}: precision by recall", "recall", "precision", series)
    calibration = outcome.evaluation.figures.get("calibration")
    if calibration is None:
        return
    rows = outcome.evaluation.rows
    known = [row for row in rows if row.pred is not None and row.confidence is not None]
    hits = [row.hit for row in known]
    confidences = [row.confidence or 0.0 for row in known]
    num_gt = sum(row.gt is not None for row in rows)
    recall, precision = precision_by_recall(confidences, hits, num_gt)
    step = max(1, len(recall) // MAX_POINTS)
    points = list(zip(recall[::step].tolist(), precision[::step].tolist(), strict=True))
    yield Chart(f"{outcome.rule}: precision by recall", "recall", "precision", [Series("", points)])
    width = 1 / len(calibration["bins"])
    bars = [
        Bar(b["up_to"] - width, b["up_to"], b["hit_rate"], f"{b['n']} predictions")
        for b in calibration["bins"]
        if b["n"]
    ]
    title = f"{outcome.rule}: calibration, ECE {calibration['ece']:.3f}"
    yield Chart(title, "confidence", "share that is right", (), bars, diagonal=True)


def _charts_of_frames(outcome: Outcome) -> Iterator[Chart]:
    """Yield the share of frames by the rule's main rate, and F1 by IoU where lanes are drawn."""
    tally, worst = outcome.evaluation.tally, outcome.evaluation.worst
    rates = tally.rates_by_frame().get(worst, np.zeros(0))
    rates = rates[~np.isnan(rates)]
    if len(rates):
        counts, edges = np.histogram(rates, FRAME_BINS, (0.0, 1.0))
        bars = [
            Bar(low, high, count / len(rates), f"{count} frames")
            for low, high, count in zip(edges[:-1], edges[1:], counts.tolist(), strict=True)
        ]
        yield Chart(f"{outcome.rule}: frames by {worst}", worst, "share of frames", (), bars)
    sums = tally.sums()
    levels = {int(n[3:]) / 100: value for n, value in sums.items() if re.fullmatch("tp_[0-9]+", n)}
    lanes = sums.get("num_pred", 0) + sums.get("num_gt", 0)
    if len(levels) > 2 and lanes:
        points = [(level, 2 * tp / lanes) for level, tp in sorted(levels.items())]
        yield Chart(f"{outcome.rule}: F1 by IoU", "IoU", "F1", [Series("", points)])


def _worst(outcome: Outcome, data: PageData) -> Iterator[Picture]:
    """Yield the worst frames whose pictures are found, with what was found and missed."""
    by_frame: dict[str, list[MatchRow]] = {}
    for row in outcome.evaluation.rows:
        by_frame.setdefault(row.frame, []).append(row)
    for name, rate in outcome.worst_frames(MAX_WORST):
        image = _picture_of(data, name)
        if image is None:
            continue
        pred, gt = data.pairs.pairs[name]
        known = by_frame.get(name, []) if by_frame else None
        drawn = draw_comparison(image, pred, gt, _compared(known, pred, gt))
        what = f"{outcome.rule} {outcome.evaluation.worst} {rate:.3f}"
        yield Picture(drawn, f"{name}: {what}")


def _compared(rows: list[MatchRow] | None, pred: Scene, gt: Scene) -> Compared:
    """Return what to draw of a frame; without rows, of rules that match nothing, everything."""
    if rows is None:
        return Compared(found=range(len(pred.instances)), hit=range(len(gt.instances)))
    return Compared(
        found=[row.pred for row in rows if row.pred is not None and row.hit],
        false=[row.pred for row in rows if row.pred is not None and not row.hit],
        hit=[row.gt for row in rows if row.gt is not None and row.hit],
        missed=[row.gt for row in rows if row.gt is not None and not row.hit],
    )


def _picture_of(data: PageData, name: str) -> ImageArray | None:
    """Return the picture of a frame, None where none is found or it cannot be read.

    A folder may hold the pictures from any level of their names on.
    """
    try:
        parts = check_image_name(data.pairs.pairs[name][1].frame.image).split("/")
    except FormatError:
        return None
    for folder in data.folders:
        for start in range(len(parts)):
            try:
                return load_image(folder.joinpath(*parts[start:]))
            except (FormatError, OSError):
                continue
    return None
