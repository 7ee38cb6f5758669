"""``drivegrid ceiling``: the score of perfect tokens on your labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from drivegrid.cli.benchmark import find_split, print_benchmark
from drivegrid.cli.lattice import parse_lattice
from drivegrid.cli.output import print_json, print_rejected, progress_bar, with_progress


def ceiling(  # noqa: PLR0913, PLR0917 - options of a command
    path: Annotated[Path, typer.Argument(help="label file or folder")],
    label_format: Annotated[
        str, typer.Option("--format", help="tusimple, culane, drivegrid; auto detects it")
    ] = "auto",
    encoder: Annotated[Literal["rows", "fewest"], typer.Option(help="line encoder")] = "fewest",
    rounds: Annotated[int, typer.Option(min=0, max=16, help="offset rounds")] = 1,
    gamma: Annotated[float, typer.Option(help="step ratio: 1 is the paper, 0.5 ours")] = 0.5,
    lattice: Annotated[str, typer.Option(help="columns x rows")] = "32x32",
    smooth: Annotated[bool, typer.Option(help="decode lines as smooth curves")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Encode and decode every label and score the result: what no model can beat.

    Figures are percent, counts and pixels excepted; parameters are printed beside them. For a
    folder that bench-data has made, trivial predictors stand beside the ceiling of every task.

    Example: drivegrid ceiling label_data.json --format tusimple --encoder fewest --rounds 2
    """
    from drivegrid.data.formats import detect_format, find_format
    from drivegrid.metrics.ceiling import ceiling as score
    from drivegrid.metrics.report import format_rows
    from drivegrid.tokens.codec import Codec

    codec = Codec(parse_lattice(lattice, gamma), encoder, rounds)
    if label_format == "auto":
        if (split := find_split(path)) is not None:
            print_benchmark(split, codec, as_json)
            return
        label_format, reason = detect_format(path)
        typer.echo(f"{path}: {label_format} ({reason})", err=True)
    loaded = with_progress(find_format(label_format).open(path), "reading").load()
    loaded.require_frames(path)
    report = score(progress_bar(loaded.scenes, "frames"), codec, smooth=smooth)
    rejected = loaded.quarantine.rejected
    print_rejected(rejected)
    result = report.as_dict() | {"frames": len(loaded.scenes), "quarantined": len(rejected)}
    if as_json:
        print_json(result)
    else:
        typer.echo("\n".join(format_rows(f"ceiling of {path}", result)))
    if rejected:
        raise typer.Exit(1)
