"""How much memory the dashboard takes while its pages are looked at again and again.

python -m tests.benchmarks.bench_memory [--views 1000] [--folder FOLDER]

One browser goes from page to page over the set that the dashboard renders itself; every tenth view
begins a new session. The first hundred views are told apart: modules and models load then.
"""

from __future__ import annotations

import argparse
import tempfile
from itertools import cycle, islice
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.dashboard.canvas.browser import ARGUMENTS, chromium
from tests.dashboard.pages.served import serve
from tests.dashboard.pictures import IDLE, fill

NAMES = ("Ask", "Browse", "Review", "Compare", "Errors", "Data", "Train", "Export", "Admin")
WARM = 100
EVERY = 50


def view(page: Page, url: str, number: int, name: str) -> None:
    """Open a page and wait until it has come to rest."""
    if number % 10 == 0:
        page.goto(f"{url}/{name.lower()}")
    page.get_by_role("link", name=name, exact=True).click()
    page.wait_for_url(f"**/{name.lower()}*")
    page.locator(IDLE).wait_for(timeout=60_000)


def resident_mib(pid: int) -> float:
    """Return the memory of a process that is in use."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    kib = next(line.split()[1] for line in lines if line.startswith("VmRSS"))
    return int(kib) / 1024


def main() -> None:
    """Print memory every so many views, and how much it grew after the first hundred."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--views", type=int, default=1000)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    told: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as name, sync_playwright() as driver:
        folder = given.folder or Path(name)
        fill(folder)
        with serve(folder) as server:
            browser = driver.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            for number, one in enumerate(islice(cycle(NAMES), given.views)):
                view(page, server.url, number, one)
                if (number + 1) % EVERY == 0:
                    told[number + 1] = resident_mib(server.pid)
                    print(f"{number + 1:5,} views {told[number + 1]:7.1f} MiB", flush=True)
            browser.close()
    last, first = max(told), told.get(WARM)
    if first is not None:
        print(f"from view {WARM} to {last:,}: {100 * (told[last] / first - 1):+.1f} %")


if __name__ == "__main__":
    main()
