"""Files that are either whole or absent, text read line by line, folders walked once."""

from __future__ import annotations

import errno
import gzip
import json
import math
import os
import secrets
import shutil
import stat
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from drivegrid.errors import FormatError

MAX_LINE_BYTES = 64 * 2**20
"""Longest line that is read; a longer one is a broken or hostile file."""
MAX_FILE_BYTES = 2**31
"""Largest file that is read at once."""


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Give a hidden file beside ``path`` to write to; it becomes ``path`` when the block ends.

    If the block fails the hidden file is removed and ``path`` stays as it was. Missing parent
    folders are made. A symbolic link stays: the file it leads to is the one that is replaced.
    A device or pipe (``/dev/stdout``) is given itself and written to as it goes.

    Raises:
        OSError: If ``path`` is a folder, the folder cannot be written or the disk is full; names
            ``path`` unless another file failed.
    """
    if is_stream(path):
        yield Path(path)
        return
    target = _follow(path)
    if os.path.exists(target):
        check_regular(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = _hidden_name(target)
    try:
        yield part
        with part.open("rb") as written:
            os.fsync(written.fileno())  # some disks report that they are full only now
        os.replace(part, target)
    except OSError as error:
        if error.filename not in (None, str(part)):
            raise
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error
    finally:
        part.unlink(missing_ok=True)


def is_stream(path: str | Path) -> bool:
    """Tell devices and pipes, which take what is written but cannot be replaced."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return stat.S_ISCHR(mode) or stat.S_ISFIFO(mode)


def check_regular(path: str | Path) -> None:
    """Raise OSError for what is no regular file: reading a pipe would wait for its writer."""
    mode = os.stat(path).st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "Not a regular file", str(path))


@contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """Give a hidden folder to fill; its content becomes ``path`` when the block ends.

    If the block fails the hidden folder is removed and ``path`` stays as it was: absent or empty.
    Missing parent folders are made. An empty folder that is already there stays the same folder
    (it may be a mount, a link's target or the working folder): its content is moved in at the end.

    Raises:
        OSError: If the folder cannot be written, the disk is full or another process filled the
            folder meanwhile; names ``path``.
    """
    target = _follow(path)
    exists = target.is_dir()
    part = _hidden_name(target / "new" if exists else target)
    try:
        part.mkdir(parents=True)
        yield part
        if exists:
            if any(not _is_hidden(other.name) for other in target.iterdir()):
                raise OSError(errno.ENOTEMPTY, "", str(path))
            for content in sorted(part.iterdir()):
                os.replace(content, target / content.name)
        else:
            os.replace(part, target)
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno == errno.ENOTEMPTY:
            reason = "folder must stay new or empty, but something else filled it meanwhile"
        raise OSError(error.errno, reason, str(path)) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _follow(path: str | Path) -> Path:
    """Return where a symbolic link leads, even if nothing is there yet; other paths as given."""
    if not os.path.islink(path):
        return Path(path)
    target = Path(os.path.realpath(path))
    if target.is_symlink():  # what realpath gives for links that lead to themselves
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    return target


def _hidden_name(path: Path) -> Path:
    """Return a new name beside a path, of at most 250 bytes."""
    return path.with_name(f".{path.name[:50]}.{secrets.token_hex(4)}.part")


def _is_hidden(name: str) -> bool:
    return name.startswith(".") and name.endswith(".part")


def write_text(path: str | Path, text: str) -> None:
    """Write a UTF-8 file, atomically (see ``atomic_path``)."""
    with atomic_path(path) as part:
        part.write_bytes(text.encode("utf-8"))


def write_lines(path: str | Path, lines: Iterable[str]) -> None:
    """Write UTF-8 lines, atomically; a name in ``.gz`` is compressed, the same bytes each time."""
    with atomic_path(path) as part:
        fill_lines(part, lines, packed=Path(path).suffix == ".gz")


def fill_lines(part: Path, lines: Iterable[str], *, packed: bool) -> None:
    """Write UTF-8 lines into a file from ``atomic_path``."""
    with part.open("wb") as file:
        if packed:
            with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as archive:
                archive.writelines(f"{line}\n".encode() for line in lines)
        else:
            file.writelines(f"{line}\n".encode() for line in lines)


