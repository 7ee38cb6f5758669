"""How long it takes from a verdict's key until the next picture is shown, in a browser.

python -m tests.benchmarks.bench_review_page [--frames 60] [--objects 12] [--look 0.5]

Who reviews looks at a frame for a while before the key goes down: ``--look`` seconds; 0 presses as
soon as the page says that the last verdict counts. Two times are told: until the next frame's
picture is loaded, and until it is painted, which takes long where there is no GPU. Each frame is a
picture of 960x540 with labels and two runs; the clock is the browser's.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from drivegrid.dashboard.hub import HubSettings, open_hub
from drivegrid.dashboard.store import browse
from drivegrid.dashboard.store.datasets import add_dataset, add_run
from drivegrid.dashboard.store.query import Query
from drivegrid.dashboard.store.queues import Plan, Ranked
from playwright.sync_api import sync_playwright

from drivegrid.data.images import save_image
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.data.store import save_scenes
from drivegrid.geometry import Polyline
from tests.dashboard.canvas.browser import ARGUMENTS, CanvasPage, chromium
from tests.dashboard.pages.served import serve

SIZE = (960, 540)
WATCH = """
(image) => {
  window.loaded = [];
  window.painted = [];
  const since = () => performance.now() - window.pressed;
  window.addEventListener("keydown", () => { window.pressed = performance.now(); }, true);
  image.addEventListener("load", () => {
    window.loaded.push(since());
    requestAnimationFrame(() => requestAnimationFrame(() => window.painted.push(since())));
  });
}
"""


def fill(folder: Path, num: int, objects: int) -> int:
    """Make a store with a queue of frames; return the queue's id."""
    rng, scenes = np.random.default_rng(0), []
    for number in range(num):
        pixels = rng.integers(0, 256, (SIZE[1] // 4, SIZE[0] // 4, 3), dtype=np.uint8)
        save_image(folder / f"{number}.jpg", pixels.repeat(4, axis=0).repeat(4, axis=1))
        lines = [rng.uniform(0, SIZE, (12, 2)) for _ in range(objects)]
        found = tuple(Instance("lane/line", Polyline(line)) for line in lines)
        scenes.append(Scene(Frame(f"{number}.jpg", SIZE), found))
    save_scenes(scenes, folder / "labels.jsonl")
    hub = open_hub(HubSettings(folder / "hub"))
    dataset = add_dataset(hub.database, "bench", folder / "labels.jsonl").id
    for name in ("a", "b"):
        add_run(hub.database, dataset, name, scenes, {})
    rows = browse.page(hub.database, Query(), dataset, limit=num).frames
    maker = hub.someone("ada", "admin")
    queue = maker.make_queue(dataset, Plan("all", "number", num), [Ranked(row.id) for row in rows])
    hub.close()
    return queue


def measure(page: CanvasPage, num: int, look_s: float) -> dict[str, list[float]]:
    """Accept frame after frame; return the delays of the next picture in milliseconds."""
    page.page.locator("svg.picture image").evaluate(WATCH)
    for done in range(1, num):
        page.press("a")
        page.page.wait_for_function("num => window.painted.length >= num", arg=done)
        page.page.get_by_text(f"{done} of {num} done").wait_for()
        page.page.wait_for_timeout(1000 * look_s)
    return {what: page.page.evaluate(f"window.{what}") for what in ("loaded", "painted")}


def main() -> None:
    """Print median, 95th percentile and largest delay."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--objects", type=int, default=12)
    parser.add_argument("--look", type=float, default=0.5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, sync_playwright() as driver:
        folder = Path(name)
        queue = fill(folder, arguments.frames, arguments.objects)
        with serve(folder / "hub") as server:
            browser = driver.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
            context = browser.new_context(viewport={"width": 1280, "height": 720})
            tab = context.new_page()
            tab.goto(f"{server.url}/review?queue={queue}")
            page = CanvasPage(tab)
            page.page.locator("svg.picture image:not(.hidden)").wait_for(state="attached")
            delays = measure(page, arguments.frames, arguments.look)
            browser.close()
    for what, values in delays.items():
        middle, high = np.percentile(values, [50, 95])
        print(
            f"verdict to next picture {what}: median {middle:.0f} ms, p95 {high:.0f} ms, "
            f"most {max(values):.0f} ms over {len(values)} frames"
        )


if __name__ == "__main__":
    main()
