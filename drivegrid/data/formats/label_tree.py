"""Writing formats that have a label file for each picture, and a list of the pictures."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from drivegrid.data.checks import check_image_name
from drivegrid.data.files import atomic_folder, write_lines, write_text
from drivegrid.data.formats.frame_files import BAD_NAME
from drivegrid.data.formats.holding import held
from drivegrid.data.images import IMAGE_SUFFIXES
from drivegrid.data.quarantine import Loss, Saved
from drivegrid.data.scene import Scene
from drivegrid.errors import FormatError


class FrameFiles(NamedTuple):
    """What is written of a frame.

    Args:
        texts: Name of each label file, relative to the folder and as ``PurePosixPath`` spells it,
            to its content.
        listed: Line of the list; None for a frame that the list does not hold.
        losses: What the files cannot hold.
    """

    texts: Mapping[str, str]
    listed: str | None
    losses: list[Loss]


def save_label_tree(
    scenes: Iterable[Scene],
    path: str | Path,
    files_of: Callable[[Scene], FrameFiles],
    listed: str | None = None,
    last: Callable[[], Mapping[str, str]] = dict,
) -> Saved:
    """Write the label files of scenes, and their list if there is one, into a folder.

    A folder that is new or empty appears whole or not at all. In a folder with content, such as
    the pictures, only each file does: a failure on the way leaves the files written before it.

    Args:
        scenes: Any scenes, taken one by one.
        path: Root folder, made if absent; label files go where the image names point.
        files_of: Returns the files of a frame, or raises FormatError.
        listed: Name of the list; None for formats without.
        last: Returns name to content of files that can be written only after all frames.

    Returns:
        What could not be held; and set aside, frames without a usable image name (too long for
        the disk, for example), or whose label file stands in another's way.

    Raises:
        OSError: If the disk is full or the folder cannot be written.
    """
    root = Path(path)
    if root.is_dir() and any(root.iterdir()):
        return _save_into(_Tree(root, listed, last, write_text), scenes, files_of, root)
    with atomic_folder(root) as work:
        return _save_into(_Tree(work, listed, last, _write_bytes), scenes, files_of, root)


def _write_bytes(path: str, text: str) -> None:
    """Write a file of a folder that is itself whole or absent: waits for no disk, unlike others."""
    content = text.encode("utf-8")  # first, so that a text that is none leaves no file
    with open(path, "wb") as file:
        file.write(content)


def _save_into(
    tree: _Tree, scenes: Iterable[Scene], files_of: Callable[[Scene], FrameFiles], root: Path
) -> Saved:
    """Write into a folder; errors name ``root``."""
    saved = Saved()

    def write(scene: Scene) -> tuple[str | None, list[Loss]]:
        _check_picture(scene.frame.image)
        files = files_of(scene)
        tree.write(files.texts, scene.frame.image)
        return files.listed, files.losses

    listed = held(scenes, write, root, saved)
    tree.finish([line for line in listed if line is not None])
    return saved


def _check_picture(image: str) -> None:
    if not check_image_name(image).lower().endswith(IMAGE_SUFFIXES):
        raise FormatError(f"frame must be a picture of its own, got {image!r:.200} here.")


class _Tree:
    """Label files on their way into a folder, where none may stand in another's way."""

    def __init__(
        self,
        folder: Path,
        listed: str | None,
        last: Callable[[], Mapping[str, str]],
        write_file: Callable[[str, str], None],
    ) -> None:
        self.folder, self.listed, self._last, self._write_file = folder, listed, last, write_file
        self._taken: set[str] = set()
        self._folders: set[str] = set()

    def write(self, texts: Mapping[str, str], image: str) -> None:
        """Write the files of a frame; what is wrong with a name alone becomes a FormatError."""
        below_list = f"{self.listed}/" if self.listed else "/"
        if any(name in self._taken or name.startswith(below_list) for name in texts):
            raise FormatError(f"frame must be a picture of its own, got {image!r:.200} here.")
        for number, (name, text) in enumerate(texts.items()):
            try:
                self._write(os.path.join(self.folder, name), text)
            except FormatError:
                for written in list(texts)[:number]:
                    os.unlink(os.path.join(self.folder, written))
                raise
        self._taken |= texts.keys()

    def finish(self, lines: Iterable[str]) -> None:
        """Write what comes after all frames: the list, and other files."""
        if self.listed is not None:
            write_lines(self.folder / self.listed, lines)
        for name, text in self._last().items():
            self._write_file(os.path.join(self.folder, name), text)

    def _write(self, label: str, text: str) -> None:
        folder, name = os.path.split(label)
        try:
            if folder not in self._folders:
                os.makedirs(folder, exist_ok=True)
                self._folders.add(folder)
            self._write_file(label, text)
        except UnicodeEncodeError as error:
            raise FormatError(f"label file must be UTF-8, got: {error!s:.300}.") from error
        except OSError as error:
            if error.errno not in BAD_NAME:
                raise
            raise FormatError(
                f"label file must be writable, got: {error.strerror} ({name:.200})."
            ) from error
