"""Trunk features of rendered scenes on disk, so that two cores can train the decoder alone.

A cache is a folder of chunks; each chunk holds the labels (``scenes.jsonl``) and one half-precision
array a stride. Chunks appear by rename, so an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import json
import multiprocessing
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from rich.progress import track

from drivegrid.data.scene import Scene
from drivegrid.data.store import load_scenes, save_scenes
from drivegrid.errors import ConfigError
from drivegrid.model.pixels import to_pixel_values
from drivegrid.model.trunk import PYRAMID, load_pretrained_trunk
from drivegrid.scenes.render import render_scene

CHUNK = 128
BATCH = 8


def build_cache(
    folder: Path, first_seed: int, num_scenes: int, size_wh: tuple[int, int], workers: int
) -> None:
    """Render scenes and store their trunk features; chunks that exist are kept.

    Args:
        folder: Where the chunks go.
        first_seed: Seed of the first scene.
        num_scenes: How many; rounded up to whole chunks.
        size_wh: Model input in pixels.
        workers: Processes; 0 works in this one.

    Raises:
        ConfigError: If the folder was made with other settings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    facts = {"first_seed": first_seed, "size_wh": list(size_wh), "chunk": CHUNK}
    manifest = folder / "cache.json"
    if manifest.exists() and json.loads(manifest.read_text()) != facts:
        raise ConfigError(f"feature cache must match the config, got {manifest.read_text()} ({folder}). Use another folder.")
    manifest.write_text(json.dumps(facts))
    missing = [i for i in range(-(-num_scenes // CHUNK)) if not _chunk(folder, i).exists()]
    work = partial(_build_chunk, folder=folder, first_seed=first_seed, size_wh=size_wh)
    if not missing:
        return
    if workers == 0:
        done: Iterator[None] = map(work, missing)
        list(track(done, description="features", total=len(missing)))
        return
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        list(track(pool.imap_unordered(work, missing), "features", total=len(missing)))


def _chunk(folder: Path, index: int) -> Path:
    return folder / f"chunk-{index:05d}"


@torch.inference_mode()
def _build_chunk(index: int, folder: Path, first_seed: int, size_wh: tuple[int, int]) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    trunk = load_pretrained_trunk().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    seeds = range(first_seed + index * CHUNK, first_seed + (index + 1) * CHUNK)
    part = folder / f"part-{index:05d}"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    arrays = {
        stride: np.lib.format.open_memmap(
            part / f"stride{stride}.npy",
            mode="w+",
            dtype=np.float16,
            shape=(CHUNK, channels, size_wh[1] // stride, size_wh[0] // stride),
        )
        for stride, (_, channels) in PYRAMID.items()
    }
    scenes: list[Scene] = []
    for start in range(0, CHUNK, BATCH):
        frames = [render_scene(seed, size_wh) for seed in seeds[start : start + BATCH]]
        scenes += [frame.scene for frame in frames]
        pixels = torch.stack([to_pixel_values(frame.image, size_wh) for frame in frames])
        maps = trunk(pixels.contiguous(memory_format=torch.channels_last))
        for stride, array in arrays.items():
            array[start : start + BATCH] = maps[stride].numpy()
    save_scenes(scenes, part / "scenes.jsonl")
    part.rename(_chunk(folder, index))


class FeatureCache:
    """Reads a cache; item i is (stride to (C, H, W) float16, scene)."""

    def __init__(self, folder: Path, num_scenes: int) -> None:
        self.scenes: list[Scene] = []
        self.arrays: list[dict[int, np.ndarray]] = []
        for index in range(-(-num_scenes // CHUNK)):
            chunk = _chunk(folder, index)
            self.scenes += load_scenes(chunk / "scenes.jsonl")
            self.arrays.append(
                {s: np.load(chunk / f"stride{s}.npy", mmap_mode="r") for s in PYRAMID}
            )
        self.scenes = self.scenes[:num_scenes]

    def __len__(self) -> int:
        return len(self.scenes)

    def __getitem__(self, index: int) -> tuple[dict[int, np.ndarray], Scene]:
        chunk, row = divmod(index, CHUNK)
        return {s: array[row] for s, array in self.arrays[chunk].items()}, self.scenes[index]
