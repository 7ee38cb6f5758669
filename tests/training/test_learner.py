import copy
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from accelerate import Accelerator  # noqa: E402
from drivegrid.training.grpo_loss import advantages, token_advantages, totals_of  # noqa: E402
from drivegrid.training.learner import Learner, Learnt, teaches  # noqa: E402
from drivegrid.training.rewards import Rewards  # noqa: E402

from drivegrid.errors import ModelError  # noqa: E402
from tests.training.grpo_toy import groups_of, sampler, settings  # noqa: E402
from tests.training.literal_grpo import literal_loss  # noqa: E402


def scored(groups, seed=0):
    """Give every answer another reward, and every anchor of a refinement another credit."""
    rng = np.random.default_rng(seed)
    return [replace(group, rewards=_rewards(group, rng)) for group in groups]


def _rewards(group, rng) -> Rewards:
    total = rng.normal(size=len(group.answers))
    if group.turn == "grid":
        return Rewards({}, total)
    return Rewards({}, total, rng.normal(size=(len(total), group.answers[0].num_chosen)))


def drifted(toy, by=0.05):
    """Return a toy model and itself a little later: a policy that has left its reference."""
    model, processor = toy
    model = copy.deepcopy(model)
    with torch.no_grad():
        generator = torch.Generator().manual_seed(7)
        for parameter in model.parameters():
            parameter.add_(by * torch.randn(parameter.shape, generator=generator) * 0.1)
    return model, processor


def trained(rollouts, groups, config):
    """Return what one step of learning tells and the gradients it took; nothing is changed."""
    model = rollouts.policy.model
    before = copy.deepcopy(model.state_dict())
    learner = Learner(rollouts.policy, config, Accelerator(cpu=True), rollouts.masks)
    grads = {}

    def keep(*_):
        named = model.named_parameters()
        grads.update({name: p.grad.clone() for name, p in named if p.grad is not None})

    learner.optimizer.optimizer.register_step_pre_hook(keep)
    told = learner.learn(groups)
    model.load_state_dict(before)
    return told, grads


@pytest.mark.parametrize("variant", ["grpo", "dr-grpo", "dapo"])
@pytest.mark.parametrize("temperature", [1.0, 0.7])
@pytest.mark.parametrize("credit", ["answer", "anchor"])
def test_loss_and_gradients_equal_a_literal_grpo(toy, variant, temperature, credit) -> None:
    """Also: a prefix that is shared gives the gradients of one that is not."""
    config = settings(
        loss={"variant": variant, "kl": 0.1, "credit": credit},
        rollout={"temperature": temperature},
        optim={"max_grad_norm": 1e9},
    )
    rollouts = sampler(drifted(toy), config)
    rollouts.policy.reference = copy.deepcopy(toy[0]).requires_grad_(False)
    groups = scored(groups_of(rollouts))
    assert {group.turn for group in groups} == {"grid", "offset"}
    learnt, grads = trained(rollouts, groups, config)
    model = rollouts.policy.model
    model.zero_grad()
    loss = literal_loss(rollouts.policy, model, groups, rollouts.masks, config)
    loss.backward()
    assert learnt.loss == pytest.approx(loss.item(), abs=1e-5)
    wanted = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    assert grads.keys() == wanted.keys()
    for name, gradient in wanted.items():
        torch.testing.assert_close(grads[name], gradient, rtol=1e-4, atol=1e-5)


def test_groups_of_even_rewards_are_dropped(toy) -> None:
    config = settings()
    rollouts = sampler(drifted(toy), config)
    uneven = scored(groups_of(rollouts))
    even = [replace(g, rewards=Rewards({}, np.ones(len(g.answers)))) for g in uneven]
    told = [teaches(group, config.loss) for group in [*uneven, *even]]
    assert told == [True] * 4 + [False] * 4
    _, alone = trained(rollouts, uneven, config)
    _, mixed = trained(rollouts, [*even, *uneven], config)
    for name, gradient in alone.items():
        torch.testing.assert_close(mixed[name], gradient, rtol=1e-4, atol=1e-6)
    told, grads = trained(rollouts, even, config)
    assert told == Learnt() and not grads


