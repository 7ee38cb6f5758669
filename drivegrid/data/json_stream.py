"""Large JSON files, one array element at a time: memory for the largest element, not for the file.

A file is split by the decoder of the standard library on a buffer that grows until it holds a
whole element. Elements come as text, so that each is checked and read where it is used
(``files.parse_json``), maybe in another process, and a bad number sets aside one of them.
"""

from __future__ import annotations

import codecs
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from drivegrid.data.files import MAX_LINE_BYTES, check_regular, parse_json
from drivegrid.errors import FormatError

CHUNK_BYTES = 1 << 20
MAX_ITEM_CHARS = MAX_LINE_BYTES
"""Longest element, or member beside the array, that is read."""

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder(parse_int=float)  # float takes any number of digits
_CUT = 16
"""An error this near to the buffer's end may be a token that goes on behind it."""


def array_items(path: str | Path, key: str | None = None) -> Iterator[tuple[int, bytes]]:
    """Yield (0-based number, JSON text) of each element of an array.

    Args:
        path: JSON file, unpacked if it ends in ``.gz``.
        key: None: the file is the array. Else: the file is an object, the array stands there.

    Raises:
        FormatError: While iterating, where the rest cannot be read: the file is missing or
            unreadable, no JSON, something else, or has an element beyond ``MAX_ITEM_CHARS``.
    """
    with _open(Path(path)) as text:
        if key is None:
            yield from text.array("file")
        else:
            found = False
            for name in text.members():
                if name == key:
                    found = True
                    yield from text.array(key)
                else:
                    text.skip()
            if not found:
                raise text.error(f"file must hold {key!r}, got no such key.")
        text.end()


def other_members(path: str | Path, arrays: Set[str]) -> dict[str, Any]:
    """Return what stands in a top-level object beside its large arrays.

    Args:
        path: JSON file, unpacked if it ends in ``.gz``.
        arrays: Keys whose values are passed over.

    Raises:
        FormatError: As ``array_items``; also if a value is not what ``files.parse_json`` takes.
    """
    found: dict[str, Any] = {}
    with _open(Path(path)) as text:
        for name in text.members():
            if name in arrays:
                text.skip()
            else:
                try:
                    found[name] = parse_json(text.value())
                except FormatError as error:
                    raise FormatError(error.message, path, item=name) from error
        text.end()
    return found


def object_items(path: str | Path) -> Iterator[tuple[str, int | None, bytes]]:
    """Yield (key, number, JSON text) of all that stands in a top-level object, in one pass.

    An array comes as ``[]`` with the number None, then element by element; other values come
    whole, with the number None.

    Args:
        path: JSON file, unpacked if it ends in ``.gz``.

    Raises:
        FormatError: As ``array_items``.
    """
    with _open(Path(path)) as text:
        for name in text.members():
            if text.peek() == "[":
                yield name, None, b"[]"
                for number, item in text.array(name):
                    yield name, number, item
            else:
                yield name, None, text.value()
        text.end()


def first_char(path: str | Path) -> str:
    """Return the first character of a JSON file that is no space; empty if there is none.

    Raises:
        FormatError: If the file is missing or unreadable.
    """
    with _open(Path(path)) as text:
        return text.peek()


@contextmanager
def _open(path: Path) -> Iterator[_Text]:
    try:
        check_regular(path)
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            yield _Text(path, file)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise FormatError(f"file must be readable, got: {reason}.", path) from error


class _Text:
    """JSON text that is read forwards through a buffer.

    Bytes that are not UTF-8 are carried through, to be found in the element they belong to.
    """

    def __init__(self, path: Path, file: io.BufferedIOBase) -> None:
        self.path = path
        self._file = file
        self._decode = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape").decode
        self._text, self._at, self._passed, self._is_whole = "", 0, 0, False

    def error(self, message: str, at: int | None = None) -> FormatError:
        """Return an error that says at which character of the file it is."""
        at = self._passed + (self._at if at is None else at)
        return FormatError(message, self.path, item=f"character {at}")

    def peek(self) -> str:
        """Return the next character that is no space, empty at the end of the file."""
        while True:
            match = _SPACE.match(self._text, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._text) or self._is_whole:
                return self._text[self._at : self._at + 1]
            self._grow()

    def take(self, expected: str) -> str:
        """Return the next character that is no space and pass it; one of those expected."""
        char = self.peek()
        if not char or char not in expected:
            words = " or ".join(expected)
            raise self.error(f"JSON must go on with {words}, got {char or 'the end'!r}.")
        self._at += 1
        return char

    def end(self) -> None:
        """Refuse anything but space up to the end of the file."""
        if char := self.peek():
            raise self.error(f"JSON must end after its value, got {char!r}.")

    def value(self) -> bytes:
        """Return the text of the next value and pass it."""
        self.peek()
        while True:
            try:
                _, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if self._is_whole or not self._may_go_on(error):
                    message = f"JSON must be well formed, got: {error.msg}."
                    raise self.error(message, error.pos) from error
            except RecursionError as error:
                raise self.error("JSON must not be nested so deeply.") from error
            else:
                # "1" may still become "1.5" or "1e+5"
                if self._is_whole or end + 2 < len(self._text):
                    text, self._at = self._text[self._at : end], end
                    return text.encode("utf-8", "surrogateescape")
            self._grow()

    def array(self, name: str) -> Iterator[tuple[int, bytes]]:
        """Yield the elements of the next value, which must be an array."""
        if self.peek() != "[":
            raise self.error(f"{name} must be an array, got {self.peek() or 'nothing'!r}.")
        self._at += 1
        if self.peek() == "]":
            self._at += 1
            return
        number, sign = 0, ","
        while sign == ",":
            yield number, self.value()
            number, sign = number + 1, self.take(",]")

    def members(self) -> Iterator[str]:
        """Yield the keys of an object; after each the caller passes its value."""
        self.take("{")
        if self.peek() == "}":
            self._at += 1
            return
        keys, sign = set[str](), ","
        while sign == ",":
            if self.peek() != '"':
                raise self.error(f"key must be a text, got {self.peek() or 'the end'!r}.")
            key = str(parse_json(self.value()))
            if key in keys:
                raise self.error(f"key must stand once, got {key!r:.100} again.")
            keys.add(key)
            self.take(":")
            yield key
            sign = self.take(",}")

    def skip(self) -> None:
        """Pass the next value, an array element by element."""
        if self.peek() == "[":
            for _ in self.array("value"):
                pass
        else:
            self.value()

    def _may_go_on(self, error: json.JSONDecodeError) -> bool:
        return error.msg.startswith("Unterminated") or error.pos >= len(self._text) - _CUT

    def _grow(self) -> None:
        rest = self._text[self._at :]
        if len(rest) > MAX_ITEM_CHARS:
            raise self.error(f"value must have at most {MAX_ITEM_CHARS} characters, got more.")
        self._passed += self._at
        # twice as much each time, so that an element is not decoded again and again
        chunk = self._file.read(max(CHUNK_BYTES, len(rest)))
        self._is_whole = not chunk
        self._text, self._at = rest + self._decode(chunk, self._is_whole), 0
