"""The model card that lies beside a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .config import SourcesConfig, TrainingConfig
from .grpo_config import GrpoConfig, Stage

_HEAD = """# A drivegrid checkpoint

{what}, trained by supervised fine-tuning on {data}.

- Best of {steps} steps: step {step}, by the mean loss on {held_out}.
- Every setting: `config.yaml` of the run; repeated in `training.json`.
- Load it with `drivegrid.Predictor.from_pretrained(FOLDER)`{load}.

| kind of question | share in training | loss on held-out frames |
|---|---|---|
"""


_GRPO = """# A drivegrid checkpoint

{base}, trained by reinforcement learning (GRPO), {stage}, with the rewards `{rewards}`, on {data}.

- {best} of {steps:,} steps, chosen by the likeliest answers to {judged:,} held-out questions:
  reward {before:.3f} before the first step, {after:.3f} here.
- Confidences were calibrated for the weights it began with; calibrate anew with
  `drivegrid eval-model FOLDER --data DATA --calibrate`.
- Every setting: `config.yaml` of the run; repeated in `training.json`.
- Load it with `drivegrid.Predictor.from_pretrained(FOLDER)`{load}.

| turn and component | before | here |
|---|---|---|
"""
_STAGES = {
    "1": "stage 1 (grid tokens)",
    "2": "stage 2 (offset tokens)",
    "joint": "both stages as a tree",
}


def model_card(config: TrainingConfig, judged: dict[str, Any]) -> str:
    """Return the card of the best checkpoint of a run, as Markdown.

    Args:
        config: Settings of the run.
        judged: The best entry of ``judged.json``: step, mean and losses by kind.
    """
    data, adapter = config.data, config.adapter
    what = f"`{config.full.base}`, trained whole" if config.full else "drivegrid-nano"
    head = _HEAD.format(
        what=f"LoRA and spatial rows for `{adapter.base}`" if adapter else what,
        data=_pictures(data),
        steps=f"{config.optim.steps:,}",
        step=f"{judged['step']:,}",
        held_out=f"`{data.held_out}`" if data.held_out else "rendered validation scenes",
        load=", merged with `drivegrid model merge` first" if adapter else "",
    )
    total = sum(data.tasks.values())
    shares = {kind: f"{100 * weight / total:.0f} %" for kind, weight in data.tasks.items()}
    rows = [
        f"| {kind} | {shares.get(kind, f'{100 * data.refine:.0f} % of answers')} | {loss:.3f} |"
        for kind, loss in judged["losses"].items()
    ]
    return head + "\n".join(rows) + "\n"


def grpo_card(
    config: GrpoConfig, stage: Stage, first: Mapping[str, Any], best: Mapping[str, Any]
) -> str:
    """Return the card of the best checkpoint of a run of reinforcement learning, as Markdown.

    Args:
        config: Settings of the run.
        stage: What was learnt.
        first: The entry of ``judged.json`` before the first step.
        best: The best entry: step, mean, and rewards by turn and component.
    """
    step = best["step"]
    head = _GRPO.format(
        base=_learner(config),
        stage=_STAGES[stage],
        rewards=", ".join(f"{name} {weight:g}" for name, weight in _weights(config, stage)),
        data=_pictures(config.data),
        best=f"Step {step:,}" if step else "Before the first",
        steps=config.optim.steps,
        judged=config.optim.judged,
        before=first["mean"],
        after=best["mean"],
        load=", merged with `drivegrid model merge` first" if config.adapter else "",
    )
    known = first.keys() & best.keys() - {"step", "mean", "likeliest", "sampled"}
    rows = [f"| {name} | {first[name]:.3f} | {best[name]:.3f} |" for name in sorted(known)]
    return head + "\n".join(rows) + "\n"


def _learner(config: GrpoConfig) -> str:
    if config.adapter:
        return f"LoRA for `{config.adapter.base}`"
    return f"`{config.full.base if config.full else config.init_from}`"


def _weights(config: GrpoConfig, stage: Stage) -> list[tuple[str, float]]:
    rewards = config.rewards
    found = {} if stage == "2" else dict(rewards.weights)
    if stage != "1":
        found |= {f"{name} of offsets": value for name, value in rewards.offset_weights.items()}
    return [(name, value) for name, value in found.items() if value]


def _pictures(data: SourcesConfig) -> str:
    """Return in words what was learnt from."""
    shown = [f"`{one.path}`" for one in data.labelled]
    if data.rendered:
        first, last = data.first_seed, data.first_seed + data.num_scenes - 1
        shown.append(f"rendered scenes (seeds {first:,} to {last:,})")
    return " and ".join(shown)
