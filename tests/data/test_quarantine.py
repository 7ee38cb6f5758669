"""Counts add up and the report says where."""

import json

import pytest

from drivegrid.data.quarantine import Loaded, Quarantine
from drivegrid.errors import FormatError


def test_an_empty_report():
    assert Quarantine().to_dict() == {"read": 0, "kept": 0, "quarantined": 0, "records": []}


def test_the_report_on_disk(tmp_path):
    quarantine = Quarantine()
    quarantine.keep()
    quarantine.reject(FormatError("lane must be short", "a.txt", 3, "lane 1"))
    quarantine.reject(FormatError("all must be well"))
    quarantine.save(tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text()) == {
        "read": 3,
        "kept": 1,
        "quarantined": 2,
        "records": [
            {"path": "a.txt", "message": "lane must be short", "line": 3, "item": "lane 1"},
            {"path": "", "message": "all must be well", "line": None, "item": None},
        ],
    }


def test_frames_are_required_good_or_bad():
    quarantine = Quarantine()
    with pytest.raises(FormatError, match=r"at least one frame, got none.*a\.json"):
        Loaded([], quarantine).require_frames("a.json")
    quarantine.reject(FormatError("bad"))
    Loaded([], quarantine).require_frames("a.json")
