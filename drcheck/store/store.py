"""The store: everything that outlives a run."""

from __future__ import annotations

import os
import secrets
import zlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from drcheck.canonical import digest_bytes
from drcheck.chain import Link, Paper, link_from
from drcheck.clock import now
from drcheck.errors import StoreError
from drcheck.model import Assessment, Interval, Night, StoreKept
from drcheck.store.backup import backup
from drcheck.store.checking import Checked, check
from drcheck.store.database import Database
from drcheck.store.history import (
    DrillSeen,
    PointSeen,
    add_assessment,
    copy_number,
    drill_of,
    find_copy,
    intervals_of,
    night_of,
    organisation_number,
    point_of,
    select_assessments,
    select_drills,
    select_intervals,
    select_points,
)
from drcheck.store.lock import Holder, find_holder, run_lock
from drcheck.store.notices import NoticeBook
from drcheck.store.objects import ObjectStore
from drcheck.store.packing import Damaged
from drcheck.store.pruning import Pruned, prune
from drcheck.store.recorder import EVERY, Recorder
from drcheck.store.schema import assessments, calls, copies, organisations, papers
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

    def record(self, assessment: Assessment, papers: Sequence[Paper], *, used_seed: bytes | None = None) -> Night:
        """
        Keep an assessment, whole or not at all: its papers, findings, recovery points, drills and calls, as the next link of its chain.

        Args:
            papers: what belongs to it for good, see `drcheck.evidence.papers_of`; `paper` gives each back.
            used_seed: the seed of `sampling` by which the run chose what it read, and which the document tells; the next one takes its place. One
                that had its turn before changes nothing, nor does an assessment of another moment than its own.

        Raises:
            StoreError: it is not kept, or was before. The caller has it still, and says so with exit code 12.
        """
        with self._database.writing() as connection:
            try:
                number = add_assessment(connection, assessment, papers)
            except IntegrityError as error:
                raise StoreError(f"the store {self.place} has the run {assessment.run.id} already; it was not recorded again") from error
            if used_seed is not None and not assessment.run.as_of:
                rotate(connection, assessment.estate.organisation, used_seed)
            row = connection.execute(select_assessments().where(assessments.c.id == number)).one()
        return night_of(row)

    def assessments(
        self, organisation: str | None = None, *, since: datetime | None = None, until: datetime | None = None, limit: int | None = None
    ) -> list[Night]:
        """Assessments, the newest first, by their reference times from `since` to `until`; without an organisation those of all."""
        wanted = select_assessments().order_by(assessments.c.id.desc())
        if organisation is not None:
            wanted = wanted.where(organisations.c.name == organisation)
        if since is not None:
            wanted = wanted.where(assessments.c.reference >= since)
        if until is not None:
            wanted = wanted.where(assessments.c.reference <= until)
        with self._database.reading() as connection:
            return [night_of(row) for row in connection.execute(wanted.limit(limit))]

    def latest(self, organisation: str) -> Night | None:
        """The organisation's newest assessment of its own moment (not `--as-of` another); None where there is none."""
        wanted = select_assessments().where(organisations.c.name == organisation, assessments.c.as_of.is_(False))
        with self._database.reading() as connection:
            row = connection.execute(wanted.order_by(assessments.c.id.desc()).limit(1)).first()
            return None if row is None else night_of(row)

    def kept(self, organisation: str) -> StoreKept:
        """What this store is, and what it holds of the organisation."""
        wanted = select(func.count(), func.min(assessments.c.started)).join(organisations, assessments.c.organisation == organisations.c.id)
        with self._database.reading() as connection:
            nights, first = connection.execute(wanted.where(organisations.c.name == organisation)).one()
        return StoreKept("sqlite" if self._database.sqlite else "postgresql", self.place, nights, first)

    def running(self, organisation: str) -> Holder | None:
        """The run on the organisation that began and has not said that it ended: it goes on, or was killed. None where there is none."""
        with self._database.reading() as connection:
            return find_holder(connection, organisation)

    def prune(self, before: datetime, keep_last: int = 1, *, really: bool) -> Pruned:
        """Throw away the papers of nights that began before `before`, or say what would go; see `drcheck.store.pruning.prune`."""
        return prune(self._database, before, keep_last, really=really)

    def backup(self, file: Path) -> int:
        """Put a checked copy of the store at `file`, readable by its owner alone; returns its size in bytes. See `drcheck.store.backup.backup`."""
        return backup(self._database, file)

    def check(self) -> Checked:
        """Read everything that carries a checksum or a digest, and follow every chain; see `drcheck.store.checking.check`."""
        return check(self._database)

    def links(self, organisation: str) -> list[Link]:
        """
        The chain of the organisation's assessments, the oldest first, those included whose papers were pruned.

        Raises:
            StoreError: one of them is no link.
        """
        with self._database.reading() as connection:
            wanted = select(assessments.c.run, assessments.c.link).join(organisations, assessments.c.organisation == organisations.c.id)
            rows = connection.execute(wanted.where(organisations.c.name == organisation).order_by(assessments.c.id)).all()
            return [_link(run, text) for run, text in rows]

    def link(self, run: str) -> Link:
        """
        The link of this run's assessment.

        Raises:
            StoreError: there is none, or it is none.
        """
        with self._database.reading() as connection:
            text = connection.execute(select(assessments.c.link).where(assessments.c.run == run)).scalar()
            if text is None:
                raise StoreError(f"the store {self.place} has no run {run}; `drcheck history` lists those it has")
            return _link(run, text)

    def paper(self, run: str, name: str, *, hashed: bool = False) -> bytes:
        """
        One paper of the assessment of this run, with the names of objects hashed if so asked.

        Raises:
            StoreError: there is none, it was pruned, or it is not the one that was recorded.
        """
        link = self.link(run)
        digest = dict(link.hashed if hashed else link.papers).get(name)
        if digest is None:
            raise StoreError(f"the store {self.place} keeps no {name} of the run {run}; an older drcheck recorded it")
        with self._database.reading() as connection:
            content = connection.execute(select(papers.c.content).where(papers.c.digest == digest)).scalar()
            if content is None:
                raise StoreError(f"the store {self.place}: {name} of the run {run} was pruned; only its place in the chain is left")
            try:
                paper = zlib.decompress(content)
            except zlib.error as error:
                raise Damaged(f"{name} of the run {run} cannot be unpacked") from error
            if digest_bytes(paper) != digest:
                raise Damaged(f"{name} of the run {run} is not the one that was recorded")
        return paper

    def names_key(self, organisation: str) -> bytes:
        """The secret by which names of the organisation's objects are hashed in what leaves the house; 32 bytes, made where there is none."""
        wanted = select(organisations.c.names_key).where(organisations.c.name == organisation)
        with self._database.reading() as connection:
            found = connection.execute(wanted).scalar()
        if found is not None:
            return bytes(found)
        with self._database.writing() as connection:
            number = organisation_number(connection, organisation)
            missing = organisations.c.names_key.is_(None)
            connection.execute(update(organisations).where(organisations.c.id == number, missing).values(names_key=secrets.token_bytes(32)))
            return bytes(connection.execute(wanted).scalar_one())

    def intervals(self, organisation: str) -> list[Interval]:
        """Every stretch of assessments in which a control had one outcome on a subject, in the order in which they began."""
        with self._database.reading() as connection:
            return list(intervals_of(connection.execute(select_intervals(organisation), execution_options={"yield_per": 10_000})))

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

    def notices(self, organisation: str) -> NoticeBook:
        """What the organisation's people were told."""
        return NoticeBook(self._database, organisation)

    def recorder(self, organisation: str, *, every: float = EVERY, clock: Callable[[], datetime] = now) -> Recorder:
        """What takes the organisation's results one by one, made at the time that `clock` tells: a `drcheck.verify.tally.ResultSink`."""
        known: dict[str, ObjectStore] = {}

        def objects(copy: str) -> ObjectStore:
            if copy not in known:
                known[copy] = self.objects(organisation, copy)
            return known[copy]

        return Recorder(objects, every=every, clock=clock)


def _link(run: str, text: str) -> Link:
    try:
        return link_from(text.encode())
    except ValueError as error:
        raise Damaged(f"the link of run {run} {error}") from error


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
