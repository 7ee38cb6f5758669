"""The database of the review store: SQLite in a file, or PostgreSQL by URL."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.exc import DBAPIError, DisconnectionError, OperationalError, SQLAlchemyError

from drivegrid.errors import ConfigError, DriveGridError

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_MS = 10_000
"""How long a writer of SQLite waits for another."""
MIGRATING = 7_433_001
"""Key of the advisory lock that one PostgreSQL client holds while it migrates."""


class StoreError(DriveGridError):
    """The review store cannot be reached, or refused what was asked of it."""


class StoreAway(StoreError):
    """The review store does not answer or has no room; what was asked may go well later."""


class Database:
    """Connections to a store.

    Reading and writing are told apart: SQLite takes its write lock when a writing transaction
    begins (a reader that turned writer could be refused half way), and every writing transaction
    is flushed to disk.

    Args:
        url: As ``sqlite:////path/review.db`` or ``postgresql+psycopg://user@host/name``.

    Raises:
        ConfigError: If the URL is none of these.
    """

    def __init__(self, url: str) -> None:
        try:
            self.url = sa.make_url(url)
        except sa.exc.ArgumentError as error:
            raise ConfigError(f"--database must be a URL, got {url!r:.100}.") from error
        self.dialect = self.url.get_backend_name()
        if self.dialect not in ("sqlite", "postgresql"):
            raise ConfigError(f"--database must be sqlite or postgresql, got {self.dialect}.")
        if self.dialect == "postgresql" and self.url.drivername == "postgresql":
            self.url = self.url.set(drivername="postgresql+psycopg")
        if self.dialect == "sqlite":
            if self.url.database in (None, "", ":memory:"):
                raise ConfigError("--database must name a file of SQLite, got none.")
            self.engine = _open_sqlite(self.url, Path(self.url.database).absolute())
        else:
            self.engine = sa.create_engine(self.url, pool_pre_ping=True)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Open a connection that changes nothing.

        Raises:
            StoreError: If the database cannot be reached or fails.
        """
        with _named(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """Open a transaction; it is committed at the end, or rolled back by an exception.

        Raises:
            StoreError: If the database cannot be reached or fails; then nothing was changed.
        """
        with _named(), self.engine.connect() as connection:
            with connection.execution_options(drivegrid_writes=True).begin():
                yield connection

    def migrate(self) -> None:
        """Bring the tables to the newest revision; a store that has it already is left alone.

        It happens whole or not at all, and by one client at a time.
        """
        with self.write() as connection:
            if self.dialect == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATING)))
            command.upgrade(_alembic(connection), "head")

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def now_ms() -> int:
    """Return the time as the store writes it."""
    return time.time_ns() // 1_000_000


def _alembic(connection: sa.Connection) -> Config:
    config = Config()
    # Alembic reads a percent sign as the start of a variable.
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _open_sqlite(url: sa.URL, path: Path) -> sa.Engine:
    """Return an engine over a file, which is made if there is none, and only now.

    A file that goes away later is told: SQLite would begin an empty one in its place, and
    connections that are open would write on into the one that nobody finds any more.
    """

    def note(_: Any, record: Any) -> None:
        record.info["file"] = _identity(path)

    def check(_: Any, record: Any, __: Any) -> None:
        if record.info["file"] != _identity(path):
            raise DisconnectionError(f"file must stay where it is ({path}).")

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError as error:
        raise ConfigError(
            f"--database must be writable, got: {error.strerror} ({path})."
        ) from error
    uri = {**url.query, "mode": "rw", "uri": "true"}
    engine = sa.create_engine(url.set(database=f"file:{quote(str(path))}", query=uri))
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "connect", note)
    sa.event.listen(engine, "checkout", check)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from another of its name; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _prepare_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # the driver would begin transactions by itself
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("drivegrid_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _named() -> Iterator[None]:
    """Turn what a driver raises into an error that people understand."""
    try:
        yield
    except OperationalError as error:
        raise StoreAway(
            f"database must answer, got: {_first_line(error)}. "
            "Nothing was changed. Try again in a moment."
        ) from error
    except DBAPIError as error:
        raise StoreError(f"database must answer, got: {_first_line(error)}.") from error
    except SQLAlchemyError as error:
        raise StoreError(f"database must answer, got: {error}.") from error


def _first_line(error: DBAPIError) -> str:
    lines = str(error.orig).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
