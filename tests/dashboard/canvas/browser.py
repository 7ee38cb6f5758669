"""A Streamlit server and a browser for the tests and the benchmark of the canvas."""

import json
import math
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

PAGE = Path(__file__).with_name("canvas_page.py")
SIZE = (800, 600)
ARGUMENTS = (
    "--no-sandbox --headless=new --disable-gpu --disable-background-networking "
    "--disable-component-update --disable-sync --no-first-run"
).split()
PATIENCE_S = 60.0
START_S = 120.0


def chromium() -> str | None:
    """Return the path of a Chromium that the system has."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve the page from a folder with its pictures; yield its address."""
    (folder / "static").mkdir()
    shutil.copy(PAGE, folder / "page.py")
    pixels = np.indices(SIZE[::-1]).sum(axis=0).astype(np.uint8)
    for name in ("frame", "next"):
        Image.fromarray(pixels).save(folder / "static" / f"{name}.png")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {
        "server.address": "127.0.0.1",
        "server.port": port,
        "server.headless": "true",
        "server.enableStaticServing": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "page.py", *flags],
            cwd=folder, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            wait_until(lambda: is_up(f"http://127.0.0.1:{port}/_stcore/health"))
            yield f"http://127.0.0.1:{port}"
        finally:
            server.kill()
            server.wait()


def is_up(url: str) -> bool:
    """Tell whether something answers there."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def wait_until(holds, every_s: float = 0.02, patience_s: float = PATIENCE_S):
    """Return the first true result; fail where there is none in good time."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        result = holds()
        if result:
            return result
        time.sleep(every_s)
    raise AssertionError(f"nothing after {patience_s:g} s")


class CanvasPage:
    """A page with a canvas in a browser, spoken to in image pixels."""

    def __init__(self, page) -> None:
        self.page = page
        self.page.locator(".shape").first.wait_for(state="attached", timeout=60_000)
        self.svg = self.page.locator("svg.picture")
        self.settle()

    def settle(self) -> None:
        """Wait until what was changed is drawn."""
        self.page.evaluate("() => new Promise((r) => requestAnimationFrame(() => setTimeout(r)))")

    def view(self) -> tuple[float, float, float]:
        """Return zoom, x and y of the picture on the stage."""
        self.settle()
        return tuple(float(self.svg.get_attribute(f"data-{name}")) for name in ("zoom", "x", "y"))

    def client(self, x: float, y: float) -> tuple[float, float]:
        """Return where on the page an image pixel lies."""
        zoom, left, top = self.view()
        box = self.svg.bounding_box()
        return box["x"] + left + x * zoom, box["y"] + top + y * zoom

    def zoom_to(self, zoom: float, x: float, y: float) -> None:
        """Turn the wheel over an image pixel until the zoom is reached."""
        self.page.mouse.move(*self.client(x, y))
        self.page.mouse.wheel(0, -500 * math.log2(zoom / self.view()[0]))
        self.page.wait_for_function(
            "([s, z]) => Math.abs(s.dataset.zoom / z - 1) < 0.01",
            arg=[self.svg.element_handle(), zoom],
        )

    def click(self, x: float, y: float) -> None:
        self.page.mouse.click(*self.client(x, y))
        self.settle()

    def drag(self, start: tuple[float, float], end: tuple[float, float], button="left") -> None:
        """Press, move in steps, let go."""
        (x0, y0), (x1, y1) = self.client(*start), self.client(*end)
        self.page.mouse.move(x0, y0)
        self.page.mouse.down(button=button)
        self.page.mouse.move(x1, y1, steps=4)
        self.page.mouse.up(button=button)
        self.settle()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
        self.settle()

    def press_at_once(self, *keys: str) -> None:
        """Press keys faster than any server answers."""
        self.page.evaluate(
            "(keys) => keys.forEach((key) => window.dispatchEvent("
            "new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true })))",
            list(keys),
        )

    def shows(self, selector: str, num: int) -> None:
        """Wait until there are so many of something; fail where there never are."""
        wait_until(lambda: self.page.locator(selector).count() == num)

    def says(self, text: str) -> None:
        """Wait until this is said of the edits, at the end of the status."""
        ending = re.compile(rf"·\s+{re.escape(text)}$")
        self.page.locator(".status").filter(has_text=ending).wait_for()

    def button(self, name: str):
        return self.page.locator(f"[data-command={name}]")

    def use(self, name: str) -> None:
        self.button(name).click()
        self.settle()


class OpenPage(CanvasPage):
    """The page of the tests, which writes down what it hears."""

    def __init__(self, context, url: str, folder: Path, **query: str) -> None:
        self.log = folder / f"{uuid.uuid4().hex}.json"
        asked = "&".join(f"{k}={v}" for k, v in {"log": str(self.log), **query}.items())
        self.errors: list[str] = []
        page = context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.goto(f"{url}/?{asked}")
        super().__init__(page)

    def heard(self, what: str, num: int = 1) -> list[dict]:
        """Return what Python heard of a kind, once it is as much as expected."""
        return wait_until(lambda: (found := self._said(what)) and len(found) >= num and found)

    def _said(self, what: str) -> list[dict]:
        try:
            notes = json.loads(self.log.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # nothing said yet, or half written
            return []
        return [note for note in notes if note["what"] == what]

    def close(self) -> None:
        self.page.close()

    def save(self, num: int = 1) -> dict:
        """Save the edits; return the last commit that Python heard."""
        self.use("save")
        return self.heard("Commit", num)[-1]
