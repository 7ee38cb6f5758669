"""What the trainer needs of a model that learns: drivegrid-nano, or Qwen2.5-VL with adapters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor, nn

from drivegrid.data.scene import Scene
from drivegrid.geometry import Size
from drivegrid.inference.speaker import Processor, Speaker
from drivegrid.tokens.grid import GridSpec

from .examples import Dialogue

IGNORE_INDEX = -100
Row = dict[str, Any]
"""One training row before collation: tensors of one picture and of what is said about it."""
Visual = Mapping[str, Any]
"""``image``: (H, W, 3) uint8 RGB; or ``pyramid``: a trunk's maps of it, stride to (C, h, w)."""


@dataclass(frozen=True, slots=True)
class Losses:
    """What a student loses on a batch.

    Args:
        tokens: (N,) of each token that is learnt, in the order of ``labels``, row by row.
        beside: Scalar: what it learns beside tokens, a mean over the rows.
    """

    tokens: Tensor
    beside: Tensor

    def mean(self) -> Tensor:
        """Return the loss of the batch alone."""
        return self.tokens.sum() / max(len(self.tokens), 1) + self.beside


class PictureSource(Protocol):
    """Pictures with labels."""

    def __len__(self) -> int:
        """Return how many there are."""

    def __getitem__(self, index: int) -> tuple[Visual, Scene]:
        """Return a picture and its labels."""


class Student(Protocol):
    """A model that learns, with the way it sees pictures and reads dialogues.

    Attributes:
        processor: Its text in and out.
        grid: Lattice of its spatial tokens.
        size_wh: Size in pixels at which rendered pictures are drawn for it.
        in_context: Whether its refine turns follow the answer they mend (see `DialogueDrawer`).
    """

    processor: Processor
    grid: GridSpec
    size_wh: Size
    in_context: bool

    @property
    def model(self) -> nn.Module:
        """What the optimiser changes."""

    def row(self, visual: Visual, scene: Scene, dialogues: Iterable[Dialogue]) -> Row:
        """Return a training row: as many of the dialogues about a picture as fit, at least one."""

    def collate(self, rows: list[Row]) -> dict[str, Any]:
        """Return model input of some rows, padded, with ``labels`` and ``kinds`` (B, T).

        Kinds are places in `KIND_NAMES`: what is asked where each label stands.
        """

    def losses(self, model: nn.Module, batch: Mapping[str, Any]) -> Losses:
        """Return the losses of a batch; ``model`` may be wrapped for distributed training."""

    def flops(self, batch: Mapping[str, Any]) -> float:
        """Return the floating-point operations of learning from a batch; see `flops`."""

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return optimiser groups; what stands in none is frozen."""

    def speaker(self) -> Speaker:
        """Return the model ready to answer, in evaluation mode."""

    def save(self, folder: Path, facts: Mapping[str, Any], weights: Mapping[str, Tensor]) -> None:
        """Write a checkpoint, whole or not at all.

        Args:
            folder: Replaced if there is one.
            facts: JSON values about the run.
            weights: What learns, by its name in ``model.named_parameters()``: the model may hold
                but a shard of it.
        """
