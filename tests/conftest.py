"""Fixtures of every test folder."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def realdata():
    """Folder of real driving data; tests that need it are skipped without it."""
    beside = Path(__file__).parents[2] / "shared" / "realdata"
    folder = Path(os.environ.get("DRIVEGRID_REALDATA", beside))
    if not folder.is_dir():
        pytest.skip("needs real data: set DRIVEGRID_REALDATA to its folder")
    return folder
