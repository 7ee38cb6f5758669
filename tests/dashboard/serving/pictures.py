"""Picture files for the tests of serving: good ones, bombs, and what is none."""

import io
import struct
import zlib

import numpy as np
from PIL import Image


def noise(width=64, height=48, seed=0):
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(values)


def encoded(image, kind="PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **options)
    return buffer.getvalue()


def png_claiming(width, height) -> bytes:
    """A small PNG whose header claims any size."""

    def chunk(kind, body):
        check = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def real_bomb(side=8000) -> bytes:
    """A small PNG that truly holds a large black picture."""
    return encoded(Image.new("1", (side, side)))


def turned(orientation=6) -> bytes:
    """A JPEG 64 wide and 48 high, to be shown turned."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(noise(), "JPEG", exif=exif)
