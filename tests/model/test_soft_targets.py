import numpy as np
import pytest

torch = pytest.importorskip("torch")

from drivegrid.model.soft_targets import RARE, cell_loss, spatial_cross_entropy  # noqa: E402
from drivegrid.tokens.grid import GridSpec  # noqa: E402

GRID = GridSpec(cols=4, rows=3)
BASE, VOCAB = 5, 20


def oracle(logits: "torch.Tensor", targets: "torch.Tensor", sigma: float) -> float:
    """Literal double loop over targets and cells."""
    total = 0.0
    for row, target in zip(logits.double().numpy(), targets.tolist(), strict=True):
        log_p = row - np.log(np.exp(row).sum())
        cell = target - BASE
        if not 0 <= cell < GRID.num_cells:
            total -= log_p[target]
            continue
        weights = {}
        for x in range(GRID.cols):
            for y in range(GRID.rows):
                dx, dy = x - cell % GRID.cols, y - cell // GRID.cols
                if max(abs(dx), abs(dy)) <= 1:
                    weights[BASE + y * GRID.cols + x] = np.exp(-(dx**2 + dy**2) / (2 * sigma**2))
        norm = sum(weights.values())
        total -= sum(w / norm * log_p[i] for i, w in weights.items())
    return total / len(targets)


@pytest.mark.parametrize("targets", [[0], [5], [16], [10, 3, 17], [9, 8, 5, 1]])
def test_equals_the_literal_definition(targets: list[int]) -> None:
    torch.manual_seed(0)
    logits = torch.randn(len(targets), VOCAB)
    ids = torch.tensor(targets)
    loss = spatial_cross_entropy(logits, ids, GRID, BASE, 0.6)
    assert loss.shape == (len(targets),)
    assert float(loss.mean()) == pytest.approx(oracle(logits, ids, 0.6), abs=1e-5)


def test_sigma_zero_is_plain_cross_entropy() -> None:
    logits, ids = torch.randn(3, VOCAB), torch.tensor([5, 1, 9])
    plain = torch.nn.functional.cross_entropy(logits, ids, reduction="none")
    assert torch.equal(spatial_cross_entropy(logits, ids, GRID, BASE, 0.0), plain)


def test_no_targets_give_a_zero_that_can_be_derived() -> None:
    logits = torch.randn(0, VOCAB, requires_grad=True)
    empty = torch.zeros(0, dtype=torch.long)
    loss = spatial_cross_entropy(logits, empty, GRID, BASE, 0.6).sum()
    loss.backward()
    assert loss.item() == 0.0


def test_cell_loss_is_its_literal_definition() -> None:
    torch.manual_seed(0)
    scores, planes = torch.randn(2, GRID.num_cells, 3), torch.rand(2, 3, 3, 4) < 0.2
    total = 0.0
    for b in range(2):
        for k in range(3):
            for y in range(GRID.rows):
                for x in range(GRID.cols):
                    p = 1 / (1 + np.exp(-float(scores[b, y * GRID.cols + x, k])))
                    total -= RARE * np.log(p) if planes[b, k, y, x] else np.log(1 - p)
    expected = total / (2 * GRID.num_cells)
    assert float(cell_loss(scores, planes)) == pytest.approx(expected, rel=1e-5)
