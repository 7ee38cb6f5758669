"""``drivegrid data validate``: every fault of labels, by file, line and item."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drivegrid.cli.output import MAX_SHOWN, print_error, print_json, printable, progress_bar
from drivegrid.cli.reading import SizeOption, warn_of

if TYPE_CHECKING:
    from drivegrid.data.validate import Validation

CANNOT_READ = 2
"""Exit code where labels are not read at all, as of wrong usage."""


def validate(
    path: Annotated[Path, typer.Argument(help="label file or folder of any format")],
    label_format: Annotated[str, typer.Option("--from", help="format; auto detects it")] = "auto",
    root: Annotated[
        Path | None, typer.Option(help="folder of the pictures, which all must be there")
    ] = None,
    size: SizeOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="print all findings as JSON")] = False,
) -> None:
    """Find empty and one-point lanes, markings labelled along both edges, crossing rings,
    duplicates, what lies off the image, unknown words, lost pictures.

    In a split of the benchmark the hashes, expressions and questions are checked too. Exit code 0
    if nothing is found, 1 if anything is, 2 if the labels cannot be read.

    Example: drivegrid data validate bench/test
    """
    from drivegrid.data.sizing import parse_size
    from drivegrid.data.validate import Validation
    from drivegrid.errors import DriveGridError

    def watch(frames: Iterator[Any]) -> Iterator[Any]:
        return progress_bar(frames, "frames")

    try:
        size_wh = None if size is None else parse_size(size)
        checked = Validation(path, name=label_format, root=root, size_wh=size_wh, watch=watch)
        _show(checked, as_json)
    except (DriveGridError, OSError) as error:
        print_error(error)
        raise typer.Exit(CANNOT_READ) from error
    warn_of(checked.assumed)
    if checked.rules:
        raise typer.Exit(1)


def _show(checked: Validation, as_json: bool) -> None:
    if as_json:
        findings = [asdict(finding) for finding in checked]
        print_json(_counts(checked) | {"findings": findings})
        return
    for number, finding in enumerate(checked):
        if number < MAX_SHOWN:
            typer.echo(printable(str(finding)))
    total = checked.rules.total()
    if total > MAX_SHOWN:
        typer.echo(f"{total - MAX_SHOWN} more; --json names all")
    for rule, number in checked.rules.most_common():
        typer.echo(printable(f"{number:>7}  {rule}"))
    formats = ", ".join(dict.fromkeys(source.format.name for source in checked.sources))
    typer.echo(
        f"{checked.path}: {formats}, {checked.frames} frames, {checked.instances} instances, "
        f"{checked.quarantined} set aside, {total or 'no'} findings"
    )
    if checked.beyond:
        told = ", ".join(f"{number} {kind}" for kind, number in checked.beyond.most_common())
        typer.echo(f"partly outside the image, which labels may be: {told}")
    if checked.skipped:
        told = ", ".join(str(file) for file in checked.skipped[:3])
        typer.echo(
            printable(
                f"of no known format, passed over: {len(checked.skipped)} files, first {told}"
            )
        )
    if checked.pictures["missing"] and not checked.pictures["found"] and checked.root is None:
        typer.echo("pictures: none beside the labels, not checked; --root says where they are")


def _counts(checked: Validation) -> dict[str, Any]:
    return {
        "sources": [
            {"path": str(source.path), "format": source.format.name} for source in checked.sources
        ],
        "frames": checked.frames,
        "instances": checked.instances,
        "quarantined": checked.quarantined,
        "pictures": dict(checked.pictures),
        "assumed_sizes": checked.assumed.counts.total(),
        "partly_outside": dict(checked.beyond),
        "skipped": [str(file) for file in checked.skipped],
        "rules": dict(checked.rules.most_common()),
    }
