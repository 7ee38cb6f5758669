"""The losses: tokens whose neighbouring cells are nearly right, and what each cell shows."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from drivegrid.tokens.grid import GridSpec, offset_vectors


def spatial_cross_entropy(
    logits: Tensor, targets: Tensor, grid: GridSpec, base_id: int, sigma: float
) -> Tensor:
    """Return (N,) cross-entropies with Gaussian targets over the 3 x 3 cells around a cell.

    Args:
        logits: (N, V) fp32.
        targets: (N,) token ids.
        grid: Lattice.
        base_id: Id of ``<grid_0_0>``.
        sigma: Spread in cells; 0 gives one-hot targets. Other tokens are always one-hot.
    """
    cell = targets - base_id
    is_grid = (cell >= 0) & (cell < grid.num_cells)
    if sigma == 0 or not bool(is_grid.any()):
        return F.cross_entropy(logits, targets, reduction="none")
    log_p = logits.log_softmax(dim=-1)
    plain = -log_p.gather(1, targets[:, None]).squeeze(1)
    moves = torch.tensor(offset_vectors(), device=targets.device)
    col = cell[is_grid, None] % grid.cols + moves[:, 0]
    row = cell[is_grid, None] // grid.cols + moves[:, 1]
    inside = (col >= 0) & (col < grid.cols) & (row >= 0) & (row < grid.rows)
    weight = torch.exp(-(moves**2).sum(1) / (2 * sigma**2)) * inside
    weight = weight / weight.sum(1, keepdim=True)
    neighbour = (base_id + row * grid.cols + col).where(inside, targets[is_grid, None])
    soft = -(log_p[is_grid].gather(1, neighbour) * weight).sum(1)
    return plain.masked_scatter(is_grid, soft)


RARE = 8.0
"""Weight of a cell that shows something against one that does not; most cells show nothing."""


def cell_loss(scores: Tensor, planes: Tensor) -> Tensor:
    """Return the binary cross-entropy of what each cell shows, summed over classes.

    Args:
        scores: (B, num_cells, K) logits.
        planes: (B, K, rows, cols) 0 or 1.
    """
    truth = planes.flatten(2).transpose(1, 2).to(scores.dtype)
    weight = torch.full((), RARE, device=scores.device)
    loss = F.binary_cross_entropy_with_logits(scores, truth, pos_weight=weight)
    return loss * scores.shape[-1]
