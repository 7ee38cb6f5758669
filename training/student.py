"""What the trainer needs of a model that learns: drivegrid-nano, or Qwen2.5-VL with adapters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
        """Return model input of some rows, padded, with ``labels``."""

    def loss(self, model: nn.Module, batch: Mapping[str, Any]) -> Tensor:
        """Return the mean loss of a batch; ``model`` may be wrapped for distributed training."""

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return optimiser groups; what stands in none is frozen."""

    def speaker(self) -> Speaker:
        """Return the model ready to answer, in evaluation mode."""

    def save(self, folder: Path, facts: Mapping[str, Any]) -> None:
        """Write a checkpoint, whole or not at all; ``facts`` are JSON values about the run."""
