"""Folders of results, on this machine or wherever fsspec reaches: S3, Google Cloud Storage.

Files are written whole or not at all: here by renaming, in object stores because an object
appears when all of it has arrived.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, TypeAlias

from drivegrid.data.files import (
    MAX_FILE_BYTES,
    atomic_path,
    check_regular,
    read_whole,
    write_lines,
)
from drivegrid.errors import FormatError, MissingExtraError

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_LEFTOVER = re.compile(r"\..*\.part")


def is_url(path: str | Path) -> bool:
    """Tell a URL from a path of this machine.

    >>> [is_url(path) for path in ("s3://bucket/shards", "shards/", "C:/shards")]
    [True, False, False]
    """
    return _URL.match(str(path)) is not None


def plain_path(path: str | Path) -> str:
    """Return a path or URL as text, ``file://`` URLs as the paths they are.

    >>> plain_path("file:///data/shards")
    '/data/shards'
    """
    return str(path).removeprefix("file://")


@dataclass(frozen=True, slots=True)
class LocalFolder:
    """A folder of this machine; a file in it is called by its path inside, ``"log/a.json"``."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def write(self, name: str, content: bytes) -> None:
        """Write a file, atomically; missing folders are made."""
        with atomic_path(self.path / name) as part:
            part.write_bytes(content)

    def write_lines(self, name: str, lines: Iterable[str]) -> None:
        """Write UTF-8 lines as they come, atomically."""
        write_lines(self.path / name, lines)

    def read(self, name: str, max_bytes: int = MAX_FILE_BYTES) -> bytes | None:
        """Return the content of a file, None if there is none.

        Raises:
            FormatError: If it cannot be read or is too large.
        """
        return read_whole(self.path / name, max_bytes) if (self.path / name).exists() else None

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """Give a file to read from; raises OSError if it is missing or not regular."""
        check_regular(self.path / name)
        with (self.path / name).open("rb") as file:
            yield file

    def remove(self, name: str) -> None:
        """Remove a file if it is there."""
        (self.path / name).unlink(missing_ok=True)

    def names(self) -> set[str]:
        """Return the files of this folder and those below, without leftovers of killed writers."""
        return {name for name in self._files() if not _LEFTOVER.fullmatch(Path(name).name)}

    def tidy(self) -> None:
        """Remove the leftovers of killed writers."""
        for name in self._files():
            if _LEFTOVER.fullmatch(Path(name).name):
                self.remove(name)

    def _files(self) -> list[str]:
        found = self.path.rglob("*") if self.path.is_dir() else ()
        return [path.relative_to(self.path).as_posix() for path in found if not path.is_dir()]


@dataclass(frozen=True, slots=True)
class RemoteFolder:
    """A folder behind a URL; the same as a ``LocalFolder``.

    Other processes open it anew: what a URL needs beside itself (keys, endpoints) comes from
    fsspec's settings and the environment.
    """

    url: str

    def __str__(self) -> str:
        return self.url

    def _at(self, name: str = "") -> tuple[Any, str]:
        """Return the file system, which fsspec keeps open, and a path in it."""
        try:
            from fsspec.core import url_to_fs
        except ImportError as error:
            raise MissingExtraError("a URL", "fsspec", "fleet") from error
        try:
            filesystem, root = url_to_fs(self.url)
        except (ImportError, ValueError) as error:  # s3fs or gcsfs absent; unknown protocol
            raise FormatError(
                f"URL must be one that fsspec opens, got: {error}", self.url
            ) from error
        return filesystem, f"{root.rstrip('/')}/{name}" if name else root

    def write(self, name: str, content: bytes) -> None:
        """Write a file."""
        filesystem, path = self._at(name)
        filesystem.makedirs(str(PurePosixPath(path).parent), exist_ok=True)
        filesystem.pipe_file(path, content)

    def write_lines(self, name: str, lines: Iterable[str]) -> None:
        """Write UTF-8 lines as they come."""
        filesystem, path = self._at(name)
        with filesystem.open(path, "wb") as file:
            for line in lines:
                file.write(f"{line}\n".encode())

    def read(self, name: str, max_bytes: int = MAX_FILE_BYTES) -> bytes | None:
        """Return the content of a file, None if there is none."""
        filesystem, path = self._at(name)
        try:
            content: bytes = filesystem.cat_file(path, end=max_bytes + 1)
        except FileNotFoundError:
            return None
        if len(content) > max_bytes:
            raise FormatError(f"file must have at most {max_bytes} bytes, got more.", path)
        return content

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """Give a file to read from; raises OSError if it is missing."""
        filesystem, path = self._at(name)
        with filesystem.open(path, "rb") as file:
            yield file

    def remove(self, name: str) -> None:
        """Remove a file if it is there."""
        filesystem, path = self._at(name)
        try:
            filesystem.rm_file(path)
        except FileNotFoundError:
            pass

    def names(self) -> set[str]:
        """Return the files of this folder and those below."""
        filesystem, root = self._at()
        filesystem.invalidate_cache()
        found = filesystem.find(root)
        return {path.removeprefix(root).lstrip("/") for path in found}

    def tidy(self) -> None:
        """Do nothing: a writer that is killed leaves no object behind."""


Folder: TypeAlias = LocalFolder | RemoteFolder


def as_folder(path: str | Path) -> Folder:
    """Return the folder at a path or URL, which need not be there yet."""
    plain = plain_path(path)
    return RemoteFolder(plain.rstrip("/")) if is_url(plain) else LocalFolder(Path(plain))
