"""Settings of training data; each key says whether GETok gives its value or we chose it.

``GIVEN_BY`` in a field's schema is "paper" or "ours"; its description says where, or why.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from drivegrid.data.phrasing import Split
from drivegrid.errors import ConfigError
from drivegrid.tokens.codec import Codec
from drivegrid.tokens.grid import GridSpec

GIVEN_BY = "given_by"
POOLS = ("hard", "inside", "ring", "far")
KINDS = {
    "lanes": 1,
    "lane_query": 2,
    "objects": 1,
    "object_query": 2,
    "signs": 1,
    "drivable": 1,
    "refer_one": 1,
    "refer_many": 1,
    "refer_none": 1,
    "attributes": 4,
    "describe": 2,
    "questions": 4,
    "refine": 1,
    "refine_mask": 1,
    "dialogue": 1,
    "regions": 1,
    "region_query": 2,
}
"""Every kind of conversation, with how many a frame gives at most."""
EVERYTHING = "*"


def paper(default: Any, where: str, **limits: Any) -> Any:
    """Return a field whose value the paper states, and where."""
    return Field(default, description=where, json_schema_extra={GIVEN_BY: "paper"}, **limits)


def ours(default: Any, why: str, **limits: Any) -> Any:
    """Return a field that the paper leaves open or does not have."""
    return Field(default, description=why, json_schema_extra={GIVEN_BY: "ours"}, **limits)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GridConfig(_Strict):
    """Lattice and encoder."""

    cols: int = paper(32, "section 4.1: a grid size of 32", ge=2, le=4096)
    rows: int = paper(32, "section 4.1: a grid size of 32", ge=2, le=4096)
    offset_cols: int = paper(64, "section 4.1: an offset size of 64", ge=2, le=4096)
    offset_rows: int = paper(64, "section 4.1: an offset size of 64", ge=2, le=4096)
    gamma: float = ours(0.5, "the paper repeats one step (1.0); ours halves it", gt=0, le=1)
    line_encoder: Literal["rows", "fewest"] = ours("rows", "open: anchors of lines and rings")
    every: int = ours(2, "one anchor every so many lattice rows", ge=1)
    rounds: int = ours(1, "refine turns of a dialogue; iterated, number open", ge=1, le=16)

    def codec(self) -> Codec:
        """Return the encoder with these settings."""
        grid = GridSpec(self.cols, self.rows, self.offset_cols, self.offset_rows, self.gamma)
        return Codec(grid, self.line_encoder, self.rounds, self.every)


class OffsetConfig(_Strict):
    """Algorithm 1: proposals for masks and boxes."""

    mask_size_wh: tuple[int, int] = paper((840, 840), "C.1: images are resized to 840 x 840")
    band_px: int = ours(3, "b of eq. 3, 'a small width parameter'", ge=1)
    fewest_cells: int = ours(4, "pi_K open: K is uniform from here", ge=1)
    most_cells: int = ours(20, "... to here; figure P shows up to 20", ge=1)
    pool_weights: dict[str, float] = ours(
        {"hard": 0.1, "inside": 0.4, "ring": 0.4, "far": 0.1},
        "preference for inside and ring is the paper's, the numbers are not",
    )
    iou_threshold: float = ours(0.5, "tau of Algorithm 1, not stated", ge=0, le=1)
    jitter_cells: int = ours(1, "how far corners are jittered, not stated", ge=0)
    shake: float = ours(0.35, "lines, rings, points: chance of a neighbouring cell", ge=0, le=1)
    lose: float = ours(0.02, "... of a jump that must be deleted", ge=0, le=1)
    invent: float = ours(0.15, "chance of an instance that is not there", ge=0, le=1)

    @field_validator("pool_weights")
    @classmethod
    def _known_pools(cls, weights: dict[str, float]) -> dict[str, float]:
        if not set(weights) <= set(POOLS) or min(weights.values(), default=0) < 0:
            raise ValueError(f"pools must be among {POOLS} with weights of at least 0")
        return weights

    @model_validator(mode="after")
    def _range(self) -> OffsetConfig:
        if self.fewest_cells > self.most_cells:
            raise ValueError("fewest_cells must not exceed most_cells")
        if not 1 <= min(self.mask_size_wh) <= max(self.mask_size_wh) <= 8192:
            raise ValueError("mask_size_wh must be 1 to 8192")
        return self


class ConversationConfig(_Strict):
    """What is asked about a frame, and how often."""

    seed: int = ours(0, "with the frame's name it decides every draw", ge=0)
    tasks: dict[str, int] = ours(KINDS, "conversations of each kind a frame gives at most")
    covered: tuple[str, ...] | None = ours(
        None,
        "labels that the data set marks wherever they are seen, '*' for all: only these can be "
        "answered by 'none'; left out, rendered frames cover all and others nothing",
    )
    split: Split = ours("train", "wordings of referring expressions; 'held_out' for a test set")
    turns: tuple[int, int] = ours((2, 4), "questions of a dialogue")
    refine_share: float = ours(0.5, "answers in a dialogue that are refined", ge=0, le=1)
    max_instances: int = ours(8, "most masks in one answer", ge=1)
    grid: GridConfig = GridConfig()
    offsets: OffsetConfig = OffsetConfig()

    @field_validator("tasks")
    @classmethod
    def _known_tasks(cls, tasks: dict[str, int]) -> dict[str, int]:
        if not set(tasks) <= set(KINDS) or min(tasks.values(), default=0) < 0:
            raise ValueError(f"tasks must be among {', '.join(KINDS)}, each at least 0")
        return tasks

    @field_validator("turns")
    @classmethod
    def _ordered_turns(cls, turns: tuple[int, int]) -> tuple[int, int]:
        if not 1 <= turns[0] <= turns[1]:
            raise ValueError("turns must be at least 1, the fewest first")
        return turns


def load_conversation_config(path: str | Path | None) -> ConversationConfig:
    """Read settings from YAML; without a path, the defaults.

    Raises:
        ConfigError: If there is no such file, or with every wrong key at once.
    """
    if path is None:
        return ConversationConfig()
    path = Path(path)
    if not path.is_file():
        raise ConfigError(f"config must exist, got {path}.")
    try:
        return _checked(yaml.safe_load(path.read_text("utf-8")) or {}, str(path))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"config must be YAML, got {error} ({path}).") from error


def with_options(
    config: ConversationConfig,
    *,
    tasks: str | None,
    seed: int | None,
    covered: tuple[str, ...] | None,
) -> ConversationConfig:
    """Return settings with what a command line says.

    Args:
        config: Settings of the file.
        tasks: Kinds to ask, by commas; their numbers stay those of the settings.
        seed: Another seed.
        covered: What the data set marks, where the settings do not say.

    Raises:
        ConfigError: If a kind is unknown.

    >>> with_options(ConversationConfig(), tasks="lanes", seed=3, covered=None).tasks
    {'lanes': 1}
    """
    changes: dict[str, Any] = {}
    if tasks is not None:
        names = [name.strip() for name in tasks.split(",")]
        changes["tasks"] = {name: config.tasks.get(name) or KINDS.get(name, 1) for name in names}
    if seed is not None:
        changes["seed"] = seed
    if config.covered is None:
        changes["covered"] = covered
    return _checked(config.model_dump() | changes, "options")


def _checked(values: object, where: str) -> ConversationConfig:
    try:
        return ConversationConfig.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, p['loc']))}: {p['msg']}, got {p['input']!r:.100}"
            for p in error.errors()
        )
        raise ConfigError(f"config must be valid, got {problems} ({where}).") from error
