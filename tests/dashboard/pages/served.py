"""The dashboard served from a folder, by a process of its own, for tests and benchmarks.

python -m tests.dashboard.pages.served FOLDER PORT DATABASE [proxy]
"""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

from tests.dashboard.canvas.browser import START_S, is_up, wait_until

ROOT = Path(__file__).parents[3]
HEADER = "X-Forwarded-User"


@dataclass(frozen=True)
class Server:
    """A server that runs."""

    url: str
    pid: int


@contextmanager
def serve(folder: Path, database: str = "", *, proxy: bool = False) -> Iterator[Server]:
    """Serve the dashboard whose folder this is; behind a proxy the cookie ``person`` signs in."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = [str(folder), str(port), database, *(["proxy"] if proxy else [])]
    run = [sys.executable, "-m", "tests.dashboard.pages.served", *settings]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(run, cwd=ROOT, stdout=log, stderr=log)
        try:
            wait_until(lambda: is_up(f"http://127.0.0.1:{port}/_stcore/health"), patience_s=START_S)
            yield Server(f"http://127.0.0.1:{port}", server.pid)
        finally:
            server.kill()
            server.wait()


def _signs_in(app: Any) -> Any:
    """Stand for the proxy: say in a header whom the cookie names, and nobody else."""

    async def proxy(scope: Any, receive: Any, send: Any) -> None:
        if "headers" in scope:
            kept = [pair for pair in scope["headers"] if pair[0] != HEADER.lower().encode()]
            found = SimpleCookie(dict(kept).get(b"cookie", b"").decode()).get("person")
            said = [(HEADER.lower().encode(), found.value.encode())] if found else []
            scope = {**scope, "headers": [*kept, *said]}
        await app(scope, receive, send)

    return proxy


def main() -> None:
    """Serve until killed."""
    from drivegrid.dashboard import app
    from drivegrid.dashboard.hub import HubSettings
    from drivegrid.dashboard.serving.access import AccessSettings

    folder, port, database, *proxy = sys.argv[1:]
    access = AccessSettings(proxy_header=HEADER) if proxy else AccessSettings()
    made, _ = app.make_app(HubSettings(Path(folder), database, access=access))
    app.serve(_signs_in(made) if proxy else made, "127.0.0.1", int(port))


if __name__ == "__main__":
    main()
