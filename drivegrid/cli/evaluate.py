"""``drivegrid eval``: predictions against labels, by the rules of the benchmarks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from drivegrid.cli.output import print_json, progress_bar

if TYPE_CHECKING:
    from drivegrid.cli.eval_sides import Compared, Side
    from drivegrid.metrics.outcome import Outcome
    from drivegrid.metrics.rules.settings import Settings

Pred: TypeAlias = Annotated[
    Path,
    typer.Argument(
        metavar="PRED", help="label file or folder, or what predict --scenes has written"
    ),
]
Truth: TypeAlias = Annotated[Path, typer.Argument(metavar="GT", help="label file or folder")]
Rules: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--rule",
        "--format",
        help="culane, tusimple, curvelanes, openlane, bdd-lane, boxes, coco, points, polygons, "
        "drivable, attributes or expressions; may be given again; default: all that apply",
    ),
]
Splits: TypeAlias = Annotated[
    Path | None,
    typer.Option(help="list file or folder of them: score only these frames, each list apart"),
]
By: TypeAlias = Annotated[
    Literal["auto", "frame", "clip"], typer.Option(help="what is resampled for intervals")
]
Rows: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        help="folder to write Parquet to: a row a frame, and a row a match for the rules of lanes "
        "(bdd-lane aside), boxes and points"
    ),
]
Images: TypeAlias = Annotated[
    Path | None, typer.Option(help="folder of the pictures; default: beside the labels")
]


def evaluate(  # noqa: PLR0913, PLR0917 - options of a command
    pred: Pred,
    truth: Truth,
    rule: Rules = None,
    from_pred: Annotated[str, typer.Option(help="format of PRED; auto detects it")] = "auto",
    from_gt: Annotated[str, typer.Option(help="format of GT; auto detects it")] = "auto",
    splits: Splits = None,
    by: By = "auto",
    resamples: Annotated[int, typer.Option(min=0, help="0 draws no intervals")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="of the resamples")] = 0,
    rows: Rows = None,
    html: Annotated[Path | None, typer.Option(help="write a report page")] = None,
    images: Images = None,
    workers: Annotated[int, typer.Option(min=1, help="processes")] = 1,
    as_json: Annotated[
        bool, typer.Option("--json", help="print totals and frames as JSON")
    ] = False,
) -> None:
    """Score predictions in any format against labels in any format.

    Lanes are scored by the rule of the labels' own benchmark; parameters are printed beside the
    figures, and behind them the 95 % interval. Frames meet by name; a longer path that ends in the
    name is the same frame. With one --rule the JSON is that rule's; else it holds one a rule.

    Example: drivegrid eval predictions.json label_data.json --rule tusimple
    """
    from drivegrid.cli.eval_sides import choose_rules, compare_sides, load_sides
    from drivegrid.metrics.outcome import Bootstrap, evaluate_rule

    _check_first(rule or (), rows)
    bootstrap = Bootstrap(None if by == "auto" else by, resamples, seed)
    sides = load_sides((pred, truth), (from_pred, from_gt), rule)
    compared = compare_sides(sides, splits)
    chosen, all_score = choose_rules(compared, rule, sides[1].format)
    settings = _settings(sides[0], workers)
    outcomes = [
        evaluate_rule(name, compared.pairs, settings, bootstrap, compared.splits)
        for name in progress_bar(chosen, "scoring")
    ]
    title = f"{pred} against {truth}"
    if rows is not None:
        _save_rows(outcomes, compared, rows)
    if html is not None:
        folders = [images] if images else [truth, truth.parent, pred, pred.parent]
        _save_page(html, title, outcomes, compared, folders)
    if as_json:
        print_json(_as_json(outcomes, compared, single=len(rule or ()) == 1))
    else:
        typer.echo("\n".join(_as_text(outcomes, compared, title)))
    if not (compared.is_whole and all_score):
        raise typer.Exit(1)


def _check_first(rules: Sequence[str], rows: Path | None) -> None:
    """Name what is unknown or not installed before the work, not behind it."""
    from drivegrid.data.parquet import import_parquet
    from drivegrid.metrics.average_precision import import_coco_eval
    from drivegrid.metrics.rules.table import find_rule

    for name in rules:
        find_rule(name)
    if "coco" in rules:
        import_coco_eval()
    if rows is not None:
        import_parquet()


def _settings(pred: Side, workers: int) -> Settings:
    """Return how rules are run: lines decoded from tokens have few points and get more."""
    from drivegrid.metrics.lanes import DENSE_STEP_PX
    from drivegrid.metrics.rules.settings import Settings

    return Settings(DENSE_STEP_PX if pred.format == "scene" else None, workers)


def _save_rows(outcomes: list[Outcome], compared: Compared, folder: Path) -> None:
    from drivegrid.metrics.rows import save_rows

    for file in save_rows(outcomes, compared.pairs, folder):
        typer.echo(f"rows: {file}", err=True)


def _save_page(
    path: Path, title: str, outcomes: list[Outcome], compared: Compared, folders: list[Path]
) -> None:
    from drivegrid.cli.eval_page import PageData, write_eval_page

    write_eval_page(path, PageData(title, outcomes, compared.pairs, compared.counts(), folders))
    typer.echo(f"page: {path}", err=True)


def _as_json(outcomes: list[Outcome], compared: Compared, *, single: bool) -> dict[str, Any]:
    if single:
        return {**outcomes[0].as_dict(), **compared.as_dict()}
    return {"rules": {one.rule: one.as_dict() for one in outcomes}, **compared.as_dict()}


def _as_text(outcomes: list[Outcome], compared: Compared, title: str) -> list[str]:
    from drivegrid.metrics.report import format_rows, format_table, turned

    lines = format_rows(title, compared.as_dict())
    for one in outcomes:
        lines += ["", *format_rows(one.rule, one.shown(), one.ends())]
        if one.intervals:
            lines.append("  (" + ", ".join(f"{k}={v}" for k, v in one.drawn.items()) + ")")
        if one.splits:
            lines += [f"  {row}" for row in format_table(turned(one.shown_splits()))]
    return lines
