import uuid

import pytest

sa = pytest.importorskip("sqlalchemy", reason="drivegrid[dashboard] is not installed")

from alembic import command  # noqa: E402
from drivegrid.dashboard import schema  # noqa: E402
from drivegrid.dashboard.database import Database, _alembic  # noqa: E402
from drivegrid.dashboard.store.browse import count, page  # noqa: E402
from drivegrid.dashboard.store.query import Query  # noqa: E402

from tests.dashboard.store.world import answer, fill  # noqa: E402

TRIGGERS = ("frame_names_insert", "frame_names_delete", "frame_names_update")
TEXTS = ("frame", "FRAME1", "me2 x_Y", "a/", "🚗/f", 'zy"', "sign", "jpg car", "é'🚗", "none/")


def found(database: Database, text: str) -> list[int]:
    return [row.id for row in page(database, Query(text=text), 1, limit=1000).frames]


def is_indexed(database: Database) -> bool:
    master = {
        "sqlite": "SELECT name FROM sqlite_master WHERE name LIKE 'frame_names%'",
        "postgresql": "SELECT indexname FROM pg_indexes WHERE indexname = 'frame_names'",
    }
    with database.read() as connection:
        return bool(connection.exec_driver_sql(master[database.dialect]).all())


def run(database: Database, *statements: str) -> None:
    with database.write() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def rewrite(database: Database, old: str, new: str) -> None:
    """Have the database read another text for a text."""

    @sa.event.listens_for(database.engine, "before_cursor_execute", retval=True)
    def _(_c, _cursor, statement, parameters, _context, _many) -> tuple:
        return statement.replace(old, new), parameters


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_without_the_index_the_same_frames_are_found(database) -> None:
    rows = fill(database)
    expected = [answer(rows, Query(text=text)) for text in TEXTS]
    assert any(expected) and not all(expected)
    assert [found(database, text) for text in TEXTS] == expected
    run(database, *(f"DROP TRIGGER {name}" for name in TRIGGERS), "DROP TABLE frame_names")
    assert [found(database, text) for text in TEXTS] == expected


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("missing", ["fts5(", "'trigram'"])
def test_a_database_that_cannot_have_the_index_has_none(url, missing) -> None:
    database = Database(url)
    rewrite(database, missing, missing.replace("t", "x"))
    database.migrate()
    assert not is_indexed(database)
    assert found(database, "frame") == []
    rows = fill(database, 9)
    assert found(database, "FRAME") == answer(rows, Query(text="FRAME"))
    database.close()


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_a_server_without_trigrams_has_no_index(url) -> None:
    database = Database(url)
    rewrite(database, "pg_trgm", "pg_none")
    database.migrate()
    assert not is_indexed(database)
    database.close()


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_who_may_not_create_an_extension_has_no_index(url) -> None:
    role, admin = f"guest_{uuid.uuid4().hex[:8]}", Database(url)
    run(admin, f"CREATE ROLE {role} LOGIN", f"GRANT ALL ON SCHEMA public TO {role}")
    guest = Database(sa.make_url(url).set(username=role).render_as_string())
    guest.migrate()
    assert not is_indexed(guest)
    guest.close()
    admin.close()


def test_frames_that_are_there_are_in_the_index(url) -> None:
    database = Database(url)
    with database.write() as connection:
        command.upgrade(_alembic(connection), "0003")
    rows = fill(database)
    assert not is_indexed(database)
    database.migrate()
    assert is_indexed(database)
    assert found(database, "frame") == answer(rows, Query(text="frame")) != []
    database.close()


def test_the_index_follows_the_frames(database) -> None:
    rows, c = fill(database), schema.frames.c
    with database.write() as connection:
        connection.execute(sa.delete(schema.frames).where(c.id == 3))
        connection.execute(sa.update(schema.frames).where(c.id == 4).values(image="été/QUICK.jpg"))
        connection.execute(sa.update(schema.frames).where(c.id == 5).values(status="new"))
    del rows[2]
    rows[2].image = "été/QUICK.jpg"
    for text in (*TEXTS, "quick", "été"):
        assert found(database, text) == answer(rows, Query(text=text))
    assert found(database, "quick") == [4]
    if database.dialect == "sqlite":  # raises if the index is not that of the frames
        run(database, "INSERT INTO frame_names (frame_names) VALUES ('integrity-check')")


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_letters_that_the_index_takes_for_equal_are_told_apart(database) -> None:
    """The index ignores case beyond ASCII, the database does not."""
    rows = fill(database, 9)
    images = sa.update(schema.frames)
    with database.write() as connection:
        connection.execute(images.where(schema.frames.c.id == 1).values(image="Élan.jpg"))
        connection.execute(images.where(schema.frames.c.id == 2).values(image="élan.jpg"))
    assert len(rows) == 9
    assert (found(database, "Élan"), found(database, "élan")) == ([1], [2])
    assert count(database, Query(text="ÉLAN"), 1).num == 1


def count_steps(database: Database) -> list[None]:
    """Return a list that grows by one with every step of SQLite."""
    steps: list[None] = []
    with database.read() as connection:
        raw = connection.connection.driver_connection
        raw.set_progress_handler(lambda: steps.append(None), 1)
    return steps


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("descending", [False, True])
def test_a_late_page_costs_as_much_as_the_first(database, descending) -> None:
    fill(database, 600)
    query, after, costs = Query(text="jpg", descending=descending), None, []
    steps = count_steps(database)
    for _ in range(12):
        steps.clear()
        after = page(database, query, 1, after, limit=50).after
        costs.append(len(steps))
    assert after is None
    assert max(costs) < 1.1 * costs[0]
