"""The dashboard served from a folder, by a process of its own, for tests and benchmarks.

python -m tests.dashboard.pages.served FOLDER PORT
"""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.dashboard.canvas.browser import is_up, wait_until

ROOT = Path(__file__).parents[3]


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve the dashboard whose folder this is; yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    run = [sys.executable, "-m", "tests.dashboard.pages.served", str(folder), str(port)]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(run, cwd=ROOT, stdout=log, stderr=log)
        try:
            wait_until(lambda: is_up(f"http://127.0.0.1:{port}/_stcore/health"))
            yield f"http://127.0.0.1:{port}"
        finally:
            server.kill()
            server.wait()


def main() -> None:
    """Serve until killed."""
    import uvicorn
    from drivegrid.dashboard.app import make_app
    from drivegrid.dashboard.hub import HubSettings

    folder, port = sys.argv[1:]
    app, _ = make_app(HubSettings(Path(folder)))
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning")


if __name__ == "__main__":
    main()
