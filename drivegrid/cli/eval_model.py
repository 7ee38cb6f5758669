"""``drivegrid eval-model``: what a model scores on labelled frames, beside what it could score."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from drivegrid.cli.loading import load_predictor
from drivegrid.cli.output import MAX_SHOWN, print_error, print_json, progress_bar

if TYPE_CHECKING:
    from drivegrid.data.split import Split
    from drivegrid.inference.classify import ClassifySettings
    from drivegrid.inference.examine import Sitting
    from drivegrid.tasks.exam import Exam
    from drivegrid.tasks.exam_score import Figure


def eval_model(  # noqa: PLR0913, PLR0917 - options of a command
    data: Annotated[Path, typer.Option(help="benchmark split, or labels with their pictures")],
    model: Annotated[
        Path | None, typer.Argument(help="checkpoint folder; default: the shipped nano")
    ] = None,
    frames: Annotated[
        int | None, typer.Option(min=1, help="so many, spread evenly; default: all")
    ] = None,
    rounds: Annotated[int, typer.Option(min=0, max=4, help="refine turns")] = 1,
    regions: Annotated[
        Literal["tokens", "drawn"], typer.Option(help="how questions point at a place")
    ] = "tokens",
    lanes: Annotated[
        Literal["auto", "all", "ego"],
        typer.Option(help="lines asked for; auto: ego where no frame has more than two lines"),
    ] = "auto",
    calibrate: Annotated[
        bool, typer.Option(help="fit the temperatures of options and write them into MODEL")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
    out: Annotated[Path | None, typer.Option(help="write the JSON object to this file")] = None,
) -> None:
    """Score a model on every task, beside its ceiling and the best trivial predictor.

    Lanes, boxes, signs, drivable area, referring expressions and attributes, as far as the data
    has them, each with its 95 % bootstrap interval over frames; and how many answers are well
    formed. Frames whose picture cannot be read are set aside; then the exit code is 1.

    Example: drivegrid eval-model runs/nano/checkpoint --data bench/test --frames 100 --json
    """
    from drivegrid.data.files import write_text
    from drivegrid.inference.classify import ClassifySettings
    from drivegrid.inference.examine import sit
    from drivegrid.model.checkpoint import shipped_checkpoint
    from drivegrid.tasks.exam import load_exam

    _check_out(out)
    folder = model or shipped_checkpoint()
    settings = ClassifySettings.from_checkpoint(folder, regions)
    predictor = load_predictor(model)
    whole = load_exam(data, None if lanes == "auto" else lanes)
    for note in whole.notes:
        typer.echo(f"note: {note}", err=True)
    exam = whole if frames is None else whole.spread(frames)
    start = time.perf_counter()
    sitting = sit(predictor, exam, settings, rounds, lambda places: progress_bar(places, "frames"))
    seconds = time.perf_counter() - start
    rejected = [*exam.rejected, *sitting.rejected]
    for error in rejected[:MAX_SHOWN]:
        print_error(error)
    if not sitting.sheets:
        raise typer.Exit(1)
    facts = {
        "model": str(model or "shipped"),
        "data": str(data),
        "formats": list(exam.formats),
        "frames": len(sitting.sheets),
        "quarantined": len(rejected),
        "rounds": rounds,
        "regions": regions,
        "lanes": exam.lanes,
        "seconds_per_frame": round(seconds / len(sitting.sheets), 3),
    }
    report = facts | _report(sitting, settings, predictor.processor.grid, rounds)
    if calibrate:
        report["temperatures"] = _calibrate(folder, settings, sitting)
    if out is not None:
        write_text(out, json.dumps(report, indent=1, allow_nan=False) + "\n")
    if as_json:
        print_json(report)
    else:
        typer.echo("\n".join(_as_text(report)))
    if rejected:
        raise typer.Exit(1)
