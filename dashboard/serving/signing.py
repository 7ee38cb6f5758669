"""Addresses of pictures: a frame and a size, signed and good for a while; never a path.

A token is 40 letters of URL-safe base64: frame, size and end, then a code that only the holder
of the secret can make. Ends are rounded, so that the same picture keeps the same address for an
hour and browsers need not fetch it twice.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import secrets
import struct
import time
from dataclasses import dataclass
from pathlib import Path

from drivegrid.errors import ConfigError, DriveGridError

PREFIX = "/frames"
"""Where pictures are served; Streamlit keeps ``/media`` for itself."""
FULL = 0
SIZES = (320, 960, FULL)
"""Longest side of a picture in pixels; 0 is the picture as it is."""
PERIOD_S = 3600
"""An address holds for one to two of these."""
SECRET_BYTES = 32

_FIELDS = struct.Struct(">QHQ")
_CODE_BYTES = 12
_TOKEN = re.compile(r"[A-Za-z0-9_-]{40}")


class AddressError(DriveGridError):
    """The address of a picture that does not hold."""


class ForgedError(AddressError):
    """An address that was not made here."""


class ExpiredError(AddressError):
    """An address that held once."""


@dataclass(frozen=True, slots=True)
class Address:
    """What an address stands for.

    Args:
        frame_id: The frame.
        size: One of ``SIZES``.
    """

    frame_id: int
    size: int


class Signer:
    """Makes addresses of pictures, and reads those that it made.

    Args:
        secret: ``SECRET_BYTES`` bytes that nobody else knows.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def address(self, frame_id: int, size: int = FULL) -> str:
        """Return the address of a frame's picture, as ``/frames/TOKEN``.

        Args:
            frame_id: At least 0.
            size: One of ``SIZES``.

        Raises:
            ConfigError: If the size is another.
        """
        if size not in SIZES:
            raise ConfigError(f"size must be one of {SIZES}, got {size!r}.")
        ends = (int(time.time()) // PERIOD_S + 2) * PERIOD_S
        fields = _FIELDS.pack(frame_id, size, ends)
        return f"{PREFIX}/{base64.urlsafe_b64encode(fields + self._code(fields)).decode()}"

    def open(self, token: str) -> Address:
        """Return what a token of `address` stands for.

        Raises:
            ForgedError: If it was not made with this secret.
            ExpiredError: If its time is over.
        """
        if not _TOKEN.fullmatch(token):
            raise ForgedError("address must be one that was made here, got another form.")
        signed = base64.urlsafe_b64decode(token)
        fields, code = signed[: _FIELDS.size], signed[_FIELDS.size :]
        if not hmac.compare_digest(code, self._code(fields)):
            raise ForgedError("address must be one that was made here, got another signature.")
        frame_id, size, ends = _FIELDS.unpack(fields)
        if time.time() >= ends:
            raise ExpiredError("address must be used in time, got an old one. Load the page again.")
        return Address(frame_id, size)

    def _code(self, fields: bytes) -> bytes:
        return hmac.digest(self._secret, fields, hashlib.sha256)[:_CODE_BYTES]


def load_secret(path: Path) -> bytes:
    """Return the secret in a file; at the first start it is drawn and written.

    Args:
        path: Beside the database; readable by its owner only.

    Raises:
        ConfigError: If others may read the file, it holds something else, or it can be neither
            read nor written.
    """
    try:
        if not path.exists():
            _write_secret(path)
        mode, secret = path.stat().st_mode, path.read_bytes()
    except OSError as error:
        raise ConfigError(f"secret must be readable, got: {error.strerror} ({path}).") from error
    if os.name == "posix" and mode & 0o077:
        raise ConfigError(
            f"secret must be its owner's only, got mode {mode & 0o777:o} ({path}). "
            "Delete it; a new one is made at the next start."
        )
    if len(secret) != SECRET_BYTES:
        raise ConfigError(
            f"secret must have {SECRET_BYTES} bytes, got {len(secret)} ({path}). "
            "Delete it; a new one is made at the next start."
        )
    return secret


def _write_secret(path: Path) -> None:
    """Write a new secret whole, or leave the one that another process was first to write."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(SECRET_BYTES))
            file.flush()
            os.fsync(file.fileno())
        os.link(part, path)  # unlike a rename, it never replaces
    except FileExistsError:
        return
    finally:
        part.unlink(missing_ok=True)
