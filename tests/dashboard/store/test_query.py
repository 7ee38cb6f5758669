import json

import pytest

pytest.importorskip("sqlalchemy", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.schema import STATUSES
from drivegrid.dashboard.store.query import (
    MAX_QUERY,
    Cell,
    OfEvaluation,
    Query,
    check_name,
)
from hypothesis import given
from hypothesis import strategies as st

from drivegrid.errors import ConfigError

PLAIN = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
FLOATS = st.none() | st.floats(allow_nan=False, allow_infinity=False)
QUERIES = st.builds(
    Query,
    status=st.lists(st.sampled_from(STATUSES), max_size=4).map(tuple),
    facts=st.dictionaries(PLAIN, st.lists(PLAIN, min_size=1, max_size=3).map(tuple), max_size=3),
    text=PLAIN.map(lambda text: " ".join(text.split()[:10])),
    clip=st.none() | PLAIN,
    split=st.none() | PLAIN,
    evaluation=st.builds(
        OfEvaluation,
        id=st.integers(1, 2**63 - 1),
        score_from=FLOATS,
        score_to=FLOATS,
        misses=st.booleans(),
        false_alarms=st.booleans(),
        cell=st.none() | st.builds(Cell, pred_label=PLAIN, true_label=st.none() | PLAIN),
    ),
    order=st.sampled_from(["number", "status", "reviewed_at", "score"]),
    descending=st.booleans(),
)


def test_the_empty_query_is_the_empty_text() -> None:
    assert Query().to_text() == "" and Query().to_json() == {}
    assert Query.from_text("") == Query.from_json({}) == Query()
    assert not Query().narrows and Query(order="reviewed_at").narrows


@given(QUERIES)
def test_json_and_text_give_the_same_query_back(query: Query) -> None:
    assert Query.from_json(json.loads(json.dumps(query.to_json()))) == query
    text = query.to_text()
    assert Query.from_text(text) == query
    assert all(letter.isascii() and (letter.isalnum() or letter in "-_") for letter in text)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"colour": "red"}, "colour: Extra inputs"),
        ({"status": ["old"]}, r"status.0: .*new, accepted, corrected, rejected, got 'old'"),
        ({"status": "new"}, "status: .*valid"),
        ({"order": "id; DROP TABLE frames"}, "order: .*'number'"),
        ({"order": "score"}, "must have an evaluation"),
        ({"descending": "yes"}, "descending: .*boolean"),
        ({"facts": {"weather": []}}, "facts.weather: .*at least 1"),
        ({"facts": {"weather": ["x" * 201]}}, "at most 200"),
        ({"facts": {str(i): ["x"] for i in range(21)}}, "at most 20"),
        ({"text": "\0"}, "text: .*null character"),
        ({"text": "\ud800"}, "query must be valid"),
        ({"text": "a " * 11}, "at most 10 words"),
        ({"clip": 7}, "clip: .*string"),
        ({"evaluation": {"id": 0}}, "evaluation.id"),
        ({"evaluation": {"id": 2**63}}, "evaluation.id"),
        ({"evaluation": {"id": True}}, "evaluation.id"),
        ({"evaluation": {"id": 1, "score_to": float("nan")}}, "score_to"),
        ({"evaluation": {"id": 1, "cell": {}}}, "a label on one side"),
        ({"clip": object()}, "JSON values"),
        ([], "query must be valid"),
    ],
)
def test_what_is_no_query_is_told_once(values, told) -> None:
    with pytest.raises(ConfigError, match=told):
        Query.from_json(values)


@given(st.text(max_size=60) | st.binary(max_size=60).map(bytes.hex))
def test_any_text_is_a_query_or_a_clear_error(text: str) -> None:
    try:
        assert Query.from_text(Query.from_text(text).to_text()) == Query.from_text(text)
    except ConfigError as error:
        assert str(error).startswith("query must be")


def test_a_text_without_end_is_refused() -> None:
    with pytest.raises(ConfigError, match="at most"):
        Query.from_text("a" * (MAX_QUERY + 1))


def test_a_split_is_a_fact_like_others() -> None:
    assert Query(split="val").all_facts == {"split": ("val",)}
    both = Query(split="val", facts={"split": ("train",), "label": ("sign",)})
    assert both.all_facts == {"split": (), "label": ("sign",)}
    assert both.without("split").all_facts == {"label": ("sign",)}
    assert both.without("label").all_facts == {"split": ()}


@pytest.mark.parametrize("name", ["", "  ", "a\0", "\ud800", "x" * 201])
def test_names_that_cannot_be_are_refused(name) -> None:
    with pytest.raises(ConfigError, match=r"name must (have|be)"):
        check_name(name)
    assert check_name("ada 🚗 <script>") == "ada 🚗 <script>"


def test_changes_keep_the_rest_and_are_checked() -> None:
    query = Query(text="a", facts={"weather": ("rain",)}, split="val")
    assert query.changed(text="b") == Query(text="b", facts={"weather": ("rain",)}, split="val")
    assert query.with_fact("weather", []) == Query(text="a", split="val")
    assert query.with_fact("weather", ["fog"]).facts == {"weather": ("fog",)}
    assert query.with_fact("split", ["train"]).all_facts["split"] == ("train",)
    with pytest.raises(ConfigError, match="order score"):
        query.changed(order="score")
    with pytest.raises(ConfigError, match="statuses"):
        query.changed(statuses=["new"])
