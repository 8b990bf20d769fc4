"""Runs: who runs on an organisation, and the seeds from which runs choose what they read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables of holders and seeds."""
    op.create_table(
        "holders",
        sa.Column("organisation", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("pid", sa.BigInteger(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("started", sa.BigInteger(), nullable=False),
        sa.Column("command", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("organisation", name="holders_key"),
        sa.ForeignKeyConstraint(["organisation"], ["organisations.id"], name="holders_organisation"),
    )
    op.create_table(
        "seeds",
        sa.Column("organisation", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("seed", sa.LargeBinary(), nullable=False),
        sa.Column("next_seed", sa.LargeBinary(), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organisation", name="seeds_key"),
        sa.ForeignKeyConstraint(["organisation"], ["organisations.id"], name="seeds_organisation"),
    )
