"""Which frames a source covers, and which data sets and evaluations are whole."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add what is new; of what is there, every source covers every frame, as it did so far."""
    op.create_table(
        "coverage",
        sa.Column("source_id", ID, nullable=False),
        sa.Column("frame_id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["source_id"],
            ["sources.id"],
            name=op.f("fk_coverage_source_id_sources"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["frame_id"],
            ["frames.id"],
            name=op.f("fk_coverage_frame_id_frames"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("source_id", "frame_id", name=op.f("pk_coverage")),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO coverage (source_id, frame_id) SELECT sources.id, frames.id "
        "FROM sources JOIN frames ON frames.dataset_id = sources.dataset_id "
        "WHERE sources.kind IN ('label', 'model')"
    )
    op.create_index(op.f("ix_coverage_frame_id"), "coverage", ["frame_id"])
    for table in ("datasets", "evaluations"):
        op.add_column(
            table, sa.Column("incoming", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    op.add_column("evaluations", sa.Column("job_id", sa.BigInteger(), nullable=True))
