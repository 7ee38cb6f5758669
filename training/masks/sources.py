"""Pictures with masks to learn from: rendered scenes, and real frames where some are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from drivegrid.data.augment import AugmentConfig
from drivegrid.data.images import load_image
from drivegrid.data.scene import Scene
from drivegrid.data.sources import AUTO, find_source
from drivegrid.errors import ConfigError, FormatError
from drivegrid.geometry import Size
from drivegrid.inference.mask_frames import without_specks
from drivegrid.masks.labelled import draw_labelled
from drivegrid.scenes.seeds import FIRST_TRAIN_SEED

from .corpus import RenderedCorpus, build_corpus, load_masks, save_masks
from .settings import DataSettings
from .varying import Sample, vary


@dataclass(frozen=True)
class Samples:
    """Draws pictures with masks.

    Args:
        rendered: Files of rendered scenes.
        real: Files of real frames; may be empty.
        real_share: Share of draws that take a real one, if there are some.
        augment: How they are changed.
    """

    rendered: Sequence[Path]
    real: Sequence[Path]
    real_share: float
    augment: AugmentConfig

    def draw(self, count: int, rng: np.random.Generator) -> Sample:
        """Return a picture with at least one and at most ``count`` masks."""
        while True:
            is_real = bool(self.real) and rng.random() < self.real_share
            paths = self.real if is_real else self.rendered
            labelled = load_masks(paths[int(rng.integers(len(paths)))])
            sample = vary(labelled, count, self.augment, rng)
            if len(sample.masks):
                return sample


def training_samples(data: DataSettings) -> Samples:
    """Render and read what is missing; return what training draws from."""
    corpus = RenderedCorpus(data.folder, FIRST_TRAIN_SEED, data.num_scenes, data.size_wh)
    real = [path for root in data.real for path in keep_real(root, data)]
    return Samples(build_corpus(corpus, data.workers), real, data.real_share, data.augment)


def held_out(data: DataSettings) -> list[Path]:
    """Render and read what is missing of the frames to judge by; return their files."""
    corpus = RenderedCorpus(data.folder, data.first_held_out, data.held_out, data.size_wh)
    real = [path for root in data.held_out_real for path in keep_real(root, data)]
    return [*build_corpus(corpus, data.workers), *real]


def keep_real(root: Path, data: DataSettings) -> list[Path]:
    """Draw the masks of a labelled data set into files beside the rendered ones.

    Frames without polygons teach nothing here and are passed over, and so are specks.

    Raises:
        ConfigError: If no frame is left.
        FormatError: If labels or a picture cannot be read.
    """
    (width, height), place = data.size_wh, root.resolve()
    # Data sets have folders of the same name, such as train.
    name = f"{place.name}-{sha256(str(place).encode()).hexdigest()[:8]}"
    folder = data.folder / f"{width}x{height}-real" / name
    source, found = find_source(root, AUTO), []
    for number, (_, record) in enumerate(source.placed()):
        if isinstance(record, FormatError):
            raise record
        path = folder / f"{number:010d}.npz"
        if path.exists() or _keep(record, source.root, path, data.size_wh):
            found.append(path)
    if not found:
        raise ConfigError(f"real data must hold frames with polygons, got none ({root}).")
    return found


def _keep(scene: Scene, root: Path, path: Path, size_wh: Size) -> bool:
    """Write the masks of a frame; return whether it has any."""
    image = load_image(root / scene.frame.image)
    labelled = without_specks(draw_labelled(image, scene, size_wh))
    if len(labelled.labels):
        save_masks(path, labelled)
    return bool(labelled.labels)
