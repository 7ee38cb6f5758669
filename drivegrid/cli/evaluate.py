"""``drivegrid eval``: predicted lanes against labels, by the rule of a benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from drivegrid.cli.output import print_error, print_json, print_rejected


def evaluate(
    pred: Annotated[
        Path,
        typer.Argument(
            metavar="PRED", help="label file or folder, or what predict --scenes has written"
        ),
    ],
    truth: Annotated[Path, typer.Argument(metavar="GT", help="label file or folder")],
    rule: Annotated[
        Literal["culane", "tusimple"], typer.Option("--format", help="format and rule")
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="print totals and frames as JSON")
    ] = False,
) -> None:
    """Score lanes: CULane F1 or TuSimple accuracy, parameters printed beside the figures.

    Frames meet by name; a longer path that ends in the name is the same frame.

    Example: drivegrid eval predictions.json label_data.json --format tusimple
    """
    from drivegrid.data.formats import find_format
    from drivegrid.errors import FormatError
    from drivegrid.metrics.evaluate import evaluate_lanes
    from drivegrid.metrics.lanes import DENSE_STEP_PX
    from drivegrid.metrics.report import format_rows

    own = _holds_scenes(pred)
    loaded = [find_format("scene" if own else rule).load(pred), find_format(rule).load(truth)]
    for path, side in zip((pred, truth), loaded, strict=True):
        if side.quarantine.rejected and not side.scenes:
            print_rejected(side.quarantine.rejected[:1])
            raise FormatError(
                f"labels must hold frames of the format {rule}, got not a single one", path
            )
    loaded[1].require_frames(truth)
    rejected = [record for side in loaded for record in side.quarantine.rejected]
    print_rejected(rejected)
    result = evaluate_lanes(
        loaded[0].scenes, loaded[1].scenes, rule, densify_px=DENSE_STEP_PX if own else None
    )
    result["quarantined"] = len(rejected)
    for message in result["rejected_frames"]:
        print_error(message)
    if as_json:
        print_json(result)
    else:
        shown = {key: value for key, value in result.items() if key != "per_frame"}
        typer.echo("\n".join(format_rows(f"{pred} against {truth}", shown)))
    if rejected or result["rejected_frames"]:
        raise typer.Exit(1)


def _holds_scenes(path: Path) -> bool:
    """Return whether a file holds scenes of our own form; anything else is read by its rule."""
    from drivegrid.data.formats import detect_format
    from drivegrid.errors import FormatError

    try:
        return detect_format(path)[0] == "scene"
    except FormatError:
        return False
