"""The dashboard served from a folder, by a process of its own, for tests and benchmarks.

python -m tests.dashboard.pages.served FOLDER PORT DATABASE HEADER
"""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.dashboard.canvas.browser import is_up, wait_until

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Server:
    """A server that runs."""

    url: str
    pid: int


@contextmanager
def serve(folder: Path, database: str = "", proxy_header: str = "") -> Iterator[Server]:
    """Serve the dashboard whose folder this is, see `HubSettings`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = [str(folder), str(port), database, proxy_header]
    run = [sys.executable, "-m", "tests.dashboard.pages.served", *settings]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(run, cwd=ROOT, stdout=log, stderr=log)
        try:
            wait_until(lambda: is_up(f"http://127.0.0.1:{port}/_stcore/health"))
            yield Server(f"http://127.0.0.1:{port}", server.pid)
        finally:
            server.kill()
            server.wait()


def main() -> None:
    """Serve until killed."""
    import uvicorn
    from drivegrid.dashboard.app import make_app
    from drivegrid.dashboard.hub import HubSettings
    from drivegrid.dashboard.serving.access import AccessSettings

    folder, port, database, header = sys.argv[1:]
    app, _ = make_app(HubSettings(Path(folder), database, None, AccessSettings(False, header)))
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning")


if __name__ == "__main__":
    main()
