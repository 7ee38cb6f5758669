"""Where a run's pictures come from: labels on disk, rendered scenes, or features of these."""

from __future__ import annotations

from drivegrid.geometry import Size
from drivegrid.scenes.seeds import VALIDATION_SEEDS
from drivegrid.tokens.grid import GridSpec

from .config import SourcesConfig
from .dataset import CachedScenes, LiveScenes
from .features import CacheSpec, FeatureCache, build_cache
from .labelled import LabelledScenes, MixedScenes
from .masked import MaskedScenes, MaskWriter
from .student import PictureSource


def training_pictures(
    data: SourcesConfig, size_wh: Size, grid: GridSpec, seed: int
) -> PictureSource:
    """Return what is learnt from; a cache that is missing is built, with its augmentation.

    Args:
        data: Settings.
        size_wh: Size in pixels at which scenes are rendered.
        grid: The model's lattice.
        seed: Another seed mixes several sources in another order.
    """
    if data.cache is not None:
        writer = _writer(data, grid)
        spec = CacheSpec(
            data.cache, data.first_seed, data.num_scenes, size_wh, data.augment, writer
        )
        return _cached(spec, data.workers)
    sources: list[PictureSource] = [LabelledScenes(one.path) for one in data.labelled]
    weights = [one.weight for one in data.labelled]
    if data.rendered:
        seeds = range(data.first_seed, data.first_seed + data.num_scenes)
        sources, weights = [*sources, LiveScenes(seeds, size_wh)], [*weights, data.rendered]
    sources = [_masked(one, data, grid) for one in sources]
    return sources[0] if len(sources) == 1 else MixedScenes(sources, weights, seed)


def judging_pictures(data: SourcesConfig, size_wh: Size, grid: GridSpec) -> PictureSource:
    """Return what checkpoints are judged by; cached where training is."""
    if data.held_out is not None or data.cache is None:
        return shown_pictures(data, size_wh, grid)
    folder = data.cache.with_name(f"{data.cache.name}-held-out")
    first, count = VALIDATION_SEEDS.start, data.held_out_scenes
    spec = CacheSpec(folder, first, count, size_wh, masks=_writer(data, grid))
    return _cached(spec, data.workers)


def shown_pictures(data: SourcesConfig, size_wh: Size, grid: GridSpec) -> PictureSource:
    """Return held-out pictures as pictures, also where training has their features only."""
    if data.held_out is not None:
        return _masked(LabelledScenes(data.held_out), data, grid)
    return _masked(LiveScenes(VALIDATION_SEEDS[: data.held_out_scenes], size_wh), data, grid)


def _masked(source: PictureSource, data: SourcesConfig, grid: GridSpec) -> PictureSource:
    writer = _writer(data, grid)
    return source if writer is None else MaskedScenes(source, writer)


def _writer(data: SourcesConfig, grid: GridSpec) -> MaskWriter | None:
    return None if data.masks is None else MaskWriter(data.masks, grid)


def _cached(spec: CacheSpec, workers: int) -> CachedScenes:
    build_cache(spec, workers)
    return CachedScenes(FeatureCache(spec))
