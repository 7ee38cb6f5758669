"""What a picture is, told from its first bytes; names and headers of clients are not asked."""

from __future__ import annotations


def picture_kind(content: bytes) -> str | None:
    """Return the media type of JPEG, PNG and WebP, which every browser shows; None for others.

    >>> picture_kind(b"GIF89a"), picture_kind(b"<svg xmlns='...'>"), picture_kind(b"")
    (None, None, None)
    >>> picture_kind(bytes.fromhex("89504e470d0a1a0a"))
    'image/png'
    """
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return None
