"""Training rows: pictures with labels, and dialogues drawn about them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, count, islice

import numpy as np
import torch
from torch.utils.data import Dataset

from drivegrid.data.augment import AugmentConfig, augment
from drivegrid.data.scene import Scene
from drivegrid.errors import ConfigError
from drivegrid.geometry import Size
from drivegrid.plotting.marking import mark_region
from drivegrid.scenes.render import render_scene

from .examples import Dialogue, DialogueDrawer
from .features import FeatureCache
from .student import PictureSource, Row, Student, Visual

MOST_SILENT = 1000
"""Pictures in a row of which nothing can be asked, before the data are refused."""


class CachedScenes:
    """Rendered scenes whose trunk features are on disk."""

    def __init__(self, cache: FeatureCache) -> None:
        self.cache = cache

    def __len__(self) -> int:
        return len(self.cache)

    def __getitem__(self, index: int) -> tuple[Visual, Scene]:
        """Return the trunk's maps of a scene, and its labels."""
        pyramid, scene = self.cache[index]
        return {"pyramid": {s: torch.from_numpy(np.array(m)) for s, m in pyramid.items()}}, scene


class LiveScenes:
    """Scenes rendered when asked for.

    Args:
        seeds: Seed of each.
        size_wh: Size of the pictures.
    """

    def __init__(self, seeds: range, size_wh: Size) -> None:
        self.seeds, self.size_wh = seeds, size_wh

    def __len__(self) -> int:
        return len(self.seeds)

    def __getitem__(self, index: int) -> tuple[Visual, Scene]:
        """Render a scene."""
        rendered = render_scene(self.seeds[index], self.size_wh)
        return {"image": rendered.image}, rendered.scene


class Examples(Dataset[Row]):
    """A virtual data set: item i shows picture i, over and over, with dialogues drawn for i.

    Where nothing can be asked about a picture, such as an empty road, the next one is shown.

    Args:
        student: Makes the rows.
        source: Pictures and labels.
        drawer: Draws what is said about them.
        length: Number of items.
        seed: Another seed asks other questions.
        changes: How pictures are augmented with their labels; None leaves them as they are.
    """

    def __init__(
        self,
        student: Student,
        source: PictureSource,
        drawer: DialogueDrawer,
        length: int,
        seed: int = 0,
        changes: AugmentConfig | None = None,
    ) -> None:
        self.student, self.source, self.drawer = student, source, drawer
        self.length, self.seed, self.changes = length, seed, changes

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Row:
        """Return the row of an item.

        Raises:
            ConfigError: If no picture allows a question of the kinds that are asked.
        """
        rng = np.random.default_rng((self.seed, index))
        most = min(len(self.source), MOST_SILENT)
        for place in islice(count(index), most):
            visual, scene = self.source[place % len(self.source)]
            if self.changes is not None:
                image, scene = augment(visual["image"], scene, self.changes, rng)
                visual = {"image": image}
            dialogues = self.drawer.draw(scene, rng)
            first = next(dialogues, None)
            if first is not None:
                visual, dialogues = _marked(visual, first, dialogues)
                return self.student.row(visual, scene, dialogues)
        raise ConfigError(
            f"data.tasks must hold a kind of question that the pictures allow, got "
            f"{', '.join(self.drawer.kinds)} for {most} pictures. Leave it out."
        )


def _marked(
    visual: Visual, first: Dialogue, others: Iterator[Dialogue]
) -> tuple[Visual, Iterator[Dialogue]]:
    """Draw the mark that the first dialogue needs; what it does not hold for is left out."""
    if first.mark is not None:
        return {"image": mark_region(visual["image"], first.mark)}, iter((first,))
    return visual, chain((first,), (one for one in others if one.mark is None))
