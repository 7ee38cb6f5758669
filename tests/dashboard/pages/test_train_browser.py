"""From reviewed frames to a checkpoint that answers, in a real browser and with a real training."""

import pytest

pytest.importorskip("streamlit", reason="drivegrid[dashboard] is not installed")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from drivegrid.dashboard.database import Database  # noqa: E402
from drivegrid.dashboard.fine_tuning import FINE_TUNING  # noqa: E402
from drivegrid.dashboard.hub import HubSettings  # noqa: E402
from drivegrid.dashboard.store.jobs import list_jobs  # noqa: E402
from drivegrid.dashboard.store.promotions import promoted  # noqa: E402

from drivegrid.inference.predictor import Predictor  # noqa: E402
from tests.dashboard.canvas.browser import ARGUMENTS, chromium  # noqa: E402
from tests.dashboard.drives import accept_all, add_drive, drive_scene  # noqa: E402
from tests.dashboard.pages.served import serve  # noqa: E402

pytestmark = pytest.mark.slow
NUM_FRAMES = 4
STEPS = 2
SOON_MS, TRAINED_MS = 60_000, 400_000


@pytest.fixture
def reviewed(tmp_path) -> HubSettings:
    """Return a hub's settings, in whose store a drive was accepted."""
    settings = HubSettings(tmp_path / "hub")
    database = Database(settings.url)
    database.migrate()
    folder = tmp_path / "drive"
    scenes = [drive_scene(folder, number) for number in range(NUM_FRAMES)]
    accept_all(database, add_drive(database, folder, scenes))
    database.close()
    return settings


def test_reviewed_frames_become_a_checkpoint_that_answers(reviewed) -> None:
    program = chromium()
    if program is None:
        pytest.skip("Chromium is not installed (apt install chromium)")
    with serve(reviewed.folder) as server, playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=ARGUMENTS)
        page = browser.new_context(viewport={"width": 1280, "height": 720}).new_page()
        page.set_default_timeout(SOON_MS)
        page.goto(f"{server.url}/train")
        page.get_by_role("button", name="Make a set").click()
        page.get_by_role("button", name="Train on this set").click()
        page.get_by_label("Steps").fill(str(STEPS))
        page.get_by_label("Steps").press("Enter")
        page.get_by_text("None", exact=True).click()  # rendering scenes takes most of the time
        page.get_by_text("As a command").click()
        page.get_by_text(f"data.rendered=0.0 --set optim.steps={STEPS}").wait_for()
        page.get_by_role("button", name="Train", exact=True).click()
        promote = page.get_by_role("button", name="Promote: let it answer on Ask")
        failed = page.get_by_text("must come to its end")
        promote.or_(failed).first.wait_for(timeout=TRAINED_MS)
        database = Database(reviewed.url)
        [job] = list_jobs(database, kinds=[FINE_TUNING])
        assert (job.state, job.message) == ("done", ""), job.message
        assert len(page.locator("[data-testid=stVegaLiteChart]").all()) == 2
        page.locator("[data-testid=stImage] img").wait_for()
        promote.click()
        page.get_by_text("Answers on the page Ask.").wait_for()
        browser.close()
    checkpoint = promoted(database).checkpoint
    database.close()
    assert str(checkpoint) == job.result["checkpoint"]
    Predictor.from_pretrained(checkpoint)  # as the page Ask loads it
