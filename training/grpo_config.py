"""Settings of reinforcement learning; each says whether GETok gives its value or we chose it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from drivegrid.tasks.representation import Representation, RepresentationName, representation
from drivegrid.tasks.settings import ours, paper
from drivegrid.tokens.grid import GridSpec

from .config import AdapterSettings, FullSettings, LogConfig, SourcesConfig, Strict
from .rewards import PRESETS, RewardSettings, preset
from .settings_files import read_settings

Stage = Literal["1", "2", "joint"]
DEFAULT_REWARDS = "no-decoder"
REWARDED_KINDS = (
    "lanes", "lane_query", "objects", "object_query", "signs", "drivable",
    "refer_one", "refer_many", "refer_none", "attributes", "regions", "region_query",
)  # fmt: skip
"""Kinds of question whose answers can be rewarded: shapes, one of some options, or none."""


class AskedConfig(SourcesConfig):
    """Pictures, and what is asked about them."""

    tasks: dict[str, float] = Field(
        default={"lanes": 4, "objects": 4, "signs": 2, "drivable": 1},
        description="how often each kind of question is asked, relative to the others",
    )

    @field_validator("tasks")
    @classmethod
    def _rewarded(cls, tasks: dict[str, float]) -> dict[str, float]:
        if not set(tasks) <= set(REWARDED_KINDS) or min(tasks.values(), default=0) < 0:
            raise ValueError(f"tasks must be among {', '.join(REWARDED_KINDS)}, none below 0")
        if not sum(tasks.values()):
            raise ValueError("tasks must hold one above 0")
        return tasks


class RolloutConfig(Strict):
    """What is sampled in a step."""

    questions: int = ours(8, "section 4.1: 16 a step, on 8 GPUs together", ge=1)
    group: int = paper(8, "C.1: 8 answers to each question", ge=2)
    temperature: float = ours(1.0, "not stated; 1 samples the policy itself", gt=0)
    most_tokens: int = ours(256, "longest answer; what is longer is cut off and counted", ge=8)
    on_policy: float = ours(
        0.5, "stage 2: share of proposals by the model, the others simulated", ge=0, le=1
    )
    rounds: int = ours(1, "stage 2: a proposal has had 0 to this less 1 rounds already", ge=1, le=3)
    refined: int = ours(1, "joint: proposals of a group that are refined, a group each", ge=1)


class LossConfig(Strict):
    """The objective."""

    variant: Literal["grpo", "dr-grpo", "dapo"] = ours("grpo", "section 3.3 names GRPO [51]")
    clip_low: float = ours(0.2, "not stated; EasyR1's", gt=0, lt=1)
    clip_high: float = ours(0.2, "not stated; DAPO's own is 0.28", gt=0)
    kl: float = paper(1e-2, "C.1: KL to the SFT policy, coefficient 1e-2", ge=0)
    advantage: Literal["total", "component"] = ours(
        "total", "component: each reward is normalised by itself (GDPO, arXiv 2601.05242)"
    )
    credit: Literal["answer", "anchor"] = ours(
        "answer", "anchor: an offset has the worth of its own anchor, not the mean over all"
    )

    @model_validator(mode="after")
    def _credits_the_total(self) -> LossConfig:
        if self.credit == "anchor" and self.advantage != "total":
            raise ValueError("loss.advantage must be total where loss.credit is anchor")
        return self


class GrpoOptim(Strict):
    """Optimisation."""

    steps: int = paper(200, "section 4.1: stage 2 has 200; of stage 1 not stated", ge=1)
    learning_rate: float = paper(1e-6, "section 4.1", gt=0)
    row_learning_rate: float = ours(1e-5, "spatial rows beside LoRA, ten times as fast", gt=0)
    weight_decay: float = paper(1e-2, "section 4.1", ge=0)
    warmup_steps: int = ours(5, "not stated", ge=0)
    max_grad_norm: float = ours(1.0, "not stated; EasyR1's", gt=0)
    epochs: int = ours(1, "updates from one sampling; 1 needs no clipping", ge=1)
    rows_at_once: int = ours(4, "groups in one forward pass: memory, not results", ge=1)
    average: float = ours(0.0, "decay of the averaged weights; 0: none", ge=0, lt=1)
    save_every: int = ours(20, "steps", ge=1)
    judge_every: int = ours(20, "steps between looks at the held-out questions", ge=1)
    judged: int = ours(48, "held-out questions", ge=1)
    most_failures: int = ours(20, "questions that may fail before the run stops", ge=0)
    precision: Literal["fp32", "bf16"] = "fp32"
    threads: int = ours(0, "torch threads; 0 takes every core", ge=0)
    seed: int = Field(0, ge=0)


class GrpoConfig(Strict):
    """One run of reinforcement learning."""

    init_from: Path = Field(
        Path("nano"), description="nano that starts and is the reference; `nano` is the packaged"
    )
    adapter: AdapterSettings | None = Field(
        None, description="a new adapter on a merged checkpoint learns in place of a nano"
    )
    full: FullSettings | None = Field(None, description="a checkpoint learns whole, no nano")
    representation: RepresentationName = Field("grid+offset", description="how shapes are written")
    every: int = Field(2, ge=1, description="one anchor of a line every so many lattice rows")
    data: AskedConfig = AskedConfig()
    rollout: RolloutConfig = RolloutConfig()
    rewards: RewardSettings = Field(
        PRESETS[DEFAULT_REWARDS], description="settings, or a preset's name"
    )
    segmenter: Path | None = Field(
        None, description="folder of SAM2 weights; the preset `paper` needs it"
    )
    loss: LossConfig = LossConfig()
    optim: GrpoOptim = GrpoOptim()
    log: LogConfig = LogConfig(every=1)

    @property
    def qwen(self) -> AdapterSettings | FullSettings | None:
        """The Qwen2.5-VL that learns; None for a nano."""
        return self.adapter or self.full

    @field_validator("rewards", mode="before")
    @classmethod
    def _preset(cls, rewards: object) -> object:
        """Begin from the preset that is named beside what differs from it, or the default."""
        if isinstance(rewards, str):
            return preset(rewards)
        if not isinstance(rewards, dict):
            return rewards
        named = rewards.get("preset", DEFAULT_REWARDS)
        if not isinstance(named, str):
            raise ValueError(f"rewards.preset must be one of {', '.join(PRESETS)}")
        found = preset(named).model_dump()
        for name, value in rewards.items():
            merged = (
                {**found[name], **value} if isinstance(value, dict) and name in found else value
            )
            found[name] = merged
        found.pop("preset", None)
        return found

    @model_validator(mode="after")
    def _fits(self) -> GrpoConfig:
        if self.adapter is not None and self.full is not None:
            raise ValueError("adapter and full must not both be given: one model learns")
        if self.adapter is not None and self.adapter.dropout:
            raise ValueError("adapter.dropout must be 0: who samples and who learns must be one")
        if self.data.cache is not None and self.qwen:
            raise ValueError("cached features are of a nano's trunk, not of Qwen2.5-VL")
        if self.log.report_to:
            raise ValueError("log.report_to must be empty: a run keeps log.jsonl alone")
        for name in ("weights", "offset_weights"):
            if not any(getattr(self.rewards, name).values()):
                raise ValueError(f"rewards.{name} must hold one above 0")
        reads = self.data.mask_words is not None
        if self.rewards.weighs_masks and self.segmenter is None and not reads:
            raise ValueError(
                "segmenter must be a folder of SAM2 weights where masks are rewarded. Get one: hf "
                "download facebook/sam2.1-hiera-tiny --local-dir FOLDER; or take rewards=no-decoder"
            )
        draws = self.segmenter is not None or (reads and self.rewards.weighs_masks)
        if draws and self.data.cache is not None:
            raise ValueError(
                "data.cache must be null where masks are rewarded: cached features are no pictures"
            )
        return self

    def written(self, lattice: GridSpec) -> Representation:
        """Return how shapes are written on a model's lattice."""
        words = self.data.mask_words
        return representation(self.representation, lattice, every=self.every, words=words)


def load_grpo_config(name: str | Path, changes: Sequence[str] = ()) -> GrpoConfig:
    """Read a YAML file, or one of the packaged configs by its name.

    Args:
        name: A path, or for example ``"nano-smoke"``.
        changes: Settings that replace those of the file, as ``"optim.steps=100"``.

    Raises:
        ConfigError: If there is no such file, or with every wrong field at once.
    """
    return read_settings(GrpoConfig, "GRPO config", name, changes)
