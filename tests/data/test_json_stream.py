import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivegrid.data import json_stream
from drivegrid.data.files import parse_json
from drivegrid.data.json_stream import array_items, first_char, object_items, other_members
from drivegrid.errors import FormatError

_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)
_layouts = st.sampled_from([None, 0, 3])
_chunks = st.sampled_from([1, 2, 7, 64, 1 << 20])


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "file.json"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("stream") / "file.json"


def _items(path, key=None):
    found = list(array_items(path, key))
    assert [number for number, _ in found] == list(range(len(found)))
    return [parse_json(text) for _, text in found]


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ("[]", None, []),
        (" [ ] \n", None, []),
        ("[1]", None, [1]),
        ("[1.5e3,-2]", None, [1500.0, -2]),
        ('["a,]}", {"b": [1, {"c": "\\""}]}, null]', None, ["a,]}", {"b": [1, {"c": '"'}]}, None]),
        ('{"frames": []}', "frames", []),
        ('{"x": {"frames": [9]}, "frames": [1, 2], "y": [3]}', "frames", [1, 2]),
        ("\ufeff[7]", None, [7]),
    ],
)
def test_elements_come_in_order(write, text, key, expected):
    assert _items(write(text), key) == expected


@given(st.lists(_values, max_size=6), _layouts, _chunks)
def test_an_array_is_split_as_json_reads_it(file, values, indent, chunk):
    file.write_text(json.dumps(values, indent=indent))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "CHUNK_BYTES", chunk)
        assert _items(file) == values


@given(st.dictionaries(st.text(max_size=5), _values, max_size=4), st.lists(_values), _chunks)
def test_an_object_is_split_as_json_reads_it(file, others, values, chunk):
    others.pop("frames", None)
    for record in (others | {"frames": values}, {"frames": values} | others):
        file.write_text(json.dumps(record, ensure_ascii=False))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(json_stream, "CHUNK_BYTES", chunk)
            assert _items(file, "frames") == values
            assert other_members(file, {"frames"}) == others


@given(st.lists(_values, min_size=1, max_size=4), st.data())
def test_mutated_text_is_refused_exactly_where_json_refuses_it(file, values, data):
    text = bytearray(json.dumps(values, indent=1).encode())
    at = data.draw(st.integers(0, len(text) - 1))
    what = data.draw(st.sampled_from(["cut", "flip", "insert"]))
    if what == "cut":
        del text[at:]
    elif what == "flip":
        text[at] ^= 1 << data.draw(st.integers(0, 7))
    else:
        text[at:at] = data.draw(st.binary(min_size=1, max_size=4))
    file.write_bytes(text)
    try:
        expected = parse_json(bytes(text).removeprefix(b"\xef\xbb\xbf"))
    except FormatError:
        expected = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "CHUNK_BYTES", 16)
        if isinstance(expected, list):
            assert _items(file) == expected
        else:
            with pytest.raises(FormatError):
                _items(file)


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        ("", None, "file must be an array"),
        ("{}", None, "file must be an array"),
        ("[]", "frames", "must go on with {"),
        ("{}", "frames", "must hold 'frames'"),
        ('{"frames": 3}', "frames", "frames must be an array"),
        ('{"frames": [1], "frames": [2]}', "frames", "must stand once"),
        ("[1, 2", None, "must go on with , or ]"),
        ("[1 2]", None, "must go on with , or ]"),
        ("[1,]", None, "well formed"),
        ("[1] 2", None, "must end after its value"),
        ("{3: 4}", "frames", "key must be a text"),
        ("[" * 200_000, None, "nested"),
    ],
)
def test_what_is_no_array_is_refused(write, text, key, message):
    with pytest.raises(FormatError, match=message):
        _items(write(text), key)


def test_elements_before_a_break_are_had(write):
    items = array_items(write('[{"a": 1}, {"b": 2}, {"c": !}]'))
    assert [next(items), next(items)] == [(0, b'{"a": 1}'), (1, b'{"b": 2}')]
    with pytest.raises(FormatError, match="Expecting value") as error:
        next(items)
    assert error.value.item == "character 27"


@pytest.mark.parametrize("bad", [b"1e999", b"NaN", b"9" * 5000, b'"\xff"', b'"\\ud800"'])
def test_a_bad_value_spoils_only_its_own_element(write, bad):
    found = [text for _, text in array_items(write(b'["a", ' + bad + b', "c"]'))]
    assert [found[0], found[1], found[2]] == [b'"a"', bad, b'"c"']
    with pytest.raises(FormatError):
        parse_json(found[1])


def test_a_break_is_found_without_reading_on(write, monkeypatch):
    monkeypatch.setattr(json_stream, "CHUNK_BYTES", 64)
    monkeypatch.setattr(json_stream, "MAX_ITEM_CHARS", 128)
    with pytest.raises(FormatError, match="well formed"):
        _items(write('[{"a": ?' + " " * 1000 + "}]"))


def test_an_endless_element_is_refused_by_name_of_the_limit(write, monkeypatch):
    monkeypatch.setattr(json_stream, "CHUNK_BYTES", 64)
    monkeypatch.setattr(json_stream, "MAX_ITEM_CHARS", 128)
    with pytest.raises(FormatError, match="at most 128 characters"):
        _items(write('["' + "x" * 1000 + '"]'))


def test_packed_files_are_unpacked(tmp_path):
    path = tmp_path / "file.json.gz"
    path.write_bytes(gzip.compress(b"[1, 2]"))
    assert _items(path) == [1, 2]
    path.write_bytes(gzip.compress(b"[1, 2]")[:-9])
    with pytest.raises(FormatError, match="readable"):
        _items(path)


@pytest.mark.parametrize(("text", "char"), [("", ""), (" \n", ""), (" [1]", "["), ("{", "{")])
def test_first_char(write, text, char):
    assert first_char(write(text)) == char


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(FormatError, match="readable"):
            next(array_items(path))


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), _values))
def test_everything_in_an_object_comes_in_one_pass(file, value):
    file.write_text(json.dumps(value))
    found = {}
    for key, number, text in object_items(file):
        if number is None:
            found[key] = parse_json(text)
        else:
            assert number == len(found[key])
            found[key].append(parse_json(text))
    assert found == value
    assert list(found) == list(value)


@pytest.mark.parametrize("text", ["", "[]", '{"a": [1}', '{"a": 1} 2', '{"a": 1, "a": 2}'])
def test_what_is_no_object_is_refused(write, text):
    with pytest.raises(FormatError, match="character"):
        list(object_items(write(text)))
