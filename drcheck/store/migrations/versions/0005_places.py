"""Places: where the last whole listing of a copy was made, for what was read at one place says nothing of another."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the place to each copy; that of what is known already is not known."""
    op.add_column("copies", sa.Column("place", sa.Text(), nullable=False, server_default=""))
