"""The model card that lies beside a checkpoint."""

from __future__ import annotations

from typing import Any

from .config import TrainingConfig

_HEAD = """# A drivegrid checkpoint

{what}, trained by supervised fine-tuning on {data}.

- Best of {steps} steps: step {step}, by the mean loss on {held_out}.
- Every setting: `config.yaml` of the run; repeated in `training.json`.
- Load it with `drivegrid.Predictor.from_pretrained(FOLDER)`{load}.

| kind of question | share in training | loss on held-out frames |
|---|---|---|
"""


def model_card(config: TrainingConfig, judged: dict[str, Any]) -> str:
    """Return the card of the best checkpoint of a run, as Markdown.

    Args:
        config: Settings of the run.
        judged: The best entry of ``judged.json``: step, mean and losses by kind.
    """
    data, adapter = config.data, config.adapter
    what = f"`{config.full.base}`, trained whole" if config.full else "drivegrid-nano"
    shown = [f"`{one.path}`" for one in data.labelled]
    if data.rendered:
        first, last = data.first_seed, data.first_seed + data.num_scenes - 1
        shown.append(f"rendered scenes (seeds {first:,} to {last:,})")
    head = _HEAD.format(
        what=f"LoRA and spatial rows for `{adapter.base}`" if adapter else what,
        data=" and ".join(shown),
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
