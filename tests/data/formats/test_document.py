"""docs/formats.md says what the table says."""

from pathlib import Path

from drivegrid.data.formats import FORMATS
from drivegrid.data.formats.document import describe, document

ROOT = Path(__file__).parents[3]


def test_the_page_is_current() -> None:
    page = (ROOT / "docs" / "formats.md").read_text()
    assert page == document(), "run python -m drivegrid.data.formats.document > docs/formats.md"


def test_every_format_says_what_it_holds_and_loses() -> None:
    for name, entry in FORMATS.items():
        row = describe(entry)
        assert row["name"] == name
        assert row["title"]
        assert row["holds"]
        assert name == "scene" or entry.save is None or row["lost_out"], name
