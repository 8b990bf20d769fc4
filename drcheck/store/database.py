"""The database of a store: where it is, how it is opened, and its transactions."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import platformdirs
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from drcheck.errors import StoreError
from drcheck.store.faults import told

_FORMS = "write a path, sqlite:///PATH or postgresql+psycopg://USER@HOST/DATABASE"


def default_file() -> Path:
    """Where the store lies when nobody says: `drcheck/drcheck.db` in the platform's directory of state."""
    return Path(platformdirs.user_state_path("drcheck", appauthor=False)) / "drcheck.db"


class Database:
    """
    One database, SQLite or PostgreSQL.

    Attributes:
        place: the store as people know it: a path, or a URL without its password.
        file: its file; None for PostgreSQL.
        wait: the seconds for which a locked store is waited for.
    """

    def __init__(self, where: str | os.PathLike[str] | None, wait: float) -> None:
        url = _url(where)
        self.wait = wait
        self.file = Path(url.database or "") if url.get_backend_name() == "sqlite" else None
        self.place = str(self.file) if self.file is not None else url.render_as_string(hide_password=True)
        self._writing = threading.Lock()
        if self.file is not None:
            _make_private(self.file)
            self._engine = create_engine(url, connect_args={"timeout": wait})
        else:
            options = f"-c lock_timeout={max(1, int(wait * 1000))}"
            self._engine = create_engine(url, connect_args={"options": options, "connect_timeout": max(2, int(wait)), "application_name": "drcheck"})
        _set_up(self._engine)

    @property
    def sqlite(self) -> bool:
        """Whether it is SQLite."""
        return self.file is not None

    def close(self) -> None:
        """Let go of every connection; safe to call twice."""
        self._engine.dispose()

    def told(self) -> AbstractContextManager[None]:
        """A step outside transactions, such as unpacking what was read. Raises StoreError where it fails."""
        return told(self.place, self.file, self.wait)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the store and writes nothing. Short: nothing is cleaned up behind a long one. Raises StoreError."""
        with self.told(), self._engine.connect() as connection:
            if not self.sqlite:
                # Otherwise each statement sees the store as it is by then; SQLite sees one state anyhow.
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    def session(self) -> Connection:
        """A connection of its own, outside transactions. What is tied to its session ends when it is closed, or with this process."""
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        connection.detach()
        return connection

    def shrink(self) -> None:
        """Give room that is no longer needed back to the file system, where the database does not do so by itself."""
        if self.sqlite:
            # As a script, since a statement is taken one page further only. What cannot be given back now is given back the next time.
            with self._writing, self._engine.connect() as connection, contextlib.suppress(sqlite3.Error):
                connection.connection.executescript("PRAGMA incremental_vacuum")

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is kept whole on the disk when it ends without an error, and not at all otherwise. Raises StoreError."""
        # One at a time within a process: SQLite's own waiting for a lock is a lottery that a busy thread can lose for long.
        with self.told(), self._writing, self._engine.connect() as connection:
            connection = connection.execution_options(drcheck_writes=True)
            with connection.begin():
                yield connection


def _url(where: str | os.PathLike[str] | None) -> URL:
    if where is None:
        return URL.create("sqlite", database=str(default_file()))
    text = os.fspath(where)
    if "://" not in text:
        if not text.strip():
            raise StoreError(f"an empty text names no store; {_FORMS}")
        return URL.create("sqlite", database=str(Path(text).expanduser()))
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        # The text is not repeated: it may hold a password.
        raise StoreError(f"that is not the URL of a store; {_FORMS}") from error
    if url.drivername in ("sqlite", "sqlite+pysqlite"):
        if not url.database or url.database == ":memory:" or url.query:
            raise StoreError(f"the URL {url.render_as_string(hide_password=True)} names no file; write sqlite:///PATH")
        return url
    if url.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        if find_spec("psycopg") is None:
            raise StoreError("a store in PostgreSQL needs the driver psycopg; install it with: pip install 'drcheck[postgres]'")
        return url.set(drivername="postgresql+psycopg")
    raise StoreError(f"a store cannot be a {url.drivername} database; {_FORMS}")


def _make_private(file: Path) -> None:
    """Make the file, and its directory, for nobody but this user: names of objects can be patient data. What is there already is left as it is."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        if file.is_dir():
            raise StoreError(f"the store {file} is a directory; name a file in it")
    except OSError as error:
        raise StoreError(f"the store {file} cannot be made: {error.strerror or error}; name another place with --store") from error


def _set_up(engine: Engine) -> None:
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _: object) -> None:
        # Transactions begin where we say (below): the driver's own way begins none before a SELECT or a CREATE TABLE.
        connection.isolation_level = None
        if connection.execute("PRAGMA page_count").fetchone() == (0,):
            # Of a new file, before anything is written to it; setting it again would wait for whoever writes.
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL").close()
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",  # what is recorded stays, also where the power fails
            "foreign_keys = ON",
            "journal_size_limit = 16777216",
            "cell_size_check = ON",  # damage is noticed early
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        # A writer takes the lock at once: one that finds out later that it must wait is refused instead, since what it has read is old by then.
        writes = connection.get_execution_options().get("drcheck_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
