"""The canvas in a real browser: drawing, editing, keys, and what Python hears of it."""

from collections.abc import Iterator

import numpy as np
import pytest

pytest.importorskip("streamlit", reason="drivegrid[dashboard] is not installed")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from tests.dashboard.canvas.browser import ARGUMENTS, SIZE, OpenPage, chromium, serve  # noqa: E402

pytestmark = pytest.mark.slow
FOCUS = """() => {
  const root = document.activeElement?.shadowRoot ?? document;
  const node = root.activeElement?.closest(".canvas *");
  const shown = node?.matches("svg.picture") ? node.parentElement : node;
  return node ? [node.localName, getComputedStyle(shown).outlineStyle] : [null, null];
}"""
LINE = [[200.0, 500.0], [300.0, 300.0], [400.0, 200.0]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("canvas")


@pytest.fixture(scope="module")
def opened(folder) -> Iterator:
    """Return a function that opens the page in the browser."""
    program = chromium()
    if program is None:
        pytest.skip("Chromium is not installed (apt install chromium)")
    with serve(folder) as url, playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=ARGUMENTS)
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        yield lambda **query: OpenPage(context, url, folder, **query)
        browser.close()


@pytest.fixture
def page(opened) -> Iterator[OpenPage]:
    page = opened()
    yield page
    assert page.errors == []
    page.close()


def near(parts, expected, within: float = 0.5) -> bool:
    return np.abs(np.array(parts) - np.array(expected)).max() <= within


def fresh(commit: dict) -> list:
    """Return the parts of the one shape that was drawn."""
    (name,) = set(commit["parts"]) - {"line", "box"}
    return commit["parts"][name]


@pytest.mark.parametrize("zoom", [0.5, 1.0, 4.0])
def test_a_drawn_vertex_lands_where_it_was_put_at_any_zoom(page, zoom) -> None:
    points = [[410.3, 310.7], [433.0, 290.2], [379.6, 333.3]]
    page.zoom_to(zoom, 400, 300)
    page.use("line")
    for point in points:
        page.click(*point)
    page.press("Enter")
    commit = page.save()
    assert near(fresh(commit), [points])
    assert commit["parts"]["line"] == [LINE]


def test_every_kind_can_be_drawn(page) -> None:
    page.use("point")
    page.click(50, 60)
    page.use("box")
    page.drag((500, 400), (450, 350))
    page.use("poly")
    for point in [(100, 100), (150, 100), (150, 150), (100, 100)]:
        page.click(*point)
    page.press("2")
    page.use("line")
    page.click(10, 10)
    page.press("Escape")
    page.click(20, 20)
    page.click(30, 40)
    page.page.mouse.dblclick(*page.client(60, 80))
    commit = page.save()
    drawn = [p for name, p in commit["parts"].items() if name not in ("line", "box")]
    assert near(drawn[0], [[[50, 60]]])
    assert near(drawn[1], [[[450, 350], [500, 400]]])
    assert near(drawn[2], [[[100, 100], [150, 100], [150, 150]]])
    assert near(drawn[3], [[[20, 20], [30, 40], [60, 80]]])
    labels = [v for name, v in commit["labels"].items() if name not in ("line", "box")]
    assert labels == ["lane/line", "lane/line", "sign", "sign"]


def test_vertices_are_added_moved_and_removed_with_undo_and_redo(page) -> None:
    page.click(300, 300)
    page.drag((300, 300), (310, 330))
    page.drag((355, 265), (380, 290))
    page.page.keyboard.down("Alt")
    page.click(200, 500)
    page.page.keyboard.up("Alt")
    commit = page.save()
    assert near(commit["parts"]["line"], [[[310, 330], [380, 290], [400, 200]]])
    page.click(310, 330)
    page.press("Delete")
    assert near(page.save(2)["parts"]["line"], [[[380, 290], [400, 200]]])


def test_a_chosen_vertex_stays_chosen_while_its_shape_is_saved(page) -> None:
    page.click(300, 300)
    page.drag((300, 300), (310, 330))
    page.click(310, 330)
    page.press("s")
    page.says("saved")  # the revision that Python made is there
    page.press("Delete")
    page.says("unsaved edits")
    assert near(page.save(2)["parts"]["line"], [[[200, 500], [400, 200]]])


