"""The four forms, byte for byte against a hand-made record, and back."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from drivegrid.data.queries import IsA, Query
from drivegrid.errors import FormatError
from drivegrid.tasks.conversations.files import FORMS, load_records, save_records
from drivegrid.tasks.conversations.record import Message, Record, from_dict, to_dict
from drivegrid.tasks.settings import ConversationConfig

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "conversations.json").read_text())
CONFIG = ConversationConfig()
RECORD = Record(
    id="a/1.jpg#dialogue-0",
    image="a/1.jpg",
    size_wh=(64, 64),
    task="dialogue",
    messages=(
        Message("user", "<image>\nsigns"),
        Message("assistant", "stop sign: <point><grid_1_0></point>"),
        Message("user", "all cars"),
        Message("assistant", "none"),
    ),
    targets=((1,), ()),
    forms=(None, Query((IsA("object/vehicle/car"),))),
)


@pytest.mark.parametrize("form", FORMS)
def test_golden_forms(form) -> None:
    assert FORMS[form](RECORD) == GOLDEN["record" if form == "ours" else form]


def test_our_form_reads_back() -> None:
    assert from_dict(GOLDEN["record"]) == RECORD


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"schema": 2}, "schema"),
        ({"id": 3}, "id"),
        ({"size_wh": [1]}, "size_wh"),
        ({"size_wh": [1, 2.5]}, "size_wh"),
        ({"messages": [{"role": "system", "content": ""}]}, "role"),
        ({"messages": [3]}, "message 0"),
        ({"targets": [[True]]}, "targets"),
        ({"targets": None}, "targets"),
        ({"forms": None}, "forms"),
        ({"forms": [3]}, "form"),
        ({"forms": [{"where": []}]}, "number"),
    ],
)
def test_malformed_records_are_named(changes, found) -> None:
    with pytest.raises(FormatError, match=found):
        from_dict(to_dict(RECORD) | changes)


@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize("name", ["r.jsonl", "r.jsonl.gz", "r.parquet"])
def test_files_of_our_form_read_back(tmp_path, name, count) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    path = tmp_path / name
    assert save_records([RECORD] * count, path, "ours", CONFIG) == count
    assert list(load_records(path)) == [RECORD] * count


def test_parquet_says_what_it_was_made_with(tmp_path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    save_records([RECORD], tmp_path / "r.parquet", "ours", CONFIG)
    schema = parquet.read_schema(tmp_path / "r.parquet")
    assert schema.metadata[b"drivegrid_conversations"] == b"1"
    assert schema.metadata[b"drivegrid_spec"] == b"1"
    config = ConversationConfig.model_validate_json(schema.metadata[b"drivegrid_config"])
    assert config == CONFIG
    assert schema.names == ["id", "image", "size_wh", "task", "messages", "targets", "forms"]


def test_parquet_of_another_kind_is_refused(tmp_path) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pa.table({"id": ["a"]}), tmp_path / "r.parquet")
    with pytest.raises(FormatError, match="schema"):
        list(load_records(tmp_path / "r.parquet"))
    (tmp_path / "r.parquet").write_bytes(b"PAR1")
    with pytest.raises(FormatError, match="Parquet"):
        list(load_records(tmp_path / "r.parquet"))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_llava_is_one_list_or_lines(tmp_path, count) -> None:
    records = [RECORD] * count
    save_records(records, tmp_path / "r.json", "llava", CONFIG)
    assert json.loads((tmp_path / "r.json").read_text()) == [GOLDEN["llava"]] * count
    save_records(records, tmp_path / "r.jsonl", "llava", CONFIG)
    lines = (tmp_path / "r.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [GOLDEN["llava"]] * count


@pytest.mark.parametrize(
    ("name", "form"), [("r.json", "swift"), ("r.parquet", "trl"), ("r.txt", "ours"), ("r", "ms")]
)
def test_wrong_forms_and_names_are_refused(tmp_path, name, form) -> None:
    with pytest.raises(FormatError, match="must"):
        save_records([RECORD], tmp_path / name, form, CONFIG)
    assert list(tmp_path.iterdir()) == []


def test_an_error_on_the_way_leaves_no_file(tmp_path) -> None:
    bad = replace(RECORD, id="\ud800")
    for name in ("r.jsonl", "r.parquet"):
        with pytest.raises(FormatError):
            save_records([RECORD, bad], tmp_path / name, "ours", CONFIG)
    assert list(tmp_path.iterdir()) == []


def test_broken_lines_are_named(tmp_path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(json.dumps(to_dict(RECORD)) + "\n{}\n")
    with pytest.raises(FormatError, match=r"r\.jsonl, line 2"):
        list(load_records(path))


def test_chat_templates_of_other_trainers_see_one_picture() -> None:
    """What TRL writes for a picture is one part, and no text holds the placeholder."""
    parts = [part for m in FORMS["trl"](RECORD)["messages"] for part in m["content"]]
    assert [part["type"] for part in parts].count("image") == 1
    assert not any("<image>" in part.get("text", "") for part in parts)
