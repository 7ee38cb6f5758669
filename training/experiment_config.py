"""What an experiment is: a config, changes to it that are compared, and seeds."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator, model_validator

from drivegrid.errors import ConfigError
from drivegrid.tasks.representation import WITH_CELLS
from drivegrid.tasks.table import SCORED

from .config import Strict, TrainingConfig, load_config
from .grpo_config import GrpoConfig, Stage, load_grpo_config
from .settings_files import read_settings, setting

ATTRIBUTES = "attributes"


class EvaluationConfig(Strict):
    """How a trained model is scored."""

    frames: int = Field(100, ge=1, description="rendered test scenes")
    tasks: tuple[str, ...] = Field(tuple(SCORED), description="plain questions, and `attributes`")
    real: Path | None = Field(None, description="TuSimple label file, its pictures beside")
    real_frames: int | None = Field(None, ge=1, description="so many of them; default all")
    free_frames: int = Field(16, ge=0, description="frames that are also asked unconstrained")
    batch: int = Field(16, ge=1, description="frames that are asked together")

    @field_validator("tasks")
    @classmethod
    def _known(cls, tasks: tuple[str, ...]) -> tuple[str, ...]:
        if not tasks or not set(tasks) <= {*SCORED, ATTRIBUTES}:
            raise ValueError(f"tasks must be some of {', '.join((*SCORED, ATTRIBUTES))}")
        return tasks


class ExperimentConfig(Strict):
    """A table of runs."""

    base: str = Field(description="training config, packaged or a file")
    stage: Stage | None = Field(
        None, description="reinforcement learning of this stage; base is then a config of it"
    )
    set: dict[str, Any] = Field({}, description="settings of every run, by dotted key")
    variants: dict[str, dict[str, Any]] = Field(
        min_length=1, description="rows of the table: settings that replace those of `set`"
    )
    seeds: tuple[int, ...] = Field((0,), min_length=1)
    baseline: str | None = Field(None, description="variant that the others are compared with")
    evaluation: EvaluationConfig = EvaluationConfig()

    @model_validator(mode="after")
    def _fits(self) -> ExperimentConfig:
        if self.baseline is not None and self.baseline not in self.variants:
            raise ValueError(f"baseline must be one of {', '.join(self.variants)}")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("seeds must differ")
        if len(set(map(slug, self.variants))) < len(self.variants):
            raise ValueError("names of variants must differ in more than signs")
        return self

    def training(self, variant: str, seed: int) -> TrainingConfig | GrpoConfig:
        """Return the config of a run.

        Raises:
            ConfigError: With every wrong setting at once.
        """
        settings = {**self.set, **self.variants[variant], "optim.seed": seed}
        # JSON is YAML, which is what changes are written in.
        changes = [f"{key}={json.dumps(value)}" for key, value in settings.items()]
        load = load_config if self.stage is None else load_grpo_config
        return load(self.base, changes)


def slug(variant: str) -> str:
    """Return a folder name.

    >>> slug("grid+offset, 2 rounds")
    'grid+offset-2-rounds'
    """
    return re.sub(r"[^A-Za-z0-9.+_-]+", "-", variant).strip("-.") or "variant"


def load_experiment(name: str | Path, changes: Sequence[str] = ()) -> ExperimentConfig:
    """Read an experiment from a YAML file, or one of the packaged ones by its name.

    Args:
        name: A path, or for example ``"representations-cpu"``.
        changes: Settings that replace those of the file, as ``"evaluation.frames=20"``, or of
            every run, as ``"set.optim.steps=100"``.

    Raises:
        ConfigError: If there is no such file, with every wrong field at once, or if a variant is
            no valid training config.
    """
    # Keys of `set` are dotted themselves: those of its changes are not taken apart.
    of_runs = dict(setting(c.removeprefix("set.")) for c in changes if c.startswith("set."))
    others = [change for change in changes if not change.startswith("set.")]
    experiment = read_settings(ExperimentConfig, "experiment", name, others)
    experiment = experiment.model_copy(update={"set": {**experiment.set, **of_runs}})
    for variant in experiment.variants:  # not after hours of other variants
        config = experiment.training(variant, experiment.seeds[0])
        cells = config.representation in WITH_CELLS
        if ATTRIBUTES in experiment.evaluation.tasks and not cells:
            raise ConfigError(
                f"a model that is asked for attributes must write cells, got "
                f"{config.representation!r} ({variant}). Take it out of evaluation.tasks."
            )
        if config.qwen is not None and not cells:
            raise ConfigError(
                f"a Qwen2.5-VL in an experiment must write cells, got {config.representation!r} "
                f"({variant})."
            )
    return experiment
