"""
A copy of the store, made while others read and write it, by SQLite's online backup: https://www.sqlite.org/backup.html

A plain copy of the file is none: what was written last lies in the log beside it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

from sqlalchemy import text

from drcheck.errors import OutputError, StoreDamaged, StoreError
from drcheck.model import printable
from drcheck.store.database import Database
from drcheck.store.versions import VERSION_TABLE

_STEP = 4_096
"""Pages copied at a time: between two of them an interrupt is heard."""
_MAGIC = b"SQLite format 3\0"


def backup(database: Database, file: Path) -> int:
    """
    Put a copy of the store at `file`: of one moment, written beside it, opened, checked page by page, then renamed. What was there is replaced.

    The copy is one file without a log beside it, and readable by its owner alone: it holds what the store does, seeds and names of objects too.

    Returns its size in bytes.

    Raises:
        StoreError: the store is in PostgreSQL, or cannot be read; `StoreDamaged` where the copy shows that it is not what was written.
        OutputError: the copy cannot be written, or `file` is the store itself, a store in use, or no store at all.
    """
    if database.file is None:
        raise StoreError(f"the store {database.place} is in PostgreSQL; back it up with: pg_dump --format=custom --file=FILE DATABASE")
    target = Path(os.path.realpath(file))
    _refuse_what_is_not_ours(database.file, file, target)
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name[:40]}.", dir=target.parent)
        os.close(descriptor)
    except OSError as error:
        raise OutputError(f"{file}: could not be written: {error.strerror or error}") from error
    temporary = Path(name)
    try:
        _copy(database, file, temporary)
        size = temporary.stat().st_size
        temporary.replace(target)
    except OSError as error:
        raise OutputError(f"{file}: could not be written: {error.strerror or error}") from error
    finally:
        for each in (temporary, *(Path(f"{temporary}{end}") for end in ("-journal", "-wal", "-shm"))):
            with contextlib.suppress(OSError):
                each.unlink()
    return size


def _refuse_what_is_not_ours(store: Path, file: Path, target: Path) -> None:
    try:
        if not target.exists():
            return
        if target.is_dir():
            raise OutputError(f"{file}: is a directory; name a file in it")
        if not target.is_file():
            # A renamed file would take the place of the device itself, such as /dev/null.
            raise OutputError(f"{file}: is a device or a pipe and no file; name a file")
        if any(each.exists() and target.samefile(each) for each in (store, Path(f"{store}-wal"), Path(f"{store}-shm"))):
            raise OutputError(f"{file}: is the store itself; name another file, best on another disk")
        with target.open("rb") as there:
            begins = there.read(len(_MAGIC))
    except OSError as error:
        raise OutputError(f"{file}: could not be looked at: {error.strerror or error}") from error
    if begins and not (begins == _MAGIC and _is_a_store(target)):
        raise OutputError(f"{file}: is there and is no backup of a store; it was left as it is: name another file")
    for beside in (Path(f"{target}-wal"), Path(f"{target}-journal")):
        # What is read from a file with another's log beside it is neither of the two.
        if beside.exists() and beside.stat().st_size:
            raise OutputError(
                f"{file}: is a store that is in use, or was not closed ({beside.name} lies beside it); it was left as it is: name another file"
            )


def _is_a_store(target: Path) -> bool:
    """Whether an SQLite file has drcheck's tables, read without a lock or a log beside it: others' databases are theirs."""
    try:
        with contextlib.closing(sqlite3.connect(f"{target.as_uri()}?mode=ro&immutable=1", uri=True)) as there:
            return bool(there.execute("SELECT count(*) FROM sqlite_master WHERE name = ?", (VERSION_TABLE,)).fetchone()[0])
    except sqlite3.Error:
        return False


def _copy(database: Database, file: Path, temporary: Path) -> None:
    with database.reading() as connection:
        # From here on this connection sees one state, however long it takes and whatever others write.
        version = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar_one()  # noqa: S608 - a constant
        source: Any = connection.connection.dbapi_connection
        try:
            with contextlib.closing(sqlite3.connect(temporary, isolation_level=None)) as copy:
                source.backup(copy, pages=_STEP, sleep=0)
                # The copy says of itself that it has a log; without one it is a single file. The store that is opened from it makes its own.
                copy.execute("PRAGMA journal_mode = DELETE").close()
                _insist(database, copy, version)
        except sqlite3.Error as error:
            raise _failed(database, file, error) from error
    with temporary.open("rb") as written:
        os.fsync(written.fileno())


def _insist(database: Database, copy: sqlite3.Connection, version: str) -> None:
    """Open the copy, as whoever restores it will, and read every page of it."""
    said = [" ".join(str(row[0]).split()) for row in copy.execute("PRAGMA integrity_check(1)")]
    if said != ["ok"]:
        raise StoreDamaged(f"the store {database.place} is damaged, and its copy was not kept: {printable(said[0])}; `drcheck store check` says more")
    found = copy.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()  # noqa: S608 - a constant
    if found != (version,):
        raise StoreDamaged(f"the store {database.place} could not be read back from its copy, which was not kept")


def _failed(database: Database, file: Path, error: sqlite3.Error) -> OutputError | StoreError:
    kind = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if kind in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StoreDamaged(
            f"the store {database.place} is damaged, and its copy was not kept: {printable(str(error))}; `drcheck store check` says more"
        )
    return OutputError(f"{file}: the copy could not be made: {printable(str(error))}")
