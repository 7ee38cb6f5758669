"""``drivegrid experiment``: train variants of a config and compare them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def experiment(
    file: Annotated[str, typer.Argument(help="a packaged experiment, or a YAML file")],
    out: Annotated[Path | None, typer.Option(help="folder; default: runs/ and its name")] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="another setting, as evaluation.frames=20; repeatable"),
    ] = None,
) -> None:
    """Train every variant with every seed, score them alike, and print the table.

    Runs that are finished are kept, one that was cut short goes on: give the same command again.
    Beside the runs stand table.md and table.json, with 95 % intervals over frames and seeds.

    Example: drivegrid experiment representations-tiny --out runs/tiny
    """
    from drivegrid.training.experiment import TABLE, run_experiment
    from drivegrid.training.experiment_config import load_experiment

    folder = out or Path("runs") / Path(file).stem
    run_experiment(
        load_experiment(file, changes or ()), folder, lambda line: typer.echo(line, err=True)
    )
    typer.echo((folder / TABLE).read_text(), nl=False)
