"""A whole data set to a file of records; nothing is lost on the way without being counted."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, islice
from multiprocessing import get_context, parent_process
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple, TypeVar

from drivegrid.data.formats import Source, parse_entry
from drivegrid.data.quarantine import Quarantine
from drivegrid.data.scene import Scene
from drivegrid.data.sizing import AssumedSizes
from drivegrid.errors import FormatError
from drivegrid.tasks.conversations.convert import convert
from drivegrid.tasks.conversations.files import FORMS, check_form, save_records
from drivegrid.tasks.conversations.record import Record
from drivegrid.tasks.settings import ConversationConfig

T = TypeVar("T")
R = TypeVar("R")
CHUNK = 64
"""Frames that go to a process at once."""
BROUGHT = ("questions", "expressions")
__all__ = ["FORMS", "Exported", "export"]


class _Converted(NamedTuple):
    """The records of a scene, and what `Exported` counts of it."""

    records: list[Record]
    brought: Counter[str]
    sizes: AssumedSizes


@dataclass(slots=True)
class Exported:
    """What an export did.

    Args:
        quarantine: Counts the frames and holds those that were set aside.
        num_silent: Good frames that allow no question.
        counts: Records written, by kind of conversation.
        brought: Questions and expressions that the data set itself brings, by their name among
            the extras of a scene; a frame gives at most as many as the settings say.
        assumed: Good frames whose size was assumed.
    """

    quarantine: Quarantine = field(default_factory=Quarantine)
    num_silent: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    brought: Counter[str] = field(default_factory=Counter)
    assumed: AssumedSizes = field(default_factory=AssumedSizes)

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as JSON values."""
        return {
            "frames": self.quarantine.num_read,
            "quarantined": self.quarantine.num_rejected,
            "without_records": self.num_silent,
            "records": self.counts.total(),
            "tasks": dict(self.counts.most_common()),
            "brought": dict(self.brought),
            "assumed_sizes": self.assumed.counts.total(),
        }


def export(
    source: Source,
    path: str | Path,
    form: str,
    config: ConversationConfig,
    *,
    workers: int = 1,
    prefix: str = "",
) -> Exported:
    """Write the training records of a data set; memory stays flat in the number of frames.

    Args:
        source: Frames, as `drivegrid.data.formats` opens them.
        path: File to write, see `save_records`.
        form: "ours", "llava", "swift" or "trl".
        config: Settings.
        workers: Processes; the file is the same for any number.
        prefix: What stands before each image name in the records, for example the folder of the
            pictures, where a trainer does not ask for it.

    Raises:
        FormatError: If the form or the file's suffix is unknown, or the source cannot be read.
        MissingExtraError: If the path is Parquet and pyarrow is absent.
        OSError: If the file cannot be written; then it does not appear.
    """
    check_form(path, form)
    done = Exported()
    work = partial(_convert_all, source.parse, config)
    with closing(_mapped(work, _chunks(source.entries), workers)) as found:
        save_records(_prefixed(_records(found, done), prefix), path, form, config)
    return done


def _convert_all(
    parse: Callable[[Any], Scene], config: ConversationConfig, entries: Sequence[Any]
) -> list[_Converted | FormatError]:
    return [_convert_one(parse, config, entry) for entry in entries]


def _convert_one(
    parse: Callable[[Any], Scene], config: ConversationConfig, entry: Any
) -> _Converted | FormatError:
    scene = parse_entry(parse, entry)
    if isinstance(scene, FormatError):
        return scene
    try:
        sizes = AssumedSizes()
        sizes.see(scene)
        return _Converted(convert(scene, config), _brought_by(scene), sizes)
    except FormatError as error:
        item = ", ".join(filter(None, (scene.frame.image, error.item)))
        return FormatError(error.message, error.path, error.line, item)


def _brought_by(scene: Scene) -> Counter[str]:
    rows = {name: scene.extra.get(name) for name in BROUGHT}
    return Counter({name: len(row) for name, row in rows.items() if isinstance(row, list)})


def _chunks(entries: Iterator[Any]) -> Iterator[list[Any]]:
    while chunk := list(islice(entries, CHUNK)):
        yield chunk


def _mapped(work: Callable[[T], R], items: Iterator[T], workers: int) -> Generator[R, None, None]:
    """Yield what ``work`` returns, in order; a few items ahead are worked on in processes."""
    if workers <= 1:
        yield from map(work, items)
        return
    with ProcessPoolExecutor(workers, get_context("spawn"), _follow_parent) as pool:
        waiting = deque(pool.submit(work, item) for item in islice(items, 2 * workers))
        try:
            while waiting:
                found = waiting.popleft().result()
                waiting.extend(pool.submit(work, item) for item in islice(items, 1))
                yield found
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _follow_parent() -> None:
    """End this process as soon as its parent has ended, even if that was killed."""
    parent = parent_process()
    if parent is not None:
        Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


def _records(
    found: Iterable[Iterable[_Converted | FormatError]], done: Exported
) -> Iterator[Record]:
    for one in chain.from_iterable(found):
        if isinstance(one, FormatError):
            done.quarantine.reject(one)
            continue
        records = one.records
        done.brought += one.brought
        done.assumed.counts += one.sizes.counts
        done.quarantine.keep()
        done.num_silent += not records
        done.counts.update(record.task for record in records)
        yield from records


def _prefixed(records: Iterator[Record], prefix: str) -> Iterator[Record]:
    for record in records:
        yield replace(record, image=prefix + record.image) if prefix else record
