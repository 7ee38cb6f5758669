"""Label files that lie beside their pictures, or in a folder that is the twin of the pictures'."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from pathlib import Path, PurePath, PurePosixPath
from typing import NamedTuple

from drivegrid.data.checks import check_image_name
from drivegrid.data.files import read_lines, walk_files
from drivegrid.data.formats.frames import find_frame
from drivegrid.data.formats.label_tree import FrameFiles
from drivegrid.data.formats.losing import size_losses
from drivegrid.data.formats.peek import Peek
from drivegrid.data.images import IMAGE_SUFFIXES
from drivegrid.data.quarantine import Loss
from drivegrid.data.scene import Frame, Scene
from drivegrid.errors import FormatError
from drivegrid.geometry import Size

MAX_TRIED = 20
"""How many label files are looked at for the first that says something."""


@dataclass(frozen=True, slots=True)
class Twins:
    """Where a format keeps labels and pictures: one label file a picture, of the same name.

    Where a folder of labels exists, only such folders hold labels; else they lie anywhere, beside
    their pictures.

    Args:
        folders: Pairs of names, a folder of labels and its twin of pictures.
        suffix: Of label files.
        picture_suffix: Of pictures that are not there to tell.
        lists: Name of a folder of lists, one picture's stem a line; None if there are none.
    """

    folders: tuple[tuple[str, str], ...]
    suffix: str
    picture_suffix: str
    lists: str | None = None

    def label_name(self, image: str) -> str:
        """Return the name of a picture's label file, both relative to the data set's folder.

        >>> Twins((("labels", "images"),), ".txt", ".jpg").label_name("train/images/a.png")
        'train/labels/a.txt'
        """
        folder = _swap(posixpath.dirname(image), {b: a for a, b in reversed(self.folders)})
        stem = PurePosixPath(image).stem
        return posixpath.join(folder or posixpath.dirname(image), stem + self.suffix)

    def image_name(self, root: Path, label: Path, written: str = "") -> str:
        """Return the name of a label file's picture, as it lies there if it does.

        Args:
            root: The data set's folder.
            label: Label file below it.
            written: Name of the picture that the label file says, if any.
        """
        beside = posixpath.dirname(label.relative_to(root).as_posix())
        swapped = _swap(beside, dict(self.folders))
        others = [_swap(beside, {a: b for a, _ in self.folders}) for _, b in self.folders]
        places = [place for place in (swapped, *others, beside) if place is not None]
        endings = (self.picture_suffix, *IMAGE_SUFFIXES)
        stems = [written] if written.lower().endswith(IMAGE_SUFFIXES) else []
        stems += [label.stem + ending for ending in endings]
        there = [place for place in dict.fromkeys(places) if os.path.isdir(root / place)]
        names = (posixpath.join(place, stem) for stem in stems for place in there)
        found = next((name for name in names if os.path.isfile(root / name)), None)
        return check_image_name(found or posixpath.join(places[0], stems[0]))

    def one_layout(self, files_of: Callable[[Scene], FrameFiles]) -> Callable[[Scene], FrameFiles]:
        """Return a writer of frames that refuses those which its reader would pass over.

        Args:
            files_of: Returns the label files of a frame.
        """
        first: list[bool] = []

        def checked(scene: Scene) -> FrameFiles:
            files = files_of(scene)
            apart = any(map(self.is_label, map(PurePosixPath, files.texts)))
            if not first:
                first.append(apart)
            if apart != first[0]:
                names = " or ".join(name for _, name in self.folders)
                raise FormatError(
                    f"frames must all lie in folders {names}, or none of them, got "
                    f"{scene.frame.image} among others."
                )
            return files

        return checked

    def losses(self, scene: Scene, default: Size) -> list[Loss]:
        """Return what readers without the picture do not know of a frame.

        Args:
            scene: Any scene.
            default: The size that the reader assumes.
        """
        image, losses = scene.frame.image, size_losses(scene, default)
        if PurePosixPath(image).suffix != self.picture_suffix:
            message = (
                f"image suffix left out: readers without the picture take {self.picture_suffix}"
            )
            losses.append(Loss(image, message))
        return losses

    def is_label(self, file: PurePath) -> bool:
        """Tell whether a file, relative to the data set's folder, lies in a folder of labels."""
        folders = {name for name, _ in self.folders}
        return file.name.endswith(self.suffix) and not folders.isdisjoint(file.parts[:-1])


