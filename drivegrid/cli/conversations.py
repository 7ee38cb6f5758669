"""``drivegrid data conversations``: labels to what models are trained on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drivegrid.cli.output import print_json, print_rejected, print_warning, with_progress
from drivegrid.cli.reading import FromOption, RootOption, SizeOption, find_labels, warn_of

if TYPE_CHECKING:
    from drivegrid.tasks.conversations.export import Exported


def conversations(  # noqa: PLR0913, PLR0917 - one parameter an option
    source: Annotated[Path, typer.Argument(help="label file or folder")],
    target: Annotated[Path, typer.Argument(help=".parquet, .jsonl, .jsonl.gz or .json file")],
    form: Annotated[str, typer.Option("--as", help="ours, llava, swift or trl")] = "ours",
    source_format: FromOption = "auto",
    tasks: Annotated[
        str | None, typer.Option(help="kinds of conversation, by commas; default: all")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="decides every draw")] = None,
    config_file: Annotated[
        Path | None, typer.Option("--config", help="settings in YAML; options go before it")
    ] = None,
    root: RootOption = None,
    size: SizeOption = None,
    prefix: Annotated[
        str, typer.Option(help="put before each image name, e.g. the folder of the pictures/")
    ] = "",
    workers: Annotated[int, typer.Option(min=1, help="processes; the file is the same")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="print the counts as JSON")] = False,
) -> None:
    """Write questions and answers about every frame; of pictures only the size is read.

    A file that is already there is replaced.

    "None" is an answer only for what the data set marks: by its map in the taxonomy and the
    labels in its first 1000 frames, or as the setting ``covered`` says.

    Example: drivegrid data conversations labels.json train.jsonl --as swift --tasks lanes
    """
    from drivegrid.labels import default_label_space
    from drivegrid.tasks.conversations.coverage import covered_by, labels_seen
    from drivegrid.tasks.conversations.export import export as export_records
    from drivegrid.tasks.settings import load_conversation_config, with_options

    config = load_conversation_config(config_file)
    found = find_labels(source, source_format, root, size)
    seen = labels_seen(found.format.open(found.path))
    covered = covered_by(found.format.name, seen, default_label_space())
    config = with_options(config, tasks=tasks, seed=seed, covered=covered)
    opened = with_progress(found.format.open(found.path), "frames")
    done = export_records(opened, target, form, config, workers=workers, prefix=prefix)
    if as_json:
        print_json(done.to_dict())
    else:
        _show(done)
    warn_of(done.assumed)
    if not done.counts and done.quarantine.num_kept:
        print_warning(
            f"no frame allows a question of the kinds {', '.join(config.tasks)}: its labels are "
            f"{', '.join(sorted(seen)[:8]) or 'none'} (docs/conversations.md: what is asked)"
        )
    print_rejected(done.quarantine.rejected)
    if done.quarantine.rejected:
        raise typer.Exit(1)


def _show(done: Exported) -> None:
    counts = done.to_dict()
    typer.echo("{records} records of {frames} frames".format(**counts))
    typer.echo("set aside {quarantined}, without a record {without_records}".format(**counts))
    for kind, count in counts["tasks"].items():
        typer.echo(f"  {kind:<14}{count:>9}")
    for kind, count in counts["brought"].items():
        typer.echo(f"the data set brings {count} {kind}; docs/conversations.md: which are asked")
