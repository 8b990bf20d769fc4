"""
One run at a time on one organisation.

What keeps the second one out ends with the process that holds it, also where that is killed: nothing is left behind that somebody must remove.
Beside a store in SQLite it is a lock on an empty file, of the kind that the store itself rests on; in PostgreSQL it is a session's advisory lock,
which holds across machines. Who holds it stands in the store, for the message; that says nothing of whether it is held.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import secrets
import socket
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from sqlalchemy import URL, Connection, NullPool, create_engine, delete, insert, select, text
from sqlalchemy.exc import DatabaseError

from drcheck.clock import format_moment, now, wait
from drcheck.errors import Busy, StoreError
from drcheck.model import printable
from drcheck.store.database import Database
from drcheck.store.history import organisation_number
from drcheck.store.schema import holders, organisations

PATIENCE = 1.0
"""Seconds for which a run that has just ended, or is just saying who it is, is waited for."""
_RUBBISH = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that runs, or ran, on an organisation."""

    pid: int
    host: str
    started: datetime
    command: str
    """As people know it, such as `drcheck check`."""

    def __str__(self) -> str:
        return f"{printable(self.command)}, process {self.pid} on {printable(self.host)}, begun at {format_moment(self.started)}"


@contextmanager
def run_lock(database: Database, organisation: str, command: str) -> Iterator[Holder | None]:
    """
    Be the only run on the organisation for as long as the `with` lasts, or the process lives.

    Gives the run before, where that was killed or lost before it could end; else None.

    Raises:
        Busy: another process runs on the organisation; the message says who, and what to do.
        StoreError: the lock, or who holds it, could not be written.
    """
    with database.told():
        lock: _Lock = _FileLock(database.file, organisation) if database.file is not None else _SessionLock(database, organisation)
        free = lock.take()
    if not free:
        raise Busy(_busy(database, organisation))
    try:
        token = secrets.token_hex(8)
        before = _enter(database, organisation, token, Holder(os.getpid(), socket.gethostname(), now(), command))
        if before is not None:
            _LOG.warning("took over from a run that did not end: %s", before)
        try:
            yield before
        finally:
            _leave(database, token)
    finally:
        lock.release()


def _enter(database: Database, organisation: str, token: str, holder: Holder) -> Holder | None:
    with database.writing() as connection:
        before = find_holder(connection, organisation)
        number = organisation_number(connection, organisation)
        connection.execute(delete(holders).where(holders.c.organisation == number))
        values = {"pid": holder.pid, "host": holder.host, "started": holder.started, "command": holder.command}
        connection.execute(insert(holders).values(organisation=number, token=token, **values))
    return before


def _leave(database: Database, token: str) -> None:
    try:
        with database.writing() as connection:
            connection.execute(delete(holders).where(holders.c.token == token))
    except StoreError as error:
        # The run is over and what it did is recorded, or that it is not was told: the next one only finds its name here.
        _LOG.warning("that this run has ended could not be written: %s", error)


def find_holder(connection: Connection, organisation: str) -> Holder | None:
    """Who is written down as the run on an organisation; that says nothing of whether it still goes on."""
    wanted = select(holders.c.pid, holders.c.host, holders.c.started, holders.c.command).join(
        organisations, holders.c.organisation == organisations.c.id
    )
    row = connection.execute(wanted.where(organisations.c.name == organisation)).first()
    return None if row is None else Holder(*row)


def _busy(database: Database, organisation: str) -> str:
    with database.reading() as connection:
        holder = find_holder(connection, organisation)
    return (
        f"the store {database.place}: another run on {organisation} has not ended ({holder or 'it has not said who it is'}); "
        "wait until it has, or end that process, then run this again"
    )


class _Lock(Protocol):
    """What only one process can hold, and holds until it lets go or ends."""

    def take(self) -> bool:
        """Take it; False where another holds it. Raises what the database raises."""

    def release(self) -> None:
        """Let go of it; raises nothing, as the work under it is done."""


