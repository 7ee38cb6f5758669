"""Runs migrations in a transaction that `drivegrid.dashboard.database` opened."""

from alembic import context
from drivegrid.dashboard.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
