"""
The tables. What stands here is what the migrations in `drcheck/store/migrations/versions` make; a test compares the two.

Names that others chose (keys, recovery points) can be any bytes, which neither database takes as text; they are kept as bytes.
PostgreSQL indexes nothing longer than some 2,700 bytes, so a long name is found by its digest or its beginning.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect

from drcheck.store.known import key_of, text_of

metadata = MetaData(naming_convention={"pk": "%(table_name)s_key", "uq": "%(table_name)s_once", "fk": "%(table_name)s_%(column_0_name)s"})
Number = BigInteger().with_variant(Integer(), "sqlite")
"""A 64-bit integer that SQLite can also count up by itself."""


class Name(TypeDecorator[str]):
    """A name that others chose, as bytes."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002 - SQLAlchemy's signature
        """The text as UTF-8, with surrogate escapes as the bytes that they stand for."""
        return None if value is None else key_of(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """The text again."""
        return None if value is None else text_of(bytes(value))


class Moment(TypeDecorator[datetime]):
    """A moment as microseconds since 1970 in UTC: the same in every database, and it sorts."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Microseconds, counted in integers: a float would round them."""
        if value is None:
            return None
        since = value - datetime(1970, 1, 1, tzinfo=UTC)
        return (since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """The moment in UTC."""
        if value is None:
            return None
        seconds, microseconds = divmod(int(value), 1_000_000)
        return datetime.fromtimestamp(seconds, UTC).replace(microsecond=microseconds)


organisations = Table(
    "organisations",
    metadata,
    Column("id", Number, primary_key=True),
    Column("name", Name, nullable=False, unique=True),
)

assessments = Table(
    "assessments",
    metadata,
    Column("id", Number, primary_key=True),
    Column("organisation", Number, ForeignKey("organisations.id"), nullable=False),
    Column("run", Text, nullable=False, unique=True),
    Column("started", Moment, nullable=False),
    Column("finished", Moment, nullable=False),
    Column("reference", Moment, nullable=False),
    Column("as_of", Boolean, nullable=False),
    Column("estate_digest", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("exit_code", SmallInteger, nullable=False),
    Column("counts", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Index("assessments_by_organisation", "organisation", "id"),
)

findings = Table(
    "findings",
    metadata,
    Column("id", Number, primary_key=True),
    Column("organisation", Number, ForeignKey("organisations.id"), nullable=False),
    Column("policy", Text, nullable=False),
    Column("control", Text, nullable=False),
    Column("subject_kind", Text, nullable=False),
    Column("subject", Name, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("waived", Boolean, nullable=False),
    Column("severity", Text, nullable=False),
    Column("first", Number, ForeignKey("assessments.id"), nullable=False),
    Column("last", Number, ForeignKey("assessments.id"), nullable=False),
    Index("findings_by_last", "organisation", "last"),
)

calls = Table(
    "calls",
    metadata,
    Column("assessment", Number, ForeignKey("assessments.id"), primary_key=True, autoincrement=False),
    Column("target", Text, primary_key=True),
    Column("call", Text, primary_key=True),
    Column("count", Number, nullable=False),
)

drills = Table(
    "drills",
    metadata,
    Column("id", Number, primary_key=True),
    Column("organisation", Number, ForeignKey("organisations.id"), nullable=False),
    Column("system", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("recovery_point", Name, nullable=False),
    Column("started", Moment, nullable=False),
    Column("success", Boolean, nullable=False),
    Column("content", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("first", Number, ForeignKey("assessments.id"), nullable=False),
    Column("last", Number, ForeignKey("assessments.id"), nullable=False),
    UniqueConstraint("organisation", "digest"),
)

copies = Table(
    "copies",
    metadata,
    Column("id", Number, primary_key=True),
    Column("organisation", Number, ForeignKey("organisations.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("generation", Number, nullable=False, server_default="0"),
    Column("listed", Moment),
    Column("merging", Text, nullable=False, server_default=""),
    UniqueConstraint("organisation", "name"),
)

recovery_points = Table(
    "recovery_points",
    metadata,
    Column("id", Number, primary_key=True),
    Column("copy", Number, ForeignKey("copies.id"), nullable=False),
    Column("point", Name, nullable=False),
    Column("time", Moment, nullable=False),
    Column("state", Text, nullable=False),
    Column("size", Number, nullable=False),
    Column("objects", Number, nullable=False),
    Column("digest", Text, nullable=False),
    Column("first", Number, ForeignKey("assessments.id"), nullable=False),
    Column("last", Number, ForeignKey("assessments.id"), nullable=False),
    UniqueConstraint("copy", "digest"),
)

object_runs = Table(
    "object_runs",
    metadata,
    Column("id", Number, primary_key=True),
    Column("copy", Number, ForeignKey("copies.id"), nullable=False),
    Column("first_key", LargeBinary, nullable=False),
    Column("place", LargeBinary, nullable=False),
    Column("generation", Number, nullable=False),
    Column("replaced", Number),
    Column("objects", Integer, nullable=False),
    Column("columns", LargeBinary, nullable=False),
    Column("digests", LargeBinary, nullable=False),
    Column("checksum", Number, nullable=False),
    Index("object_runs_by_place", "copy", "place"),
)

readings = Table(
    "readings",
    metadata,
    Column("id", Number, primary_key=True),
    Column("copy", Number, ForeignKey("copies.id"), nullable=False),
    Column("objects", Integer, nullable=False),
    Column("columns", LargeBinary, nullable=False),
    Column("digests", LargeBinary, nullable=False),
    Column("checksum", Number, nullable=False),
    Index("readings_by_copy", "copy", "id"),
)
