"""Trunk features of rendered scenes on disk, so that two cores can train the decoder alone.

A cache is a folder of chunks; each chunk holds the labels (``scenes.jsonl``) and one half-precision
array a stride. Chunks appear by rename, so an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import json
import multiprocessing
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from rich.progress import track
from torch import Tensor

from drivegrid.data.augment import AugmentConfig, augment
from drivegrid.data.images import Picture
from drivegrid.data.scene import Scene
from drivegrid.data.store import load_scenes, save_scenes
from drivegrid.errors import ConfigError, ModelError
from drivegrid.model.stored import read_json
from drivegrid.scenes.render import render_scene
from drivegrid.trunk.efficientnet import (
    FIRST_ABOVE,
    PYRAMID,
    EfficientNetLite0,
    load_pretrained_trunk,
)
from drivegrid.trunk.pixels import to_pixel_values

from .masked import MaskWriter

MAX_CHUNK = 128
BATCH = 8

_WHOLE = "a chunk of cached features must be whole, got"
_ANEW = "Remove it; the next run makes it anew."

HalfArray = npt.NDArray[np.float16]


@dataclass(frozen=True)
class CacheSpec:
    """What a cache holds.

    Args:
        folder: Where the chunks are.
        first_seed: Seed of the first scene.
        num_scenes: How many; whole chunks are stored.
        size_wh: Model input in pixels.
        changes: How each picture is augmented with its labels, once; None leaves them as they are.
        masks: Writes the masks of regions into the labels, after that.
    """

    folder: Path
    first_seed: int
    num_scenes: int
    size_wh: tuple[int, int]
    changes: AugmentConfig | None = None
    masks: MaskWriter | None = None

    @property
    def chunk_size(self) -> int:
        """Scenes in a chunk."""
        return min(MAX_CHUNK, self.num_scenes)

    @property
    def num_chunks(self) -> int:
        """Chunks that hold all scenes."""
        return -(-self.num_scenes // self.chunk_size)

    def chunk(self, index: int) -> Path:
        """Folder of a chunk."""
        return self.folder / f"chunk-{index:05d}"


def build_cache(spec: CacheSpec, workers: int) -> None:
    """Render scenes and store their trunk features; chunks that exist are kept.

    Args:
        spec: What to store and where.
        workers: Processes; 0 works in this one.

    Raises:
        ConfigError: If the folder was made with other settings.
    """
    spec.folder.mkdir(parents=True, exist_ok=True)
    facts: dict[str, Any] = {
        "first_seed": spec.first_seed,
        "size_wh": list(spec.size_wh),
        "chunk": spec.chunk_size,
    }
    if spec.changes is not None:
        facts["changes"] = spec.changes.model_dump(mode="json")
    if spec.masks is not None:
        facts["masks"] = spec.masks.facts
    manifest = spec.folder / "cache.json"
    if manifest.exists() and read_json(manifest) != facts:
        raise ConfigError(
            f"feature cache must hold {facts}, got {manifest.read_text()} ({spec.folder}). "
            "Name another folder as data.cache, or remove this one."
        )
    if not manifest.exists() and any(spec.folder.glob("chunk-*")):
        raise ConfigError(
            f"feature cache must hold {manifest.name}, which tells what is in it, got none "
            f"({spec.folder}). Name another folder as data.cache, or remove this one."
        )
    manifest.write_text(json.dumps(facts))
    missing = [i for i in range(spec.num_chunks) if not spec.chunk(i).exists()]
    work = partial(_build_chunk, spec)
    if workers == 0:
        for index in track(missing, "features"):
            work(index)
        return
    with multiprocessing.get_context("spawn").Pool(workers, _one_thread) as pool:
        for _ in track(pool.imap_unordered(work, missing), "features", total=len(missing)):
            pass


def _one_thread() -> None:
    """Keep a worker on its own core."""
    torch.set_num_threads(1)
    cv2.setNumThreads(0)


@torch.inference_mode()
def _build_chunk(spec: CacheSpec, index: int) -> None:
    trunk = load_pretrained_trunk()
    first = spec.first_seed + index * spec.chunk_size
    part = spec.folder / f"part-{index:05d}"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    width, height = spec.size_wh
    arrays = {
        stride: np.lib.format.open_memmap(
            part / f"stride{stride}.npy",
            mode="w+",
            dtype=np.float16,
            shape=(spec.chunk_size, channels, height // stride, width // stride),
        )
        for stride, (_, channels) in PYRAMID.items()
    }
    scenes: list[Scene] = []
    for start in range(0, spec.chunk_size, BATCH):
        stop = min(start + BATCH, spec.chunk_size)
        frames = [_frame(first + i, spec) for i in range(start, stop)]
        scenes += [scene for _, scene in frames]
        pixels = torch.stack([to_pixel_values(image, spec.size_wh) for image, _ in frames])
        maps = trunk(pixels)
        for stride, array in arrays.items():
            array[start:stop] = maps[stride].numpy()
    save_scenes(scenes, part / "scenes.jsonl")
    part.rename(spec.chunk(index))


def _frame(seed: int, spec: CacheSpec) -> tuple[Picture, Scene]:
    """Render a scene and change it as the cache wants it."""
    frame = render_scene(seed, spec.size_wh)
    image, scene = frame.image, frame.scene
    if spec.changes is not None:
        image, scene = augment(image, scene, spec.changes, np.random.default_rng(seed))
    return image, scene if spec.masks is None else spec.masks.written(scene, image)


def cached_strides(trunk: EfficientNetLite0) -> tuple[int, ...]:
    """Return the strides whose cached maps are those of a trunk; it must make the others itself.

    Weights count as equal that are so in half precision, as checkpoints have them, but for the
    last bit: folding batch norms rounds otherwise on another processor.

    Raises:
        ModelError: If the trunk differs below stride 8 from the pretrained one, whose maps are
            cached.
    """
    pretrained = load_pretrained_trunk()
    pairs = zip(trunk.state_dict().items(), pretrained.state_dict().values(), strict=True)
    differ = [name for (name, mine), other in pairs if not _alike(mine, other)]
    above = tuple(f"blocks.{index}." for index in range(FIRST_ABOVE, len(trunk.blocks)))
    if any(not name.startswith(above) for name in differ):
        raise ModelError(
            f"trunk must be the pretrained one up to stride 8, got another {differ[0]}: cached "
            "features are not its own. Set data.cache to null."
        )
    return (4, 8) if differ else tuple(PYRAMID)


def _alike(mine: Tensor, other: Tensor) -> bool:
    """Return whether tensors are equal in half precision up to its last bit."""
    half = torch.finfo(torch.float16)
    one, two = mine.half().float(), other.half().float()
    return torch.allclose(one, two, rtol=half.eps, atol=half.smallest_normal * half.eps)


class FeatureCache:
    """Reads a cache; item i is (stride to (C, H, W) float16, scene).

    Raises:
        ModelError: If a chunk is damaged.
    """

    def __init__(self, spec: CacheSpec) -> None:
        self.spec = spec
        self.scenes: list[Scene] = []
        self.arrays: list[dict[int, HalfArray]] = []
        for index in range(spec.num_chunks):
            scenes, arrays = _read_chunk(spec, spec.chunk(index))
            self.scenes += scenes
            self.arrays.append(arrays)

    def __len__(self) -> int:
        return self.spec.num_scenes

    def __getitem__(self, index: int) -> tuple[dict[int, HalfArray], Scene]:
        chunk, row = divmod(index, self.spec.chunk_size)
        return {s: array[row] for s, array in self.arrays[chunk].items()}, self.scenes[index]


def _read_chunk(spec: CacheSpec, chunk: Path) -> tuple[list[Scene], dict[int, HalfArray]]:
    """Return labels and mapped features of a chunk."""
    try:
        scenes = load_scenes(chunk / "scenes.jsonl")
        arrays = {s: np.load(chunk / f"stride{s}.npy", mmap_mode="r") for s in PYRAMID}
    except (OSError, EOFError, ValueError) as error:
        raise ModelError(f"{_WHOLE} {error} ({chunk}). {_ANEW}") from error
    width, height = spec.size_wh
    for stride, (_, channels) in PYRAMID.items():
        wanted = (spec.chunk_size, channels, height // stride, width // stride)
        if arrays[stride].shape != wanted or len(scenes) != spec.chunk_size:
            got = f"{arrays[stride].shape} at stride {stride} and {len(scenes)} scenes"
            raise ModelError(f"{_WHOLE} {got} ({chunk}). {_ANEW}")
    return scenes, arrays
