"""``drivegrid data``: label files from one format to another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from drivegrid.cli.output import counting_bar, print_error, print_json, print_rejected

data = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@data.callback()
def _data() -> None:
    """Convert, check and count driving labels.

    Example: drivegrid data convert label_data.json lanes/ --to culane
    """


@contextmanager
def _saying_how_to_go_on(target: str, to: str) -> Iterator[None]:
    """Say after Ctrl-C what was kept."""
    from drivegrid.data.convert import is_shard_target

    try:
        yield
    except KeyboardInterrupt:
        kept = to == "scene" and is_shard_target(target)
        print_error(
            "stopped; finished shards are kept: the same command does what is left"
            if kept
            else "stopped; nothing was written"
        )
        raise typer.Exit(130) from None


@data.command("convert")
def convert_labels(  # noqa: PLR0913, PLR0917 - one parameter an option
    source: Annotated[str, typer.Argument(help="label file or folder")],
    target: Annotated[str, typer.Argument(help="new file, or new or empty folder")],
    to: Annotated[str, typer.Option(help="format to write, as `drivegrid data formats` lists it")],
    source_format: Annotated[str, typer.Option("--from", help="auto detects it")] = "auto",
    report_file: Annotated[
        Path | None, typer.Option("--report", help="write rejected records and losses here")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the counts as JSON")] = False,
    engine: Annotated[
        str, typer.Option(help="local: processes of this machine; ray: a Ray cluster")
    ] = "local",
    workers: Annotated[int, typer.Option(min=1, help="processes that work at a time")] = 1,
) -> None:
    """Convert labels; what cannot be read or held is counted and named.

    `--to scene` into a folder, or a URL such as s3://bucket/folder, writes Parquet shards. After
    Ctrl-C or a kill the same command does what is left.

    Example: drivegrid data convert label_data.json lanes/ --to culane

    Example: drivegrid data convert label_data.json shards/ --to scene --workers 8
    """
    from drivegrid.data.convert import convert
    from drivegrid.data.engines import Engine
    from drivegrid.data.folders import is_url
    from drivegrid.data.formats import detect_format

    if source_format == "auto" and is_url(source):
        source_format = "scene"
    if source_format == "auto":
        source_format, reason = detect_format(source)
        typer.echo(f"{source}: {source_format} ({reason})", err=True)
    with counting_bar(None, "frames") as progress, _saying_how_to_go_on(target, to):
        chosen = Engine(engine, workers, progress)
        report = convert(source, source_format, target, to, report_file, chosen)
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
    if report.quarantined:
        raise typer.Exit(1)
