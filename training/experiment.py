"""``drivegrid experiment``: train and score every variant with every seed, and compare."""

from __future__ import annotations

import dataclasses
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from drivegrid.data.files import write_text
from drivegrid.errors import ConfigError

from . import grpo, sft
from .config import TrainingConfig
from .experiment_config import EvaluationConfig, ExperimentConfig, slug
from .experiment_curves import reward_curves, write_curves
from .experiment_scores import score_run
from .experiment_sums import FrameSums, Scores
from .experiment_table import markdown, table
from .grpo_config import GrpoConfig, Stage
from .run_folder import CONFIG_FILE
from .run_folder import STEPS as GRPO_STEPS
from .sft import CHECKPOINT
from .sft import STEPS as SFT_STEPS

TRAINED, SCORED = "trained.json", "scores.json"
TABLE, ROWS = "table.md", "table.json"


def run_experiment(
    experiment: ExperimentConfig, folder: Path, told: Callable[[str], None] = lambda line: None
) -> list[dict[str, Any]]:
    """Run what is left of an experiment, and write its table.

    Args:
        experiment: What to run.
        folder: A folder for each run, ``table.json`` and ``table.md``. What is there already of
            the same settings is kept: a run that was cut short goes on from its last saved step.
        told: Is given a line about each run.

    Returns:
        The rows, as ``experiment_table.table`` returns them, with the ``seconds`` of training.

    Raises:
        ConfigError: If the folder holds a run of the same name with other settings, or
            there are no real frames to score by.
    """
    _check_frames(experiment.evaluation)
    runs: dict[str, list[Scores]] = {name: [] for name in experiment.variants}
    seconds: dict[str, list[float]] = {name: [] for name in experiment.variants}
    # Seed by seed, so that a table of all variants exists early.
    for seed in experiment.seeds:
        for variant in experiment.variants:
            run = folder / slug(variant) / f"seed-{seed}"
            told(f"{variant}, seed {seed}: {run}")
            config = experiment.training(variant, seed)
            seconds[variant].append(_trained(config, run, experiment.stage))
            runs[variant].append(_scored(run, experiment.evaluation))
        rows = table({name: found for name, found in runs.items() if found}, experiment.baseline)
        for row in rows:
            row["seconds"] = seconds[row["variant"]]
        write_text(folder / ROWS, json.dumps(rows, indent=1) + "\n")
        write_text(folder / TABLE, markdown(rows, experiment.baseline))
    if experiment.stage is not None:
        found = {name: reward_curves(folder / slug(name), experiment.seeds) for name in runs}
        write_curves(found, experiment.baseline, folder)
    return rows


def _check_frames(config: EvaluationConfig) -> None:
    """Raise now what would end the experiment after its first training."""
    if config.real is not None and not config.real.is_file():
        raise ConfigError(f"evaluation.real must be a label file, got none there ({config.real}).")


def _trained(config: TrainingConfig | GrpoConfig, run: Path, stage: Stage | None) -> float:
    """Train unless that is done, and return the seconds it took (of the last go, if several)."""
    known = run / CONFIG_FILE
    if known.exists() and yaml.safe_load(known.read_text()) != config.model_dump(mode="json"):
        raise ConfigError(f"run must have the same settings as before, got others ({known}).")
    done = run / TRAINED
    if not done.exists():
        steps = run / (SFT_STEPS if stage is None else GRPO_STEPS)
        resume = steps.exists() and any(steps.iterdir())
        if not resume:
            shutil.rmtree(run, ignore_errors=True)
        start = time.monotonic()
        if isinstance(config, GrpoConfig):
            assert stage is not None
            grpo.train(config, stage, run, resume)
        else:
            sft.train(config, run, resume)
        write_text(done, json.dumps({"seconds": round(time.monotonic() - start, 1)}) + "\n")
        shutil.rmtree(steps)  # the optimiser's state is larger than the model
    seconds: float = json.loads(done.read_text())["seconds"]
    return seconds


def _scored(run: Path, config: EvaluationConfig) -> Scores:
    """Score unless that is done in the same way."""
    path, asked = run / SCORED, config.model_dump(mode="json")
    if path.exists():
        found = json.loads(path.read_text())
        if found["evaluation"] == asked:
            return {name: FrameSums(**sums) for name, sums in found["scores"].items()}
    scores = score_run(run / CHECKPOINT, config)
    plain = {name: dataclasses.asdict(sums) for name, sums in scores.items()}
    write_text(path, json.dumps({"evaluation": asked, "scores": plain}) + "\n")
    return scores
