"""What is told of a step of reinforcement learning, over all processes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

from drivegrid.tokens.grid import DELETE, STAY

from .groups import NO_CHOICE, Group
from .grpo_config import LossConfig
from .learner import teaches


class StepTally:
    """Sums over the groups of a step.

    Args:
        first_offset: Id of the first offset token.
        loss: What makes a group teach nothing.
    """

    def __init__(self, first_offset: int, loss: LossConfig) -> None:
        self.first_offset, self.loss = first_offset, loss
        self.sums: dict[str, list[float]] = {}

    def add(self, groups: Iterable[Group]) -> None:
        """Count groups, by turn."""
        for group in groups:
            rewards, turn = group.rewards, group.turn
            for name, values in rewards.told().items():
                self._put(f"{turn}/{name}", values)
            self._put(f"{turn}/reward_{group.kind}", rewards.total)
            self._put(f"{turn}/spread", [rewards.total.std()])
            self._put(f"{turn}/even", [not teaches(group, self.loss)])
            self._put(f"{turn}/length", [said.num_chosen for said in group.answers])
            self._put(f"{turn}/cut_off", [not said.ended for said in group.answers])
            if turn == "offset":
                self._offsets(group)

    def _offsets(self, group: Group) -> None:
        for said in group.answers:
            chosen = said.ids[said.legal != NO_CHOICE] - self.first_offset
            self._put("offset/delete", chosen == DELETE)
            self._put("offset/stay", chosen == STAY)

    def _put(self, name: str, values: Sequence[Any] | np.ndarray[Any, Any]) -> None:
        found = self.sums.setdefault(name, [0.0, 0.0])
        found[0] += float(np.sum(values))
        found[1] += len(values)

    def means(self, accelerator: Accelerator) -> dict[str, float]:
        """Return the means over all processes by name; every process calls this."""
        alone = accelerator.num_processes == 1
        every = [self.sums] if alone else gather_object([self.sums])
        found: dict[str, list[float]] = {}
        for sums in every:
            for name, (total, count) in sums.items():
                mine = found.setdefault(name, [0.0, 0.0])
                mine[0] += total
                mine[1] += count
        return {name: total / count for name, (total, count) in sorted(found.items()) if count}


def over_processes(counts: Mapping[str, int], accelerator: Accelerator) -> dict[str, float]:
    """Return counts summed over all processes; every process calls this."""
    mine = torch.tensor(list(counts.values()), dtype=torch.float64, device=accelerator.device)
    return dict(zip(counts, accelerator.reduce(mine, "sum").tolist(), strict=True))
