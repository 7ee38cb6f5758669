"""Class names of YOLO data sets: ``data.yaml``, ``classes.txt`` and the like."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from drivegrid.data import fields
from drivegrid.data.files import read_lines, read_whole
from drivegrid.errors import FormatError

DATA_FILE = "data.yaml"
NAME_FILES = ("classes.txt", "obj.names")
"""Files of one class name a line, as labelImg and darknet have them."""
MAX_YAML_BYTES = 2**20
MAX_CLASSES = 10_000
SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
"""Name of a folder to the key of ``data.yaml``."""


class _PlainLoader(yaml.BaseLoader):
    """Every value is text, so that a class may be called "no" or "1"; no aliases, as bombs are."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("an alias, which is not taken")
        return super().compose_node(parent, index)


def read_data_file(path: Path) -> dict[str, Any]:
    """Return the values of a ``data.yaml``, every one a text, a list or a dict.

    Raises:
        FormatError: If it is too large, no YAML, or no mapping; aliases are refused.
    """
    try:
        content = yaml.load(read_whole(path, MAX_YAML_BYTES), _PlainLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise FormatError(f"file must be YAML, got: {reason:.200}.", path) from error
    if not isinstance(content, dict):
        raise FormatError("file must be a YAML mapping.", path)
    return content


def class_names(content: dict[str, Any], path: Path) -> list[str]:
    """Return the class names of a ``data.yaml`` by id.

    Raises:
        FormatError: If they are missing, not texts, not numbered from 0 on, or not distinct; or
            if the labels are of keypoints, which lines alone do not tell from polygons.
    """
    if "kpt_shape" in content:
        raise FormatError("labels must be boxes or polygons, got keypoints (kpt_shape).", path)
    names = content.get("names")
    if isinstance(names, dict):
        by_id = {str(key): name for key, name in names.items()}
        names = [by_id.get(str(index)) for index in range(len(by_id))]
    return _checked_names(names, path)


def _checked_names(names: object, path: Path) -> list[str]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise FormatError(
            "names must be texts, a list or numbered from 0 on without gaps.", path, item="names"
        )
    if len(names) > MAX_CLASSES:
        raise FormatError(f"names must be at most {MAX_CLASSES}, got {len(names)}.", path)
    twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if twice is not None:
        raise FormatError(f"names must be distinct, got {twice!r:.100} twice.", path, item="names")
    if not all(is_plain(name) for name in names):
        raise FormatError("names must be lines of text without control characters.", path)
    return names


def is_plain(name: str) -> bool:
    """Tell a name that a line of UTF-8 text can hold."""
    return all(ord(char) >= 32 and not 0xD800 <= ord(char) <= 0xDFFF for char in name)


def find_data_file(root: Path) -> Path | None:
    """Return the ``data.yaml`` of a data set: of that name, else the only YAML file with names."""
    if (root / DATA_FILE).is_file():
        return root / DATA_FILE
    files = [*sorted(root.glob("*.yaml")), *sorted(root.glob("*.yml"))]
    having = []
    for file in files:
        try:
            having += [file] if "names" in read_data_file(file) else []
        except FormatError:  # of something else than labels
            continue
    return having[0] if len(having) == 1 else None


def find_names(root: Path) -> list[str] | None:
    """Return the class names of a data set by id, None if no file says them.

    Raises:
        FormatError: If a file says them and is wrong.
    """
    data_file = find_data_file(root)
    if data_file is not None:
        return class_names(read_data_file(data_file), data_file)
    found = (folder / name for folder in (root, root / "labels") for name in NAME_FILES)
    listed = next((file for file in found if file.is_file()), None)
    if listed is None:
        return None
    names = [line.decode("utf-8", "replace") for _, line in read_lines(listed)]
    while names and not names[-1]:
        names.pop()
    return _checked_names(names, listed)


class NameTable:
    """Class names in the order in which a writer meets them; those that were read come first."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}
        self._ids: dict[str, int] = {}
        self._were_read = False

    def add_all(self, names: Iterable[str]) -> None:
        """Give the names of a data set ids, the same as there unless they are taken."""
        for index, name in enumerate(names):
            self._were_read = True
            if name not in self._ids:
                self._add(name, index)

    def id_of(self, name: str) -> int:
        """Return the id of a class; one called by a number gets that, if it is free."""
        if name not in self._ids:
            numbered = name.isascii() and name.isdecimal() and len(name) < 6
            self._add(name, int(name) if numbered and str(int(name)) == name else 0)
        return self._ids[name]

    def _add(self, name: str, wanted: int) -> None:
        """Give a name the wanted id, or the next that is free after all."""
        if len(self._ids) >= MAX_CLASSES or not is_plain(name):
            raise FormatError(
                f"classes must be at most {MAX_CLASSES} lines of text, got {name!r:.100} too."
            )
        index = wanted
        if index in self._names or index >= MAX_CLASSES:
            index = next(i for i in range(MAX_CLASSES) if i not in self._names)
        self._names[index], self._ids[name] = name, index

    def are_numbers(self) -> bool:
        """Tell whether there are names, none of them read, and all say no more than their ids."""
        named = self._names.items()
        return (
            bool(named) and not self._were_read and all(name == str(index) for index, name in named)
        )

    def to_list(self) -> list[str]:
        """Return the names by id; ids in between that no class has are called by their number."""
        last = max(self._names, default=-1)
        return [self._names.get(index, str(index)) for index in range(last + 1)]


def split_of(image: str) -> tuple[str, str]:
    """Return the key of ``data.yaml`` that a picture belongs to, and the folder it stands for.

    >>> split_of("images/val/a.jpg"), split_of("train/images/b/a.jpg"), split_of("clip/a.jpg")
    (('val', 'images/val'), ('train', 'train/images'), ('train', '.'))
    """
    folders = PurePosixPath(image).parts[:-1]
    known = [place for place, name in enumerate(folders) if name in SPLITS or name == "images"]
    split = next((SPLITS[name] for name in reversed(folders) if name in SPLITS), "train")
    return split, "/".join(folders[: known[-1] + 1]) if known else "."


def print_data_file(names: Sequence[str], folders: Iterable[tuple[str, str]]) -> str:
    """Return a ``data.yaml``; without pictures of their own, those to train stand for ``val``."""
    splits: dict[str, Any] = {}
    for key, folder in sorted(folders):
        splits.setdefault(key, []).append(folder)
    splits = {key: found[0] if len(found) == 1 else found for key, found in splits.items()}
    train = splits.get("train", splits.get("val", "."))
    content = {"train": train, "val": splits.get("val", train), **splits}
    content["names"] = dict(enumerate(names))
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def own_names(extra: dict[str, Any]) -> list[str]:
    """Return the class names that the reader left with a scene."""
    names = fields.as_kind(extra.get("names", []), list, "extra yolo, names")
    return [fields.as_kind(name, str, "extra yolo, names") for name in names]