def read_lines(path: str | Path) -> Iterator[tuple[int, bytes]]:
    """Yield (1-based number, line without its end) of a file, unpacked if it ends in ``.gz``.

    Blank lines come too, as ``b""``; a byte order mark is cut off.

    Raises:
        FormatError: If the file is missing, no regular file, unreadable, broken, or holds an
            endless line.
    """
    path, number = Path(path), 0
    try:
        check_regular(path)
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            while line := file.readline(MAX_LINE_BYTES + 1):
                number += 1
                if len(line) > MAX_LINE_BYTES:
                    raise FormatError(
                        f"line must have at most {MAX_LINE_BYTES} bytes, got more.", path, number
                    )
                if number == 1:
                    line = line.removeprefix(b"\xef\xbb\xbf")
                yield number, line.strip()
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise FormatError(f"file must be readable, got: {reason}.", path, number or None) from error


def read_whole(path: str | Path, max_bytes: int = MAX_FILE_BYTES) -> bytes:
    """Return the content of a file that is read at once, a byte order mark cut off.

    Raises:
        FormatError: If the file is missing, no regular file, unreadable or too large; names the
            limit.
    """
    try:
        check_regular(path)
        with Path(path).open("rb") as file:
            content = file.read(max_bytes + 1)
    except OSError as error:
        raise FormatError(f"file must be readable, got: {error.strerror}.", path) from error
    if len(content) > max_bytes:
        raise FormatError(f"file must have at most {max_bytes} bytes, got more.", path)
    return content.removeprefix(b"\xef\xbb\xbf")


def parse_json(line: bytes) -> Any:
    """Return the value of one JSON text.

    Raises:
        FormatError: If it is not UTF-8, not JSON, or holds a number that is not finite (``NaN``,
            ``Infinity``, ``1e999``), a text that UTF-8 cannot hold (half a surrogate pair) or an
            object with a key twice (which of the two would count?); without path and line, see
            ``FormatError.at``.

    >>> parse_json(b'{"lanes": []}')
    {'lanes': []}
    """
    try:
        decoder = _FINITE_DECODER if _may_overflow(line) else _QUICK_DECODER
        value = decoder.decode(line.decode("utf-8"))
        if rb"\ud" in line.lower():  # an escaped surrogate; in pairs they are good
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        return value
    except (ValueError, RecursionError) as error:
        raise FormatError(
            f"line must be JSON in UTF-8 with finite numbers, got: {error}."
        ) from error


_ZEROS = bytes.maketrans(b"123456789E", b"000000000e")


def _may_overflow(line: bytes) -> bool:
    """Tell whether a number may be too large for a float, as no short one without e000 is."""
    digits = line.translate(_ZEROS, delete=b"+")
    return b"e000" in digits or b"0" * 200 in digits


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text:.50}")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        [(again, _)] = Counter(key for key, _ in pairs).most_common(1)
        raise ValueError(f"key {again!r:.100} twice in an object")
    return value


_QUICK_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_finite)
_FINITE_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=_finite, parse_constant=_finite
)  # half as fast


def walk_files(root: Path) -> Iterator[Path | FormatError]:
    """Yield every file below a folder, by name; an error for each folder that cannot be read.

    Links to folders are followed after the folders that really lie here, so that no link in a ring
    leads astray: each folder is entered once.
    """
    tops, entered, unreadable = [str(root)], set[str](), list[OSError]()
    for top in tops:  # grows on the way
        for folder, subfolders, names in os.walk(top, onerror=unreadable.append):
            real = os.path.realpath(folder)
            if real in entered:
                subfolders.clear()
                continue
            entered.add(real)
            subfolders.sort()
            inner = (os.path.join(folder, name) for name in subfolders)
            tops += [path for path in inner if os.path.islink(path)]
            yield from (Path(folder, name) for name in sorted(names))
    for error in unreadable:
        yield FormatError(f"folder must be readable, got: {error.strerror}.", error.filename)
