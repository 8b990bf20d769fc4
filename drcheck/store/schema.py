"""
The tables. What stands here is what the migrations in `drcheck/store/migrations/versions` make; a test compares the two.

Keys of objects can be any bytes, which neither database takes as text; they are kept as bytes. PostgreSQL indexes nothing longer than some 2,700
bytes, so a long name is found by its digest or its beginning.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
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
    false,
)
from sqlalchemy.engine import Dialect

metadata = MetaData(naming_convention={"pk": "%(table_name)s_key", "uq": "%(table_name)s_once", "fk": "%(table_name)s_%(column_0_name)s"})
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_SPECIAL = re.compile("[\0\\\\\ud800-\udfff]")
Number = BigInteger().with_variant(Integer(), "sqlite")
"""A 64-bit integer that SQLite can also count up by itself."""


class Word(TypeDecorator[str]):
    """
    Text that others may have chosen. Neither database takes every text: one with NUL, a surrogate or a backslash is kept with JSON's escapes, which
    all begin with a backslash, and every other as it is.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """The text in the form that is kept."""
        return json.dumps(value)[1:-1] if value is not None and _SPECIAL.search(value) else value

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """The text again."""
        return json.loads(f'"{value}"') if value is not None and "\\" in value else value


class Moment(TypeDecorator[datetime]):
    """A moment as microseconds since 1970 in UTC: the same in every database, and it sorts."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Microseconds, counted in integers: a float would round them."""
        if value is None:
            return None
        since = value - _BEGINNING
        return (since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """The moment in UTC."""
        return None if value is None else _BEGINNING + timedelta(microseconds=int(value))


organisations = Table(
    "organisations",
    metadata,
    Column("id", Number, primary_key=True),
    Column("name", Word, nullable=False, unique=True),
    Column("names_key", LargeBinary),
)

assessments = Table(
    "assessments",
    metadata,
    Column("id", Number, primary_key=True),
    Column("organisation", Number, ForeignKey("organisations.id"), nullable=False),
    Column("run", Word, nullable=False, unique=True),
    Column("started", Moment, nullable=False),
    Column("finished", Moment, nullable=False),
    Column("reference", Moment, nullable=False),
    Column("as_of", Boolean, nullable=False),
    Column("estate_digest", Word, nullable=False),
    Column("version", Word, nullable=False),
    Column("exit_code", SmallInteger, nullable=False),
    Column("counts", Text, nullable=False),
    Column("link", Text, nullable=False, server_default=""),
    Column("pruned", Boolean, nullable=False, server_default=false()),
    Index("assessments_by_organisation", "organisation", "id"),
)

papers = Table(
    "papers",
    metadata,
    Column("id", Number, primary_key=True),
    Column("digest", Text, nullable=False, unique=True),
    Column("content", LargeBinary, nullable=False),
)

findings = Table(
    "findings",
    metadata,
    Column("id", Number, primary_key=True),
    Column("organisation", Number, ForeignKey("organisations.id"), nullable=False),
    Column("policy", Word, nullable=False),
    Column("control", Word, nullable=False),
    Column("subject_kind", Text, nullable=False),
    Column("subject", Word, nullable=False),
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
    Column("target", Word, primary_key=True),
    Column("call", Word, primary_key=True),
    Column("count", Number, nullable=False),
)

drills = Table(
    "drills",
    metadata,
    Column("id", Number, primary_key=True),
    Column("organisation", Number, ForeignKey("organisations.id"), nullable=False),
    Column("system", Word, nullable=False),
    Column("target", Word, nullable=False),
    Column("recovery_point", Word, nullable=False),
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
    Column("name", Word, nullable=False),
    Column("generation", Number, nullable=False, server_default="0"),
    Column("listed", Moment),
    Column("merging", Text, nullable=False, server_default=""),
    Column("place", Word, nullable=False, server_default=""),
    UniqueConstraint("organisation", "name"),
)

recovery_points = Table(
    "recovery_points",
    metadata,
    Column("id", Number, primary_key=True),
    Column("copy", Number, ForeignKey("copies.id"), nullable=False),
    Column("point", Word, nullable=False),
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
    Column("first_key", LargeBinary, nullable=False),
    Column("last_key", LargeBinary, nullable=False),
    Column("objects", Integer, nullable=False),
    Column("columns", LargeBinary, nullable=False),
    Column("digests", LargeBinary, nullable=False),
    Column("checksum", Number, nullable=False),
    Index("readings_by_copy", "copy", "id"),
)

holders = Table(
    "holders",
    metadata,
    Column("organisation", Number, ForeignKey("organisations.id"), primary_key=True, autoincrement=False),
    Column("token", Text, nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("host", Word, nullable=False),
    Column("started", Moment, nullable=False),
    Column("command", Word, nullable=False),
)

seeds = Table(
    "seeds",
    metadata,
    Column("organisation", Number, ForeignKey("organisations.id"), primary_key=True, autoincrement=False),
    Column("seed", LargeBinary, nullable=False),
    Column("next_seed", LargeBinary, nullable=False),
    Column("made", Moment, nullable=False),
)

notices = Table(
    "notices",
    metadata,
    Column("id", Number, primary_key=True),
    Column("organisation", Number, ForeignKey("organisations.id"), nullable=False),
    Column("run", Word, nullable=False),
    Column("at", Moment, nullable=False),
    Column("kind", Text, nullable=False),
    Column("policy", Word, nullable=False),
    Column("control", Word, nullable=False),
    Column("subject_kind", Text, nullable=False),
    Column("subject", Word, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("about", Word, nullable=False),
    Index("notices_by_organisation", "organisation", "id"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Number, primary_key=True),
    Column("organisation", Number, ForeignKey("organisations.id"), nullable=False),
    Column("run", Word, nullable=False),
    Column("channel", Word, nullable=False),
    Column("at", Moment, nullable=False),
    Column("state", Text, nullable=False),
    Column("tried", Moment),
    Column("trouble", Word, nullable=False),
    UniqueConstraint("organisation", "run", "channel"),
)

breaches = Table(
    "breaches",
    metadata,
    Column("id", Number, primary_key=True),
    Column("copy", Number, ForeignKey("copies.id"), nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("kind", Text, nullable=False),
    Column("detail", Word, nullable=False),
    Column("seen", Moment, nullable=False),
    Index("breaches_by_copy", "copy", "id"),
)
