"""Tables of the review store, the same on SQLite and PostgreSQL.

Times are whole milliseconds since 1970 (UTC). JSON columns hold what is read whole and never
searched; what is filtered by has a column or a row in ``facts``. Picture bytes are never stored.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
"""SQLite numbers rows by itself only where the key is a plain INTEGER."""

STATUSES = ("new", "accepted", "corrected", "rejected")
"""Of a frame: not reviewed, labels right, labels changed, not to be used."""
VERDICTS = ("accept", "correct", "reject", "undo")
ROLES = ("viewer", "reviewer", "admin")
"""Each may do what those before it may."""
SOURCE_KINDS = ("label", "model", "review")
JOB_STATES = ("waiting", "running", "done", "failed", "cancelled")

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _key() -> sa.Column[Any]:
    return sa.Column("id", Id, primary_key=True, autoincrement=True)


def _to(table: str, name: str | None = None, *, null: bool = False) -> sa.Column[Any]:
    """Return a column that names a row of another table; it goes when that row goes.

    People stay: what they did would go with them.
    """
    column = name or f"{table.removesuffix('s')}_id"
    key = sa.ForeignKey(f"{table}.id", ondelete="RESTRICT" if table == "users" else "CASCADE")
    return sa.Column(column, Id, key, nullable=null)


def _one_of(name: str, values: tuple[str, ...]) -> tuple[sa.Column[Any], sa.CheckConstraint]:
    listed = ", ".join(f"'{value}'" for value in values)
    column = sa.Column(name, sa.Text, nullable=False)
    return column, sa.CheckConstraint(f"{name} IN ({listed})", name=name)


def _text(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, nullable=null)


def _time(name: str = "at", *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger, nullable=null)


def _incoming() -> sa.Column[Any]:
    """Return a column that says of what is written in many transactions that it is not whole."""
    return sa.Column("incoming", sa.Boolean, nullable=False, server_default=sa.false())


def _json(name: str, *, null: bool = False, default: Any = None) -> sa.Column[Any]:
    return sa.Column(name, sa.JSON(none_as_null=True), nullable=null, default=default)


users = sa.Table(
    "users", metadata, _key(), sa.Column("name", sa.Text, nullable=False, unique=True),
    *_one_of("role", ROLES), _time("created_at"),
)  # fmt: skip

datasets = sa.Table(
    "datasets", metadata, _key(), sa.Column("name", sa.Text, nullable=False, unique=True),
    _text("root"), _time("created_at"), _incoming(),
)  # fmt: skip
"""``root``: the folder that pictures are looked up in; nothing outside it is ever served. One that
is ``incoming`` is not shown: its first import has not come to its end."""

sources = sa.Table(
    "sources", metadata, _key(), _to("datasets"), _text("name"), *_one_of("kind", SOURCE_KINDS),
    _json("details"), _time("created_at"), sa.UniqueConstraint("dataset_id", "name"),
)  # fmt: skip
"""Who says what is in a frame: labels, a model run, or the reviewers together."""

frames = sa.Table(
    "frames", metadata, _key(), _to("datasets"),
    _text("image"), sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False), _text("clip", null=True),
    sa.Column("number", sa.Integer, nullable=False), _text("split", null=True),
    _json("attributes", default=dict), _json("extra"),
    *_one_of("status", STATUSES), sa.Column("version", sa.Integer, nullable=False),
    _time("reviewed_at", null=True), _to("users", "reviewed_by", null=True),
    _to("users", "lease_by", null=True), _time("lease_until", null=True),
    sa.UniqueConstraint("dataset_id", "image"),
    sa.Index(None, "dataset_id", "status", "id"), sa.Index(None, "dataset_id", "clip", "number"),
    sa.Index(None, "dataset_id", "id", "image"), sa.Index(None, "dataset_id", "reviewed_at", "id"),
)  # fmt: skip
"""``number`` counts the frames of a data set in its own order, and ids rise with it; neighbours of
a clip follow one another. The index with ``image`` is for searching names without reading whole
rows, where there is no index by three letters (migration 0004) or a word has fewer. ``version``
rises with every verdict, so that a stale one is refused."""

coverage = sa.Table(
    "coverage", metadata, _to("sources"), _to("frames"),
    sa.PrimaryKeyConstraint("source_id", "frame_id"), sa.Index(None, "frame_id"),
    sqlite_with_rowid=False,
)  # fmt: skip
"""Which frames labels and runs are about: to find nothing in a frame is not never to see it."""

facts = sa.Table(
    "facts", metadata, _to("datasets"), _text("name"), _text("value"), _to("frames"),
    sa.PrimaryKeyConstraint("dataset_id", "name", "value", "frame_id"),
    sa.Index(None, "frame_id"), sqlite_with_rowid=False,
)  # fmt: skip
"""What frames are filtered by: attributes of the frame, labels in it and their attributes."""

fact_counts = sa.Table(
    "fact_counts", metadata, _to("datasets"), _text("name"), _text("value"),
    sa.Column("frames", sa.Integer, nullable=False),
    sa.PrimaryKeyConstraint("dataset_id", "name", "value"),
)  # fmt: skip
"""How many frames of a data set have each fact, kept with the facts: counting takes a second."""

shapes = sa.Table(
    "shapes", metadata, _key(), _to("frames"), _to("sources"),
    sa.Column("number", sa.Integer, nullable=False), _text("label"), _text("kind"),
    _json("geometry"), _json("attributes"), sa.Column("confidence", sa.Float),
    sa.Column("visibility", sa.Float), sa.Column("provenance", sa.Text, nullable=False,
    default="label"), _json("extra"), _json("trace", null=True),
    sa.UniqueConstraint("frame_id", "source_id", "number"),
)  # fmt: skip
"""Instances; ``geometry`` as in scene records, ``provenance`` is their ``source`` (those of tables
are others), ``trace`` the tokens of a prediction."""

events = sa.Table(
    "events", metadata, _key(), _to("frames"), _to("users"), _time(), *_one_of("verdict", VERDICTS),
    _text("note"), _json("before", null=True), _json("after", null=True),
    sa.Column("version", sa.Integer, nullable=False), _to("events", "undoes", null=True),
    sa.Column("token", sa.Text, nullable=False, unique=True), sa.Index(None, "frame_id", "id"),
    sa.Index(None, "undoes"),
)  # fmt: skip
"""Every verdict there ever was; nothing is changed or removed. ``before`` and ``after`` hold
status and shapes of the reviewers; ``token`` is the client's, so that a repeat counts once."""

