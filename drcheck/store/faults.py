"""What databases say when they cannot, as a `StoreError` that says what to do."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from drcheck.errors import StoreDamaged, StoreError
from drcheck.model import printable
from drcheck.store.packing import Damaged

_LOCKED = "is locked{holder}; wait until that has ended, then run this again"
_FULL = "has no room left, and nothing of this step was kept; free space on its disk, then run this again"
_READ_ONLY = "cannot be written to; give this user the right to write the file and its directory, or name another place with --store"
_CORRUPT = "is damaged ({said}); keep it for the record, restore it from a backup, or begin another with --store"
_NO_ACCESS = "lets this user not do that ({said}); give it the rights, or name another place with --store"
_NO_ANSWER = "did not answer ({said}); see that the server runs and can be reached, then run this again"
_NO_FILE = "cannot be opened ({said}); see that its directory is there and that this user may write to it"

_SQLITE = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_PERM: _READ_ONLY,
    sqlite3.SQLITE_AUTH: _READ_ONLY,
    sqlite3.SQLITE_CORRUPT: _CORRUPT,
    sqlite3.SQLITE_NOTADB: _CORRUPT,
    sqlite3.SQLITE_CANTOPEN: _NO_FILE,
    sqlite3.SQLITE_IOERR: "could not be read or written ({said}); look at its disk",
}
# https://www.postgresql.org/docs/current/errcodes-appendix.html: the whole code, or its class.
_POSTGRESQL = {
    "55P03": _LOCKED,
    "40P01": _LOCKED,
    "40001": _LOCKED,
    "53100": _FULL,
    "25006": "cannot be written to; it is read-only for this user, or a standby: name the primary server with --store",
    "42501": _NO_ACCESS,
    "28": _NO_ACCESS,
    "3D000": "is not there; create the database first",
    "XX001": _CORRUPT,
    "XX002": _CORRUPT,
    "08": _NO_ANSWER,
    "53": _NO_ANSWER,
    "57": _NO_ANSWER,
}


@contextmanager
def told(place: str, file: Path | None, wait: float) -> Iterator[None]:
    """
    Run a step on the store at `place`.

    Args:
        place: the store as people know it, without a password.
        file: its file, where it is one; to say who holds it.
        wait: the seconds for which a locked store is waited for.

    Raises:
        StoreError: the database could not; `StoreDamaged` where what is in it is not what was written.
    """
    try:
        yield
    except Damaged as error:
        raise StoreDamaged(f"the store {place} {_CORRUPT.format(said=error)}") from error
    except OSError as error:
        # Only temporary files: what databases say of their own files arrives as their errors.
        raise StoreError(f"the store {place} needs room for temporary files: {error.strerror or error}; free some, or set TMPDIR") from error
    except DBAPIError as error:
        template, said = _answer(error), _line(error.orig)
        kind = StoreDamaged if template == _CORRUPT else StoreError
        words = template.format(said=said, holder=f" by {_holder(file)} for more than {wait:g} s") if template else f"could not be used: {said}"
        raise kind(f"the store {place} {words}") from error
    except SQLAlchemyError as error:
        raise StoreError(f"the store {place} could not be used: {_line(error)}") from error


def _answer(error: DBAPIError) -> str | None:
    """What is said of an error, with places for details; None where it is one that nobody foresaw."""
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        # The low byte is the kind; the rest says more of it: https://www.sqlite.org/rescode.html
        return _SQLITE.get(getattr(cause, "sqlite_errorcode", 0) & 0xFF)
    state = getattr(cause, "sqlstate", None) or ("08" if error.connection_invalidated or type(cause).__name__ == "OperationalError" else "")
    return _POSTGRESQL.get(state) or _POSTGRESQL.get(state[:2])


def _line(error: BaseException | None) -> str:
    """The first line of what the database said."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return printable(lines[0])


def _holder(file: Path | None) -> str:
    """Who has locked a file, where this machine tells; else another process."""
    if file is None:
        return "another process"
    try:
        # In WAL mode the locks lie on the file beside it. Fields: https://man7.org/linux/man-pages/man5/proc_locks.5.html
        inodes = {Path(f"{file}{end}").stat().st_ino for end in ("", "-shm") if Path(f"{file}{end}").exists()}
        for line in Path("/proc/locks").read_text().splitlines():
            fields = line.split()
            if "WRITE" in fields and int(fields[fields.index("WRITE") + 2].rsplit(":", 1)[1]) in inodes:
                pid = int(fields[fields.index("WRITE") + 1])
                if pid not in (0, os.getpid()):
                    return f"the process {pid} ({printable(Path(f'/proc/{pid}/comm').read_text().strip())})"
    except (OSError, ValueError, IndexError):
        pass
    return "another process"
