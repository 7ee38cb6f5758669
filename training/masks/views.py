"""Masks as HiMTok sees them, each in its view: cut out once and kept on disk beside the corpus."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import torch
from rich.progress import track
from torch import Tensor

from drivegrid.data.files import atomic_folder
from drivegrid.geometry import BoolArray
from drivegrid.masks.himtok.view import boxes_of, boxes_told, look, view_codes, views_of
from drivegrid.masks.labelled import CLASSES

from .corpus import load_masks

CLASS_NAMES = tuple(dict.fromkeys(CLASSES.values()))
SHOWN_FILE, TABLE_FILE = "shown.bin", "table.npy"
CHUNK = 16
"""Masks that are looked at together, to bound the memory."""
Seen: TypeAlias = tuple[np.ndarray, np.ndarray]
"""(N, view, view) uint8 shares, and (N, 5) int16 codes of the view and place of the class."""


class Views(NamedTuple):
    """N masks.

    Args:
        shown: (N, view, view) uint8, how much of each cell of its view a mask covers, of 255.
        where: (N, 4) codes of the views.
    """

    shown: Tensor
    where: Tensor

    @classmethod
    def of(cls, masks: BoolArray, size: int) -> Views:
        """Look at masks (N, H, W), none of them empty."""
        flags = torch.from_numpy(masks)
        where = view_codes(boxes_of(flags))
        views = views_of(boxes_told(where))
        parts = zip(torch.split(flags, CHUNK), torch.split(views, CHUNK), strict=True)
        shown = [(255 * look(mask, view, size)).round().byte() for mask, view in parts]
        return cls(torch.cat(shown), where)

    def mirrored(self, chosen: Tensor) -> Views:
        """Return the same with left and right of some masks, (N,) flags, exchanged."""
        shown = torch.where(chosen[:, None, None], self.shown.flip(2), self.shown)
        # Places and their parts count from 0 to 31 in the lowest bits; sizes stay as they are.
        turned = self.where ^ torch.tensor([31, 0, 31, 0])
        return Views(shown, torch.where(chosen[:, None], turned, self.where))


@dataclass(frozen=True)
class ViewFiles:
    """The views of a corpus on disk.

    Args:
        folder: Where they are.
        size: Cells along each side of a view.
    """

    folder: Path
    size: int

    @property
    def classes(self) -> np.ndarray:
        """(N,) class of each mask, as a place in `CLASS_NAMES`."""
        return np.array(self._table[:, 4])

    @property
    def _table(self) -> np.ndarray:
        table: np.ndarray = np.load(self.folder / TABLE_FILE, mmap_mode="r")
        return table

    def read(self, places: np.ndarray) -> Views:
        """Return some of the masks."""
        # Opened each time: processes that prepare batches are sent the name alone.
        shape = (-1, self.size, self.size)
        shown = np.memmap(self.folder / SHOWN_FILE, np.uint8, "r").reshape(shape)
        where = self._table[places, :4].astype(np.int64)
        return Views(torch.from_numpy(shown[places]), torch.from_numpy(where))


def keep_views(paths: Sequence[Path], size: int, workers: int) -> ViewFiles:
    """Cut out the views of a corpus, unless they are kept already.

    Args:
        paths: Its files, at least one, in one folder.
        size: Cells along each side of a view.
        workers: Processes; 0 works in this one.
    """
    names = "\n".join(path.name for path in paths)
    key = sha256(names.encode()).hexdigest()[:12]
    folder = paths[0].parent / f"views-{size}-{key}"
    if not folder.is_dir():
        with atomic_folder(folder) as part:
            _write(part, paths, size, workers)
    return ViewFiles(folder, size)


def _write(folder: Path, paths: Sequence[Path], size: int, workers: int) -> None:
    tables = []
    with (folder / SHOWN_FILE).open("wb") as file:
        for shown, table in track(_all_seen(paths, size, workers), "views", total=len(paths)):
            file.write(shown.tobytes())
            tables.append(table)
    np.save(folder / TABLE_FILE, np.concatenate(tables))


def _all_seen(paths: Sequence[Path], size: int, workers: int) -> Iterator[Seen]:
    work = partial(_seen, size=size)
    if not workers:
        yield from map(work, paths)
        return
    with multiprocessing.get_context("spawn").Pool(workers, torch.set_num_threads, (1,)) as pool:
        yield from pool.imap(work, paths, chunksize=8)


def _seen(path: Path, size: int) -> Seen:
    """Return what the masks of a file show, (N, size, size), and (N, 5) where, and their class."""
    labelled = load_masks(path)
    if not labelled.labels:
        return np.zeros((0, size, size), np.uint8), np.zeros((0, 5), np.int16)
    views = Views.of(labelled.masks.unpack(), size)
    classes = [CLASS_NAMES.index(name) for name in labelled.classes]
    return views.shown.numpy(), np.column_stack((views.where.numpy(), classes)).astype(np.int16)
