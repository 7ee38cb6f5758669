"""A store on each database: SQLite in a file, and PostgreSQL where its programs are installed."""

import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
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


@pytest.fixture(scope="session")
def postgres(tmp_path_factory) -> Iterator[str]:
    """Start a server of our own on a socket; return the URL of its first database."""
    pytest.importorskip("psycopg", reason="drivegrid[postgres] is not installed")
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (apt install postgresql)")
    folder = Path("/tmp") / f"drivegrid-pg-{uuid.uuid4().hex[:8]}"  # a socket's path must be short
    folder.mkdir()
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    _as_postgres(
        [
            f"{programs}/initdb",
            "-D",
            f"{folder}/data",
            "-U",
            "drivegrid",
            "--auth=trust",
            "-E",
            "UTF8",
        ]
    )
    start = ["-o", f"-k {folder} -c listen_addresses='' -c fsync=off", "-l", f"{folder}/log", "-w"]
    _as_postgres([f"{programs}/pg_ctl", "-D", f"{folder}/data", *start, "start"])
    try:
        yield f"postgresql+psycopg://drivegrid@/postgres?host={folder}"
    finally:
        _as_postgres([f"{programs}/pg_ctl", "-D", f"{folder}/data", "-m", "immediate", "stop"])
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path) -> Iterator[str]:
    """Return the URL of an empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/review.db"
        return
    server, name = request.getfixturevalue("postgres"), f"test_{uuid.uuid4().hex}"
    admin = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield server.replace("/postgres?", f"/{name}?")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    admin.dispose()


@pytest.fixture
def database(url) -> Iterator[Database]:
    """Return a migrated database."""
    found = Database(url)
    found.migrate()
    yield found
    found.close()
