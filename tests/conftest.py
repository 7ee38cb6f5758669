"""Fixtures of every test folder."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no reason to fail: time is never asserted in tests.
settings.register_profile(
    "drivegrid", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.load_profile("drivegrid")


@pytest.fixture(scope="session")
def realdata():
    """Folder of real driving data; tests that need it are skipped without it."""
    beside = Path(__file__).parents[2] / "shared" / "realdata"
    folder = Path(os.environ.get("DRIVEGRID_REALDATA", beside))
    if not folder.is_dir():
        pytest.skip("needs real data: set DRIVEGRID_REALDATA to its folder")
    return folder
