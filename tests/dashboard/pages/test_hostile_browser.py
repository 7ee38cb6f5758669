"""Labels that hold markup, in a real browser: every page shows them as the text that they are."""

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("streamlit", reason="drivegrid[dashboard] is not installed")

import numpy as np
from drivegrid.dashboard.exporting import EXPORT
from drivegrid.dashboard.hub import HubSettings, open_hub
from drivegrid.dashboard.store import browse
from drivegrid.dashboard.store.datasets import add_dataset, add_run, list_sources
from drivegrid.dashboard.store.evaluations import evaluate
from drivegrid.dashboard.store.query import Query
from drivegrid.dashboard.store.reviews import Verdict

from drivegrid.data.images import save_image
from drivegrid.data.scene import Scene
from drivegrid.data.store import save_scenes
from tests.dashboard.pages.conftest import SIZE, World, found_in, frame_of
from tests.dashboard.pages.site import Site, make_site

pytestmark = pytest.mark.slow

HOSTILE = (
    "<script>window.taken=1</script>",
    "<img src=x onerror=window.taken=1>",
    "<svg/onload=window.taken=1>",
    "[a](javascript:window.taken=1) **b** :red[c] $x$",
    "=cmd|' /C calc'!A0",
    "@SUM(A1)",
    "+1+1",
    "-1+1",
)
PAGES = {
    "ask?frame=1": "svg.picture .shape",
    "browse": "a.tile",
    "frame?frame=1": "svg.picture .shape",
    "review?frame=1": "svg.picture .shape",
    "compare": "text=Click a cell",
    "errors": "[data-testid=stDataFrame]",
    "data": "[data-testid=stDataFrame]",
    "export": "text=done",
    "admin": "[data-testid=stDataFrame]",
}


def hostile(number: int) -> Scene:
    """Return a frame in which a text stands wherever a text can stand."""
    text, scene = HOSTILE[number], frame_of(1)
    instances = tuple(replace(one, label=text, attributes={text: text}) for one in scene.instances)
    frame = replace(scene.frame, image=f"{number}.png", attributes={text: text}, clip=text)
    return Scene(frame, instances)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("hostile")
    scenes = [hostile(number) for number in range(len(HOSTILE))]
    for scene in scenes:
        save_image(folder / scene.frame.image, np.zeros((SIZE[1], SIZE[0], 3), np.uint8))
    save_scenes(scenes, folder / "labels.jsonl")
    hub = open_hub(HubSettings(folder / "hub"))
    data = add_dataset(hub.database, HOSTILE[1], folder / "labels.jsonl").id
    add_run(hub.database, data, HOSTILE[3], [found_in(one, 200.0) for one in scenes], {})
    labels, run = (one.id for one in list_sources(hub.database, data))
    eve = hub.someone(HOSTILE[0], "admin")
    evaluate(hub.database, data, run, labels, "boxes", eve.user.id)
    for place, row in enumerate(browse.page(hub.database, Query(), data).frames):
        eve.verdict(row.id, Verdict("accept", 0, f"{row.id}", note=HOSTILE[place]))
    eve.enqueue(EXPORT, {"dataset_id": data, "format": "scene"})
    with make_site(World(hub, data, {}, {})) as made:
        yield made
    hub.close()


def assert_harmless(tab: Any) -> None:
    assert tab.evaluate("window.taken") is None
    assert tab.locator("main script, main svg[onload], main a[href^=javascript]").count() == 0
    assert tab.locator("img[onerror], [src=x]").count() == 0


@pytest.mark.parametrize("address", PAGES)
def test_labels_are_text_on_every_page(site, address) -> None:
    with site.tab(address) as tab:
        tab.locator(PAGES[address]).first.wait_for(state="attached")
        tab.wait_for_load_state("networkidle")
        assert_harmless(tab)
        assert "must" not in "".join(tab.locator("[data-testid=stAlert]").all_inner_texts())


def test_tables_are_downloaded_without_formulas(site, tmp_path) -> None:
    """Whoever opens the file in a spreadsheet runs nothing."""
    with site.tab("data") as tab:
        tab.evaluate("window.showSaveFilePicker = undefined")  # its dialog is the system's own
        tab.locator("[data-testid=stDataFrame]").first.hover()
        with tab.expect_download() as downloaded:
            tab.get_by_role("button", name="Download as CSV").first.click()
        downloaded.value.save_as(tmp_path / "table.csv")
    with Path(tmp_path / "table.csv").open(encoding="utf-8-sig", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert any("cmd" in cell for cell in cells)
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))] == []