def test_edits_are_undone_and_done_again(page) -> None:
    page.click(300, 300)
    page.drag((400, 200), (450, 250))
    page.drag((200, 500), (150, 550))
    page.press("Control+z", "Control+z", "Control+Shift+Z")
    page.settle()
    assert page.button("redo").is_enabled()
    assert near(page.save()["parts"]["line"], [[LINE[0], LINE[1], [450, 250]]])


def test_a_whole_shape_moves_and_stays_inside_the_frame(page) -> None:
    page.click(600, 150)
    page.drag((650, 150), (770, 200))
    assert near(page.save()["parts"]["box"], [[[700, 150], [800, 250]]], 1.0)
    page.press("Delete")
    assert set(page.save(2)["parts"]) == {"line"}


def test_vertices_snap_to_cell_centres_on_request(page) -> None:
    page.press("g")
    page.use("point")
    page.click(405, 310)
    (((x, y),),) = fresh(page.save())
    cell = np.array(SIZE) / 32
    assert [x, y] == pytest.approx((np.floor(np.array([405, 310]) / cell) + 0.5) * cell, abs=0.01)


def test_edits_outlive_other_runs_and_a_newer_revision(page) -> None:
    page.use("point")
    page.click(50, 60)
    page.page.get_by_label("note").fill("axsg")
    page.page.get_by_label("note").press("Enter")
    page.page.get_by_role("button", name="saved elsewhere").click()
    page.page.locator(".notice", has_text="saved elsewhere").wait_for()
    page.shows(".layer", 3)
    commit = page.save()
    assert commit["stale"]
    assert near(fresh(commit), [[[50, 60]]])
    assert page.button("lattice").get_attribute("aria-pressed") == "false"
    assert page._said("Verdict") == []


def test_saved_is_said_once_it_is_written(page) -> None:
    page.use("point")
    page.click(50, 60)
    page.says("unsaved edits")
    page.press("s")
    page.says("saved")
    page.click(70, 80)
    page.says("unsaved edits")


def test_what_could_not_be_written_is_not_saved_and_still_there(page) -> None:
    full = page.page.get_by_test_id("stCheckbox")
    full.click()
    page.use("point")
    page.click(50, 60)
    page.save()
    page.says("not saved")
    page.page.locator(".notice", has_text="still here").wait_for()
    page.press("a")
    page.page.locator(".notice", has_text="Save").wait_for()
    full.click()
    assert near(fresh(page.save(2)), [[[50, 60]]])
    page.says("saved")
    assert page._said("Verdict") == []


def test_a_stale_commit_is_not_called_saved(page) -> None:
    page.use("point")
    page.click(50, 60)
    page.page.get_by_role("button", name="saved elsewhere").click()
    page.page.locator(".notice", has_text="saved elsewhere").wait_for()
    page.save()
    page.says("not saved: another version came first")


def test_the_newer_revision_can_be_taken(page) -> None:
    page.use("point")
    page.click(50, 60)
    page.page.get_by_role("button", name="saved elsewhere").click()
    page.page.get_by_role("button", name="Take that version").click()
    page.press("e")
    page.click(100, 500)
    page.drag((110, 200), (120, 210))
    commit = page.save()
    assert not commit["stale"]
    assert set(commit["parts"]) == {"line", "box"}
    assert near(commit["parts"]["line"], [[[100, 500], [120, 210]]])


def test_verdict_keys_reach_python_in_their_order(page) -> None:
    page.press_at_once("a", "ArrowRight")
    verdicts = page.heard("Verdict", 2)
    assert [(v["verdict"], v["picture"], v["stale"]) for v in verdicts] == [
        ("accept", "frame 1", False),
        ("next", "frame 1", True),
    ]
    page.page.locator(".message").wait_for(state="hidden")
    loaded = page.page.evaluate("performance.getEntriesByType('resource').map((e) => e.name)")
    assert [name for name in loaded if name.endswith("/static/next.png")]


def test_the_sheet_of_shortcuts_has_every_key(page) -> None:
    page.press("?")
    page.page.locator(".sheet").wait_for()
    said = " ".join(page.page.locator(".sheet kbd").all_inner_texts())
    keys = "E S A X U G ? ← → Del ⌫ Enter Esc Space Tab 1 9".split()
    assert [key for key in (*keys, "Ctrl Z", "Ctrl Shift Z") if key not in said] == []


