"""How long it takes from a key in the browser until Python has heard of it.

python -m tests.benchmarks.bench_canvas [--rounds 30]

Each round draws points, saves them and gives a verdict. The browser's clock tells when the key
went down, the time of the page's log file when Python wrote down what it heard.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

from tests.dashboard.canvas.browser import ARGUMENTS, OpenPage, chromium, serve

LOOK_MS = 300
"""How long the next frame is looked at before anything is drawn on it."""
WATCH = """
window.addEventListener("keydown", () => {
  window.pressed = performance.timeOrigin + performance.now();
}, true)
"""


def delay_ms(page: OpenPage, key: str, what: str, num: int) -> float:
    """Press a key; return the milliseconds until Python has heard ``num`` messages of a kind."""
    page.press(key)
    page.heard(what, num)
    return page.log.stat().st_mtime_ns / 1e6 - page.page.evaluate("window.pressed")


def measure(page: OpenPage, rounds: int) -> dict[str, list[float]]:
    """Return the delays of commits and verdicts, in milliseconds."""
    page.page.evaluate(WATCH)
    delays: dict[str, list[float]] = {"Commit": [], "Verdict": []}
    for num in range(1, rounds + 1):
        page.use("point")
        for place in range(5):
            page.click(20 + 150 * place, 20 + 18 * (num % 20))
        delays["Commit"].append(delay_ms(page, "s", "Commit", num))
        page.page.locator(".status:not(:has-text('saving'))").wait_for()
        delays["Verdict"].append(delay_ms(page, "a", "Verdict", num))
        page.page.wait_for_timeout(LOOK_MS)
    return delays


def main() -> None:
    """Print median, 95th percentile and largest delay of each kind of message."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name, sync_playwright() as driver:
        folder = Path(name)
        with serve(folder) as url:
            browser = driver.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
            page = OpenPage(browser, url, folder)
            delays = measure(page, rounds)
            browser.close()
    for what, values in delays.items():
        middle, high = np.percentile(values, [50, 95])
        print(f"{what:8} median {middle:4.0f} ms, p95 {high:4.0f} ms, most {max(values):4.0f} ms")


if __name__ == "__main__":
    main()
