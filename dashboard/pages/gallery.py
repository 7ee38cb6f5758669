"""Gallery: thumbnails that the browser loads itself, each a link to a page with its frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import streamlit as st
from drivegrid.dashboard.serving.signing import Signer
from drivegrid.dashboard.store.records import FrameRow

SIDE = 320
"""Of a thumbnail in pixels."""
FOLDER = Path(__file__).parent

_component = st.components.v2.component(
    "drivegrid_gallery",
    js=(FOLDER / "gallery.js").read_text(encoding="utf-8"),
    css=(FOLDER / "gallery.css").read_text(encoding="utf-8"),
)


def gallery(
    frames: Sequence[FrameRow],
    signer: Signer,
    key: str,
    notes: Mapping[int, str] | None = None,
    page: str = "frame",
) -> None:
    """Show frames as thumbnails.

    Args:
        frames: In the order in which they are shown.
        signer: Makes the addresses of their pictures.
        key: Name of the gallery in the session.
        notes: Frame id to a few letters beside its name, for example a score.
        page: Address of the page that a click opens the frame on.
    """
    notes = notes or {}
    items = [
        {
            "id": frame.id,
            "url": signer.address(frame.id, SIDE),
            "href": f"{page}?frame={frame.id}",
            "name": "/".join(PurePosixPath(frame.image).parts[-2:]),
            "status": frame.status,
            "note": notes.get(frame.id, ""),
        }
        for frame in frames
    ]
    _component(key=key, data={"items": items})
