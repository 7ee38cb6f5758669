"""``drivegrid dashboard``: the review dashboard in the browser."""

from __future__ import annotations

import os
import signal
import threading
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drivegrid.cli.loading import load_predictor
from drivegrid.cli.output import counting_bar, print_rejected, progress_bar
from drivegrid.errors import MissingExtraError

if TYPE_CHECKING:
    from drivegrid.dashboard.hub import Hub
    from drivegrid.dashboard.serving.access import AccessSettings

OPEN_AFTER_S = 2.0
COMMAND = "the command, on this machine"
"""Who brings data in where people sign in; nobody can sign in by a name with a comma."""


def dashboard(  # noqa: PLR0913, PLR0917 - options of a command
    data: Annotated[Path | None, typer.Argument(help="labels with pictures to bring in")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="also bring in rendered scenes")] = False,
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="port to listen on")] = 8501,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="open no browser")] = False,
    database: Annotated[
        str, typer.Option(help="URL of the store; default: a file of SQLite in --folder")
    ] = "",
    model: Annotated[Path | None, typer.Option(help="checkpoint; default: the nano")] = None,
    folder: Annotated[
        Path | None, typer.Option(help="its own files; default: ~/.local/share/drivegrid")
    ] = None,
    proxy_header: Annotated[
        str, typer.Option(help="header by which a proxy in front names the person")
    ] = "",
    admin: Annotated[str, typer.Option(help="make this person admin, where people sign in")] = "",
) -> None:
    """Ask, see, review and correct in the browser.

    DATA is a label file or folder of any known format, beside its pictures. Without it, and with
    nothing in the store yet, scenes are rendered and answered first, which takes a minute or two.
    It listens to this machine alone unless people sign in: by [auth] in .streamlit/secrets.toml,
    or by a proxy (--proxy-header).

    Example: drivegrid dashboard my_labels/ --port 8600
    """
    try:
        from drivegrid.dashboard.app import make_app, serve
        from drivegrid.dashboard.hub import HubSettings
        from drivegrid.dashboard.serving.access import check_bind
    except ImportError as error:
        raise MissingExtraError("drivegrid dashboard", "streamlit", "dashboard") from error

    access = _access(proxy_header)
    check_bind(host, access)
    own = folder or _own_folder()
    own.mkdir(parents=True, exist_ok=True)
    app, hub = make_app(HubSettings(own, database, model, access))
    try:
        if admin:
            hub.someone(COMMAND, "admin").let_in(admin, "admin")
        _fill(hub, data, demo)
        address = f"http://{'localhost' if host == '127.0.0.1' else host}:{port}"
        typer.echo(f"drivegrid dashboard: {address} (Ctrl-C stops it)")
        if not no_browser:
            threading.Timer(OPEN_AFTER_S, webbrowser.open, [address]).start()
        # The server passes the signal on when it has closed: then the work is given back, too.
        signal.signal(signal.SIGTERM, _stop)
        serve(app, host, port)
    finally:
        hub.close()


def _stop(number: int, _: object) -> None:
    raise SystemExit(128 + number)


def _own_folder() -> Path:
    home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(home) / "drivegrid"


def _access(proxy_header: str) -> AccessSettings:
    """Return how people are known: by Streamlit's secrets, or the header of a proxy."""
    import streamlit as st
    from streamlit.errors import StreamlitSecretNotFoundError

    from drivegrid.dashboard.serving.access import AccessSettings, has_login

    try:
        login = has_login(st.secrets)
    except StreamlitSecretNotFoundError:  # there is no file of secrets
        login = False
    return AccessSettings(login, proxy_header)


def _fill(hub: Hub, data: Path | None, demo: bool) -> None:
    """Bring data into the store: what was given, and the demo where there is nothing."""
    from drivegrid.dashboard.demo import has_data, make_demo
    from drivegrid.dashboard.serving.access import name_of_machine

    alone = hub.settings.access.single_user
    actor = hub.someone(name_of_machine() if alone else COMMAND, "admin")
    if data is not None:
        with counting_bar(None, "frames") as move:
            done = 0

            def progress(count: int) -> None:
                nonlocal done
                move(count - done)
                done = count

            found = actor.add_dataset(data.resolve().name, data, progress)
        print_rejected(found.quarantine.rejected)
        typer.echo(
            f"{data}: {found.added} new frames, {found.quarantine.num_rejected} set aside, "
            f"{found.unseen} without a picture"
        )
    if demo or not has_data(actor):
        typer.echo("rendering and answering scenes to begin with, once (a minute or two)")
        make_demo(actor, hub.settings.folder / "demo", lambda: load_predictor(None), progress_bar)
