"""Settings of a training run, read from YAML; every problem is reported at once."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from drivegrid.errors import ConfigError


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LatticeConfig(_Strict):
    """Lattice and line encoder the model is trained on."""

    cols: int = Field(32, ge=2)
    rows: int = Field(32, ge=2)
    offset_cols: int = Field(64, ge=2)
    offset_rows: int = Field(64, ge=2)
    gamma: float = Field(0.5, gt=0, le=1)
    line_encoder: Literal["rows", "fewest"] = "rows"
    every: int = Field(2, ge=1, description="rows encoder: one anchor every so many lattice rows")


class ModelConfig(_Strict):
    """Sizes of the nano model."""

    hidden_size: int = Field(192, ge=16)
    num_layers: int = Field(5, ge=1)
    num_heads: int = Field(6, ge=1)
    num_image_layers: int = Field(1, ge=0)
    target_sigma: float = Field(0.6, ge=0)


class DataConfig(_Strict):
    """Which scenes are seen and how they are asked about."""

    first_seed: int = Field(1_000_000, ge=1_000_000, description="first training scene")
    num_scenes: int = Field(8192, ge=1)
    cache: Path | None = Field(None, description="folder for trunk features; None renders live")
    workers: int = Field(2, ge=0)
    tasks: dict[str, float] = Field(
        default={"lanes": 0.35, "objects": 0.3, "signs": 0.2, "drivable": 0.15},
        description="how often each task is asked, relative to the others",
    )
    row_tokens: int = Field(256, ge=32, description="questions about a scene are packed up to this")
    refine: float = Field(0.5, ge=0, le=1, description="share of questions that are refined")


class OptimConfig(_Strict):
    """Optimisation."""

    steps: int = Field(4000, ge=1)
    batch_scenes: int = Field(16, ge=1)
    learning_rate: float = Field(1e-3, gt=0)
    trunk_learning_rate: float = Field(0.0, ge=0, description="0 freezes the trunk")
    weight_decay: float = Field(0.05, ge=0)
    warmup_steps: int = Field(200, ge=0)
    save_every: int = Field(500, ge=1)
    precision: Literal["fp32", "bf16"] = "fp32"
    threads: int = Field(0, ge=0, description="torch threads; 0 takes every core")
    seed: int = 0


class TrainingConfig(_Strict):
    """One supervised run."""

    output: Path
    init_from: Path | None = None
    lattice: LatticeConfig = LatticeConfig()
    model: ModelConfig = ModelConfig()
    data: DataConfig = DataConfig()
    optim: OptimConfig = OptimConfig()


def load_config(name: str | Path) -> TrainingConfig:
    """Read a YAML file, or one of the packaged configs by its name.

    Args:
        name: A path, or for example ``"nano-cpu"``.

    Raises:
        ConfigError: If there is no such file, or with every wrong field at once.
    """
    path = Path(name)
    packaged = files("drivegrid.training.configs")
    if path.suffix in {".yaml", ".yml"}:
        if not path.is_file():
            raise ConfigError(f"config must exist, got {path}.")
        text = path.read_text()
    else:
        known = sorted(p.name[:-5] for p in packaged.iterdir() if p.name.endswith(".yaml"))
        if str(name) not in known:
            raise ConfigError(f"config must be a YAML file or one of {known}, got {str(name)!r}.")
        text = (packaged / f"{name}.yaml").read_text()
    try:
        return TrainingConfig.model_validate(yaml.safe_load(text) or {})
    except yaml.YAMLError as error:
        raise ConfigError(f"config must be YAML, got {error} ({name}).") from error
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, p['loc']))}: {p['msg']}, got {p['input']!r}"
            for p in error.errors()
        )
        raise ConfigError(f"config must be valid, got {problems} ({name}).") from error
