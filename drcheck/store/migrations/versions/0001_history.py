"""History: assessments, findings, drills, calls, copies and recovery points."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables of history."""
    op.create_table(
        "organisations",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="organisations_key"),
        sa.UniqueConstraint("name", name="organisations_once"),
    )
    op.create_table(
        "assessments",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("organisation", _NUMBER, nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("started", sa.BigInteger(), nullable=False),
        sa.Column("finished", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.BigInteger(), nullable=False),
        sa.Column("as_of", sa.Boolean(), nullable=False),
        sa.Column("estate_digest", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("exit_code", sa.SmallInteger(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="assessments_key"),
        sa.UniqueConstraint("run", name="assessments_once"),
        sa.ForeignKeyConstraint(["organisation"], ["organisations.id"], name="assessments_organisation"),
    )
    op.create_index("assessments_by_organisation", "assessments", ["organisation", "id"])
    op.create_table(
        "findings",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("organisation", _NUMBER, nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("control", sa.Text(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("waived", sa.Boolean(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("first", _NUMBER, nullable=False),
        sa.Column("last", _NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name="findings_key"),
        sa.ForeignKeyConstraint(["organisation"], ["organisations.id"], name="findings_organisation"),
        sa.ForeignKeyConstraint(["first"], ["assessments.id"], name="findings_first"),
        sa.ForeignKeyConstraint(["last"], ["assessments.id"], name="findings_last"),
    )
    op.create_index("findings_by_last", "findings", ["organisation", "last"])
    op.create_table(
        "calls",
        sa.Column("assessment", _NUMBER, nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("count", _NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("assessment", "target", "call", name="calls_key"),
        sa.ForeignKeyConstraint(["assessment"], ["assessments.id"], name="calls_assessment"),
    )
    op.create_table(
        "drills",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("organisation", _NUMBER, nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("recovery_point", sa.Text(), nullable=False),
        sa.Column("started", sa.BigInteger(), nullable=False),
        sa.Column("success", sa.Boolean(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("first", _NUMBER, nullable=False),
        sa.Column("last", _NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name="drills_key"),
        sa.UniqueConstraint("organisation", "digest", name="drills_once"),
        sa.ForeignKeyConstraint(["organisation"], ["organisations.id"], name="drills_organisation"),
        sa.ForeignKeyConstraint(["first"], ["assessments.id"], name="drills_first"),
        sa.ForeignKeyConstraint(["last"], ["assessments.id"], name="drills_last"),
    )
    op.create_table(
        "copies",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("organisation", _NUMBER, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="copies_key"),
        sa.UniqueConstraint("organisation", "name", name="copies_once"),
        sa.ForeignKeyConstraint(["organisation"], ["organisations.id"], name="copies_organisation"),
    )
    op.create_table(
        "recovery_points",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("copy", _NUMBER, nullable=False),
        sa.Column("point", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("size", _NUMBER, nullable=False),
        sa.Column("objects", _NUMBER, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("first", _NUMBER, nullable=False),
        sa.Column("last", _NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name="recovery_points_key"),
        sa.UniqueConstraint("copy", "digest", name="recovery_points_once"),
        sa.ForeignKeyConstraint(["copy"], ["copies.id"], name="recovery_points_copy"),
        sa.ForeignKeyConstraint(["first"], ["assessments.id"], name="recovery_points_first"),
        sa.ForeignKeyConstraint(["last"], ["assessments.id"], name="recovery_points_last"),
    )
