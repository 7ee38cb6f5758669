"""``drivegrid data conversations``: labels to what models are trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from drivegrid.cli.output import print_json, print_rejected, with_progress


def conversations(  # noqa: PLR0913, PLR0917 - one parameter an option
    source: Annotated[Path, typer.Argument(help="label file or folder")],
    target: Annotated[Path, typer.Argument(help="new file: .parquet, .jsonl, .jsonl.gz or .json")],
    form: Annotated[str, typer.Option("--as", help="ours, llava, swift or trl")] = "ours",
    source_format: Annotated[str, typer.Option("--from", help="auto detects it")] = "auto",
    tasks: Annotated[
        str | None, typer.Option(help="kinds of conversation, by commas; default: all")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="decides every draw")] = None,
    config_file: Annotated[
        Path | None, typer.Option("--config", help="settings in YAML; options go before it")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="processes; the file is the same")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="print the counts as JSON")] = False,
) -> None:
    """Write questions and answers about every frame; no picture is opened.

    "None" is an answer only for what the data set marks: by its map in the taxonomy and the
    labels in its first 1000 frames, or as the setting ``covered`` says.

    Example: drivegrid data conversations labels.json train.jsonl --as swift --tasks lanes
    """
    from drivegrid.data.formats import detect_format, find_format
    from drivegrid.labels import default_label_space
    from drivegrid.tasks.conversations.coverage import covered_by, labels_seen
    from drivegrid.tasks.conversations.export import export as export_records
    from drivegrid.tasks.settings import load_conversation_config, with_options

    if source_format == "auto":
        source_format, reason = detect_format(source)
        typer.echo(f"{source}: {source_format} ({reason})", err=True)
    config, found = load_conversation_config(config_file), find_format(source_format)
    covered = covered_by(source_format, labels_seen(found.open(source)), default_label_space())
    config = with_options(config, tasks=tasks, seed=seed, covered=covered)
    done = export_records(
        with_progress(found.open(source), "frames"), target, form, config, workers
    )
    if as_json:
        print_json(done.to_dict())
    else:
        counts = done.to_dict()
        typer.echo("{records} records of {frames} frames".format(**counts))
        typer.echo("set aside {quarantined}, without a record {without_records}".format(**counts))
        for kind, count in counts["tasks"].items():
            typer.echo(f"  {kind:<14}{count:>9}")
        for kind, count in counts["brought"].items():
            typer.echo(f"the data set brings {count} {kind}; see docs/conversations.md")
    print_rejected(done.quarantine.rejected)
    if done.quarantine.rejected:
        raise typer.Exit(1)
