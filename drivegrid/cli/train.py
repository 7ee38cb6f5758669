"""``drivegrid train``: supervised fine-tuning, reinforcement learning."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from drivegrid.masks.names import TokenizerName

ConfigOption: TypeAlias = Annotated[
    str, typer.Option(help="a packaged config, such as nano-smoke, or a YAML file")
]
OutOption: TypeAlias = Annotated[Path, typer.Option(help="folder of the run")]
MaxStepsOption: TypeAlias = Annotated[int | None, typer.Option(min=1, help="fewer or more steps")]
ResumeOption: TypeAlias = Annotated[
    bool, typer.Option("--resume", help="go on from the last saved step")
]
ChangesOption: TypeAlias = Annotated[
    list[str] | None, typer.Option("--set", help="another setting, as optim.seed=1; repeatable")
]


class Way(StrEnum):
    """How several processes share a run."""

    DDP = "ddp"
    FSDP2 = "fsdp2"
    ZERO2 = "zero2"


train = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@train.callback()
def _train() -> None:
    """Train models on rendered scenes.

    Example: drivegrid train sft --config nano-cpu --out runs/nano
    """


@train.command()
def sft(
    config: ConfigOption,
    out: OutOption,
    max_steps: MaxStepsOption = None,
    resume: ResumeOption = False,
    changes: ChangesOption = None,
) -> None:
    """Fine-tune by next-token prediction on questions about scenes.

    Example: drivegrid train sft --config nano-smoke --out runs/smoke

    Example: drivegrid train sft --config nano-cpu --out runs/nano --set optim.seed=1

    Example: accelerate launch --config_file $(drivegrid train launch-config ddp)
    --num_processes 8 -m drivegrid train sft --config nano-gpu --out runs/gpu
    """
    from drivegrid.training.config import load_config

    # Before torch is imported: who mistypes a setting need not wait.
    settings = load_config(config, _given(changes, max_steps))

    from drivegrid.training.sft import last_saved, train

    with _resumable(lambda: last_saved(out)):
        checkpoint = train(settings, out, resume)
    if os.environ.get("RANK", "0") == "0":  # one of several processes speaks
        typer.echo(f"best checkpoint: {checkpoint}")


class Stage(StrEnum):
    """What reinforcement learning teaches."""

    PROPOSALS = "1"
    REFINEMENTS = "2"
    JOINT = "joint"


@train.command()
def grpo(
    config: ConfigOption,
    stage: Annotated[Stage, typer.Option(help="1: grid tokens, 2: offsets, joint: both")],
    out: OutOption,
    max_steps: MaxStepsOption = None,
    resume: ResumeOption = False,
    changes: ChangesOption = None,
) -> None:
    """Improve a trained model by rewards on its own answers (GRPO).

    Example: drivegrid train grpo --config nano-smoke --stage 1 --out runs/rl

    Example: drivegrid train grpo --config nano-smoke --stage 2 --out runs/rl2
    --set init_from=runs/rl/checkpoint
    """
    from drivegrid.training.grpo_config import load_grpo_config

    settings = load_grpo_config(config, _given(changes, max_steps))

    from drivegrid.training.grpo import train
    from drivegrid.training.run_folder import last_saved

    with _resumable(lambda: last_saved(out)):
        checkpoint = train(settings, stage.value, out, resume)
    if os.environ.get("RANK", "0") == "0":  # one of several processes speaks
        typer.echo(f"best checkpoint: {checkpoint}")


@train.command()
def masks(
    tokenizer: Annotated[TokenizerName, typer.Option(help="whose network; grid: drivegrid-seg")],
    config: Annotated[
        str, typer.Option(help="a packaged config, such as himtok-smoke, or a YAML file")
    ],
    out: OutOption,
    max_steps: MaxStepsOption = None,
    resume: ResumeOption = False,
    changes: ChangesOption = None,
) -> None:
    """Train the network of a mask tokenizer on rendered masks, and real ones where they are given.

    Example: drivegrid train masks --tokenizer himtok --config himtok-cpu --out runs/himtok

    Example: drivegrid train masks --tokenizer grid --config seg-cpu --out runs/seg
    --set data.real=[camvid]
    """
    from drivegrid.training.masks.run import train_masks
    from drivegrid.training.run_folder import last_saved

    with _resumable(lambda: last_saved(out)):
        checkpoint = train_masks(tokenizer, config, _given(changes, max_steps), out, resume)
    typer.echo(f"best checkpoint: {checkpoint}")


def _given(changes: list[str] | None, max_steps: int | None) -> list[str]:
    """Return the settings that replace those of the config."""
    return [*(changes or []), *([f"optim.steps={max_steps}"] if max_steps else [])]


@contextmanager
def _resumable(last_saved: Callable[[], Path | None]) -> Iterator[None]:
    """On Ctrl-C say from where the run can go on."""
    try:
        yield
    except KeyboardInterrupt as stop:
        saved = last_saved()
        told = "no step was saved yet" if saved is None else f"go on from {saved} with --resume"
        typer.echo(f"interrupted: {told}", err=True)
        raise typer.Exit(130) from stop


@train.command("launch-config")
def launch_config(
    way: Annotated[Way, typer.Argument(help="how processes share a run")],
) -> None:
    """Print where the packaged settings of `accelerate launch` lie.

    Example: drivegrid train launch-config ddp
    """
    typer.echo(str(files("drivegrid.training.launch") / f"{way.value}.yaml"))
