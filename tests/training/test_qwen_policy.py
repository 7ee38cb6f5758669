"""Qwen2.5-VL stand-ins learn by reinforcement: what is shared changes nothing, old rows return."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from accelerate import Accelerator  # noqa: E402
from drivegrid.training.config import AdapterSettings, FullSettings  # noqa: E402
from drivegrid.training.groups import NO_CHOICE, pack, together  # noqa: E402
from drivegrid.training.grpo import train  # noqa: E402
from drivegrid.training.grpo_config import GrpoConfig  # noqa: E402
from drivegrid.training.grpo_loss import log_probabilities  # noqa: E402
from drivegrid.training.learner import Learner  # noqa: E402
from drivegrid.training.qwen_policy import QwenPolicy  # noqa: E402
from drivegrid.training.rollouts import Rollouts  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

from drivegrid.inference.predictor import Predictor  # noqa: E402
from drivegrid.tasks.representation import representation  # noqa: E402
from tests.model.tiny_qwen import make_extended  # noqa: E402
from tests.training.grpo_toy import groups_of, settings  # noqa: E402
from tests.training.test_learner import scored, trained  # noqa: E402
from tests.training.test_qwen_student import labels  # noqa: E402

ANSWERS = ("car: <box><grid_0_1><grid_2_2></box>", "car: <point><grid_1_1></point>")
SIZE = {"size_wh": (56, 56)}


@pytest.fixture(scope="module", params=[True, False], ids=["tied", "untied"])
def base(request, tmp_path_factory):
    return make_extended(tmp_path_factory.mktemp("qwen"), request.param)


def learner_of(base, way, **changes):
    """Return settings of what learns."""
    if way == "adapter":
        return AdapterSettings(base=base, rank=4, alpha=8, **SIZE, **changes)
    return FullSettings(base=base, **SIZE, **changes)


def rollouts_of(base, way, config, *, drift=0.0, **changes) -> Rollouts:
    """Return a policy that samples, moved away from where it began."""
    torch.manual_seed(0)
    policy = QwenPolicy(learner_of(base, way, **changes), config.optim)
    with torch.no_grad():
        for parameter in policy.model.parameters():
            if parameter.requires_grad:
                parameter.add_(drift * torch.randn_like(parameter))
    return Rollouts(
        policy, representation("grid+offset", policy.grid), config.rollout, config.rewards
    )


def packed_logs(rollouts, groups) -> torch.Tensor:
    """Return the log-probabilities of all chosen tokens, as the learner finds them."""
    packed, looked = pack(groups), together([group.looked for group in groups])
    scores = rollouts.policy.scores(rollouts.policy.model, looked, packed)
    legal = torch.from_numpy(rollouts.masks.masks(packed.legal.numpy()))
    return log_probabilities(scores, legal, packed.token, 1.0)[0]


def literal_logs(rollouts, groups) -> torch.Tensor:
    """Return the same from a pass of each answer alone, with the masks of transformers."""
    policy, found = rollouts.policy, []
    for group, said in ((one, said) for one in groups for said in one.answers):
        ids = torch.tensor([[*group.prefix, *said.ids.tolist()]])
        output = policy.model(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            mm_token_type_ids=(ids == policy.processor.image_token_id).long(),
            pixel_values=group.looked["patches"][0],
            image_grid_thw=torch.tensor([policy.processor.grid_thw]),
        )
        for place in np.flatnonzero(said.legal != NO_CHOICE):
            scores = output.logits[0, len(group.prefix) + place - 1]
            legal = torch.from_numpy(rollouts.masks.masks(said.legal[place : place + 1])[0])
            shown = scores[: len(legal)].masked_fill(~legal, -torch.inf)
            found.append(shown.log_softmax(-1)[said.ids[place]])
    return torch.stack(found)


def gradients(rollouts, logs) -> dict[str, torch.Tensor]:
    model = rollouts.policy.model
    model.zero_grad()
    (logs * torch.linspace(-1, 1, len(logs))).sum().backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("way", ["adapter", "full"])
def test_a_shared_prefix_gives_what_one_pass_an_answer_gives(base, way) -> None:
    rollouts = rollouts_of(base, way, settings(), drift=0.02)
    groups = groups_of(rollouts, answers=ANSWERS)
    assert {group.turn for group in groups} == {"grid", "offset"}
    shared, alone = packed_logs(rollouts, groups), literal_logs(rollouts, groups)
    torch.testing.assert_close(shared, alone, rtol=0, atol=1e-5)
    ours, theirs = gradients(rollouts, shared), gradients(rollouts, alone)
    assert ours.keys() == theirs.keys() and ours
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("way", ["adapter", "full"])
def test_the_reference_stays_where_the_policy_began(base, way) -> None:
    config = settings(optim={"learning_rate": 1e-2, "row_learning_rate": 1e-1})
    rollouts = rollouts_of(base, way, config)
    policy = rollouts.policy
    groups = scored(groups_of(rollouts, answers=ANSWERS))
    given = together([group.looked for group in groups]), pack(groups)
    before = policy.reference_scores(*given)
    torch.testing.assert_close(before, policy.scores(policy.model, *given), rtol=0, atol=1e-6)
    learner = Learner(policy, config, Accelerator(cpu=True), rollouts.masks)
    cells = torch.tensor(list(policy.processor.vocabulary.cell_range))
    rows = policy.base.get_input_embeddings()(cells).detach()
    first, second = learner.learn(groups), learner.learn(groups)
    assert first.kl == pytest.approx(0, abs=1e-9)
    assert second.kl > 1e-5
    moved = policy.base.get_input_embeddings()(cells)
    assert (moved - rows).abs().max() > 1e-3
    assert torch.equal(policy.reference_scores(*given), before)


@pytest.mark.parametrize("way", ["adapter", "full"])
def test_recomputed_activations_give_the_same_gradients(base, way) -> None:
    """Also after sampling, which leaves a model in evaluation mode: there nothing is recomputed."""
    config, found = settings(), []
    for checkpointing in (False, True):
        rollouts = rollouts_of(base, way, config, drift=0.02, checkpointing=checkpointing)
        groups, passes = scored(groups_of(rollouts, answers=ANSWERS)), []
        layer = rollouts.policy.base.model.language_model.layers[0].mlp
        layer.register_forward_pre_hook(
            lambda *_, passes=passes: passes.append(torch.is_grad_enabled())
        )
        _, grads = trained(rollouts, groups, config)
        found.append((sum(passes), grads))
    (plain, ours), (recomputed, theirs) = found
    assert recomputed > plain
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("way", ["adapter", "full"])
@pytest.mark.parametrize("stage", ["1", "2", "joint"])
def test_a_run_leaves_a_checkpoint_that_predicts(base, tmp_path, way, stage) -> None:
    data = labels(tmp_path / "data", 4)
    config = GrpoConfig.model_validate(
        {
            way: learner_of(base, way).model_dump(mode="json"),
            "data": {
                "labelled": [{"path": data}], "rendered": 0, "held_out": data, "workers": 0,
                "tasks": {"objects": 1, "object_query": 1},
            },
            "rollout": {"questions": 2, "group": 3, "most_tokens": 24, "on_policy": 0.3},
            "optim": {
                "steps": 2, "judge_every": 2, "save_every": 1, "judged": 2, "threads": 1,
                "learning_rate": 1e-3,
            },
        }
    )  # fmt: skip
    folder = train(config, stage, tmp_path / "run")
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in log] == [1, 2]
    if stage == "2":
        assert any(line["grad_norm"] for line in log)
    learnt = {"adapter": ("lora_", "trainable_tokens_"), "full": ("",)}[way]
    saved = [load_file(path) for path in (tmp_path / "run").glob("steps/*/*.safetensors")]
    assert all(any(part in name for part in learnt) for found in saved for name in found)
    assert len(saved) == 2  # what learns, and its average
    predictor = Predictor.from_pretrained(folder, base if way == "adapter" else None)
    image = np.zeros((56, 56, 3), np.uint8)
    predictor.encode(image)
    resumed = config.model_copy(update={"optim": config.optim.model_copy(update={"steps": 3})})
    train(resumed, stage, tmp_path / "run", resume=True)
