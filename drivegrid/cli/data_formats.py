"""``drivegrid data formats``: what is read and written, and what each format cannot hold."""

from __future__ import annotations

from typing import Annotated

import typer

from drivegrid.cli.output import print_json


def formats(
    as_json: Annotated[bool, typer.Option("--json", help="print the table as JSON")] = False,
) -> None:
    """List the label formats: what each holds, and what is lost each way.

    Example: drivegrid data formats
    """
    from drivegrid.data.formats import FORMATS
    from drivegrid.data.formats.document import describe

    rows = [describe(entry) for entry in FORMATS.values()]
    if as_json:
        print_json(rows)
        return
    width = max(len(str(row["name"])) for row in rows)
    for row in rows:
        does = "read, written" if row["written"] else "read"
        typer.echo(f"{row['name']:{width}}  {row['title']}: {row['path_is']}, {does}")
        for key in ("holds", "marks", "lost_in", "lost_out"):
            if row[key]:
                typer.echo(f"{'':{width}}    {key.replace('_', ' '):9} {row[key]}")
