"""``drivegrid model``: checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from drivegrid.cli.lattice import parse_lattice
from drivegrid.cli.output import print_json

model = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@model.callback()
def _model() -> None:
    """Prepare checkpoints.

    Example: drivegrid model extend Qwen2.5-VL-3B-Instruct/ qwen-grid/
    """


@model.command()
def extend(
    base: Annotated[Path, typer.Argument(help="Qwen2.5-VL checkpoint folder; left as it is")],
    out: Annotated[Path, typer.Argument(help="folder to create")],
    lattice: Annotated[str, typer.Option(help="columns x rows")] = "32x32",
    init: Annotated[
        Literal["fourier", "gaussian"], typer.Option(help="how the rows of grid tokens start")
    ] = "fourier",
    as_json: Annotated[bool, typer.Option("--json", help="print the manifest")] = False,
) -> None:
    """Write a copy of a checkpoint that knows the grid and offset tokens.

    Example: drivegrid model extend Qwen2.5-VL-3B-Instruct/ qwen-grid/
    """
    import json

    from drivegrid.model.extend import extend_checkpoint
    from drivegrid.model.manifest import MANIFEST_FILE

    manifest = extend_checkpoint(base, out, parse_lattice(lattice), init)
    if as_json:
        print_json(json.loads((out / MANIFEST_FILE).read_text()))
    else:
        last = manifest.base_id + manifest.num_tokens - 1
        typer.echo(f"{out}: {manifest.num_tokens} tokens, ids {manifest.base_id} to {last}")
