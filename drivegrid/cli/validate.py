"""``drivegrid data validate``: every fault of labels, by file, line and item."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from drivegrid.cli.output import MAX_SHOWN, print_json, printable


def validate(
    path: Annotated[Path, typer.Argument(help="label file, folder, or split of the benchmark")],
    as_json: Annotated[bool, typer.Option("--json", help="print all findings as JSON")] = False,
) -> None:
    """Find empty and one-point lanes, crossing rings, duplicates, unknown words, lost pictures.

    In a split of the benchmark the hashes, expressions and questions are checked too. Exit code 1
    if anything is found.

    Example: drivegrid data validate bench/test
    """
    from drivegrid.data.validate import validate as check

    findings = list(check(path))
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings[:MAX_SHOWN]:
            typer.echo(printable(str(finding)))
        if len(findings) > MAX_SHOWN:
            typer.echo(f"{len(findings) - MAX_SHOWN} more; --json names all")
        typer.echo(f"{path}: {len(findings) or 'no'} findings")
    if findings:
        raise typer.Exit(1)
