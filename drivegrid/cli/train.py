"""``drivegrid train``: supervised fine-tuning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

train = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@train.callback()
def _train() -> None:
    """Train models on rendered scenes.

    Example: drivegrid train sft --config nano-cpu --out runs/nano
    """


@train.command()
def sft(
    config: Annotated[str, typer.Option(help="a packaged config, or a YAML file")],
    out: Annotated[Path, typer.Option(help="folder of the run")],
    max_steps: Annotated[int | None, typer.Option(min=1, help="fewer or more steps")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="go on from the last saved step")
    ] = False,
    changes: Annotated[
        list[str] | None, typer.Option("--set", help="another setting, as optim.seed=1; repeatable")
    ] = None,
) -> None:
    """Fine-tune by next-token prediction on questions about scenes.

    Example: drivegrid train sft --config nano-smoke --out runs/smoke

    Example: drivegrid train sft --config nano-cpu --out runs/nano --set optim.seed=1
    """
    from drivegrid.training.config import load_config
    from drivegrid.training.sft import train

    given = [*(changes or []), *([f"optim.steps={max_steps}"] if max_steps else [])]
    checkpoint = train(load_config(config, given), out, resume)
    typer.echo(f"best checkpoint: {checkpoint}")
