"""A first look at a file or folder, from which formats are told apart."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from drivegrid.data.files import check_regular, parse_json, read_lines, walk_files
from drivegrid.errors import FormatError

MAX_FILES = 5_000
"""How many files of a folder are looked at."""
MAX_HEAD = 1 << 16
"""How many bytes of a file are looked at."""
MAX_LINES = 1_000
"""How many lines of a file are looked at for the first that is JSON."""
MAX_WHOLE = 1 << 24
"""How large a JSON file may be to be read whole for a look."""


@dataclass(frozen=True)
class Peek:
    """What can be told of a path without reading all of it.

    Args:
        path: File or folder.
    """

    path: Path

    @cached_property
    def is_folder(self) -> bool:
        """Whether the path is a folder."""
        return self.path.is_dir()

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """The first files below a folder, in order of names; none for a file."""
        if not self.is_folder:
            return ()
        found = (file for file in walk_files(self.path) if isinstance(file, Path))
        return tuple(islice(found, MAX_FILES))

    def first(self, suffix: str) -> Path | None:
        """Return the first file of a folder whose name ends so."""
        return next((file for file in self.files if file.name.endswith(suffix)), None)

    @cached_property
    def head(self) -> bytes:
        """The first bytes of a file, unpacked if it ends in .gz, in UTF-8; none of a folder.

        Raises:
            FormatError: If the file is missing or cannot be read.
        """
        if self.is_folder:
            return b""
        try:
            check_regular(self.path)
            packed = self.path.suffix == ".gz"
            with gzip.open(self.path, "rb") if packed else self.path.open("rb") as file:
                head = file.read(MAX_HEAD).removeprefix(b"\xef\xbb\xbf")
        except (OSError, EOFError, zlib.error) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise FormatError(f"file must be readable, got: {reason}.", self.path) from error
        is_utf16 = head[:2] in (b"\xff\xfe", b"\xfe\xff")  # as XML may be
        return head.decode("utf-16", "replace").encode() if is_utf16 else head

    @cached_property
    def json(self) -> Any:
        """The value of a JSON file that is not too large, else None."""
        if self.head.lstrip()[:1] not in (b"{", b"[") or self.path.suffix == ".gz":
            return None
        if self.path.stat().st_size > MAX_WHOLE:
            return None
        try:
            return parse_json(self.path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
        except FormatError:
            return None

    @cached_property
    def line(self) -> dict[str, Any]:
        """The first JSON object among the lines of a file; a bad line is passed over."""
        if self.is_folder:
            return {}
        for _, line in islice(read_lines(self.path), MAX_LINES):
            try:
                record = parse_json(line)
            except FormatError:
                continue
            if isinstance(record, dict):
                return record
        return {}
