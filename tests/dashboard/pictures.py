"""Pictures of every page of the dashboard, on the set that it renders itself.

python -m tests.dashboard.pictures [PAGE ...] [--folder FOLDER]

They go to docs/images/dashboard: each page light at 1280x720 and dark at 1920x1080.
"""

from __future__ import annotations

import argparse
import io
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from drivegrid.dashboard.demo import make_demo
from drivegrid.dashboard.hub import HubSettings, open_hub
from drivegrid.dashboard.serving.access import name_of_machine
from drivegrid.dashboard.store import browse, queues
from drivegrid.dashboard.store.evaluations import list_evaluations
from drivegrid.dashboard.store.query import Query
from drivegrid.dashboard.store.queues import Plan
from drivegrid.dashboard.store.ranking import Order, rank
from drivegrid.dashboard.store.reviews import Verdict
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from drivegrid.cli.loading import load_predictor
from tests.dashboard.canvas.browser import ARGUMENTS, PATIENCE_S, chromium
from tests.dashboard.pages.served import serve

OUT = Path(__file__).parents[2] / "docs" / "images" / "dashboard"
LOOKS = {"light": (1280, 720), "dark": (1920, 1080)}
MOST_BYTES = 120_000
TRAINED_S = 600
STILL_S = 1.0
"""A page that has not changed for so long has come to rest."""
IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"
CANVAS = "svg.picture image:not(.hidden)"


@dataclass(frozen=True)
class Ids:
    """What addresses of the pages name."""

    dataset: int
    frame: int
    queue: int


@dataclass(frozen=True)
class Shot:
    """A page to be taken.

    Args:
        address: With the names of `Ids` in braces.
        shown: What must be there before it is taken.
        act: What a person does first.
    """

    address: str
    shown: str
    act: Callable[[Page], None] = lambda page: None


def ask(page: Page) -> None:
    """Detect lanes, and go back from the result to the first round of offsets."""
    page.get_by_role("button", name="Detect lanes").click()
    page.locator("[data-command=trace]").click(timeout=120_000)
    page.locator(".steps input").fill("1")
    page.locator(".trace .arrow").first.wait_for(state="attached")


def export(page: Page) -> None:
    """Export as the page suggests, and wait until it is done."""
    if not page.get_by_text("Frames written").count():
        page.get_by_role("button", name="Export", exact=True).click()


def train(page: Page) -> None:
    """Make a set of what was reviewed, train on it, and hold the result against its beginning."""
    done = page.get_by_role("button", name="Promote")
    page.get_by_role("heading", name="Trainings").wait_for()
    shown = page.get_by_role("button", name="Show", exact=True)
    shown.or_(page.get_by_text("needs a set")).first.wait_for()
    if shown.count():
        shown.first.click()
    else:
        page.locator("[data-testid=stSegmentedControl] button, button").get_by_text("Sets").click()
        page.get_by_role("button", name="Make a set").click()
        page.get_by_role("button", name="Train on this set").click()
        page.get_by_label("Steps").fill("24")
        page.get_by_label("Steps").press("Enter")
        page.get_by_role("button", name="Train", exact=True).click()
        done.wait_for(timeout=1000 * TRAINED_S)
        page.get_by_role("button", name="Evaluate").click()
    page.get_by_text("what changed").wait_for(timeout=1000 * TRAINED_S)
    done.wait_for()
    page.get_by_role("heading", name="Trainings").scroll_into_view_if_needed()


SHOTS = {  # a new page is a line more
    "ask": Shot("ask?frame={frame}", CANVAS, ask),
    "browse": Shot("browse?dataset={dataset}", ".thumbnail >> nth=0"),
    "frame": Shot("frame?frame={frame}", CANVAS),
    "review": Shot("review?queue={queue}", CANVAS),
    "compare": Shot("compare?dataset={dataset}", "[data-testid=stVegaLiteChart] >> nth=3"),
    "errors": Shot("errors?dataset={dataset}", CANVAS),
    "data": Shot("data?dataset={dataset}", "[data-testid=stDataFrame] canvas >> nth=0"),
    "train": Shot("train?section=Trainings", "[data-testid=stImage] img", train),
    "export": Shot("export?dataset={dataset}", "text=Frames written", export),
    "admin": Shot("admin", "[data-testid=stDataFrame] canvas >> nth=0"),
}


def fill(folder: Path) -> Ids:
    """Make a store as it is at first, with a queue; frames that are not in it were accepted."""
    hub = open_hub(HubSettings(folder))
    actor = hub.someone(name_of_machine(), "admin")
    dataset = make_demo(
        actor, folder / "demo", lambda: load_predictor(None), lambda things, _: things
    )
    frames = browse.page(hub.database, Query(), dataset).frames
    known = queues.list_queues(hub.database, dataset)
    if known:
        queue = known[0].id
    else:
        newest = list_evaluations(hub.database, dataset)[0].id
        order = Order("worst score", evaluation_id=newest)
        plan = Plan("Worst first", order.name, 12)
        ranked = list(rank(hub.database, dataset, Query(), order, 12))
        queue = actor.make_queue(dataset, plan, ranked)
        for row in frames:
            if row.id not in {one.frame_id for one in ranked}:
                actor.verdict(row.id, Verdict("accept", row.version, f"picture-{row.id:04}"))
    hub.close()
    return Ids(dataset, frames[2].id, queue)


def come_to_rest(page: Page) -> bytes:
    """Return a picture of the page once it no longer changes."""
    end = time.monotonic() + PATIENCE_S
    last = b""
    while time.monotonic() < end:
        page.locator(IDLE).wait_for(timeout=60_000)
        page.wait_for_timeout(1000 * STILL_S)
        taken = page.screenshot(animations="disabled")
        if taken == last:
            return taken
        last = taken
    raise AssertionError(f"{page.url} changes for {PATIENCE_S:g} s")


def take(browser: Browser, url: str, shot: Shot, ids: Ids, look: str) -> bytes:
    """Return the picture of a page in a look."""
    width, height = LOOKS[look]
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=look, locale="en-GB"
    )
    page = context.new_page()
    page.goto(f"{url}/{shot.address.format_map(vars(ids))}")
    page.locator(IDLE).wait_for(timeout=60_000)
    shot.act(page)
    page.locator(shot.shown).wait_for(state="attached", timeout=60_000)
    page.mouse.move(0, 0)  # nothing is hovered
    taken = come_to_rest(page)
    context.close()
    return taken


def save(taken: bytes, path: Path) -> int:
    """Write a picture as small as it must be; return its bytes."""
    picture = Image.open(io.BytesIO(taken)).convert("RGB")
    for quality in range(85, 20, -5):
        held = io.BytesIO()
        picture.save(held, "webp", quality=quality, method=6)
        if held.tell() <= MOST_BYTES:
            break
    path.write_bytes(held.getvalue())
    return held.tell()


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("pages", nargs="*", help=f"of {', '.join(SHOTS)}; all without one")
    parser.add_argument("--folder", type=Path, help="of a dashboard; a temporary one without it")
    given = parser.parse_args()
    os.environ["LOGNAME"] = "ada"  # who is at the machine: the same in all pictures
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as driver:
        folder = given.folder or Path(temporary)
        ids = fill(folder)
        browser = driver.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        with serve(folder) as server:
            for name in given.pages or SHOTS:
                for look in LOOKS:
                    path = OUT / f"{name}-{look}.webp"
                    num = save(take(browser, server.url, SHOTS[name], ids, look), path)
                    print(f"{path.name}: {num:,} bytes", flush=True)
        browser.close()


if __name__ == "__main__":
    main()
