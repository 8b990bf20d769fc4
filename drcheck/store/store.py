"""The store: everything that outlives a run."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from types import TracebackType
from typing import Self

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from drcheck.canonical import digest_bytes
from drcheck.clock import now
from drcheck.errors import StoreError
from drcheck.model import Assessment
from drcheck.store.database import Database
from drcheck.store.history import (
    DrillSeen,
    Interval,
    PointSeen,
    Recorded,
    add_assessment,
    copy_number,
    drill_of,
    find_copy,
    interval_of,
    organisation_number,
    point_of,
    recorded_of,
    select_assessments,
    select_drills,
    select_intervals,
    select_points,
)
from drcheck.store.lock import Holder, run_lock
from drcheck.store.objects import ObjectStore
from drcheck.store.packing import Damaged
from drcheck.store.recorder import EVERY, Recorder
from drcheck.store.schema import assessments, calls, copies, organisations
from drcheck.store.seeds import Seeds, find_seeds, make_seeds, rotate
from drcheck.store.versions import bring_up_to_date

WAIT = 30.0
"""Seconds for which a store that another process writes to is waited for."""


class Store:
    """
    The history of any number of organisations. Used as a context manager; several threads may use one.

    Every method raises StoreError where the store cannot be read or written; what it was to write is then not written at all.

    Attributes:
        place: where it is, for messages; without a password.
    """

    def __init__(self, database: Database) -> None:
        self.place = database.place
        self._database = database

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database; safe to call twice."""
        self._database.close()

    def run_lock(self, organisation: str, command: str) -> AbstractContextManager[Holder | None]:
        """
        What keeps a second run on the organisation out, for as long as the `with` lasts or this process lives. Gives the run before it where that
        was killed, else None.

        Args:
            command: what runs, as people know it, such as `drcheck check`; told to the second run.

        Raises:
            Busy: another run has not ended; its message says which.
        """
        return run_lock(self._database, organisation, command)

    def sampling(self, organisation: str) -> Seeds:
        """The seeds of the organisation's runs, made where there are none; the same until `record` is told that this run's was used."""
        with self._database.reading() as connection:
            found = find_seeds(connection, organisation)
        if found is not None:
            return found
        with self._database.writing() as connection:
            return make_seeds(connection, organisation_number(connection, organisation))

    def record(self, assessment: Assessment, document: bytes, *, used_seed: bytes | None = None) -> Recorded:
        """
        Keep an assessment, whole or not at all: its document, findings, recovery points, drills and calls.

        Args:
            document: its canonical bytes, which `document` gives back.
            used_seed: the seed of `sampling` by which the run chose what it read, and which the document tells; the next one takes its place. One
                that had its turn before changes nothing, nor does an assessment of another moment than its own.

        Raises:
            StoreError: it is not kept, or was before. The caller has it still, and says so with exit code 12.
        """
        with self._database.writing() as connection:
            try:
                number = add_assessment(connection, assessment, document)
            except IntegrityError as error:
                raise StoreError(f"the store {self.place} has the run {assessment.run.id} already; it was not recorded again") from error
            if used_seed is not None and not assessment.run.as_of:
                rotate(connection, assessment.estate.organisation, used_seed)
            row = connection.execute(select_assessments().where(assessments.c.id == number)).one()
        return recorded_of(row)

    def assessments(
        self, organisation: str | None = None, *, since: datetime | None = None, until: datetime | None = None, limit: int | None = None
    ) -> list[Recorded]:
        """Assessments, the newest first, by their reference times from `since` to `until`; without an organisation those of all."""
        wanted = select_assessments().order_by(assessments.c.id.desc())
        if organisation is not None:
            wanted = wanted.where(organisations.c.name == organisation)
        if since is not None:
            wanted = wanted.where(assessments.c.reference >= since)
        if until is not None:
            wanted = wanted.where(assessments.c.reference <= until)
        with self._database.reading() as connection:
            return [recorded_of(row) for row in connection.execute(wanted.limit(limit))]

    def latest(self, organisation: str) -> Recorded | None:
        """The organisation's newest assessment of its own moment (not `--as-of` another); None where there is none."""
        wanted = select_assessments().where(organisations.c.name == organisation, assessments.c.as_of.is_(False))
        with self._database.reading() as connection:
            row = connection.execute(wanted.order_by(assessments.c.id.desc()).limit(1)).first()
        return None if row is None else recorded_of(row)

    def document(self, run: str) -> bytes:
        """
        The document of the assessment of this run.

        Raises:
            StoreError: there is none, or it is not the one that was recorded.
        """
        with self._database.reading() as connection:
            row = connection.execute(select(assessments.c.document, assessments.c.digest).where(assessments.c.run == run)).first()
            if row is None:
                raise StoreError(f"the store {self.place} has no run {run}; `drcheck history` lists those it has")
            try:
                document = zlib.decompress(row.document)
            except zlib.error as error:
                raise Damaged(f"the document of run {run} cannot be unpacked") from error
            if digest_bytes(document) != row.digest:
                raise Damaged(f"the document of run {run} is not the one that was recorded")
        return document

    def intervals(self, organisation: str) -> list[Interval]:
        """Every stretch of assessments in which a control had one outcome on a subject, in the order in which they began."""
        with self._database.reading() as connection:
            return [interval_of(row) for row in connection.execute(select_intervals(organisation))]

    def recovery_points(self, organisation: str, copy: str) -> list[PointSeen]:
        """Every recovery point of `copy` (`system@target`) that an assessment saw, the newest first, those that are gone included."""
        with self._database.reading() as connection:
            return [point_of(row) for row in connection.execute(select_points(organisation, copy))]

    def drills(self, organisation: str) -> list[DrillSeen]:
        """Every drill that an assessment knew of, in the order in which they were first known."""
        with self._database.reading() as connection:
            return [drill_of(row) for row in connection.execute(select_drills(organisation))]

    def calls(self, run: str) -> list[tuple[str, str, int]]:
        """Target, kind of call and how often it was made, of one run."""
        wanted = select(calls.c.target, calls.c.call, calls.c["count"]).join(assessments, calls.c.assessment == assessments.c.id)
        with self._database.reading() as connection:
            rows = connection.execute(wanted.where(assessments.c.run == run).order_by(calls.c.target, calls.c.call)).all()
        return [(target, call, count) for target, call, count in rows]

    def copies(self, organisation: str) -> list[str]:
        """Every copy (`system@target`) of which something is known, sorted."""
        wanted = select(copies.c.name).join(organisations, copies.c.organisation == organisations.c.id).where(organisations.c.name == organisation)
        with self._database.reading() as connection:
            return sorted(connection.execute(wanted).scalars())

    def objects(self, organisation: str, copy: str, place: str = "") -> ObjectStore:
        """What is known of the objects of one copy (`system@target`), which lies at `place`."""
        with self._database.reading() as connection:
            number = find_copy(connection, organisation, copy)
        if number is None:
            with self._database.writing() as connection:
                number = copy_number(connection, organisation_number(connection, organisation), copy)
        return ObjectStore(self._database, number, copy, place)

    def recorder(self, organisation: str, *, every: float = EVERY, clock: Callable[[], datetime] = now) -> Recorder:
        """What takes the organisation's results one by one, made at the time that `clock` tells: a `drcheck.verify.tally.ResultSink`."""
        known: dict[str, ObjectStore] = {}

        def objects(copy: str) -> ObjectStore:
            if copy not in known:
                known[copy] = self.objects(organisation, copy)
            return known[copy]

        return Recorder(objects, every=every, clock=clock)


def open_store(where: str | os.PathLike[str] | None = None, *, wait: float = WAIT) -> Store:
    """
    The store at `where`, made or brought up to date as needed.

    Args:
        where: a path, or a URL: `sqlite:///PATH` or `postgresql+psycopg://USER@HOST/DATABASE`; None for this user's own.
        wait: seconds for which a store that another process writes to is waited for, at each write.

    Raises:
        StoreError: it cannot be opened, made or brought up to date; the message says why and what to do.
    """
    database = Database(where, wait)
    try:
        bring_up_to_date(database)
    except BaseException:
        database.close()
        raise
    return Store(database)
