"""Charts of evaluations, in the colours that their runs have on the canvas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt
from drivegrid.dashboard.canvas.layers import STYLES
from drivegrid.dashboard.store.confusion import Matrix
from drivegrid.dashboard.store.rates import CurvePoint, Difference, Slice

from drivegrid.plotting.palette import SKY, VERMILLION, Color

NOTHING = "(nothing)"
"""Stands where a miss has no prediction, and a false alarm no truth."""
RATES = {"precision": "Precision", "recall": "Recall", "f1": "F1", "score": "Score of a frame"}
CELL = "cell"
"""Name of the selection in the confusion matrix, and of the number of a cell."""
ROW_PX = 26
LEAST_REACH = 0.01
"""Of the axis of differences, to both sides."""


def color_code(color: Color) -> str:
    """Return a colour as browsers write it.

    >>> color_code((86, 180, 233))
    '#56b4e9'
    """
    return "#{:02x}{:02x}{:02x}".format(*color)


def run_colors(names: Sequence[str]) -> alt.Color:
    """Return the colours of the runs: the one that is compared with, then the one in question."""
    styles = [STYLES["other"], STYLES["model"]][-len(names) :]
    codes = [color_code(style.color) for style in styles]
    legend = alt.Legend(title=None, orient="top", labelLimit=320)
    return alt.Color("run:N", scale=alt.Scale(domain=list(names), range=codes), legend=legend)


def differences(rates: Mapping[str, Difference]) -> alt.LayerChart:
    """Return each difference with its interval, beside the line of no difference."""
    rows = [
        {"rate": title, "difference": rate.difference, "low": rate.low, "high": rate.high}
        for name, title in RATES.items()
        if (rate := rates[name]).difference is not None
    ]
    # about zero, and never so narrow that no difference looks like one
    reach = max([LEAST_REACH, *(abs(row[end]) for row in rows for end in ("low", "high"))])
    axis = alt.X(
        "low:Q",
        title="second − first, with 95 % interval",
        scale=alt.Scale(domain=[-reach, reach]),
        axis=alt.Axis(format="~g"),
    )
    base = alt.Chart(alt.Data(values=rows)).encode(
        alt.Y("rate:N", sort=None, title=None), tooltip=_numbers("difference", "low", "high")
    )
    zero = alt.Chart(alt.Data(values=[{"x": 0}])).mark_rule(strokeDash=[4, 4], color="gray")
    code = color_code(STYLES["model"].color)
    spans = base.mark_rule(strokeWidth=3, color=code).encode(axis, alt.X2("high:Q"))
    points = base.mark_point(filled=True, size=110, color=code, opacity=1).encode(
        alt.X("difference:Q")
    )
    return alt.layer(zero.encode(alt.X("x:Q")), spans, points).properties(height=190)


def confusion_matrix(matrix: Matrix, text: str, first: int | None = None) -> alt.LayerChart:
    """Return the cells; a click on one selects its number.

    Args:
        matrix: What is shown; right labels and mistakes differ in colour, shares in strength.
        text: Colour of the counts.
        first: Number of the cell that is selected at first.
    """
    rows = [
        {
            CELL: number,
            "predicted": cell.pred_label or NOTHING,
            "truth": cell.true_label or NOTHING,
            "matches": cell.count,
            "share": cell.share,
            "right": cell.pred_label == cell.true_label,
        }
        for number, cell in enumerate(matrix.cells)
    ]
    order = [*matrix.labels, NOTHING]
    axis = alt.Axis(labelLimit=150)
    right = alt.Scale(domain=[True, False], range=[color_code(SKY), color_code(VERMILLION)])
    value = alt.Undefined if first is None else [{CELL: first}]
    picked = alt.selection_point(name=CELL, fields=[CELL], on="click", empty=False, value=value)
    base = alt.Chart(alt.Data(values=rows)).encode(
        alt.X("predicted:N", sort=order, title="predicted", axis=axis.copy()),
        alt.Y("truth:N", sort=order, title="truth", axis=axis),
        tooltip=["truth:N", "predicted:N", "matches:Q", alt.Tooltip("share:Q", format=".0%")],
    )
    cells = base.mark_rect(cursor="pointer", strokeWidth=2.5).encode(
        alt.Color("right:N", scale=right, legend=None),
        alt.Opacity("share:Q", scale=alt.Scale(domain=[0, 1], range=[0.25, 1]), legend=None),
        stroke=alt.condition(picked, alt.value(text), alt.value("transparent")),
    )
    counts = base.mark_text(color=text, fontSize=11, tooltip=False, cursor="pointer").encode(
        alt.Text("matches:Q", format="~s")
    )
    height = max(200, ROW_PX * len(order) + 130)
    return alt.layer(cells.add_params(picked), counts).properties(height=height)


def precision_recall(
    curves: Mapping[str, Sequence[CurvePoint]], marked: Mapping[str, CurvePoint | None]
) -> alt.LayerChart:
    """Return the curves of runs, with a mark on each where the threshold stands."""
    lines = [_point(run, point) for run, points in curves.items() for point in points]
    marks = [_point(run, point) for run, point in marked.items() if point is not None]
    axes = (
        alt.X("recall:Q", scale=alt.Scale(domain=[0, 1]), title="recall"),
        alt.Y("precision:Q", scale=alt.Scale(domain=[0, 1]), title="precision"),
        run_colors(list(curves)),
    )
    told = ["run:N", *_numbers("confidence", "precision", "recall")]
    line = alt.Chart(alt.Data(values=lines)).mark_line(strokeWidth=2, interpolate="linear")
    mark = alt.Chart(alt.Data(values=marks)).mark_point(filled=True, size=130, opacity=1)
    shown = line.encode(*axes, order="place:Q"), mark.encode(*axes, tooltip=told)
    return alt.layer(*shown).properties(height=300)


def sliced(parts: Mapping[str, Sequence[Slice]], rate: str, values: Sequence[str]) -> alt.Chart:
    """Return a rate of runs in each slice, as bars side by side."""
    rows = [
        {"run": run, "value": one.value, "frames": one.frames, rate: one.counts.as_dict()[rate]}
        for run, found in parts.items()
        for one in found
        if one.value in values
    ]
    return (
        alt.Chart(alt.Data(values=rows))
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            alt.X(f"{rate}:Q", scale=alt.Scale(domain=[0, 1]), title=RATES[rate]),
            alt.Y("value:N", sort=list(values), title=None, axis=alt.Axis(labelLimit=200)),
            alt.YOffset("run:N", sort=list(parts)),
            run_colors(list(parts)),
            tooltip=["run:N", "value:N", *_numbers(rate), "frames:Q"],
        )
        .properties(height=110 + 14 * len(values) * (len(parts) + 1))
    )


def _point(run: str, point: CurvePoint) -> dict[str, object]:
    return {
        "run": run,
        "confidence": point.confidence,
        "precision": point.precision,
        "recall": point.recall,
        "place": -point.confidence,
    }


def _numbers(*names: str) -> list[alt.Tooltip]:
    return [alt.Tooltip(f"{name}:Q", format=".3f") for name in names]