class _FileLock:
    """
    A lock on a file beside the store, made by SQLite: it knows how on every platform, and a process that was forked does not inherit it
    (https://www.sqlite.org/lockingv3.html). Nothing is ever written to the file; it stays, as one that is removed could be locked twice.
    """

    def __init__(self, store: Path, organisation: str) -> None:
        store = store.resolve()  # by whichever name the store was opened, it is one
        name = hashlib.sha256(organisation.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        self._file = store.with_name(f"{store.name}.{name}.lock")
        self._store = store
        self._engine = create_engine(
            URL.create("sqlite", database=str(self._file)), poolclass=NullPool, connect_args={"timeout": PATIENCE, "isolation_level": None}
        )
        self._connection: Connection | None = None

    def take(self) -> bool:
        _make_alike(self._file, self._store)
        try:
            return self._take()
        except DatabaseError as error:
            if _code(error) not in _RUBBISH:
                raise
        # Nobody holds it, or that would have been found out first. By its name, and not opened: closing a file lets go of every lock on it.
        _LOG.warning("the lock file %s holds something that is not drcheck's; it was emptied", self._file)
        with contextlib.suppress(OSError):
            os.truncate(self._file, 0)
        return self._take()

    def _take(self) -> bool:
        connection = self._engine.connect()
        try:
            connection.exec_driver_sql("PRAGMA journal_mode = MEMORY").close()  # or there would be a journal beside it, of nothing
            connection.exec_driver_sql("BEGIN EXCLUSIVE").close()
        except DatabaseError as error:
            connection.close()
            if _code(error) != sqlite3.SQLITE_BUSY:
                raise
            return False
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return True

    def release(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class _SessionLock:
    """An advisory lock of PostgreSQL, on a connection of its own (https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS)."""

    def __init__(self, database: Database, organisation: str) -> None:
        self._database = database
        self._organisation = organisation
        self._connection: Connection | None = None

    def take(self) -> bool:
        connection = self._database.session()
        try:
            # The server gives up a holder whose machine is gone within two minutes, and does not give up one that is only quiet for hours.
            settings = {"tcp_keepalives_idle": 60, "tcp_keepalives_interval": 10, "tcp_keepalives_count": 6, "idle_session_timeout": 0}
            for name, value in settings.items():
                connection.execute(
                    text("SELECT set_config(name, :value, false) FROM pg_settings WHERE name = :name"), {"name": name, "value": str(value)}
                )
            # Within a database, several schemas can each hold a store; the number of the table tells them apart.
            table = connection.execute(text(f"SELECT '{holders.name}'::regclass::oid::bigint")).scalar_one()
            named = f"drcheck run {table} {self._organisation}".encode("utf-8", "surrogatepass")
            (key,) = struct.unpack(">q", hashlib.sha256(named).digest()[:8])
            if not _try(connection, key):
                wait(PATIENCE)
                if not _try(connection, key):
                    connection.close()
                    return False
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return True

    def release(self) -> None:
        if self._connection is not None:
            # It is not given back to others: the lock ends with it, also where the server has ended it already.
            self._connection.close()
            self._connection = None


def _try(connection: Connection, key: int) -> bool:
    return bool(connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": key}).scalar_one())


def _code(error: DatabaseError) -> int:
    """SQLite's kind of error: https://www.sqlite.org/rescode.html"""
    return int(getattr(error.orig, "sqlite_errorcode", 0)) & 0xFF


def _make_alike(file: Path, store: Path) -> None:
    """Make the empty file for whoever may write the store; what is there already is left as it is. SQLite says why it cannot be opened."""
    with contextlib.suppress(OSError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        like = store.stat()
        file.chmod(like.st_mode & 0o777)
        if hasattr(os, "chown"):
            os.chown(file, like.st_uid, like.st_gid)
