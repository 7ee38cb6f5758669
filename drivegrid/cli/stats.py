"""``drivegrid data stats``: what labels hold, in numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drivegrid.cli.output import print_error, print_json, print_rejected, printable, progress_bar
from drivegrid.cli.reading import RootOption, SizeOption, sized, warn_of

if TYPE_CHECKING:
    from drivegrid.data.quarantine import Quarantine
    from drivegrid.data.scene import Scene
    from drivegrid.data.sources import LabelSource
    from drivegrid.data.stats import Histogram, Stats, Table

MAX_COLUMNS = 200
"""Up to this number plots leave room for what never occurs."""


def stats(  # noqa: PLR0913, PLR0917 - options of a command
    path: Annotated[Path, typer.Argument(help="label file or folder of any format")],
    label_format: Annotated[str, typer.Option("--from", help="format; auto detects it")] = "auto",
    root: RootOption = None,
    size: SizeOption = None,
    least: Annotated[
        int, typer.Option(min=0, help="exit code 1 if a class or value occurs less often")
    ] = 0,
    plots: Annotated[
        Path | None,
        typer.Option(help="new or empty folder for index.html, SVG, stats.json"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the tables as JSON")] = False,
) -> None:
    """Count classes, attribute values, frames, templates, shapes, sizes and positions.

    Options of the attribute tasks and frame attributes are listed even if they never occur, but
    for tasks and attributes of which nothing occurs.

    Example: drivegrid data stats bench/test --least 20 --plots plots
    """
    from drivegrid.data.quarantine import Quarantine
    from drivegrid.data.sizing import AssumedSizes
    from drivegrid.data.sources import find_sources
    from drivegrid.data.stats import count_scenes

    quarantine, sizes = Quarantine(), AssumedSizes()
    sources = [sized(source, root, size) for source in find_sources(path, label_format)]
    found = sizes.watch(_scenes(sources, quarantine))
    counted = count_scenes(progress_bar(found, "frames"))
    rare = counted.rarer_than(least)
    result = counted.as_dict() | {
        "least": least,
        "rare": rare,
        "quarantined": quarantine.num_rejected,
        "assumed_sizes": sizes.counts.total(),
    }
    if plots is not None:
        _write_plots(plots, counted, result)
    if as_json:
        print_json(result)
    else:
        shown = ", ".join(f"{name} {number:g}" for name, number in counted.per_frame().items())
        typer.echo(f"{path}: {shown}")
        for title, table in counted.tables().items():
            _print_table(title, table, least)
    for title, table in rare.items():
        for value, number in table.items():
            print_error(f"{title} must occur at least {least} times, got {number} ({value})")
    warn_of(sizes)
    print_rejected(quarantine.rejected)
    if rare or quarantine.rejected:
        raise typer.Exit(1)


def _print_table(title: str, table: Table, least: int) -> None:
    """Write a table, the most frequent first; what is too rare is marked, a table of 0 left out."""
    if not any(table.values()) and not least:
        return
    typer.echo(f"\n{title}")
    width = max(map(len, table))
    for value, number in sorted(table.items(), key=lambda row: -row[1]):
        mark = "  too rare" if number < least else ""
        typer.echo(f"  {printable(value):<{width}}  {number:>7}{mark}")


def _write_plots(folder: Path, counted: Stats, result: dict[str, Any]) -> None:
    """Draw what is counted; the folder appears whole or not at all."""
    from drivegrid.data.files import atomic_folder
    from drivegrid.errors import FormatError
    from drivegrid.plotting.charts import bar_chart, column_chart, heat_maps

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FormatError("plots must go to a new or empty folder. Choose another.", folder)
    values = {
        f"{name}: {value}": number
        for name, table in (counted.attributes | counted.frame).items()
        for value, number in table.items()
    }
    charts = {
        "classes": bar_chart("Instances by class", counted.classes),
        "attributes": bar_chart("Attribute values", values),
        "instances_per_frame": column_chart(
            "Frames by number of instances",
            _filled(counted.instances_per_frame),
            "instances in a frame",
        ),
        "lanes_per_frame": column_chart(
            "Frames by number of lane lines",
            _filled(counted.lanes_per_frame),
            "lane lines in a frame",
        ),
        "box_sides": column_chart(
            "Boxes by size",
            counted.box_sides,
            "square root of the area in pixels, from here to twice as much",
        ),
        "positions": heat_maps("Where instances lie in the image", counted.positions),
    }
    empty = {
        "attributes": not values, "box_sides": not counted.box_sides, "classes": not counted.classes
    }  # fmt: skip
    charts = {name: chart for name, chart in charts.items() if not empty.get(name)}
    page = "".join(f'<p><img src="{name}.svg" alt="{name}"></p>\n' for name in charts)
    with atomic_folder(folder) as work:
        (work / "index.html").write_text(f"<!doctype html>\n{page}", encoding="utf-8")
        for name, chart in charts.items():
            (work / f"{name}.svg").write_text(chart, encoding="utf-8")
        (work / "stats.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def _filled(histogram: Histogram) -> Histogram:
    """Return counts with the numbers that never occur between others, if they are not many."""
    numbers = range(min(histogram, default=0), max(histogram, default=-1) + 1)
    return {number: histogram.get(number, 0) for number in numbers[:MAX_COLUMNS]} | histogram


def _scenes(sources: list[LabelSource], quarantine: Quarantine) -> Iterator[Scene]:
    """Yield the good scenes of data sets; faults go to the quarantine."""
    from drivegrid.errors import FormatError

    for source in sources:
        for _, found in source.placed():
            if isinstance(found, FormatError):
                quarantine.reject(found)
            else:
                yield found
