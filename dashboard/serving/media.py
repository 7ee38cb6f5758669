"""Pictures of frames over HTTP: by signed address, checked before a byte is sent."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from drivegrid.data.files import read_whole
from drivegrid.errors import DriveGridError, FormatError

from ..database import StoreError
from .containment import ContainmentError, contained
from .picture_kind import picture_kind
from .signing import (
    FULL,
    PERIOD_S,
    PREFIX,
    ExpiredError,
    ForgedError,
    Signer,
)
from .thumbnails import ThumbnailError, Thumbnails

FindPicture = Callable[[int], tuple[Path, str] | None]
"""Frame id to the folder of its data set and the picture's name in it."""

MAX_PICTURE_BYTES = 64 * 2**20


class MissingFrameError(DriveGridError):
    """A frame that is no longer in the store."""


_HEADERS = {
    "Cache-Control": f"private, max-age={PERIOD_S}",
    "Content-Disposition": "inline",
    "X-Content-Type-Options": "nosniff",
}
# Texts for people: none repeats an error, which may hold a path.
_PROBLEMS: dict[type[Exception], tuple[int, str]] = {
    ForgedError: (403, "This address was not made here."),
    ContainmentError: (403, "This picture lies outside its data set and is not shown."),
    MissingFrameError: (404, "There is no such frame."),
    OSError: (404, "The picture of this frame is not there or cannot be read."),
    ExpiredError: (410, "This address is too old. Load the page again."),
    FormatError: (422, "The picture of this frame is damaged or none."),
    StoreError: (503, "The database does not answer. Try again in a moment."),
    ThumbnailError: (507, "There is no room on the server to prepare this picture."),
}
_log = logging.getLogger(__name__)


def picture_routes(signer: Signer, find: FindPicture, thumbnails: Thumbnails) -> list[Route]:
    """Return the routes that serve pictures, for ``st.App(routes=...)`` or Starlette.

    Args:
        signer: Makes the addresses.
        find: Where the picture of a frame lies; None if there is no such frame. May raise
            `StoreError`.
        thumbnails: Keeps the small ones.
    """

    def picture(request: Request) -> Response:  # plain, so that Starlette runs it in a thread
        try:
            address = signer.open(request.path_params["token"])
            found = find(address.frame_id)
            if found is None:
                raise MissingFrameError(f"frame must be in the store, got {address.frame_id}.")
            return _picture(request, contained(*found), address.size, thumbnails)
        except tuple(_PROBLEMS) as error:
            return _refusal(error)

    return [Route(f"{PREFIX}/{{token}}", picture, methods=["GET"])]


def _picture(request: Request, path: Path, size: int, thumbnails: Thumbnails) -> Response:
    stat = os.stat(path)
    tag = f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"'
    headers = {**_HEADERS, "ETag": tag}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    content = _content(path, size, thumbnails)
    kind = picture_kind(content)
    if kind is None:  # a good picture that browsers cannot show
        content, kind = thumbnails.get(path, FULL).read_bytes(), "image/webp"
    return Response(content, headers=headers, media_type=kind)


def _content(path: Path, size: int, thumbnails: Thumbnails) -> bytes:
    if size != FULL:
        try:
            return thumbnails.get(path, size).read_bytes()
        except ThumbnailError as error:
            _log.warning("%s", error)
    return read_whole(path, MAX_PICTURE_BYTES)


def _refusal(error: Exception) -> PlainTextResponse:
    status, text = next(told for kind, told in _PROBLEMS.items() if isinstance(error, kind))
    if status != 410:
        _log.warning("picture refused with %d: %s", status, error)
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return PlainTextResponse(text, status, headers)
