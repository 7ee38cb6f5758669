import multiprocessing
import time
from collections.abc import Iterator

import pytest

sa = pytest.importorskip("sqlalchemy", reason="drivegrid[dashboard] is not installed")

from alembic.autogenerate import compare_metadata  # noqa: E402
from alembic.migration import MigrationContext  # noqa: E402
from drivegrid.dashboard.database import Database, StoreAway, StoreError, now_ms  # noqa: E402
from drivegrid.dashboard.schema import metadata, users  # noqa: E402

from drivegrid.errors import ConfigError  # noqa: E402
from tests.data.builders import full_disk  # noqa: E402

ADA = {"name": "ada", "role": "admin", "created_at": 1}


def names(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.scalars(sa.select(users.c.name).order_by(users.c.id)))


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://host/x", "sqlite://"])
def test_a_url_of_something_else_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="--database must"):
        Database(url)


def _is_of_the_schema(_: object, name: str | None, *__: object) -> bool:
    """Leave out the index of names, which not every database has."""
    return not (name or "").startswith("frame_names")


def test_migrations_make_what_the_schema_says(database) -> None:
    database.migrate()  # again
    with database.read() as connection:
        options = {"compare_type": True, "include_object": _is_of_the_schema}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def test_a_transaction_is_kept_whole_or_not_at_all(database) -> None:
    with pytest.raises(RuntimeError), database.write() as connection:
        connection.execute(sa.insert(users).values(ADA))
        raise RuntimeError
    assert names(database) == []
    with database.write() as connection:
        connection.execute(sa.insert(users).values(ADA))
    assert names(database) == ["ada"]


def test_what_the_tables_forbid_is_refused_by_name(database) -> None:
    with pytest.raises(StoreError, match="role"), database.write() as connection:
        connection.execute(sa.insert(users).values({**ADA, "role": "king"}))
    with pytest.raises(StoreError, match="database must answer"), database.read() as connection:
        connection.execute(sa.text("SELECT * FROM nowhere"))


def test_a_server_that_is_away_is_named(url) -> None:
    away = sa.make_url(url).set(query={"host": "/nowhere"}, database="x").render_as_string(False)
    if url.startswith("sqlite"):
        pytest.skip("a file is not away")
    with pytest.raises(StoreError, match="must answer"), Database(away).read():
        pass


@pytest.fixture
def in_file(tmp_path) -> Iterator[Database]:
    """Return a database in a folder of its own, with ada in it."""
    found = Database(f"sqlite:///{tmp_path}/a #folder/review.db")
    found.migrate()
    with found.write() as connection:
        connection.execute(sa.insert(users).values(ADA))
    yield found
    found.close()


def test_a_file_that_goes_away_is_told_and_found_again(in_file, tmp_path) -> None:
    """As when a volume is unmounted: nothing is begun in its place, and nothing lost."""
    (tmp_path / "a #folder").rename(tmp_path / "elsewhere")
    for _ in range(2):
        with pytest.raises(StoreAway, match=r"unable to open.* Try again"):
            names(in_file)
        (tmp_path / "a #folder").mkdir(exist_ok=True)
    assert list((tmp_path / "a #folder").iterdir()) == []
    (tmp_path / "a #folder").rmdir()
    (tmp_path / "elsewhere").rename(tmp_path / "a #folder")
    assert names(in_file) == ["ada"]


def test_a_file_that_is_put_back_from_a_copy_is_read(in_file, tmp_path) -> None:
    path = tmp_path / "a #folder" / "review.db"
    in_file.close()
    copy = path.read_bytes()
    with in_file.write() as connection:
        connection.execute(sa.insert(users).values({**ADA, "name": "bob"}))
    for one in path.parent.iterdir():
        one.unlink()
    path.write_bytes(copy)
    assert names(in_file) == ["ada"]


def test_a_file_that_is_no_database_is_told(in_file, tmp_path) -> None:
    path = tmp_path / "a #folder" / "review.db"
    in_file.close()
    path.unlink()
    path.write_bytes(b"no database " * 100)
    with pytest.raises(StoreError, match="not a database"):
        names(in_file)


def test_a_full_disk_is_told_and_nothing_is_lost(in_file) -> None:
    with full_disk():
        with pytest.raises(StoreAway, match="database must answer"), in_file.write() as connection:
            connection.execute(sa.insert(users).values({**ADA, "name": "bob"}))
        assert names(in_file) == ["ada"]
    with in_file.write() as connection:
        connection.execute(sa.insert(users).values({**ADA, "name": "bob"}))
    assert sorted(names(in_file)) == ["ada", "bob"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="must be writable"):
        Database(f"sqlite:///{tmp_path}/file/review.db")


def _migrate(url: str) -> None:
    Database(url).migrate()


def _half_a_migration(url: str) -> None:
    """Stop for ever within the transaction of a migration."""
    database = Database(url)
    with database.write() as connection:
        metadata.create_all(connection)
        time.sleep(600)


def test_many_may_migrate_at_once(url) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        pool.map(_migrate, [url] * 3)
    database = Database(url)
    assert names(database) == []
    database.close()


def test_a_migration_that_is_killed_leaves_nothing(url) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_half_a_migration, args=(url,))
    process.start()
    time.sleep(4)
    process.kill()
    process.join()
    database = Database(url)
    database.migrate()
    assert names(database) == []
    database.close()


def test_time_is_in_milliseconds() -> None:
    assert abs(now_ms() / 1000 - time.time()) < 5
