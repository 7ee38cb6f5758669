"""An index of the names of frames by three letters, where the database can have one.

SQLite: a table of FTS5 that triggers keep. Where there is no FTS5 (or none with trigrams, before
3.34) there is no table, and names are read one by one. A migration that makes the table ``frames``
anew must make these triggers anew.

PostgreSQL: an index of pg_trgm, if the extension is there or this user may create it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


TABLE = (
    "CREATE VIRTUAL TABLE frame_names USING fts5("
    "image, content='frames', content_rowid='id', columnsize=0, tokenize='trigram')"
)
FORGET = "INSERT INTO frame_names (frame_names, rowid, image) VALUES ('delete', old.id, old.image)"
ADD = "INSERT INTO frame_names (rowid, image) VALUES (new.id, new.image)"
FILLING = (
    # small pages: from one common trigram to the next rare one, whole pages are passed over
    "INSERT INTO frame_names (frame_names, rank) VALUES ('pgsz', 500)",
    "INSERT INTO frame_names (frame_names) VALUES ('rebuild')",
    f"CREATE TRIGGER frame_names_insert AFTER INSERT ON frames BEGIN {ADD}; END",
    f"CREATE TRIGGER frame_names_delete AFTER DELETE ON frames BEGIN {FORGET}; END",
    f"CREATE TRIGGER frame_names_update AFTER UPDATE OF image ON frames BEGIN {FORGET}; {ADD}; END",
)


def upgrade() -> None:
    """Add what is new, with the frames that are there."""
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        _upgrade_sqlite(connection)
    else:
        _upgrade_postgres(connection)


def _upgrade_sqlite(connection: sa.Connection) -> None:
    try:
        connection.exec_driver_sql(TABLE)
    except sa.exc.OperationalError as error:
        if "no such" not in str(error.orig):  # module fts5, or tokenizer trigram
            raise
        return
    for statement in FILLING:
        connection.exec_driver_sql(statement)


def _upgrade_postgres(connection: sa.Connection) -> None:
    there = "SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'"
    if connection.exec_driver_sql(there).first() is None:
        return
    try:
        with connection.begin_nested():
            connection.exec_driver_sql("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            connection.exec_driver_sql(
                "CREATE INDEX frame_names ON frames USING gin (image gin_trgm_ops)"
            )
    except sa.exc.ProgrammingError:  # not allowed, or in a schema that is not looked at
        return
