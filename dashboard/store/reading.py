"""Label sources read for an import: each frame checked, named and told by its facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

from drivegrid.dashboard.store.facts import SPLIT, Fact, facts_of, split_of
from drivegrid.dashboard.store.records import to_record

from drivegrid.data.checks import check_image_name
from drivegrid.data.files import walk_files
from drivegrid.data.images import IMAGE_SUFFIXES, image_size
from drivegrid.data.quarantine import Quarantine
from drivegrid.data.scene import Frame, Scene
from drivegrid.data.sizing import with_sizes
from drivegrid.data.sources import LabelSource
from drivegrid.errors import FormatError


@dataclass(frozen=True, slots=True)
class Labelled:
    """A frame that is ready to be stored.

    Args:
        record: Of its scene.
        split: ``train``, ``val`` or ``test`` where a name says so.
        facts: What it can be filtered by.
        labelled: Whether there are labels of it, if only that nothing is there.
    """

    record: Mapping[str, Any]
    split: str | None
    facts: set[Fact]
    labelled: bool = True

    @property
    def image(self) -> str:
        """Name of its picture."""
        return str(self.record["frame"]["image"])


class Reading:
    """Reads the label sources of one import; what cannot be used goes into quarantine.

    Args:
        path: File or folder of the labels.
        root: Folder of the pictures, where people said which; None takes that of the labels.
        quarantine: Where what cannot be used is named.
    """

    def __init__(self, path: Path, root: Path | None, quarantine: Quarantine) -> None:
        self._path, self._told = path, root is not None
        self.folder = (root or (path if path.is_dir() else path.parent)).resolve()
        self._quarantine = quarantine
        self._seen: set[str] = set()

    def read(self, source: LabelSource) -> Iterator[Labelled]:
        """Yield the frames of a source."""
        if self._told:
            source = replace(source, format=with_sizes(source.format, self.folder, None))
        try:
            for place, found in source.placed():
                try:
                    yield self._checked(source, found)
                except FormatError as error:
                    where = error if error.path else error.at(place.file, place.line)
                    self._quarantine.reject(where)
        except FormatError as error:  # the rest of this source cannot be read
            self._quarantine.reject(error)

    def pictures(self) -> Iterator[Labelled]:
        """Yield the pictures of the folder as frames that have no labels yet."""
        for file in _pictures_below(self.folder):
            try:
                if isinstance(file, FormatError):
                    raise file
                name = check_image_name(file.relative_to(self.folder).as_posix())
                record = to_record(Scene(Frame(name, image_size(file))))
            except FormatError as error:
                self._quarantine.reject(error if error.path else error.at(file))
                continue
            split = split_of(name)
            yield Labelled(record, split, {(SPLIT, split)} if split else set(), labelled=False)

    def _checked(self, source: LabelSource, found: Scene | FormatError) -> Labelled:
        if isinstance(found, FormatError):
            raise found
        image = self._name(source, check_image_name(found.frame.image.lstrip("/")))
        if image in self._seen:
            raise FormatError(f"image must come once in a data set, got {image} again.")
        scene = replace(found, frame=replace(found.frame, image=image))
        record = to_record(scene)
        self._seen.add(image)
        inside = source.path.relative_to(self._path) if source.path != self._path else PurePath()
        split = split_of(str(inside), source.path.name, str(PurePosixPath(image).parent))
        return Labelled(record, split, facts_of(scene, split))

    def _name(self, source: LabelSource, image: str) -> str:
        """Return a name relative to the folder of pictures, where labels lie deeper than it."""
        deeper = not self._told and source.root.resolve() != self.folder
        if not deeper or (self.folder / image).is_file():
            return image
        return (source.root.resolve().relative_to(self.folder) / image).as_posix()


def holds_pictures(path: Path) -> bool:
    """Tell whether a path is a folder with a picture in it or below, good or broken."""
    return path.is_dir() and any(isinstance(file, Path) for file in _pictures_below(path))


def _pictures_below(folder: Path) -> Iterator[Path | FormatError]:
    for file in walk_files(folder):
        if isinstance(file, FormatError) or file.name.lower().endswith(IMAGE_SUFFIXES):
            yield file
