"""The process that serves the pages."""

import subprocess
import sys

import pytest

pytest.importorskip("streamlit", reason="drivegrid[dashboard] is not installed")

PAGES = """import sys
import drivegrid.dashboard.app, drivegrid.dashboard.pages.main
print([name for name in ("torch", "transformers", "sqlalchemy") if name in sys.modules])"""


def test_the_model_is_loaded_by_its_own_process_alone() -> None:
    """It takes seconds and hundreds of megabytes, which the pages have no use for."""
    ran = subprocess.run([sys.executable, "-c", PAGES], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "['sqlalchemy']"
