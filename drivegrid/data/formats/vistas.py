"""Mapillary Vistas: labelled polygons, a JSON file a picture, later ones over earlier ones.

``<split>/v2.0/polygons/<key>.json`` (or ``v1.2``, or none) beside ``<split>/images/<key>.jpg``;
``{"width": w, "height": h, "objects": [{"label": "object--vehicle--car", "polygon": ...}]}``. The
label is a class name of ``config_v2.0.json``, of which nothing else is needed: its colours and
numbers belong to the label pictures. Source: mapillary.com/dataset/vistas, README of the release;
cvat-ai/datumaro, docs/source/docs/data-formats/formats/mapillary_vistas.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath

from drivegrid.data.formats.contract import Format, Place, Source
from drivegrid.data.formats.peek import Peek
from drivegrid.data.formats.polygon_files import Dialect, parse_file, save_files, walk_labels
from drivegrid.data.quarantine import Loaded, Saved
from drivegrid.data.scene import Scene
from drivegrid.errors import FormatError

VERSIONS = ("v2.0", "v1.2")
_POLYGONS, _IMAGES = "polygons", "images"


def open_vistas(path: str | Path) -> Source:
    """Open a folder of Vistas polygons, of version 1.2 or 2.0.

    The class name is kept in ``extra["vistas"]``; objects without a label of ours (void, the own
    car) in the frame's extra. Pictures stand alone: there are no clips.

    Args:
        path: The data set's folder, or one split of it; picture names are relative to it. Where
            both versions lie there, 2.0 is read; open ``<split>/v1.2`` for the other.

    Raises:
        FormatError: While iterating, if there are no such files.
    """
    root = Path(path)
    return Source(
        _files(root), partial(parse_file, root, DIALECT), lambda entry: Place(root / entry)
    )


def load_vistas(path: str | Path) -> Loaded:
    """Return all frames of a folder at once; see ``open_vistas``."""
    return open_vistas(path).load()


def save_vistas(scenes: Iterable[Scene], path: str | Path) -> Saved:
    """Write polygons into a folder, laid out as Vistas 2.0 is; no config file.

    Args:
        scenes: Any scenes; only polygons of one ring can be held. Their order is kept: later ones
            lie over earlier ones. A label without a class takes that of the label above it.
        path: The folder; it must be new or empty, and appears whole or not at all.

    A picture that Vistas would call otherwise is named under ``drivegrid_image``.

    Raises:
        OSError: If the disk is full or the folder cannot be written.
    """
    return save_files(scenes, Path(path), DIALECT)


def recognise_vistas(peek: Peek) -> str | None:
    """Return why a path holds Vistas polygons, None if it does not."""
    if not peek.is_folder:
        return None
    for folder in _folders(peek.path):
        file = next(folder.rglob("*.json"), None)
        if file and isinstance(record := Peek(file).json, dict):
            if {"width", "height", "objects"} <= record.keys():
                return f"folder with {file.relative_to(peek.path)}"
    return None


def _folders(root: Path) -> Iterator[Path]:
    """Yield folders of polygons near the top: pictures, which may be many, are not looked at."""
    for split in ("", "*/"):
        for version in (*(f"{version}/" for version in VERSIONS), ""):
            yield from sorted(root.glob(f"{split}{version}{_POLYGONS}"))


def _files(root: Path) -> Iterator[str | FormatError]:
    new, old = VERSIONS
    both = any(new in folder.relative_to(root).parts for folder in _folders(root))
    for file in walk_labels(root, DIALECT):
        if not (both and isinstance(file, str) and old in PurePosixPath(file).parts):
            yield file


def _is_file(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix == ".json" and _POLYGONS in path.parts[:-1]


def _image_of(file: str) -> str:
    """Return the picture of a label file.

    >>> _image_of("training/v2.0/polygons/-0BtqA.json")
    'training/images/-0BtqA.jpg'
    """
    split, inner = _around(PurePosixPath(file), _POLYGONS)
    split = split[:-1] if split and split[-1] in VERSIONS else split
    return str(PurePosixPath(*split, _IMAGES, *inner).with_name(f"{PurePosixPath(file).stem}.jpg"))


def _file_of(image: str) -> str:
    """Return the label file of a picture, the other way round from ``_image_of``."""
    path = PurePosixPath(image)
    split, inner = _around(path, _IMAGES)
    file = PurePosixPath(*split, VERSIONS[0], _POLYGONS, *inner)
    return str(file.with_name(f"{path.stem}.json"))


def _around(path: PurePosixPath, folder: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the parts of a name before and after the last folder of a name; all are after none."""
    places = [place for place, part in enumerate(path.parts[:-1]) if part == folder]
    return (path.parts[: places[-1]], path.parts[places[-1] + 1 :]) if places else ((), path.parts)


def _clip_of(file: str) -> str | None:
    del file
    return None


DIALECT = Dialect(
    name="vistas",
    source="mapillary_vistas",
    width="width",
    height="height",
    image_of=_image_of,
    file_of=_file_of,
    is_file=_is_file,
    clip_of=_clip_of,
    stand_ins={"object/person": "human--person--individual"},
)

VISTAS = Format(
    name="vistas",
    title="Mapillary Vistas polygons (1.2, 2.0)",
    path_is="folder",
    open=open_vistas,
    save=save_vistas,
    recognise=recognise_vistas,
    holds="regions as polygons, their order",
    lost_in="",
    lost_out="all but polygons; holes; attributes that no class name says; clips",
)
