"""
The runs of one copy: read in key order, with the journal folded in, and written as a new generation.

A run is visible in a generation when it was written in it or before, and not replaced until then. A merge writes the runs that differ under the next
generation's number, marks those they replace, and in its last transaction raises the copy's number: until then nobody sees any of it, and a merge
that
never gets there leaves only rows that the next one removes. Runs in which nothing changed are not written at all.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, or_, select, update

from drcheck.errors import StoreError
from drcheck.model import BrokenObject
from drcheck.store import breached, journal
from drcheck.store.database import Database
from drcheck.store.known import Row, with_reading
from drcheck.store.packing import Packed, pack, unpack
from drcheck.store.schema import copies, object_runs, readings

LENGTH = 1_024
"""Objects in a run. It holds fewer than twice as many, and more than a quarter unless it is the last."""
_SMALL = LENGTH // 4
_PAGE = 8
_MANY = 500
_PLACE = 1_000
"""Bytes of a key by which the database finds it: PostgreSQL indexes no long ones."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One state of what is known of a copy."""

    copy: int
    generation: int
    listed: datetime | None
    """The whole listing that made this generation; None where there was none yet."""
    upto: int
    """The newest batch of the journal."""
    place: str
    """Where that listing was made; empty where nobody said."""

    def elsewhere(self, place: str) -> bool:
        """Whether what is known is of another place than `place`; empty says nothing."""
        return bool(place and self.place) and place != self.place


@dataclass(slots=True)
class Piece:
    """Some neighbouring objects: a run, or what the journal puts between runs."""

    run: int | None
    """The number of the run that ends with these; None where they end inside one, or are in none."""
    rows: list[Row]
    touched: bool
    """Whether the journal made them differ from what is stored."""
    others: dict[bytes, Row] = field(default_factory=dict)
    """Readings of another version than the stored one."""


def snapshot(connection: Connection, copy: int) -> Snapshot:
    """The copy as it is known now."""
    row = connection.execute(select(copies.c.generation, copies.c.listed, copies.c.place).where(copies.c.id == copy)).one()
    return Snapshot(copy, row.generation, row.listed, journal.newest(connection, copy), row.place)


def pieces(database: Database, state: Snapshot) -> Iterator[Piece]:
    """
    Everything that is known of a copy's objects, in key order, in bounded memory. No transaction is open between two pieces.

    Raises:
        StoreError: it cannot be read, or another process merged the copy meanwhile.
    """
    noted = journal.in_key_order(database, state.copy, state.upto)
    ahead = next(noted, None)
    for run, rows in _stored(database, state):
        if ahead is None or ahead.key > rows[-1].key:
            yield Piece(run, rows, touched=False)
            continue
        piece = Piece(run, [], touched=True)
        for row in rows:
            while ahead is not None and ahead.key < row.key:
                if len(piece.rows) >= 2 * LENGTH:
                    yield Piece(None, piece.rows, touched=True, others=piece.others)
                    piece = Piece(run, [], touched=True)
                _add_unlisted(piece.rows, ahead)
                ahead = next(noted, None)
            while ahead is not None and ahead.key == row.key:
                if ahead.version in (b"", row.version):
                    row = with_reading(row, ahead)
                elif row.first_seen:
                    piece.others[row.key] = ahead
                else:
                    row = ahead
                ahead = next(noted, None)
            piece.rows.append(row)
        yield piece
    rest: list[Row] = []
    while ahead is not None:
        if len(rest) >= LENGTH and rest[-1].key != ahead.key:
            yield Piece(None, rest, touched=True)
            rest = []
        _add_unlisted(rest, ahead)
        ahead = next(noted, None)
    if rest:
        yield Piece(None, rest, touched=True)


def _add_unlisted(rows: list[Row], reading: Row) -> None:
    """Add a reading of what no whole listing showed yet: a missing object, or one that the first listing was still at."""
    if rows and rows[-1].key == reading.key:
        rows[-1] = with_reading(rows[-1], reading) if reading.version in (b"", rows[-1].version) else reading
    else:
        rows.append(reading)


def _stored(database: Database, state: Snapshot) -> Iterator[tuple[int, list[Row]]]:
    wanted = (
        select(object_runs.c.id, object_runs.c.first_key, object_runs.c.columns, object_runs.c.digests, object_runs.c.checksum)
        .where(object_runs.c.copy == state.copy, object_runs.c.generation <= state.generation)
        .where(or_(object_runs.c.replaced.is_(None), object_runs.c.replaced > state.generation))
        .order_by(object_runs.c.place, object_runs.c.first_key)
        .limit(_PAGE)
    )
    page = wanted
    while True:
        with database.reading() as connection:
            if connection.execute(select(copies.c.generation).where(copies.c.id == state.copy)).scalar_one() != state.generation:
                raise StoreError(f"the store {database.place}: another process merged the same copy meanwhile; run this again")
            found = connection.execute(page).all()
        for run, first, columns, digests, check in found:  # noqa: B007 - the last one is used
            with database.told():
                rows = unpack(columns, digests, check)
            yield run, rows
        if len(found) < _PAGE:
            return
        page = wanted.where(object_runs.c.place >= first[:_PLACE], object_runs.c.first_key > first)


