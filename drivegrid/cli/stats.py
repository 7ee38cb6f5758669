"""``drivegrid data stats``: what labels hold, in numbers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drivegrid.cli.output import print_error, print_json, print_rejected, printable

if TYPE_CHECKING:
    from drivegrid.data.quarantine import Quarantine
    from drivegrid.data.scene import Scene
    from drivegrid.data.stats import Table


def stats(
    path: Annotated[Path, typer.Argument(help="label file, folder, or split of the benchmark")],
    least: Annotated[
        int, typer.Option(min=0, help="exit code 1 if a class or value occurs less often")
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="print the tables as JSON")] = False,
) -> None:
    """Count classes, attribute values, frames, templates, shapes and sizes.

    Options of the attribute tasks and frame attributes are listed even if they never occur.

    Example: drivegrid data stats bench/test --least 20
    """
    from drivegrid.data.quarantine import Quarantine
    from drivegrid.data.stats import count_scenes

    quarantine = Quarantine()
    counted = count_scenes(_scenes(path, quarantine))
    rare = counted.rarer_than(least)
    if as_json:
        print_json(counted.as_dict() | {"least": least, "rare": rare})
    else:
        shown = ", ".join(f"{name} {number:g}" for name, number in counted.per_frame().items())
        typer.echo(f"{path}: {shown}")
        for title, table in counted.tables().items():
            _print_table(title, table, least)
    for title, table in rare.items():
        for value, number in table.items():
            print_error(f"{title} must occur at least {least} times, got {number} ({value})")
    print_rejected(quarantine.rejected)
    if rare or quarantine.rejected:
        raise typer.Exit(1)


def _print_table(title: str, table: Table, least: int) -> None:
    """Write a table, the most frequent first; what is too rare is marked."""
    if not table:
        return
    typer.echo(f"\n{title}")
    width = max(map(len, table))
    for value, number in sorted(table.items(), key=lambda row: -row[1]):
        mark = "  too rare" if number < least else ""
        typer.echo(f"  {printable(value):<{width}}  {number:>7}{mark}")


def _scenes(path: Path, quarantine: Quarantine) -> Iterator[Scene]:
    """Yield the good scenes of a path; faults go to the quarantine."""
    from drivegrid.data.validate import label_files, numbered_scenes
    from drivegrid.errors import FormatError

    for file in label_files(path):
        for _, found in numbered_scenes(file):
            if isinstance(found, FormatError):
                quarantine.reject(found)
            else:
                yield found
