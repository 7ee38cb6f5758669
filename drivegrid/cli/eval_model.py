"""``drivegrid eval-model``: what a model scores on labelled frames, beside what it could score."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from drivegrid.cli.loading import BaseOption, load_predictor
from drivegrid.cli.output import MAX_SHOWN, print_error, print_json, progress_bar

if TYPE_CHECKING:
    from drivegrid.inference.classify import ClassifySettings
    from drivegrid.inference.examine import Sitting
    from drivegrid.tasks.exam import Exam
    from drivegrid.tasks.exam_score import Sheet
    from drivegrid.tokens.grid import GridSpec


Data: TypeAlias = Annotated[
    Path, typer.Option(help="benchmark split, or labels with their pictures")
]
Model: TypeAlias = Annotated[
    Path | None, typer.Argument(help="checkpoint folder; default: the shipped nano")
]
Lanes: TypeAlias = Annotated[
    Literal["auto", "all", "ego"],
    typer.Option(help="lines asked for; auto: ego where no frame has more than two lines"),
]
Regions: TypeAlias = Annotated[
    Literal["tokens", "drawn"], typer.Option(help="how questions point at a place")
]
Calibrate: TypeAlias = Annotated[
    bool, typer.Option(help="fit the temperatures of options and write them into MODEL")
]
Frames: TypeAlias = Annotated[
    int | None, typer.Option(min=1, help="so many, spread evenly; default: all")
]

Pictures: TypeAlias = Annotated[
    Path | None,
    typer.Option(help="draw label beside answer, the best and worst frames of each task, here"),
]


def eval_model(  # noqa: PLR0913, PLR0917 - options of a command
    data: Data,
    model: Model = None,
    frames: Frames = None,
    rounds: Annotated[int, typer.Option(min=0, max=4, help="refine turns")] = 1,
    regions: Regions = "tokens",
    lanes: Lanes = "auto",
    base: BaseOption = None,
    calibrate: Calibrate = False,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
    out: Annotated[Path | None, typer.Option(help="write the JSON object to this file")] = None,
    pictures: Pictures = None,
) -> None:
    """Score a model on every task, beside its ceiling and the best trivial predictor.

    Lanes, boxes, signs, drivable area, referring expressions and attributes, as far as the data
    has them, each with its 95 % bootstrap interval over frames; and how many answers are well
    formed. ``--pictures DIR`` shows the ten best and the ten worst frames of each task. Frames
    whose picture cannot be read are set aside; then the exit code is 1.

    Example: drivegrid eval-model runs/nano/checkpoint --data bench/test --frames 100 --json
    """
    from drivegrid.cli.eval_pictures import draw_frames
    from drivegrid.data.files import write_text
    from drivegrid.inference.classify import ClassifySettings
    from drivegrid.inference.examine import sit
    from drivegrid.model.checkpoint import shipped_checkpoint

    _check_out(out)
    folder = model or shipped_checkpoint()
    settings = ClassifySettings.from_checkpoint(folder, regions)
    predictor = load_predictor(model, base)
    exam = _exam(data, lanes, frames)
    start = time.perf_counter()
    sitting = sit(predictor, exam, settings, rounds, lambda places: progress_bar(places, "frames"))
    seconds = time.perf_counter() - start
    for error in sitting.rejected[:MAX_SHOWN]:
        print_error(error)
    if not sitting.sheets:
        raise typer.Exit(1)
    report = {
        "model": str(model or "shipped"),
        "data": str(data),
        "seconds_per_frame": round(seconds / len(sitting.sheets), 3),
        **_report(sitting, settings, predictor.processor.grid, rounds),
    }
    if pictures is not None:
        draw_frames(sitting, pictures)
    if calibrate:
        report["temperatures"] = _calibrate(folder, settings, sitting)
    if out is not None:
        write_text(out, json.dumps(report, indent=1, allow_nan=False) + "\n")
    if as_json:
        print_json(report)
    else:
        typer.echo("\n".join(_as_text(report)))
    if sitting.rejected:
        raise typer.Exit(1)


def _exam(data: Path, lanes: Literal["auto", "all", "ego"], frames: int | None) -> Exam:
    """Return what is asked, and say what was left out."""
    from drivegrid.tasks.exam import load_exam

    whole = load_exam(data, None if lanes == "auto" else lanes)
    for note in whole.notes:
        typer.echo(f"note: {note}", err=True)
    return whole if frames is None else whole.spread(frames)


def _check_out(out: Path | None) -> None:
    """Refuse what cannot be written before hours are spent on the answers."""
    from drivegrid.errors import ConfigError

    if out is not None and out.is_dir():
        raise ConfigError(f"--out must be a file, got a folder ({out}).")


def _report(
    sitting: Sitting, settings: ClassifySettings, grid: GridSpec, rounds: int
) -> dict[str, Any]:
    """Return the figures of the model, of the ceiling and of the best trivial predictor."""
    from drivegrid.tasks.exam_score import choice_scores, score_sheets
    from drivegrid.tasks.exam_sheets import perfect_sheets, trivial_sheets
    from drivegrid.tokens.codec import Codec

    exam = sitting.exam
    codec = Codec(grid, "fewest", rounds)
    places = settings.codec(grid) if settings.regions == "tokens" else None

    def bare(sheets: Sequence[Sheet]) -> dict[str, float | None]:
        figures = score_sheets(exam.split, sheets, exam.lanes, resamples=0)
        return {name: figure.as_dict()["score"] for name, figure in figures.items()}

    found = score_sheets(exam.split, sitting.sheets, exam.lanes)
    ceiling = bare(perfect_sheets(exam, codec, places))
    trivial = {name: bare(sheets) for name, sheets in trivial_sheets(exam, codec).items()}
    figures = {}
    for name, figure in found.items():
        best = _best_of({row: values.get(name) for row, values in trivial.items()}, name)
        figures[name] = figure.as_dict() | {
            "ceiling": ceiling.get(name),
            "trivial": trivial[best].get(name),
            "trivial_predictor": best,
        }
    choices = choice_scores(exam.split, sitting.sheets)
    return {
        "formats": list(exam.formats),
        "frames": len(sitting.sheets),
        "quarantined": len(sitting.rejected),
        "rounds": rounds,
        "regions": settings.regions,
        "lanes": exam.lanes,
        "figures": figures,
        "well_formed": {
            "constrained": sitting.constrained.as_dict(),
            "unconstrained": sitting.unconstrained.as_dict(),
        },
        "attributes": {task: score.as_dict() for task, score in choices.items()},
        "parameters": {
            "ceiling": f"{grid.cols}x{grid.rows}, fewest, {rounds} rounds",
            "interval": "95 %, percentile bootstrap over frames",
            "lanes": "CULane rule: 30 px on 1640x590",
        },
    }


def _best_of(scores: Mapping[str, float | None], figure: str) -> str:
    """Return which predictor does best at a figure; the first of equals."""
    from drivegrid.tasks.exam_score import LESS_IS_BETTER

    sign = -1.0 if figure in LESS_IS_BETTER else 1.0
    known = {name: sign * score for name, score in scores.items() if score is not None}
    return max(known, key=known.__getitem__, default=next(iter(scores)))


def _calibrate(folder: Path, settings: ClassifySettings, sitting: Sitting) -> dict[str, float]:
    """Fit a temperature for each task that was asked, and write all beside the checkpoint."""
    from drivegrid.inference.calibration import fit_temperature, save_temperatures

    fitted = {
        task: fit_temperature([scores for scores, _ in rows], [right for _, right in rows])
        for task, rows in sitting.scores.items()
    }
    temperatures = {**settings.temperatures, **fitted}
    save_temperatures(folder, temperatures)
    return temperatures


def _as_text(report: Mapping[str, Any]) -> list[str]:
    from drivegrid.metrics.report import format_table

    rows = {}
    for name, figure in report["figures"].items():
        low, high = map(_percent, figure["interval"])
        rows[name] = {
            "score": _percent(figure["score"]),
            "95 % interval": f"{low} to {high}",
            "ceiling": _percent(figure["ceiling"]),
            "best trivial": f"{_percent(figure['trivial'])} {figure['trivial_predictor']}",
            "n": figure["n"],
        }
    forms = ", ".join(
        f"{_percent(form['share'])} {name} (n {form['n']})"
        for name, form in report["well_formed"].items()
    )
    return [
        f"{report['model']} on {report['data']}: {report['frames']} frames, "
        f"{report['quarantined']} set aside, {report['rounds']} refine turns, "
        f"{report['lanes']} lanes; percent",
        *format_table(rows),
        f"well-formed answers: {forms}",
        f"{report['seconds_per_frame']} s a frame",
    ]


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"
