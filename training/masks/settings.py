"""Settings of the trainings of mask networks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from drivegrid.data.augment import AugmentConfig
from drivegrid.geometry import Size
from drivegrid.scenes.seeds import VALIDATION_SEEDS

from ..config import Strict
from ..settings_files import Settings, read_settings


class DataSettings(Strict):
    """What is learnt from."""

    folder: Path = Field(Path("runs/masks"), description="where rendered scenes are kept")
    num_scenes: int = Field(6000, ge=1, description="rendered scenes")
    held_out: int = Field(60, ge=1, description="rendered scenes to judge by")
    held_out_real: tuple[Path, ...] = Field((), description="labelled data to judge by, too")
    real: tuple[Path, ...] = Field((), description="labelled data sets with polygons, mixed in")
    real_share: float = Field(0.2, ge=0, le=1, description="share of pictures that are real")
    size_wh: Size = Field((512, 288), description="size of pictures and masks")
    workers: int = Field(1, ge=0, description="processes that render, and then prepare batches")
    augment: AugmentConfig = AugmentConfig(flip=0.5)
    first_held_out: int = Field(VALIDATION_SEEDS.start, ge=0, description="seed of their first")


class OptimSettings(Strict):
    """How it is learnt."""

    steps: int = Field(ge=1)
    batch_scenes: int = Field(2, ge=1, description="pictures in a step")
    masks_per_scene: int = Field(16, ge=1, description="most masks of a picture in a step")
    learning_rate: float = Field(1e-3, gt=0)
    warmup_steps: int = Field(100, ge=0)
    weight_decay: float = Field(0.05, ge=0)
    max_grad_norm: float = Field(1.0, gt=0)
    average: float = Field(0.998, ge=0, lt=1, description="decay of the averaged weights")
    save_every: int = Field(500, ge=1)
    judge_every: int = Field(1000, ge=1)
    threads: int = Field(1, ge=1, description="of torch, on a CPU")
    seed: int = Field(0, ge=0)


class MaskSettings(Strict):
    """Settings that every training of a mask network has."""

    data: DataSettings = DataSettings()
    optim: OptimSettings


def load_settings(form: type[Settings], name: str | Path, changes: Sequence[str]) -> Settings:
    """Read settings, packaged or of a file, see `read_settings`."""
    return read_settings(form, "mask config", name, changes)
