"""Archives from elsewhere: a few wanted files come out, flat, or nothing does.

Archives are read as streams, names are never joined to paths before they are checked, and every
member counts, wanted or not: one link, one name that leads outside, and the archive is refused.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple, Protocol

from drivegrid.errors import FormatError

MAX_MEMBERS = 10_000
MAX_BYTES = 64 * 2**20
"""Most that an archive may unpack to."""

_CHUNK = 2**16
_BROKEN = (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError)


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Member(NamedTuple):
    name: str
    kind: str
    data: IO[bytes] | None


def unpack(archive: Path, folder: Path, wanted: Sequence[str]) -> dict[str, str]:
    """Write the wanted files of a tar packed by gzip into a folder, without subfolders.

    Args:
        archive: The .tgz file.
        folder: Existing folder; on failure it may hold some files.
        wanted: Regular expressions of full member names; each must match at least one, and no two
            matches may share a file name.

    Returns:
        File name to the SHA-256 of its content.

    Raises:
        FormatError: If the archive is broken or larger than ``MAX_BYTES`` or ``MAX_MEMBERS``, or
            if any member is a link, a device or named outside the archive; names the member.
    """
    written: dict[str, str] = {}
    missing = set(wanted)
    try:
        for number, member in enumerate(_members(archive), start=1):
            if number > MAX_MEMBERS:
                raise FormatError(f"archive must have at most {MAX_MEMBERS} members.", archive)
            name = _checked_name(member, archive)
            hits = {pattern for pattern in wanted if re.fullmatch(pattern, member.name)}
            if member.data is None or not hits:
                continue
            missing -= hits
            if name.casefold() in map(str.casefold, written):
                raise FormatError("archive must not hold two files of one name", archive, item=name)
            written[name] = _write(member.data, folder / name)
    except _BROKEN as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"archive must be whole, got: {error}.", archive) from error
    if missing:
        raise FormatError(f"archive must hold {min(missing)}, got none.", archive)
    return written


def _checked_name(member: _Member, archive: Path) -> str:
    """Return the last part of a harmless name."""
    parts = member.name.rstrip("/").split("/")
    outside = {"", ".", ".."} & set(parts) or re.search(r"[\\:\0-\x1f]", member.name)
    if outside or member.kind == "other":
        raise FormatError(
            "archive must hold plain files under relative names, got another member",
            archive,
            item=f"{member.name!r:.200}",
        )
    return parts[-1]


def _write(data: IO[bytes], path: Path) -> str:
    """Copy one file; return the SHA-256 of what was written."""
    digest = hashlib.sha256()
    with path.open("xb") as file:
        while chunk := data.read(_CHUNK):
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


def _members(archive: Path) -> Iterator[_Member]:
    """Read front to back; what is passed over counts as well, since it is unpacked too."""
    with (
        gzip.open(archive, "rb") as unpacked,
        tarfile.open(fileobj=_Capped(unpacked, archive), mode="r|") as tar,  # type: ignore[call-overload]
    ):
        for info in tar:
            if info.isreg():
                yield _Member(info.name, "file", tar.extractfile(info))
            else:
                yield _Member(info.name, "folder" if info.isdir() else "other", None)


class _Capped:
    """A stream that ends in an error after ``MAX_BYTES``."""

    def __init__(self, stream: _Readable, archive: Path) -> None:
        self._stream, self._archive, self._room = stream, archive, MAX_BYTES

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._room -= len(data)
        if self._room < 0:
            raise FormatError(
                f"archive must unpack to at most {MAX_BYTES} bytes, got more.", self._archive
            )
        return data
