from base64 import urlsafe_b64encode

import pytest

sa = pytest.importorskip("sqlalchemy", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard import schema  # noqa: E402
from drivegrid.dashboard.database import StoreError  # noqa: E402
from drivegrid.dashboard.store import conditions, walks  # noqa: E402
from drivegrid.dashboard.store.browse import (  # noqa: E402
    Count,
    count,
    frame,
    list_clips,
    neighbours,
    page,
    page_before,
    shapes,
)
from drivegrid.dashboard.store.conditions import Selection  # noqa: E402
from drivegrid.dashboard.store.facets import Facet, facets  # noqa: E402
from drivegrid.dashboard.store.query import Cell, OfEvaluation, Query  # noqa: E402
from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from drivegrid.errors import ConfigError  # noqa: E402
from tests.dashboard.store.world import (  # noqa: E402
    CELLS,
    CLIPS,
    LABELS,
    WEATHERS,
    answer,
    count_facts,
    fill,
)

some = st.sampled_from
FACTS = st.fixed_dictionaries(
    {},
    optional={
        "weather": st.lists(some((*WEATHERS, "hail")), min_size=2, max_size=4).map(tuple),
        "label": st.lists(some((*LABELS, "%")), min_size=1, max_size=3).map(tuple),
        "split": some([("train",), ("val", "test")]),
        "nobody": st.just(("x",)),
    },
)
TEXTS = ["", "", "frame", "x_y", "x%y", "%", "_", "'", "CAR sign", "é", "🚗 frame", "\\", "a/"]
TEXTS += ["FRAME1", "ame", "me2 x_Y frame", 'zy"', '"', "sig", "jpg car", "🚗/", " 🚗/f", "b/X%Y2"]
WORDS = some([*TEXTS, "*", "3.JPG rain"])
EVALUATIONS = st.builds(
    OfEvaluation,
    id=some([1, 1, 1, 2, 2**63 - 1]),
    score_from=some([None, 0.1 + 0.2]),
    score_to=some([None, 0.1 + 0.2, 1.0]),
    misses=st.booleans(),
    false_alarms=st.booleans(),
    cell=st.none()
    | some([(p, t) for p in CELLS for t in CELLS if p or t]).map(
        lambda cell: Cell(pred_label=cell[0], true_label=cell[1])
    ),
)
FIELDS = {
    "status": st.lists(some(schema.STATUSES), min_size=1, max_size=3).map(tuple),
    "facts": FACTS,
    "text": WORDS,
    "clip": some(CLIPS),
    "split": some(["val", "test"]),
    "evaluation": EVALUATIONS,
}
# few conditions at once: frames must be left that could be lost
QUERIES = st.builds(
    lambda said, order, descending: {**said, "order": order, "descending": descending},
    st.sets(some(sorted(FIELDS)), max_size=2).flatmap(
        lambda names: st.fixed_dictionaries({name: FIELDS[name] for name in sorted(names)})
    ),
    some(["number", "status", "reviewed_at", "score"]),
    st.booleans(),
)


def to_query(values: dict) -> Query:
    if values["order"] == "score" and "evaluation" not in values:
        return Query(**(values | {"order": "number"}))
    return Query(**values)


def all_pages(database, query: Query, limit: int) -> list[int]:
    found, after = [], None
    while True:
        shown = page(database, query, 1, after, limit)
        assert len(shown.frames) <= limit
        found += [row.id for row in shown.frames]
        after = shown.after
        if after is None:
            return found
        assert len(shown.frames) == limit


@pytest.mark.parametrize(("rare", "many"), [(0, 1), (5, 9), (5000, 20_000)])
def test_pages_counts_and_facets_are_those_of_the_slow_answer(
    database, monkeypatch, rare, many
) -> None:
    """With nothing rare, everything is walked through; else what is rare is sorted."""
    rows = fill(database)
    monkeypatch.setattr(conditions, "RARE", rare)
    monkeypatch.setattr(walks, "RARE", rare)
    monkeypatch.setattr(walks, "MANY", many)

    @settings(max_examples=80)
    @given(QUERIES, st.integers(1, 9))
    def check(values: dict, limit: int) -> None:
        query = to_query(values)
        expected = answer(rows, query)
        assert all_pages(database, query, limit) == expected
        assert count(database, query, 1) == Count(len(expected), False)
        assert count(database, query, 1, most=3) == Count(min(len(expected), 3), len(expected) > 3)
        found = facets(database, query, 1)
        assert all(not facet.count.more for values in found.values() for facet in values)
        for name, values in found.items():
            rest = count_facts(rows, query.without(name) if name in query.all_facts else query)
            assert {facet.value: facet.count.num for facet in values} == rest[name]

    check()


def test_the_first_page_of_nothing(database) -> None:
    assert page(database, Query(), 1) == page(database, Query(text="x", split="val"), 7)
    assert page(database, Query(), 1).frames == () and page(database, Query(), 1).after is None
    assert count(database, Query(), 1) == Count(0, False) and facets(database, Query(), 1) == {}


def test_the_way_back_is_the_way_there(database) -> None:
    fill(database)

    @settings(max_examples=30)
    @given(QUERIES, st.integers(1, 9))
    def check(values: dict, limit: int) -> None:
        query, there = to_query(values), [page(database, to_query(values), 1, None, limit)]
        while (after := there[-1].after) is not None:
            there.append(page(database, query, 1, after, limit))
        shown = there[-1]
        for expected in reversed(there[:-1]):
            shown = page_before(database, query, 1, shown.before, limit)
            assert shown == expected
        assert shown.before is None

    check()


def test_clips_are_listed_by_name(database) -> None:
    assert list_clips(database, 1) == []
    rows = fill(database)
    clips = sorted({row.clip for row in rows} - {None})
    assert sorted(list_clips(database, 1)) == clips
    assert len(list_clips(database, 1, most=1)) == 1


def test_a_place_outlives_its_frame(database) -> None:
    rows = fill(database)
    for query in (
        Query(),
        Query(order="status"),
        Query(order="reviewed_at", descending=True),
        Query(order="score", evaluation=OfEvaluation(id=1)),
        Query(facts={"weather": ("clear", "rain")}),
    ):
        first = page(database, query, 1, limit=3)
        gone = first.frames[-1].id
        with database.write() as connection:
            connection.execute(sa.delete(schema.frames).where(schema.frames.c.id == gone))
        rest = [row.id for row in page(database, query, 1, first.after, 100).frames]
        assert rest == answer(rows, query)[3:]
        rows = [row for row in rows if row.id != gone]


def test_a_place_from_elsewhere_is_refused(database) -> None:
    fill(database, 3)
    status = Query(order="status")
    for query, text in (
        (Query(), ""),
        (Query(), "?"),
        (Query(), "é"),
        (Query(), "9" * 5000),
        (Query(), _encoded("[]")),
        (Query(), _encoded('["status","new",1]')),
        (Query(), _encoded('["number","1"]')),
        (Query(), _encoded('["number",true]')),
        (Query(), _encoded('["number",99999999999999999999]')),
        (status, _encoded('["status","\\u0000",1]')),
        (status, _encoded("[" * 5000)),
    ):
        with pytest.raises(ConfigError, match="place must be one"):
            page(database, query, 1, text)


def _encoded(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


HOSTILE = ["'", '"', "';DROP TABLE frames;--", "%", "_", "\\", "%%", "x" * 200, "שלום", "🚗", "\n"]


def test_what_people_type_is_only_ever_a_value(database) -> None:
    rows = fill(database, 9)
    for text in HOSTILE:
        for query in (
            Query(text=text),
            Query(facts={text: (text,)}),
            Query(clip=text, split=text),
            Query(evaluation=OfEvaluation(id=1, cell=Cell(pred_label=text))),
        ):
            assert all_pages(database, query, 4) == answer(rows, query)
            assert count(database, query, 1).num == len(answer(rows, query))
            facets(database, query, 1)


def test_facets_show_the_most_frequent_values(database, monkeypatch) -> None:
    rows = fill(database)
    wanted = count_facts(rows, Query())["weather"]
    first = sorted(wanted.items(), key=lambda one: (-one[1], one[0]))[:2]
    assert facets(database, Query(), 1, top=2)["weather"] == [
        Facet(value, Count(num, False)) for value, num in first
    ]
    monkeypatch.setattr("drivegrid.dashboard.store.facets.MAX_LOOKED_AT", 4)
    many = facets(database, Query(split="train"), 1)["label"]
    assert all(facet.count.more for facet in many)
    assert sum(facet.count.num > 0 for facet in many)


def test_what_is_shown_of_a_frame(database) -> None:
    fill(database, 3)
    with database.write() as connection:
        user = {"name": "ada", "role": "admin", "created_at": 1}
        key = connection.execute(sa.insert(schema.users).values(user)).inserted_primary_key[0]
        connection.execute(
            sa.update(schema.frames)
            .where(schema.frames.c.id == 2)
            .values(reviewed_by=key, lease_by=key, lease_until=7, attributes={"weather": "rain"})
        )
    row = frame(database, 2)
    assert (row.reviewed_by, row.lease.user, row.lease.until) == ("ada", "ada", 7)
    assert row.size_wh == (64, 48) and row.attributes == {"weather": "rain"}
    assert frame(database, 1).lease is None
    assert page(database, Query(), 1).frames[1] == row
    with pytest.raises(StoreError, match="frame must exist, got id 999"):
        frame(database, 999)
    assert shapes(database, 999) == [] and neighbours(database, 999) == (None, None)


def test_neighbours_are_of_the_same_clip(database) -> None:
    rows = fill(database)
    for row in rows:
        clip = [one.id for one in rows if one.clip == row.clip]
        place = clip.index(row.id)
        before = clip[place - 1] if place else None
        behind = clip[place + 1] if place + 1 < len(clip) else None
        expected = (None, None) if row.clip is None else (before, behind)
        assert neighbours(database, row.id) == expected


def plans(database, query: Query) -> str:
    """Return what SQLite says it does for the first page."""
    with database.read() as connection:
        selection, found = Selection(connection, query, 1), []
        for branch in selection.branches:
            keys = selection.keys(branch)
            rows = selection.select(branch, [*keys, schema.frames.c.extra]).order_by(*keys)
            text = rows.compile(database.engine, compile_kwargs={"literal_binds": True})
            found += [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")]
    return "; ".join(found)


@pytest.mark.parametrize(
    "query",
    [
        Query(),
        Query(descending=True),
        Query(status=("new", "accepted")),
        Query(order="status", status=("new",)),
        Query(order="reviewed_at", descending=True),
        Query(facts={"weather": ("clear",), "label": ("sign",)}, split="val", status=("new",)),
        Query(order="score", evaluation=OfEvaluation(id=1, score_to=0.5)),
        Query(evaluation=OfEvaluation(id=1, score_to=0.5, misses=True)),
        Query(text="x", status=("new",)),
    ],
)
def test_pages_come_from_indexes(database, query) -> None:
    if database.dialect != "sqlite":
        pytest.skip("PostgreSQL plans by the size of its tables")
    fill(database, 3)
    found = plans(database, query)
    assert "SEARCH" in found and "SCAN" not in found and "TEMP B-TREE" not in found
