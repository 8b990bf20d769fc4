"""The chain: each assessment becomes a link that names its papers, which are kept once each."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from drcheck.chain import Link
from drcheck.model import printable
from drcheck.store.schema import Moment, Word

revision = "0006"
down_revision = "0005"

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_PAPERS = sa.table("papers", sa.column("digest", sa.Text()), sa.column("content", sa.LargeBinary()))
_ASSESSMENTS = sa.table(
    "assessments",
    sa.column("id", _NUMBER),
    sa.column("organisation", _NUMBER),
    sa.column("run", Word()),
    sa.column("started", Moment()),
    sa.column("reference", Moment()),
    sa.column("as_of", sa.Boolean()),
    sa.column("exit_code", sa.SmallInteger()),
    sa.column("digest", sa.Text()),
    sa.column("document", sa.LargeBinary()),
    sa.column("link", sa.Text()),
)
_ORGANISATIONS = sa.table("organisations", sa.column("id", _NUMBER), sa.column("name", Word()))


def upgrade() -> None:
    """Make the table of papers, move the documents there, and link the assessments."""
    op.create_table(
        "papers",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="papers_key"),
        sa.UniqueConstraint("digest", name="papers_once"),
    )
    op.add_column("organisations", sa.Column("names_key", sa.LargeBinary(), nullable=True))
    op.add_column("assessments", sa.Column("link", sa.Text(), nullable=False, server_default=""))
    op.add_column("assessments", sa.Column("pruned", sa.Boolean(), nullable=False, server_default=sa.false()))
    _link(op.get_bind())
    for column in ("digest", "previous", "document"):
        op.drop_column("assessments", column)


def _link(connection: sa.Connection) -> None:
    numbers: dict[int, int] = {}
    heads: dict[int, str] = {}
    names = {row.id: printable(row.name) for row in connection.execute(sa.select(_ORGANISATIONS))}
    kept: set[str] = set()
    identities = list(connection.execute(sa.select(_ASSESSMENTS.c.id).order_by(_ASSESSMENTS.c.id)).scalars())
    for identity in identities:
        row = connection.execute(sa.select(_ASSESSMENTS).where(_ASSESSMENTS.c.id == identity)).one()
        if row.digest not in kept:
            connection.execute(sa.insert(_PAPERS).values(digest=row.digest, content=row.document))
            kept.add(row.digest)
        paper = (("assessment.json", row.digest),)
        number = numbers.get(row.organisation, 0) + 1
        link = Link(
            names[row.organisation],
            number,
            printable(row.run),
            row.started,
            row.reference,
            row.as_of,
            row.exit_code,
            paper,
            (),
            heads.get(row.organisation, ""),
        )
        numbers[row.organisation], heads[row.organisation] = number, link.digest
        connection.execute(sa.update(_ASSESSMENTS).where(_ASSESSMENTS.c.id == identity).values(link=link.canonical().decode()))
