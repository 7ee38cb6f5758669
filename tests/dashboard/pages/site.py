"""A browser that is open at the served dashboard."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.dashboard.canvas.browser import ARGUMENTS, chromium, wait_until
from tests.dashboard.pages.conftest import World
from tests.dashboard.pages.served import Server, serve

VIEWPORT = {"width": 1280, "height": 720}
PATIENCE_MS = 90_000


@dataclass(frozen=True)
class Site:
    """A world, the server of its dashboard, and a browser."""

    world: World
    server: Server
    browser: Any

    @contextmanager
    def tab(self, address: str, person: str = "") -> Iterator[Any]:
        """Open an address in a browser that was never here; its page must raise no error."""
        opened = self.browser.new_context(viewport=VIEWPORT)
        opened.set_default_timeout(PATIENCE_MS)
        if person:
            opened.add_cookies([{"name": "person", "value": person, "url": self.server.url}])
        page, errors = opened.new_page(), []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{self.server.url}/{address}")
        yield page
        assert errors == []
        opened.close()


@contextmanager
def make_site(world: World, *, proxy: bool = False) -> Iterator[Site]:
    """Serve a world and open a browser; skip where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = chromium()
    if program is None:
        pytest.skip("Chromium is not installed (apt install chromium)")
    settings = world.hub.settings
    with (
        serve(settings.folder, settings.database, proxy=proxy) as server,
        playwright.sync_playwright() as driver,
    ):
        browser = driver.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield Site(world, server, browser)
        browser.close()


def wait_for_picture(page: Any) -> None:
    """Wait until the canvas shows its picture and has nothing left to say."""
    page.locator("svg.picture image:not(.hidden)").wait_for(state="attached")
    page.locator(".status:not(:has-text('saving'))").wait_for()


def click_mark(page: Any, chart: Any, told: dict[str, str]) -> None:
    """Click the mark of a chart whose tooltip says all of this.

    A chart is one picture to the browser: what lies where is only said under the pointer.
    """

    def found() -> bool:
        box = chart.bounding_box()
        for y in range(8, int(box["height"]), 16):
            for x in range(8, int(box["width"]), 24):
                page.mouse.move(box["x"] + x, box["y"] + y)
                if told.items() <= _tooltip(page).items():
                    page.mouse.click(box["x"] + x, box["y"] + y)
                    return True
        return False

    chart.scroll_into_view_if_needed()
    wait_until(found)


def _tooltip(page: Any) -> dict[str, str]:
    """Return what the tooltip under the pointer says; nothing where there is none."""
    rows = page.evaluate(
        "() => [...document.querySelectorAll('#vg-tooltip-element.visible tr')]"
        ".map((row) => [...row.cells].map((cell) => cell.innerText))"
    )
    return {name.rstrip(":"): value for name, value in rows}