class Labels(NamedTuple):
    """Label files of a data set.

    Args:
        root: Folder that the names of pictures are relative to.
        files: Label files in order; an error for each that cannot be had.
    """

    root: Path
    files: Iterator[Path | FormatError]


def find_labels(path: Path, twins: Twins, is_other: Callable[[Path], bool]) -> Labels:
    """Find the label files at a path: a data set's folder, a folder of labels, or a list.

    Args:
        path: A folder; or a list below one, such as ``ImageSets/Main/train.txt``.
        twins: Where the format keeps its files.
        is_other: Tells files of the same suffix that are no labels.

    Raises:
        FormatError: If a list belongs to no data set; the files raise it if there is none.
    """
    if twins.lists is not None and path.is_file():
        root = _root_of_list(path, twins)
        return Labels(root, _listed(root, path, twins))
    in_labels = path.name in (name for name, _ in twins.folders)
    root = path.parent if in_labels else path
    return Labels(root, _walk(root, path, twins, is_other))


def _walk(
    root: Path, path: Path, twins: Twins, is_other: Callable[[Path], bool]
) -> Iterator[Path | FormatError]:
    apart = has_label_folder(root, path, twins)
    found, unreadable = False, list[FormatError]()
    for file in walk_files(path):
        if isinstance(file, FormatError):
            unreadable.append(file)
        elif not file.name.endswith(twins.suffix) or is_other(file):
            continue
        elif not apart or twins.is_label(file.relative_to(root)):
            found = True
            yield file
    if not found:
        nothing = f"folder must hold *{twins.suffix} label files, got none."
        raise unreadable[0] if unreadable else FormatError(nothing, path)
    yield from unreadable


def has_label_folder(root: Path, path: Path, twins: Twins) -> bool:
    """Tell whether labels below a path lie in folders of their own.

    Args:
        root: The data set's folder.
        path: The same, or a folder in it.
        twins: Where the format keeps its files.
    """
    files = (file for file in walk_files(path) if isinstance(file, Path))
    return any(twins.is_label(file.relative_to(root)) for file in files)


def _root_of_list(path: Path, twins: Twins) -> Path:
    tops = path.absolute().parents
    for folder, top in pairwise(tops):
        if folder.name == twins.lists:
            return top
    raise FormatError(f"list must lie in a folder {twins.lists}, got another place.", path)


def _listed(root: Path, path: Path, twins: Twins) -> Iterator[Path | FormatError]:
    """Yield the label files of a list; of VOC's lists of one class the second column is no name."""
    found = _walk(root, root, twins, lambda _: False)
    stems = {file.stem: file for file in found if isinstance(file, Path)}
    seen: set[str] = set()
    for number, line in read_lines(path):
        stem = line.decode("utf-8", "replace").split()[0] if line else ""
        if stem in seen:
            yield FormatError(
                f"picture must be listed once, got {stem!r:.100} again.", path, number
            )
        elif stem and stem not in stems:
            yield FormatError(f"picture must have a label file, got {stem!r:.100}.", path, number)
        elif stem:
            seen.add(stem)
            yield stems[stem]


def _swap(folder: str, twin_of: dict[str, str]) -> str | None:
    """Return a folder with the last part that has a twin replaced by it; None if none has."""
    parts = folder.split("/")
    for place in reversed(range(len(parts))):
        if parts[place] in twin_of:
            return "/".join([*parts[:place], twin_of[parts[place]], *parts[place + 1 :]])
    return None


def still_frame(root: Path, name: str, default: Size) -> tuple[Frame, dict[str, bool]]:
    """Return what ``find_frame`` does, of no clip: a folder of unrelated pictures is none."""
    frame, about_size = find_frame(root, name, default)
    return replace(frame, clip=None), about_size


def label_heads(peek: Peek, twins: Twins) -> Iterator[Peek]:
    """Yield the first label files of a folder that are not empty, those of twins first."""
    files = [file for file in peek.files if twins.is_label(file.relative_to(peek.path))]
    files = files or [file for file in peek.files if file.name.endswith(twins.suffix)]
    return islice((look for look in map(Peek, files) if look.head.strip()), MAX_TRIED)
