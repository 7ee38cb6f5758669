"""``drivegrid eval``: predicted lanes against labels, by the rule of a benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from drivegrid.cli.output import print_error, print_json


def evaluate(
    pred: Annotated[Path, typer.Argument(help="predictions: label file or folder")],
    truth: Annotated[Path, typer.Argument(help="labels: label file or folder")],
    rule: Annotated[str, typer.Option("--format", help="culane or tusimple: format and rule")],
    as_json: Annotated[
        bool, typer.Option("--json", help="print totals and frames as JSON")
    ] = False,
) -> None:
    """Score lanes: CULane F1 or TuSimple accuracy, parameters printed beside the figures.

    Example: drivegrid eval predictions.json label_data.json --format tusimple
    """
    from drivegrid.data.formats import find_format
    from drivegrid.metrics.evaluate import evaluate_lanes
    from drivegrid.metrics.report import format_rows

    loaded = [find_format(rule).load(path) for path in (pred, truth)]
    rejected = [record for side in loaded for record in side.quarantine.rejected]
    for record in rejected:
        print_error(f"{record.message} ({record.path}, line {record.line}, {record.item})")
    result = evaluate_lanes(
        loaded[0].scenes, loaded[1].scenes, "culane" if rule == "culane" else "tusimple"
    )
    result["quarantined"] = len(rejected)
    if as_json:
        print_json(result)
    else:
        shown = {key: value for key, value in result.items() if key != "per_frame"}
        typer.echo("\n".join(format_rows(f"{pred} against {truth}", shown)))
    if rejected:
        raise typer.Exit(1)
