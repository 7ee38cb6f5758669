"""Class lists of masks: text and JSON, numbers and colours, and what is refused."""

import pytest

from drivegrid.data.formats.mask_classes import label_of_class, read_class_list
from drivegrid.errors import FormatError
from drivegrid.labels import default_label_space

LISTS = {
    "numbers": ("classes.txt", "0 Sky\n3 traffic light\n", {"Sky": 0, "traffic light": 3}),
    "other marks": ("classes.txt", "0: Sky\n\n3,Road\r\n", {"Sky": 0, "Road": 3}),
    "names": ("codes.txt", "Sky\nguard rail\n", {"Sky": 0, "guard rail": 1}),
    "255 is named": ("classes.txt", "255 Road", {"Road": 255}),
    "ignore is named": ("classes.txt", "7 ignore", {"ignore": 7}),
    "a byte order mark": ("classes.txt", "\ufeff0 Sky", {"Sky": 0}),
    "JSON numbers": ("classes.json", '{"0": "Sky", "4": "Car"}', {"Sky": 0, "Car": 4}),
    "JSON names": ("classes.json", '{"Sky": 0, "Car": 4}', {"Sky": 0, "Car": 4}),
    "a JSON list": ("classes.json", '["Sky", "Car"]', {"Sky": 0, "Car": 1}),
}


@pytest.mark.parametrize(("name", "text", "values"), LISTS.values(), ids=LISTS)
def test_class_lists(tmp_path, name, text, values):
    (tmp_path / name).write_text(text)
    listed = read_class_list(tmp_path / name)
    implied = {} if 255 in values.values() or "ignore" in values else {"ignore": 255}
    assert (listed.values, listed.colors) == (values | implied, False)


COLOR_LISTS = {
    "text": ("label_colors.txt", "128 64 128\tRoad\n0 0 1 Sky"),
    "commas": ("classes.txt", "128,64,128,Road\n0, 0, 1, Sky"),
    "JSON": ("classes.json", '{"Road": [128, 64, 128], "Sky": [0, 0, 1]}'),
}


@pytest.mark.parametrize(("name", "text"), COLOR_LISTS.values(), ids=COLOR_LISTS)
def test_class_lists_of_colours(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    listed = read_class_list(tmp_path / name)
    assert (listed.values, listed.colors) == ({"Road": 0x804080, "Sky": 1}, True)


BAD_LISTS = {
    "empty": ("classes.txt", "", "at least one"),
    "a name twice": ("classes.txt", "0 Sky\n1 Sky", "of its own"),
    "a number twice": ("classes.txt", "0 Sky\n0 Car", "of its own"),
    "a number too high": ("classes.txt", "0 Sky\n65536 Car", "up to 65535"),
    "a colour too high": ("classes.txt", "0 0 256 Sky", "up to 255"),
    "no UTF-8": ("classes.txt", b"\xff\xfe", "UTF-8"),
    "too many": ("classes.txt", "a\n" * 70_000, "at most 65536"),
    "no JSON": ("classes.json", "{", "JSON"),
    "a JSON number": ("classes.json", "3", "an object"),
    "a word for a number": ("classes.json", '{"x": "Sky"}', "a number"),
    "a fraction": ("classes.json", '{"Sky": 1.5}', "whole number"),
    "two parts": ("classes.json", '{"Sky": [1, 2]}', "of three"),
    "below zero": ("classes.json", '{"Sky": -1}', "up to 65535"),
    "both kinds": ("classes.json", '{"Sky": 1, "Car": [1, 2, 3]}', "all have colours"),
    "no name": ("classes.json", '["", "Car"]', "of its own"),
}


@pytest.mark.parametrize(("name", "text", "message"), BAD_LISTS.values(), ids=BAD_LISTS)
def test_wrong_class_lists_are_refused(tmp_path, name, text, message):
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(FormatError, match=f"{message}.*{name}"):
        read_class_list(tmp_path / name)


def test_labels_of_the_taxonomy_are_class_names_of_themselves():
    for path in default_label_space().labels:
        assert label_of_class(path).path == path
