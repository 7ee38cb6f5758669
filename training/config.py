"""Settings of a training run, read from YAML; every problem is reported at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from drivegrid.data.augment import AugmentConfig
from drivegrid.errors import ConfigError
from drivegrid.masks.names import TokenizerName
from drivegrid.tasks.conversations.convert import ATTRIBUTES_DRAWN
from drivegrid.tasks.representation import (
    MAX_ROUNDS,
    WITH_CELLS,
    Representation,
    RepresentationName,
    representation,
)
from drivegrid.tasks.settings import KINDS
from drivegrid.tokens.grid import GridSpec
from drivegrid.tokens.mask_words import ALL_MASK_WORDS, MaskWords

from .settings_files import read_settings


class Strict(BaseModel):
    """Settings; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_as_number(cls, value: object, info: ValidationInfo) -> object:
        """Refuse ``yes`` where a number belongs; pydantic would take it for 1."""
        kind = cls.model_fields[str(info.field_name)].annotation
        if isinstance(value, bool) and kind in (int, float):
            raise ValueError("must be a number")
        return value


class LatticeConfig(Strict):
    """Lattice and line encoder the model is trained on."""

    cols: int = Field(32, ge=2)
    rows: int = Field(32, ge=2)
    offset_cols: int = Field(64, ge=2)
    offset_rows: int = Field(64, ge=2)
    gamma: float = Field(0.5, gt=0, le=1)
    line_encoder: Literal["rows", "fewest"] = "rows"
    every: int = Field(2, ge=1, description="rows encoder: one anchor every so many lattice rows")
    rounds: int = Field(1, ge=1, le=MAX_ROUNDS, description="rounds of offsets that are taught")


class ModelConfig(Strict):
    """Sizes of the nano model."""

    hidden_size: int = Field(192, ge=16)
    num_layers: int = Field(5, ge=1)
    num_heads: int = Field(6, ge=1)
    num_image_layers: int = Field(1, ge=0)
    target_sigma: float = Field(0.6, ge=0)
    grounded: bool = Field(True, description="cells and offsets look at the image")

    @model_validator(mode="after")
    def _divides(self) -> ModelConfig:
        if self.hidden_size % (2 * self.num_heads):
            raise ValueError(
                f"num_heads must divide hidden_size into even parts, got {self.num_heads} for "
                f"{self.hidden_size}"
            )
        return self


class QwenSettings(Strict):
    """An extended Qwen2.5-VL that learns in place of a nano, by whichever of its weights."""

    base: Path = Field(description="folder that `drivegrid model extend` or `new` made")
    size_wh: tuple[int, int] = Field((896, 896), description="picture size, multiples of 28")
    rendered_wh: tuple[int, int] = Field(
        (1280, 720), description="size at which scenes are drawn, a camera's shape, then scaled"
    )
    target_sigma: float = Field(0.0, ge=0, description="spread of soft grid targets in cells")
    checkpointing: bool = Field(True, description="trade time for memory in the backward pass")


class AdapterSettings(QwenSettings):
    """A Qwen2.5-VL that learns by LoRA and spatial rows; its own weights are frozen."""

    rank: int = Field(64, ge=1)
    alpha: int = Field(128, ge=1)
    dropout: float = Field(0.0, ge=0, lt=1)


class FullSettings(QwenSettings):
    """A Qwen2.5-VL that learns with its whole language body and all rows.

    So does its vision tower, if `OptimConfig.trunk_learning_rate` is above 0.
    """


class LabelledConfig(Strict):
    """A data set on disk."""

    path: Path = Field(description="label file or folder, its pictures beside")
    weight: float = Field(1.0, gt=0, description="how often it is drawn, relative to the others")


