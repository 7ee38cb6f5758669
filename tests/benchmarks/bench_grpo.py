"""What sharing the question saves: learning from a group, and sampling it.

Run: python -m tests.benchmarks.bench_grpo [--threads N]

The packaged nano, and a random Qwen2.5-VL of moderate size. Gradients of
both ways are compared: they are the same loss.
"""

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from drivegrid.training.config import AdapterSettings
from drivegrid.training.groups import Said, alone, pack, together
from drivegrid.training.grpo_config import GrpoConfig
from drivegrid.training.grpo_loss import log_probabilities
from drivegrid.training.policy import NanoPolicy
from drivegrid.training.qwen_policy import QwenPolicy
from drivegrid.training.rollouts import Asked, Rollouts

from drivegrid.model.checkpoint import load_nano, shipped_checkpoint
from drivegrid.model.extend import extend_checkpoint
from drivegrid.tasks.representation import representation
from drivegrid.tokens.grid import GridSpec
from tests.model import tiny_qwen
from tests.training.grpo_toy import groups_of, question

GROUP, LENGTH, REPEATS = 8, 64, 3
CELLS = "car: <box><grid_3_9><grid_8_14></box>"


def moderate_qwen(folder: Path) -> Path:
    """Write a random, extended Qwen2.5-VL of 25 M parameters."""
    config = tiny_qwen.make_config(tied=True)
    text, vision = config.text_config, config.vision_config
    text.hidden_size, text.intermediate_size, text.num_hidden_layers = 384, 1536, 8
    text.num_attention_heads, text.num_key_value_heads = 6, 2
    text.rope_parameters["mrope_section"] = [8, 12, 12]
    text.layer_types = text.layer_types[:1] * 8
    vision.hidden_size, vision.intermediate_size, vision.num_heads = 192, 512, 4
    vision.depth, vision.out_hidden_size = 4, 384
    torch.manual_seed(0)
    model = tiny_qwen.Qwen2_5_VLForConditionalGeneration(config)
    model.save_pretrained(folder / "plain")
    tiny_qwen.make_tokenizer().save_pretrained(folder / "plain")
    extend_checkpoint(folder / "plain", folder / "base", GridSpec())
    return folder / "base"


def samplers(folder: Path):
    """Yield name and sampler of each model."""
    config = GrpoConfig.model_validate({"rollout": {"group": GROUP, "most_tokens": LENGTH}})
    nano = NanoPolicy(*load_nano(shipped_checkpoint()), config.optim, cached=False)
    policies = [("nano", nano)]
    base = moderate_qwen(folder)
    for size_wh in ((448, 252), (896, 896)):  # a small picture, and that of the packaged configs
        settings = AdapterSettings(base=base, size_wh=size_wh, checkpointing=False)
        policies.append((f"qwen at {size_wh}", QwenPolicy(settings, config.optim)))
    for name, policy in policies:
        way = representation("grid+offset", policy.grid)
        yield name, Rollouts(policy, way, config.rollout, config.rewards)


def learnt(rollouts, groups) -> tuple[float, dict[str, torch.Tensor]]:
    """Return seconds of going forth and back, the least of some, and the gradients."""
    policy, seconds = rollouts.policy, []
    model = policy.model.train()
    packed, looked = pack(groups), together([group.looked for group in groups])
    legal = torch.from_numpy(rollouts.masks.masks(packed.legal.numpy()))
    for _ in range(REPEATS):
        model.zero_grad()
        started = time.perf_counter()
        scores = policy.scores(model, looked, packed)
        logs, _ = log_probabilities(scores, legal, packed.token, 1.0)
        (logs * torch.linspace(-1, 1, len(logs))).mean().backward()
        seconds.append(time.perf_counter() - started)
    named = model.named_parameters()
    return min(seconds), {n: p.grad.clone() for n, p in named if p.grad is not None}


def sampled(rollouts, copies: int, times: int) -> tuple[float, int]:
    """Return answers a second of one question, and tokens of all of them."""
    asked = Asked([question(0, CELLS, rollouts.policy.grid)], {})
    looked = rollouts.policy.look([asked.questions[0].visual])
    asked = Asked(asked.questions, looked)
    started, tokens = time.perf_counter(), 0
    for number in range(times):
        [group] = rollouts.answers(asked, [np.random.default_rng(number)], copies, 1.0)
        tokens += sum(len(sample.ids) for sample in group)
    return copies * times / (time.perf_counter() - started), tokens


def alike(rollouts):
    """Return a group whose answers are cells by chance, of one length."""
    [group] = groups_of(rollouts, turns=("grid",), answers=(CELLS,))
    cells = rollouts.policy.processor.vocabulary.cell_range
    legal = np.zeros(rollouts.masks.size, dtype=np.bool_)
    legal[list(cells)] = True
    chosen = np.full(LENGTH, rollouts.masks.place(legal))
    ids = np.random.default_rng(0).integers(cells.start, cells.stop, (GROUP, LENGTH))
    return replace(group, answers=[Said(row, chosen) for row in ids])


def main() -> None:
    """Print a line of learning and one of sampling for each model."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=1)
    torch.set_num_threads(parser.parse_args().threads)
    with tempfile.TemporaryDirectory() as folder:
        for name, rollouts in samplers(Path(folder)):
            group = alike(rollouts)
            one, ours = learnt(rollouts, [group])
            each, theirs = learnt(rollouts, alone(group))
            gap = max(float((ours[n] - theirs[n]).abs().max()) for n in theirs)
            largest = max(float(g.abs().max()) for g in theirs.values())
            print(
                f"{name}: prefix {len(group.prefix)}, {GROUP} answers of {LENGTH} tokens: learning "
                f"{one:.2f} s shared, {each:.2f} s unshared, {each / one:.1f} times; gradients "
                f"differ by {gap:.1e} at most, the largest is {largest:.1e}"
            )
            beside, tokens = sampled(rollouts, GROUP, 1)
            single, others = sampled(rollouts, 1, GROUP)
            print(
                f"{name}: {beside:.2f} answers a second in a group ({tokens} tokens), "
                f"{single:.2f} one by one ({others} tokens), {beside / single:.1f} times"
            )


if __name__ == "__main__":
    main()
