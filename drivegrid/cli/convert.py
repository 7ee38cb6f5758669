"""``drivegrid data``: label files from one format to another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from drivegrid.cli.output import print_json, print_rejected

data = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@data.callback()
def _data() -> None:
    """Convert, check and count driving labels.

    Example: drivegrid data convert label_data.json lanes/ --to culane
    """


@data.command("convert")
def convert_labels(
    source: Annotated[Path, typer.Argument(help="label file or folder")],
    target: Annotated[Path, typer.Argument(help="new file, or new or empty folder")],
    to: Annotated[str, typer.Option(help="format to write, as `drivegrid data formats` lists it")],
    source_format: Annotated[str, typer.Option("--from", help="auto detects it")] = "auto",
    report_file: Annotated[
        Path | None, typer.Option("--report", help="write rejected records and losses here")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the counts as JSON")] = False,
) -> None:
    """Convert labels; what cannot be read or held is counted and named.

    Example: drivegrid data convert label_data.json lanes/ --to culane
    """
    from drivegrid.data.convert import convert
    from drivegrid.data.formats import detect_format

    if source_format == "auto":
        source_format, reason = detect_format(source)
        typer.echo(f"{source}: {source_format} ({reason})", err=True)
    report = convert(source, source_format, target, to, report_file)
    counts = {
        key: report.to_dict()[key] for key in ("read", "written", "quarantined", "loss_counts")
    }
    if as_json:
        print_json(counts)
    else:
        typer.echo("read {read}, written {written}, quarantined {quarantined}".format(**counts))
        for message, count in counts["loss_counts"].items():
            typer.echo(f"left out {count} times: {message}")
    print_rejected(report.rejected)
    if report.rejected:
        raise typer.Exit(1)
