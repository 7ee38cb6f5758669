"""Where the answers of the official lane evaluators lie, and how to read them."""

import json
import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest


@cache
def fixture_root():
    """The folder of the lane fixtures; skips the test where it is absent."""
    beside = Path(__file__).resolve().parents[2].parent / "shared" / "weights"
    root = Path(os.environ.get("DRIVEGRID_WEIGHTS", beside)) / "lane_metric_fixtures"
    if not root.is_dir():
        pytest.skip("lane_metric_fixtures is absent: set DRIVEGRID_WEIGHTS to the folder above it")
    return root


def read_lanes(path):
    """Lanes of one .lines.txt; a missing file has none, as for the official tool."""
    if not path.exists():
        return []
    rows = [np.array(line.split(), dtype=float) for line in path.read_text().splitlines()]
    return [row.reshape(-1, 2) for row in rows if row.size]


def read_json_lines(path):
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