class Glance:
    """What a merge that is only looked at writes to: nothing. See `NextGeneration`."""

    def __init__(self, database: Database, copy: int) -> None:
        with database.reading() as connection:
            self.before = snapshot(connection, copy)

    def begin(self, run: int | None, *, touched: bool) -> None:
        """Nothing."""

    def keep(self, row: Row) -> None:
        """Nothing."""

    def put(self, row: Row) -> None:
        """Nothing."""

    def drop(self) -> None:
        """Nothing."""

    def finish(self, listed: datetime, broken: Sequence[BrokenObject], place: str) -> None:
        """Nothing."""


class NextGeneration:
    """
    The copy's next generation while it is written.

    For each piece call `begin`, then `keep` for every object that stays as it was and `put` for every one that is new or altered, in key order; those
    that are dropped need `drop`. At the end `finish`; without it nothing has changed.
    """

    def __init__(self, database: Database, copy: int) -> None:
        """
        Clear what an unfinished merge left behind.

        Raises:
            StoreError: the store cannot be written.
        """
        self._database = database
        self._token = secrets.token_hex(8)
        self._run: int | None = None
        self._altered = False
        self._rows: list[Row] = []
        self._replaced: list[int] = []
        self._packed: list[Packed] = []
        with database.writing() as connection:
            connection.execute(update(copies).where(copies.c.id == copy).values(merging=self._token))
            self.before = snapshot(connection, copy)
            connection.execute(delete(object_runs).where(object_runs.c.copy == copy, object_runs.c.generation > self.before.generation))
            connection.execute(update(object_runs).where(object_runs.c.copy == copy, object_runs.c.replaced.is_not(None)).values(replaced=None))

    def begin(self, run: int | None, *, touched: bool) -> None:
        """End the piece before, and begin the one that ends the stored run `run`."""
        self._end(last=False)
        self._run = run
        self._altered = touched or run is None or bool(self._rows)

    def keep(self, row: Row) -> None:
        """The next object, as it is stored."""
        self._rows.append(row)

    def put(self, row: Row) -> None:
        """The next object, new or altered."""
        self._altered = True
        self._rows.append(row)
        if len(self._rows) >= 2 * LENGTH:
            self._cut(LENGTH)

    def drop(self) -> None:
        """An object of this piece is no longer kept."""
        self._altered = True

    def finish(self, listed: datetime, broken: Sequence[BrokenObject], place: str) -> None:
        """
        Make this the copy's generation, in one transaction, keep what the listing showed to be broken, and empty the journal of what was folded in.
        An empty `place` leaves the one that is known.

        Raises:
            StoreError: the store cannot be written, or another process merged the copy meanwhile; then nothing has changed.
        """
        self._end(last=True)
        new = self.before.generation + 1
        with self._database.writing() as connection:
            self._write(connection)
            values = {"generation": new, "listed": listed, "merging": "", "place": place or self.before.place}
            connection.execute(update(copies).where(copies.c.id == self.before.copy).values(values))
            connection.execute(delete(object_runs).where(object_runs.c.copy == self.before.copy, object_runs.c.replaced <= new))
            connection.execute(delete(readings).where(readings.c.copy == self.before.copy, readings.c.id <= self.before.upto))
            breached.keep(connection, self.before.copy, broken, listed)
        self._database.shrink()

    def _end(self, *, last: bool) -> None:
        run, self._run = self._run, None
        if run is not None and not self._altered and (last or len(self._rows) >= _SMALL):
            self._rows = []
            return
        if run is not None:
            self._replaced.append(run)
            self._write_when_many()
        while len(self._rows) >= 2 * LENGTH:
            self._cut(LENGTH)
        if self._rows and (last or len(self._rows) >= _SMALL):
            self._cut(len(self._rows))

    def _cut(self, length: int) -> None:
        self._packed.append(pack(self._rows[:length]))
        del self._rows[:length]
        self._write_when_many()

    def _write_when_many(self) -> None:
        if len(self._packed) >= 2 * _PAGE or len(self._replaced) >= _MANY:
            with self._database.writing() as connection:
                self._write(connection)

    def _write(self, connection: Connection) -> None:
        mine = update(copies).where(copies.c.id == self.before.copy, copies.c.merging == self._token).values(merging=self._token)
        if connection.execute(mine).rowcount != 1:
            raise StoreError(f"the store {self._database.place}: another process began to merge the same copy; let one run at a time")
        if self._packed:
            connection.execute(insert(object_runs), [self._values(packed) for packed in self._packed])
        if self._replaced:
            connection.execute(update(object_runs).where(object_runs.c.id.in_(self._replaced)).values(replaced=self.before.generation + 1))
        self._packed, self._replaced = [], []

    def _values(self, packed: Packed) -> dict[str, Any]:
        return {
            "copy": self.before.copy,
            "first_key": packed.first,
            "place": packed.first[:_PLACE],
            "generation": self.before.generation + 1,
            "objects": packed.count,
            "columns": packed.columns,
            "digests": packed.digests,
            "checksum": packed.check,
        }
