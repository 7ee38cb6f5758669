"""Data sets of the store: labels in, model runs in, scenes out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from drivegrid.dashboard.database import Database, now_ms
from drivegrid.dashboard.schema import datasets, frames, shapes, sources
from drivegrid.dashboard.store.coverage import REVIEWED, cover, is_told
from drivegrid.dashboard.store.facts import insert_facts
from drivegrid.dashboard.store.people import append_audit
from drivegrid.dashboard.store.query import check_name
from drivegrid.dashboard.store.reading import Labelled, Reading, holds_pictures
from drivegrid.dashboard.store.records import batches, shape_values, to_record, to_scene

from drivegrid.data.quarantine import Quarantine
from drivegrid.data.scene import Scene
from drivegrid.data.sizing import ASSUMED, check_root
from drivegrid.data.sources import LabelSource, find_sources, look_below
from drivegrid.errors import ConfigError, FormatError
from drivegrid.metrics.pairing import ends_of

LABELS = "labels"
"""Name of the source that holds the labels of a data set."""
RESERVED = (LABELS, "review")
"""Names of the sources that every data set has or may get; no run is called so."""
BATCH = 200
"""Scenes that are stored or read in one transaction."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What came into the store.

    Args:
        id: Of the data set, or of the source of a run.
        added: Frames that were not there before; of a run: frames that it says something about.
        quarantine: Counts what was kept, and names what was set aside and why.
        skipped: Files among the labels that are of no known format.
        unseen: Frames, new or known, whose picture is not there.
    """

    id: int
    added: int
    quarantine: Quarantine
    skipped: tuple[Path, ...] = ()
    unseen: int = 0


@dataclass(frozen=True, slots=True)
class DatasetRow:
    """A data set of the store; ``root`` is the folder of its pictures."""

    id: int
    name: str
    root: Path
    num_frames: int
    created_at: int


@dataclass(frozen=True, slots=True)
class SourceRow:
    """Who says what is in the frames of a data set; ``kind`` is one of ``SOURCE_KINDS``."""

    id: int
    dataset_id: int
    name: str
    kind: str
    details: Mapping[str, Any]
    created_at: int


def add_dataset(
    database: Database,
    name: str,
    path: str | Path,
    user_id: int | None = None,
    progress: Callable[[int], object] = lambda _: None,
    root: Path | None = None,
) -> Imported:
    """Bring labels of any known format into the store, as a data set of a name.

    Frames that are there already stay as they are, with their labels and reviews: an import that
    was cut short is given again, and labels of more frames are added. A new data set is shown when
    it is whole. A frame that cannot be used is set aside and stops nothing. Names of pictures are
    relative to the folder of pictures.

    A folder of pictures without any labels is a data set too: its frames are not labelled yet.

    Args:
        database: The store.
        name: Of the data set, new or known.
        path: File or folder of labels.
        user_id: Who asks for it.
        progress: Told how many frames were read, now and then.
        root: Folder of the pictures; None takes that of the labels.

    Raises:
        FormatError: If there are neither labels nor pictures, or no such folder of pictures, or
            no frame of it can be used.
        ConfigError: If the data set is known and has another folder of pictures.
    """
    path = Path(path).absolute()
    check_root(root)
    found = look_below(path)
    labels = [one for one in found if isinstance(one, LabelSource)]
    bare = not found and holds_pictures(path)
    if not bare:
        labels = labels or find_sources(path)  # says what is there instead
    quarantine, added, unseen = Quarantine(), 0, 0
    reading = Reading(path, root, quarantine)
    read = reading.pictures() if bare else (one for each in labels for one in reading.read(each))
    dataset_id, source_id = _open_dataset(database, check_name(name), reading.folder)
    for batch in batches(read, BATCH):
        added += _store(database, dataset_id, source_id, batch)
        unseen += sum(not (reading.folder / one.image).is_file() for one in batch)
        quarantine.keep(len(batch))
        progress(quarantine.num_read)
    if not quarantine.num_kept:
        why = next((f" First: {one.message}" for one in quarantine.rejected), "")
        raise FormatError(
            f"labels must hold a frame that can be used, got none of {quarantine.num_read}.{why}",
            path,
        )
    with database.write() as connection:
        whole = sa.update(datasets).where(datasets.c.id == dataset_id)
        connection.execute(whole.values(incoming=False))
        counts = {"added": added, "read": quarantine.num_read}
        counts["quarantined"] = quarantine.num_rejected
        append_audit(connection, user_id, "import", name, counts)
    skipped = tuple(one for one in found if isinstance(one, Path))
    return Imported(dataset_id, added, quarantine, skipped, unseen)


def _open_dataset(database: Database, name: str, root: Path) -> tuple[int, int]:
    """Return the ids of a data set and of its labels; they are made where they are new."""
    with database.write() as connection:
        of_name = sa.select(datasets).where(datasets.c.name == name)
        found = connection.execute(of_name).one_or_none()
        if found is not None and found.root != str(root):
            raise ConfigError(
                f"data set must keep its folder {found.root}, got {root} ({name}). "
                "Import it under another name."
            )
        if found is None:
            new = sa.insert(datasets).values(
                name=name, root=str(root), created_at=now_ms(), incoming=True
            )
            dataset_id = connection.execute(new.returning(datasets.c.id)).scalar_one()
        else:
            dataset_id = found.id
        return dataset_id, _ensure_source(connection, dataset_id, LABELS, "label", {})


def _ensure_source(
    connection: sa.Connection, dataset_id: int, name: str, kind: str, details: Mapping[str, Any]
) -> int:
    key = sources.c.dataset_id == dataset_id, sources.c.name == check_name(name)
    found = connection.execute(sa.select(sources.c.id, sources.c.kind).where(*key)).one_or_none()
    if found is not None and found.kind != kind:
        raise ConfigError(f"source must have a name of its own, got {name!r} of the {found.kind}s.")
    if found is not None:
        connection.execute(sa.update(sources).where(*key).values(details=dict(details)))
        return int(found.id)
    row = {"dataset_id": dataset_id, "name": name, "kind": kind, "created_at": now_ms()}
    new = sa.insert(sources).values(**row, details=dict(details)).returning(sources.c.id)
    return int(connection.execute(new).scalar_one())


def _store(database: Database, dataset_id: int, source_id: int, batch: Sequence[Labelled]) -> int:
    """Store the frames that are not there yet, whole or not at all; return how many."""
    with database.write() as connection:
        # two imports of one data set take turns; reviewers need not wait for them
        lock = sa.select(datasets.c.id).where(datasets.c.id == dataset_id)
        connection.execute(lock.with_for_update(key_share=True))
        known = _frames_by_name(connection, dataset_id, [one.image for one in batch])
        new = [one for one in batch if one.image not in known]
        if not new:
            return 0
        last = sa.select(frames.c.number).where(frames.c.dataset_id == dataset_id)
        number = connection.scalar(last.order_by(frames.c.id.desc()).limit(1))
        first = 0 if number is None else number + 1
        rows = [_frame_values(dataset_id, first + i, one) for i, one in enumerate(new)]
        connection.execute(sa.insert(frames), rows)
        ids = _frames_by_name(connection, dataset_id, [one.image for one in new])
        instances = [
            row for one in new for row in shape_values(one.record, ids[one.image].id, source_id)
        ]
        if instances:
            connection.execute(sa.insert(shapes), instances)
        cover(connection, source_id, [ids[one.image].id for one in new if one.labelled])
        insert_facts(connection, dataset_id, [(ids[one.image].id, one.facts) for one in new])
    return len(new)


def _frames_by_name(
    connection: sa.Connection, dataset_id: int, names: Iterable[str]
) -> dict[str, sa.Row[Any]]:
    columns = (frames.c.id, frames.c.image, frames.c.width, frames.c.height)
    query = sa.select(*columns).where(frames.c.dataset_id == dataset_id)
    return {
        row.image: row
        for part in batches(names, 500)
        for row in connection.execute(query.where(frames.c.image.in_(part)))
    }


def _frame_values(dataset_id: int, number: int, one: Labelled) -> dict[str, Any]:
    frame = one.record["frame"]
    width, height = frame["size_wh"]
    return {
        "dataset_id": dataset_id,
        "image": frame["image"],
        "width": width,
        "height": height,
        "clip": frame["clip"],
        "number": number,
        "split": one.split,
        "attributes": frame["attributes"],
        "extra": one.record["extra"],
        "status": "new",
        "version": 0,
    }


def add_run(
    database: Database,
    dataset_id: int,
    name: str,
    scenes: Iterable[Scene],
    details: Mapping[str, Any],
    traces: Iterable[Sequence[Any]] | None = None,
) -> Imported:
    """Bring what a model found into the store, as a source of its own.

    A scene belongs to the frame whose name its image's name is or ends in. Scenes that belong to
    no frame, come twice or have another size are set aside by name. A run that was cut short is
    given again: what it said of a frame is replaced. A run covers the frames that it has a scene
    of, also where it found nothing.

    Args:
        database: The store.
        dataset_id: Data set that the frames belong to.
        name: Of the run; one that is known is continued.
        scenes: What was found, frame by frame.
        details: How: model, settings (JSON values).
        traces: For each scene, the tokens of each instance (JSON values); None where unknown.

    Raises:
        ConfigError: If labels or reviewers have this name.
    """
    if name in RESERVED:
        raise ConfigError(f"run must have a name of its own, got {name!r}. Give it another one.")
    with database.write() as connection:
        source_id = _ensure_source(connection, dataset_id, name, "model", details)
    quarantine, seen = Quarantine(), set[int]()
    both = zip(scenes, repeat(()) if traces is None else traces, strict=traces is not None)
    for batch in batches(both, BATCH):
        with database.write() as connection:
            ends = {e for scene, _ in batch for e in _ends(scene)}
            known = _frames_by_name(connection, dataset_id, ends)
            new = []
            for scene, trace in batch:
                try:
                    frame_id = _frame_of(scene, known, seen)
                    record = to_record(scene)
                    if trace and len(trace) != len(scene.instances):
                        raise FormatError("traces must be one an instance, got others.")
                    rows = shape_values(record, frame_id, source_id, trace)
                except FormatError as error:
                    quarantine.reject(error.at(scene.frame.image))
                    continue
                _replace_shapes(connection, frame_id, source_id, rows)
                seen.add(frame_id)
                new.append(frame_id)
                quarantine.keep()
            cover(connection, source_id, new)
    return Imported(source_id, len(seen), quarantine)


def _ends(scene: Scene) -> list[str]:
    return ends_of(scene.frame.image.lstrip("/"))


def _frame_of(scene: Scene, known: Mapping[str, sa.Row[Any]], seen: set[int]) -> int:
    found = next((known[end] for end in _ends(scene) if end in known), None)
    if found is None:
        raise FormatError("image must be a frame of the data set, got an unknown name.")
    if found.id in seen:
        raise FormatError("image must come once in a run, got it again.")
    size_wh = (found.width, found.height)
    if scene.frame.size_wh != size_wh and scene.extra.get(ASSUMED) is not True:
        raise FormatError(f"size must be that of the frame, {size_wh}, got {scene.frame.size_wh}.")
    return int(found.id)


def _replace_shapes(
    connection: sa.Connection, frame_id: int, source_id: int, rows: Sequence[Mapping[str, Any]]
) -> None:
    same = shapes.c.frame_id == frame_id, shapes.c.source_id == source_id
    connection.execute(sa.delete(shapes).where(*same))
    if rows:
        connection.execute(sa.insert(shapes), rows)


def list_datasets(database: Database) -> list[DatasetRow]:
    """Return all data sets by name; one whose first import is not at its end is left out."""
    inside = sa.select(sa.func.count()).where(frames.c.dataset_id == datasets.c.id)
    query = sa.select(datasets, inside.scalar_subquery().label("num_frames"))
    query = query.where(~datasets.c.incoming).order_by(datasets.c.name)
    with database.read() as connection:
        rows = connection.execute(query)
        return [
            DatasetRow(row.id, row.name, Path(row.root), row.num_frames, row.created_at)
            for row in rows
        ]


def list_sources(database: Database, dataset_id: int) -> list[SourceRow]:
    """Return who says something about the frames of a data set, the oldest first."""
    query = sa.select(sources).where(sources.c.dataset_id == dataset_id).order_by(sources.c.id)
    with database.read() as connection:
        return [SourceRow(*row) for row in connection.execute(query)]


def export_scenes(
    database: Database,
    dataset_id: int,
    source_id: int | None = None,
    *,
    reviewed: bool = False,
) -> Iterator[Scene]:
    """Yield the scenes of a data set in its own order.

    Args:
        database: The store.
        dataset_id: The data set.
        source_id: Whose word is taken, on all frames that they cover; None takes what holds now:
            the reviewers' where a frame was corrected, else the labels', and leaves out rejected
            frames and those that nobody said anything of.
        reviewed: Only frames that were accepted or corrected.
    """
    after: int | None = -1
    while after is not None:
        with database.read() as connection:
            found, after = _export_batch(connection, dataset_id, source_id, after, reviewed)
        yield from found


def _export_batch(
    connection: sa.Connection, dataset_id: int, source_id: int | None, after: int, reviewed: bool
) -> tuple[list[Scene], int | None]:
    """Return the scenes behind a frame, and the last frame among them; None where none is left."""
    inside = sa.select(frames).where(frames.c.dataset_id == dataset_id, frames.c.id > after)
    inside = inside.where(is_told(connection, source_id))
    if reviewed:
        inside = inside.where(frames.c.status.in_(REVIEWED))
    rows = connection.execute(inside.order_by(frames.c.id).limit(BATCH)).all()
    if not rows:
        return [], None
    by_frame: dict[int, list[sa.Row[Any]]] = {row.id: [] for row in rows}
    said = sa.select(shapes).where(shapes.c.frame_id.in_(list(by_frame)))
    if source_id is None:
        said = said.join(sources, shapes.c.source_id == sources.c.id)
        said = said.join(frames, shapes.c.frame_id == frames.c.id).where(
            sources.c.kind == sa.case((frames.c.status == "corrected", "review"), else_="label")
        )
    else:
        said = said.where(shapes.c.source_id == source_id)
    for row in connection.execute(said.order_by(shapes.c.source_id, shapes.c.number)):
        by_frame[row.frame_id].append(row)
    return [_scene(row, by_frame[row.id]) for row in rows], rows[-1].id


def _scene(row: sa.Row[Any], said: Sequence[sa.Row[Any]]) -> Scene:
    frame = {
        "image": row.image,
        "size_wh": [row.width, row.height],
        "attributes": row.attributes,
        "clip": row.clip,
    }
    return to_scene(frame, said, row.extra)
