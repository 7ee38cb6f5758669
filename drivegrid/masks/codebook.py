"""Vector quantisation: vectors become the nearest of a few codes, which follow by running averages.

Van den Oord et al., "Neural Discrete Representation Learning" (NeurIPS 2017), appendix A.1: codes
are no parameters but the mean of the vectors that chose them, over the last steps. The gradient
past the quantisation (straight-through) is the caller's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Quantised: TypeAlias = tuple[Tensor, Tensor]
SMOOTHING = 1e-5
"""Added to the use of every code, so that none is divided by 0."""
CHUNK = 16_384
"""Vectors that are compared with all codes at a time, to bound the memory."""


class Codebook(nn.Module):
    """Codes that follow the vectors they stand for; they start as vectors of the first batch.

    In training mode each call is a step of the running averages; in eval mode nothing changes.
    A code that is hardly chosen any more starts again as a vector of the batch.

    Args:
        num_codes: How many codes.
        dim: Numbers in a code.
        decay: Share of the averages that each step keeps.
        rare: A code whose average use is below this share of an even one starts again.
        on_sphere: Codes and vectors are compared, and given back, at length 1.
    """

    codes: Tensor
    sizes: Tensor
    sums: Tensor
    started: Tensor

    def __init__(
        self,
        num_codes: int,
        dim: int,
        decay: float = 0.99,
        rare: float = 0.1,
        on_sphere: bool = False,
    ) -> None:
        super().__init__()
        self.decay, self.rare, self.on_sphere = decay, rare, on_sphere
        self.register_buffer("codes", torch.zeros(num_codes, dim))
        self.register_buffer("sizes", torch.ones(num_codes))
        self.register_buffer("sums", torch.zeros(num_codes, dim))
        self.register_buffer("started", torch.tensor(False))

    def forward(self, vectors: Tensor) -> Quantised:
        """Return the nearest code of each vector; in training mode codes follow afterwards.

        Args:
            vectors: (N, d).

        Returns:
            (N,) code numbers and (N, d) float32 the codes themselves, without gradient.
        """
        # Distances in half precision would choose other codes.
        with torch.no_grad(), torch.autocast(vectors.device.type, enabled=False):
            found = self._placed(vectors.detach().float())
            first = self.training and len(found) > 0 and not self.started
            if first:
                self._start(found)
            numbers = self._nearest(found)
            quantised = self.lookup(numbers)
            if self.training and len(found):
                self._follow(found, numbers)
                if not first:
                    self._restart(found)
        return numbers, quantised

    def lookup(self, numbers: Tensor) -> Tensor:
        """Return the codes (.., d) of some numbers (..)."""
        return F.embedding(numbers, self.codes)

    @property
    def perplexity(self) -> float:
        """How many codes are in use, as if all of them were chosen as often."""
        share = self.sizes / self.sizes.sum()
        return float(torch.special.entr(share).sum().exp())

    def _placed(self, vectors: Tensor) -> Tensor:
        return F.normalize(vectors, dim=-1) if self.on_sphere else vectors

    def _nearest(self, vectors: Tensor) -> Tensor:
        """Return the code of the least squared distance, the first of equals."""
        squares = self.codes.square().sum(1)
        # |v|^2 is the same for all codes.
        parts = [
            (squares - 2 * part @ self.codes.T).argmin(1) for part in torch.split(vectors, CHUNK)
        ]
        return torch.cat(parts)

    def _start(self, vectors: Tensor) -> None:
        self.codes.copy_(_some(vectors, len(self.codes)))
        self.sums.copy_(self.codes)
        # Copies of one vector would share what is its: batches to come have others for them.
        self.sizes[len(vectors) :] = 0
        self.sums[len(vectors) :] = 0
        self.started.fill_(True)

    def _follow(self, vectors: Tensor, numbers: Tensor) -> None:
        """Make a step of the running averages."""
        chosen = torch.bincount(numbers, minlength=len(self.codes)).to(vectors.dtype)
        added = torch.zeros_like(self.sums).index_add_(0, numbers, vectors)
        self.sizes.lerp_(chosen, 1 - self.decay)
        self.sums.lerp_(added, 1 - self.decay)
        total = self.sizes.sum()
        smooth = (self.sizes + SMOOTHING) / (total + len(self.codes) * SMOOTHING) * total
        self.codes.copy_(self._placed(self.sums / smooth[:, None]))

    def _restart(self, vectors: Tensor) -> None:
        even = self.sizes.mean()
        dead = torch.nonzero(self.sizes < self.rare * even)[: len(vectors), 0]
        fresh = _some(vectors, len(dead))
        self.codes[dead] = fresh
        self.sums[dead] = fresh * even
        self.sizes[dead] = even


class ResidualCodebooks(nn.Module):
    """Codebooks in a row: each quantises what those before it left over.

    Args:
        num_levels: How many codebooks, none shared.
        num_codes: Codes in each.
        dim: Numbers in a code.
        decay: See `Codebook`.
    """

    def __init__(self, num_levels: int, num_codes: int, dim: int, decay: float = 0.99) -> None:
        super().__init__()
        self.levels = nn.ModuleList(Codebook(num_codes, dim, decay) for _ in range(num_levels))

    def forward(self, vectors: Tensor) -> Quantised:
        """Return the codes of vectors; in training mode codebooks follow, see `Codebook`.

        Args:
            vectors: (N, d).

        Returns:
            (N, levels) code numbers, and (N, levels, d) the sum of the codes up to each level,
            without gradient.
        """
        rest = vectors.detach().float()
        numbers: list[Tensor] = []
        sums: list[Tensor] = []
        for level in self.levels:
            number, code = level(rest)
            rest = rest - code
            numbers.append(number)
            sums.append(sums[-1] + code if sums else code)
        return torch.stack(numbers, 1), torch.stack(sums, 1)

    def nearby(self, vectors: Tensor, widths: Sequence[int]) -> Tensor:
        """Return (N, K, levels) numbers of codes near to vectors, those of `forward` first.

        Args:
            vectors: (N, d).
            widths: How many codes each level tries for what each choice before it left over; K is
                their product.
        """
        rest = vectors.detach().float()[:, None]
        numbers = torch.zeros(len(vectors), 1, 0, dtype=torch.long, device=vectors.device)
        for book, width in zip(self._books, widths, strict=True):
            distances = torch.cdist(rest, book.codes.expand(len(vectors), -1, -1))
            found = distances.topk(width, dim=2, largest=False).indices.flatten(1)
            numbers = torch.cat([numbers.repeat_interleave(width, dim=1), found[..., None]], dim=2)
            rest = rest.repeat_interleave(width, dim=1) - book.lookup(found)
        return numbers

    def lookup(self, numbers: Tensor) -> Tensor:
        """Return the sums (N, d) of the codes of (N, levels) numbers."""
        parts = [book.lookup(numbers[:, k]) for k, book in enumerate(self._books)]
        return torch.stack(parts).sum(0)

    @property
    def _books(self) -> list[Codebook]:
        return [level for level in self.levels if isinstance(level, Codebook)]


def commitment_loss(vectors: Tensor, sums: Tensor) -> Tensor:
    """Return how far vectors are from their codes, the mean squared error over all levels.

    What a level leaves over is what the next one quantises, so that |r - e|^2 of each level
    (SAMTok, eq. 4) is the distance from the sum of the codes up to it. The paper's sum over levels
    and numbers is a mean here, which is the same loss under another weight.

    Args:
        vectors: (N, d) before quantisation; the gradient goes to them alone.
        sums: (N, levels, d) what the codes up to each level make.
    """
    return (vectors[:, None] - sums.detach()).square().mean()


def _some(vectors: Tensor, count: int) -> Tensor:
    """Return so many vectors at random, each once as long as there are enough."""
    order = torch.randperm(len(vectors), device=vectors.device)
    again = torch.arange(count, device=vectors.device) % len(vectors)
    return vectors[order[again]]
