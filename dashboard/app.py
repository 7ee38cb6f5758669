"""The web application: Streamlit's pages, and the pictures of frames beside them."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from drivegrid.dashboard.hub import Hub, HubSettings, open_hub
from drivegrid.dashboard.serving.media import picture_routes
from drivegrid.dashboard.serving.uploads import MAX_UPLOAD_BYTES
from drivegrid.dashboard.store.pictures import find_picture
from streamlit import config

MAIN = Path(__file__).parent / "pages" / "main.py"
"""No folder called ``pages`` may lie beside it: Streamlit would run each file in that as a page."""
OPTIONS = {
    "browser.gatherUsageStats": False,
    "client.showErrorDetails": "none",
    "client.toolbarMode": "viewer",
    "server.enableStaticServing": False,
    "server.fileWatcherType": "none",
    "server.headless": True,
    "server.maxUploadSize": MAX_UPLOAD_BYTES >> 20,
    "runner.magicEnabled": False,
    "theme.light.primaryColor": "#0072B2",
    "theme.dark.primaryColor": "#56B4E9",
}
"""Of Streamlit: nothing is sent home, and errors are told without their insides."""


def make_app(settings: HubSettings) -> tuple[object, Hub]:
    """Open the hub, with its worker, and return an ASGI application over it, with the hub.

    Raises:
        ConfigError: If the database or the secret cannot be used.
        StoreError: If the database does not answer.
    """
    for name, value in OPTIONS.items():
        config.set_option(name, value)
    hub = open_hub(settings)
    hub.start_worker()
    routes = picture_routes(
        hub.signer, lambda frame_id: find_picture(hub.database, frame_id), hub.thumbnails
    )
    return st.App(MAIN, routes=routes), hub
