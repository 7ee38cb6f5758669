"""``drivegrid data``: label files from one format to another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from drivegrid.cli.output import counting_bar, print_error, print_json, print_rejected
from drivegrid.cli.reading import FromOption, RootOption, SizeOption, find_labels, warn_of

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
    target: Annotated[str, typer.Argument(help="file to write, or new or empty folder")],
    to: Annotated[str, typer.Option(help="format to write, as `drivegrid data formats` lists it")],
    source_format: FromOption = "auto",
    root: RootOption = None,
    size: SizeOption = None,
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

    A file that is already there is replaced; a folder must be new or empty.

    `--to scene` into a folder, or a URL such as s3://bucket/folder, writes Parquet shards. After
    Ctrl-C or a kill the same command does what is left.

    Example: drivegrid data convert label_data.json lanes/ --to culane

    Example: drivegrid data convert label_data.json shards/ --to scene --workers 8
    """
    from drivegrid.data.convert import convert
    from drivegrid.data.engines import Engine
    from drivegrid.data.folders import is_url, plain_path
    from drivegrid.data.formats import find_format

    source = plain_path(source)
    if is_url(source):
        path, reader = source, find_format("scene")
    else:
        labels = find_labels(Path(source), source_format, root, size)
        path, reader = str(labels.path), labels.format
    with counting_bar(None, "frames") as progress, _saying_how_to_go_on(target, to):
        chosen = Engine(engine, workers, progress)
        report = convert(path, reader, target, to, report_file, chosen)
    shown = ("read", "written", "quarantined", "assumed_sizes", "loss_counts")
    counts = {key: report.to_dict()[key] for key in shown}
    if as_json:
        print_json(counts)
    else:
        typer.echo("read {read}, written {written}, quarantined {quarantined}".format(**counts))
        for message, count in counts["loss_counts"].items():
            typer.echo(f"{count} times: {message}")
    warn_of(report.assumed)
    print_rejected(report.rejected)
    if report.quarantined:
        raise typer.Exit(1)
