"""Objects: what is known of each object of a copy, packed in runs, and the journal of readings (docs/adr/0010-object-runs.md)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables of objects, and let copies have generations of them."""
    op.add_column("copies", sa.Column("generation", _NUMBER, nullable=False, server_default="0"))
    op.add_column("copies", sa.Column("listed", sa.BigInteger()))
    op.add_column("copies", sa.Column("merging", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "object_runs",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("copy", _NUMBER, nullable=False),
        sa.Column("first_key", sa.LargeBinary(), nullable=False),
        sa.Column("place", sa.LargeBinary(), nullable=False),
        sa.Column("generation", _NUMBER, nullable=False),
        sa.Column("replaced", _NUMBER),
        sa.Column("objects", sa.Integer(), nullable=False),
        sa.Column("columns", sa.LargeBinary(), nullable=False),
        sa.Column("digests", sa.LargeBinary(), nullable=False),
        sa.Column("checksum", _NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name="object_runs_key"),
        sa.ForeignKeyConstraint(["copy"], ["copies.id"], name="object_runs_copy"),
    )
    op.create_index("object_runs_by_place", "object_runs", ["copy", "place"])
    op.create_table(
        "readings",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("copy", _NUMBER, nullable=False),
        sa.Column("first_key", sa.LargeBinary(), nullable=False),
        sa.Column("last_key", sa.LargeBinary(), nullable=False),
        sa.Column("objects", sa.Integer(), nullable=False),
        sa.Column("columns", sa.LargeBinary(), nullable=False),
        sa.Column("digests", sa.LargeBinary(), nullable=False),
        sa.Column("checksum", _NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name="readings_key"),
        sa.ForeignKeyConstraint(["copy"], ["copies.id"], name="readings_copy"),
    )
    op.create_index("readings_by_copy", "readings", ["copy", "id"])
    if op.get_bind().dialect.name == "postgresql":
        # They are packed already: PostgreSQL need not try to press them again.
        for table in ("object_runs", "readings"):
            for column in ("columns", "digests"):
                op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTERNAL")