views = sa.Table(
    "views", metadata, _key(), _to("datasets"), _to("users"), _text("name"), _json("query"),
    _time("created_at"), sa.UniqueConstraint("dataset_id", "name"),
)  # fmt: skip

queues = sa.Table(
    "queues", metadata, _key(), _to("datasets"), _to("users"), _text("name"), _json("query"),
    _text("order"), sa.Column("budget", sa.Integer, nullable=False), _time("created_at"),
    sa.UniqueConstraint("dataset_id", "name"),
)  # fmt: skip
"""What shall be reviewed: a query, an order, and how many frames at most."""

queue_items = sa.Table(
    "queue_items", metadata, _to("queues"), sa.Column("place", sa.Integer, nullable=False),
    _to("frames"), sa.Column("why", sa.Float), _time("done_at", null=True),
    sa.PrimaryKeyConstraint("queue_id", "place"), sa.UniqueConstraint("queue_id", "frame_id"),
    sa.Index(None, "frame_id"), sa.Index(None, "queue_id", "done_at", "place"),
)  # fmt: skip
"""The frames of a queue in its order; ``why`` is what they were ordered by."""

evaluations = sa.Table(
    "evaluations", metadata, _key(), _to("datasets"), _to("sources", "pred_id"),
    _to("sources", "true_id"), _text("rule"), _json("settings"), _json("figures"),
    _time("created_at"), _incoming(), sa.Column("job_id", sa.BigInteger),
)  # fmt: skip
"""One that is ``incoming`` is not shown: its matches are not all there. ``job_id``: of the job that
made it, so that a job that is begun again makes it once."""

matches = sa.Table(
    "matches", metadata, _key(), _to("evaluations"), _to("frames"),
    sa.Column("pred_number", sa.Integer), sa.Column("true_number", sa.Integer),
    _text("pred_label", null=True), _text("true_label", null=True),
    sa.Column("overlap", sa.Float, nullable=False), sa.Column("hit", sa.Boolean, nullable=False),
    sa.Column("confidence", sa.Float), sa.Column("area", sa.Float),
    sa.Index(None, "evaluation_id", "pred_label", "true_label", "hit"),
    sa.Index(None, "evaluation_id", "frame_id"), sa.Index(None, "evaluation_id", "overlap", "id"),
    sa.Index(None, "evaluation_id", "confidence", "id"),
)  # fmt: skip
"""One prediction with the truth that it stands on, or either alone. A row with both that is no hit
is a wrong label. ``area``: of the true box in square pixels, else of the predicted one."""

scores = sa.Table(
    "scores", metadata, _to("evaluations"), _to("frames"),
    sa.Column("score", sa.Float, nullable=False), sa.Column("hits", sa.Integer, nullable=False),
    sa.Column("false_alarms", sa.Integer, nullable=False),
    sa.Column("misses", sa.Integer, nullable=False),
    sa.PrimaryKeyConstraint("evaluation_id", "frame_id"),
    sa.Index(None, "evaluation_id", "score", "frame_id"),
)  # fmt: skip
"""How each frame did in an evaluation, ready to sort by."""

jobs = sa.Table(
    "jobs", metadata, _key(), _text("kind"), *_one_of("state", JOB_STATES), _json("parameters"),
    sa.Column("progress", sa.Float, nullable=False), _text("message"), _json("result", null=True),
    _to("users"), _time("created_at"), _time("started_at", null=True), _time("ended_at", null=True),
    _time("beat_at", null=True),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Index(None, "state", "id"),
)  # fmt: skip
"""Work in the background; one that stopped beating is found and can be begun again, so many times.
``attempts``: how often it was begun."""

promotions = sa.Table(
    "promotions", metadata, _key(), _to("jobs", null=True), _to("users"), _text("checkpoint"),
    _time(),
)  # fmt: skip
"""Which checkpoint answers: that of the last row, an empty one is that of the package. ``job_id``:
what trained it."""

audit = sa.Table(
    "audit", metadata, _key(), _time(), _to("users", null=True), _text("action"), _text("subject"),
    _json("details"), sa.Index(None, "at"),
)  # fmt: skip
"""Who did what, verdicts apart: imports, exports, roles, jobs."""
