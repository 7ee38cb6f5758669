"""Pictures whose regions are written as masks: once for each picture, not for each question."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from drivegrid.data.images import Picture
from drivegrid.data.scene import Scene
from drivegrid.errors import ConfigError
from drivegrid.masks.loading import check_words, load_tokenizer
from drivegrid.masks.tokenizer import MaskTokenizer
from drivegrid.tasks.conversations.masks import write_masks
from drivegrid.tokens.grid import GridSpec
from drivegrid.tokens.mask_words import MaskWords

from .config import MasksConfig
from .student import PictureSource, Visual


@dataclass(frozen=True)
class MaskWriter:
    """Writes masks as settings say; it is loaded where it is first used, in each process.

    Args:
        settings: Which tokenizer.
        grid: The model's lattice.
    """

    settings: MasksConfig
    grid: GridSpec

    @cached_property
    def tokenizer(self) -> MaskTokenizer:
        """The tokenizer."""
        one = self.settings
        tokenizer = load_tokenizer(one.tokenizer, one.weights, one.seg, self.grid)
        if one.words is not None:
            check_words(tokenizer, one.words)
        return tokenizer

    @property
    def facts(self) -> dict[str, Any]:
        """JSON values that tell one writer from another."""
        return self.settings.model_dump(mode="json")

    def written(self, scene: Scene, image: Picture) -> Scene:
        """Return a scene with the text of its masks, see `write_masks`."""
        return write_masks(scene, image, self.tokenizer)


class MaskedScenes:
    """Pictures with labels, regions written as masks; what was written is kept in memory.

    Args:
        source: The pictures.
        writer: Writes.
    """

    def __init__(self, source: PictureSource, writer: MaskWriter) -> None:
        self.source, self.writer = source, writer
        self._scenes: dict[int, Scene] = {}

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> tuple[Visual, Scene]:
        """Return a picture and its labels."""
        visual, scene = self.source[index]
        if index not in self._scenes:
            self._scenes[index] = self.writer.written(scene, visual["image"])
        return visual, self._scenes[index]


def check_same_words(model: MaskWords | None, settings: MasksConfig | None) -> None:
    """Raise unless a model knows the words that its data are written in.

    Raises:
        ConfigError: If it knows none or others.
    """
    wanted = settings.words if settings else None
    if model != wanted:
        raise ConfigError(
            f"data.masks must go with the words that the model has, {_told(model)}, got "
            f"{_told(wanted)}. Extend a checkpoint: drivegrid model extend --masks NAME"
        )


def _told(words: MaskWords | None) -> str:
    return f"{words.count} of {words.name}" if words else "none"
