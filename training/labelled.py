"""Pictures and labels from disk, in any format that drivegrid reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from drivegrid.data.images import image_size, load_image
from drivegrid.data.scene import Scene
from drivegrid.data.sources import find_sources
from drivegrid.errors import ConfigError, FormatError

from .student import PictureSource, Visual


class LabelledScenes:
    """Frames of data sets; labels are held in memory, a picture is read when it is asked for.

    Args:
        path: Label file or folder; pictures lie where the labels say, beside them.

    Raises:
        ConfigError: If there is no frame, or a picture is missing or of another size than its
            labels say.
        FormatError: If the labels cannot be read, or a frame would have to be set aside: training
            data is not thinned out silently.
    """

    def __init__(self, path: Path) -> None:
        self.frames = _frames(path)

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> tuple[Visual, Scene]:
        """Return a picture and its labels."""
        picture, scene = self.frames[index]
        return {"image": load_image(picture)}, scene


class MixedScenes:
    """Pictures of several sources, drawn by weight; endless.

    Args:
        sources: Where pictures come from.
        weights: How often each is drawn, relative to the others.
        seed: Another seed draws others.
    """

    def __init__(
        self, sources: Sequence[PictureSource], weights: Sequence[float], seed: int
    ) -> None:
        self.sources, self.seed = list(sources), seed
        self.shares = np.asarray(weights, dtype=np.float64) / sum(weights)

    def __len__(self) -> int:
        return 2**31

    def __getitem__(self, index: int) -> tuple[Visual, Scene]:
        """Return the picture that is drawn for a number."""
        rng = np.random.default_rng((self.seed, index))
        source = self.sources[int(rng.choice(len(self.sources), p=self.shares))]
        return source[int(rng.integers(len(source)))]


def _frames(path: Path) -> list[tuple[Path, Scene]]:
    frames = []
    for source in find_sources(path):
        for _, found in source.placed():
            if isinstance(found, FormatError):
                raise found
            picture = source.root / found.frame.image
            if not picture.is_file():
                raise ConfigError(f"picture must exist, got none at {picture} ({source.path}).")
            if image_size(picture) != found.frame.size_wh:
                raise ConfigError(
                    f"picture must be {found.frame.size_wh} as its labels say, got "
                    f"{image_size(picture)} ({picture}). Its tokens would name other places."
                )
            frames.append((picture, found))
    if not frames:
        raise ConfigError(f"labels must hold at least one frame, got none ({path}).")
    return frames