class MasksConfig(Strict):
    """Regions are written as masks, and by what."""

    tokenizer: TokenizerName = Field(
        description="anchors of the lattice, or words that the model must know"
    )
    weights: Path | None = Field(None, description="of the tokenizer; default: those shipped")
    seg: Path | None = Field(None, description="drivegrid-seg, which grid and samtok draw with")

    @property
    def words(self) -> MaskWords | None:
        """The words it adds to a vocabulary; anchors need none."""
        return None if self.tokenizer == "grid" else ALL_MASK_WORDS[self.tokenizer]


class SourcesConfig(Strict):
    """Where pictures with labels come from, and which judge."""

    labelled: tuple[LabelledConfig, ...] = ()
    rendered: float = Field(1.0, ge=0, description="how often rendered scenes are drawn")
    augment: AugmentConfig | None = Field(None, description="changes; of cached scenes once")
    masks: MasksConfig | None = Field(None, description="how regions are written; None: outlines")
    first_seed: int = Field(1_000_000, ge=1_000_000, description="first training scene")
    num_scenes: int = Field(8192, ge=1)
    cache: Path | None = Field(None, description="folder for trunk features; None renders live")
    workers: int = Field(2, ge=0)
    held_out: Path | None = Field(None, description="labels that judge; default: rendered scenes")
    held_out_scenes: int = Field(64, ge=1, description="most frames that judge checkpoints")

    @model_validator(mode="after")
    def _has_pictures(self) -> SourcesConfig:
        if not self.labelled and not self.rendered:
            raise ValueError("data must name a labelled set or draw rendered scenes")
        if self.cache is not None and self.labelled:
            raise ValueError("cached features are of a nano's trunk over rendered scenes only")
        if self.masks is not None and self.augment is not None and self.cache is None:
            raise ValueError(
                "augment must go with cache where masks are written: what changes at every look "
                "would have to be written as often"
            )
        return self

    @property
    def mask_words(self) -> MaskWords | None:
        """The words for masks that a model must know."""
        return self.masks.words if self.masks else None


class DataConfig(SourcesConfig):
    """Which scenes are seen and how they are asked about."""

    tasks: dict[str, float] = Field(
        default={
            "lanes": 16, "lane_query": 8, "objects": 14, "object_query": 8, "signs": 14,
            "drivable": 8, "refer_one": 8, "refer_many": 3, "refer_none": 3,
            "attributes": 14, "describe": 4,
        },
        description="how often each kind of question is asked, relative to the others",
    )  # fmt: skip
    row_tokens: int = Field(256, ge=32, description="questions about a scene are packed up to this")
    row_dialogues: int | None = Field(None, ge=1, description="... or so many, however long")
    refine: float = Field(0.5, ge=0, le=1, description="share of answers that are refined instead")

    @field_validator("tasks")
    @classmethod
    def _known_tasks(cls, tasks: dict[str, float]) -> dict[str, float]:
        known = {*KINDS, ATTRIBUTES_DRAWN} - {"dialogue"}
        if not set(tasks) <= known or min(tasks.values(), default=0) < 0 or not sum(tasks.values()):
            raise ValueError(f"tasks must be among {', '.join(sorted(known))}, some above 0")
        return tasks


class OptimConfig(Strict):
    """Optimisation."""

    steps: int = Field(4000, ge=1)
    batch_scenes: int = Field(16, ge=1)
    learning_rate: float = Field(1e-3, gt=0)
    trunk_learning_rate: float = Field(
        0.0, ge=0, description="of a nano's trunk (cached: above stride 8), or of a `full` tower"
    )
    row_learning_rate: float = Field(
        1e-3, gt=0, description="of spatial rows beside LoRA; under `full` of all rows"
    )
    weight_decay: float = Field(0.05, ge=0)
    accumulate: int = Field(1, ge=1, description="batches a step")
    warmup_steps: int = Field(200, ge=0)
    average: float = Field(0.998, ge=0, lt=1, description="decay of the averaged weights; 0: none")
    save_every: int = Field(500, ge=1)
    judge_every: int = Field(500, ge=1, description="steps between looks at the held-out scenes")
    precision: Literal["fp32", "bf16"] = "fp32"
    threads: int = Field(0, ge=0, description="torch threads; 0 takes every core")
    seed: int = Field(0, ge=0)


