"""The web application: Streamlit's pages, and the pictures of frames beside them."""

from __future__ import annotations

import gc
from importlib import import_module
from pathlib import Path
from typing import Any

import streamlit as st
import uvicorn
from drivegrid.dashboard.hub import Hub, HubSettings, open_hub
from drivegrid.dashboard.pages.parts import show_error
from drivegrid.dashboard.serving.media import picture_routes
from drivegrid.dashboard.serving.uploads import MAX_UPLOAD_BYTES
from drivegrid.dashboard.store.pictures import find_picture
from streamlit import config

from drivegrid.errors import DriveGridError

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


CLOSE_S = 5
"""How long open pages may keep a dashboard that is stopped."""


def make_app(settings: HubSettings) -> tuple[Any, Hub]:
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
    return st.App(MAIN, routes=routes, on_script_error=_tell), hub


def _tell(error: Exception) -> bool:
    """Show an error that met no page, of a part that runs by itself most often; it is logged."""
    if isinstance(error, DriveGridError):
        show_error(str(error))
    else:
        show_error("This page met an error that nobody foresaw. The server's log has it.")
    return True


def serve(app: Any, host: str, port: int) -> None:
    """Serve an application until it is stopped.

    Streamlit collects garbage after every run of a page. What is loaded by now is no garbage:
    looking through it each time took a third of a second, during which no page moved.
    """
    for name in ("drivegrid.dashboard.pages.main", "pandas"):
        import_module(name)  # before pages do: two that import at once see halves
    gc.collect()
    gc.freeze()
    uvicorn.run(app, host=host, port=port, log_level="warning", timeout_graceful_shutdown=CLOSE_S)
