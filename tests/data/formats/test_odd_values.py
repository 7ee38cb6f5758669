"""Every format with one value of a good file in turn of another kind, and extras alike."""

from itertools import islice

import pytest

from drivegrid.data.formats import FORMATS
from drivegrid.data.store import scene_from_record, scene_to_record
from drivegrid.errors import FormatError
from tests.data.formats.mutations import swapped, swapped_words
from tests.data.formats.small_sets import SMALL_SETS

_READ_EACH, _WRITE_EACH = 4, 5
"""Of seven odd values in each place that many are passed over, others in the next place."""


@pytest.mark.parametrize("name", SMALL_SETS)
def test_an_odd_value_is_read_or_set_aside(tmp_path, name):
    small = SMALL_SETS[name]
    small.write(tmp_path)
    good = small.load(tmp_path)
    for file, content in small.files.items():
        changes = swapped_words(content) if isinstance(content, str) else swapped(content)
        for changed in islice(changes, 0, None, _READ_EACH):
            small.write(tmp_path, {file: changed})
            try:
                loaded = small.load(tmp_path)
            except FormatError:
                continue
            assert loaded.quarantine.num_kept == len(loaded.scenes)
        small.write(tmp_path, {file: content})
    assert small.load(tmp_path).scenes == good.scenes


def _with_odd_extras(record):
    for extra in swapped(record["extra"]):
        yield record | {"extra": extra}
    instances = record["instances"]
    for i, instance in enumerate(instances):
        for extra in swapped(instance["extra"]):
            yield record | {
                "instances": [*instances[:i], instance | {"extra": extra}, *instances[i + 1 :]]
            }


_WRITABLE = [name for name, small in SMALL_SETS.items() if FORMATS[small.format].save]


@pytest.mark.parametrize("name", _WRITABLE)
def test_an_odd_extra_is_written_or_set_aside(tmp_path, name):
    small = SMALL_SETS[name]
    small.write(tmp_path / "in")
    number = 0
    for scene in small.load(tmp_path / "in").scenes:
        odd = _with_odd_extras(scene_to_record(scene))
        for record in islice(odd, 0, None, _WRITE_EACH):
            try:
                scene = scene_from_record(record)
            except FormatError:  # the store holds no such scene
                continue
            number += 1
            path = tmp_path / str(number)
            saved = FORMATS[small.format].save([scene], path / small.opened)
            assert saved.quarantine.num_read == 1
