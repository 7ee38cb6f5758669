"""What failed is counted, and a resumed run does not tell it twice."""

import json

import pytest

pytest.importorskip("torch")

from drivegrid.training.failures import Failures

from drivegrid.errors import ModelError


def told(failures: Failures) -> list[str]:
    if not failures.path.exists():
        return []
    return [json.loads(line)["failure"] for line in failures.path.read_text().splitlines()]


def test_nothing_failed_is_no_file(tmp_path) -> None:
    failures = Failures(tmp_path, 0, 0)
    failures.note(0, [], 0)
    failures.restore(0, 0)
    assert told(failures) == [] and failures.count == 0


def test_too_many_end_the_run_by_name(tmp_path) -> None:
    failures = Failures(tmp_path, 2, 0)
    failures.note(0, ["a.jpg: torn"], 2)
    with pytest.raises(ModelError, match=r"at most 2 .* got 3, the last: b\.jpg"):
        failures.note(1, ["b.jpg: torn"], 1)
    assert told(failures) == ["a.jpg: torn", "b.jpg: torn"]


def test_a_resumed_run_meets_the_later_ones_again(tmp_path) -> None:
    failures = Failures(tmp_path, 9, 0)
    failures.note_held_out(0, ["judged at the start"])
    failures.note(1, ["in the second step"], 1)
    failures.note_held_out(2, ["judged after two"])
    count = failures.count
    failures.note(2, ["in the third step"], 1)
    failures.note_held_out(3, ["judged after three"])
    again = Failures(tmp_path, 9, 0)
    again.restore(2, count)
    assert told(again) == ["judged at the start", "in the second step", "judged after two"]
    assert again.count == 1