class LogConfig(Strict):
    """What is said while training, in ``log.jsonl`` and on the progress line."""

    every: int = Field(20, ge=1, description="steps between two lines")
    report_to: tuple[Literal["tensorboard", "wandb"], ...] = Field(
        (), description="where the same is shown as curves; the package must be installed"
    )


class TrainingConfig(Strict):
    """One supervised run."""

    init_from: Path | None = Field(
        None, description="nano checkpoint to start from; `nano` is the packaged one"
    )
    representation: RepresentationName = Field("grid+offset", description="how shapes are written")
    lattice: LatticeConfig = LatticeConfig()
    model: ModelConfig = ModelConfig()
    adapter: AdapterSettings | None = Field(None, description="train this in place of a nano")
    full: FullSettings | None = Field(None, description="train this in place of a nano")
    data: DataConfig = DataConfig()
    optim: OptimConfig = OptimConfig()
    log: LogConfig = LogConfig()

    @property
    def qwen(self) -> AdapterSettings | FullSettings | None:
        """The Qwen2.5-VL that learns; None for a nano."""
        return self.adapter or self.full

    @model_validator(mode="after")
    def _is_one_model(self) -> TrainingConfig:
        if self.adapter is not None and self.full is not None:
            raise ValueError("adapter and full must not both be given: one model learns")
        if self.adapter is not None and self.optim.trunk_learning_rate:
            raise ValueError("optim.trunk_learning_rate must be 0: an adapter is of the body alone")
        return self

    @model_validator(mode="after")
    def _fits(self) -> TrainingConfig:
        data = self.data
        if data.cache is not None and self.qwen:
            raise ValueError("cached features are of a nano's trunk over rendered scenes only")
        name = self.representation
        moves = self.model.grounded and name == "grid+offset" and self.qwen is None
        if moves and not data.refine:
            raise ValueError("data.refine must be above 0: grid+offset would learn no offsets")
        if self.model.grounded and name not in WITH_CELLS and self.qwen is None:
            raise ValueError(f"model.grounded must be false: {name} names no cells")
        if name != "grid+offset" and any(
            data.tasks.get(kind) for kind in ("refine", "refine_mask")
        ):
            raise ValueError(f"data.tasks must not refine: {name} has no offsets")
        if name == "bins" and self.qwen is not None:
            raise ValueError("an extended checkpoint has no tokens for bins")
        if data.masks is not None and data.masks.tokenizer == "grid" and name not in WITH_CELLS:
            raise ValueError(f"data.masks.tokenizer must not be grid: {name} names no cells")
        if data.cache is not None and data.tasks.get(ATTRIBUTES_DRAWN):
            raise ValueError(f"cached features cannot show what {ATTRIBUTES_DRAWN} draws")
        return self

    def written(self, lattice: GridSpec | None = None) -> Representation:
        """Return the representation for a model's lattice, by default the config's.

        Raises:
            ConfigError: If the model's lattice is not that of the representation.
        """
        one = self.lattice
        own = GridSpec(one.cols, one.rows, one.offset_cols, one.offset_rows, one.gamma)
        way = representation(
            self.representation,
            lattice or own,
            rounds=one.rounds,
            every=one.every,
            line_encoder=one.line_encoder,
            words=self.data.mask_words,
        )
        if lattice is not None and way.lattice != lattice:
            raise ConfigError(f"model must have the lattice {way.lattice}, got {lattice}.")
        return way


def load_config(name: str | Path, changes: Sequence[str] = ()) -> TrainingConfig:
    """Read a YAML file, or one of the packaged configs by its name.

    Args:
        name: A path, or for example ``"nano-cpu"``.
        changes: Settings that replace those of the file, as ``"optim.steps=100"``; the value is
            YAML.

    Raises:
        ConfigError: If there is no such file, or with every wrong field at once.
    """
    return read_settings(TrainingConfig, "config", name, changes)