def test_the_focus_is_seen_whatever_has_it(page) -> None:
    page.page.get_by_label("note").focus()
    seen = []
    for _ in range(40):
        page.press("Tab")
        name, outline = page.page.evaluate(FOCUS)
        if name:
            seen.append(name)
            assert outline != "none", name
    assert {"svg", "button", "select"} <= set(seen)


def test_a_key_only_closes_the_sheet_of_shortcuts(page) -> None:
    page.press("?")
    page.page.locator(".sheet", has_text="Accept").wait_for()
    page.press("x")
    page.page.locator(".sheet").wait_for(state="hidden")
    page.press("a")
    assert [v["verdict"] for v in page.heard("Verdict")] == ["accept"]


def test_keys_do_nothing_where_they_are_not_wished(opened) -> None:
    page = opened(mouse="only")
    page.click(600, 150)
    page.press("a", "Delete")
    page.use("accept")
    assert len(page.heard("Verdict")) == 1
    page.close()


def test_a_verdict_waits_for_unsaved_edits(page) -> None:
    page.use("point")
    page.click(50, 60)
    page.press("a")
    page.page.locator(".notice", has_text="Save").wait_for()
    page.press("Control+z", "x")
    assert [v["verdict"] for v in page.heard("Verdict")] == ["reject"]


def test_an_unfinished_line_is_saved_and_waits_for_no_verdict(page) -> None:
    page.use("line")
    for point in ((100, 400), (150, 300)):
        page.click(*point)
    page.press("a")
    page.page.get_by_text("Finish what you draw (Enter)").wait_for()
    page.press("s")
    assert near(fresh(page.heard("Commit")[-1]), [[[100, 400], [150, 300]]])
    page.press("a")
    assert [v["verdict"] for v in page.heard("Verdict")] == ["accept"]


def test_unsaved_edits_come_back_with_their_picture(page) -> None:
    page.use("point")
    page.click(100, 400)
    page.says("unsaved edits")
    page.page.reload()
    page.shows("svg.picture .shape", 4)
    page.page.get_by_text("Your unsaved edits are back").wait_for()
    page.says("unsaved edits")
    page.press("s")
    page.says("saved")
    page.page.reload()
    page.page.locator("svg.picture .shape").first.wait_for()
    assert page.page.get_by_text("Your unsaved edits are back").count() == 0


def test_regions_are_clicked_or_drawn(page) -> None:
    page.use("region")
    page.click(100, 120)
    page.drag((200, 220), (300, 260))
    place, box = page.heard("Region", 2)
    assert (place["kind"], box["kind"]) == ("point", "box")
    assert near(place["parts"], [[[100, 120]]])
    assert near(box["parts"], [[[200, 220], [300, 260]]])


def test_labels_are_text_whatever_they_hold(page) -> None:
    page.click(600, 150)
    page.page.mouse.move(*page.client(650, 150))
    page.page.locator("text.name", has_text="<img src=x").wait_for()
    assert page.page.locator(".canvas img, .canvas b").count() == 0
    assert page.page.title() != "taken"
    assert page.heard("Select")[0]["shape"] == "box"


def test_the_trace_goes_step_by_step(page) -> None:
    page.use("trace")
    page.shows(".trace .cross:not(.casing)", 1)
    slider = page.page.locator(".steps input")
    slider.fill("0")
    page.settle()
    page.shows(".trace .cell", 3)
    page.shows(".trace .arrow", 0)
    slider.fill("1")
    page.settle()
    page.shows(".trace .arrow", 3)
    assert page.page.locator(".step").inner_text() == "Offsets, round 1"


def test_layers_are_hidden_and_the_picture_is_moved_and_fitted(page) -> None:
    page.page.locator(".entry").nth(1).click()
    page.settle()
    page.shows(".layer", 1)
    _, x, y = page.view()
    page.drag((400, 300), (420, 310), button="middle")
    zoom, moved_x, moved_y = page.view()
    assert (moved_x - x, moved_y - y) == pytest.approx((20 * zoom, 10 * zoom), abs=0.5)
    page.use("fit")
    assert page.view() == pytest.approx((zoom, x, y))


def test_the_box_is_there_before_the_picture_and_a_broken_one_is_told(opened) -> None:
    page = opened(picture="/app/static/none.png")
    page.page.locator(".message", has_text="could not be loaded").wait_for()
    box = page.page.locator(".stage").bounding_box()
    whole = opened()
    whole.page.locator(".message").wait_for(state="hidden")
    assert whole.page.locator(".stage").bounding_box() == box
    page.close()
    whole.close()