def test_kl_is_nothing_before_the_first_update_and_grows_after_it(toy) -> None:
    config = settings(optim={"learning_rate": 1e-2})
    rollouts = sampler(drifted(toy), config)
    groups = scored(groups_of(rollouts))
    learner = Learner(rollouts.policy, config, Accelerator(cpu=True), rollouts.masks)
    first, second = (learner.learn(groups) for _ in range(2))
    assert first.kl == pytest.approx(0, abs=1e-9)
    assert second.kl > 1e-6


def test_a_second_look_at_the_same_answers_is_clipped(toy) -> None:
    config = settings(optim={"learning_rate": 3e-2, "epochs": 3})
    rollouts = sampler(drifted(toy), config)
    learner = Learner(rollouts.policy, config, Accelerator(cpu=True), rollouts.masks)
    assert learner.learn(scored(groups_of(rollouts))).clipped > 0


@pytest.mark.parametrize("at_once", [1, 3, 8])
def test_how_many_groups_go_together_changes_nothing(toy, at_once) -> None:
    config = settings(optim={"rows_at_once": at_once})
    rollouts = sampler(drifted(toy), config)
    _, grads = trained(rollouts, scored(groups_of(rollouts)), config)
    whole = settings(optim={"rows_at_once": 4})
    _, wanted = trained(rollouts, scored(groups_of(rollouts)), whole)
    for name, gradient in wanted.items():
        torch.testing.assert_close(grads[name], gradient, rtol=1e-4, atol=1e-6)


def test_a_loss_that_is_no_number_stops_the_run(toy) -> None:
    config = settings()
    rollouts = sampler(drifted(toy), config)
    groups = scored(groups_of(rollouts))
    model = rollouts.policy.model
    with torch.no_grad():
        model.norm.weight.fill_(torch.nan)
    before = model.embedding.weight.clone()
    learner = Learner(rollouts.policy, config, Accelerator(cpu=True), rollouts.masks)
    with pytest.raises(ModelError, match="loss must be finite"):
        learner.learn(groups)
    assert torch.equal(before, model.embedding.weight)


def test_components_may_be_normalised_by_themselves(toy) -> None:
    """Two rewards that add up to the same for all still teach what each of them says."""
    config = settings(loss={"advantage": "component"})
    rollouts = sampler(toy, config)
    [group, *_] = groups_of(rollouts)
    parts = {"box": np.array([0.0, 1.0, 0.0, 1.0]), "format": np.array([1.0, 0.0, 1.0, 0.0]) * 3}
    group = replace(group, rewards=Rewards(parts, sum(parts.values())))
    found = advantages(group, config.loss, {"box": 1.0, "format": 2.0})
    unit = 0.5 / (np.std([0, 1, 0, 1], ddof=1))
    np.testing.assert_allclose(found, unit * np.array([1, -1, 1, -1]), rtol=1e-3)


def test_an_anchor_is_credited_with_its_own_worth(toy) -> None:
    """Two answers of the same total: each is right about another corner."""
    config = settings(loss={"credit": "anchor"})
    rollouts = sampler(toy, config)
    group, _ = groups_of(rollouts, turns=("offset",))
    own = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    even = replace(group, rewards=Rewards({}, np.ones(4), own))
    assert teaches(even, config.loss) and not teaches(even, settings().loss)
    found = token_advantages(even, config.loss, {}).reshape(4, 2)
    unit = 0.5 / np.std([0, 1, 0, 1], ddof=1)
    np.testing.assert_allclose(found, np.where(own, unit, -unit), rtol=1e-3)


def test_credits_are_the_total_with_ones_own_worth(toy) -> None:
    """Their mean over the anchors of an item is the total again."""
    rollouts = sampler(toy, settings())
    for group in groups_of(rollouts, turns=("offset",)):
        credits = group.rewards.credits
        assert credits.shape == (4, group.answers[0].num_chosen)
        np.testing.assert_allclose(credits.mean(axis=1), group.rewards.total)


def test_totals_count_what_was_chosen(toy) -> None:
    rollouts = sampler(toy, settings())
    groups = groups_of(rollouts, turns=("offset",))
    # A box has two corners to move, a point one; four answers each.
    assert vars_of(totals_of(groups)) == (8, 4 * 2 + 4 * 1)


def vars_of(totals):
    return totals.answers, totals.tokens
