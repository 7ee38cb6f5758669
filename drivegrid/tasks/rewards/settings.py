"""Constants and weights of the rewards; each says where in GETok it stands, or why it is ours."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, field_validator

from drivegrid.errors import ConfigError
from drivegrid.metrics.points import RADIUS_PX
from drivegrid.tasks.settings import GIVEN_BY

PROPOSAL_COMPONENTS = (
    "format", "non_repeat", "mask", "box", "critical_points",
    "point", "line", "polygon", "mask_words", "attributes", "words", "no_target",
)  # fmt: skip
OFFSET_COMPONENTS = (
    "format", "point_refinement", "box_gain", "mask_gain", "anchor_refinement", "gain",
)  # fmt: skip

Regions: TypeAlias = Literal["poly", "seg"]


def _paper(default: Any, where: str, **limits: Any) -> Any:
    return Field(default, description=where, json_schema_extra={GIVEN_BY: "paper"}, **limits)


def _ours(default: Any, why: str, **limits: Any) -> Any:
    return Field(default, description=why, json_schema_extra={GIVEN_BY: "ours"}, **limits)


class RewardSettings(BaseModel):
    """What is rewarded, and how much. A component without a weight is told but not summed."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    weights: dict[str, float] = _ours({}, "by component of a proposal; the paper has none")
    offset_weights: dict[str, float] = _ours({}, "by component of a refinement; likewise")
    thinks: bool = _paper(
        False, "section 3.3.1: `format` wants <think> and <answer>; without it both are allowed"
    )
    regions: Regions = _ours(
        "poly", "how regions are answered: by outline, or by a box and mask anchors (the paper)"
    )
    frame_px: float = _paper(840, "C.1: boxes are measured in a frame of 840 x 840", gt=0)
    l1_px: float = _paper(18, "C.3, eq. 8: tau, at which the mean corner distance scores 0", gt=0)
    hit_weight: float = _paper(0.6, "C.3, eq. 10: w_H", ge=0)
    spread_weight: float = _paper(0.4, "C.3, eq. 10: w_spr", ge=0)
    anchor_price: float = _paper(0.02, "C.3, eq. 10: lambda_m", ge=0)
    spacing: float = _paper(0.3, "C.3, eq. 11: rho_s, of the root of the mask's area", gt=0)
    saturation: float = _paper(5.0, "section 3.3.1: m_0", gt=0)
    point_radius_px: float = _ours(RADIUS_PX, "a hit without a true box, as in the metric", ge=0)
    point_reach: float = _ours(
        0.1, "share of the frame's width from a hit at which a point is worth nothing", gt=0
    )
    lane_bonus: float = _ours(
        0.5, "worth of IoU > .5 itself, which is all that the metric counts", ge=0, le=1
    )
    surplus_price: float = _ours(0.02, "of an anchor that the true line does not need", ge=0)
    most_surplus: float = _ours(0.2, "most that surplus anchors cost", ge=0, le=1)
    stay: float = _paper(1.0, "C.3, eq. 13: staying inside pays as much as entering", ge=0, le=1)
    deletion: float = _ours(
        1.0, "worth of deleting a shape that belongs to nothing; one that does costs 1", ge=0, le=1
    )
    margin: float = _ours(
        0.1, "steps by which an anchor must come nearer to have been mended", ge=0
    )

    @property
    def weighs_masks(self) -> bool:
        """Whether a mask decoder is needed."""
        return self.weights.get("mask", 0.0) > 0 or self.offset_weights.get("mask_gain", 0.0) > 0

    @field_validator("weights", "offset_weights")
    @classmethod
    def _known(cls, weights: dict[str, float], info: Any) -> dict[str, float]:
        known = PROPOSAL_COMPONENTS if info.field_name == "weights" else OFFSET_COMPONENTS
        if not set(weights) <= set(known) or min(weights.values(), default=0) < 0:
            raise ValueError(f"weights must be of {', '.join(known)}, none below 0")
        return weights


_SHAPES = dict.fromkeys(("box", "critical_points", "point", "line", "polygon", "mask_words"), 1.0)
_OURS = {"format": 0.5, "non_repeat": 0.5, "attributes": 1.0, "words": 2.0, "no_target": 2.0}
PRESETS: Mapping[str, RewardSettings] = MappingProxyType(
    {
        # Weights are not stated; figure M adds components up as they are. Of lines, points,
        # outlines and words the paper says nothing: they weigh what its boxes do. So do the two
        # components of ours that refine them; boxes, which they see too, have `box_gain` besides.
        "paper": RewardSettings(
            weights=dict.fromkeys(PROPOSAL_COMPONENTS, 1.0),
            offset_weights=dict.fromkeys(OFFSET_COMPONENTS, 1.0),
            thinks=True,
            regions="seg",
        ),
        # Form is learnt within a few steps; then it must not drown the geometry.
        "no-decoder": RewardSettings(
            weights={**_OURS, **dict.fromkeys(_SHAPES, 2.0)},
            offset_weights={
                "format": 0.5, "point_refinement": 1.0, "anchor_refinement": 1.0, "gain": 2.0
            },
            stay=0.25,
            deletion=0.5,
        ),
        "lanes": RewardSettings(
            weights={**_OURS, **dict.fromkeys(_SHAPES, 2.0), "line": 3.0},
            offset_weights={
                "format": 0.5, "point_refinement": 1.0, "anchor_refinement": 0.5, "gain": 3.0
            },
            stay=0.25,
            deletion=0.5,
        ),
    }
)  # fmt: skip
"""``paper``: the paper's components and constants, with a mask decoder. ``no-decoder``: geometry
only. ``lanes``: likewise, for lane lines; the overlap of the whole line counts most."""


def preset(name: str) -> RewardSettings:
    """Return packaged settings.

    Raises:
        ConfigError: If there are none of that name.
    """
    if name not in PRESETS:
        raise ConfigError(f"rewards must be one of {sorted(PRESETS)}, got {name!r}.")
    return PRESETS[name]
