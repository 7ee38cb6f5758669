import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from drivegrid.training.grpo_config import LossConfig  # noqa: E402
from drivegrid.training.grpo_loss import (  # noqa: E402
    Scale,
    Totals,
    log_probabilities,
    normalised,
    objective,
)

LN2 = math.log(2)


def test_rewards_are_normalised_within_their_group() -> None:
    # Mean 2, sample deviation 1.
    np.testing.assert_allclose(normalised(np.array([1.0, 2.0, 3.0]), divide=True), [-1, 0, 1], 1e-3)
    assert normalised(np.array([1.0, 2.0, 3.0]), divide=False).tolist() == [-1, 0, 1]
    assert not normalised(np.ones(4), divide=True).any()


def test_only_legal_tokens_share_the_probability() -> None:
    scores = torch.tensor([[0.0, LN2, 5.0], [1.0, 1.0, 1.0]])
    legal = torch.tensor([[True, True, False], [True, True, True]])
    logs, entropy = log_probabilities(scores, legal, torch.tensor([1, 2]), 1.0)
    np.testing.assert_allclose(logs.exp(), [2 / 3, 1 / 3], rtol=1e-6)
    spread = -(2 / 3 * math.log(2 / 3) + 1 / 3 * math.log(1 / 3))
    np.testing.assert_allclose(entropy, [spread, math.log(3)], rtol=1e-5)


def test_temperature_divides_the_scores() -> None:
    scores, legal = torch.tensor([[0.0, LN2]]), torch.ones(1, 2, dtype=torch.bool)
    logs, _ = log_probabilities(scores, legal, torch.tensor([1]), 0.5)
    assert logs.exp().item() == pytest.approx(0.8)  # 4 / (1 + 4)


# Two answers of 1 and 3 tokens, advantages 1 and -1; every token twice as likely as when drawn.
@pytest.mark.parametrize(
    ("variant", "loss"),
    [
        # Cut to 1.2 where that is less: -1.2 for the first, +2 for each of the second's.
        ("grpo", (-1.2 + (2 + 2 + 2) / 3) / 2),
        ("dapo", (-1.2 + 2 + 2 + 2) / 4),
        ("dr-grpo", (-1.2 + 2 + 2 + 2) / (2 * 10)),
    ],
)
def test_the_variants_sum_up_differently(variant, loss) -> None:
    old = torch.full((4,), -2.0)
    found = objective(
        old + LN2,
        old,
        None,
        torch.tensor([1.0, -1.0, -1.0, -1.0]),
        torch.tensor([0, 1, 1, 1]),
        Scale(LossConfig(variant=variant), Totals(2, 4), 10),
    )
    assert found.loss.item() == pytest.approx(loss, rel=1e-5)
    assert (found.clipped.item(), found.kl.item()) == (1, 0)


def test_kl_is_the_k3_estimate() -> None:
    new = torch.tensor([-1.0, -1.0])
    reference = torch.tensor([-1.0 + LN2, -1.0])
    scale = Scale(LossConfig(kl=0.5), Totals(2, 2), 10)
    found = objective(new, new, reference, torch.zeros(2), torch.tensor([0, 1]), scale)
    k3 = 2 - LN2 - 1
    assert found.kl.item() == pytest.approx(k3, rel=1e-5)
    assert found.loss.item() == pytest.approx(0.5 * k3 / 2, rel=1e-5)
