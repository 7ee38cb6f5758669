"""A store on each database: SQLite in a file, and PostgreSQL where its programs are installed."""

import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

sa = pytest.importorskip("sqlalchemy", reason="drivegrid[dashboard] is not installed")
pytest.importorskip("alembic", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.database import Database  # noqa: E402


@pytest.fixture(autouse=True)
def main_module() -> Iterator[None]:
    """Put the main module back: Streamlit takes its place, and new processes run it."""
    before = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = before


def _programs() -> Path | None:
    """Return the folder of PostgreSQL's programs: Debian keeps them off the path."""
    found = shutil.which("initdb")
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return Path(found).parent if found else versions[-1].parent if versions else None


def _as_postgres(command: list[str]) -> subprocess.CompletedProcess:
    """Run a program of PostgreSQL, which refuses to run as root."""
    user = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
    return subprocess.run(command, check=True, capture_output=True, cwd="/", **user)


class PostgresServer:
    """A server of our own on a socket, which can go away and come back.

    Args:
        programs: The folder of PostgreSQL's programs.
    """

    def __init__(self, programs: Path) -> None:
        self.folder = Path("/tmp") / f"drivegrid-pg-{uuid.uuid4().hex[:8]}"  # sockets: short paths
        self.url = f"postgresql+psycopg://drivegrid@/postgres?host={self.folder}"
        self._control = [f"{programs}/pg_ctl", "-D", f"{self.folder}/data"]
        self.folder.mkdir()
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        made = ["-D", f"{self.folder}/data", "-U", "drivegrid", "--auth=trust", "-E", "UTF8"]
        _as_postgres([f"{programs}/initdb", *made])

    def start(self) -> None:
        options = f"-k {self.folder} -c listen_addresses='' -c fsync=off"
        _as_postgres([*self._control, "-o", options, "-l", f"{self.folder}/log", "-w", "start"])

    def stop(self) -> None:
        """Stop as a crash does."""
        _as_postgres([*self._control, "-m", "immediate", "stop"])

    @contextmanager
    def away(self) -> Iterator[None]:
        """Be gone for a while."""
        self.stop()
        try:
            yield
        finally:
            self.start()


@contextmanager
def run_postgres() -> Iterator[PostgresServer]:
    """Run a server; skip where its programs are not installed."""
    pytest.importorskip("psycopg", reason="drivegrid[postgres] is not installed")
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (apt install postgresql)")
    server = PostgresServer(programs)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(server.folder)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Run a server for all tests; return the URL of its first database."""
    with run_postgres() as server:
        yield server.url


@pytest.fixture(scope="session")
def migrated(tmp_path_factory) -> Path:
    """Return a file of SQLite with all tables, to be copied: making them takes longest."""
    path = tmp_path_factory.mktemp("migrated") / "review.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_postgres(postgres) -> str:
    """Return the name of a database with all tables, to be copied."""
    name = _create(postgres)
    _migrate(_within(postgres, name))
    return name


def _migrate(url: str) -> None:
    database = Database(url)
    database.migrate()
    database.close()


def _within(server: str, name: str) -> str:
    return server.replace("/postgres?", f"/{name}?")


def _create(server: str, template: str = "template1") -> str:
    name = f"test_{uuid.uuid4().hex}"
    _say(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    return name


def _say(server: str, statement: str) -> None:
    admin = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(statement)
    admin.dispose()


@contextmanager
def _postgres_database(server: str, template: str = "template1") -> Iterator[str]:
    """Yield the URL of a database that is a copy of another."""
    name = _create(server, template)
    yield _within(server, name)
    _say(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request) -> str:
    """Return the kind of the database."""
    return request.param


@pytest.fixture
def url(request, kind, tmp_path) -> Iterator[str]:
    """Return the URL of an empty database."""
    if kind == "sqlite":
        yield f"sqlite:///{tmp_path}/review.db"
        return
    with _postgres_database(request.getfixturevalue("postgres")) as url:
        yield url


@pytest.fixture
def database(request, kind, tmp_path) -> Iterator[Database]:
    """Return a migrated database."""
    if kind == "sqlite":
        shutil.copyfile(request.getfixturevalue("migrated"), tmp_path / "store.db")
        found = Database(f"sqlite:///{tmp_path}/store.db")
        yield found
        found.close()
        return
    server, template = (request.getfixturevalue(n) for n in ("postgres", "migrated_postgres"))
    with _postgres_database(server, template) as url:
        found = Database(url)
        yield found
        found.close()
