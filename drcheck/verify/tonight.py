"""What tonight did with the objects of one copy: on disk, beside what is listed and promised."""

from __future__ import annotations

from collections.abc import Iterator

from drcheck.verify.spool import Spool, as_bytes
from drcheck.verify.wanted import Wanted

_BATCH = 1_000
_ALL = 2**40
"""A moment that no object has waited until, in seconds since 1970."""


class Tonight:
    """Which objects were read again or out of a line, and which cannot be read. Used by one thread."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._done: list[tuple[bytes, bool]] = []
        spool.run("CREATE TABLE IF NOT EXISTS done (key BLOB PRIMARY KEY, bad INTEGER) WITHOUT ROWID")
        spool.run("CREATE TABLE IF NOT EXISTS unread (key BLOB PRIMARY KEY) WITHOUT ROWID")
        spool.run("CREATE TABLE IF NOT EXISTS told (key BLOB PRIMARY KEY) WITHOUT ROWID")

    def open(self, spool: Spool) -> None:
        """Go on in the spool that was closed meanwhile."""
        self._spool = spool

    def note_done(self, key: str, *, bad: bool) -> None:
        """Note that an object was read, and whether it is not what was promised."""
        self._done.append((as_bytes(key), bad))
        if len(self._done) >= _BATCH:
            self.settle()

    def settle(self) -> None:
        """Write what was noted, so that queries see it."""
        self._spool.run_many("INSERT OR REPLACE INTO done VALUES (?, ?)", self._done)
        self._done.clear()

    def note_told(self, key: str) -> None:
        """Note that an object which was not read has a result of tonight all the same."""
        self._spool.run("INSERT OR IGNORE INTO told VALUES (?)", (as_bytes(key),))

    def told(self, key: str) -> bool:
        """Whether an object was read, or has another result of tonight."""
        self.settle()
        name = as_bytes(key)
        return self._spool.run("SELECT 1 FROM done WHERE key = ? UNION SELECT 1 FROM told WHERE key = ?", (name, name)).fetchone() is not None

    def note_unread(self, key: str) -> None:
        """Note that an object cannot be read."""
        self._spool.run("INSERT OR IGNORE INTO unread VALUES (?)", (as_bytes(key),))

    def unread(self) -> Iterator[Wanted]:
        """The objects that cannot be read, in key order."""
        return self._spool.wanted_in("unread a", "a.key")

    def found_bad(self) -> Iterator[Wanted]:
        """The listed objects that were not what was promised when an earlier night last looked, or could not be read, in key order."""
        return self._spool.wanted_in("(SELECT key FROM objects WHERE result IN ('mismatch', 'unreadable')) a", "a.key")

    def due(self, due: int) -> int:
        """How many objects with a promise were read and wait since `due` or longer."""
        (count,) = self._spool.run(
            "SELECT count(*) FROM objects o WHERE read > 0 AND queue <= ? AND EXISTS (SELECT 1 FROM promises q WHERE q.key = o.key)", (due,)
        ).fetchone()
        return int(count)

    def expected(self, due: int, lately: int, turns: tuple[int, float]) -> tuple[int, int]:
        """
        About how many objects are read, and their bytes: those that never were, those that wait since `due` or longer, and those in turn that do
        since `lately`.
        """
        threshold, fraction = turns
        whole = f"read = 0 OR queue <= {due:d} OR (queue < {threshold:d} AND queue <= {lately:d})"
        share = f"CASE WHEN {whole} THEN 1.0 WHEN queue = {threshold:d} AND queue <= {lately:d} THEN {fraction!r} ELSE 0.0 END"
        promised = "EXISTS (SELECT 1 FROM promises q WHERE q.key = o.key)"
        rows = f"SELECT size, {share} AS share FROM objects o WHERE {promised}"  # noqa: S608 - numbers
        count, size = self._spool.run(f"SELECT total(share), total(size * share) FROM ({rows})").fetchone()  # noqa: S608
        return round(count), round(size)

    def turns(self, number: int) -> tuple[int, float]:
        """The queue time before which that many objects were read and wait, and the share of those of that very time which makes up the number."""
        known = "FROM objects WHERE read > 0"
        row = self._spool.run(f"SELECT queue {known} ORDER BY queue LIMIT 1 OFFSET ?", (max(0, number - 1),)).fetchone()
        if row is None:
            return _ALL, 0.0
        both = f"SELECT count(*) FILTER (WHERE queue < ?), count(*) FILTER (WHERE queue = ?) {known}"
        less, equal = self._spool.run(both, (row[0], row[0])).fetchone()
        return row[0], max(0.0, (number - less) / equal)
