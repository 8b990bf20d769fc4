"""Breaches: objects that changed or vanished although they must not, kept with the listing that showed it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table of breaches."""
    op.create_table(
        "breaches",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("copy", _NUMBER, nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="breaches_key"),
        sa.ForeignKeyConstraint(["copy"], ["copies.id"], name="breaches_copy"),
    )
    op.create_index("breaches_by_copy", "breaches", ["copy", "id"])
